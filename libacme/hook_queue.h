/* SPDX-License-Identifier: ISC */
/*
 * hook_queue: hooks that prove names, one after the other, while the loop goes on turning.
 *
 * One at a time, whatever orders they belong to: such scripts edit zone files, and were written for certbot and
 * dehydrated, which never run two.
 */
#ifndef LIBACME_HOOK_QUEUE_H
#define LIBACME_HOOK_QUEUE_H

#include "libacme/acme_http.h"

struct hook_queue;

/* http is borrowed. */
struct hook_queue *hook_queue_new(struct acme_http *http);
/* Nothing may be waiting any more. Takes NULL. */
void hook_queue_free(struct hook_queue *queue);

struct hook_call {
	const char *kind;             /* "auth hook": static */
	const char *command;          /* a path to execute, or a line for the shell */
	const char *const *arguments; /* NULL-terminated, with a path only; or NULL */
	const char *const *env;       /* NULL-terminated "NAME=value" */
	bool always; /* runs also when the loop has been told to stop: cleaning up */
	/* output: stdout, trimmed. May be NULL: nobody wants to know. */
	void (*done)(void *arg, struct err *e, struct span output);
	void *arg;
};
/* Everything but arg is copied. done is never called from here. */
void hook_queue_add(struct hook_queue *queue, const struct hook_call *call);

#endif

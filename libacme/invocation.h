/* SPDX-License-Identifier: ISC */
/*
 * invocation: one run of an acme-* program: the options that all of them take, the store and the
 * network that they work with, and what --verbose tells.
 *
 * A program's context begins with one, and its table of options ends with
 * { .then = invocation_options }.
 */
#ifndef LIBACME_INVOCATION_H
#define LIBACME_INVOCATION_H

#include "base/cli.h"
#include "libacme/acme_http.h"
#include "libcert/certstore.h"

struct invocation {
	const char *config_dir;
	bool quiet, verbose, json, ask_nothing;
	struct certstore *store; /* from invocation_open on */
	struct acme_http *http;  /* stops at SIGINT, SIGTERM, SIGHUP */
};

#define INVOCATION_INIT                           \
	{                                         \
		.config_dir = CERTSTORE_DIRECTORY \
	}

extern const struct cli_option invocation_options[];
/* For cli_program.candidates: lineages of the store for --cert-name, CAs for --server. */
void invocation_offer(void *ctx, const char *option, struct buf *out);

/* Opens store and network; with --verbose every request is told on stderr. */
int invocation_open(struct invocation *call, struct err *e) __attribute__((warn_unused_result));
/* Tells what it took, if --verbose. Also after invocation_open failed, and instead of it. */
void invocation_close(struct invocation *call);

/* With --verbose: a line on stderr. */
void invocation_tell(const struct invocation *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Asked on the terminal; no where there is none, or nothing is to be asked. */
bool invocation_confirm(const struct invocation *call, const char *question);
/* The same for a CA's terms of service, at that address. */
bool invocation_agree(const struct invocation *call, const char *terms);

#endif

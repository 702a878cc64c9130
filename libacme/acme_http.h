/* SPDX-License-Identifier: ISC */
/*
 * acme_http: the only place that speaks HTTP (libcurl): many transfers at once on one multi
 * handle, and the timers of everything that waits between them.
 *
 * Work is started with acme_http_start and acme_http_after; acme_http_run turns the loop
 * until nothing is left. Callbacks run inside acme_http_run only, never inside the call that started them, and may start
 * more. Connections are kept and shared (HTTP/2 where the peer has it), TLS 1.2 is the least, replies are bounded.
 */
#ifndef LIBACME_ACME_HTTP_H
#define LIBACME_ACME_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "libacme/acme_reply.h"
#include "libacme/offload.h"
#include "libacme/watch.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct acme_http;

/* stop: set non-zero by a signal handler; may be NULL. */
struct acme_http *acme_http_new(const volatile sig_atomic_t *stop);
/* Transfers and timers that are still under way are dropped without a callback. Takes NULL. */
void acme_http_free(struct acme_http *http);

enum acme_method { ACME_GET, ACME_HEAD, ACME_POST };

struct acme_fetch {
	enum acme_method method;
	const char *url;
	struct span body;         /* POST; copied */
	const char *content_type; /* POST */
	const char *ca_file;      /* PEM roots; NULL: $SSL_CERT_FILE, else the system's */
	size_t max;               /* bytes of a reply; more is an error; 0 = 1 MiB */
	int64_t timeout_ms;       /* whole transfer; 0 = 60 s */
	bool signed_reply;        /* it vouches for itself: plain HTTP will do as well */
	/* As a CA validates: plain HTTP too, redirects followed, any certificate, no proxy. */
	bool probe;
	const char *
	    connect_to; /* probe: "ADDRESS:PORT" instead of what the URL's name and port 80 lead to; or NULL */
	/*
	 * Called once. e is NULL when a reply of any status came, else it says why none did and reply is NULL; e->kind is
	 * ERR_TEMPFAIL for what may go better in a moment.
	 */
	void (*done)(void *arg, const struct acme_reply *reply, struct err *e);
	void *arg;
};

void acme_http_start(struct acme_http *http, const struct acme_fetch *fetch);
/* Call fire(arg) once, after delay_ms. */
void acme_http_after(struct acme_http *http, int64_t delay_ms, void (*fire)(void *arg), void *arg);

/* Descriptors that the loop waits for, too. */
struct watch_set *acme_http_watches(struct acme_http *http);
/* For what would hold the loop up. */
struct offload *acme_http_offload(struct acme_http *http);

/*
 * Until no transfer, no timer and no watch (but those in the background) is left. Once told to stop, what is under way and what is
 * started from then on fails with "interrupted" and all timers fire at once, so that everybody unwinds the usual way.
 */
void acme_http_run(struct acme_http *http);
bool acme_http_stopped(const struct acme_http *http);

/* One request that is over, for those who want to see what is asked; lives until the callback returns. */
struct acme_exchange {
	const char *method, *url;
	int status; /* 0: no reply came */
	int64_t took_ms;
};
void acme_http_observe(struct acme_http *http,
    void (*seen)(void *arg, const struct acme_exchange *exchange), void *arg);

/* For tests and --verbose: transfers begun and connections opened so far. */
struct acme_http_counts {
	unsigned long requests, connections;
};
struct acme_http_counts acme_http_counts(const struct acme_http *http);

#endif

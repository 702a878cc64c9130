/* SPDX-License-Identifier: ISC */
/*
 * listener: a port of our own for as long as challenges are on show, on the acme_http loop.
 */
#ifndef LIBACME_LISTENER_H
#define LIBACME_LISTENER_H

#include "libacme/acme_http.h"

struct listener;

/* One connection of a listener; embedded first in what its owner keeps per connection. */
struct listener_conn {
	struct listener_conn *next;
	struct listener *listener;
	struct watch watch; /* in the background; its deadline closes the connection */
};

struct listener_options {
	const char *address; /* NULL = all, IPv6 and IPv4 */
	unsigned port;
	size_t conn_size; /* of the struct around listener_conn; it comes zeroed */
	/* Bytes have come, or may go: read, write, listener_drop. */
	void (*ready)(struct listener_conn *conn, void *arg, short revents);
	/* Release what conn holds besides its descriptor; may be NULL. */
	void (*release)(struct listener_conn *conn);
	void *arg;
};

/* ERR_TEMPFAIL when the port is taken by somebody else, ERR_PERM when it is not ours to take. */
struct listener *listener_open(struct acme_http *http, const struct listener_options *options,
    struct err *e) __attribute__((warn_unused_result));
/* With all connections. Takes NULL. Not from within ready. */
void listener_close(struct listener *l);
/* Close and free a connection, also from within ready. */
void listener_drop(struct listener_conn *conn);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * client_hello: the first message of a TLS client, read without answering it (RFC 8446 4.1.2, 5.1;
 * RFC 6066 3; RFC 7301 3.1): whom it wants to reach.
 *
 * It may lie in any number of records, and arrive in any number of pieces.
 */
#ifndef PROXY_NET_CLIENT_HELLO_H
#define PROXY_NET_CLIENT_HELLO_H

#include "base/arena.h"
#include "base/span.h"
#include "proxy/net/parse.h"

/* A hello that is longer, its records' heads included, is not read to its end. */
#define CLIENT_HELLO_MAX ((size_t)64 * 1024)

struct client_hello {
	/* Into the bytes that were parsed; empty when the client did not say. */
	struct span server_name; /* as sent: a host name of 1 to 255 printable ASCII characters */
	struct span alpn;        /* the list as on the wire: each name behind its length; sound */
	unsigned version;        /* the highest it offers: 0x0304 = TLS 1.3 */
};

/*
 * bytes: all that has arrived so far. Where the message lies in several records it is put together
 * in place, so on OK (only then) the bytes are the hello's and no longer the connection's. BAD: no
 * ClientHello.
 */
enum parse_result client_hello_parse(char *bytes, size_t n, struct client_hello *hello);

/* "TLSv1.3"; empty for a version that has no name. */
struct span client_hello_version(const struct client_hello *hello);
/* "h2,http/1.1" */
struct span client_hello_alpn(const struct client_hello *hello, struct arena *arena);

#endif

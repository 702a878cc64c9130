/* SPDX-License-Identifier: ISC */
/*
 * alpn_probe: a handshake as a CA makes it for tls-alpn-01 (RFC 8737 3), on the acme_http loop.
 */
#ifndef LIBACME_ALPN_PROBE_H
#define LIBACME_ALPN_PROBE_H

#include "libacme/acme_http.h"

enum alpn_result {
	ALPN_RIGHT,
	ALPN_WRONG,       /* somebody answers, but not so: why tells what was wrong */
	ALPN_UNREACHABLE, /* nobody answers */
};

struct alpn_probe {
	const char *address; /* a numeric address and a port: "192.0.2.1:443", "[::1]:443" */
	const char *server;  /* SNI */
	const char *key_auth;
	/* Once, from the loop. why lives until it returns. */
	void (*done)(void *arg, enum alpn_result result, const char *why);
	void *arg;
};

/* Strings are copied. */
void alpn_probe(struct acme_http *http, const struct alpn_probe *probe);

#endif

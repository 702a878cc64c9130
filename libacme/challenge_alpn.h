/* SPDX-License-Identifier: ISC */
/*
 * challenge_alpn: tls-alpn-01 (RFC 8737): by a port of our own, or shown by a running tinyproxyd that takes the validation
 * certificate from a directory of the store (libcert/validation_cert.h).
 */
#ifndef LIBACME_CHALLENGE_ALPN_H
#define LIBACME_CHALLENGE_ALPN_H

#include "libacme/challenge.h"
#include "libacme/responder.h"

/* All borrowed until free. */
struct alpn_options {
	/* Either a directory to hand certificates over by, or a port to listen on. */
	const char *dir;
	struct responder_set *responders;
	const char *address;
	unsigned port;
	struct acme_http *http;
	const char *preflight, *dns_server; /* as struct webroot_options, with port 443 */
};

struct solver *challenge_alpn_new(const struct alpn_options *options);

#endif

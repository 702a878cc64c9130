/* SPDX-License-Identifier: ISC */
/*
 * challenge_http: http-01 (RFC 8555 8.3) by files below a web root that some server shows already.
 */
#ifndef LIBACME_CHALLENGE_HTTP_H
#define LIBACME_CHALLENGE_HTTP_H

#include "libacme/challenge.h"

#include <stddef.h>

struct webroot {
	const char *name; /* identifier */
	const char *dir;
};

struct webroot_options {
	const struct webroot *roots; /* one per name; borrowed until free */
	size_t count;
	/*
	 * Where to look before the CA does: NULL = where the name's DNS leads, port 80, and this machine's own port 80 if that
	 * cannot be reached; "ADDRESS:PORT"; or "none".
	 */
	const char *preflight;
	const char *dns_server; /* whom the check asks for addresses (dns_ask.h), or NULL */
};

/* Free with s->free(s). */
struct solver *challenge_webroot_new(const struct webroot_options *options);

/*
 * Is dir a directory that a challenge file could be put below? Says why not.
 */
int challenge_webroot_check(const char *dir, struct err *e) __attribute__((warn_unused_result));

#endif

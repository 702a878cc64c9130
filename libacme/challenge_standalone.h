/* SPDX-License-Identifier: ISC */
/*
 * challenge_standalone: http-01 by a little web server of our own, for machines that have none.
 */
#ifndef LIBACME_CHALLENGE_STANDALONE_H
#define LIBACME_CHALLENGE_STANDALONE_H

#include "libacme/challenge.h"
#include "libacme/responder.h"

/* All borrowed until free. */
struct standalone_options {
	struct responder_set *responders;
	const char *address; /* where to listen; NULL = everywhere */
	unsigned port;       /* a CA asks port 80; another one is for a router that leads here */
	const char *preflight, *dns_server; /* as struct webroot_options */
};

struct solver *challenge_standalone_new(const struct standalone_options *options);

#endif

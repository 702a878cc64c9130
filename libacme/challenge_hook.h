/* SPDX-License-Identifier: ISC */
/*
 * challenge_hook: dns-01 (RFC 8555 8.4) and http-01 by programs of the administrator, called as certbot and
 * dehydrated call theirs:
 *
 *	certbot     HOOK, with CERTBOT_DOMAIN, CERTBOT_VALIDATION, CERTBOT_TOKEN (http-01), CERTBOT_ALL_DOMAINS,
 *	            CERTBOT_REMAINING_CHALLENGES; the cleanup hook also gets CERTBOT_AUTH_OUTPUT
 *	dehydrated  HOOK deploy_challenge DOMAIN TOKEN VALUE; HOOK clean_challenge DOMAIN TOKEN VALUE
 */
#ifndef LIBACME_CHALLENGE_HOOK_H
#define LIBACME_CHALLENGE_HOOK_H

#include "libacme/challenge.h"
#include "libacme/hook_queue.h"

/* All borrowed until free. */
struct challenge_hook_options {
	struct hook_queue *queue;
	bool dns;               /* dns-01; else http-01 */
	const char *auth;       /* certbot's */
	const char *cleanup;    /* NULL = none */
	const char *dehydrated; /* instead of the two */
	const struct span *names;
	size_t name_count;
	const char *preflight;  /* "none": no check; http-01: as struct webroot_options */
	const char *dns_server; /* whom the check asks who is authoritative, or NULL */
	unsigned propagation_s; /* how long the check waits for all authoritative servers */
};

struct solver *challenge_hook_new(const struct challenge_hook_options *options);

#endif

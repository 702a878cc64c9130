/* SPDX-License-Identifier: ISC */
/*
 * dns_propagation: wait until every authoritative server shows a TXT record, before the CA asks whichever it likes.
 *
 * The name's aliases are followed, the zone's name servers found (by the machine's resolver, or server), and each of their
 * addresses asked itself: no cache is in between. Where they cannot be asked (a firewall, split DNS) the resolver's
 * word counts, and where nobody can be asked at all, nothing is held up.
 */
#ifndef LIBACME_DNS_PROPAGATION_H
#define LIBACME_DNS_PROPAGATION_H

#include "libacme/acme_http.h"

struct dns_propagation {
	const char *name, *value;
	/* dns_ask.h; its port is also the one the authoritative servers are asked at; NULL = the machine's, 53. */
	const char *server;
	int64_t patience_ms;
	/* Once; e names the server that does not show it. */
	void (*done)(void *arg, struct err *e);
	void *arg;
};

/* Strings are copied. */
void dns_propagation(struct acme_http *http, const struct dns_propagation *wait);

#endif

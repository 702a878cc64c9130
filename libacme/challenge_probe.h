/* SPDX-License-Identifier: ISC */
/*
 * challenge_probe: see with our own eyes what a CA will see of an http-01 challenge (RFC 8555 8.3), before it is asked.
 *
 * The name's addresses are looked up, and each is asked: an AAAA record that leads elsewhere is as wrong as a missing one. Only
 * an answer that is wrong counts as wrong; an address that cannot be reached from here (a router without hairpin NAT)
 * says nothing about what the CA sees.
 */
#ifndef LIBACME_CHALLENGE_PROBE_H
#define LIBACME_CHALLENGE_PROBE_H

#include "libacme/challenge.h"

struct challenge_probe {
	/* "ADDRESS:PORT": there and nowhere else, and it has to answer; NULL: where the name leads. */
	const char *address;
	const char *dns_server; /* dns_ask.h; or NULL */
	const char *local; /* "ADDRESS:PORT": of this machine, when none can be reached; or NULL */
	/* "the web root DIR is not what the server of %s shows": opens the error. */
	const char *wrong;
	const char *advice; /* what to do about it */
	/* As a solver's check. */
	void (*done)(void *arg, struct err *e);
	void *arg;
};

/* Strings of probe are copied; c lives until done was called. */
void challenge_probe(const struct challenge_probe *probe, const struct challenge *c,
    struct acme_http *http);

/* The name's addresses: done as a dns_question's, of both families together. IP literals are their own address. */
struct dns_answer;
void challenge_addresses(struct acme_http *http, const char *dns_server, struct span name,
    void (*done)(void *arg, const struct dns_answer *answer), void *arg);

/* A name that has no address: an error that says so. Returns -1. */
int challenge_no_address(struct span name, const struct dns_answer *answer, struct err *e);

#endif

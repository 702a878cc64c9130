/* SPDX-License-Identifier: ISC */
/*
 * dns_ask: one question to a name server, on the acme_http loop (c-ares).
 */
#ifndef LIBACME_DNS_ASK_H
#define LIBACME_DNS_ASK_H

#include "libacme/acme_http.h"

enum dns_type { DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_TXT = 16, DNS_AAAA = 28 };

enum dns_result {
	DNS_FOUND,
	DNS_NO_DATA, /* the name has nothing of this type */
	DNS_NO_NAME, /* the name does not exist */
	DNS_UNKNOWN, /* no answer that says so: why tells the reason */
};

struct dns_answer {
	enum dns_result result;
	char *const *values; /* addresses, names, texts */
	size_t count;
	const char *why;
};

struct dns_question {
	/* "ADDRESS" or "ADDRESS:PORT" ("[V6]:PORT"); NULL: those of this machine. */
	const char *server;
	const char *name;
	enum dns_type type;
	void (*done)(void *arg, const struct dns_answer *answer);
	void *arg;
};

/* done is called once, from the loop; the answer lives until it returns. The question is copied. */
void dns_ask(struct acme_http *http, const struct dns_question *question);

/* Can it be a server? */
int dns_server_check(const char *server, struct err *e) __attribute__((warn_unused_result));
/* "PORT" of such a server, or 53. */
unsigned dns_server_port(const char *server);

#endif

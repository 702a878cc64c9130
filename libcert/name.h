/* SPDX-License-Identifier: ISC */
/*
 * name: what a person types for whom a certificate is, its kind inferred, in canonical form.
 *
 *	example.com  *.example.com  münchen.example  192.0.2.1  2001:db8::1  [::1]
 *	me@example.com  spiffe://cluster/service  urn:uuid:...
 *
 * openssl's prefixes ("DNS:", "IP:", "email:", "URI:", any case) say the kind where it could be mistaken.
 */
#ifndef LIBCERT_NAME_H
#define LIBCERT_NAME_H

#include "base/err.h"

#include <stdbool.h>

enum name_kind { NAME_DNS, NAME_IP, NAME_EMAIL, NAME_URI };

struct name {
	enum name_kind kind;
	char *text;    /* canonical: lower case, A-labels, no trailing dot; IPv6 as in RFC 5952 */
	bool wildcard; /* a DNS name that starts with "*." */
	unsigned char ip[16]; /* network order */
	size_t ip_len;        /* 4 or 16 */
};

/* Refuses, with the reason, what no certificate could usefully hold (ERR_USAGE). */
int name_parse(struct span text, struct name *name, struct err *e)
    __attribute__((warn_unused_result));
void name_release(struct name *name);

/* "DNS", "IP", "email", "URI" */
const char *name_kind_word(enum name_kind kind);

/* The bytes of an IP literal (IPv6 also in brackets), network order: 4 or 16 of them; 0 when text is none. */
size_t name_ip_literal(struct span text, unsigned char ip[16]);

#endif

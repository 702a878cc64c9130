/* SPDX-License-Identifier: ISC */
/*
 * cidr: a set of addresses as set_real_ip_from, allow and deny name it: one address, a network, or
 * every unix socket.
 */
#ifndef PROXY_CONFIG_CIDR_H
#define PROXY_CONFIG_CIDR_H

#include "base/span.h"

#include <netinet/in.h>

struct address; /* snapshot.h */
struct real_ip; /* snapshot.h */

enum cidr_kind {
	CIDR_NETWORK,
	CIDR_UNIX, /* "unix:" */
};

struct cidr {
	enum cidr_kind kind;
	int family; /* of a network: AF_INET, AF_INET6 */
	unsigned bits;
	unsigned char bytes[16]; /* network order; zero beyond the bits */
};

enum cidr_result {
	CIDR_OK,
	CIDR_MASKED, /* sound, but bits beyond the mask were set: a warning */
	CIDR_BAD,
};

/* "192.0.2.1", "192.0.2.0/24", "192.0.2.0/255.255.255.0", "2001:db8::/32", "unix:". Pure. */
enum cidr_result cidr_parse(struct span text, struct cidr *out);
/* The address alone; false for families other than IPv4 and IPv6. */
bool cidr_of_address(const struct address *a, struct cidr *out);
/* An IPv4 address mapped into IPv6 counts as IPv4. */
bool cidr_contains(const struct cidr *c, const struct sockaddr *sa);
/* Is what a peer of this address says of the client's believed? */
bool real_ip_trusts(const struct real_ip *settings, const struct sockaddr *peer);

#endif

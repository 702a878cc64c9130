/* SPDX-License-Identifier: ISC */
/* access_rule: see access_rule.h. */
#include "proxy/config/access_rule.h"

#include <arpa/inet.h>

#define TEXT_MAX 64

static size_t
width(enum access_kind kind)
{
	return kind == ACCESS_IPV4 ? 4 : 16;
}

static int
parse_address(struct span text, struct access_rule *rule)
{
	char copy[TEXT_MAX];

	if (text.n == 0 || text.n >= sizeof(copy) || span_find(text, '\0') >= 0)
		return -1;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	rule->kind = ACCESS_IPV4;
	if (inet_pton(AF_INET, copy, rule->address) == 1)
		return 0;
	rule->kind = ACCESS_IPV6;
	return inet_pton(AF_INET6, copy, rule->address) == 1 ? 0 : -1;
}

/* "24", or for IPv4 "255.255.255.0". */
static int
parse_mask(struct span text, struct access_rule *rule)
{
	struct access_rule dotted;
	uint64_t bits;

	if (span_to_u64(text, 8 * width(rule->kind), &bits) == 0) {
		for (size_t i = 0; i < width(rule->kind); i++, bits -= bits < 8 ? bits : 8)
			rule->mask[i] = bits >= 8 ? 0xff : (unsigned char)(0xff00 >> bits);
		return 0;
	}
	if (rule->kind != ACCESS_IPV4 || parse_address(text, &dotted) < 0 ||
	    dotted.kind != ACCESS_IPV4)
		return -1;
	memcpy(rule->mask, dotted.address, 4);
	return 0;
}

int
access_rule_parse(struct span text, struct access_rule *rule, bool *trimmed)
{
	ptrdiff_t slash = span_find(text, '/');

	*trimmed = false;
	if (span_eq(text, SPAN("all")) || span_eq(text, SPAN("unix:"))) {
		rule->kind = text.n == 3 ? ACCESS_ALL : ACCESS_UNIX;
		return 0;
	}
	memset(rule->mask, 0xff, sizeof(rule->mask));
	if (slash < 0)
		return parse_address(text, rule);
	if (parse_address(span_of(text.p, (size_t)slash), rule) < 0 ||
	    parse_mask(span_after(text, (size_t)slash + 1), rule) < 0)
		return -1;
	for (size_t i = 0; i < width(rule->kind); i++) {
		*trimmed |= (rule->address[i] & ~rule->mask[i]) != 0;
		rule->address[i] &= rule->mask[i];
	}
	return 0;
}

static bool
fits(const struct access_rule *rule, enum access_kind kind, const unsigned char *address)
{
	if (rule->kind == ACCESS_ALL)
		return true;
	if (rule->kind != kind)
		return false;
	for (size_t i = 0; kind != ACCESS_UNIX && i < width(kind); i++) {
		if ((address[i] & rule->mask[i]) != rule->address[i])
			return false;
	}
	return true;
}

bool
access_rule_allows(const struct access_rule *rules, const struct sockaddr *remote)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)remote;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)remote;
	const unsigned char *address = NULL;
	enum access_kind kind = ACCESS_UNIX;

	if (remote->sa_family == AF_INET) {
		kind = ACCESS_IPV4;
		address = (const unsigned char *)&in->sin_addr;
	} else if (remote->sa_family == AF_INET6) {
		kind = ACCESS_IPV6;
		address = (const unsigned char *)&in6->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			kind = ACCESS_IPV4;
			address += 12;
		}
	}
	for (; rules; rules = rules->next) {
		if (fits(rules, kind, address))
			return rules->allow;
	}
	return true;
}

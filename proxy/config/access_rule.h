/* SPDX-License-Identifier: ISC */
/*
 * access_rule: the list that allow and deny make; the first rule an address fits decides.
 */
#ifndef PROXY_CONFIG_ACCESS_RULE_H
#define PROXY_CONFIG_ACCESS_RULE_H

#include "base/span.h"

#include <netinet/in.h>

enum access_kind { ACCESS_ALL, ACCESS_UNIX, ACCESS_IPV4, ACCESS_IPV6 };

struct access_rule {
	enum access_kind kind;
	bool allow;
	unsigned char address[16], mask[16]; /* 4 or 16 bytes of them */
	struct access_rule *next;
};

/*
 * "all", "unix:", "192.0.2.1", "192.0.2.0/24", "2001:db8::/32". 0, or -1 when it is none.
 * *trimmed: there were address bits beyond the mask, which are cleared.
 */
int access_rule_parse(struct span text, struct access_rule *rule, bool *trimmed)
    __attribute__((warn_unused_result));
/* false: denied. Without a rule that fits the address is allowed. IPv4 in IPv6 counts as IPv4. */
bool access_rule_allows(const struct access_rule *rules, const struct sockaddr *remote);

#endif

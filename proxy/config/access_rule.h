/* SPDX-License-Identifier: ISC */
/*
 * access_rule: the list that allow and deny make; the first rule an address fits decides.
 */
#ifndef PROXY_CONFIG_ACCESS_RULE_H
#define PROXY_CONFIG_ACCESS_RULE_H

#include "proxy/config/cidr.h"

struct access_rule {
	bool allow, all; /* all: the network does not matter */
	struct cidr network;
	struct access_rule *next;
};

/*
 * "all", or what cidr_parse takes. 0, or -1 when it is none. *trimmed: there were address bits
 * beyond the mask, which are cleared.
 */
int access_rule_parse(struct span text, struct access_rule *rule, bool *trimmed)
    __attribute__((warn_unused_result));
/* false: denied. Without a rule that fits the address is allowed. */
bool access_rule_allows(const struct access_rule *rules, const struct sockaddr *remote);

#endif

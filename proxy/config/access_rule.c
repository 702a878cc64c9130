/* SPDX-License-Identifier: ISC */
/* access_rule: see access_rule.h. */
#include "proxy/config/access_rule.h"

int
access_rule_parse(struct span text, struct access_rule *rule, bool *trimmed)
{
	enum cidr_result result;

	*trimmed = false;
	rule->all = span_eq(text, SPAN("all"));
	if (rule->all)
		return 0;
	result = cidr_parse(text, &rule->network);
	*trimmed = result == CIDR_MASKED;
	return result == CIDR_BAD ? -1 : 0;
}

bool
access_rule_allows(const struct access_rule *rules, const struct sockaddr *remote)
{
	for (; rules; rules = rules->next) {
		if (rules->all || cidr_contains(&rules->network, remote))
			return rules->allow;
	}
	return true;
}

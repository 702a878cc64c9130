/* SPDX-License-Identifier: ISC */
/* directive_access: which clients may ask, by address. */
#include "proxy/config/loader.h"

/* allow|deny ADDRESS|CIDR|unix:|all; the list of a block replaces what it inherited. */
static int
set_rule(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct location_settings *ls = scope_location_settings(l, s);
	struct access_rule *rule = arena_zalloc(l->arena, sizeof(*rule));
	const struct access_rule **tail = &ls->access;
	bool trimmed;

	if (!s->owns_access) {
		s->owns_access = true;
		ls->access = NULL;
	}
	rule->allow = span_eq(d->name, SPAN("allow"));
	if (access_rule_parse(n->words[1].text, rule, &trimmed) < 0) {
		loader_error(l, n, "invalid parameter \"" SPAN_FMT "\"",
		    SPAN_ARG(n->words[1].text));
		diagnostic_hint(l->diags,
		    "it takes an address, a network like 192.0.2.0/24, \"unix:\" or \"all\"");
		return -1;
	}
	if (trimmed)
		loader_warn(l, n, "low address bits of " SPAN_FMT " are meaningless",
		    SPAN_ARG(n->words[1].text));
	while (*tail)
		tail = (const struct access_rule **)(uintptr_t) & (*tail)->next;
	*tail = rule;
	return 0;
}

#define CONTEXTS (CONTEXT_HTTP_ALL | CONTEXT_LIMIT_EXCEPT | CONTEXT_STREAM_ALL)

static const struct directive rows[] = {
	{ SPAN_INIT("allow"), CONTEXTS, 1, 1, DIRECTIVE_MANY, .set = set_rule },
	{ SPAN_INIT("deny"), CONTEXTS, 1, 1, DIRECTIVE_MANY, .set = set_rule },
};
const struct directive_table directive_access_table = { rows, sizeof(rows) / sizeof(rows[0]) };

/* SPDX-License-Identifier: ISC */
/* directive_expires: see expires.h. */
#include "proxy/config/expires.h"
#include "proxy/config/loader.h"
#include "proxy/config/value.h"

#define DAY_S (24 * 60 * 60)

static const struct {
	struct span word;
	enum expires_kind kind;
} words[] = {
	{ SPAN_INIT("epoch"), EXPIRES_EPOCH },
	{ SPAN_INIT("max"), EXPIRES_MAX },
	{ SPAN_INIT("off"), EXPIRES_OFF },
};

const char *
expires_parse(struct span value, bool modified, struct expires *out)
{
	struct expires e = { .kind = modified ? EXPIRES_MODIFIED : EXPIRES_ACCESS };
	bool daily = span_starts(value, SPAN("@")), minus = span_starts(value, SPAN("-"));
	int64_t ms;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !modified; i++) {
		if (span_eq(value, words[i].word)) {
			e.kind = words[i].kind;
			*out = e;
			return NULL;
		}
	}
	if (daily && modified)
		return "daily time cannot be used with \"modified\" parameter";
	if (daily || minus || span_starts(value, SPAN("+")))
		value = span_after(value, 1);
	if (daily)
		e.kind = EXPIRES_DAILY;
	if (value_parse_duration(value, DURATION_S, &ms) < 0)
		return "invalid value";
	if (daily && ms / 1000 > DAY_S)
		return "daily time value must be less than 24 hours";
	e.time_s = minus ? -(ms / 1000) : ms / 1000;
	*out = e;
	return NULL;
}

/* expires [modified] VALUE */
static int
set_expires(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct expires *e = arena_zalloc(l->arena, sizeof(*e));
	const struct word *w = &n->words[n->word_count - 1];
	const char *wrong = NULL;

	if (n->word_count == 3) {
		if (!span_eq(n->words[1].text, SPAN("modified")))
			return loader_bad_parameter(l, n, &n->words[1], NULL);
		e->modified = true;
	}
	if (span_find(w->text, '$') >= 0) {
		e->value = loader_template(l, n, w);
		if (!e->value)
			return -1;
	} else {
		wrong = expires_parse(w->text, e->modified, e);
	}
	if (wrong)
		return loader_fail(l, n, wrong);
	scope_location_settings(l, s)->expires = e->value || e->kind != EXPIRES_OFF ? e : NULL;
	return 0;
}

static const struct directive rows[] = {
	{ SPAN_INIT("expires"), CONTEXT_HTTP_ALL | CONTEXT_LOCATION_IF, 1, 2, 0,
	    .set = set_expires },
};
const struct directive_table directive_expires_table = { rows, sizeof(rows) / sizeof(rows[0]) };

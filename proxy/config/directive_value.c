/* SPDX-License-Identifier: ISC */
/*
 * directive_value: the setters that many directives share: flags, numbers, sizes, times, words,
 * paths, choices.
 *
 * Where a value goes is in the directive's row; the messages are nginx's.
 */
#include "proxy/config/loader.h"
#include "proxy/config/suggest.h"
#include "proxy/config/value.h"

const struct directive_range directive_positive = { 1, UINT64_MAX };
const char directive_seconds[] = "s";

static void *
field(struct loader *l, struct scope *s, const struct directive *d)
{
	return (char *)scope_settings(l, s, d->group) + d->offset;
}

static bool
in_range(const struct directive *d, uint64_t value)
{
	const struct directive_range *r = d->detail;

	return !r || (value >= r->min && value <= r->max);
}

static int
fail_range(struct loader *l, const struct directive *d, const struct node *n, const char *what)
{
	const struct directive_range *r = d->detail;

	loader_fail(l, n, what);
	if (r && r->max >= UINT32_MAX)
		diagnostic_hint(l->diags, "it must be at least %ju", (uintmax_t)r->min);
	else if (r)
		diagnostic_hint(l->diags, "it must be from %ju to %ju", (uintmax_t)r->min,
		    (uintmax_t)r->max);
	return -1;
}

int
directive_choose(struct loader *l, const struct node *n, const struct word *w,
    const struct directive_choice *choices, unsigned *value)
{
	struct suggestion s;

	suggestion_init(&s, w->text);
	for (; choices->name.n > 0; choices++) {
		if (span_eq_nocase(choices->name, w->text)) {
			*value = choices->value;
			return 0;
		}
		suggestion_offer(&s, choices->name);
	}
	loader_word_error(l, n, w, "invalid value \"" SPAN_FMT "\" in \"" SPAN_FMT "\" directive",
	    SPAN_ARG(w->text), SPAN_ARG(n->words[0].text));
	if (s.best.n > 0)
		diagnostic_hint(l->diags, "did you mean \"" SPAN_FMT "\"?", SPAN_ARG(s.best));
	return -1;
}

int
directive_parse_flag(struct loader *l, const struct node *n, bool *on)
{
	struct span v = n->words[1].text;

	*on = span_eq_nocase(v, SPAN("on"));
	if (*on || span_eq_nocase(v, SPAN("off")))
		return 0;
	return loader_error(l, n,
	    "invalid value \"" SPAN_FMT "\" in \"" SPAN_FMT
	    "\" directive, it must be \"on\" or \"off\"",
	    SPAN_ARG(v), SPAN_ARG(n->words[0].text));
}

int
directive_set_flag(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	bool on;

	if (directive_parse_flag(l, n, &on) < 0)
		return -1;
	*(bool *)field(l, s, d) = on;
	return 0;
}

int
directive_set_number(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	uint64_t v;

	if (span_to_u64(n->words[1].text, INT32_MAX, &v) < 0 || !in_range(d, v))
		return fail_range(l, d, n, "invalid number");
	*(unsigned *)field(l, s, d) = (unsigned)v;
	return 0;
}

int
directive_set_count(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	uint64_t v;

	if (span_to_u64(n->words[1].text, INT64_MAX, &v) < 0 || !in_range(d, v))
		return fail_range(l, d, n, "invalid number");
	*(uint64_t *)field(l, s, d) = v;
	return 0;
}

int
directive_set_size(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	uint64_t v;

	if (value_parse_size(n->words[1].text, UINT32_MAX, &v) < 0 || !in_range(d, v))
		return fail_range(l, d, n, "invalid value");
	*(size_t *)field(l, s, d) = (size_t)v;
	return 0;
}

int
directive_set_offset(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	uint64_t v;

	if (value_parse_size(n->words[1].text, INT64_MAX, &v) < 0)
		return loader_fail(l, n, "invalid value");
	*(uint64_t *)field(l, s, d) = v;
	return 0;
}

int
directive_set_duration(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	enum duration_unit unit = d->detail == directive_seconds ? DURATION_S : DURATION_MS;
	int64_t v;

	if (value_parse_duration(n->words[1].text, unit, &v) < 0) {
		loader_fail(l, n, "invalid value");
		diagnostic_hint(l->diags, "times are written like \"30s\", \"1m30s\" or \"2h\"");
		return -1;
	}
	*(int64_t *)field(l, s, d) = v;
	return 0;
}

int
directive_set_word(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	*(struct span *)field(l, s, d) = n->words[1].text;
	return 0;
}

int
directive_set_path(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (n->words[1].text.n == 0)
		return loader_fail(l, n, "invalid value");
	*(struct span *)field(l, s, d) = loader_path(l, n->words[1].text);
	return 0;
}

int
directive_set_choice(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	unsigned v;

	if (directive_choose(l, n, &n->words[1], d->detail, &v) < 0)
		return -1;
	*(unsigned *)field(l, s, d) = v;
	return 0;
}

int
directive_set_choices(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	unsigned set = s->first ? 0 : *(const unsigned *)field(l, s, d), one;

	for (unsigned i = 1; i < n->word_count; i++) {
		if (directive_choose(l, n, &n->words[i], d->detail, &one) < 0)
			return -1;
		if (set & one)
			loader_warn(l, n, "duplicate value \"" SPAN_FMT "\"",
			    SPAN_ARG(n->words[i].text));
		set |= one;
	}
	*(unsigned *)field(l, s, d) = set;
	return 0;
}

int
directive_set_template(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	const struct template *t = loader_template(l, n, &n->words[1]);

	if (!t)
		return -1;
	*(const struct template **)field(l, s, d) = t;
	return 0;
}

int
directive_set_rate(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	const struct word *w = &n->words[1];
	uint64_t size;

	if (span_find(w->text, '$') < 0 && value_parse_size(w->text, INT64_MAX, &size) < 0)
		return loader_fail(l, n, "invalid value");
	return directive_set_template(l, s, d, n);
}

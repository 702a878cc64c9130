/* SPDX-License-Identifier: ISC */
/*
 * template: compiling and evaluating values with $variables.
 */
#include "proxy/config/template.h"

#include "proxy/config/suggest.h"

#define PARTS_ON_STACK 32

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* *rest is behind a "$": take the variable's name. */
static int
take_name(struct span whole, struct span *rest, struct span *name, struct err *e)
{
	bool braces = rest->n > 0 && rest->p[0] == '{';
	size_t n = 0;

	if (braces)
		*rest = span_after(*rest, 1);
	while (n < rest->n && is_name_char(rest->p[n]))
		n++;
	*name = span_of(rest->p, n);
	*rest = span_after(*rest, n);
	if (braces && (rest->n == 0 || rest->p[0] != '}')) {
		err_set(e, ERR_CONFIG,
		    "the closing bracket in \"" SPAN_FMT "\" variable is missing", SPAN_ARG(*name));
		return -1;
	}
	if (n == 0)
		return err_set(e, ERR_CONFIG, "invalid variable name in \"" SPAN_FMT "\"",
		    SPAN_ARG(whole));
	if (braces)
		*rest = span_after(*rest, 1);
	return 0;
}

static int
unknown_variable(const struct variable_table *t, struct span name, struct err *e)
{
	struct suggestion s;

	suggestion_init(&s, name);
	variable_offer(t, &s);
	err_set(e, ERR_CONFIG, "unknown \"" SPAN_FMT "\" variable", SPAN_ARG(name));
	if (s.best.n > 0)
		err_hint(e, "did you mean \"$" SPAN_FMT "\"?", SPAN_ARG(s.best));
	return -1;
}

/* Take the next part of *rest, a literal or a variable. */
static int
take_part(const struct variable_table *t, struct span whole, struct span *rest,
    struct template_part *part, struct err *e)
{
	ptrdiff_t dollar = span_find(*rest, '$');
	struct span name;

	if (dollar != 0) {
		part->text = span_of(rest->p, dollar < 0 ? rest->n : (size_t)dollar);
		*rest = span_after(*rest, part->text.n);
		return 0;
	}
	*rest = span_after(*rest, 1);
	if (t->store && rest->n > 0 && rest->p[0] >= '1' && rest->p[0] <= '9') {
		part->capture = (unsigned)(rest->p[0] - '0');
		*rest = span_after(*rest, 1);
		return 0;
	}
	if (take_name(whole, rest, &name, e) < 0)
		return -1;
	part->var = variable_mention(t, name, &part->text);
	return part->var ? 0 : unknown_variable(t, name, e);
}

struct template *
template_compile(const struct variable_table *t, struct span text, struct arena *arena,
    struct err *e)
{
	struct template *tpl = arena_zalloc(arena, sizeof(*tpl));
	struct span rest = text;
	size_t most = 1;

	/* Every "$" ends a literal and begins a variable. */
	for (size_t i = 0; i < text.n; i++)
		most += text.p[i] == '$' ? 2 : 0;
	tpl->source = text;
	tpl->parts = arena_array(arena, most, sizeof(*tpl->parts));
	tpl->literal = true;
	tpl->store = t->store;
	while (rest.n > 0) {
		struct template_part *part = &tpl->parts[tpl->count];

		if (take_part(t, text, &rest, part, e) < 0)
			return NULL;
		if (template_part_varies(part))
			tpl->literal = false;
		tpl->count++;
	}
	return tpl;
}

struct template *
template_literal(struct span text, struct arena *arena)
{
	struct template *t = arena_zalloc(arena, sizeof(*t));

	t->source = text;
	t->parts = arena_array(arena, 1, sizeof(*t->parts));
	t->parts[0].text = text;
	t->count = text.n > 0;
	t->literal = true;
	return t;
}

static struct span
part_value(const struct template *t, const struct template_part *part, void *subject,
    struct span (*capture)(void *subject, struct span value))
{
	struct span value = part->text;

	if (part->var)
		value = variable_value(part->var, subject, part->text);
	else if (part->capture) {
		value = captures_get(&t->store(subject)->captures, part->capture);
		if (capture)
			value = capture(subject, value);
	}
	return value;
}

struct span
template_part_value(const struct template *t, const struct template_part *part, void *subject)
{
	return part_value(t, part, subject, NULL);
}

struct span
template_eval_captures(const struct template *t, void *subject, struct arena *arena,
    struct span (*capture)(void *subject, struct span value))
{
	struct span few[PARTS_ON_STACK];
	struct span *values = few;

	if (t->count == 0)
		return span_of(NULL, 0);
	if (t->count == 1)
		return part_value(t, &t->parts[0], subject, capture);
	if (t->count > PARTS_ON_STACK)
		values = arena_array(arena, t->count, sizeof(*values));
	for (size_t i = 0; i < t->count; i++)
		values[i] = part_value(t, &t->parts[i], subject, capture);
	return arena_concat(arena, values, t->count);
}

struct span
template_eval(const struct template *t, void *subject, struct arena *arena)
{
	return template_eval_captures(t, subject, arena, NULL);
}

struct span
template_eval_string(const struct template *t, void *subject, struct arena *arena)
{
	struct span value = template_eval(t, subject, arena);

	/* Of several parts, arena_concat() has put it there. */
	return t->count == 1 ? arena_dup(arena, value) : value.p ? value : SPAN("");
}

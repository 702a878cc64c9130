/* SPDX-License-Identifier: ISC */
/*
 * directive_rewrite: set, if, rewrite, break and return: the steps of rewrite.h.
 *
 * The ifs are blocks, so they are loaded after all else in their block; rewrite_finish() puts them
 * back between the others.
 */
#include "proxy/config/loader.h"

static struct rewrite_step *
step_new(struct loader *l, const struct node *n, enum rewrite_kind kind)
{
	struct rewrite_step *step = arena_zalloc(l->arena, sizeof(*step));

	step->kind = kind;
	step->node = n;
	return step;
}

static void
append(struct rewrite_step **first, struct rewrite_step ***tail, struct rewrite_step *step)
{
	if (!*first)
		*tail = first;
	**tail = step;
	*tail = &step->next;
}

static void
add_step(struct loader *l, struct scope *s, struct rewrite_step *step)
{
	const struct rewrite_step *last = s->steps;

	while (last && last->next)
		last = last->next;
	if (last && last->kind == REWRITE_RETURN)
		loader_warn(l, step->node,
		    step->kind == REWRITE_RETURN
			? "\"" SPAN_FMT "\" is never reached: there is another one before it"
			: "\"" SPAN_FMT "\" is never reached: there is a \"return\" before it",
		    SPAN_ARG(step->node->words[0].text));
	append(&s->steps, &s->steps_tail, step);
}

/* Both lists are in the order of children; so is the one made of them. */
struct rewrite_step *
rewrite_finish(struct scope *s, const struct node *children)
{
	struct rewrite_step *first = NULL, **tail = &first, *a = s->steps, *b = s->branches;

	for (; children; children = children->next) {
		struct rewrite_step **from = a && a->node == children   ? &a
					     : b && b->node == children ? &b
									: NULL;

		if (!from)
			continue;
		*tail = *from;
		*from = (*from)->next;
		(*tail)->next = NULL;
		tail = &(*tail)->next;
	}
	return first;
}

/* set $NAME VALUE */
static int
set_set(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct rewrite_step *step = step_new(l, n, REWRITE_SET);

	step->u.set.variable = loader_define(l, n, &n->words[1], NULL);
	step->u.set.value = loader_template(l, n, &n->words[2]);
	if (!step->u.set.variable || !step->u.set.value)
		return -1;
	add_step(l, s, step);
	return 0;
}

static int
set_break(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	add_step(l, s, step_new(l, n, REWRITE_BREAK));
	return 0;
}

static int
parse_return(struct loader *l, const struct node *n, unsigned *status, const struct word **text)
{
	struct span first = n->words[1].text;
	uint64_t code;

	if (span_to_u64(first, 999, &code) == 0 && code >= 200) {
		*status = (unsigned)code;
		*text = n->word_count == 3 ? &n->words[2] : NULL;
		return 0;
	}
	if (n->word_count == 2 &&
	    (span_starts(first, SPAN("http://")) || span_starts(first, SPAN("https://")) ||
		span_starts(first, SPAN("$scheme")))) {
		*status = 302;
		*text = &n->words[1];
		return 0;
	}
	return loader_error(l, n, "invalid return code \"" SPAN_FMT "\"", SPAN_ARG(first));
}

/* return CODE | CODE TEXT | CODE URL | URL */
static int
set_return(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct rewrite_step *step = step_new(l, n, REWRITE_RETURN);
	const struct word *text = NULL;

	if (parse_return(l, n, &step->u.ret.status, &text) < 0)
		return -1;
	if (text) {
		step->u.ret.text = loader_template(l, n, text);
		if (!step->u.ret.text)
			return -1;
	}
	add_step(l, s, step);
	return 0;
}

/* ---- rewrite ------------------------------------------------------------------------------------- */

static int
parse_flag(struct loader *l, const struct node *n, struct rewrite_rule *rule)
{
	static const struct directive_choice flags[] = {
		{ SPAN_INIT("last"), REWRITE_FLAG_LAST },
		{ SPAN_INIT("break"), REWRITE_FLAG_BREAK },
		{ SPAN_INIT("redirect"), 302 },
		{ SPAN_INIT("permanent"), 301 },
		{ SPAN_INIT(""), 0 },
	};
	unsigned flag;

	for (const struct directive_choice *c = flags; c->name.n > 0; c++) {
		if (!span_eq(c->name, n->words[3].text))
			continue;
		flag = c->value;
		if (flag >= 300)
			rule->status = flag;
		else
			rule->flag = (enum rewrite_flag)flag;
		return 0;
	}
	return loader_bad_parameter(l, n, &n->words[3], NULL);
}

/* rewrite REGEX REPLACEMENT [last|break|redirect|permanent] */
static int
set_rewrite(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct rewrite_step *step = step_new(l, n, REWRITE_RULE);
	struct rewrite_rule *rule = &step->u.rule;
	struct span to = n->words[2].text;
	ptrdiff_t mark;

	rule->regex = loader_regex(l, n, &n->words[1], n->words[1].text, false);
	if (!rule->regex)
		return -1;
	if (to.n == 0)
		return loader_error(l, n, "empty replacement");
	rule->keep_args = !span_ends(to, SPAN("?"));
	if (!rule->keep_args)
		to.n--;
	if (span_starts(to, SPAN("http://")) || span_starts(to, SPAN("https://")) ||
	    span_starts(to, SPAN("$scheme")))
		rule->status = 302;
	if (n->word_count == 4 && parse_flag(l, n, rule) < 0)
		return -1;
	mark = span_find(to, '?');
	if (mark >= 0) {
		rule->args =
		    loader_template_of(l, n, &n->words[2], span_after(to, (size_t)mark + 1));
		to.n = (size_t)mark;
	}
	rule->path = loader_template_of(l, n, &n->words[2], to);
	if (!rule->path || (mark >= 0 && !rule->args))
		return -1;
	add_step(l, s, step);
	return 0;
}

/* ---- if ------------------------------------------------------------------------------------------ */

/* The words of "(a b c)" without the parentheses: at most three. -1: they are not what an if needs. */
static int
condition_words(const struct node *n, struct word words[3])
{
	int count = 0;

	for (unsigned i = 1; i < n->word_count; i++) {
		struct word w = n->words[i];

		if (i == 1) {
			if (!span_starts(w.text, SPAN("(")))
				return -1;
			w.text = span_after(w.text, 1);
			if (w.text.n == 0 && n->word_count > 2)
				continue;
		}
		if (i + 1 == n->word_count) {
			if (!span_ends(w.text, SPAN(")")))
				return -1;
			w.text.n--;
			if (w.text.n == 0 && i > 1)
				continue;
		}
		if (count == 3)
			return -1;
		words[count++] = w;
	}
	return count;
}

/* -f -d -e -x, each with "!" in front or without. */
static bool
parse_file_test(struct span text, struct condition *c)
{
	static const struct {
		char letter;
		enum condition_kind kind;
	} tests[] = {
		{ 'f', CONDITION_FILE },
		{ 'd', CONDITION_DIRECTORY },
		{ 'e', CONDITION_EXISTS },
		{ 'x', CONDITION_EXECUTABLE },
	};

	c->negated = span_starts(text, SPAN("!"));
	if (c->negated)
		text = span_after(text, 1);
	if (text.n != 2 || text.p[0] != '-')
		return false;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (tests[i].letter == text.p[1]) {
			c->kind = tests[i].kind;
			return true;
		}
	}
	return false;
}

/* "$name" OPERATOR TEXT */
static int
parse_comparison(struct loader *l, const struct node *n, const struct word words[3],
    struct condition *c)
{
	struct span op = words[1].text;
	struct span rest = op;

	c->negated = span_starts(op, SPAN("!"));
	if (c->negated)
		rest = span_after(op, 1);
	if (span_eq(rest, SPAN("="))) {
		c->kind = CONDITION_EQUAL;
		c->text = loader_template(l, n, &words[2]);
		return c->text ? 0 : -1;
	}
	if (span_eq(rest, SPAN("~")) || span_eq(rest, SPAN("~*"))) {
		c->kind = CONDITION_MATCH;
		c->regex = loader_regex(l, n, &words[2], words[2].text, rest.n == 2);
		return c->regex ? 0 : -1;
	}
	loader_word_error(l, n, &words[1], "unexpected \"" SPAN_FMT "\" in condition",
	    SPAN_ARG(op));
	if (span_eq(op, SPAN("==")))
		diagnostic_hint(l->diags, "\"=\" compares");
	return -1;
}

static int
parse_condition(struct loader *l, const struct node *n, struct condition *c)
{
	struct word words[3];
	int count = condition_words(n, words);

	if (count >= 1 && words[0].text.n > 1 && words[0].text.p[0] == '$' && count != 2) {
		c->subject = loader_template(l, n, &words[0]);
		if (!c->subject)
			return -1;
		if (c->subject->count != 1)
			return loader_word_error(l, n, &words[0],
			    "invalid condition \"" SPAN_FMT "\"", SPAN_ARG(words[0].text));
		return count == 1 ? 0 : parse_comparison(l, n, words, c);
	}
	if (count == 2 && parse_file_test(words[0].text, c)) {
		c->subject = loader_template(l, n, &words[1]);
		return c->subject ? 0 : -1;
	}
	loader_error(l, n, "invalid condition \"" SPAN_FMT "\"", SPAN_ARG(n->words[1].text));
	diagnostic_hint(l->diags,
	    "it is one of ($name), ($name = text), ($name ~ regex), (-f path), with blanks "
	    "around what stands between");
	return -1;
}

/* if (CONDITION) { ... } */
static int
set_if(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct rewrite_step *step = step_new(l, n, REWRITE_IF);
	struct location *location = NULL;
	struct scope inner;
	int rc = parse_condition(l, n, &step->u.branch.condition);

	scope_init(&inner, s, s->location ? CONTEXT_LOCATION_IF : CONTEXT_SERVER_IF, n);
	if (s->location) {
		location = arena_zalloc(l->arena, sizeof(*location));
		location->kind = LOCATION_BRANCH;
		location->path = s->location->path;
		location->proxy = s->location->proxy;
		location->report = s->location->report;
		location->node = n;
		inner.location = location;
	}
	scope_load_simple(l, &inner, n->children);
	scope_load_blocks(l, &inner, n->children);
	step->u.branch.steps = rewrite_finish(&inner, n->children);
	if (location) {
		location->settings = inner.location_settings;
		loader_use_settings(l, inner.location_settings);
		upstream_tls_finish(l, location);
		step->u.branch.location = location;
	}
	if (rc == 0)
		append(&s->branches, &s->branches_tail, step);
	return rc;
}

static const struct directive rows[] = {
	{ SPAN_INIT("set"), CONTEXT_REWRITE, 2, 2, DIRECTIVE_MANY, .set = set_set },
	{ SPAN_INIT("break"), CONTEXT_REWRITE, 0, 0, DIRECTIVE_MANY, .set = set_break },
	{ SPAN_INIT("return"), CONTEXT_REWRITE, 1, 2, DIRECTIVE_MANY, .set = set_return },
	{ SPAN_INIT("rewrite"), CONTEXT_REWRITE, 2, 3, DIRECTIVE_MANY, .set = set_rewrite },
	{ SPAN_INIT("if"), CONTEXT_SERVER | CONTEXT_LOCATION, 1, DIRECTIVE_ARGS_ANY,
	    DIRECTIVE_BLOCK | DIRECTIVE_MANY, .set = set_if },
};
const struct directive_table directive_rewrite_table = { rows, sizeof(rows) / sizeof(rows[0]) };

/* SPDX-License-Identifier: ISC */
/*
 * directive_header: header fields that the configuration writes: add_header, and the list
 * proxy_set_header shares.
 */
#include "proxy/config/loader.h"

/* RFC 9110 5.6.2 */
static bool
is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

int
loader_check_header_name(struct loader *l, const struct node *n, const struct word *w)
{
	bool sound = w->text.n > 0;

	for (size_t i = 0; i < w->text.n; i++)
		sound &= is_token_char(w->text.p[i]);
	if (sound)
		return 0;
	loader_word_error(l, n, w,
	    "invalid header name \"" SPAN_FMT "\" in \"" SPAN_FMT "\" directive", SPAN_ARG(w->text),
	    SPAN_ARG(n->words[0].text));
	if (span_ends(w->text, SPAN(":")))
		diagnostic_hint(l->diags, "the name is written without the colon");
	return -1;
}

/* The literal parts of a value may hold no control characters but the tab. */
static int
check_value(struct loader *l, const struct node *n, const struct word *w)
{
	for (size_t i = 0; i < w->text.n; i++) {
		unsigned char c = (unsigned char)w->text.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return loader_word_error(l, n, w,
			    "control character in the value of \"" SPAN_FMT "\" directive",
			    SPAN_ARG(n->words[0].text));
	}
	return 0;
}

int
loader_add_header(struct loader *l, const struct node *n, struct header_field **list, bool always)
{
	struct header_field *h = arena_zalloc(l->arena, sizeof(*h));

	if (loader_check_header_name(l, n, &n->words[1]) < 0 || check_value(l, n, &n->words[2]) < 0)
		return -1;
	h->name = n->words[1].text;
	h->always = always;
	h->value = loader_template(l, n, &n->words[2]);
	if (!h->value)
		return -1;
	while (*list)
		list = &(*list)->next;
	*list = h;
	return 0;
}

/* add_header NAME VALUE [always] */
static int
set_add_header(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct location_settings *ls = scope_location_settings(l, s);

	if (s->first)
		ls->add_headers = NULL;
	if (n->word_count == 4 && !span_eq(n->words[3].text, SPAN("always")))
		return loader_bad_parameter(l, n, &n->words[3], NULL);
	return loader_add_header(l, n, &ls->add_headers, n->word_count == 4);
}

static const struct directive rows[] = {
	{ SPAN_INIT("add_header"), CONTEXT_HTTP_ALL | CONTEXT_LOCATION_IF, 2, 3, DIRECTIVE_MANY,
	    .set = set_add_header },
};
const struct directive_table directive_header_table = { rows, sizeof(rows) / sizeof(rows[0]) };

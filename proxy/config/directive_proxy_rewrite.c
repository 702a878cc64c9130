/* SPDX-License-Identifier: ISC */
/*
 * directive_proxy_rewrite: replacements in fields of the response: proxy_redirect, proxy_cookie_domain,
 * proxy_cookie_path, proxy_cookie_flags.
 *
 * The lists of one level replace the inherited ones; the first that fits is applied.
 */
#include "proxy/config/loader.h"

/* FROM as a regex ("~" and, for caseless, "~*" or always) or a value. */
static int
parse_from(struct loader *l, const struct node *n, bool caseless, struct field_rewrite *r)
{
	const struct word *w = &n->words[1];
	struct span text = w->text;

	if (text.n == 0 || text.p[0] != '~') {
		r->prefix = loader_template(l, n, w);
		return r->prefix ? 0 : -1;
	}
	text = span_after(text, 1);
	if (text.n > 0 && text.p[0] == '*' && !caseless) {
		text = span_after(text, 1);
		caseless = true;
	}
	r->regex = loader_regex(l, n, w, text, caseless);
	return r->regex ? 0 : -1;
}

static struct field_rewrite *
append(const struct field_rewrite **list, struct field_rewrite *r)
{
	struct field_rewrite **at = (struct field_rewrite **)(uintptr_t)list;

	while (*at)
		at = &(*at)->next;
	*at = r;
	return r;
}

/* "off" alone, or FROM TO. 1: the list has one more to be filled in; 0: it is off. */
static int
start_list(struct loader *l, struct scope *s, const struct node *n,
    const struct field_rewrite **list, struct field_rewrite **r)
{
	if (s->first)
		*list = NULL;
	if (n->word_count == 2) {
		if (!span_eq(n->words[1].text, SPAN("off")))
			return loader_bad_parameter(l, n, &n->words[1], NULL);
		if (*list)
			return loader_fail(l, n, "is duplicate");
		return 0;
	}
	*r = append(list, arena_zalloc(l->arena, sizeof(**r)));
	return 1;
}

static int
set_to(struct loader *l, const struct node *n, struct field_rewrite *r)
{
	r->to = loader_template(l, n, &n->words[2]);
	return r->to ? 0 : -1;
}

/* proxy_redirect default | off | FROM TO */
static int
set_redirect(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct proxy_settings *p = &scope_location_settings(l, s)->proxy;
	struct field_rewrite *r;

	if (s->first) {
		p->redirects = NULL;
		p->redirect_off = false;
	}
	if (p->redirect_off)
		return loader_fail(l, n, "is duplicate");
	if (n->word_count == 2 && span_eq(n->words[1].text, SPAN("off"))) {
		if (p->redirects)
			return loader_fail(l, n, "is duplicate");
		p->redirect_off = true;
		return 0;
	}
	if (n->word_count == 2 && !span_eq(n->words[1].text, SPAN("default")))
		return loader_bad_parameter(l, n, &n->words[1], NULL);
	r = arena_zalloc(l->arena, sizeof(*r));
	append(&p->redirects, r);
	/* Without "to" it is the default one: proxy_target's, whatever it is. */
	if (n->word_count == 2)
		return 0;
	if (parse_from(l, n, false, r) < 0)
		return -1;
	return set_to(l, n, r);
}

/* A dot in front says the same as none. */
static struct word
without_dot(const struct word *w)
{
	struct word bare = *w;

	if (bare.text.n > 0 && bare.text.p[0] == '.')
		bare.text = span_after(bare.text, 1);
	return bare;
}

/* proxy_cookie_domain off | DOMAIN REPLACEMENT */
static int
set_cookie_domain(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	struct proxy_settings *p = &scope_location_settings(l, s)->proxy;
	struct field_rewrite *r = NULL;
	struct word from, to;
	int rc = start_list(l, s, n, &p->cookie_domains, &r);

	if (rc <= 0)
		return rc;
	from = without_dot(&n->words[1]);
	if (from.text.n > 0 && from.text.p[0] == '~') {
		if (parse_from(l, n, true, r) < 0)
			return -1;
		return set_to(l, n, r);
	}
	to = without_dot(&n->words[2]);
	r->prefix = loader_template(l, n, &from);
	r->to = loader_template(l, n, &to);
	return r->prefix && r->to ? 0 : -1;
}

/* proxy_cookie_path off | PATH REPLACEMENT */
static int
set_cookie_path(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct proxy_settings *p = &scope_location_settings(l, s)->proxy;
	struct field_rewrite *r = NULL;
	int rc = start_list(l, s, n, &p->cookie_paths, &r);

	if (rc <= 0)
		return rc;
	if (parse_from(l, n, false, r) < 0)
		return -1;
	return set_to(l, n, r);
}

static const struct directive_choice cookie_flags[] = {
	{ SPAN_INIT("secure"), COOKIE_SECURE },
	{ SPAN_INIT("nosecure"), COOKIE_NO_SECURE },
	{ SPAN_INIT("httponly"), COOKIE_HTTPONLY },
	{ SPAN_INIT("nohttponly"), COOKIE_NO_HTTPONLY },
	{ SPAN_INIT("samesite=strict"), COOKIE_STRICT },
	{ SPAN_INIT("samesite=lax"), COOKIE_LAX },
	{ SPAN_INIT("samesite=none"), COOKIE_NONE },
	{ SPAN_INIT("nosamesite"), COOKIE_NO_SAMESITE },
	{ SPAN_INIT(""), 0 },
};

unsigned
cookie_flag_of(struct span text)
{
	const struct directive_choice *c = cookie_flags;

	while (c->name.n > 0 && !span_eq_nocase(c->name, text))
		c++;
	return c->value;
}

/* Flags in variables are looked at when there is a cookie. */
static int
add_flag(struct loader *l, const struct node *n, const struct word *w, struct cookie_flags *f)
{
	const struct template *t = loader_template(l, n, w);
	unsigned unused;

	if (!t)
		return -1;
	if (t->literal && !cookie_flag_of(w->text))
		return directive_choose(l, n, w, cookie_flags, &unused);
	f->flags[f->flag_count++] = t;
	return 0;
}

/* proxy_cookie_flags off | COOKIE FLAG... */
static int
set_cookie_flags(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	const struct cookie_flags **list = &scope_location_settings(l, s)->proxy.cookie_flags;
	struct cookie_flags **at = (struct cookie_flags **)(uintptr_t)list, *f;
	const struct word *cookie = &n->words[1];

	if (s->first)
		*list = NULL;
	if (n->word_count == 2) {
		if (!span_eq(cookie->text, SPAN("off")))
			return loader_bad_parameter(l, n, cookie, NULL);
		return *list ? loader_fail(l, n, "is duplicate") : 0;
	}
	while (*at)
		at = &(*at)->next;
	*at = f = arena_zalloc(l->arena, sizeof(*f));
	if (span_starts(cookie->text, SPAN("~")))
		f->regex = loader_regex(l, n, cookie, span_after(cookie->text, 1), true);
	else
		f->name = loader_template(l, n, cookie);
	if (!f->regex && !f->name)
		return -1;
	for (unsigned i = 2; i < n->word_count; i++) {
		if (add_flag(l, n, &n->words[i], f) < 0)
			return -1;
	}
	return 0;
}

static const struct directive rows[] = {
	{ SPAN_INIT("proxy_redirect"), CONTEXT_HTTP_ALL, 1, 2, DIRECTIVE_MANY,
	    .set = set_redirect },
	{ SPAN_INIT("proxy_cookie_domain"), CONTEXT_HTTP_ALL, 1, 2, DIRECTIVE_MANY,
	    .set = set_cookie_domain },
	{ SPAN_INIT("proxy_cookie_path"), CONTEXT_HTTP_ALL, 1, 2, DIRECTIVE_MANY,
	    .set = set_cookie_path },
	{ SPAN_INIT("proxy_cookie_flags"), CONTEXT_HTTP_ALL, 1, 4, DIRECTIVE_MANY,
	    .set = set_cookie_flags },
};
const struct directive_table directive_proxy_rewrite_table = { rows,
	sizeof(rows) / sizeof(rows[0]) };

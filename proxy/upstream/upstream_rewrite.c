/* SPDX-License-Identifier: ISC */
/* upstream_rewrite: see upstream_rewrite.h. The first replacement that fits is applied. */
#include "proxy/upstream/upstream_rewrite.h"

/* value with its bytes [at, at + n) replaced. */
static struct span
splice_value(struct request *r, struct span value, size_t at, size_t n, struct span by)
{
	const struct span parts[] = {
		span_of(value.p, at),
		header_safe_value(by, r->arena),
		span_after(value, at + n),
	};

	return arena_concat(r->arena, parts, 3);
}

/* Apply one to the part of value from at on, n bytes: what it begins with is replaced. */
static bool
apply_prefix(struct request *r, const struct field_rewrite *w, struct span *value, size_t at,
    size_t n)
{
	struct span from = template_eval(w->prefix, r, r->arena);

	if (!span_starts(span_of(value->p + at, n), from))
		return false;
	*value = splice_value(r, *value, at, from.n, template_eval(w->to, r, r->arena));
	return true;
}

/* A match replaces all of the part. */
static bool
apply_regex(struct request *r, const struct field_rewrite *w, struct span *value, size_t at,
    size_t n)
{
	if (variable_store_match(&r->variables, w->regex, span_of(value->p + at, n)) != REGEX_MATCH)
		return false;
	*value = splice_value(r, *value, at, n, template_eval(w->to, r, r->arena));
	return true;
}

static bool
apply_one(struct request *r, const struct field_rewrite *w, struct span *value, size_t at, size_t n)
{
	return w->regex ? apply_regex(r, w, value, at, n) : apply_prefix(r, w, value, at, n);
}

static bool
apply(struct request *r, const struct field_rewrite *list, struct span *value, size_t at, size_t n)
{
	for (const struct field_rewrite *w = list; w; w = w->next) {
		if (apply_one(r, w, value, at, n))
			return true;
	}
	return false;
}

/* The list of proxy_redirect, where an entry without words stands for the target's default. */
static bool
apply_redirects(struct request *r, struct span *value, size_t at)
{
	const struct proxy_settings *p = &r->settings->proxy;
	const struct field_rewrite *by_default =
	    r->location->proxy ? r->location->proxy->default_redirect : NULL;
	size_t n = value->n - at;

	if (p->redirect_off)
		return false;
	if (!p->redirects)
		return by_default && apply_prefix(r, by_default, value, at, n);
	for (const struct field_rewrite *w = p->redirects; w; w = w->next) {
		const struct field_rewrite *one = w->to ? w : by_default;

		if (one && apply_one(r, one, value, at, n))
			return true;
	}
	return false;
}

/* "5; url=http://backend/": what stands behind "url=". */
static struct span
rewrite_refresh(struct request *r, struct span value)
{
	for (size_t at = 0; at + 4 <= value.n; at++) {
		if (span_eq_nocase(span_of(value.p + at, 4), SPAN("url="))) {
			(void)apply_redirects(r, &value, at + 4);
			break;
		}
	}
	return value;
}

/* A cookie's domain is compared as a whole, any case, but for a dot in front. */
static bool
apply_domain(struct request *r, struct span *value, size_t at, size_t n)
{
	for (const struct field_rewrite *w = r->settings->proxy.cookie_domains; w; w = w->next) {
		size_t dot = n > 0 && value->p[at] == '.';

		if (w->regex && apply_regex(r, w, value, at, n))
			return true;
		if (w->prefix && span_eq_nocase(template_eval(w->prefix, r, r->arena),
				     span_of(value->p + at + dot, n - dot))) {
			*value = splice_value(r, *value, at + dot, n - dot,
			    template_eval(w->to, r, r->arena));
			return true;
		}
	}
	return false;
}

/* One part of a cookie: "name=value", or a name alone. */
struct cookie_part {
	struct span name, value; /* value.p NULL: no "=" */
};

static struct cookie_part
read_part(struct span text)
{
	ptrdiff_t equals = span_find(text, '=');
	struct cookie_part part = { .value = { NULL, 0 } };

	part.name = span_trim(span_of(text.p, equals < 0 ? text.n : (size_t)equals));
	if (equals >= 0)
		part.value = span_trim(span_after(text, (size_t)equals + 1));
	return part;
}

/* What the first proxy_cookie_flags for a cookie of this name says. */
static unsigned
flags_for(struct request *r, struct span name)
{
	const struct cookie_flags *f = r->settings->proxy.cookie_flags;
	unsigned set = 0;

	for (; f; f = f->next) {
		if (f->regex ? variable_store_match(&r->variables, f->regex, name) == REGEX_MATCH
			     : span_eq_nocase(template_eval(f->name, r, r->arena), name))
			break;
	}
	for (unsigned i = 0; f && i < f->flag_count; i++)
		set |= cookie_flag_of(template_eval(f->flags[i], r, r->arena));
	return set;
}

/* An attribute that is there already need not be added. false: it goes. */
static bool
keep_attribute(unsigned *flags, unsigned add, unsigned remove)
{
	if (*flags & add) {
		*flags &= ~add;
		return true;
	}
	return !(*flags & remove);
}

static const struct same_site {
	unsigned flag;
	struct span value;
} same_sites[] = {
	{ COOKIE_STRICT, SPAN_INIT("Strict") },
	{ COOKIE_LAX, SPAN_INIT("Lax") },
	{ COOKIE_NONE, SPAN_INIT("None") },
};
#define SAME_SITES (sizeof(same_sites) / sizeof(same_sites[0]))

/* The same of SameSite, whose value may be another one. */
static bool
keep_same_site(unsigned *flags, struct cookie_part *part)
{
	for (size_t i = 0; i < SAME_SITES; i++) {
		if (!(*flags & same_sites[i].flag))
			continue;
		*flags &= ~same_sites[i].flag;
		if (!part->value.p || !span_eq_nocase(part->value, same_sites[i].value))
			*part = (struct cookie_part){ SPAN("SameSite"), same_sites[i].value };
		return true;
	}
	return !(*flags & COOKIE_NO_SAMESITE);
}

#define FLAGS_MAX 3 /* attributes that may be added */

/* Returns how many parts there are now. */
static size_t
apply_flags(unsigned flags, struct cookie_part *parts, size_t count)
{
	size_t n = 1;

	for (size_t i = 1; i < count; i++) {
		struct cookie_part part = parts[i];
		bool keep = true;

		if (span_eq_nocase(part.name, SPAN("secure")))
			keep = keep_attribute(&flags, COOKIE_SECURE, COOKIE_NO_SECURE);
		else if (span_eq_nocase(part.name, SPAN("httponly")))
			keep = keep_attribute(&flags, COOKIE_HTTPONLY, COOKIE_NO_HTTPONLY);
		else if (span_eq_nocase(part.name, SPAN("samesite")))
			keep = keep_same_site(&flags, &part);
		if (keep)
			parts[n++] = part;
	}
	if (flags & COOKIE_SECURE)
		parts[n++] = (struct cookie_part){ .name = SPAN("Secure") };
	if (flags & COOKIE_HTTPONLY)
		parts[n++] = (struct cookie_part){ .name = SPAN("HttpOnly") };
	for (size_t i = 0; i < SAME_SITES; i++) {
		if (flags & same_sites[i].flag) {
			parts[n++] = (struct cookie_part){ SPAN("SameSite"), same_sites[i].value };
			break;
		}
	}
	return n;
}

/* The parts again, in nginx's spelling. */
static struct span
join_parts(struct request *r, const struct cookie_part *parts, size_t count)
{
	struct span *pieces = arena_array(r->arena, 4 * count, sizeof(*pieces));
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			pieces[n++] = SPAN("; ");
		pieces[n++] = parts[i].name;
		if (parts[i].value.p) {
			pieces[n++] = SPAN("=");
			pieces[n++] = parts[i].value;
		}
	}
	return arena_concat(r->arena, pieces, n);
}

/* "name=value; Domain=a; path=/b; Secure": the values of two attributes, and flags. */
static struct span
rewrite_cookie(struct request *r, struct span value)
{
	const struct proxy_settings *p = &r->settings->proxy;
	struct span rest = value, piece;
	struct cookie_part *parts;
	size_t count = 0;
	unsigned flags;
	bool changed = false;

	if (!p->cookie_domains && !p->cookie_paths && !p->cookie_flags)
		return value;
	for (size_t i = 0; i < value.n; i++)
		count += value.p[i] == ';';
	parts = arena_array(r->arena, count + 1 + FLAGS_MAX, sizeof(*parts));
	for (count = 0; span_split(&rest, ';', &piece); count++) {
		struct cookie_part *part = &parts[count];

		*part = read_part(piece);
		if (count == 0 || !part->value.p)
			continue;
		if (span_eq_nocase(part->name, SPAN("domain")))
			changed |= apply_domain(r, &part->value, 0, part->value.n);
		else if (span_eq_nocase(part->name, SPAN("path")))
			changed |= apply(r, p->cookie_paths, &part->value, 0, part->value.n);
	}
	flags = count > 0 && parts[0].value.p ? flags_for(r, parts[0].name) : 0;
	if (flags)
		count = apply_flags(flags, parts, count);
	return changed || flags ? join_parts(r, parts, count) : value;
}

struct span
upstream_rewrite_field(struct request *r, const struct header *h)
{
	struct span value = h->value;

	switch (h->id) {
	case HEADER_LOCATION:
		(void)apply_redirects(r, &value, 0);
		return value;
	case HEADER_REFRESH:
		return rewrite_refresh(r, value);
	case HEADER_SET_COOKIE:
		return rewrite_cookie(r, value);
	default:
		return value;
	}
}

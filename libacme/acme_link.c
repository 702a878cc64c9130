/* SPDX-License-Identifier: ISC */
/*
 * acme_link: commas and semicolons divide links and parameters only outside of <...> and "...".
 */
#include "libacme/acme_link.h"

/* Index of the first of the two bytes outside a quoted string; s.n if there is none. */
static size_t
find_outside_quotes(struct span s, char a, char b)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\') {
			i++;
			continue;
		}
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && (s.p[i] == a || s.p[i] == b))
			return i;
	}
	return s.n;
}

static struct span
unquote(struct span s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return span_of(s.p + 1, s.n - 2);
	return s;
}

static void
read_parameter(struct span parameter, struct span *relation)
{
	struct span name;

	if (span_find(parameter, '=') < 0 || !span_split(&parameter, '=', &name))
		return;
	/* The first counts (RFC 8288 3.3). */
	if (span_eq_nocase(span_trim(name), SPAN("rel")) && relation->n == 0)
		*relation = unquote(span_trim(parameter));
}

bool
acme_link_next(struct span *rest, struct span *url, struct span *relation)
{
	struct span s = span_trim(*rest);
	ptrdiff_t end;

	while (s.n && (*s.p == ',' || *s.p == ' ' || *s.p == '\t'))
		s = span_after(s, 1);
	*relation = SPAN("");
	end = span_find(s, '>');
	if (s.n == 0 || *s.p != '<' || end < 0)
		return false;
	*url = span_of(s.p + 1, (size_t)end - 1);
	s = span_after(s, (size_t)end + 1);
	for (;;) {
		size_t n = find_outside_quotes(s, ';', ',');

		read_parameter(span_trim(span_of(s.p, n)), relation);
		if (n == s.n || s.p[n] == ',') {
			*rest = span_after(s, n);
			return true;
		}
		s = span_after(s, n + 1);
	}
}

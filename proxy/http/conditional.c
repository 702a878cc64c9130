/* SPDX-License-Identifier: ISC */
/* conditional: see conditional.h. */
#include "proxy/http/conditional.h"

#include "base/clock.h"

/* An entity tag without its W/ mark: for the weak comparison. */
static struct span
strip_weak(struct span tag)
{
	return span_starts(tag, SPAN("W/")) ? span_after(tag, 2) : tag;
}

static struct span
skip_blanks(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_after(s, 1);
	return s;
}

/* Is etag among the list's? Tags hold no quote inside, but may hold commas: so the list is walked by quotes. */
static bool
list_has_tag(struct span list, struct span etag, bool weak)
{
	if (span_eq(list, SPAN("*")))
		return true;
	if (etag.n == 0)
		return false;
	if (weak)
		etag = strip_weak(etag);
	for (list = skip_blanks(list); list.n > 0; list = skip_blanks(list)) {
		struct span rest;

		if (weak)
			list = strip_weak(list);
		if (span_starts(list, etag)) {
			rest = skip_blanks(span_after(list, etag.n));
			if (rest.n == 0 || rest.p[0] == ',')
				return true;
		}
		/* On to behind the next comma that stands outside of quotes. */
		for (bool quoted = false; list.n > 0 && (quoted || list.p[0] != ',');
		     list = span_after(list, 1))
			quoted ^= list.p[0] == '"';
		if (list.n > 0)
			list = span_after(list, 1);
	}
	return false;
}

/* A date nobody can have stands for one that cannot be read. */
static int64_t
parse_date(struct span value)
{
	int64_t wall;

	return clock_parse_http(value, &wall) < 0 ? -1 : wall;
}

/* if_modified_since: only the very date, or any later one too. */
static bool
is_modified(int64_t since, int64_t last_modified, enum if_modified_since mode)
{
	if (mode == MODIFIED_SINCE_OFF || last_modified < 0)
		return true;
	if (since == last_modified)
		return false;
	return mode == MODIFIED_SINCE_EXACT || since < last_modified;
}

enum conditional
conditional_check(const struct header_list *request, int64_t last_modified, struct span etag,
    enum if_modified_since mode)
{
	const struct header *since = header_find(request, HEADER_IF_MODIFIED_SINCE);
	const struct header *none_match = header_find(request, HEADER_IF_NONE_MATCH);
	const struct header *h;

	h = header_find(request, HEADER_IF_UNMODIFIED_SINCE);
	if (h && (last_modified < 0 || parse_date(h->value) < last_modified))
		return CONDITIONAL_FAILED;
	h = header_find(request, HEADER_IF_MATCH);
	if (h && !list_has_tag(h->value, etag, false))
		return CONDITIONAL_FAILED;
	if (!since && !none_match)
		return CONDITIONAL_PASS;
	if (since && is_modified(parse_date(since->value), last_modified, mode))
		return CONDITIONAL_PASS;
	if (none_match && !list_has_tag(none_match->value, etag, true))
		return CONDITIONAL_PASS;
	return CONDITIONAL_NOT_MODIFIED;
}

bool
conditional_range(const struct header_list *request, int64_t last_modified, struct span etag)
{
	const struct header *h = header_find(request, HEADER_IF_RANGE);

	if (!h)
		return true;
	if (h->value.n >= 2 && h->value.p[h->value.n - 1] == '"')
		return etag.n > 0 && span_eq(h->value, etag);
	return last_modified >= 0 && parse_date(h->value) == last_modified;
}

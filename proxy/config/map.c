/* SPDX-License-Identifier: ISC */
/* map: see map.h. */
#include "proxy/config/map.h"

static struct span
lower(struct span s, struct arena *arena)
{
	char *out = arena_bytes(arena, s.n);

	for (size_t i = 0; i < s.n; i++)
		out[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
	return span_of(out, s.n);
}

static const struct template *
find_text(const struct map *m, struct span key, struct arena *arena)
{
	if (key.n == 0)
		return m->empty;
	/* The longest text bounds what has to be copied, but a wildcard may stand for anything. */
	if (!m->hostnames)
		return key.n > m->texts.exact.longest
			   ? NULL
			   : span_map_get(&m->texts.exact, lower(key, arena));
	if (span_ends(key, SPAN(".")))
		key.n--;
	return host_map_find(&m->texts, lower(key, arena));
}

struct span
map_value(const struct map *m, void *subject, struct variable_store *store)
{
	struct span key = template_eval(m->source, subject, store->arena);
	const struct template *value = find_text(m, key, store->arena);

	for (size_t i = 0; !value && i < m->regex_count; i++) {
		if (variable_store_match(store, m->regexes[i].regex, key) == REGEX_MATCH)
			value = m->regexes[i].value;
	}
	if (!value)
		value = m->fallback;
	return value ? template_eval(value, subject, store->arena) : span_of(NULL, 0);
}

/* SPDX-License-Identifier: ISC */
/*
 * host_map: three hash maps. A host is looked up whole, then by its ends behind each dot from the
 * longest, then by its beginnings before each dot from the longest. Ends longer than the longest
 * wildcard are passed over without hashing, so a host of thousands of labels costs no more than a
 * sound one.
 */
#include "proxy/config/host_map.h"

void
host_map_init(struct host_map *m, struct arena *arena)
{
	span_map_init(&m->exact, arena);
	span_map_init(&m->heads, arena);
	span_map_init(&m->tails, arena);
}

static bool
add(struct span_map *m, struct span name, void *value)
{
	const void *there = span_map_add(m, name, value);

	return !there || there == value;
}

bool
host_map_add(struct host_map *m, struct span name, void *value)
{
	bool fresh;

	if (span_starts(name, SPAN("*.")))
		return add(&m->heads, span_after(name, 2), value);
	if (span_ends(name, SPAN(".*")))
		return add(&m->tails, span_of(name.p, name.n - 2), value);
	if (span_starts(name, SPAN("."))) {
		fresh = add(&m->exact, span_after(name, 1), value);
		return add(&m->heads, span_after(name, 1), value) && fresh;
	}
	return add(&m->exact, name, value);
}

static void *
find_head(const struct span_map *heads, struct span host)
{
	ptrdiff_t dot;

	if (heads->count == 0)
		return NULL;
	/* Something must stand for the "*". */
	for (struct span rest = host; (dot = span_find(rest, '.')) >= 0;) {
		void *value;

		rest = span_after(rest, (size_t)dot + 1);
		if (rest.p == host.p + 1)
			continue;
		value = span_map_get(heads, rest);
		if (value)
			return value;
	}
	return NULL;
}

static void *
find_tail(const struct span_map *tails, struct span host)
{
	if (tails->count == 0)
		return NULL;
	for (size_t n = host.n; n > 0; n--) {
		void *value;

		if (host.p[n - 1] != '.' || n == host.n)
			continue;
		value = span_map_get(tails, span_of(host.p, n - 1));
		if (value)
			return value;
	}
	return NULL;
}

void *
host_map_find(const struct host_map *m, struct span host)
{
	void *value = span_map_get(&m->exact, host);

	if (!value)
		value = find_head(&m->heads, host);
	return value ? value : find_tail(&m->tails, host);
}

bool
host_map_is_name(struct span name)
{
	struct span body = name;

	if (span_starts(name, SPAN("*.")))
		body = span_after(name, 2);
	else if (span_ends(name, SPAN(".*")))
		body = span_of(name.p, name.n - 2);
	else if (span_starts(name, SPAN(".")))
		body = span_after(name, 1);
	if (body.n == 0 && name.n > 0)
		return false;
	for (size_t i = 0; i < body.n; i++) {
		if (body.p[i] == '*' || body.p[i] == '\0' ||
		    (body.p[i] == '.' && (i == 0 || body.p[i - 1] == '.')))
			return false;
	}
	return true;
}

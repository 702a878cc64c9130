/* SPDX-License-Identifier: ISC */
/*
 * route: the lookups between a request and its server and location.
 *
 * Server names: three hash maps. A host is looked up whole, then by its ends behind each dot from
 * the longest, then by its beginnings before each dot from the longest. Ends longer than the
 * longest wildcard are passed over without hashing, so a host of thousands of labels costs no more
 * than a sound one.
 *
 * Locations: two arrays sorted by path. The last prefix <= uri either is a prefix of uri or leads,
 * over the links from each prefix to the longest one that begins it, to the longest prefix of uri.
 */
#include "proxy/config/route.h"

#include "proxy/config/span_map.h"

struct server_name_index {
	struct span_map exact;
	struct span_map heads; /* "*.example.com" as "example.com" */
	struct span_map tails; /* "www.example.*" as "www.example" */
	struct arena *arena;
};

struct server_name_index *
server_name_index_new(struct arena *arena)
{
	struct server_name_index *ix = arena_zalloc(arena, sizeof(*ix));

	span_map_init(&ix->exact, arena);
	span_map_init(&ix->heads, arena);
	span_map_init(&ix->tails, arena);
	ix->arena = arena;
	return ix;
}

static bool
add_name(struct span_map *m, struct span name, const struct server *server)
{
	/* The map does not look into its values. */
	const struct server *there = span_map_add(m, name, (void *)(uintptr_t)server);

	return !there || there == server;
}

bool
server_name_index_add(struct server_name_index *ix, struct span name, const struct server *server)
{
	bool fresh;

	if (span_starts(name, SPAN("*.")))
		return add_name(&ix->heads, span_after(name, 2), server);
	if (span_ends(name, SPAN(".*")))
		return add_name(&ix->tails, span_of(name.p, name.n - 2), server);
	if (span_starts(name, SPAN("."))) {
		fresh = add_name(&ix->exact, span_after(name, 1), server);
		return add_name(&ix->heads, span_after(name, 1), server) && fresh;
	}
	return add_name(&ix->exact, name, server);
}

void
server_name_index_reserve(struct server_name_index *ix, size_t count)
{
	span_map_reserve(&ix->exact, count);
}

void
server_name_index_finish(struct server_name_index *ix)
{
	/* Hash maps are ready as they are; regexes will be compiled here. */
	(void)ix;
}

static const struct server *
find_head(const struct span_map *heads, struct span host)
{
	ptrdiff_t dot;

	if (heads->count == 0)
		return NULL;
	/* Something must stand for the "*". */
	for (struct span rest = host; (dot = span_find(rest, '.')) >= 0;) {
		const struct server *s;

		rest = span_after(rest, (size_t)dot + 1);
		if (rest.p == host.p + 1)
			continue;
		s = span_map_get(heads, rest);
		if (s)
			return s;
	}
	return NULL;
}

static const struct server *
find_tail(const struct span_map *tails, struct span host)
{
	if (tails->count == 0)
		return NULL;
	for (size_t n = host.n; n > 0; n--) {
		const struct server *s;

		if (host.p[n - 1] != '.' || n == host.n)
			continue;
		s = span_map_get(tails, span_of(host.p, n - 1));
		if (s)
			return s;
	}
	return NULL;
}

const struct server *
server_name_index_find(const struct server_name_index *ix, struct span host)
{
	const struct server *s = span_map_get(&ix->exact, host);

	if (!s)
		s = find_head(&ix->heads, host);
	if (!s)
		s = find_tail(&ix->tails, host);
	return s;
}

struct location_entry {
	struct span path;
	const struct location *location;
	const struct location_entry *shorter; /* the longest other prefix of path */
};

struct location_list {
	struct location_entry *entries;
	size_t count, space;
};

struct location_index {
	struct arena *arena;
	struct span_map slashless; /* proxied "/dir/" as "/dir" */
	struct location_list prefixes, exacts;
};

struct location_index *
location_index_new(struct arena *arena)
{
	struct location_index *ix = arena_zalloc(arena, sizeof(*ix));

	ix->arena = arena;
	span_map_init(&ix->slashless, arena);
	return ix;
}

static int
path_compare(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* How many entries have a path <= uri. */
static size_t
count_not_above(const struct location_list *l, struct span uri)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (path_compare(l->entries[middle].path, uri) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
make_room(struct location_list *l, struct arena *arena)
{
	size_t space = l->space ? l->space * 2 : 1;
	struct location_entry *more;

	if (l->count < l->space)
		return;
	more = arena_array(arena, space, sizeof(*more));
	if (l->count > 0)
		memcpy(more, l->entries, l->count * sizeof(*more));
	l->entries = more;
	l->space = space;
}

bool
location_index_add(struct location_index *ix, const struct location *location)
{
	struct location_list *l = location->kind == LOCATION_EXACT ? &ix->exacts : &ix->prefixes;
	size_t at = count_not_above(l, location->path);

	if (at > 0 && span_eq(l->entries[at - 1].path, location->path))
		return false;
	make_room(l, ix->arena);
	memmove(&l->entries[at + 1], &l->entries[at], (l->count - at) * sizeof(*l->entries));
	l->entries[at] = (struct location_entry){ location->path, location, NULL };
	l->count++;
	return true;
}

static void
note_slashless(struct location_index *ix, const struct location_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct span path = l->entries[i].path;

		if (l->entries[i].location->proxy && path.n > 1 && span_ends(path, SPAN("/")))
			span_map_add(&ix->slashless, span_of(path.p, path.n - 1),
			    (void *)(uintptr_t)l->entries[i].location);
	}
}

void
location_index_finish(struct location_index *ix)
{
	struct location_list *l = &ix->prefixes;

	note_slashless(ix, &ix->exacts);
	note_slashless(ix, l);
	/*
	 * What begins an entry begins its neighbour before it, or begins one of that one's
	 * prefixes.
	 */
	for (size_t i = 1; i < l->count; i++) {
		const struct location_entry *e = &l->entries[i - 1];

		while (e && !span_starts(l->entries[i].path, e->path))
			e = e->shorter;
		l->entries[i].shorter = e;
	}
}

/* The last entry with path <= uri, or NULL. */
static const struct location_entry *
last_not_above(const struct location_list *l, struct span uri)
{
	size_t count = count_not_above(l, uri);

	return count > 0 ? &l->entries[count - 1] : NULL;
}

static const struct location *
find_equal(const struct location_list *l, struct span uri)
{
	const struct location_entry *e = last_not_above(l, uri);

	return e && span_eq(e->path, uri) ? e->location : NULL;
}

const struct location *
location_index_find(const struct location_index *ix, struct span uri)
{
	const struct location *exact = find_equal(&ix->exacts, uri);
	const struct location_entry *e;

	if (exact)
		return exact;
	e = last_not_above(&ix->prefixes, uri);
	while (e && !span_starts(uri, e->path))
		e = e->shorter;
	return e ? e->location : NULL;
}

bool
location_index_wants_slash(const struct location_index *ix, struct span uri)
{
	return span_map_get(&ix->slashless, uri) && !find_equal(&ix->exacts, uri) &&
	       !find_equal(&ix->prefixes, uri);
}

const struct server *
route_server(const struct endpoint *ep, struct span host)
{
	const struct server *s = server_name_index_find(ep->names, host);

	return s ? s : ep->default_server;
}

const struct location *
route_location(const struct server *server, struct span uri)
{
	const struct location *l = location_index_find(server->locations, uri);

	return l ? l : &server->root_location;
}

bool
route_wants_slash(const struct server *server, struct span uri)
{
	return location_index_wants_slash(server->locations, uri);
}

static bool
same_host(const struct address *a, const struct sockaddr *local)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)local;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)local;

	if (a->u.sa.sa_family != local->sa_family)
		return false;
	switch (local->sa_family) {
	case AF_INET:
		return a->u.in.sin_addr.s_addr == in->sin_addr.s_addr;
	case AF_INET6:
		return IN6_ARE_ADDR_EQUAL(&a->u.in6.sin6_addr, &in6->sin6_addr);
	default:
		return false;
	}
}

const struct endpoint *
route_endpoint(const struct listener *l, const struct sockaddr *local)
{
	/* The listener's own address, the wildcard if it is one, stands last. */
	for (size_t i = 0; i + 1 < l->endpoint_count; i++) {
		if (same_host(&l->endpoints[i].address, local))
			return &l->endpoints[i];
	}
	return &l->endpoints[l->endpoint_count - 1];
}

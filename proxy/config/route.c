/* SPDX-License-Identifier: ISC */
/*
 * route: the lookups between a request and its server and location.
 *
 * Server names: a host_map, then the regexes.
 *
 * Locations: two arrays sorted by path. The last prefix <= uri either is a prefix of uri or leads,
 * over the links from each prefix to the longest one that begins it, to the longest prefix of uri.
 */
#include "proxy/config/route.h"

#include "proxy/config/host_map.h"

struct server_regex {
	const struct regex *regex;
	const struct server *server;
};

struct server_name_index {
	struct arena *arena;
	struct host_map names;
	struct server_regex *regexes;
	size_t regex_count, regex_space;
};

/* Room for one more: the array, moved when it must be. */
static void *
room(struct arena *arena, void *array, size_t count, size_t *space, size_t size)
{
	void *more;

	if (count < *space)
		return array;
	*space = *space ? *space * 2 : 1;
	more = arena_array(arena, *space, size);
	if (count > 0)
		memcpy(more, array, count * size);
	return more;
}

struct server_name_index *
server_name_index_new(struct arena *arena)
{
	struct server_name_index *ix = arena_zalloc(arena, sizeof(*ix));

	ix->arena = arena;
	host_map_init(&ix->names, arena);
	return ix;
}

bool
server_name_index_add(struct server_name_index *ix, struct span name, const struct server *server)
{
	/* The map does not look into its values. */
	return host_map_add(&ix->names, name, (void *)(uintptr_t)server);
}

void
server_name_index_add_regex(struct server_name_index *ix, const struct regex *regex,
    const struct server *server)
{
	ix->regexes =
	    room(ix->arena, ix->regexes, ix->regex_count, &ix->regex_space, sizeof(*ix->regexes));
	ix->regexes[ix->regex_count++] = (struct server_regex){ regex, server };
}

void
server_name_index_reserve(struct server_name_index *ix, size_t count)
{
	span_map_reserve(&ix->names.exact, count);
}

static enum regex_result
match(const struct regex *regex, struct span text, struct variable_store *store)
{
	return store ? variable_store_match(store, regex, text)
		     : regex_match(regex, text, NULL, NULL);
}

const struct server *
server_name_index_find(const struct server_name_index *ix, struct span host,
    struct variable_store *store)
{
	const struct server *s = host_map_find(&ix->names, host);

	/* One that gives up does not match. */
	for (size_t i = 0; !s && host.n > 0 && i < ix->regex_count; i++) {
		if (match(ix->regexes[i].regex, host, store) == REGEX_MATCH)
			s = ix->regexes[i].server;
	}
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
	struct span_map named;
	struct location_list prefixes, exacts;
	const struct location **regexes;
	size_t regex_count, regex_space;
};

struct location_index *
location_index_new(struct arena *arena)
{
	struct location_index *ix = arena_zalloc(arena, sizeof(*ix));

	ix->arena = arena;
	span_map_init(&ix->slashless, arena);
	span_map_init(&ix->named, arena);
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

bool
location_index_add(struct location_index *ix, const struct location *location)
{
	struct location_list *l = location->kind == LOCATION_EXACT ? &ix->exacts : &ix->prefixes;
	size_t at;

	if (location->kind == LOCATION_NAMED)
		return !span_map_add(&ix->named, location->path, (void *)(uintptr_t)location);
	if (location->kind == LOCATION_REGEX) {
		ix->regexes = room(ix->arena, ix->regexes, ix->regex_count, &ix->regex_space,
		    sizeof(*ix->regexes));
		ix->regexes[ix->regex_count++] = location;
		return true;
	}
	at = count_not_above(l, location->path);
	if (at > 0 && span_eq(l->entries[at - 1].path, location->path))
		return false;
	l->entries = room(ix->arena, l->entries, l->count, &l->space, sizeof(*l->entries));
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

/* The longest prefix location of uri, or NULL. */
static const struct location *
find_prefix(const struct location_list *l, struct span uri)
{
	const struct location_entry *e = last_not_above(l, uri);

	while (e && !span_starts(uri, e->path))
		e = e->shorter;
	return e ? e->location : NULL;
}

/* The location whose path uri is but for the slash; NULL when there is none or one without. */
static const struct location *
find_slashed(const struct location_index *ix, struct span uri)
{
	const struct location *slashed = span_map_get(&ix->slashless, uri);

	return slashed && !find_equal(&ix->prefixes, uri) ? slashed : NULL;
}

static enum location_result
find_regex(const struct location_index *ix, struct span uri, struct variable_store *store,
    const struct location **found)
{
	for (size_t i = 0; i < ix->regex_count; i++) {
		enum regex_result result = match(ix->regexes[i]->regex, uri, store);

		if (result == REGEX_FAILED)
			return LOCATION_FAILED;
		if (result == REGEX_NO_MATCH)
			continue;
		*found = ix->regexes[i];
		if ((*found)->locations &&
		    location_index_find((*found)->locations, uri, store, found) == LOCATION_FAILED)
			return LOCATION_FAILED;
		return LOCATION_FOUND;
	}
	return LOCATION_NONE;
}

/*
 * Blocks lie in each other as deep as the configuration says: so deep goes the recursion. In
 * "final" what is found is not to be looked for among the regexes further out.
 */
static enum location_result
find(const struct location_index *ix, struct span uri, struct variable_store *store,
    const struct location **found, bool *final)
{
	const struct location *exact = find_equal(&ix->exacts, uri), *prefix;
	enum location_result result = LOCATION_NONE;

	*final = true;
	if (exact) {
		*found = exact;
		return LOCATION_FOUND;
	}
	exact = find_slashed(ix, uri);
	if (exact) {
		*found = exact;
		return LOCATION_WANTS_SLASH;
	}
	prefix = find_prefix(&ix->prefixes, uri);
	if (prefix) {
		*found = prefix;
		result = LOCATION_FOUND;
		*final = false;
		if (prefix->locations) {
			enum location_result inner =
			    find(prefix->locations, uri, store, found, final);

			if (*final && inner != LOCATION_NONE)
				return inner;
		}
	}
	*final = false;
	if (!prefix || !prefix->no_regex) {
		enum location_result regex = find_regex(ix, uri, store, found);

		if (regex != LOCATION_NONE) {
			*final = true;
			return regex;
		}
	}
	return result;
}

enum location_result
location_index_find(const struct location_index *ix, struct span uri, struct variable_store *store,
    const struct location **found)
{
	bool final;

	return find(ix, uri, store, found, &final);
}

const struct location *
location_index_named(const struct location_index *ix, struct span name)
{
	return span_map_get(&ix->named, name);
}

const struct server *
route_server(const struct endpoint *ep, struct span host, struct variable_store *store)
{
	const struct server *s = server_name_index_find(ep->names, host, store);

	return s ? s : ep->default_server;
}

enum location_result
route_location(const struct server *server, struct span uri, struct variable_store *store,
    const struct location **found)
{
	enum location_result result = location_index_find(server->locations, uri, store, found);

	if (result != LOCATION_NONE)
		return result;
	*found = &server->root_location;
	return LOCATION_FOUND;
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

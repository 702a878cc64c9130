/* SPDX-License-Identifier: ISC */
/* route: names to servers, paths to locations, local addresses to endpoints. */
#include "proxy/config/route.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>

static struct server servers[12];

/* The index of the server for host; -1: none. */
static int
find(const struct server_name_index *ix, const char *host)
{
	const struct server *s = server_name_index_find(ix, span_str(host), NULL);

	return s ? (int)(s - servers) : -1;
}

static void
test_names(void **state)
{
	static const char *const names[] = { "a.example", "*.a.example", "*.b.a.example",
		".c.example", "www.d.*", "www.*", "", "*.example", "127.0.0.1" };
	struct arena *a = arena_new(0);
	struct server_name_index *ix = server_name_index_new(a);

	for (size_t i = 0; i < COUNT(names); i++)
		assert_true(server_name_index_add(ix, span_str(names[i]), &servers[i]));
	assert_int_equal(find(ix, "a.example"), 0);
	assert_int_equal(find(ix, "x.a.example"), 1);
	assert_int_equal(find(ix, "x.y.a.example"), 1);
	assert_int_equal(find(ix, "b.a.example"), 1);
	assert_int_equal(find(ix, "x.b.a.example"), 2);
	assert_int_equal(find(ix, "c.example"), 3);
	assert_int_equal(find(ix, "x.c.example"), 3);
	assert_int_equal(find(ix, "www.d.org"), 4);
	assert_int_equal(find(ix, "www.d.co.uk"), 4);
	assert_int_equal(find(ix, "www.e.org"), 5);
	assert_int_equal(find(ix, "www.x.example"), 7);
	assert_int_equal(find(ix, ""), 6);
	assert_int_equal(find(ix, "127.0.0.1"), 8);
	assert_int_equal(find(ix, "other.org"), -1);
	assert_int_equal(find(ix, "example"), -1);
	assert_int_equal(find(ix, ".example"), -1);
	assert_int_equal(find(ix, "www"), -1);
	assert_int_equal(find(ix, "www."), -1);
	assert_int_equal(find(ix, "."), -1);
	assert_int_equal(find(ix, "..."), -1);
	arena_free(a);
}

static void
test_name_conflicts(void **state)
{
	struct arena *a = arena_new(0);
	struct server_name_index *ix = server_name_index_new(a);

	assert_true(server_name_index_add(ix, SPAN("a"), &servers[0]));
	assert_true(server_name_index_add(ix, SPAN("a"), &servers[0]));
	assert_false(server_name_index_add(ix, SPAN("a"), &servers[1]));
	assert_true(server_name_index_add(ix, SPAN("*.a"), &servers[2]));
	assert_false(server_name_index_add(ix, SPAN(".a"), &servers[3]));
	assert_int_equal(find(ix, "a"), 0);
	assert_int_equal(find(ix, "x.a"), 2);
	arena_free(a);
}

static struct location locations[24];

static int
find_location(const struct location_index *ix, const char *uri)
{
	const struct location *l;

	return location_index_find(ix, span_str(uri), NULL, &l) == LOCATION_FOUND
		   ? (int)(l - locations)
		   : -1;
}

static struct location_index *
index_of(struct arena *a, const char *const *paths, size_t count)
{
	struct location_index *ix = location_index_new(a);

	for (size_t i = 0; i < count; i++) {
		bool exact = paths[i][0] == '=';

		locations[i] = (struct location){
			.kind = exact ? LOCATION_EXACT : LOCATION_PREFIX,
			.path = span_str(paths[i] + exact),
		};
		assert_true(location_index_add(ix, &locations[i]));
	}
	location_index_finish(ix);
	return ix;
}

static void
test_locations(void **state)
{
	static const char *const paths[] = { "/", "=/", "/images/", "/im", "=/images/x",
		"/images/x/y", "/b", "/a", "/images/x" };
	struct arena *a = arena_new(0);
	struct location_index *ix = index_of(a, paths, COUNT(paths));

	assert_int_equal(find_location(ix, "/"), 1);
	assert_int_equal(find_location(ix, "/z"), 0);
	assert_int_equal(find_location(ix, "/i"), 0);
	assert_int_equal(find_location(ix, "/im"), 3);
	assert_int_equal(find_location(ix, "/images"), 3);
	assert_int_equal(find_location(ix, "/images/"), 2);
	assert_int_equal(find_location(ix, "/images/a"), 2);
	assert_int_equal(find_location(ix, "/images/x"), 4);
	assert_int_equal(find_location(ix, "/images/x/"), 8);
	assert_int_equal(find_location(ix, "/images/x/z"), 8);
	assert_int_equal(find_location(ix, "/images/x/y/z"), 5);
	assert_int_equal(find_location(ix, "/abc"), 7);
	assert_int_equal(find_location(ix, "*"), -1);
	assert_int_equal(find_location(ix, ""), -1);
	assert_false(location_index_add(ix, &locations[0]));
	arena_free(a);
}

/* Against the plain search: every prefix of every path over a small alphabet. */
static void
test_locations_exhaustively(void **state)
{
	static const char *const paths[] = { "/", "/a", "/a/", "/a/b", "/aa", "/ab", "/b/a",
		"/b/a/a", "/b", "/bb/a", "/a/b/a/b", "/a/b/a" };
	struct arena *a = arena_new(0);
	struct location_index *ix = index_of(a, paths, COUNT(paths));

	for (unsigned n = 0; n < 3 * 3 * 3 * 3 * 3 * 3 * 3; n++) {
		char uri[9] = "/";
		int best = -1;

		for (unsigned i = 1, rest = n; i < 8; i++, rest /= 3)
			uri[i] = "/ab"[rest % 3];
		for (size_t i = 0; i < COUNT(paths); i++) {
			if (span_starts(span_str(uri), span_str(paths[i])) &&
			    (best < 0 || strlen(paths[i]) > strlen(paths[best])))
				best = (int)i;
		}
		assert_int_equal(find_location(ix, uri), best);
	}
	arena_free(a);
}

static bool
wants_slash(const struct location_index *ix, const char *uri)
{
	const struct location *l;

	return location_index_find(ix, span_str(uri), NULL, &l) == LOCATION_WANTS_SLASH;
}

static void
test_wants_slash(void **state)
{
	static const char *const paths[] = { "/", "/p/", "/q/", "/q", "/s/", "/t/", "=/t" };
	static const struct proxy_target proxied;
	struct arena *a = arena_new(0);
	struct location_index *ix = location_index_new(a);

	for (size_t i = 0; i < COUNT(paths); i++) {
		bool exact = paths[i][0] == '=';

		locations[i] = (struct location){
			.kind = exact ? LOCATION_EXACT : LOCATION_PREFIX,
			.path = span_str(paths[i] + exact),
			.proxy = i == 4 ? NULL : &proxied,
		};
		assert_true(location_index_add(ix, &locations[i]));
	}
	location_index_finish(ix);
	assert_true(wants_slash(ix, "/p"));
	assert_false(wants_slash(ix, "/p/"));
	assert_false(wants_slash(ix, "/px"));
	assert_false(wants_slash(ix, "/q"));
	assert_false(wants_slash(ix, "/s"));
	assert_false(wants_slash(ix, "/t"));
	assert_false(wants_slash(ix, "/"));
	assert_false(wants_slash(ix, ""));
	arena_free(a);
}

static void
test_endpoint(void **state)
{
	struct endpoint endpoints[2] = { 0 };
	struct listener l = { .endpoints = endpoints, .endpoint_count = 2 };
	struct sockaddr_in local = { .sin_family = AF_INET };
	struct sockaddr_in6 local6 = { .sin6_family = AF_INET6 };

	endpoints[0].address.u.in.sin_family = AF_INET;
	endpoints[0].address.u.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	endpoints[1].address.u.in.sin_family = AF_INET;
	local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_ptr_equal(route_endpoint(&l, (struct sockaddr *)&local), &endpoints[0]);
	local.sin_addr.s_addr = htonl(0x0a000001);
	assert_ptr_equal(route_endpoint(&l, (struct sockaddr *)&local), &endpoints[1]);
	assert_ptr_equal(route_endpoint(&l, (struct sockaddr *)&local6), &endpoints[1]);

	endpoints[0].address.u.in6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	local6.sin6_addr = in6addr_loopback;
	assert_ptr_equal(route_endpoint(&l, (struct sockaddr *)&local6), &endpoints[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_conflicts),
		cmocka_unit_test(test_locations),
		cmocka_unit_test(test_locations_exhaustively),
		cmocka_unit_test(test_wants_slash),
		cmocka_unit_test(test_endpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

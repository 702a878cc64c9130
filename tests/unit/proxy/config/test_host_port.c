/* SPDX-License-Identifier: ISC */
/* host_port: addresses of listen, server and proxy_pass taken apart. */
#include "proxy/config/host_port.h"
#include "tests/unit/unit.h"

static void
test_split(void **state)
{
	static const struct {
		const char *text;
		bool may_omit_host;
		const char *wrong, *host;
		unsigned port;
	} rows[] = {
		{ "80", true, NULL, "", 80 },
		{ "*", true, NULL, "", 0 },
		{ "*:80", true, NULL, "", 80 },
		{ "80", false, NULL, "80", 0 },
		{ "a.example", false, NULL, "a.example", 0 },
		{ "a.example:8080", false, NULL, "a.example", 8080 },
		{ "127.0.0.1:65535", true, NULL, "127.0.0.1", 65535 },
		{ "[::1]", true, NULL, "::1", 0 },
		{ "[::1]:443", false, NULL, "::1", 443 },
		{ "unix:/run/x:y", true, NULL, "/run/x:y", 0 },
		{ "UNIX:/x", false, NULL, "/x", 0 },
		{ "", true, "no host", "", 0 },
		{ ":80", true, "no host", "", 0 },
		{ "*:80", false, "invalid host", "", 0 },
		{ "a b:80", false, "invalid host", "", 0 },
		{ "a/b", false, "invalid host", "", 0 },
		{ "0", true, "invalid port", "", 0 },
		{ "65536", true, "invalid port", "", 0 },
		{ "a:", false, "invalid port", "", 0 },
		{ "a:0", false, "invalid port", "", 0 },
		{ "a:80x", false, "invalid port", "", 0 },
		{ "a:-1", false, "invalid port", "", 0 },
		{ "::1", false, "no host", "", 0 },
		{ "fe80::1", false, "invalid port", "", 0 },
		{ "[::1", false, "invalid host", "", 0 },
		{ "[]", false, "invalid IPv6 address", "", 0 },
		{ "[1.2.3.4]:80", false, "invalid IPv6 address", "", 0 },
		{ "[::1]80", false, "invalid port", "", 0 },
		{ "[::1]:", false, "invalid port", "", 0 },
		{ "unix:", true, "no path in the unix domain socket", "", 0 },
		{ "unix:x", true, "relative path in the unix domain socket", "", 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct host_port hp;
		const char *wrong =
		    host_port_split(span_str(rows[i].text), rows[i].may_omit_host, &hp);

		if (rows[i].wrong) {
			assert_non_null(wrong);
			assert_string_equal(wrong, rows[i].wrong);
			continue;
		}
		assert_null(wrong);
		assert_span(hp.host, rows[i].host);
		assert_int_equal(hp.port, rows[i].port);
	}
}

static void
test_longest_unix_path(void **state)
{
	struct arena *a = arena_new(0);
	char text[5 + 108 + 1];
	struct address address;
	struct host_port hp;

	memset(text, 'x', sizeof(text));
	memcpy(text, "unix:/", 6);
	assert_null(host_port_split(span_of(text, 5 + 107), true, &hp));
	assert_true(host_port_address(&hp, 0, a, &address));
	assert_int_equal(address.u.un.sun_path[106], 'x');
	assert_int_equal(address.u.un.sun_path[107], '\0');
	assert_int_equal(address.len, sizeof(struct sockaddr_un));
	assert_string_equal(host_port_split(span_of(text, 5 + 108), true, &hp),
	    "too long path in the unix domain socket");
	arena_free(a);
}

static void
test_address(void **state)
{
	static const struct {
		const char *host;
		int family;
		const char *text; /* NULL: a name */
	} rows[] = {
		{ "", AF_INET, "0.0.0.0:80" },
		{ "127.0.0.1", AF_INET, "127.0.0.1:80" },
		{ "::", AF_INET6, "[::]:80" },
		{ "2001:DB8:0:0::1", AF_INET6, "[2001:db8::1]:80" },
		{ "127.1", 0, NULL },
		{ "localhost", 0, NULL },
		{ "a-very-long-host-name-that-fits-no-numeric-address.example", 0, NULL },
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct host_port hp = { .host = span_str(rows[i].host) };
		struct address address;

		assert_int_equal(host_port_address(&hp, 80, a, &address), rows[i].text != NULL);
		if (!rows[i].text)
			continue;
		assert_int_equal(address.u.sa.sa_family, rows[i].family);
		assert_span(address.text, rows[i].text);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_longest_unix_path),
		cmocka_unit_test(test_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

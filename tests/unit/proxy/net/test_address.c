/* SPDX-License-Identifier: ISC */
/* Addresses as text, number and bytes. */
#include "proxy/net/address.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>

static void
inet4(void **state)
{
	static const char *const texts[] = { "0.0.0.0", "127.0.0.1", "255.255.255.255",
		"10.20.100.9" };
	struct arena *a = arena_new(0);
	struct address x = { .len = sizeof(x.u.in) };

	x.u.in.sin_family = AF_INET;
	x.u.in.sin_port = htons(65535);
	for (size_t i = 0; i < COUNT(texts); i++) {
		inet_pton(AF_INET, texts[i], &x.u.in.sin_addr);
		assert_span(address_host(&x, false, a), texts[i]);
		assert_span(address_host(&x, true, a), texts[i]);
	}
	assert_int_equal(address_port(&x), 65535);
	assert_true(span_eq(address_binary(&x), SPAN("\x0a\x14\x64\x09")));
	arena_free(a);
}

static void
inet6(void **state)
{
	struct arena *a = arena_new(0);
	struct address x = { .len = sizeof(x.u.in6) };

	x.u.in6.sin6_family = AF_INET6;
	x.u.in6.sin6_port = htons(443);
	inet_pton(AF_INET6, "2001:db8::1", &x.u.in6.sin6_addr);
	assert_span(address_host(&x, false, a), "2001:db8::1");
	assert_span(address_host(&x, true, a), "[2001:db8::1]");
	assert_int_equal(address_port(&x), 443);
	assert_int_equal(address_binary(&x).n, 16);
	arena_free(a);
}

static void
unix_and_unknown(void **state)
{
	struct arena *a = arena_new(0);
	struct address x = { .len = sizeof(sa_family_t) };

	x.u.un.sun_family = AF_UNIX;
	assert_span(address_host(&x, false, a), "unix:");
	assert_int_equal(address_port(&x), 0);
	assert_int_equal(address_binary(&x).n, 0);
	memcpy(x.u.un.sun_path, "/run/s", 7);
	x.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 7);
	assert_span(address_host(&x, false, a), "unix:/run/s");
	/* No NUL behind: the kernel need not put one. */
	x.len--;
	assert_span(address_binary(&x), "/run/s");
	x.len = 0;
	assert_int_equal(address_host(&x, false, a).n, 0);
	assert_int_equal(address_port(&x), 0);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inet4),
		cmocka_unit_test(inet6),
		cmocka_unit_test(unix_and_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

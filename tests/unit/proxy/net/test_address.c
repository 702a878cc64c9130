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
		assert_span(address_host(&x.u.sa, false, a), texts[i]);
		assert_span(address_host(&x.u.sa, true, a), texts[i]);
	}
	assert_int_equal(address_port(&x.u.sa), 65535);
	assert_true(span_eq(address_binary(&x.u.sa), SPAN("\x0a\x14\x64\x09")));
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
	assert_span(address_host(&x.u.sa, false, a), "2001:db8::1");
	assert_span(address_host(&x.u.sa, true, a), "[2001:db8::1]");
	assert_int_equal(address_port(&x.u.sa), 443);
	assert_int_equal(address_binary(&x.u.sa).n, 16);
	arena_free(a);
}

static void
unix_and_unknown(void **state)
{
	struct arena *a = arena_new(0);
	struct address x = { .len = sizeof(sa_family_t) };

	x.u.un.sun_family = AF_UNIX;
	assert_span(address_host(&x.u.sa, false, a), "unix:");
	assert_int_equal(address_port(&x.u.sa), 0);
	assert_int_equal(address_binary(&x.u.sa).n, 0);
	memcpy(x.u.un.sun_path, "/run/s", 7);
	assert_span(address_host(&x.u.sa, false, a), "unix:/run/s");
	/* No NUL behind: there need not be one. */
	memset(x.u.un.sun_path, 'x', sizeof(x.u.un.sun_path));
	assert_int_equal(address_binary(&x.u.sa).n, sizeof(x.u.un.sun_path));
	x = (struct address){ .len = 0 };
	assert_int_equal(address_host(&x.u.sa, false, a).n, 0);
	assert_int_equal(address_port(&x.u.sa), 0);
	arena_free(a);
}

static struct sockaddr *
two(const struct sockaddr *sa, socklen_t len, const struct sockaddr **other)
{
	return address_dup_two(sa, len, sa, len, other);
}

/* What the kernel gives has no more bytes than were meant; a copy has them all. */
static void
copies_are_whole(void **state)
{
	struct sockaddr_storage given;
	const struct sockaddr *other;
	struct sockaddr *copy;

	memset(&given, 'x', sizeof(given));
	given.ss_family = AF_UNIX;
	copy = two((struct sockaddr *)&given, sizeof(sa_family_t), &other);
	assert_int_equal(address_binary(copy).n, 0);
	assert_int_equal(address_binary(other).n, 0);
	free(copy);
	copy = two((struct sockaddr *)&given, offsetof(struct sockaddr_un, sun_path) + 5, &other);
	assert_span(address_binary(copy), "xxxxx");
	assert_span(address_binary(other), "xxxxx");
	assert_int_equal(((struct sockaddr_un *)(void *)copy)->sun_path[107], '\0');
	free(copy);
	given.ss_family = AF_INET6;
	copy = two((struct sockaddr *)&given, sizeof(struct sockaddr_in6), &other);
	assert_memory_equal(copy, &given, sizeof(struct sockaddr_in6));
	assert_memory_equal(other, &given, sizeof(struct sockaddr_in6));
	free(copy);
}

/* A path's length is no multiple of what a port's struct is aligned to. */
static void
copies_of_two_families(void **state)
{
	const struct sockaddr_un path = { .sun_family = AF_UNIX, .sun_path = "/run/s" };
	const struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };
	const struct sockaddr *local;
	struct sockaddr *copy = address_dup_two((const struct sockaddr *)&path, sizeof(path),
	    (const struct sockaddr *)&in, sizeof(in), &local);

	assert_span(address_binary(copy), "/run/s");
	assert_int_equal((uintptr_t)local % _Alignof(struct sockaddr_in), 0);
	assert_int_equal(address_port(local), 80);
	free(copy);
}

static void
text_has_host_and_port(void **state)
{
	struct address x = { .u.in = { .sin_family = AF_INET, .sin_port = htons(65535) } };
	char out[ADDRESS_TEXT];

	inet_pton(AF_INET, "192.0.2.1", &x.u.in.sin_addr);
	assert_span(address_text(&x.u.sa, out), "192.0.2.1:65535");
	/* As long as any. */
	x.u.in6.sin6_family = AF_INET6;
	memset(&x.u.in6.sin6_addr, 0xff, sizeof(x.u.in6.sin6_addr));
	assert_span(address_text(&x.u.sa, out), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	x = (struct address){ .u.un = { .sun_family = AF_UNIX, .sun_path = "/run/s" } };
	assert_span(address_text(&x.u.sa, out), "unix:");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inet4),
		cmocka_unit_test(inet6),
		cmocka_unit_test(unix_and_unknown),
		cmocka_unit_test(copies_are_whole),
		cmocka_unit_test(copies_of_two_families),
		cmocka_unit_test(text_has_host_and_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

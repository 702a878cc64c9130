/* SPDX-License-Identifier: ISC */
/* cidr: what is a network, and what is in it. */
#include "proxy/config/cidr.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>

static struct sockaddr_storage
address(const char *text)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };

	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)(void *)&ss)->sin_addr) == 1)
		ss.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)(void *)&ss)->sin6_addr) == 1)
		ss.ss_family = AF_INET6;
	return ss;
}

static void
test_contains(void **state)
{
	static const struct {
		const char *net, *in, *out;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", "192.0.2.2" },
		{ "192.0.2.0/24", "192.0.2.255", "192.0.3.0" },
		{ "192.0.2.128/25", "192.0.2.128", "192.0.2.127" },
		{ "10.0.0.0/255.254.0.0", "10.1.255.255", "10.2.0.0" },
		{ "0.0.0.0/0", "255.255.255.255", "::1" },
		{ "0.0.0.0/0.0.0.0", "1.2.3.4", "unix" },
		{ "127.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1" },
		{ "2001:db8::/32", "2001:db8:ffff::1", "2001:db9::" },
		{ "2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::" },
		{ "::1", "::1", "127.0.0.1" },
		{ "::/0", "fe80::1", "192.0.2.1" },
		{ "unix:", "unix", "127.0.0.1" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sockaddr_storage in = address(rows[i].in), out = address(rows[i].out);
		struct cidr c;

		assert_int_equal(cidr_parse(span_str(rows[i].net), &c), CIDR_OK);
		assert_true(cidr_contains(&c, (struct sockaddr *)&in));
		assert_false(cidr_contains(&c, (struct sockaddr *)&out));
	}
}

static void
test_refused(void **state)
{
	static const char *const bad[] = { "", "/", "/8", "1.2.3", "1.2.3.4/", "1.2.3.4/33",
		"1.2.3.4/-1", "1.2.3.4/255.0.255.0", "1.2.3.4/0.0.0.1", "::/129",
		"::1/ffff::", "1.2.3.4/8/8", "example.com", "unix:/path", " 1.2.3.4" };
	struct cidr c;

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(cidr_parse(span_str(bad[i]), &c), CIDR_BAD);
	assert_int_equal(cidr_parse(span_of("1.2.3.4\0x", 9), &c), CIDR_BAD);
	assert_int_equal(cidr_parse(SPAN("192.0.2.1/24"), &c), CIDR_MASKED);
	assert_int_equal(c.bytes[3], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

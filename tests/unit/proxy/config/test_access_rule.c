/* SPDX-License-Identifier: ISC */
/* access_rule: addresses and networks; the first that fits decides. */
#include "proxy/config/access_rule.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <sys/un.h>

static bool
allows(const struct access_rule *rules, const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
		return access_rule_allows(rules, (struct sockaddr *)&in);
	if (inet_pton(AF_INET6, address, &in6.sin6_addr) == 1)
		return access_rule_allows(rules, (struct sockaddr *)&in6);
	return access_rule_allows(rules, (struct sockaddr *)&un);
}

static void
test_fits(void **state)
{
	static const struct {
		const char *rule, *address;
		bool fits;
	} rows[] = {
		{ "all", "192.0.2.1", true },
		{ "all", "::1", true },
		{ "all", "unix", true },
		{ "unix:", "unix", true },
		{ "unix:", "::1", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "192.0.2.1", "unix", false },
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.0/255.255.255.0", "192.0.2.7", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "0.0.0.0/0", "203.0.113.1", true },
		{ "0.0.0.0/0", "::1", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "::1", "::1", true },
		{ "::1/128", "::2", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct access_rule rule = { .allow = false };
		bool trimmed;

		assert_int_equal(access_rule_parse(span_str(rows[i].rule), &rule, &trimmed), 0);
		assert_false(trimmed);
		assert_int_equal(allows(&rule, rows[i].address), !rows[i].fits);
	}
	assert_true(allows(NULL, "192.0.2.1"));
}

static void
test_first_decides(void **state)
{
	struct access_rule rules[3] = { { .allow = true }, { .allow = false }, { .allow = true } };
	bool trimmed;

	assert_int_equal(access_rule_parse(SPAN("192.0.2.1"), &rules[0], &trimmed), 0);
	assert_int_equal(access_rule_parse(SPAN("192.0.2.7/24"), &rules[1], &trimmed), 0);
	assert_true(trimmed);
	assert_int_equal(access_rule_parse(SPAN("all"), &rules[2], &trimmed), 0);
	rules[0].next = &rules[1];
	rules[1].next = &rules[2];
	assert_true(allows(rules, "192.0.2.1"));
	assert_false(allows(rules, "192.0.2.2"));
	assert_true(allows(rules, "192.0.3.1"));
}

static void
test_mistakes(void **state)
{
	static const char *const texts[] = { "", "a.example", "192.0.2", "192.0.2.1/33",
		"192.0.2.1/", "192.0.2.1/-1", "192.0.2.1/x", "::1/129", "::1/255.0.0.0", "[::1]",
		"/8", "unix:/x", "192.0.2.1/255.0.0.0.0", "ALL" };

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct access_rule rule;
		bool trimmed;

		assert_int_equal(access_rule_parse(span_str(texts[i]), &rule, &trimmed), -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_first_decides),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

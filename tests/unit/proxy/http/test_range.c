/* SPDX-License-Identifier: ISC */
/* Range against a representation of 10 bytes; verdicts are nginx's. */
#include "proxy/http/range.h"
#include "tests/unit/unit.h"

struct range_case {
	const char *value;
	enum range_result result;
	const char *ranges; /* "start-end,..." with end exclusive */
};

static void
check(const struct range_case *c, uint64_t length)
{
	struct arena *a = arena_new(0);
	struct byte_range *ranges;
	char text[128] = "";
	size_t count, at = 0;

	if (range_parse(span_str(c->value), length, a, &ranges, &count) != c->result)
		fail_msg("%s: wrong verdict", c->value);
	if (c->result == RANGE_OK) {
		for (size_t i = 0; i < count; i++)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%llu-%llu",
			    i ? "," : "", (unsigned long long)ranges[i].start,
			    (unsigned long long)ranges[i].end);
		if (strcmp(text, c->ranges) != 0)
			fail_msg("%s: %s, not %s", c->value, text, c->ranges);
	}
	arena_free(a);
}

static void
ranges_are_read(void **state)
{
	static const struct range_case cases[] = {
		{ "bytes=0-0", RANGE_OK, "0-1" },
		{ "bytes=2-5", RANGE_OK, "2-6" },
		{ "bytes=2-", RANGE_OK, "2-10" },
		{ "bytes=2-99", RANGE_OK, "2-10" },
		{ "bytes=2-10", RANGE_OK, "2-10" },
		{ "bytes=2-9", RANGE_OK, "2-10" },
		{ "bytes=-3", RANGE_OK, "7-10" },
		{ "bytes=-99", RANGE_OK, "0-10" },
		{ "BYTES=1-1", RANGE_OK, "1-2" },
		{ "bytes= 1 - 2 ", RANGE_OK, "1-3" },
		{ "bytes=0-0,-1", RANGE_OK, "0-1,9-10" },
		{ "bytes=0-0, 2-3 , 5-6", RANGE_OK, "0-1,2-4,5-7" },
		{ "bytes=50-60,1-2", RANGE_OK, "1-3" },
		{ "bytes=9-9223372036854775807", RANGE_OK, "9-10" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check(&cases[i], 10);
}

static void
what_cannot_be_served_is_416(void **state)
{
	static const char *const values[] = { "bytes=10-", "bytes=10-20", "bytes=99-", "bytes=-0",
		"bytes=a-b", "bytes=1", "bytes=1-2x", "bytes=-", "bytes=- 2", "bytes=1-2,",
		"bytes=1-2,x", "bytes=,1-2", "bytes=+1-2", "bytes=9223372036854775808-",
		"bytes=1-9223372036854775808", "bytes=-9223372036854775808",
		"bytes=99999999999999999999-" };

	for (size_t i = 0; i < COUNT(values); i++)
		check(&(struct range_case){ values[i], RANGE_NOT_SATISFIABLE, "" }, 10);
}

static void
what_is_not_worth_it_gets_the_whole(void **state)
{
	static const char *const values[] = { "", "bytes", "bytes=", "octets=0-1", "lines=1-2",
		"bytes=0-9,0-0", /* more than there is */
		"bytes=0-5,0-5", "bytes=0-,0-,0-,0-" };

	for (size_t i = 0; i < COUNT(values); i++)
		check(&(struct range_case){ values[i], RANGE_NONE, "" }, 10);
	check(&(struct range_case){ "bytes=0-", RANGE_NONE, "" }, 0);
	check(&(struct range_case){ "bytes=-5", RANGE_NONE, "" }, 0);
	check(&(struct range_case){ "bytes=5-", RANGE_NOT_SATISFIABLE, "" }, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_read),
		cmocka_unit_test(what_cannot_be_served_is_416),
		cmocka_unit_test(what_is_not_worth_it_gets_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

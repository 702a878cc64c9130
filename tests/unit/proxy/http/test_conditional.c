/* SPDX-License-Identifier: ISC */
/* Conditional requests against a file of one date and tag. */
#include "proxy/http/conditional.h"
#include "tests/unit/unit.h"

#define DATE 1795225564 /* Sat, 21 Nov 2026 01:46:04 GMT */
#define SAME "Sat, 21 Nov 2026 01:46:04 GMT"
#define EARLIER "Sat, 21 Nov 2026 01:46:03 GMT"
#define LATER "Sat, 21 Nov 2026 01:46:05 GMT"
#define TAG "\"6b00f7dc-5\""

struct conditional_case {
	enum conditional result;
	const char *fields[4]; /* name, value, name, value */
};

static void
check(const struct conditional_case *c, int64_t date, struct span tag)
{
	struct arena *a = arena_new(0);
	struct header_list l;

	header_list_init(&l, a);
	for (size_t i = 0; i + 1 < COUNT(c->fields) && c->fields[i]; i += 2)
		header_add(&l, header_identify(span_str(c->fields[i])), span_str(c->fields[i]),
		    span_str(c->fields[i + 1]));
	if (conditional_check(&l, date, tag, MODIFIED_SINCE_EXACT) != c->result)
		fail_msg("%s: %s: wrong verdict", c->fields[0] ? c->fields[0] : "nothing",
		    c->fields[0] ? c->fields[1] : "");
	arena_free(a);
}

static void
verdicts(void **state)
{
	static const struct conditional_case cases[] = {
		{ CONDITIONAL_PASS, { NULL } },
		{ CONDITIONAL_NOT_MODIFIED, { "If-Modified-Since", SAME } },
		{ CONDITIONAL_PASS, { "If-Modified-Since", EARLIER } },
		{ CONDITIONAL_PASS, { "If-Modified-Since", LATER } },
		{ CONDITIONAL_PASS, { "If-Modified-Since", "yesterday" } },
		{ CONDITIONAL_NOT_MODIFIED, { "If-None-Match", TAG } },
		{ CONDITIONAL_NOT_MODIFIED, { "If-None-Match", "W/" TAG } },
		{ CONDITIONAL_NOT_MODIFIED, { "If-None-Match", "*" } },
		{ CONDITIONAL_NOT_MODIFIED,
		    { "If-None-Match", "\"a\", \"b,c\" ,W/" TAG " , \"d\"" } },
		{ CONDITIONAL_PASS, { "If-None-Match", "\"a\"" } },
		{ CONDITIONAL_PASS, { "If-None-Match", "6b00f7dc-5" } },
		{ CONDITIONAL_PASS, { "If-None-Match", TAG "x" } },
		{ CONDITIONAL_PASS, { "If-None-Match", "" } },
		/* Both must agree. */
		{ CONDITIONAL_NOT_MODIFIED, { "If-Modified-Since", SAME, "If-None-Match", TAG } },
		{ CONDITIONAL_PASS, { "If-Modified-Since", LATER, "If-None-Match", TAG } },
		{ CONDITIONAL_PASS, { "If-Modified-Since", SAME, "If-None-Match", "\"x\"" } },
		{ CONDITIONAL_PASS, { "If-Match", TAG } },
		{ CONDITIONAL_PASS, { "If-Match", "*" } },
		{ CONDITIONAL_FAILED, { "If-Match", "\"x\"" } },
		{ CONDITIONAL_FAILED, { "If-Match", "W/" TAG } },
		{ CONDITIONAL_PASS, { "If-Unmodified-Since", SAME } },
		{ CONDITIONAL_PASS, { "If-Unmodified-Since", LATER } },
		{ CONDITIONAL_FAILED, { "If-Unmodified-Since", EARLIER } },
		{ CONDITIONAL_FAILED, { "If-Unmodified-Since", "soon" } },
		{ CONDITIONAL_FAILED, { "If-Match", "\"x\"", "If-None-Match", TAG } },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check(&cases[i], DATE, SPAN(TAG));
}

static void
without_date_and_tag(void **state)
{
	static const struct conditional_case cases[] = {
		{ CONDITIONAL_PASS, { "If-Modified-Since", SAME } },
		{ CONDITIONAL_PASS, { "If-None-Match", TAG } },
		{ CONDITIONAL_NOT_MODIFIED, { "If-None-Match", "*" } },
		{ CONDITIONAL_FAILED, { "If-Unmodified-Since", SAME } },
		{ CONDITIONAL_FAILED, { "If-Match", TAG } },
		/* A date that cannot be read is not the date of a file that has none. */
		{ CONDITIONAL_PASS, { "If-Modified-Since", "never" } },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check(&cases[i], -1, span_of(NULL, 0));
}

static void
if_range_lets_a_range_through(void **state)
{
	static const struct {
		const char *value;
		bool heeded;
	} cases[] = {
		{ NULL, true },
		{ TAG, true },
		{ "\"x\"", false },
		{ "W/" TAG, false },
		{ SAME, true },
		{ LATER, false },
		{ EARLIER, false },
		{ "nonsense", false },
		{ "", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *a = arena_new(0);
		struct header_list l;

		header_list_init(&l, a);
		if (cases[i].value)
			header_add(&l, HEADER_IF_RANGE, SPAN("If-Range"), span_str(cases[i].value));
		assert_int_equal(conditional_range(&l, DATE, SPAN(TAG)), cases[i].heeded);
		arena_free(a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(without_date_and_tag),
		cmocka_unit_test(if_range_lets_a_range_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* header: names known by one look-up, lists of fields, tokens. */
#include "proxy/http/header.h"
#include "tests/unit/unit.h"

#include <ctype.h>

static const struct {
	const char *name;
	enum header_id id;
} known[] = {
	{ "Host", HEADER_HOST },
	{ "Connection", HEADER_CONNECTION },
	{ "Content-Length", HEADER_CONTENT_LENGTH },
	{ "Transfer-Encoding", HEADER_TRANSFER_ENCODING },
	{ "Expect", HEADER_EXPECT },
	{ "Upgrade", HEADER_UPGRADE },
	{ "Keep-Alive", HEADER_KEEP_ALIVE },
	{ "Proxy-Connection", HEADER_PROXY_CONNECTION },
	{ "TE", HEADER_TE },
	{ "Trailer", HEADER_TRAILER },
	{ "Date", HEADER_DATE },
	{ "Server", HEADER_SERVER },
	{ "Content-Type", HEADER_CONTENT_TYPE },
	{ "Location", HEADER_LOCATION },
	{ "Refresh", HEADER_REFRESH },
	{ "Set-Cookie", HEADER_SET_COOKIE },
	{ "Last-Modified", HEADER_LAST_MODIFIED },
	{ "ETag", HEADER_ETAG },
	{ "If-Modified-Since", HEADER_IF_MODIFIED_SINCE },
	{ "If-Unmodified-Since", HEADER_IF_UNMODIFIED_SINCE },
	{ "If-Match", HEADER_IF_MATCH },
	{ "If-None-Match", HEADER_IF_NONE_MATCH },
	{ "If-Range", HEADER_IF_RANGE },
	{ "Range", HEADER_RANGE },
	{ "X-Forwarded-For", HEADER_X_FORWARDED_FOR },
	{ "Cookie", HEADER_COOKIE },
	{ "User-Agent", HEADER_USER_AGENT },
	{ "Referer", HEADER_REFERER },
	{ "Authorization", HEADER_AUTHORIZATION },
	{ "X-Accel-Redirect", HEADER_X_ACCEL },
};

static void
every_known_name_is_identified_in_any_case(void **state)
{
	/* One row for each id but OTHER. */
	assert_int_equal(COUNT(known), HEADER_ID_COUNT - 1);
	for (size_t i = 0; i < COUNT(known); i++) {
		char text[32];
		size_t n = strlen(known[i].name);

		assert_int_equal(header_identify(span_str(known[i].name)), known[i].id);
		for (size_t k = 0; k <= n; k++)
			text[k] = (char)toupper(known[i].name[k]);
		assert_int_equal(header_identify(span_of(text, n)), known[i].id);
		for (size_t k = 0; k <= n; k++)
			text[k] = (char)tolower(known[i].name[k]);
		assert_int_equal(header_identify(span_of(text, n)), known[i].id);
	}
}

static void
a_name_one_letter_off_is_not_known(void **state)
{
	for (size_t i = 0; i < COUNT(known); i++) {
		char text[32];
		size_t n = strlen(known[i].name);

		for (size_t k = 0; k < n; k++) {
			memcpy(text, known[i].name, n);
			text[k] = text[k] == 'z' ? 'q' : 'z';
			/* Any X-Accel-* is one. */
			if (known[i].id == HEADER_X_ACCEL && k >= sizeof("X-Accel-") - 1)
				continue;
			assert_int_equal(header_identify(span_of(text, n)), HEADER_OTHER);
		}
		memcpy(text, known[i].name, n);
		text[n] = 's';
		if (known[i].id != HEADER_X_ACCEL)
			assert_int_equal(header_identify(span_of(text, n + 1)), HEADER_OTHER);
		/* Not a byte further than the span. */
		assert_int_equal(header_identify(span_of(text, n - 1)) == known[i].id,
		    known[i].id == HEADER_X_ACCEL);
	}
	assert_int_equal(header_identify(SPAN("")), HEADER_OTHER);
	assert_int_equal(header_identify(SPAN("X-Accel-")), HEADER_OTHER);
	assert_int_equal(header_identify(SPAN("content_length")), HEADER_OTHER);
}

static struct header_list
list_of(struct arena *arena, const char *const *pairs)
{
	struct header_list l;

	header_list_init(&l, arena);
	for (; *pairs; pairs += 2) {
		struct span name = span_str(pairs[0]);

		header_add(&l, header_identify(name), name, span_str(pairs[1]));
	}
	return l;
}

static void
fields_keep_their_order_while_the_list_grows(void **state)
{
	struct arena *arena = arena_new(0);
	struct header_list l;
	char names[1000][8];

	header_list_init(&l, arena);
	assert_null(header_find_name(&l, SPAN("a")));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(names[i], sizeof(names[i]), "n%u", i);
		header_add(&l, HEADER_OTHER, span_str(names[i]), span_str(names[i]));
	}
	assert_int_equal(l.count, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_span(l.rows[i].name, names[i]);
	assert_ptr_equal(header_find_name(&l, SPAN("N999")), &l.rows[999]);
	assert_null(header_find_name(&l, SPAN("n1000")));
	arena_free(arena);
}

static void
look_ups_give_the_first_that_is_not_hidden(void **state)
{
	static const char *const pairs[] = { "Cookie", "a=1", "X-Y", "1", "cookie", "b=2", "x-y",
		"2", NULL };
	struct arena *arena = arena_new(0);
	struct header_list l = list_of(arena, pairs);

	assert_span(header_find(&l, HEADER_COOKIE)->value, "a=1");
	assert_span(header_find_name(&l, SPAN("X-y"))->value, "1");
	assert_null(header_find(&l, HEADER_HOST));
	/* OTHER is no name. */
	assert_null(header_find(&l, HEADER_OTHER));

	l.rows[0].hidden = l.rows[1].hidden = true;
	assert_span(header_find(&l, HEADER_COOKIE)->value, "b=2");
	assert_span(header_find_name(&l, SPAN("x-y"))->value, "2");
	assert_span(header_value_for_variable(&l, SPAN("cookie"), arena), "b=2");
	arena_free(arena);
}

static void
variables_name_fields_with_underscores_and_join_them(void **state)
{
	static const char *const pairs[] = { "User-Agent", "curl", "X-Forwarded-For", "1.1.1.1",
		"Via", "", "Cookie", "a=1", "x-forwarded-for", "2.2.2.2", "x_y", "under", "COOKIE",
		"b=2", "via", "v", "Via", "", NULL };
	struct arena *arena = arena_new(0);
	struct header_list l = list_of(arena, pairs);

	assert_span(header_value_for_variable(&l, SPAN("user_agent"), arena), "curl");
	assert_span(header_value_for_variable(&l, SPAN("x_forwarded_for"), arena),
	    "1.1.1.1, 2.2.2.2");
	assert_span(header_value_for_variable(&l, SPAN("cookie"), arena), "a=1; b=2");
	assert_span(header_value_for_variable(&l, SPAN("via"), arena), ", v, ");
	assert_span(header_value_for_variable(&l, SPAN("x_y"), arena), "under");
	/* A variable's name is in lower case, and has no hyphens. */
	assert_int_equal(header_value_for_variable(&l, SPAN("User_Agent"), arena).n, 0);
	assert_int_equal(header_value_for_variable(&l, SPAN("user-agent"), arena).n, 0);
	assert_int_equal(header_value_for_variable(&l, SPAN("user_agents"), arena).n, 0);
	arena_free(arena);
}

static void
tokens_are_whole_list_members(void **state)
{
	static const struct {
		const char *value, *token;
		bool want;
	} cases[] = {
		{ "close", "close", true },
		{ "Keep-Alive, CLOSE", "close", true },
		{ " \tclose\t ", "close", true },
		{ ",,close,", "close", true },
		{ "a,\tclose ,b", "close", true },
		{ "", "close", false },
		{ "closed", "close", false },
		{ "not-close", "close", false },
		{ "close x", "close", false },
		{ "close;q=1", "close", false },
		{ "\"close\"", "close", false },
		{ "clo,se", "close", false },
		{ "close\v", "close", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(header_has_token(span_str(cases[i].value),
				     span_str(cases[i].token)),
		    cases[i].want);
}

static void
a_made_value_ends_no_field(void **state)
{
	struct arena *arena = arena_new(0);
	struct span plain = SPAN("a\tb\x80\xff c"), got;

	assert_ptr_equal(header_safe_value(plain, arena).p, plain.p);
	assert_int_equal(header_safe_value(span_of(NULL, 0), arena).n, 0);
	assert_span(header_safe_value(SPAN("\r\nX: 1\r\n"), arena), "%0D%0AX: 1%0D%0A");
	for (unsigned c = 0; c < 256; c++) {
		char value[] = { 'a', (char)c, 'b' }, want[8];
		bool control = (c < 0x20 && c != '\t') || c == 0x7f;
		int n = control ? snprintf(want, sizeof(want), "a%%%02Xb", c) : 3;

		got = header_safe_value(span_of(value, 3), arena);
		assert_true(span_eq(got, span_of(control ? want : value, (size_t)n)));
	}
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_made_value_ends_no_field),
		cmocka_unit_test(every_known_name_is_identified_in_any_case),
		cmocka_unit_test(a_name_one_letter_off_is_not_known),
		cmocka_unit_test(fields_keep_their_order_while_the_list_grows),
		cmocka_unit_test(look_ups_give_the_first_that_is_not_hidden),
		cmocka_unit_test(variables_name_fields_with_underscores_and_join_them),
		cmocka_unit_test(tokens_are_whole_list_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

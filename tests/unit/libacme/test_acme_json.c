/* SPDX-License-Identifier: ISC */
/* acme_json: one object, whole, nothing behind it. */
#include "libacme/acme_json.h"
#include "tests/unit/unit.h"

static void
documents_that_are_none(void **state)
{
	static const struct span bad[] = {
		SPAN_INIT(""),
		SPAN_INIT("  \n"),
		SPAN_INIT("{"),
		SPAN_INIT("[]"),
		SPAN_INIT("\"x\""),
		SPAN_INIT("null"),
		SPAN_INIT("{} {}"),
		SPAN_INIT("{}x"),
		SPAN_INIT("{\"a\":1,}"),
		SPAN_INIT("<html>"),
		SPAN_INIT("{\"a\":\"b\0c\"}"),
		SPAN_INIT("{\"a\":\"b\\u0000c\"}"),
		SPAN_INIT("{\"a\":\"\\\\\\u0000\"}"),
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = ERR_INIT;
		cJSON *doc;

		assert_int_equal(acme_json_parse(bad[i], "the answer", &doc, &e), -1);
		assert_null(doc);
		assert_int_equal(e.kind, ERR_DATA);
		assert_non_null(strstr(err_text(&e), "the answer"));
		err_release(&e);
	}
}

static void
members_by_type(void **state)
{
	static const struct span text =
	    SPAN_INIT(" {\"s\":\"x\",\"o\":{},\"a\":[],\"t\":true,\"f\":false,\"n\":1,"
		      "\"u\":\"https://ca.example/x?y=1\",\"back\":\"\\\\u0000\"}\r\n");
	cJSON *doc;

	assert_int_equal(acme_json_parse(text, "it", &doc, NULL), 0);
	assert_string_equal(acme_json_string(doc, "s"), "x");
	assert_null(acme_json_string(doc, "S"));
	assert_null(acme_json_string(doc, "n"));
	assert_null(acme_json_string(NULL, "s"));
	assert_non_null(acme_json_object(doc, "o"));
	assert_null(acme_json_object(doc, "a"));
	assert_non_null(acme_json_array(doc, "a"));
	assert_null(acme_json_array(doc, "o"));
	assert_true(acme_json_true(doc, "t"));
	assert_false(acme_json_true(doc, "f"));
	assert_false(acme_json_true(doc, "s"));
	assert_string_equal(acme_json_url(doc, "u"), "https://ca.example/x?y=1");
	assert_null(acme_json_url(doc, "s"));
	assert_string_equal(acme_json_string(doc, "back"), "\\u0000");
	cJSON_Delete(doc);
}

static void
urls(void **state)
{
	static const char *const good[] = { "https://a", "https://a:14000/dir", "https://[::1]/x" };
	static const char *const bad[] = { "", "https://", "http://a/", "HTTPS://a",
		"file:///etc/passwd", "https://a b", "https://a\nb", "https://a\x7f",
		"https://\xc3\xa4", "https://a/\"" };
	char longest[2100] = "https://";

	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(acme_url_ok(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(acme_url_ok(bad[i]));
	memset(longest + 8, 'a', 2041);
	assert_false(acme_url_ok(longest));
	longest[2048] = '\0';
	assert_true(acme_url_ok(longest));
}

static void
too_large(void **state)
{
	size_t n = ACME_JSON_MAX + 1;
	char *text = malloc(n);
	cJSON *doc;

	memset(text, ' ', n);
	text[0] = '{';
	text[n - 1] = '}';
	assert_int_equal(acme_json_parse(span_of(text, n), "it", &doc, NULL), -1);
	text[n - 2] = '}';
	assert_int_equal(acme_json_parse(span_of(text, n - 1), "it", &doc, NULL), 0);
	cJSON_Delete(doc);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_that_are_none),
		cmocka_unit_test(members_by_type),
		cmocka_unit_test(urls),
		cmocka_unit_test(too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

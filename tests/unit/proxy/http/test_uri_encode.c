/* SPDX-License-Identifier: ISC */
/* uri_encode: what stands for itself, and what redirects need not escape. */
#include "proxy/http/uri_encode.h"
#include "tests/unit/unit.h"

static void
test_encode(void **state)
{
	struct arena *a = arena_new(0);
	struct span plain = SPAN("/a-b.c_d~e/!$'()*,:=@[]");

	assert_ptr_equal(uri_encode(plain, URI_ENCODE_PATH, a).p, plain.p);
	assert_span(uri_encode(SPAN("a b\"#%<>?\\^`{|}\x7f\xc3\r\n"), URI_ENCODE_PATH, a),
	    "a%20b%22%23%25%3C%3E%3F%5C%5E%60%7B%7C%7D%7F%C3%0D%0A");
	assert_span(uri_encode(SPAN("a&b+c;d"), URI_ENCODE_PATH, a), "a&b+c;d");
	assert_span(uri_encode(SPAN("a&b+c;d"), URI_ENCODE_ARGS, a), "a%26b%2Bc%3Bd");
	assert_span(uri_encode(SPAN("\0"), URI_ENCODE_PATH, a), "%00");
	assert_span(uri_encode(SPAN(""), URI_ENCODE_PATH, a), "");
	assert_span(uri_encode(SPAN("/a b\r\n\t\x7f\"%41?x"), URI_ENCODE_CONTROLS, a),
	    "/a%20b%0D%0A%09%7F\"%41?x");
	arena_free(a);
}

static void
test_decode_redirect(void **state)
{
	static const struct {
		const char *text, *decoded;
	} rows[] = {
		{ "", "" },
		{ "/plain", "/plain" },
		{ "/%41%7e", "/A~" },
		{ "/%20%25%0d%0A%7f%80", "/%20%25%0d%0A%7f%80" },
		{ "/%26%2b%2B", "/&++" },
		{ "/%", "/%" },
		{ "/%4", "/%4" },
		{ "/%zz%41", "/%zzA" },
		{ "/%3fa%41", "/?a%41" },
		{ "/%41?%41", "/A?%41" },
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_span(uri_decode_redirect(span_str(rows[i].text), a), rows[i].decoded);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_decode_redirect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

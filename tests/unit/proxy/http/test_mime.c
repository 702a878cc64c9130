/* SPDX-License-Identifier: ISC */
/* Extensions, and types by them. */
#include "proxy/http/mime.h"
#include "tests/unit/unit.h"

static void
the_extension_is_behind_the_last_dot_of_the_last_segment(void **state)
{
	static const struct {
		const char *uri, *extension;
	} cases[] = {
		{ "/a.html", "html" },
		{ "/a.tar.gz", "gz" },
		{ "/dir.d/file", "" },
		{ "/.profile", "" },
		{ "/a/.profile", "" },
		{ "/a/.x.css", "css" },
		{ "/a.", "" },
		{ "/", "" },
		{ "", "" },
		{ "/a.B", "B" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_span(mime_extension(span_str(cases[i].uri)), cases[i].extension);
}

static void
types_are_found_in_any_case(void **state)
{
	static const struct mime_type types[] = {
		{ SPAN_INIT("css"), SPAN_INIT("text/css") },
		{ SPAN_INIT("htm"), SPAN_INIT("text/htm") },
		{ SPAN_INIT("html"), SPAN_INIT("text/html") },
		{ SPAN_INIT("js"), SPAN_INIT("text/js") },
	};
	struct location_settings s = { .types = types, .type_count = 4 };

	s.default_type = SPAN("x/y");
	assert_span(mime_type_of(&s, SPAN("/a.css")), "text/css");
	assert_span(mime_type_of(&s, SPAN("/a.HTM")), "text/htm");
	assert_span(mime_type_of(&s, SPAN("/a.htML")), "text/html");
	assert_span(mime_type_of(&s, SPAN("/a.js")), "text/js");
	assert_span(mime_type_of(&s, SPAN("/a.htmlx")), "x/y");
	assert_span(mime_type_of(&s, SPAN("/a.ht")), "x/y");
	assert_span(mime_type_of(&s, SPAN("/a.zz")), "x/y");
	assert_span(mime_type_of(&s, SPAN("/css")), "x/y");
	s.type_count = 0;
	assert_span(mime_type_of(&s, SPAN("/a.css")), "x/y");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_extension_is_behind_the_last_dot_of_the_last_segment),
		cmocka_unit_test(types_are_found_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Phrases and pages, byte for byte as nginx 1.22 sends them but for the signature. */
#include "proxy/http/error_page.h"
#include "tests/unit/unit.h"

static void
phrases_are_nginxs(void **state)
{
	static const struct {
		unsigned status;
		const char *reason;
	} cases[] = {
		{ 200, "OK" },
		{ 206, "Partial Content" },
		{ 302, "Moved Temporarily" },
		{ 401, "Unauthorized" },
		{ 405, "Not Allowed" },
		{ 413, "Request Entity Too Large" },
		{ 421, "Misdirected Request" },
		{ 497, "Bad Request" },
		{ 503, "Service Temporarily Unavailable" },
		{ 504, "Gateway Time-out" },
		{ 507, "Insufficient Storage" },
		{ 300, "" },
		{ 418, "" },
		{ 431, "" },
		{ 999, "" },
		{ 0, "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_span(error_page_reason(cases[i].status), cases[i].reason);
}

static void
pages_are_nginxs(void **state)
{
	struct arena *a = arena_new(0);

	assert_span(error_page_body(404, false, a),
	    "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n"
	    "<center><h1>404 Not Found</h1></center>\r\n<hr><center>tinyproxyd</center>\r\n"
	    "</body>\r\n</html>\r\n");
	assert_span(error_page_body(302, true, a),
	    "<html>\r\n<head><title>302 Found</title></head>\r\n<body>\r\n"
	    "<center><h1>302 Found</h1></center>\r\n<hr><center>tinyproxyd/" GATEHOUSE_VERSION
	    "</center>\r\n</body>\r\n</html>\r\n");
	assert_span(error_page_body(497, false, a),
	    "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n"
	    "<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n"
	    "<center>The plain HTTP request was sent to HTTPS port</center>\r\n"
	    "<hr><center>tinyproxyd</center>\r\n</body>\r\n</html>\r\n");
	arena_free(a);
}

static void
some_codes_have_no_page(void **state)
{
	static const unsigned codes[] = { 0, 100, 200, 204, 300, 304, 407, 418, 431, 499, 508,
		599 };
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < COUNT(codes); i++)
		assert_int_equal(error_page_body(codes[i], true, a).n, 0);
	arena_free(a);
}

static void
inner_codes_show_as_400(void **state)
{
	assert_int_equal(error_page_wire_status(494), 400);
	assert_int_equal(error_page_wire_status(497), 400);
	assert_int_equal(error_page_wire_status(493), 493);
	assert_int_equal(error_page_wire_status(498), 498);
	assert_int_equal(error_page_wire_status(404), 404);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phrases_are_nginxs),
		cmocka_unit_test(pages_are_nginxs),
		cmocka_unit_test(some_codes_have_no_page),
		cmocka_unit_test(inner_codes_show_as_400),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

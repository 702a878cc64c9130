/* SPDX-License-Identifier: ISC */
/* The four forms of return. */
#include "tests/unit/proxy/http/fake_request.h"

static void
answer(struct fake *f, const char *method, const char *target, unsigned status, const char *text)
{
	struct return_action *action;
	struct err e = ERR_INIT;

	fake_init(f, method, target);
	action = arena_zalloc(f->request.arena, sizeof(*action));
	action->status = status;
	if (text) {
		action->text =
		    template_compile(&http_variables, span_str(text), f->request.arena, &e);
		assert_non_null(action->text);
	}
	f->request.return_action = action;
	request_set_handler(&f->request, &return_handler);
	err_release(&e);
}

static void
text_is_a_body(void **state)
{
	static const struct mime_type types[] = { { SPAN_INIT("html"), SPAN_INIT("text/html") } };
	struct fake f;

	answer(&f, "GET", "/x?q", 200, "$uri on $host\n");
	assert_int_equal(f.request.response.status, 200);
	assert_span(buf_span(&f.body), "/x on a.example\n");
	assert_span(f.request.response.content_type, "application/octet-stream");
	assert_true(f.ended);
	fake_release(&f);

	answer(&f, "GET", "/x.html", 404, "gone");
	assert_int_equal(f.request.response.status, 404);
	assert_span(buf_span(&f.body), "gone");
	fake_release(&f);

	fake_init(&f, "GET", "/x.HTML");
	f.settings.types = types;
	f.settings.type_count = 1;
	f.request.return_action = &(struct return_action){ .status = 200 };
	request_set_handler(&f.request, &return_handler);
	assert_span(f.request.response.content_type, "text/html");
	assert_int_equal(f.request.response.content_length, 0);
	fake_release(&f);
}

static void
codes_alone_have_pages_from_400_on(void **state)
{
	struct fake f;

	answer(&f, "GET", "/", 200, NULL);
	assert_int_equal(f.body.len, 0);
	assert_int_equal(f.request.response.content_length, 0);
	fake_release(&f);
	answer(&f, "GET", "/", 403, NULL);
	assert_span(f.request.response.content_type, "text/html");
	assert_true(f.body.len > 0);
	fake_release(&f);
	answer(&f, "GET", "/", 204, "text");
	assert_int_equal(f.request.response.content_type.n, 0);
	assert_int_equal(f.body.len, 0);
	fake_release(&f);
}

static void
redirects_have_a_location(void **state)
{
	static const unsigned codes[] = { 301, 302, 303, 307, 308 };
	struct fake f;

	for (size_t i = 0; i < COUNT(codes); i++) {
		answer(&f, "POST", "/x", codes[i], "https://$host$request_uri");
		assert_int_equal(f.request.response.status, codes[i]);
		assert_span(fake_sent(&f, "Location"), "https://a.example/x");
		assert_span(f.request.response.content_type, "text/html");
		fake_release(&f);
	}
	answer(&f, "GET", "/x", 300, "not a redirect");
	assert_span(fake_sent(&f, "Location"), "");
	assert_span(buf_span(&f.body), "not a redirect");
	fake_release(&f);
}

static void
some_close_without_an_answer(void **state)
{
	static const unsigned codes[] = { 444, 408, 499 };
	struct fake f;

	for (size_t i = 0; i < COUNT(codes); i++) {
		answer(&f, "GET", "/", codes[i], NULL);
		assert_true(f.aborted);
		assert_false(f.head_sent);
		assert_int_equal(f.request.response.status, codes[i]);
		fake_release(&f);
	}
	for (size_t i = 0; i < COUNT(codes); i++) {
		answer(&f, "GET", "/", codes[i], "text");
		assert_true(f.ended);
		fake_release(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_a_body),
		cmocka_unit_test(codes_alone_have_pages_from_400_on),
		cmocka_unit_test(redirects_have_a_location),
		cmocka_unit_test(some_close_without_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Location: made absolute, and nothing in it ends the field. */
#include "proxy/http/redirect.h"
#include "proxy/tls/tls_facts.h"
#include "tests/unit/proxy/http/fake_request.h"

static void
relative_targets_become_absolute(void **state)
{
	struct fake f;
	struct tls_facts facts = { .version = "TLSv1.3" };

	fake_init(&f, "GET", "/");
	assert_span(redirect_location(&f.request, SPAN("/x?y")), "http://a.example/x?y");
	fake_address(&f.local, "127.0.0.1", 8080);
	assert_span(redirect_location(&f.request, SPAN("/x")), "http://a.example:8080/x");
	f.client.tls.facts = &facts;
	assert_span(redirect_location(&f.request, SPAN("/x")), "https://a.example:8080/x");
	fake_address(&f.local, "::1", 443);
	assert_span(redirect_location(&f.request, SPAN("/x")), "https://a.example/x");
	f.request.host = SPAN("");
	assert_span(redirect_location(&f.request, SPAN("/x")), "https://[::1]/x");
	f.client.tls.facts = NULL;
	fake_release(&f);
}

static void
others_stay(void **state)
{
	struct fake f;

	fake_init(&f, "GET", "/");
	assert_span(redirect_location(&f.request, SPAN("https://b.example/")),
	    "https://b.example/");
	assert_span(redirect_location(&f.request, SPAN("rel")), "rel");
	assert_span(redirect_location(&f.request, SPAN("")), "");
	fake_release(&f);
}

static void
control_bytes_are_encoded(void **state)
{
	struct fake f;

	fake_init(&f, "GET", "/");
	assert_span(redirect_location(&f.request, SPAN("x\r\nSet-Cookie: a\x7f\xc3\xa9")),
	    "x%0D%0ASet-Cookie: a%7F\xc3\xa9");
	assert_span(redirect_location(&f.request, SPAN("/\n\0")), "http://a.example/%0A%00");
	fake_release(&f);
}

static void
sends_the_page_with_it(void **state)
{
	struct fake f;

	fake_init(&f, "GET", "/");
	redirect_send(&f.request, 307, SPAN("/t"));
	assert_int_equal(f.request.response.status, 307);
	assert_span(fake_sent(&f, "Location"), "http://a.example/t");
	assert_span(f.request.response.content_type, "text/html");
	assert_int_equal(f.request.response.content_length, f.body.len);
	assert_true(f.body.len > 0 && f.ended);
	fake_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relative_targets_become_absolute),
		cmocka_unit_test(others_stay),
		cmocka_unit_test(control_bytes_are_encoded),
		cmocka_unit_test(sends_the_page_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* suggest: near names are offered, far ones are not. */
#include "proxy/config/suggest.h"
#include "tests/unit/unit.h"

static const char *const names[] = { "root", "listen", "server_name", "proxy_pass",
	"proxy_set_header", "on" };

static struct span
nearest(const char *wrong)
{
	struct suggestion s;

	suggestion_init(&s, span_str(wrong));
	for (size_t i = 0; i < COUNT(names); i++)
		suggestion_offer(&s, span_str(names[i]));
	return s.best;
}

static void
test_nearest(void **state)
{
	assert_span(nearest("proxy_pas"), "proxy_pass");
	assert_span(nearest("proxypass"), "proxy_pass");
	assert_span(nearest("lisen"), "listen");
	assert_span(nearest("lsiten"), "listen");
	assert_span(nearest("servername"), "server_name");
	assert_span(nearest("ROOT"), "root");
	assert_span(nearest("proxy_set_heder"), "proxy_set_header");
	assert_span(nearest("gzip"), "");
	assert_span(nearest("rewrite"), "");
	assert_span(nearest("o"), "on");
	assert_span(nearest("x"), "");
	assert_span(nearest(""), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

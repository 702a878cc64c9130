/* SPDX-License-Identifier: ISC */
/* served: addresses; what servers show is tests/e2e/test_cert_info.py's. */
#include "libcert/served.h"
#include "tests/unit/libcert/made.h"

static void
addresses_name_host_and_port(void **state)
{
	static const struct {
		const char *address, *host; /* NULL: refused */
	} cases[] = {
		{ "a.example:443", "a.example" },
		{ "192.0.2.1:1", "192.0.2.1" },
		{ "[::1]:65535", "::1" },
		{ "a.example", NULL },
		{ "a.example:", NULL },
		{ "a.example:0", NULL },
		{ "a.example:65536", NULL },
		{ "a.example:https", NULL },
		{ "::1:443", NULL },
		{ ":443", NULL },
		{ "[]:443", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *host = served_address_host(cases[i].address, NULL);

		if (cases[i].host)
			assert_string_equal(host, cases[i].host);
		else
			assert_null(host);
		assert_int_equal(served_address_check(cases[i].address, NULL), host ? 0 : -1);
		free(host);
	}
}

static void
silence_is_told(void **state)
{
	STACK_OF(X509) *certs;

	/* Port 1 of the loopback: nobody listens there. */
	assert_refused(served_chain("127.0.0.1:1", SPAN("a.example"), 1000, &certs, &e),
	    "nothing answers at 127.0.0.1:1");
	assert_null(certs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_name_host_and_port),
		cmocka_unit_test(silence_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

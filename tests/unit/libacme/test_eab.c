/* SPDX-License-Identifier: ISC */
/* eab: where keys may come from, what is refused, and that nothing stays in the environment. */
#include "libacme/eab.h"
#include "libacme/jws.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

static void
test_no_binding_unless_asked_for(void **state)
{
	struct eab eab;

	unsetenv(EAB_KID_VARIABLE);
	unsetenv(EAB_KEY_VARIABLE);
	eab_init(&eab);
	assert_int_equal(eab_load(NULL, NULL, &eab, NULL), 0);
	assert_null(eab.kid);
	assert_int_equal(eab_load(NULL, "file", &eab, NULL), -1);
	assert_int_equal(eab_load("kid", NULL, &eab, NULL), -1);
	eab_release(&eab);
}

static void
test_variables_are_taken_away(void **state)
{
	struct eab eab;

	setenv(EAB_KID_VARIABLE, "kid", 1);
	setenv(EAB_KEY_VARIABLE, "-_8=", 1);
	eab_init(&eab);
	assert_int_equal(eab_load(NULL, NULL, &eab, NULL), 0);
	assert_string_equal(eab.kid, "kid");
	assert_int_equal(eab.key.len, 2);
	assert_memory_equal(eab.key.p, "\xfb\xff", 2);
	assert_null(getenv(EAB_KEY_VARIABLE));
	eab_release(&eab);
	unsetenv(EAB_KID_VARIABLE);
}

static void
test_both_alphabets_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} rows[] = {
		{ "+/8=", 0 },
		{ "-_8", 0 },
		{ " -_8\n", 0 },
		{ "", -1 },
		{ "=", -1 },
		{ "a b", -1 },
		{ "a", -1 },
		{ "-_8!", -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct eab eab;

		eab_init(&eab);
		setenv("MINE", rows[i].text, 1);
		assert_int_equal(eab_load("kid", "env:MINE", &eab, NULL), rows[i].rc);
		eab_release(&eab);
	}
}

static void
test_hmac_is_hs256(void **state)
{
	struct jws_header header = { .url = "u", .kid = "k" };
	struct buf out;

	buf_init(&out, 4096);
	assert_int_equal(jws_sign_hmac(SPAN("key"), &header, SPAN("{}"), &out, NULL), 0);
	/* HMAC-SHA256 over "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsiLCJ1cmwiOiJ1In0.e30" by openssl(1). */
	assert_string_equal(buf_str(&out),
	    "{\"protected\":\"eyJhbGciOiJIUzI1NiIsImtpZCI6ImsiLCJ1cmwiOiJ1In0\",\"payload\":\"e30\","
	    "\"signature\":\"A2HHiro0ADLw00WH5zhBrqAJ0b9CGYz4CpxHiQ1AHKQ\"}");
	buf_release(&out);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_binding_unless_asked_for),
		cmocka_unit_test(test_variables_are_taken_away),
		cmocka_unit_test(test_both_alphabets_and_nothing_else),
		cmocka_unit_test(test_hmac_is_hs256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

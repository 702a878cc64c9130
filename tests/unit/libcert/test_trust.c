/* SPDX-License-Identifier: ISC */
/* trust: its words, and when a run has reached what it wants. What stores really do is tested end to end. */
#include "libcert/trust.h"
#include "tests/unit/libcert/made.h"

static void
words_are_read(void **state)
{
	enum trust_action action;
	unsigned stores;

	assert_int_equal(trust_action_parse(SPAN("uninstall"), &action, NULL), 0);
	assert_int_equal(action, TRUST_UNINSTALL);
	assert_refused(trust_action_parse(SPAN("Install"), &action, &e), "none of install");
	assert_refused(trust_action_parse(SPAN(""), &action, &e), "none of install");
	assert_int_equal(trust_stores_parse(SPAN("java,system"), &stores, NULL), 0);
	assert_int_equal(stores, TRUST_JAVA | TRUST_SYSTEM);
	assert_refused(trust_stores_parse(SPAN("system,,java"), &stores, &e), "no store");
	assert_refused(trust_stores_parse(SPAN(""), &stores, &e), "no store");
	assert_string_equal(trust_store_word(TRUST_NSS), "nss");
	assert_string_equal(trust_state_word(TRUST_UNTRUSTED), "not trusted");
}

static void
absent_stores_do_not_count(void **state)
{
	static const struct {
		enum trust_state states[2];
		bool installed, uninstalled;
	} cases[] = {
		{ { TRUST_TRUSTED, TRUST_TRUSTED }, true, false },
		{ { TRUST_TRUSTED, TRUST_ABSENT }, true, false },
		{ { TRUST_TRUSTED, TRUST_UNTRUSTED }, false, false },
		{ { TRUST_TRUSTED, TRUST_FAILED }, false, false },
		{ { TRUST_UNTRUSTED, TRUST_FAILED }, false, false },
		{ { TRUST_UNTRUSTED, TRUST_ABSENT }, false, true },
		{ { TRUST_ABSENT, TRUST_ABSENT }, false, true },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trust_outcome outcomes[2] = { { .state = cases[i].states[0] },
			{ .state = cases[i].states[1] } };

		assert_int_equal(trust_reached(TRUST_INSTALL, outcomes, 2), cases[i].installed);
		assert_int_equal(trust_reached(TRUST_STATUS, outcomes, 2), cases[i].installed);
		assert_int_equal(trust_reached(TRUST_UNINSTALL, outcomes, 2), cases[i].uninstalled);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_read),
		cmocka_unit_test(absent_stores_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

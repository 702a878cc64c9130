/* SPDX-License-Identifier: ISC */
/* acme_challenge: what is a token's path. */
#include "proxy/http/acme_challenge.h"
#include "tests/unit/unit.h"

static void
test_tokens(void **state)
{
	char longest[sizeof(ACME_CHALLENGE_PATH) + 128];

	memset(longest, 'a', sizeof(longest));
	memcpy(longest, ACME_CHALLENGE_PATH, sizeof(ACME_CHALLENGE_PATH) - 1);
	assert_true(acme_challenge_is_token(SPAN(ACME_CHALLENGE_PATH "aZ09-_")));
	assert_true(acme_challenge_is_token(span_of(longest, sizeof(longest) - 1)));
	assert_false(acme_challenge_is_token(span_of(longest, sizeof(longest))));
	assert_false(acme_challenge_is_token(SPAN(ACME_CHALLENGE_PATH)));
	assert_false(acme_challenge_is_token(SPAN(ACME_CHALLENGE_PATH "a/b")));
	assert_false(acme_challenge_is_token(SPAN(ACME_CHALLENGE_PATH "..")));
	assert_false(acme_challenge_is_token(SPAN(ACME_CHALLENGE_PATH "a\0")));
	assert_false(acme_challenge_is_token(SPAN(ACME_CHALLENGE_PATH "a.txt")));
	assert_false(acme_challenge_is_token(SPAN("/x" ACME_CHALLENGE_PATH "a")));
	assert_false(acme_challenge_is_token(SPAN("/.well-known/acme-challenge")));
	assert_false(acme_challenge_is_token(SPAN("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_tokens) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* acme_problem: what a CA's refusal becomes. */
#include "libacme/acme_problem.h"
#include "tests/unit/unit.h"

#define URN "urn:ietf:params:acme:error:"

static struct acme_problem
parse(const char *text)
{
	struct acme_problem p;

	assert_int_equal(acme_problem_parse(span_str(text), &p, NULL), 0);
	return p;
}

static void
types_decide_kind_and_retry(void **state)
{
	static const struct {
		const char *text;
		enum err_kind kind;
		enum acme_retry retry;
	} cases[] = {
		{ "{\"type\":\"" URN "badNonce\"}", ERR_UNAVAILABLE, ACME_RETRY_NONCE },
		{ "{\"type\":\"" URN "rateLimited\",\"status\":429}", ERR_TEMPFAIL,
		    ACME_RETRY_LATER },
		{ "{\"type\":\"" URN "rejectedIdentifier\"}", ERR_DATA, ACME_RETRY_NO },
		{ "{\"type\":\"" URN "serverInternal\"}", ERR_UNAVAILABLE, ACME_RETRY_LATER },
		{ "{\"type\":\"" URN "unauthorized\"}", ERR_PARTIAL, ACME_RETRY_NO },
		{ "{\"type\":\"" URN "userActionRequired\"}", ERR_CONFIG, ACME_RETRY_NO },
		{ "{\"type\":\"" URN "neverHeardOf\",\"status\":403}", ERR_PARTIAL, ACME_RETRY_NO },
		{ "{\"type\":\"about:blank\",\"status\":502}", ERR_UNAVAILABLE, ACME_RETRY_LATER },
		{ "{}", ERR_PARTIAL, ACME_RETRY_NO },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct acme_problem p = parse(cases[i].text);
		struct err e = ERR_INIT;

		assert_int_equal(acme_problem_retry(&p), cases[i].retry);
		assert_int_equal(acme_problem_error(&p, 0, "it failed", &e), -1);
		assert_int_equal(e.kind, cases[i].kind);
		err_release(&e);
		acme_problem_release(&p);
	}
}

static void
sentence_names_detail_type_and_every_name(void **state)
{
	/* RFC 8555 6.7.1 */
	struct acme_problem p = parse(
	    "{\"type\":\"" URN "malformed\",\"detail\":\"Some of the identifiers "
	    "requested were rejected\",\"subproblems\":[{\"type\":\"" URN
	    "malformed\",\"detail\":\"Invalid "
	    "underscore\",\"identifier\":{\"type\":\"dns\",\"value\":\"_example.org\"}},{\"type\":\"" URN
	    "rejectedIdentifier\",\"detail\":\"This CA will not issue\",\"identifier\":{\"type\":\"dns\","
	    "\"value\":\"example.net\"}}, 7]}");
	struct err e = ERR_INIT;

	assert_true(acme_problem_is(&p, "malformed"));
	assert_int_equal(p.sub_count, 2);
	acme_problem_error(&p, 1000000000, "the CA refused the order", &e);
	assert_string_equal(err_text(&e),
	    "the CA refused the order: Some of the identifiers requested were rejected (malformed); "
	    "_example.org: Invalid underscore (malformed); example.net: This CA will not issue "
	    "(rejectedIdentifier); try again after 2001-09-09T01:46:40Z");
	assert_int_equal(e.retry_at, 1000000000);
	err_release(&e);
	acme_problem_release(&p);
}

/* Nothing a CA writes may move the cursor of a terminal or forge a line of a log. */
static void
control_bytes_do_not_pass(void **state)
{
	struct acme_problem p =
	    parse("{\"type\":\"x\\u001b[2J\",\"detail\":\"a\\nb\\u007f\",\"status\":1e9}");

	assert_string_equal(p.type, "x [2J");
	assert_string_equal(p.detail, "a b ");
	assert_int_equal(p.status, 0);
	acme_problem_release(&p);
}

static void
what_is_no_document(void **state)
{
	static const char *const bad[] = { "", "<html>502</html>", "[]", "{\"type\":" };

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct acme_problem p;

		assert_int_equal(acme_problem_parse(span_str(bad[i]), &p, NULL), -1);
		acme_problem_release(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_decide_kind_and_retry),
		cmocka_unit_test(sentence_names_detail_type_and_every_name),
		cmocka_unit_test(control_bytes_do_not_pass),
		cmocka_unit_test(what_is_no_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* authz: an authorization's status, name and challenge; hostile tokens. */
#include "libacme/authz.h"
#include "tests/unit/unit.h"

#define IDENTIFIER "\"identifier\":{\"type\":\"dns\",\"value\":\"a.example\"}"
#define CHALLENGE(token)                                                                   \
	"{\"type\":\"http-01\",\"url\":\"https://ca.example/c/1\",\"status\":\"pending\"," \
	"\"token\":\"" token "\"}"

static int
read_authz(const char *text, struct arena *arena, struct authz *a, struct err *e)
{
	*a = (struct authz){ .url = NULL };
	return authz_read(a, span_str(text), "http-01", "THUMB", arena, e);
}

static void
challenge_of_our_type_is_chosen(void **state)
{
	struct arena *arena = arena_new(0);
	struct authz a;

	assert_int_equal(
	    read_authz(
		"{\"status\":\"pending\"," IDENTIFIER ",\"challenges\":["
		"{\"type\":\"dns-01\",\"url\":\"https://ca.example/c/0\",\"token\":\"no\"}," CHALLENGE(
		    "DGyRejmCefe7v4NfDGDKfA") "]}",
		arena, &a, NULL),
	    0);
	assert_int_equal(a.status, AUTHZ_PENDING);
	assert_span(a.challenge.name, "a.example");
	assert_string_equal(a.challenge.url, "https://ca.example/c/1");
	assert_string_equal(a.challenge.key_auth, "DGyRejmCefe7v4NfDGDKfA.THUMB");
	assert_false(a.answered);
	arena_free(arena);
}

static void
statuses(void **state)
{
	static const struct {
		const char *name;
		enum authz_status status;
	} cases[] = { { "pending", AUTHZ_PENDING }, { "valid", AUTHZ_VALID },
		{ "invalid", AUTHZ_INVALID }, { "expired", AUTHZ_INVALID },
		{ "deactivated", AUTHZ_INVALID }, { "revoked", AUTHZ_INVALID } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *arena = arena_new(0);
		char text[256];
		struct authz a;

		snprintf(text, sizeof(text), "{\"status\":\"%s\"," IDENTIFIER ",\"challenges\":[]}",
		    cases[i].name);
		assert_int_equal(read_authz(text, arena, &a, NULL), 0);
		assert_int_equal(a.status, cases[i].status);
		assert_null(a.challenge.url);
		arena_free(arena);
	}
}

/* A token becomes a file name: nothing but base64url may pass. */
static void
what_is_refused(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"status\":\"pending\"," IDENTIFIER "}",
		"{\"status\":\"new\"," IDENTIFIER ",\"challenges\":[]}",
		"{\"status\":\"pending\",\"identifier\":{},\"challenges\":[]}",
		"{\"status\":\"pending\"," IDENTIFIER
		",\"challenges\":[" CHALLENGE("../../etc/x") "]}",
		"{\"status\":\"pending\"," IDENTIFIER ",\"challenges\":[" CHALLENGE("a/b") "]}",
		"{\"status\":\"pending\"," IDENTIFIER ",\"challenges\":[" CHALLENGE("..") "]}",
		"{\"status\":\"pending\"," IDENTIFIER ",\"challenges\":[" CHALLENGE("") "]}",
		"{\"status\":\"pending\"," IDENTIFIER ",\"challenges\":[{\"type\":\"http-01\","
		"\"url\":\"http://ca.example/plain\",\"token\":\"abc\"}]}",
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct arena *arena = arena_new(0);
		struct err e = ERR_INIT;
		struct authz a;

		assert_int_equal(read_authz(bad[i], arena, &a, &e), -1);
		assert_int_not_equal(e.kind, ERR_NONE);
		err_release(&e);
		arena_free(arena);
	}
}

static void
failure_is_the_challenge_s_error(void **state)
{
	struct err e = ERR_INIT;

	authz_failure(
	    SPAN(
		"{\"status\":\"invalid\"," IDENTIFIER ",\"challenges\":[{\"type\":\"http-01\"},"
		"{\"type\":\"dns-01\",\"error\":{\"type\":\"urn:ietf:params:acme:error:connection\","
		"\"detail\":\"Connection refused\"}}]}"),
	    &e);
	assert_string_equal(err_text(&e),
	    "the CA could not validate a.example: Connection refused (connection)");
	assert_non_null(strstr(e.hint, "port 80"));
	authz_failure(SPAN("{\"status\":\"expired\"," IDENTIFIER ",\"challenges\":[]}"), &e);
	assert_string_equal(err_text(&e),
	    "the CA could not validate a.example: its authorization is \"expired\"");
	err_release(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(challenge_of_our_type_is_chosen),
		cmocka_unit_test(statuses),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(failure_is_the_challenge_s_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

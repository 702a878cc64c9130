/* SPDX-License-Identifier: ISC */
/* json_write: nesting, commas, escapes. */
#include "base/json_write.h"
#include "tests/unit/unit.h"

static void
members_are_separated(void **state)
{
	struct buf out;
	struct json_write w = { .out = &out };

	buf_init(&out, 4096);
	json_open(&w, NULL, '{');
	json_number(&w, "schema", 1);
	json_open(&w, "none", '[');
	json_close(&w, ']');
	json_open(&w, "some", '[');
	json_text(&w, NULL, SPAN("a\"b\\\n"));
	json_number(&w, NULL, INT64_MIN);
	json_open(&w, NULL, '{');
	json_close(&w, '}');
	json_close(&w, ']');
	json_bool(&w, "yes", true);
	json_time(&w, "at", 0);
	json_close(&w, '}');
	assert_span(buf_span(&out),
	    "{\"schema\":1,\"none\":[],\"some\":[\"a\\\"b\\\\\\n\",-9223372036854775808,{}],"
	    "\"yes\":true,\"at\":\"1970-01-01T00:00:00Z\"}");
	buf_release(&out);
}

static void
what_does_not_fit_is_told(void **state)
{
	struct buf out;
	struct json_write w = { .out = &out };

	buf_init(&out, 8);
	json_open(&w, NULL, '[');
	json_text(&w, NULL, SPAN("123456789"));
	json_close(&w, ']');
	assert_true(out.full);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_separated),
		cmocka_unit_test(what_does_not_fit_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* name_list: no name twice, to subjectAltName and back, names that must not come in from outside. */
#include "libcert/name_list.h"
#include "tests/unit/libcert/made.h"

static void
names_are_there_once(void **state)
{
	static const char *const typed[] = { "A.example", "a.example.", "DNS:a.example", "[::1]",
		"0:0::0:1", "bücher.example", "xn--bcher-kva.example", "me@A.example" };
	static const char *const kept[] = { "a.example", "::1", "xn--bcher-kva.example",
		"me@a.example" };
	struct name_list list = { 0 };

	for (size_t i = 0; i < COUNT(typed); i++)
		assert_int_equal(name_list_add(&list, span_str(typed[i]), NULL), 0);
	assert_int_equal(list.count, COUNT(kept));
	for (size_t i = 0; i < COUNT(kept); i++)
		assert_string_equal(list.items[i].text, kept[i]);
	assert_true(name_list_has(&list, NAME_EMAIL));
	assert_false(name_list_has(&list, NAME_URI));
	name_list_release(&list);
	assert_int_equal(list.count, 0);
}

static void
there_is_a_limit(void **state)
{
	struct name_list list = { 0 };
	char text[32];

	for (int i = 0; i < NAME_LIST_MAX; i++) {
		snprintf(text, sizeof(text), "n%d.example", i);
		assert_int_equal(name_list_add(&list, span_str(text), NULL), 0);
	}
	assert_refused(name_list_add(&list, SPAN("one.more.example"), &e), "more than 100");
	name_list_release(&list);
}

static void
what_was_encoded_is_read_again(void **state)
{
	static const char *const typed[] = { "*.a.example", "192.0.2.1", "2001:db8::1",
		"me@a.example", "spiffe://a/b" };
	struct name_list list = { 0 }, again = { 0 };
	GENERAL_NAMES *san;

	for (size_t i = 0; i < COUNT(typed); i++)
		assert_int_equal(name_list_add(&list, span_str(typed[i]), NULL), 0);
	san = name_list_encode(list.items, list.count);
	assert_int_equal(name_list_add_san(&again, san, NULL), 0);
	assert_int_equal(again.count, COUNT(typed));
	for (size_t i = 0; i < COUNT(typed); i++)
		assert_string_equal(again.items[i].text, typed[i]);
	assert_int_equal(name_list_add_san(&again, NULL, NULL), 0);
	GENERAL_NAMES_free(san);
	name_list_release(&list);
	name_list_release(&again);
}

static void
foreign_names_are_checked(void **state)
{
	static const struct {
		int type;
		struct span bytes;
		const char *why;
	} cases[] = {
		{ GEN_DNS, SPAN_INIT("good.example\0.evil.example"), "NUL" },
		{ GEN_DNS, SPAN_INIT("a\nb.example"), "control byte" },
		{ GEN_DNS, SPAN_INIT("a b.example"), "blank" },
		{ GEN_DNS, SPAN_INIT(""), "empty" },
		{ GEN_DNS, SPAN_INIT("a..example"), "empty label" },
		{ GEN_EMAIL, SPAN_INIT("nobody"), "@" },
		{ GEN_URI, SPAN_INIT("no scheme"), "blank" },
		{ GEN_IPADD, SPAN_INIT("\x7f\0\0"), "3 bytes" },
		{ GEN_RID, SPAN_INIT(""), "no DNS name" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		GENERAL_NAMES *san = GENERAL_NAMES_new();
		GENERAL_NAME *general = GENERAL_NAME_new();
		struct name_list list = { 0 };

		if (cases[i].type == GEN_RID) {
			GENERAL_NAME_set0_value(general, GEN_RID, OBJ_nid2obj(NID_commonName));
		} else {
			ASN1_STRING *value = cases[i].type == GEN_IPADD ? ASN1_OCTET_STRING_new()
									: ASN1_IA5STRING_new();

			ASN1_STRING_set(value, cases[i].bytes.p, (int)cases[i].bytes.n);
			GENERAL_NAME_set0_value(general, cases[i].type, value);
		}
		sk_GENERAL_NAME_push(san, general);
		assert_refused(name_list_add_san(&list, san, &e), cases[i].why);
		GENERAL_NAMES_free(san);
		name_list_release(&list);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_there_once),
		cmocka_unit_test(there_is_a_limit),
		cmocka_unit_test(what_was_encoded_is_read_again),
		cmocka_unit_test(foreign_names_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

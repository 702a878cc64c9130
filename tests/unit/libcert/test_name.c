/* SPDX-License-Identifier: ISC */
/* name: kinds inferred, canonical forms, refusals with their reason. */
#include "libcert/name.h"
#include "tests/unit/libcert/made.h"

static void
kinds_are_inferred_and_forms_canonical(void **state)
{
	static const struct {
		const char *in;
		enum name_kind kind;
		const char *out;
	} cases[] = {
		{ "example.com", NAME_DNS, "example.com" },
		{ "EXAMPLE.Com.", NAME_DNS, "example.com" },
		{ "localhost", NAME_DNS, "localhost" },
		{ "my_app", NAME_DNS, "my_app" },
		{ "a-b.1.example", NAME_DNS, "a-b.1.example" },
		{ "*.Example.com", NAME_DNS, "*.example.com" },
		{ "m\xc3\xbcnchen.example", NAME_DNS, "xn--mnchen-3ya.example" },
		{ "M\xc3\x9cNCHEN.example", NAME_DNS, "xn--mnchen-3ya.example" },
		{ "mu\xcc\x88nchen.example", NAME_DNS, "xn--mnchen-3ya.example" },
		{ "*.b\xc3\xbc"
		  "cher.example",
		    NAME_DNS, "*.xn--bcher-kva.example" },
		{ "stra\xc3\x9f"
		  "e.example",
		    NAME_DNS, "xn--strae-oqa.example" },
		{ "XN--mnchen-3ya.example", NAME_DNS, "xn--mnchen-3ya.example" },
		{ "\xe4\xbe\x8b\xe3\x80\x82\xe4\xbe\x8b", NAME_DNS, "xn--fsq.xn--fsq" },
		{ "DNS:example.com", NAME_DNS, "example.com" },
		{ "192.0.2.1", NAME_IP, "192.0.2.1" },
		{ "2001:DB8:0:0::1", NAME_IP, "2001:db8::1" },
		{ "[::1]", NAME_IP, "::1" },
		{ "::ffff:192.0.2.1", NAME_IP, "::ffff:192.0.2.1" },
		{ "ip:192.0.2.1", NAME_IP, "192.0.2.1" },
		{ "IP:::1", NAME_IP, "::1" },
		{ "Me.Too+x@Example.COM", NAME_EMAIL, "Me.Too+x@example.com" },
		{ "EMAIL:a@b", NAME_EMAIL, "a@b" },
		{ "SPIFFE://Cluster/Service", NAME_URI, "spiffe://Cluster/Service" },
		{ "urn:uuid:6e8bc430", NAME_URI, "urn:uuid:6e8bc430" },
		{ "URI:https://example.com/%7e", NAME_URI, "https://example.com/%7e" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct name name;
		struct err e = ERR_INIT;

		if (name_parse(span_str(cases[i].in), &name, &e) < 0)
			fail_msg("%s", err_text(&e));
		assert_string_equal(name.text, cases[i].out);
		assert_int_equal(name.kind, cases[i].kind);
		assert_int_equal(name.wildcard, cases[i].out[0] == '*');
		name_release(&name);
	}
}

static void
addresses_carry_their_bytes(void **state)
{
	static const unsigned char v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 9 };
	struct name name;

	assert_int_equal(name_parse(SPAN("192.0.2.7"), &name, NULL), 0);
	assert_int_equal(name.ip_len, 4);
	assert_memory_equal(name.ip, "\xc0\x00\x02\x07", 4);
	name_release(&name);
	assert_int_equal(name_parse(SPAN("2001:db8::9"), &name, NULL), 0);
	assert_int_equal(name.ip_len, 16);
	assert_memory_equal(name.ip, v6, 16);
	name_release(&name);
}

#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void
refusals_say_why(void **state)
{
	static const struct {
		struct span in;
		const char *why;
	} cases[] = {
		{ SPAN_INIT(""), "empty" },
		{ SPAN_INIT("."), "empty" },
		{ SPAN_INIT("a..b"), "empty label" },
		{ SPAN_INIT(".a.b"), "empty label" },
		{ SPAN_INIT("a.b.."), "empty label" },
		{ SPAN_INIT("a b.example"), "blank" },
		{ SPAN_INIT("a.example\0.evil"), "0x00 at byte 10" },
		{ SPAN_INIT("a.example\n"), "0x0a" },
		{ SPAN_INIT("\x7f.example"), "0x7f" },
		{ SPAN_INIT("-a.example"), "hyphen" },
		{ SPAN_INIT("a-.example"), "hyphen" },
		{ SPAN_INIT("a,"
			    "b.example"),
		    "','" },
		{ SPAN_INIT("a.example/x"), "'/'" },
		{ SPAN_INIT(LABEL_63 "a.example"), "longer than 63" },
		{ SPAN_INIT(LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63), "253" },
		{ SPAN_INIT("*"), "wildcard" },
		{ SPAN_INIT("*."), "empty DNS" },
		{ SPAN_INIT("*.com"), "top-level" },
		{ SPAN_INIT("*.*.example.com"), "wildcard" },
		{ SPAN_INIT("a.*.example.com"), "wildcard" },
		{ SPAN_INIT("a*.example.com"), "wildcard" },
		{ SPAN_INIT("*.192.0.2.1"), "number" },
		{ SPAN_INIT("1.2.3"), "IP address" },
		{ SPAN_INIT("256.0.0.1"), "IP address" },
		{ SPAN_INIT("192.0.2.01"), "IP address" },
		{ SPAN_INIT("a.1"), "number" },
		{ SPAN_INIT("10.0.0.0/8"), "networks" },
		{ SPAN_INIT("2001:db8::/32"), "networks" },
		{ SPAN_INIT("fe80::1%eth0"), "zone" },
		{ SPAN_INIT("2001:db8:::1"), "IP address" },
		{ SPAN_INIT("a.example:443"), "port" },
		{ SPAN_INIT("192.0.2.1:443"), "port" },
		{ SPAN_INIT("[::1]:443"), "port" },
		{ SPAN_INIT("https://a.example/x"), "web address" },
		{ SPAN_INIT("IP:a.example"), "IP address" },
		{ SPAN_INIT("email:a.example"), "@" },
		{ SPAN_INIT("@a.example"), "before @" },
		{ SPAN_INIT("a@"), "empty DNS" },
		{ SPAN_INIT("a@b@c"), "'@'" },
		{ SPAN_INIT(".a@b.example"), "dot" },
		{ SPAN_INIT("a..b@b.example"), "dots" },
		{ SPAN_INIT("\"a\"@b.example"), "before @" },
		{ SPAN_INIT("\xc3\xbc@b.example"), "before @" },
		{ SPAN_INIT("URI:example"), "scheme" },
		{ SPAN_INIT("URI:spiffe:"), "scheme" },
		{ SPAN_INIT("spiffe://a/%2"), "hexadecimal" },
		{ SPAN_INIT("spiffe://a/\xc3\xbc"), "ASCII" },
		{ SPAN_INIT("spiffe://a/<x>"), "ASCII" },
		{ SPAN_INIT("\xff\xfe.example"), "internationalized" },
		{ SPAN_INIT("xn--a\xc3\xbc.example"), "internationalized" },
		{ SPAN_INIT("xn--zzzzzz99999999.example"), "internationalized" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct name name = { 0 };
		struct err e = ERR_INIT;

		if (name_parse(cases[i].in, &name, &e) == 0)
			fail_msg("\"%.*s\" was accepted as %s", SPAN_ARG(cases[i].in), name.text);
		if (!strstr(err_text(&e), cases[i].why))
			fail_msg("%s: does not say \"%s\"", err_text(&e), cases[i].why);
		assert_int_equal(e.kind, ERR_USAGE);
		assert_null(name.text);
		err_release(&e);
	}
}

static void
a_web_address_gets_a_hint(void **state)
{
	struct name name;
	struct err e = ERR_INIT;

	assert_int_equal(name_parse(SPAN("https://a.example:8443/x"), &name, &e), -1);
	assert_string_equal(e.hint,
	    "write a.example, or URI:https://a.example:8443/x if you mean the URI");
	err_release(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_inferred_and_forms_canonical),
		cmocka_unit_test(addresses_carry_their_bytes),
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(a_web_address_gets_a_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

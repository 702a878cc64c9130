/* SPDX-License-Identifier: ISC */
/* encode: RFC 4648 vectors both ways, and everything a strict decoder refuses. */
#include "base/encode.h"
#include "tests/unit/unit.h"

/* RFC 4648 section 10, and the two alphabets' last digits. */
static const struct {
	struct span plain;
	const char *base64, *base64url, *hex;
} vectors[] = {
	{ SPAN_INIT(""), "", "", "" },
	{ SPAN_INIT("f"), "Zg==", "Zg", "66" },
	{ SPAN_INIT("fo"), "Zm8=", "Zm8", "666f" },
	{ SPAN_INIT("foo"), "Zm9v", "Zm9v", "666f6f" },
	{ SPAN_INIT("foob"), "Zm9vYg==", "Zm9vYg", "666f6f62" },
	{ SPAN_INIT("fooba"), "Zm9vYmE=", "Zm9vYmE", "666f6f6261" },
	{ SPAN_INIT("foobar"), "Zm9vYmFy", "Zm9vYmFy", "666f6f626172" },
	{ SPAN_INIT("\0"), "AA==", "AA", "00" },
	{ SPAN_INIT("\xfb\xff\xbf"), "+/+/", "-_-_", "fbffbf" },
	{ SPAN_INIT("\xff\xff"), "//8=", "__8", "ffff" },
};

static void
vectors_both_ways(void **state)
{
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < COUNT(vectors); i++) {
		buf_reset(&b);
		assert_int_equal(encode_base64(&b, vectors[i].plain), 0);
		assert_span(buf_span(&b), vectors[i].base64);
		buf_reset(&b);
		assert_int_equal(encode_base64url(&b, vectors[i].plain), 0);
		assert_span(buf_span(&b), vectors[i].base64url);
		buf_reset(&b);
		assert_int_equal(encode_hex(&b, vectors[i].plain), 0);
		assert_span(buf_span(&b), vectors[i].hex);
		buf_reset(&b);
		assert_int_equal(decode_base64(&b, span_str(vectors[i].base64)), 0);
		assert_true(span_eq(buf_span(&b), vectors[i].plain));
		buf_reset(&b);
		assert_int_equal(decode_base64url(&b, span_str(vectors[i].base64url)), 0);
		assert_true(span_eq(buf_span(&b), vectors[i].plain));
		buf_reset(&b);
		assert_int_equal(decode_hex(&b, span_str(vectors[i].hex)), 0);
		assert_true(span_eq(buf_span(&b), vectors[i].plain));
	}
	buf_release(&b);
}

static void
all_bytes_survive(void **state)
{
	unsigned char all[256];
	struct buf text, back;

	for (size_t i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	buf_init(&text, 1000);
	buf_init(&back, 1000);
	for (size_t n = 253; n <= 256; n++) {
		buf_reset(&text);
		buf_reset(&back);
		assert_int_equal(encode_base64(&text, span_of(all, n)), 0);
		assert_int_equal(decode_base64(&back, buf_span(&text)), 0);
		assert_true(span_eq(buf_span(&back), span_of(all, n)));
		buf_reset(&text);
		buf_reset(&back);
		assert_int_equal(encode_base64url(&text, span_of(all, n)), 0);
		assert_int_equal(decode_base64url(&back, buf_span(&text)), 0);
		assert_true(span_eq(buf_span(&back), span_of(all, n)));
	}
	buf_release(&text);
	buf_release(&back);
}

static void
decoders_refuse_and_leave_the_buffer(void **state)
{
	static const char *const bad64[] = { "Z", "Zg", "Zm8", "Zg=", "Zg===", "=",
		"==", "====", "Z===", "Zh==", "Zm9=", "Zm9v=", "Zm 9", "Zm9v\n", " Zm9v", "Zm9-",
		"Zm9_", "Zg==Zg==", "Z=g=", "Zm\x80v", "Zm9.", "Zm9@", "Zm9[", "Zm9`", "Zm9{",
		"Zm9:" };
	static const char *const badurl[] = { "Z", "Zm9vZ", "Zg==", "Zm8=", "Zh", "Zm9", "Zm9+",
		"Zm9/", "Zm9v ", "Zm9v\r\n", "Zm\xff", "=" };
	static const char *const badhex[] = { "0", "000", "0g", "g0", "0x", " 0", "0:", "@0", "G0",
		"/0" };
	struct buf b;

	buf_init(&b, 1000);
	assert_int_equal(buf_add_str(&b, "kept"), 0);
	for (size_t i = 0; i < COUNT(bad64); i++)
		assert_int_equal(decode_base64(&b, span_str(bad64[i])), -1);
	for (size_t i = 0; i < COUNT(badurl); i++)
		assert_int_equal(decode_base64url(&b, span_str(badurl[i])), -1);
	for (size_t i = 0; i < COUNT(badhex); i++)
		assert_int_equal(decode_hex(&b, span_str(badhex[i])), -1);
	assert_int_equal(decode_base64(&b, span_of("Zg\0=", 4)), -1);
	assert_span(buf_span(&b), "kept");
	assert_false(b.full);
	assert_int_equal(decode_hex(&b, SPAN("4A4b")), 0);
	assert_span(buf_span(&b), "keptJK");
	buf_release(&b);
}

static void
the_maximum_holds(void **state)
{
	static int (*const encoders[])(struct buf *, struct span) = { encode_base64,
		encode_base64url, encode_hex, encode_hex_colon, encode_json };
	struct buf b;

	for (size_t i = 0; i < COUNT(encoders); i++) {
		buf_init(&b, 7);
		assert_int_equal(encoders[i](&b, SPAN("a\nb\nc\nd\n")), -1);
		assert_int_equal(b.len, 0);
		assert_true(b.full);
		buf_release(&b);
	}
	buf_init(&b, 7);
	assert_int_equal(encode_percent(&b, SPAN("abcde//"), NULL), -1);
	assert_int_equal(b.len, 0);
	buf_release(&b);
	buf_init(&b, 2);
	assert_int_equal(decode_base64(&b, SPAN("Zm9v")), -1);
	buf_reset(&b);
	assert_int_equal(decode_hex(&b, SPAN("666f6f")), -1);
	assert_int_equal(b.len, 0);
	buf_reset(&b);
	assert_int_equal(decode_base64(&b, SPAN("Zm8=")), 0);
	buf_release(&b);
	buf_init(&b, 8);
	assert_int_equal(encode_base64(&b, SPAN("foobar")), 0);
	buf_release(&b);
}

static void
fingerprints_have_colons(void **state)
{
	struct buf b;

	buf_init(&b, 100);
	assert_int_equal(encode_hex_colon(&b, SPAN("")), 0);
	assert_span(buf_span(&b), "");
	assert_int_equal(encode_hex_colon(&b, SPAN("\xab")), 0);
	assert_span(buf_span(&b), "AB");
	buf_reset(&b);
	assert_int_equal(encode_hex_colon(&b, SPAN("\x00\x9f\xe0")), 0);
	assert_span(buf_span(&b), "00:9F:E0");
	buf_release(&b);
}

static void
percent_keeps_the_unreserved(void **state)
{
	struct buf b;

	buf_init(&b, 1000);
	assert_int_equal(encode_percent(&b, SPAN("AZaz09-._~"), NULL), 0);
	assert_span(buf_span(&b), "AZaz09-._~");
	buf_reset(&b);
	assert_int_equal(encode_percent(&b, SPAN("a b/c%\xc3\xa9+&=\x00@[`{"), NULL), 0);
	assert_span(buf_span(&b), "a%20b%2Fc%25%C3%A9%2B%26%3D%00%40%5B%60%7B");
	buf_reset(&b);
	assert_int_equal(encode_percent(&b, SPAN("/a b\x00?"), "/?"), 0);
	assert_span(buf_span(&b), "/a%20b%00?");
	buf_release(&b);
}

static void
visible_leaves_nothing_to_act_on_a_terminal(void **state)
{
	static const struct {
		struct span in;
		const char *out;
	} cases[] = {
		{ SPAN_INIT(""), "" },
		{ SPAN_INIT("plain \xc3\xa9 \xf0\x9f\x94\x92"), "plain \xc3\xa9 \xf0\x9f\x94\x92" },
		{ SPAN_INIT("\x1b[31m\r\n\0z\x7f"), "\\x1B[31m\\x0D\\x0A\\x00z\\x7F" },
		{ SPAN_INIT("a\\x41"), "a\\x5Cx41" },
		{ SPAN_INIT("\xc2\x9b"), "\\xC2\\x9B" }, /* CSI in C1 */
		{ SPAN_INIT("\xe2\x80\xae"
			    "moc"),
		    "\\xE2\\x80\\xAEmoc" },                                /* right to left */
		{ SPAN_INIT("\xc0\xaf"), "\\xC0\\xAF" },                   /* over-long */
		{ SPAN_INIT("\xed\xa0\x80"), "\\xED\\xA0\\x80" },          /* surrogate */
		{ SPAN_INIT("\xf4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80" }, /* past the last */
		{ SPAN_INIT("\xe2\x82"), "\\xE2\\x82" },                   /* cut short */
		{ SPAN_INIT("\xff"), "\\xFF" },
	};
	struct buf b;

	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_init(&b, 100);
		assert_int_equal(encode_visible(&b, cases[i].in), 0);
		assert_string_equal(buf_str(&b), cases[i].out);
		buf_release(&b);
	}
	buf_init(&b, 3);
	assert_int_equal(encode_visible(&b, SPAN("\n")), -1);
	buf_release(&b);
}

static void
json_escapes_what_it_must(void **state)
{
	struct buf b;

	buf_init(&b, 1000);
	assert_int_equal(encode_json(&b, span_of(NULL, 0)), 0);
	assert_int_equal(encode_json(&b, SPAN("plain \xc3\xa9/")), 0);
	assert_span(buf_span(&b), "plain \xc3\xa9/");
	buf_reset(&b);
	assert_int_equal(encode_json(&b, SPAN("\"\\\b\f\n\r\t")), 0);
	assert_span(buf_span(&b), "\\\"\\\\\\b\\f\\n\\r\\t");
	buf_reset(&b);
	assert_int_equal(encode_json(&b, SPAN("a\x00\x1f\x7f\x20z")), 0);
	assert_span(buf_span(&b), "a\\u0000\\u001f\\u007f z");
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_both_ways),
		cmocka_unit_test(all_bytes_survive),
		cmocka_unit_test(decoders_refuse_and_leave_the_buffer),
		cmocka_unit_test(the_maximum_holds),
		cmocka_unit_test(fingerprints_have_colons),
		cmocka_unit_test(percent_keeps_the_unreserved),
		cmocka_unit_test(json_escapes_what_it_must),
		cmocka_unit_test(visible_leaves_nothing_to_act_on_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

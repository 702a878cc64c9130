/* SPDX-License-Identifier: ISC */
/* proxy_protocol: what is a header, what is not one yet, what never will be; what we write reads back. */
#include "proxy/net/address.h"
#include "proxy/net/proxy_protocol.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb"
#define V6 \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\xdc\x04\x01\xbb"

/* In a block of exactly its size. */
static enum parse_result
parse(struct span bytes, struct proxy_header *h, size_t *length, const char **why)
{
	char *copy = malloc(bytes.n ? bytes.n : 1);
	enum parse_result result;

	memcpy(copy, bytes.p, bytes.n);
	result = proxy_header_parse(span_of(copy, bytes.n), h, length, why);
	h->tlvs = span_of(NULL, 0);
	free(copy);
	return result;
}

static const struct good {
	struct span bytes;
	const char *source; /* NULL: without addresses */
	unsigned source_port;
	const char *destination;
	unsigned destination_port;
} good[] = {
	{ SPAN_INIT("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), "192.0.2.1", 56324,
	    "198.51.100.1", 443 },
	{ SPAN_INIT("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
	    "255.255.255.255", 65535, "255.255.255.255", 65535 },
	{ SPAN_INIT("PROXY TCP4 1.2.3.4 0.0.0.0 0 1\r\n"), "1.2.3.4", 0, "0.0.0.0", 1 },
	{ SPAN_INIT("PROXY TCP6 2001:db8::1 ::1 56324 443\r\n"), "2001:db8::1", 56324, "::1", 443 },
	{ SPAN_INIT(
	      "PROXY TCP6 2001:DB8::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	    "2001:db8::1", 65535, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535 },
	{ SPAN_INIT("PROXY UNKNOWN\r\n"), NULL, 0, NULL, 0 },
	{ SPAN_INIT("PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n"), NULL, 0, NULL, 0 },
	{ SPAN_INIT(SIGNATURE "\x21\x11\0\x0c" V4), "192.0.2.1", 56324, "198.51.100.1", 443 },
	{ SPAN_INIT(SIGNATURE "\x21\x21\0\x24" V6), "2001:db8::1", 56324, "2001:db8::2", 443 },
	{ SPAN_INIT(SIGNATURE "\x20\0\0\0"), NULL, 0, NULL, 0 },
	{ SPAN_INIT(SIGNATURE "\x20\x11\0\x0c" V4), NULL, 0, NULL, 0 },
	{ SPAN_INIT(SIGNATURE "\x20\xff\0\0"), NULL, 0, NULL, 0 },
	{ SPAN_INIT(SIGNATURE "\x20\x11\0\0"), NULL, 0, NULL, 0 },
	{ SPAN_INIT(SIGNATURE "\x20\0\0\x03"
			      "abc"),
	    NULL, 0, NULL, 0 },
	{ SPAN_INIT(SIGNATURE "\x21\0\0\0"), NULL, 0, NULL, 0 },
	{ SPAN_INIT(SIGNATURE "\x21\x12\0\x0c" V4), NULL, 0, NULL, 0 }, /* datagrams */
	{ SPAN_INIT(SIGNATURE "\x21\x11\0\x11" V4 "\x04\0\x02xx"), "192.0.2.1", 56324,
	    "198.51.100.1", 443 },
};

static void
good_headers_say_who(void **state)
{
	struct arena *arena = arena_new(0);

	for (size_t i = 0; i < COUNT(good); i++) {
		struct proxy_header h;
		const char *why;
		size_t length;

		if (parse(good[i].bytes, &h, &length, &why) != PARSE_OK)
			fail_msg("header %zu: %s", i, why);
		assert_int_equal(length, good[i].bytes.n);
		assert_int_equal(h.has_addresses, good[i].source != NULL);
		if (!good[i].source)
			continue;
		assert_span(address_host(&h.source.u.sa, false, arena), good[i].source);
		assert_span(address_host(&h.destination.u.sa, false, arena), good[i].destination);
		assert_int_equal(address_port(&h.source.u.sa), good[i].source_port);
		assert_int_equal(address_port(&h.destination.u.sa), good[i].destination_port);
	}
	arena_free(arena);
}

/* In any pieces, and with anything behind it. */
static void
pieces_ask_for_more_and_the_rest_is_left(void **state)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		struct proxy_header h;
		const char *why;
		size_t length;
		char longer[512];

		for (size_t n = 0; n < good[i].bytes.n; n++) {
			if (parse(span_of(good[i].bytes.p, n), &h, &length, &why) != PARSE_MORE)
				fail_msg("header %zu at %zu: %s", i, n, why);
		}
		memcpy(longer, good[i].bytes.p, good[i].bytes.n);
		memcpy(longer + good[i].bytes.n, "\r\nGET", 5);
		assert_int_equal(parse(span_of(longer, good[i].bytes.n + 5), &h, &length, &why),
		    PARSE_OK);
		assert_int_equal(length, good[i].bytes.n);
	}
}

static void
malformed_headers_are_never_unknown(void **state)
{
	static const struct span bad[] = {
		SPAN_INIT("GET / HTTP/1.1\r\n"),
		SPAN_INIT("proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n"),
		SPAN_INIT("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n"),
		SPAN_INIT("PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n"),
		SPAN_INIT("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"),
		SPAN_INIT("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n"),
		SPAN_INIT("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"),
		SPAN_INIT("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n"),
		SPAN_INIT("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"),
		SPAN_INIT("PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n"),
		SPAN_INIT("PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n"),
		SPAN_INIT("PROXY TCP4 1.2.3.4 1.2.3.4 1 0x2\r\n"),
		SPAN_INIT("PROXY TCP4 1.2.3.4 1.2.3.4 1 99999999999999999999\r\n"),
		SPAN_INIT("PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n"),
		SPAN_INIT("PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n"),
		SPAN_INIT("PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n"),
		SPAN_INIT("PROXY TCP4 ::1 ::1 1 2\r\n"),
		SPAN_INIT("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n"),
		SPAN_INIT("PROXY TCP6 fe80::1%lo ::1 1 2\r\n"),
		SPAN_INIT("PROXY TCP6 ::1 :: :: 1 2\r\n"),
		SPAN_INIT("PROXY TCP5 ::1 ::1 1 2\r\n"),
		SPAN_INIT("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n"),
		SPAN_INIT("PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n"),
		SPAN_INIT("PROXY TCP4 a.example 1.2.3.4 1 2\r\n"),
		SPAN_INIT("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n"),
		SPAN_INIT("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n"),
		SPAN_INIT("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r"),
		SPAN_INIT("PROXY \r\n"),
		SPAN_INIT("PROXY UNKNOWNX\r\n"),
		SPAN_INIT("PROXY unknown\r\n"),
		SPAN_INIT("PROXY\r\n"),
		SPAN_INIT("PROXYTCP4"),
		SPAN_INIT("P\r\n"),
		SPAN_INIT(
		    "PROXY UNKNOWN xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"),
		SPAN_INIT("\r\n\r\n\0\r\nQUIX"),
		SPAN_INIT("\r\n\r\nGET"),
		SPAN_INIT(SIGNATURE "\x11\x11\0\x0c" V4),
		SPAN_INIT(SIGNATURE "\x31\x11\0\x0c" V4),
		SPAN_INIT(SIGNATURE "\x22\x11\0\x0c" V4),
		SPAN_INIT(SIGNATURE "\x2f\x11\0\x0c" V4),
		SPAN_INIT(SIGNATURE "\x21\x41\0\x0c" V4),
		SPAN_INIT(SIGNATURE "\x21\x13\0\x0c" V4),
		SPAN_INIT(SIGNATURE "\x21\x01\0\0"),
		SPAN_INIT(SIGNATURE "\x21\x02\0\x0c" V4),
		SPAN_INIT(SIGNATURE "\x21\x10\0\x0c" V4),
		SPAN_INIT(SIGNATURE "\x21\x20\0\x24" V6),
		SPAN_INIT(SIGNATURE "\x21\x11\0\x0b" V4),
		SPAN_INIT(SIGNATURE "\x21\x11\0\0"),
		SPAN_INIT(SIGNATURE "\x21\x21\0\x0c" V4),
		SPAN_INIT(SIGNATURE "\x21\x31\0\x24" V6),
		SPAN_INIT(SIGNATURE "\x21\x11\x0f\xf1"),
		SPAN_INIT(SIGNATURE "\x20\0\xff\xff"),
		SPAN_INIT(SIGNATURE "\x21\x11\0\x0d" V4 "\x04"),
		SPAN_INIT(SIGNATURE "\x21\x11\0\x0f" V4 "\x04\0\x01"),
		SPAN_INIT(SIGNATURE "\x21\x11\0\x10" V4 "\x04\0\0x"),
		SPAN_INIT(SIGNATURE "\x21\x11\0\x13" V4 "\x20\0\x04\0\0\0\0"),
		SPAN_INIT(SIGNATURE "\x21\x11\0\x15" V4 "\x20\0\x06\0\0\0\0\0x"),
		SPAN_INIT(SIGNATURE "\x21\x11\0\x13" V4 "\x03\0\x04\0\0\0\0"),
		SPAN_INIT(SIGNATURE "\x21\x11\0\x12" V4 "\x03\0\x03\0\0\0"),
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct proxy_header h;
		const char *why = NULL;
		size_t length;

		if (parse(bad[i], &h, &length, &why) != PARSE_BAD)
			fail_msg("header %zu: " SPAN_FMT, i, SPAN_ARG(bad[i]));
		assert_non_null(why);
		assert_false(h.has_addresses && length == 0);
	}
}

/* RFC 3720 B.4's polynomial; the value is what HAProxy's specification asks for. */
static void
a_right_checksum_is_accepted(void **state)
{
	char bytes[] = SIGNATURE "\x21\x11\0\x13" V4 "\x03\0\x04\0\0\0\0";
	size_t n = sizeof(bytes) - 1, length, matches = 0;
	struct proxy_header h;
	const char *why;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= (unsigned char)bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	crc = htonl(~crc);
	memcpy(bytes + n - 4, &crc, 4);
	assert_int_equal(parse(span_of(bytes, n), &h, &length, &why), PARSE_OK);
	for (size_t i = 16; i < n; i++) {
		bytes[i] ^= 1;
		matches += parse(span_of(bytes, n), &h, &length, &why) == PARSE_OK;
		bytes[i] ^= 1;
	}
	/* A changed type makes another TLV of it. */
	assert_int_equal(matches, 1);
}

static void
tlvs_are_found_by_name(void **state)
{
	static const struct span bytes = SPAN_INIT(SIGNATURE "\x21\x11\0\x39" V4 "\x01\0\x02h2"
							     "\x02\0\x09"
							     "a.example"
							     "\xea\0\x01z"
							     "\x20\0\x12\x01\0\0\0\x07"
							     "\x21\0\x07TLSv1.3"
							     "\x22\0\0"
							     "\x05\0\0");
	struct proxy_header h;
	struct span value;
	const char *why;
	size_t length;

	assert_int_equal(proxy_header_parse(bytes, &h, &length, &why), PARSE_OK);
	assert_true(proxy_header_tlv(h.tlvs, SPAN("alpn"), &value));
	assert_span(value, "h2");
	assert_true(proxy_header_tlv(h.tlvs, SPAN("authority"), &value));
	assert_span(value, "a.example");
	assert_true(proxy_header_tlv(h.tlvs, SPAN("0xEa"), &value));
	assert_span(value, "z");
	assert_true(proxy_header_tlv(h.tlvs, SPAN("ssl_version"), &value));
	assert_span(value, "TLSv1.3");
	assert_true(proxy_header_tlv(h.tlvs, SPAN("ssl_0x21"), &value));
	assert_span(value, "TLSv1.3");
	assert_true(proxy_header_tlv(h.tlvs, SPAN("ssl_verify"), &value));
	assert_memory_equal(value.p, "\0\0\0\x07", 4);
	assert_true(proxy_header_tlv(h.tlvs, SPAN("ssl_cn"), &value));
	assert_int_equal(value.n, 0);
	assert_false(proxy_header_tlv(h.tlvs, SPAN("netns"), &value));
	assert_false(proxy_header_tlv(h.tlvs, SPAN("ssl_cipher"), &value));
	assert_false(proxy_header_tlv(h.tlvs, SPAN("nonsense"), &value));
	assert_false(proxy_header_tlv(h.tlvs, SPAN("0x"), &value));
	assert_false(proxy_header_tlv(h.tlvs, SPAN("0x002"), &value));
}

static struct address
inet(const char *host, uint16_t port)
{
	struct address a = { .len = sizeof(a.u.in) };

	a.u.in.sin_family = AF_INET;
	a.u.in.sin_port = htons(port);
	inet_pton(AF_INET, host, &a.u.in.sin_addr);
	return a;
}

static void
what_is_written_reads_back(void **state)
{
	struct address from = inet("192.0.2.9", 1025), to = inet("198.51.100.7", 443),
		       none = { .len = 0 };
	char out[PROXY_HEADER_WRITE_MAX];
	struct proxy_header h;
	struct span value;
	const char *why;
	size_t n, length;

	n = proxy_header_write(1,
	    &(struct proxy_claim){ .source = &from.u.sa, .destination = &to.u.sa }, out);
	assert_span(span_of(out, n), "PROXY TCP4 192.0.2.9 198.51.100.7 1025 443\r\n");
	n = proxy_header_write(1,
	    &(struct proxy_claim){ .source = &none.u.sa, .destination = &to.u.sa }, out);
	assert_span(span_of(out, n), "PROXY UNKNOWN\r\n");
	n = proxy_header_write(2,
	    &(struct proxy_claim){ .source = &from.u.sa,
		.destination = &to.u.sa,
		.authority = SPAN("a.example"),
		.alpn = SPAN("h2") },
	    out);
	assert_int_equal(proxy_header_parse(span_of(out, n), &h, &length, &why), PARSE_OK);
	assert_int_equal(length, n);
	assert_memory_equal(&h.source.u.in, &from.u.in, sizeof(from.u.in));
	assert_memory_equal(&h.destination.u.in, &to.u.in, sizeof(to.u.in));
	assert_true(proxy_header_tlv(h.tlvs, SPAN("authority"), &value));
	assert_span(value, "a.example");
	assert_true(proxy_header_tlv(h.tlvs, SPAN("alpn"), &value));
	assert_span(value, "h2");
	n = proxy_header_write(2,
	    &(struct proxy_claim){ .source = &from.u.sa, .destination = &none.u.sa }, out);
	assert_int_equal(proxy_header_parse(span_of(out, n), &h, &length, &why), PARSE_OK);
	assert_false(h.has_addresses);
	assert_int_equal(n, 16);
}

static void
a_name_that_finds_no_room_is_left_out(void **state)
{
	struct address from = inet("192.0.2.9", 1025);
	char out[PROXY_HEADER_WRITE_MAX], name[PROXY_HEADER_WRITE_MAX] = { 0 };
	struct proxy_header h;
	const char *why;
	size_t n, length;

	memset(name, 'x', sizeof(name));
	n = proxy_header_write(2,
	    &(struct proxy_claim){ .source = &from.u.sa,
		.destination = &from.u.sa,
		.authority = span_of(name, sizeof(name)),
		.alpn = SPAN("h2") },
	    out);
	assert_int_equal(n, 16 + 12 + 5);
	assert_int_equal(proxy_header_parse(span_of(out, n), &h, &length, &why), PARSE_OK);
}

static void
unix_and_inet6_are_written_too(void **state)
{
	struct address from = { .len = sizeof(from.u.in6) }, to = { .len = sizeof(to.u.in6) };
	char out[PROXY_HEADER_WRITE_MAX];
	struct proxy_header h;
	const char *why;
	size_t n, length;

	from.u.in6.sin6_family = to.u.in6.sin6_family = AF_INET6;
	from.u.in6.sin6_port = htons(7);
	from.u.in6.sin6_addr = to.u.in6.sin6_addr = in6addr_loopback;
	n = proxy_header_write(1,
	    &(struct proxy_claim){ .source = &from.u.sa, .destination = &to.u.sa }, out);
	assert_span(span_of(out, n), "PROXY TCP6 ::1 ::1 7 0\r\n");
	n = proxy_header_write(2,
	    &(struct proxy_claim){ .source = &from.u.sa, .destination = &to.u.sa }, out);
	assert_int_equal(proxy_header_parse(span_of(out, n), &h, &length, &why), PARSE_OK);
	assert_int_equal(address_port(&h.source.u.sa), 7);

	to = inet("192.0.2.1", 8);
	n = proxy_header_write(1,
	    &(struct proxy_claim){ .source = &from.u.sa, .destination = &to.u.sa }, out);
	assert_span(span_of(out, n), "PROXY TCP6 ::1 ::ffff:192.0.2.1 7 8\r\n");
	n = proxy_header_write(1,
	    &(struct proxy_claim){ .source = &to.u.sa, .destination = &from.u.sa }, out);
	assert_span(span_of(out, n), "PROXY TCP6 ::ffff:192.0.2.1 ::1 8 7\r\n");
	n = proxy_header_write(2,
	    &(struct proxy_claim){ .source = &from.u.sa, .destination = &to.u.sa }, out);
	assert_int_equal(proxy_header_parse(span_of(out, n), &h, &length, &why), PARSE_OK);
	assert_int_equal(address_port(&h.destination.u.sa), 8);
	assert_true(IN6_IS_ADDR_V4MAPPED(&h.destination.u.in6.sin6_addr));

	from = to = (struct address){ .len = sizeof(from.u.un) };
	from.u.un.sun_family = to.u.un.sun_family = AF_UNIX;
	memcpy(from.u.un.sun_path, "/run/a", 7);
	n = proxy_header_write(1,
	    &(struct proxy_claim){ .source = &from.u.sa, .destination = &to.u.sa }, out);
	assert_span(span_of(out, n), "PROXY UNKNOWN\r\n");
	n = proxy_header_write(2,
	    &(struct proxy_claim){ .source = &from.u.sa, .destination = &to.u.sa }, out);
	assert_int_equal(proxy_header_parse(span_of(out, n), &h, &length, &why), PARSE_OK);
	assert_span(address_binary(&h.source.u.sa), "/run/a");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_headers_say_who),
		cmocka_unit_test(pieces_ask_for_more_and_the_rest_is_left),
		cmocka_unit_test(malformed_headers_are_never_unknown),
		cmocka_unit_test(a_right_checksum_is_accepted),
		cmocka_unit_test(tlvs_are_found_by_name),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(a_name_that_finds_no_room_is_left_out),
		cmocka_unit_test(unix_and_inet6_are_written_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

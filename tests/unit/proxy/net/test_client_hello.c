/* SPDX-License-Identifier: ISC */
/* client_hello: real ones in any pieces and records, and what is none. */
#include "proxy/net/client_hello.h"
#include "tests/unit/unit.h"

#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <string.h>

/* What OpenSSL says first. */
struct sample {
	unsigned char *bytes;
	size_t n;
};

static struct sample
sample_new(const char *name, const unsigned char *alpn, unsigned alpn_len, int max_version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	BIO *out = BIO_new(BIO_s_mem());
	struct sample s = { NULL, 0 };
	char *data;

	if (max_version)
		SSL_set_max_proto_version(ssl, max_version);
	if (name)
		SSL_set_tlsext_host_name(ssl, name);
	if (alpn)
		SSL_set_alpn_protos(ssl, alpn, alpn_len);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
	SSL_set_connect_state(ssl);
	assert_int_equal(SSL_do_handshake(ssl), -1);
	s.n = (size_t)BIO_get_mem_data(out, &data);
	s.bytes = malloc(s.n);
	memcpy(s.bytes, data, s.n);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return s;
}

/* The first n bytes of it, in a block of exactly that size. */
static enum parse_result
parse(const unsigned char *bytes, size_t n, struct client_hello *hello, char **copy)
{
	*copy = malloc(n ? n : 1);
	memcpy(*copy, bytes, n);
	return client_hello_parse(*copy, n, hello);
}

static const unsigned char both[] = "\x02h2\x08http/1.1";

static void
a_real_one_is_read(void **state)
{
	struct sample s = sample_new("Www.Example.com", both, sizeof(both) - 1, 0);
	struct arena *arena = arena_new(0);
	struct client_hello hello;
	char *copy;

	assert_int_equal(parse(s.bytes, s.n, &hello, &copy), PARSE_OK);
	assert_span(hello.server_name, "Www.Example.com");
	assert_span(client_hello_version(&hello), "TLSv1.3");
	assert_span(client_hello_alpn(&hello, arena), "h2,http/1.1");
	free(copy);
	free(s.bytes);
	arena_free(arena);
}

static void
what_was_not_said_is_empty(void **state)
{
	struct sample s = sample_new(NULL, NULL, 0, TLS1_2_VERSION);
	struct arena *arena = arena_new(0);
	struct client_hello hello;
	char *copy;

	assert_int_equal(parse(s.bytes, s.n, &hello, &copy), PARSE_OK);
	assert_int_equal(hello.server_name.n, 0);
	assert_int_equal(client_hello_alpn(&hello, arena).n, 0);
	assert_span(client_hello_version(&hello), "TLSv1.2");
	free(copy);
	free(s.bytes);
	arena_free(arena);
}

static void
every_beginning_asks_for_more(void **state)
{
	struct sample s = sample_new("a.example", both, sizeof(both) - 1, 0);
	struct client_hello hello;
	char *copy;

	for (size_t n = 0; n < s.n; n++) {
		assert_int_equal(parse(s.bytes, n, &hello, &copy), PARSE_MORE);
		free(copy);
	}
	free(s.bytes);
}

/* The same message in records of random sizes, with something behind it or not. */
static void
any_records_hold_it(void **state)
{
	struct sample s = sample_new("records.example", both, sizeof(both) - 1, 0);
	unsigned char *framed = malloc(s.n * 6 + 16);
	struct client_hello hello;
	char *copy;

	for (unsigned round = 0; round < 500; round++) {
		size_t from = 5, to = 0, most = 1 + round % 40;

		while (from < s.n) {
			unsigned char random;
			size_t n;

			RAND_bytes(&random, 1);
			n = 1 + random % most;
			if (n > s.n - from)
				n = s.n - from;
			memcpy(framed + to, "\x16\x03\x01\x00", 4);
			framed[to + 4] = (unsigned char)n;
			memcpy(framed + to + 5, s.bytes + from, n);
			to += 5 + n;
			from += n;
		}
		assert_int_equal(parse(framed, to - 1, &hello, &copy), PARSE_MORE);
		free(copy);
		memcpy(framed + to, "\x17more", 5);
		to += round % 2 ? 5 : 0;
		assert_int_equal(parse(framed, to, &hello, &copy), PARSE_OK);
		assert_span(hello.server_name, "records.example");
		assert_int_equal(hello.version, 0x0304);
		free(copy);
	}
	free(framed);
	free(s.bytes);
}

/* A hello with extensions as given, in one record. */
static enum parse_result
parse_built(struct span extensions, struct client_hello *hello, char **copy)
{
	unsigned char out[1024];
	size_t body = 2 + 32 + 1 + 2 + 2 + 2 + 2 + extensions.n, at = 0;

	memcpy(out, "\x16\x03\x01", 3);
	out[3] = (unsigned char)((body + 4) >> 8);
	out[4] = (unsigned char)(body + 4);
	memcpy(out + 5, "\x01\x00", 2);
	out[7] = (unsigned char)(body >> 8);
	out[8] = (unsigned char)body;
	at = 9;
	memset(out + at, 0, body);
	memcpy(out + at, "\x03\x03", 2);
	at += 2 + 32;
	out[at++] = 0;
	memcpy(out + at, "\x00\x02\x13\x01\x01\x00", 6);
	at += 6;
	out[at++] = (unsigned char)(extensions.n >> 8);
	out[at++] = (unsigned char)extensions.n;
	memcpy(out + at, extensions.p, extensions.n);
	return parse(out, at + extensions.n, hello, copy);
}

static void
extensions_must_be_sound(void **state)
{
	static const struct {
		struct span extensions;
		enum parse_result result;
	} cases[] = {
		{ SPAN_INIT(""), PARSE_OK }, { SPAN_INIT("\0\0\0\x06\0\x04\0\0\x01x"), PARSE_OK },
		{ SPAN_INIT("\0\0\0\x06\0\x04\x01\0\x01x"), PARSE_OK },   /* another type of name */
		{ SPAN_INIT("\0\0\0\x05\0\x03\0\0\0"), PARSE_BAD },       /* an empty name */
		{ SPAN_INIT("\0\0\0\x06\0\x04\0\0\x01\0"), PARSE_BAD },   /* NUL */
		{ SPAN_INIT("\0\0\0\x06\0\x04\0\0\x01 "), PARSE_BAD },    /* blank */
		{ SPAN_INIT("\0\0\0\x06\0\x04\0\0\x01\xe4"), PARSE_BAD }, /* no ASCII */
		{ SPAN_INIT("\0\0\0\x06\0\x04\0\0\x02x"), PARSE_BAD },    /* longer than its list */
		{ SPAN_INIT("\0\0\0\x07\0\x04\0\0\x01x!"), PARSE_BAD }, /* bytes behind the list */
		{ SPAN_INIT("\0\0\0\x0a\0\x08\0\0\x01x\0\0\x01y"), PARSE_BAD }, /* two names */
		{ SPAN_INIT("\0\0\0\x06\0\x04\0\0\x01"), PARSE_BAD },           /* cut */
		{ SPAN_INIT("\0\0"), PARSE_BAD },
		{ SPAN_INIT("\0\x10\0\x05\0\x03\x02h2"), PARSE_OK },
		{ SPAN_INIT("\0\x10\0\x05\0\x03\x03h2"), PARSE_BAD },
		{ SPAN_INIT("\0\x10\0\x03\0\x01\0"), PARSE_BAD }, /* an empty protocol */
		{ SPAN_INIT("\0\x2b\0\x03\x02\x03\x04"), PARSE_OK },
		{ SPAN_INIT("\0\x2b\0\x02\x01\x03"), PARSE_BAD }, /* half a version */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct client_hello hello;
		char *copy;

		if (parse_built(cases[i].extensions, &hello, &copy) != cases[i].result)
			fail_msg("case %zu", i);
		if (cases[i].result == PARSE_BAD)
			assert_int_equal(hello.server_name.n + hello.alpn.n, 0);
		free(copy);
	}
}

static void
grease_is_no_version(void **state)
{
	struct client_hello hello;
	char *copy;

	assert_int_equal(parse_built(SPAN("\0\x2b\0\x07\x06\x7a\x7a\x03\x03\x03\x02"), &hello,
			     &copy),
	    PARSE_OK);
	assert_span(client_hello_version(&hello), "TLSv1.2");
	free(copy);
}

static void
what_is_no_hello_is_refused_at_once(void **state)
{
	static const struct span cases[] = { SPAN_INIT("GET / HTTP/1.1\r\n\r\n"), SPAN_INIT("G"),
		SPAN_INIT("SSH-2.0-x\r\n"), SPAN_INIT("\x17"), SPAN_INIT("\x16\x02"),
		SPAN_INIT("\x16\x03\x01\x00\x00"), SPAN_INIT("\x16\x03\x01\x40\x01"),
		SPAN_INIT("\x16\x03\x01\x00\x01\x02"),
		SPAN_INIT("\x16\x03\x01\x00\x04\x01\x02\0\0"), SPAN_INIT("\x80\x2e\x01\x02\x00") };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct client_hello hello;
		char *copy;

		if (parse((const unsigned char *)cases[i].p, cases[i].n, &hello, &copy) !=
		    PARSE_BAD)
			fail_msg("case %zu", i);
		free(copy);
	}
}

static void
version_2_has_no_name(void **state)
{
	static const unsigned char bytes[] = "\x80\x2e\x01\x03\x01\x00\x15";
	struct client_hello hello;
	char *copy;

	assert_int_equal(parse(bytes, sizeof(bytes) - 1, &hello, &copy), PARSE_OK);
	assert_span(client_hello_version(&hello), "TLSv1");
	assert_int_equal(hello.server_name.n, 0);
	free(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_one_is_read),
		cmocka_unit_test(what_was_not_said_is_empty),
		cmocka_unit_test(every_beginning_asks_for_more),
		cmocka_unit_test(any_records_hold_it),
		cmocka_unit_test(extensions_must_be_sound),
		cmocka_unit_test(grease_is_no_version),
		cmocka_unit_test(what_is_no_hello_is_refused_at_once),
		cmocka_unit_test(version_2_has_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Tests of TLS 1.3 records: RFC 8448's own, every size, every suite, and nothing opens that was touched. */
#include "proxy/tls/record.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEAP_PART_MAX (1U << 30)

static const unsigned numbers[] = { 0x1301, 0x1302, 0x1303 };

static unsigned char secret[RECORD_SECRET_MAX] = "one secret that is forty-eight bytes long, or so";

static void
set_keys(struct record_keys *k, unsigned number)
{
	assert_true(record_keys_set(k, record_suite_find(number), secret));
}

/* ---- RFC 8448, 3: what the client sends once the handshake is done -------------------------------------- */

static const unsigned char rfc_secret[] = { 0x9e, 0x40, 0x64, 0x6c, 0xe7, 0x9a, 0x7f, 0x9d, 0xc0,
	0x5a, 0xf8, 0x88, 0x9b, 0xce, 0x65, 0x52, 0x87, 0x5a, 0xfa, 0x0b, 0x06, 0xdf, 0x00, 0x87,
	0xf7, 0x92, 0xeb, 0xb7, 0xc1, 0x75, 0x04, 0xa5 };
static const unsigned char rfc_key[] = { 0x17, 0x42, 0x2d, 0xda, 0x59, 0x6e, 0xd5, 0xd9, 0xac, 0xd8,
	0x90, 0xe3, 0xc6, 0x3f, 0x50, 0x51 };
static const unsigned char rfc_iv[] = { 0x5b, 0x78, 0x92, 0x3d, 0xee, 0x08, 0x57, 0x90, 0x33, 0xe5,
	0x23, 0xd9 };
static const unsigned char rfc_record[] = { 0x17, 0x03, 0x03, 0x00, 0x43, 0xa2, 0x3f, 0x70, 0x54,
	0xb6, 0x2c, 0x94, 0xd0, 0xaf, 0xfa, 0xfe, 0x82, 0x28, 0xba, 0x55, 0xcb, 0xef, 0xac, 0xea,
	0x42, 0xf9, 0x14, 0xaa, 0x66, 0xbc, 0xab, 0x3f, 0x2b, 0x98, 0x19, 0xa8, 0xa5, 0xb4, 0x6b,
	0x39, 0x5b, 0xd5, 0x4a, 0x9a, 0x20, 0x44, 0x1e, 0x2b, 0x62, 0x97, 0x4e, 0x1f, 0x5a, 0x62,
	0x92, 0xa2, 0x97, 0x70, 0x14, 0xbd, 0x1e, 0x3d, 0xea, 0xe6, 0x3a, 0xee, 0xbb, 0x21, 0x69,
	0x49, 0x15, 0xe4 };

static void
the_record_of_the_rfc(void **state)
{
	struct record_keys out, in;
	char text[50], sealed[sizeof(rfc_record)], opened[sizeof(rfc_record)];
	struct span got;
	unsigned type;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	assert_true(record_keys_set(&out, record_suite_find(0x1301), rfc_secret));
	in = out;
	assert_memory_equal(out.key, rfc_key, sizeof(rfc_key));
	assert_memory_equal(out.iv, rfc_iv, sizeof(rfc_iv));
	assert_true(record_seal(&out, RECORD_DATA, span_of(text, sizeof(text)), sealed));
	assert_memory_equal(sealed, rfc_record, sizeof(rfc_record));
	assert_int_equal(record_open(&in, span_of(rfc_record, sizeof(rfc_record)), opened, &got,
			     &type),
	    RECORD_OK);
	assert_int_equal(type, RECORD_DATA);
	assert_int_equal(got.n, sizeof(text));
	assert_memory_equal(got.p, text, sizeof(text));
}

/* ---- sealing and opening --------------------------------------------------------------------------------- */

static char text[RECORD_TEXT_MAX + 1], sealed[RECORD_MAX + 64], opened[RECORD_MAX + 64];

static void
fill_text(void)
{
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 131 + (i >> 8));
}

static enum record_verdict
open_sealed(struct record_keys *k, struct span *got, unsigned *type)
{
	size_t n = record_size(span_of(sealed, sizeof(sealed)));
	enum record_verdict v = record_check(span_of(sealed, n));

	return v ? v : record_open(k, span_of(sealed, n), opened, got, type);
}

static void
all_sizes_and_suites(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 15, 16, 17, 100, 1024, 4095, 16383, 16384 };

	fill_text();
	for (size_t s = 0; s < COUNT(numbers); s++) {
		struct record_keys out, in;

		set_keys(&out, numbers[s]);
		set_keys(&in, numbers[s]);
		for (size_t i = 0; i < COUNT(sizes); i++) {
			struct span got;
			unsigned type;

			assert_true(record_seal(&out, RECORD_HANDSHAKE, span_of(text, sizes[i]),
			    sealed));
			assert_int_equal(record_size(span_of(sealed, RECORD_HEAD)),
			    sizes[i] + RECORD_ADDED);
			assert_int_equal(open_sealed(&in, &got, &type), RECORD_OK);
			assert_int_equal(type, RECORD_HANDSHAKE);
			assert_int_equal(got.n, sizes[i]);
			assert_memory_equal(got.p, text, sizes[i]);
		}
		assert_int_equal(out.sequence, COUNT(sizes));
	}
}

static void
in_place(void **state)
{
	struct record_keys out, in;
	struct span got;
	unsigned type;

	fill_text();
	set_keys(&out, numbers[0]);
	set_keys(&in, numbers[0]);
	assert_true(record_seal(&out, RECORD_DATA, span_of(text, 1000), sealed));
	assert_int_equal(record_open(&in, span_of(sealed, 1000 + RECORD_ADDED),
			     sealed + RECORD_HEAD, &got, &type),
	    RECORD_OK);
	assert_int_equal(got.n, 1000);
	assert_memory_equal(sealed + RECORD_HEAD, text, 1000);
}

/* Connections take turns in one context of OpenSSL's, and none gets another's key. */
static void
connections_side_by_side(void **state)
{
	struct record_keys out[4], in[4];
	struct span got;
	unsigned type;

	for (size_t i = 0; i < COUNT(out); i++) {
		secret[0] = (unsigned char)i;
		set_keys(&out[i], numbers[i % 2]);
		set_keys(&in[i], numbers[i % 2]);
	}
	for (unsigned turn = 0; turn < 200; turn++) {
		unsigned i = (turn * 7 + turn / 3) % COUNT(out);

		text[0] = (char)turn;
		assert_true(record_seal(&out[i], RECORD_DATA, span_of(text, 10), sealed));
		if (turn % 3 == 0)
			assert_true(record_keys_update(&out[(i + 1) % 4]) &&
				    record_keys_update(&in[(i + 1) % 4]));
		assert_int_equal(open_sealed(&in[i], &got, &type), RECORD_OK);
		assert_memory_equal(got.p, text, 10);
	}
}

static void
what_was_touched_does_not_open(void **state)
{
	struct span got;
	unsigned type;

	for (size_t s = 0; s < COUNT(numbers); s++) {
		for (size_t at = 0; at < 40 + RECORD_ADDED; at++) {
			struct record_keys out, in;

			set_keys(&out, numbers[s]);
			set_keys(&in, numbers[s]);
			assert_true(record_seal(&out, RECORD_DATA, span_of(text, 40), sealed));
			sealed[at] ^= 0x10;
			if (at == 3 || at == 4) /* its length: another record */
				continue;
			assert_int_equal(open_sealed(&in, &got, &type),
			    at == 0 ? RECORD_UNEXPECTED : RECORD_BAD_MAC);
		}
	}
}

static void
each_opens_once_and_in_order(void **state)
{
	struct record_keys out, in;
	struct span got;
	unsigned type;

	set_keys(&out, numbers[1]);
	set_keys(&in, numbers[1]);
	assert_true(record_seal(&out, RECORD_DATA, span_of(text, 5), sealed));
	assert_int_equal(open_sealed(&in, &got, &type), RECORD_OK);
	assert_int_equal(open_sealed(&in, &got, &type), RECORD_BAD_MAC);
	assert_true(record_seal(&out, RECORD_DATA, span_of(text, 5), sealed));
	assert_true(record_seal(&out, RECORD_DATA, span_of(text, 5), sealed));
	set_keys(&in, numbers[1]);
	assert_int_equal(open_sealed(&in, &got, &type), RECORD_BAD_MAC);
}

/* Content, type, zeros: sealed as if the last zero were the type. */
static void
padding_is_taken_off(void **state)
{
	struct record_keys out, in;
	char padded[] = "abc\x17\0\0\0\0";
	struct span got;
	unsigned type;

	set_keys(&out, numbers[0]);
	set_keys(&in, numbers[0]);
	assert_true(record_seal(&out, (enum record_type)0, span_of(padded, sizeof(padded) - 1),
	    sealed));
	assert_int_equal(open_sealed(&in, &got, &type), RECORD_OK);
	assert_int_equal(type, RECORD_DATA);
	assert_span(got, "abc");
	memset(padded, 0, sizeof(padded));
	assert_true(record_seal(&out, (enum record_type)0, span_of(padded, sizeof(padded)),
	    sealed));
	assert_int_equal(open_sealed(&in, &got, &type), RECORD_UNEXPECTED);
}

static void
what_is_too_long(void **state)
{
	struct record_keys out, in;
	char head[] = "\x17\x03\x03\x41\x00";
	struct span got;
	unsigned type;

	set_keys(&out, numbers[0]);
	set_keys(&in, numbers[0]);
	assert_true(record_seal(&out, RECORD_DATA, span_of(text, RECORD_TEXT_MAX + 1), sealed));
	assert_int_equal(open_sealed(&in, &got, &type), RECORD_OVERFLOW);
	assert_int_equal(record_check(span_of(head, RECORD_HEAD)), RECORD_OK);
	head[4] = 1;
	assert_int_equal(record_check(span_of(head, RECORD_HEAD)), RECORD_OVERFLOW);
	head[3] = 0;
	head[4] = RECORD_TAG; /* not even a type */
	assert_int_equal(record_check(span_of(head, RECORD_HEAD)), RECORD_BAD_MAC);
	head[4] = RECORD_TAG + 1;
	assert_int_equal(record_check(span_of(head, RECORD_HEAD)), RECORD_OK);
	assert_int_equal(record_size(span_of(head, 4)), 0);
}

static void
keys_that_follow(void **state)
{
	struct record_keys out, in, old;
	struct span got;
	unsigned type;

	for (size_t s = 0; s < COUNT(numbers); s++) {
		set_keys(&out, numbers[s]);
		set_keys(&in, numbers[s]);
		old = in;
		assert_true(record_keys_update(&out) && record_keys_update(&in));
		assert_memory_not_equal(in.key, old.key, 16);
		assert_true(record_seal(&out, RECORD_DATA, span_of(text, 5), sealed));
		assert_int_equal(open_sealed(&old, &got, &type), RECORD_BAD_MAC);
		assert_int_equal(open_sealed(&in, &got, &type), RECORD_OK);
	}
	assert_false(record_keys_are_worn(&out));
	out.sequence = UINT64_C(1) << 24;
	assert_true(record_keys_are_worn(&out));
	assert_true(record_keys_update(&out));
	assert_false(record_keys_are_worn(&out));
	record_keys_wipe(&out);
	assert_int_equal(out.secret[0], 0);
	assert_null(record_suite_find(0x1304));
}

/* ---- what OpenSSL keeps ------------------------------------------------------------------------------------- */

/* How often it is in [from, to), read as the kernel has it: a sanitizer forbids to look at what is freed. */
static unsigned
between(int mem, uintptr_t from, uintptr_t to, const void *wanted, size_t n)
{
	char bytes[65536];
	unsigned found = 0;

	while (from + n <= to) {
		size_t most = to - from < sizeof(bytes) ? to - from : sizeof(bytes);
		ssize_t got = pread(mem, bytes, most, (off_t)from);

		if (got < (ssize_t)n)
			break;
		for (const char *p = bytes;
		     (p = memmem(p, (size_t)(bytes + got - p), wanted, n)) != NULL; p++)
			found++;
		/* One that lies across the border is seen next time. */
		from += (size_t)got - n + 1;
	}
	memset(bytes, 0, sizeof(bytes));
	return found;
}

/* How often it is on the heap, wherever the allocator has that. */
static unsigned
on_heap(const void *wanted, size_t n)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY);
	char line[512], rights[8], name[256];
	unsigned found = 0;

	assert_non_null(maps);
	assert_true(mem >= 0);
	while (fgets(line, sizeof(line), maps)) {
		uintptr_t from, to;
		int fields = sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s %*s %*s %*s %255s", &from,
		    &to, rights, name);

		/* Neither files nor a sanitizer's own books. */
		if (fields < 3 || strncmp(rights, "rw", 2) != 0 || to - from > HEAP_PART_MAX ||
		    (fields == 4 && strcmp(name, "[heap]") != 0))
			continue;
		found += between(mem, from, to, wanted, n);
	}
	close(mem);
	fclose(maps);
	return found;
}

/* The contexts are the process's and outlive the connection; what was in them does not. */
static void
nothing_stays_of_keys_that_are_wiped(void **state)
{
	for (size_t i = 0; i < COUNT(numbers); i++) {
		struct record_keys out, in, copy;
		struct span got;
		unsigned type;

		memset(secret, (int)i + 1, sizeof(secret));
		secret[3] = 99;
		set_keys(&in, numbers[i]);
		set_keys(&out, numbers[i]);
		copy = in;
		assert_true(record_seal(&out, RECORD_DATA, span_of(text, 100), sealed));
		assert_int_equal(open_sealed(&in, &got, &type), RECORD_OK);
		assert_true(on_heap(copy.key, 16) > 0);
		/* With the next keys the last are of no more use. */
		assert_true(record_keys_update(&in) && record_keys_update(&out));
		assert_int_equal(on_heap(copy.key, 16), 0);
		copy = in;
		assert_true(record_seal(&out, RECORD_DATA, span_of(text, 100), sealed));
		assert_int_equal(open_sealed(&in, &got, &type), RECORD_OK);
		record_keys_wipe(&in);
		record_keys_wipe(&out);
		assert_int_equal(on_heap(copy.key, 16), 0);
		assert_int_equal(on_heap(copy.secret, record_suite_secret(copy.suite)), 0);
		/* Who comes next is served as ever. */
		set_keys(&in, numbers[i]);
		set_keys(&out, numbers[i]);
		assert_true(record_seal(&out, RECORD_DATA, span_of(text, 100), sealed));
		assert_int_equal(open_sealed(&in, &got, &type), RECORD_OK);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_record_of_the_rfc),
		cmocka_unit_test(all_sizes_and_suites),
		cmocka_unit_test(in_place),
		cmocka_unit_test(connections_side_by_side),
		cmocka_unit_test(what_was_touched_does_not_open),
		cmocka_unit_test(each_opens_once_and_in_order),
		cmocka_unit_test(padding_is_taken_off),
		cmocka_unit_test(what_is_too_long),
		cmocka_unit_test(keys_that_follow),
		cmocka_unit_test(nothing_stays_of_keys_that_are_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

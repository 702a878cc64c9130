/* SPDX-License-Identifier: ISC */
/* session_cache: what is kept, what goes first, and what a dead or wild writer leaves behind. */
#include "proxy/tls/session_cache.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 8

static unsigned char memory[PAGES * SESSION_CACHE_PAGE] __attribute__((aligned(8)));
static unsigned char out[SESSION_BYTES_MAX];

static struct session_cache
fresh(void)
{
	memset(memory, 0, sizeof(memory));
	return session_cache_over(memory, sizeof(memory));
}

/* IDs that go to one page, or over all. */
static struct span
id_of(unsigned char id[32], uint64_t page, uint32_t number)
{
	memset(id, 7, 32);
	memcpy(id, &page, sizeof(page));
	memcpy(id + 8, &number, sizeof(number));
	return span_of(id, 32);
}

static struct span
session_of(unsigned char bytes[SESSION_BYTES_MAX], size_t n, uint32_t number)
{
	memset(bytes, (int)(number & 0xff), n);
	return span_of(bytes, n);
}

static void
what_is_kept_is_found(void **state)
{
	struct session_cache c = fresh();
	unsigned char id[32], bytes[SESSION_BYTES_MAX];

	for (uint32_t i = 0; i < 40; i++)
		session_cache_add(&c, id_of(id, i, i), session_of(bytes, 100 + i, i), 1000, 1300);
	for (uint32_t i = 0; i < 40; i++) {
		assert_int_equal(session_cache_find(&c, id_of(id, i, i), 1299, out), 100 + i);
		assert_int_equal(out[99 + i], i);
		/* Not after its time, nor by another ID of the same page. */
		assert_int_equal(session_cache_find(&c, id_of(id, i, i), 1300, out), 0);
		assert_int_equal(session_cache_find(&c, id_of(id, i, i + 100), 1000, out), 0);
	}
}

static void
the_oldest_make_room(void **state)
{
	struct session_cache c = fresh();
	unsigned char id[32], bytes[SESSION_BYTES_MAX];
	uint32_t oldest = 0;

	for (uint32_t i = 0; i < 100; i++) {
		session_cache_add(&c, id_of(id, 1, i), session_of(bytes, 200 + i % 50, i), 1000,
		    2000);
		assert_int_equal(session_cache_find(&c, id_of(id, 1, i), 1000, out), 200 + i % 50);
	}
	while (session_cache_find(&c, id_of(id, 1, oldest), 1000, out) == 0)
		oldest++;
	assert_in_range(oldest, 80, 90);
	for (uint32_t i = oldest; i < 100; i++)
		assert_int_equal(session_cache_find(&c, id_of(id, 1, i), 1000, out), 200 + i % 50);
	/* One that fills the page is alone in it; a longer one is not taken and costs nobody a place. */
	session_cache_add(&c, id_of(id, 1, 200), session_of(bytes, SESSION_BYTES_MAX, 1), 1000,
	    2000);
	assert_int_equal(session_cache_find(&c, id_of(id, 1, 99), 1000, out), 0);
	session_cache_add(&c, id_of(id, 1, 201), span_of(memory, SESSION_BYTES_MAX + 1), 1000,
	    2000);
	assert_int_equal(session_cache_find(&c, id_of(id, 1, 200), 1000, out), SESSION_BYTES_MAX);
}

static void
what_is_over_makes_room_first(void **state)
{
	struct session_cache c = fresh();
	unsigned char id[32], bytes[SESSION_BYTES_MAX];

	session_cache_add(&c, id_of(id, 1, 0), session_of(bytes, 1800, 0), 1000, 3000);
	session_cache_add(&c, id_of(id, 1, 1), session_of(bytes, 1800, 1), 1000, 1001);
	session_cache_add(&c, id_of(id, 1, 2), session_of(bytes, 1800, 2), 1001, 3000);
	assert_int_equal(session_cache_find(&c, id_of(id, 1, 0), 1001, out), 1800);
	assert_int_equal(session_cache_find(&c, id_of(id, 1, 2), 1001, out), 1800);
	/* The same ID again replaces. */
	session_cache_add(&c, id_of(id, 1, 2), session_of(bytes, 10, 9), 1001, 3000);
	assert_int_equal(session_cache_find(&c, id_of(id, 1, 2), 1001, out), 10);
	assert_int_equal(out[0], 9);
}

static void
odd_ids_and_no_memory(void **state)
{
	struct session_cache c = fresh(), none = session_cache_over(memory, 100);
	unsigned char bytes[SESSION_BYTES_MAX];

	session_cache_add(&none, SPAN("0123456789"), session_of(bytes, 5, 1), 1, 2);
	assert_int_equal(session_cache_find(&none, SPAN("0123456789"), 1, out), 0);
	session_cache_add(&c, SPAN("short"), session_of(bytes, 5, 1), 1, 2);
	assert_int_equal(session_cache_find(&c, SPAN("short"), 1, out), 0);
	assert_int_equal(session_cache_find(&c, SPAN("0123456789012345678901234567890123"), 1, out),
	    0);
}

/* A page whose writer died half-way is passed over, and emptied once it is sure. */
static void
a_dead_writer_costs_one_page(void **state)
{
	struct session_cache c = fresh();
	unsigned char id[32], bytes[SESSION_BYTES_MAX];
	uint32_t odd = 7, since = 1000;

	memcpy(memory + SESSION_CACHE_PAGE, &odd, sizeof(odd));
	memcpy(memory + SESSION_CACHE_PAGE + 4, &since, sizeof(since));
	memset(memory + SESSION_CACHE_PAGE + 8, 0xff, 200);
	session_cache_add(&c, id_of(id, 1, 0), session_of(bytes, 100, 0), 1001, 2000);
	assert_int_equal(session_cache_find(&c, id_of(id, 1, 0), 1001, out), 0);
	session_cache_add(&c, id_of(id, 1, 0), session_of(bytes, 100, 0), 1002, 2000);
	assert_int_equal(session_cache_find(&c, id_of(id, 1, 0), 1002, out), 100);
}

/* Whatever a taken-over worker writes there: no read or write outside. */
static void
nonsense_is_harmless(void **state)
{
	struct session_cache c = fresh();
	unsigned char id[32], bytes[SESSION_BYTES_MAX];
	uint32_t chance = 1;

	for (uint32_t round = 0; round < 2000; round++) {
		for (size_t i = 0; i < sizeof(memory); i += 1 + chance % 97) {
			chance = chance * 1103515245 + 12345;
			memory[i] = (unsigned char)(chance >> 16);
		}
		for (uint64_t page = 0; page < PAGES; page++) {
			uint32_t even = round * 2;

			memcpy(memory + page * SESSION_CACHE_PAGE, &even, sizeof(even));
			(void)session_cache_find(&c, id_of(id, page, round), 1000, out);
			session_cache_add(&c, id_of(id, page, round), session_of(bytes, 300, 1),
			    1000, 2000);
		}
	}
}

/* Two processes at once: what is found is whole. */
static void
writers_and_readers_at_once(void **state)
{
	size_t size = (size_t)2 * SESSION_CACHE_PAGE;
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct session_cache c = session_cache_over(shared, size);
	unsigned char id[32], bytes[SESSION_BYTES_MAX];
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t n = i % 60;
		size_t length;

		session_cache_add(&c, id_of(id, n, n), session_of(bytes, 64 + n, n), 1000, 2000);
		length = session_cache_find(&c, id_of(id, n + 1, n + 1), 1000, out);
		if (length && (length != 65 + n || out[0] != n + 1 || out[64 + n] != n + 1)) {
			if (child == 0)
				_exit(1);
			fail_msg("torn session: %zu bytes", length);
		}
	}
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	munmap(shared, size);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_is_found),
		cmocka_unit_test(the_oldest_make_room),
		cmocka_unit_test(what_is_over_makes_room_first),
		cmocka_unit_test(odd_ids_and_no_memory),
		cmocka_unit_test(a_dead_writer_costs_one_page),
		cmocka_unit_test(nonsense_is_harmless),
		cmocka_unit_test(writers_and_readers_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

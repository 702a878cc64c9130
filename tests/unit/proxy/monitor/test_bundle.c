/* SPDX-License-Identifier: ISC */
/*
 * bundle: what goes in comes out; what is damaged is refused; sources from disk and bundle agree.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "proxy/monitor/bundle.h"
#include "proxy/monitor/file_identity.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static struct bundle *
sealed(struct bundle_writer *w)
{
	struct err e = ERR_INIT;
	struct bundle *b = NULL;
	int fd = bundle_writer_seal(w, &e);

	assert_int_not_equal(fd, -1);
	assert_int_equal(bundle_open(fd, &b, &e), 0);
	close(fd);
	bundle_writer_free(w);
	return b;
}

static void
test_find(void **state)
{
	struct bundle_writer *w = bundle_writer_new();
	struct span found;
	struct bundle *b;

	bundle_writer_add(w, BUNDLE_FILE, SPAN("/a"), SPAN("one"));
	bundle_writer_add(w, BUNDLE_GLOB, SPAN("/a"), SPAN("two"));
	bundle_writer_add(w, BUNDLE_FILE, SPAN("/a"), SPAN("ignored"));
	bundle_writer_add(w, BUNDLE_CERTIFICATE, SPAN("c\nk"), SPAN(""));
	b = sealed(w);
	assert_true(bundle_find(b, BUNDLE_FILE, SPAN("/a"), &found));
	assert_span(found, "one");
	assert_true(bundle_find(b, BUNDLE_GLOB, SPAN("/a"), &found));
	assert_span(found, "two");
	assert_true(bundle_find(b, BUNDLE_CERTIFICATE, SPAN("c\nk"), &found));
	assert_int_equal(found.n, 0);
	assert_false(bundle_find(b, BUNDLE_FILE, SPAN("/b"), &found));
	assert_false(bundle_find(b, BUNDLE_FILE, SPAN(""), &found));
	assert_false(bundle_find(b, BUNDLE_HOST, SPAN("/a"), &found));
	bundle_close(b);
}

static void
test_many(void **state)
{
	struct bundle_writer *w = bundle_writer_new();
	struct bundle *b;
	char name[32];

	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		bundle_writer_add(w, BUNDLE_FILE, span_str(name),
		    span_of(&i, i % 2 ? sizeof(i) : 1));
	}
	b = sealed(w);
	for (unsigned i = 0; i < 5000; i++) {
		struct span found;

		snprintf(name, sizeof(name), "n%u", i);
		assert_true(bundle_find(b, BUNDLE_FILE, span_str(name), &found));
		assert_int_equal((uintptr_t)found.p % 8, 0);
		assert_int_equal(found.n, i % 2 ? sizeof(i) : 1);
		assert_memory_equal(found.p, &i, found.n);
	}
	bundle_close(b);
}

static void
test_empty(void **state)
{
	struct bundle *b = sealed(bundle_writer_new());
	struct span found;

	assert_false(bundle_find(b, BUNDLE_FILE, SPAN("/a"), &found));
	bundle_close(b);
}

static void
test_sealed_for_good(void **state)
{
	struct bundle_writer *w = bundle_writer_new();
	struct err e = ERR_INIT;
	int fd;

	bundle_writer_add(w, BUNDLE_FILE, SPAN("/a"), SPAN("one"));
	fd = bundle_writer_seal(w, &e);
	bundle_writer_free(w);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 1 << 20), -1);
	assert_ptr_equal(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	close(fd);
}

static void
test_unsealed_refused(void **state)
{
	struct err e = ERR_INIT;
	struct bundle *b = NULL;
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(bundle_open(fd, &b, &e), -1);
	assert_non_null(strstr(err_text(&e), "not sealed"));
	err_release(&e);
	close(fd);
}

/* A copy of a good image to damage; 8-byte aligned. */
static uint64_t *
image_copy(size_t *size)
{
	struct bundle_writer *w = bundle_writer_new();
	struct err e = ERR_INIT;
	struct stat st;
	uint64_t *image;
	int fd;

	bundle_writer_add(w, BUNDLE_FILE, SPAN("/a"), SPAN("one"));
	bundle_writer_add(w, BUNDLE_FILE, SPAN("/b"), SPAN("two"));
	fd = bundle_writer_seal(w, &e);
	bundle_writer_free(w);
	assert_int_equal(fstat(fd, &st), 0);
	*size = (size_t)st.st_size;
	image = mem_alloc(*size);
	assert_int_equal(pread(fd, image, *size, 0), *size);
	close(fd);
	return image;
}

static void
assert_refused(const void *image, size_t size, const char *why)
{
	struct err e = ERR_INIT;
	struct bundle *b = NULL;

	assert_int_equal(bundle_open_bytes(span_of(image, size), &b, &e), -1);
	if (!strstr(err_text(&e), why))
		fail_msg("\"%s\" instead of \"%s\"", err_text(&e), why);
	err_release(&e);
}

/*
 * The image in 64-bit words: magic, size, entry and slot count, start of data; then per entry hash,
 * kind and name length, name, bytes, length; then the slots.
 */
static void
test_damage_refused(void **state)
{
	static const struct {
		size_t word;
		uint64_t value;
		const char *why;
	} damages[] = {
		{ 0, 0, "not a bundle" },
		{ 1, 7, "wrong size" },
		{ 2, UINT64_MAX, "index out of bounds" },
		{ 2, UINT64_C(64) << 32 | 3, "index out of bounds" },
		{ 2, 2, "index out of bounds" },
		{ 3, 0, "index out of bounds" },
		{ 3, UINT64_MAX, "index out of bounds" },
		{ 6, 1 << 30, "entry out of bounds" },
		{ 6, 0, "entry out of bounds" },
		{ 7, UINT64_MAX, "entry out of bounds" },
		{ 8, UINT64_MAX, "entry out of bounds" },
	};
	size_t size;
	uint64_t *good = image_copy(&size), *bad = mem_alloc(size);
	uint32_t *slots = (uint32_t *)(void *)(bad + 4 + 2 * 5);

	for (size_t i = 0; i < COUNT(damages); i++) {
		memcpy(bad, good, size);
		bad[damages[i].word] = damages[i].value;
		assert_refused(bad, size, damages[i].why);
	}
	memcpy(bad, good, size);
	slots[0] = 3;
	assert_refused(bad, size, "slot without entry");
	for (size_t i = 0; i < 64; i++)
		slots[i] = 1;
	assert_refused(bad, size, "no empty slot");
	memcpy(bad, good, size);
	bad[7] += 1;
	bad[8] -= 1;
	assert_refused(bad, size, "not aligned");
	assert_refused(good, size - 1, "wrong size");
	assert_refused(good, 31, "not a bundle");
	assert_refused(NULL, 0, "not a bundle");
	free(bad);
	free(good);
}

/* A directory with two files, and what a source makes of it. */
struct files {
	char dir[UNIT_DIR_MAX];
	char *one, *two, *pattern;
};

static void
put(const char *path, const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(file_write_atomic(path, span_str(text), 0644, &e), 0);
}

/* Old enough for its identity to be trusted: only the clock can make it so. */
static int64_t offset_ms;

static int64_t
later_wall_ms(void *arg)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + offset_ms;
}

static int64_t
plain_mono_us(void *arg)
{
	return 0;
}

static const struct clock_source later = { .mono_us = plain_mono_us, .wall_ms = later_wall_ms };

static int
setup(void **state)
{
	struct files *f = mem_zalloc(sizeof(*f));

	unit_make_dir(f->dir);
	f->one = file_join(f->dir, "1.conf");
	f->two = file_join(f->dir, "2.conf");
	f->pattern = file_join(f->dir, "*.conf");
	put(f->one, "one");
	put(f->two, "two");
	offset_ms = 10000;
	clock_set_source(&later);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct files *f = *state;

	clock_set_source(NULL);
	unit_remove_dir(f->dir);
	free(f->one);
	free(f->two);
	free(f->pattern);
	free(f);
	return 0;
}

static struct bundle *
read_all(const struct files *f, const struct bundle *previous, char text[8])
{
	struct bundle_writer *w = bundle_writer_new();
	struct config_source *disk = disk_source_new(w, previous);
	struct arena *arena = arena_new(0);
	struct err e = ERR_INIT;
	struct span s, *list;
	size_t count;

	assert_int_equal(disk->read(disk, span_str(f->one), &s, &e), 0);
	snprintf(text, 8, SPAN_FMT, SPAN_ARG(s));
	assert_int_equal(disk->glob(disk, span_str(f->pattern), arena, &list, &count, &e), 0);
	assert_int_equal(count, 2);
	assert_span(list[0], f->one);
	assert_span(list[1], f->two);
	assert_int_equal(disk->glob(disk, SPAN("/nonexistent/*"), arena, &list, &count, &e), 0);
	assert_int_equal(count, 0);
	assert_int_equal(disk->resolve(disk, SPAN("127.0.0.1"), arena, &list, &count, &e), 0);
	assert_int_equal(count, 1);
	assert_span(list[0], "127.0.0.1");
	assert_int_equal(disk->read(disk, SPAN("/nonexistent"), &s, &e), -1);
	err_release(&e);
	config_source_free(disk);
	arena_free(arena);
	return sealed(w);
}

static void
test_bundle_source_agrees(void **state)
{
	const struct files *f = *state;
	char text[8];
	struct bundle *b = read_all(f, NULL, text);
	struct config_source *src = bundle_source_new(b);
	struct arena *arena = arena_new(0);
	struct err e = ERR_INIT;
	struct span s, *list;
	size_t count;

	assert_string_equal(text, "one");
	/* What the worker is told does not depend on the disk any more. */
	put(f->one, "changed");
	assert_int_equal(src->read(src, span_str(f->one), &s, &e), 0);
	assert_span(s, "one");
	assert_int_equal(src->glob(src, span_str(f->pattern), arena, &list, &count, &e), 0);
	assert_int_equal(count, 2);
	assert_span(list[1], f->two);
	assert_int_equal(src->glob(src, SPAN("/nonexistent/*"), arena, &list, &count, &e), 0);
	assert_int_equal(count, 0);
	assert_int_equal(src->resolve(src, SPAN("127.0.0.1"), arena, &list, &count, &e), 0);
	assert_span(list[0], "127.0.0.1");
	assert_int_equal(src->read(src, span_str(f->two), &s, &e), -1);
	err_release(&e);
	config_source_free(src);
	arena_free(arena);
	bundle_close(b);
}

/* An unchanged file comes from the previous bundle: shown by one that lies about what is in it. */
static void
test_unchanged_is_not_read(void **state)
{
	const struct files *f = *state;
	struct bundle_writer *w = bundle_writer_new();
	struct file_identity id;
	struct bundle *lying, *next;
	char text[8];

	assert_int_equal(file_identity_read(AT_FDCWD, f->one, &id), 0);
	bundle_writer_add(w, BUNDLE_FILE, span_str(f->one), SPAN("lie"));
	file_identity_record(w, BUNDLE_FILE, span_str(f->one), &id, 1);
	lying = sealed(w);
	next = read_all(f, lying, text);
	assert_string_equal(text, "lie");
	bundle_close(next);
	/* Touched: read again. */
	assert_int_equal(utimensat(AT_FDCWD, f->one, NULL, 0), 0);
	next = read_all(f, lying, text);
	assert_string_equal(text, "one");
	bundle_close(next);
	bundle_close(lying);
}

static void
test_fresh_is_not_trusted(void **state)
{
	const struct files *f = *state;
	struct bundle_writer *w = bundle_writer_new();
	struct file_identity id;
	struct bundle *b;
	struct span found;

	offset_ms = 0;
	put(f->one, "new");
	assert_int_equal(file_identity_read(AT_FDCWD, f->one, &id), 0);
	assert_false(file_identity_settled(&id));
	bundle_writer_add(w, BUNDLE_FILE, span_str(f->one), SPAN("new"));
	file_identity_record(w, BUNDLE_FILE, span_str(f->one), &id, 1);
	b = sealed(w);
	assert_false(file_identity_reuse(b, BUNDLE_FILE, span_str(f->one), &id, 1, &found));
	bundle_close(b);
}

/* A name that resolved last time and does not now keeps its addresses; one that never did is told. */
static void
test_last_addresses_stay(void **state)
{
	struct bundle_writer *w = bundle_writer_new();
	struct config_source *src;
	struct arena *arena = arena_new(0);
	struct err e = ERR_INIT;
	struct bundle *previous, *b;
	struct span *list;
	size_t count;

	bundle_writer_add(w, BUNDLE_HOST, SPAN("gone.invalid"),
	    span_of("192.0.2.1\000192.0.2.2", 20));
	previous = sealed(w);
	w = bundle_writer_new();
	src = disk_source_new(w, previous);
	assert_int_equal(src->resolve(src, SPAN("gone.invalid"), arena, &list, &count, &e), 0);
	assert_int_equal(count, 2);
	assert_span(list[1], "192.0.2.2");
	assert_int_equal(src->resolve(src, SPAN("never.invalid"), arena, &list, &count, &e), -1);
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	err_release(&e);
	config_source_free(src);
	b = sealed(w);
	src = bundle_source_new(b);
	assert_int_equal(src->resolve(src, SPAN("never.invalid"), arena, &list, &count, &e), -1);
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	err_release(&e);
	config_source_free(src);
	bundle_close(b);
	bundle_close(previous);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_sealed_for_good),
		cmocka_unit_test(test_unsealed_refused),
		cmocka_unit_test(test_damage_refused),
		cmocka_unit_test_setup_teardown(test_bundle_source_agrees, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unchanged_is_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fresh_is_not_trusted, setup, teardown),
		cmocka_unit_test(test_last_addresses_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* backoff: five tries an hour for one name, doubling pauses, what a CA asks for. */
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/backoff.h"
#include "tests/unit/unit.h"

#define NOW INT64_C(1800000000)
#define MINUTE 60
#define HOUR 3600
#define DAY 86400

static const struct span names[] = { SPAN_INIT("a.example"), SPAN_INIT("b.example") };

static int64_t now;

static int64_t
wall_ms(void *arg)
{
	return now * 1000;
}

static int64_t
mono_us(void *arg)
{
	return 1;
}

struct fixture {
	char dir[UNIT_DIR_MAX];
	struct certstore *store;
};

static int
setup(void **state)
{
	static const struct clock_source source = { .mono_us = mono_us, .wall_ms = wall_ms };
	struct fixture *f = mem_zalloc(sizeof(*f));

	now = NOW;
	clock_set_source(&source);
	unit_make_dir(f->dir);
	assert_int_equal(certstore_open(f->dir, &f->store, NULL), 0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	certstore_close(f->store);
	unit_remove_dir(f->dir);
	free(f);
	return 0;
}

static void
it_fails(struct fixture *f, const char *lineage, size_t count, int64_t retry_at, bool counts)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_PARTIAL, "the \"reason\"");
	e.retry_at = retry_at;
	backoff_failed(f->store, lineage, names, count, &e, counts);
	err_release(&e);
}

/* Until when it is put off; 0 = it may be tried. */
static int64_t
put_off(struct fixture *f, const char *lineage, size_t count, bool by_hand)
{
	struct err e = ERR_INIT;
	int rc = backoff_check(f->store, lineage, names, count, by_hand, &e);
	int64_t until = e.retry_at;

	if (rc < 0) {
		assert_int_equal(e.kind, ERR_TEMPFAIL);
		if (strcmp(lineage, "a") == 0)
			assert_non_null(strstr(err_text(&e), "the \"reason\""));
	}
	err_release(&e);
	return rc < 0 ? until : 0;
}

static void
pauses_double_up_to_a_day(void **state)
{
	static const int64_t pauses[] = { 0, 0, 0, 0, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR,
		DAY, DAY };
	struct fixture *f = *state;
	struct backoff b;

	assert_int_equal(put_off(f, "a", 1, false), 0);
	for (size_t i = 0; i < COUNT(pauses); i++) {
		it_fails(f, "a", 1, 0, true);
		assert_int_equal(put_off(f, "a", 1, false), pauses[i] ? now + pauses[i] : 0);
		now += pauses[i] + 1;
	}
	assert_true(backoff_load(f->store, "a", &b));
	assert_int_equal(b.failures, COUNT(pauses));
	assert_string_equal(b.problem, "the \"reason\"");
	backoff_release(&b);
	backoff_succeeded(f->store, "a");
	assert_false(backoff_load(f->store, "a", &b));
	assert_int_equal(put_off(f, "a", 1, false), 0);
}

static void
five_an_hour_even_by_hand_and_by_several_lineages(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		it_fails(f, "a", 1, 0, true);
		now += MINUTE;
	}
	it_fails(f, "rsa", 2, 0, true);
	assert_int_equal(put_off(f, "a", 1, true), 0);
	it_fails(f, "rsa", 2, 0, true);
	/* Five tries of a.example, the first of them three minutes ago. */
	assert_int_equal(put_off(f, "a", 1, true), NOW + HOUR);
	assert_int_equal(put_off(f, "rsa", 2, true), NOW + HOUR);
	now = NOW + HOUR;
	assert_int_equal(put_off(f, "a", 1, true), 0);
}

static void
a_pause_the_ca_asked_for_is_kept_to_the_second(void **state)
{
	struct fixture *f = *state;

	it_fails(f, "a", 1, NOW + 100, false);
	assert_int_equal(put_off(f, "a", 1, true), NOW + 100);
	now = NOW + 99;
	assert_int_equal(put_off(f, "a", 1, true), NOW + 100);
	now = NOW + 100;
	assert_int_equal(put_off(f, "a", 1, false), 0);
	/* What cost the CA nothing and has no time is not worth remembering. */
	backoff_succeeded(f->store, "a");
	it_fails(f, "a", 1, 0, false);
	for (int i = 0; i < 10; i++)
		it_fails(f, "a", 1, 0, false);
	assert_int_equal(put_off(f, "a", 1, false), 0);
}

static void
an_attempt_counts_once_whatever_comes_of_it(void **state)
{
	struct fixture *f = *state;
	struct backoff b;

	/* Killed while the CA looked. */
	backoff_attempt(f->store, "a", names, 1);
	assert_true(backoff_load(f->store, "a", &b));
	assert_int_equal(b.failures, 1);
	assert_true(b.open);
	backoff_release(&b);
	backoff_settle(f->store, "none");
	/* The next run finds that order failed; then one is interrupted, then they fail as usual. */
	it_fails(f, "a", 1, 0, true);
	backoff_attempt(f->store, "a", names, 1);
	it_fails(f, "a", 1, 0, false);
	for (int i = 0; i < 2; i++) {
		backoff_attempt(f->store, "a", names, 1);
		it_fails(f, "a", 1, 0, true);
	}
	backoff_settle(f->store, "a");
	assert_int_equal(put_off(f, "a", 1, false), 0);
	assert_true(backoff_load(f->store, "a", &b));
	assert_int_equal(b.failures, 4);
	assert_false(b.open);
	assert_string_equal(b.problem, "the \"reason\"");
	backoff_release(&b);
	backoff_attempt(f->store, "a", names, 1);
	assert_int_equal(put_off(f, "b", 1, true), NOW + HOUR);
	/* It turns out that the last one did succeed. */
	backoff_settle(f->store, "a");
	assert_int_equal(put_off(f, "b", 1, true), 0);
}

static void
a_clock_that_was_wrong_stops_nothing(void **state)
{
	struct fixture *f = *state;

	now = NOW + 1000 * DAY;
	for (int i = 0; i < 12; i++)
		it_fails(f, "a", 1, 0, true);
	now = NOW;
	assert_int_equal(put_off(f, "a", 1, false), 0);
}

static void
broken_files_stop_nothing(void **state)
{
	static const char *const texts[] = { "", "nonsense", "{}",
		"{\"attempts\":[\"x\",-1,1e300]}",
		"{\"failures\":-1,\"next_try\":1e30,\"hold_until\":\"soon\",\"names\":[1]}" };
	struct fixture *f = *state;
	char *dir = mem_printf("%s/gatehouse/backoff", f->dir), *path = file_join(dir, "a.json");

	assert_int_equal(file_make_dirs(dir, 0700, NULL), 0);
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_int_equal(file_write_atomic(path, span_str(texts[i]), 0600, NULL), 0);
		assert_int_equal(put_off(f, "a", 1, false), 0);
	}
	free(dir);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pauses_double_up_to_a_day, setup, teardown),
		cmocka_unit_test_setup_teardown(five_an_hour_even_by_hand_and_by_several_lineages,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_pause_the_ca_asked_for_is_kept_to_the_second,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(an_attempt_counts_once_whatever_comes_of_it, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_clock_that_was_wrong_stops_nothing, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(broken_files_stop_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

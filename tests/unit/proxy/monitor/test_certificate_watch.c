/* SPDX-License-Identifier: ISC */
/*
 * Tests of what is noticed of certificate files, above all while the watches are being changed: inotify_add_watch is ours
 * here, and lets files change, or the kernel refuse, in the middle of it.
 */
#include "base/clock.h"
#include "proxy/monitor/certificate_watch.h"
#include "proxy/monitor/monitor_state.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

static char dir[UNIT_DIR_MAX], cert_path[UNIT_DIR_MAX + 16], key_path[UNIT_DIR_MAX + 16];
static bool changes_meanwhile;
static int refusals; /* of the kernel, from now on */

static void
change(const char *path)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fclose(f);
}

int
inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	if (changes_meanwhile)
		change(cert_path);
	if (refusals > 0) {
		refusals--;
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

static struct certificate_ref ref;
static struct certificate_ref *refs[] = { &ref };
static struct snapshot snapshot;

static int
setup(void **state)
{
	unit_make_dir(dir);
	snprintf(cert_path, sizeof(cert_path), "%s/cert", dir);
	snprintf(key_path, sizeof(key_path), "%s/key", dir);
	change(cert_path);
	change(key_path);
	ref = (struct certificate_ref){
		.cert_path = span_str(cert_path),
		.key_path = span_str(key_path),
		.watch = true,
	};
	snapshot.certificates = refs;
	snapshot.certificate_count = 1;
	changes_meanwhile = false;
	refusals = 0;
	return 0;
}

static int
teardown(void **state)
{
	unit_remove_dir(dir);
	return 0;
}

static struct certificate_watch *
watching(void)
{
	struct certificate_watch *w = certificate_watch_new();

	assert_non_null(w);
	assert_int_equal(certificate_watch_set(w, &snapshot), 0);
	assert_int_equal(certificate_watch_due_ms(w), 0);
	return w;
}

static void
changes_are_noted_until_they_are_forgotten(void **state)
{
	struct certificate_watch *w = watching();
	char other[UNIT_DIR_MAX + 16];

	snprintf(other, sizeof(other), "%s/other", dir);
	change(other);
	certificate_watch_read(w);
	assert_int_equal(certificate_watch_due_ms(w), 0);
	change(key_path);
	certificate_watch_read(w);
	assert_int_not_equal(certificate_watch_due_ms(w), 0);
	certificate_watch_forget(w);
	assert_int_equal(certificate_watch_due_ms(w), 0);
	certificate_watch_free(w);
}

static void
nothing_falls_between_old_watches_and_new(void **state)
{
	struct certificate_watch *w = watching();

	changes_meanwhile = true;
	assert_int_equal(certificate_watch_set(w, &snapshot), 0);
	assert_int_not_equal(certificate_watch_due_ms(w), 0);
	certificate_watch_free(w);
}

/* The kernel has no room for old and new at once: it is asked again without the old, and everything is looked at. */
static void
room_for_one_set(void **state)
{
	struct certificate_watch *w = watching();

	refusals = 1;
	assert_int_equal(certificate_watch_set(w, &snapshot), 0);
	assert_int_not_equal(certificate_watch_due_ms(w), 0);
	certificate_watch_forget(w);
	change(key_path);
	certificate_watch_read(w);
	assert_int_not_equal(certificate_watch_due_ms(w), 0);
	refusals = 100;
	assert_true(certificate_watch_set(w, &snapshot) > 0);
	certificate_watch_free(w);
}

/* Where there is never room for both, a change is looked at once, and that is that. */
static void
looking_comes_to_an_end(void **state)
{
	struct edition edition = { .snapshot = &snapshot };
	struct monitor m = { .phase = MONITOR_SERVING, .current = &edition, .validation_fd = -1 };

	m.watch = watching();
	change(key_path);
	certificate_watch_read(m.watch);
	while (clock_mono_ms() < certificate_watch_due_ms(m.watch))
		usleep(10000);
	refusals = 1;
	watch_turn(&m);
	assert_true(m.reload.renewal_wanted);
	assert_int_equal(certificate_watch_due_ms(m.watch), 0);
	watch_release(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(changes_are_noted_until_they_are_forgotten, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(nothing_falls_between_old_watches_and_new, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(room_for_one_set, setup, teardown),
		cmocka_unit_test_setup_teardown(looking_comes_to_an_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Ticket keys: shared by a fork, rotated, forgotten in time, read-only once sealed. */
#include "proxy/tls/ticket_key.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/wait.h>

static void
the_newest_and_two_before_it_count(void **state)
{
	struct ticket_keys *keys = ticket_keys_new();
	unsigned char names[6][TICKET_KEY_NAME];
	bool newest;

	for (int i = 0; i < 6; i++) {
		if (i > 0)
			assert_int_equal(ticket_keys_rotate(keys), 0);
		memcpy(names[i], ticket_keys_newest(keys)->name, TICKET_KEY_NAME);
		for (int old = 0; old <= i; old++) {
			const struct ticket_key *key = ticket_keys_find(keys, names[old], &newest);

			if (i - old >= 3) {
				assert_null(key);
				continue;
			}
			assert_non_null(key);
			assert_int_equal(newest, old == i);
			assert_memory_equal(key->name, names[old], TICKET_KEY_NAME);
		}
	}
	ticket_keys_free(keys);
}

static void
unknown_names_and_unused_slots_are_not_found(void **state)
{
	static const unsigned char zero[TICKET_KEY_NAME];
	struct ticket_keys *keys = ticket_keys_new();
	bool newest;

	assert_null(ticket_keys_find(keys, zero, &newest));
	ticket_keys_free(keys);
	ticket_keys_free(NULL);
}

/* Exit status of the child that runs body on keys. */
static int
in_child(struct ticket_keys *keys, int (*body)(struct ticket_keys *))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body(keys));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
sees_the_same(struct ticket_keys *keys)
{
	unsigned char before[TICKET_KEY_NAME];

	memcpy(before, ticket_keys_newest(keys)->name, sizeof(before));
	if (ticket_keys_rotate(keys) < 0)
		return 2;
	return memcmp(before, ticket_keys_newest(keys)->name, sizeof(before)) == 0;
}

static int
writes_when_sealed(struct ticket_keys *keys)
{
	signal(SIGSEGV, SIG_DFL);
	if (ticket_keys_seal(keys) < 0)
		return 2;
	if (!ticket_keys_newest(keys))
		return 3;
	return ticket_keys_rotate(keys);
}

static void
a_fork_shares_them(void **state)
{
	struct ticket_keys *keys = ticket_keys_new();
	unsigned char before[TICKET_KEY_NAME];

	memcpy(before, ticket_keys_newest(keys)->name, sizeof(before));
	assert_int_equal(in_child(keys, sees_the_same), 0);
	/* What the child made is ours. */
	assert_memory_not_equal(before, ticket_keys_newest(keys)->name, sizeof(before));
	ticket_keys_free(keys);
}

static void
sealed_they_cannot_be_written(void **state)
{
	struct ticket_keys *keys = ticket_keys_new();
	int status = in_child(keys, writes_when_sealed);

	/* A signal's death, or the exit a sanitizer makes of it. */
	assert_true(status != 0 && status != 2 && status != 3);
	assert_int_equal(ticket_keys_rotate(keys), 0);
	ticket_keys_free(keys);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_and_two_before_it_count),
		cmocka_unit_test(unknown_names_and_unused_slots_are_not_found),
		cmocka_unit_test(a_fork_shares_them),
		cmocka_unit_test(sealed_they_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

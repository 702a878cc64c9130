/* SPDX-License-Identifier: ISC */
/* Counters: seen by all, kept when a worker ends, told of without a gap. */
#include "proxy/worker/counters.h"
#include "tests/unit/unit.h"

#include <sys/wait.h>

static const struct counter_field *
field(const char *name)
{
	for (size_t i = 0; i < counter_field_count; i++) {
		if (strcmp(counter_fields[i].name, name) == 0)
			return &counter_fields[i];
	}
	fail_msg("no field %s", name);
	return NULL;
}

static void
what_workers_count_is_seen_and_outlives_them(void **state)
{
	struct counters *c = counters_new();
	struct counter_slot *slots[3];
	int status;

	for (unsigned i = 0; i < 3; i++)
		slots[i] = counters_take(c, i);
	for (unsigned i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			counter_add(&slots[i]->connections, 1);
			for (unsigned n = 0; n < 1000; n++)
				counter_add(&slots[i]->requests, 1);
			counter_add_response(slots[i], 200 + 100 * i);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	assert_int_equal(counters_sum(c, field("requests")), 3000);
	assert_int_equal(counters_sum(c, field("responses_3xx")), 1);
	assert_int_equal(counters_sum(c, field("connections")), 3);
	counter_slot_ended(slots[1]);
	assert_int_equal(counters_sum(c, field("connections")), 2);
	assert_int_equal(counters_sum(c, field("requests")), 3000);
	counters_free(c);
}

static void
no_two_workers_get_one_slot(void **state)
{
	struct counters *c = counters_new();
	struct counter_slot *first = counters_take(c, 0), *second = counters_take(c, 1), *other;

	counter_add(&second->requests, 5);
	/* The second drains for hours; another second is started meanwhile. */
	other = counters_take(c, 1);
	assert_ptr_not_equal(other, second);
	assert_ptr_not_equal(other, first);
	counters_give_back(c, second);
	assert_int_equal(counters_sum(c, field("requests")), 5);
	assert_ptr_equal(counters_take(c, 1), second);
	/* However many there are, each gets one. */
	for (unsigned i = 0; i < COUNTER_SLOTS + 2; i++)
		other = counters_take(c, i);
	assert_ptr_equal(other, &c->slots[COUNTER_SLOTS - 1]);
	counters_free(c);
}

static void
a_worker_cannot_lead_a_reader_astray(void **state)
{
	struct counters *c = counters_new();

	c->slot_count = 1U << 31;
	c->slots[COUNTER_SLOTS - 1].requests = 7;
	assert_int_equal(counters_sum(c, field("requests")), 7);
	counters_free(c);
}

static void
statuses_fall_into_their_classes(void **state)
{
	static const unsigned statuses[] = { 0, 101, 200, 299, 304, 404, 499, 502, 599, 600, 999 };
	static const char *const names[] = { "responses_1xx", "responses_2xx", "responses_3xx",
		"responses_4xx", "responses_5xx" };
	static const unsigned expected[] = { 1, 2, 1, 2, 2 };
	struct counters *c = counters_new();
	struct counter_slot *s = counters_take(c, 0);

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		counter_add_response(s, statuses[i]);
	for (size_t i = 0; i < STATUS_CLASSES; i++)
		assert_int_equal(counter_value(s, field(names[i])), expected[i]);
	counters_free(c);
}

/* Each member of a slot has its field, and no two have the same. */
static void
every_counter_is_told(void **state)
{
	bool told[sizeof(struct counter_slot) / sizeof(uint64_t)] = { false };

	for (size_t i = 0; i < counter_field_count; i++) {
		size_t at = counter_fields[i].offset / sizeof(uint64_t);

		assert_false(told[at]);
		told[at] = true;
	}
	assert_int_equal(counter_field_count,
	    (offsetof(struct counter_slot, bytes_out) + sizeof(uint64_t)) / sizeof(uint64_t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_workers_count_is_seen_and_outlives_them),
		cmocka_unit_test(no_two_workers_get_one_slot),
		cmocka_unit_test(a_worker_cannot_lead_a_reader_astray),
		cmocka_unit_test(statuses_fall_into_their_classes),
		cmocka_unit_test(every_counter_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

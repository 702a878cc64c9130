/* SPDX-License-Identifier: ISC */
/* offload: work beside the loop, told in the loop. */
#include "base/clock.h"
#include "base/mem.h"
#include "libacme/acme_http.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

#define TASKS 100

struct task {
	struct acme_http *http;
	pthread_t loop;
	sem_t *gate;  /* waited for, if there is one */
	sem_t *other; /* opened, if there is one */
	bool blocks_signals;
	int worked, told;
	struct task *next; /* handed in when this one is told */
};

static void
work(void *arg)
{
	struct task *t = arg;
	sigset_t blocked;

	t->worked += !pthread_equal(pthread_self(), t->loop);
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	t->blocks_signals = sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGINT);
	if (t->other)
		sem_post(t->other);
	if (t->gate)
		sem_wait(t->gate);
}

static void
tell(void *arg)
{
	struct task *t = arg;

	t->told += pthread_equal(pthread_self(), t->loop);
	if (t->next)
		offload_run(acme_http_offload(t->http), work, tell, t->next);
}

static void
run(struct acme_http *http, struct task *t)
{
	t->http = http;
	t->loop = pthread_self();
	offload_run(acme_http_offload(http), work, tell, t);
}

static void
each_is_done_elsewhere_and_told_here_once(void **state)
{
	struct acme_http *http = acme_http_new(NULL);
	struct task tasks[TASKS] = { { .http = NULL } };

	for (size_t i = 0; i < TASKS; i++) {
		run(http, &tasks[i]);
		assert_int_equal(tasks[i].told, 0);
	}
	acme_http_run(http);
	for (size_t i = 0; i < TASKS; i++) {
		assert_int_equal(tasks[i].worked, 1);
		assert_int_equal(tasks[i].told, 1);
		assert_true(tasks[i].blocks_signals);
	}
	acme_http_free(http);
}

static void
work_runs_side_by_side(void **state)
{
	struct acme_http *http = acme_http_new(NULL);
	struct task first = { .http = NULL }, second = { .http = NULL };
	sem_t a, b;

	sem_init(&a, 0, 0);
	sem_init(&b, 0, 0);
	/* Each waits for the other to have begun. */
	first.gate = second.other = &a;
	second.gate = first.other = &b;
	run(http, &first);
	run(http, &second);
	acme_http_run(http);
	assert_int_equal(first.told + second.told, 2);
	sem_destroy(&a);
	sem_destroy(&b);
	acme_http_free(http);
}

static void
more_may_follow_and_a_stop_does_not_cut_it_short(void **state)
{
	volatile sig_atomic_t stop = 0;
	struct acme_http *http = acme_http_new(&stop);
	struct task first = { .http = NULL }, second = { .http = NULL };

	second.http = http;
	second.loop = pthread_self();
	first.next = &second;
	run(http, &first);
	stop = 1;
	acme_http_run(http);
	assert_int_equal(first.told, 1);
	assert_int_equal(second.told, 1);
	acme_http_free(http);
}

static void
what_nobody_waits_for_is_dropped(void **state)
{
	struct acme_http *http = acme_http_new(NULL);
	struct task tasks[TASKS] = { { .http = NULL } };

	for (size_t i = 0; i < TASKS; i++)
		run(http, &tasks[i]);
	acme_http_free(http);
	for (size_t i = 0; i < TASKS; i++)
		assert_int_equal(tasks[i].told, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_done_elsewhere_and_told_here_once),
		cmocka_unit_test(work_runs_side_by_side),
		cmocka_unit_test(more_may_follow_and_a_stop_does_not_cut_it_short),
		cmocka_unit_test(what_nobody_waits_for_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * offload: a queue, threads, and the way back:
 *
 *	loop                           a thread
 *	offload_run -> waiting ------> work(arg)
 *	done(arg) <- ready <- eventfd <- finished
 *
 * The lists belong to the lock; the watch and everything it calls to the loop.
 */
#include "libacme/offload.h"

#include "base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS_MAX 8
#define STACK_SIZE ((size_t)256 * 1024)

struct task {
	struct task *next;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

struct task_list {
	struct task *first, **last;
};

struct offload {
	struct watch_set *watches;
	struct watch watch;
	size_t under_way; /* handed in, not told yet: the loop's own count */
	pthread_t threads[THREADS_MAX];
	size_t thread_count;

	pthread_mutex_t lock;
	pthread_cond_t wake; /* for the threads */
	struct task_list waiting, finished;
	bool closing;
};

static void
list_init(struct task_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void
list_add(struct task_list *list, struct task *task)
{
	task->next = NULL;
	*list->last = task;
	list->last = &task->next;
}

static struct task *
list_take(struct task_list *list)
{
	struct task *task = list->first;

	if (task)
		list->first = task->next;
	if (!list->first)
		list->last = &list->first;
	return task;
}

static void
list_drop(struct task_list *list)
{
	struct task *task;

	while ((task = list_take(list)))
		free(task);
}

/* ---- the threads ----------------------------------------------------------------------------- */

static struct task *
next_task(struct offload *o)
{
	struct task *task;

	pthread_mutex_lock(&o->lock);
	while (!o->waiting.first && !o->closing)
		pthread_cond_wait(&o->wake, &o->lock);
	task = o->closing ? NULL : list_take(&o->waiting);
	pthread_mutex_unlock(&o->lock);
	return task;
}

static void
finish(struct offload *o, struct task *task)
{
	pthread_mutex_lock(&o->lock);
	list_add(&o->finished, task);
	pthread_mutex_unlock(&o->lock);
	eventfd_write(o->watch.fd, 1);
}

static void *
run_thread(void *arg)
{
	struct offload *o = arg;
	struct task *task;

	while ((task = next_task(o))) {
		task->work(task->arg);
		finish(o, task);
	}
	return NULL;
}

/* One more, if it can be had. Signals are the main thread's, so that they cut its naps short. */
static void
start_thread(struct offload *o)
{
	pthread_attr_t attr;
	sigset_t all, before;

	if (o->thread_count == THREADS_MAX || pthread_attr_init(&attr) != 0)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (pthread_create(&o->threads[o->thread_count], &attr, run_thread, o) == 0)
		o->thread_count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void
end_task(struct offload *o, struct task *task)
{
	if (--o->under_way == 0)
		watch_end(o->watches, &o->watch);
	task->done(task->arg);
	free(task);
}

static void
on_finished(void *arg, short revents)
{
	struct offload *o = arg;
	eventfd_t count;
	struct task *task;

	if (!revents)
		return;
	eventfd_read(o->watch.fd, &count);
	do {
		pthread_mutex_lock(&o->lock);
		task = list_take(&o->finished);
		pthread_mutex_unlock(&o->lock);
		if (task)
			end_task(o, task);
	} while (task);
}

struct offload *
offload_new(struct watch_set *watches)
{
	struct offload *o = mem_zalloc(sizeof(*o));

	o->watches = watches;
	o->watch = (struct watch){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.events = POLLIN,
		.ready = on_finished,
		.arg = o };
	if (o->watch.fd < 0)
		abort();
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->wake, NULL);
	list_init(&o->waiting);
	list_init(&o->finished);
	return o;
}

void
offload_free(struct offload *o)
{
	if (!o)
		return;
	pthread_mutex_lock(&o->lock);
	o->closing = true;
	pthread_cond_broadcast(&o->wake);
	pthread_mutex_unlock(&o->lock);
	for (size_t i = 0; i < o->thread_count; i++)
		pthread_join(o->threads[i], NULL);
	if (o->under_way)
		watch_end(o->watches, &o->watch);
	list_drop(&o->waiting);
	list_drop(&o->finished);
	pthread_cond_destroy(&o->wake);
	pthread_mutex_destroy(&o->lock);
	close(o->watch.fd);
	free(o);
}

void
offload_run(struct offload *o, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	struct task *task = mem_zalloc(sizeof(*task));

	*task = (struct task){ .work = work, .done = done, .arg = arg };
	if (o->under_way++ == 0)
		watch_begin(o->watches, &o->watch);
	if (o->under_way > o->thread_count)
		start_thread(o);
	if (!o->thread_count) {
		/* Then the loop waits itself. */
		work(arg);
		finish(o, task);
		return;
	}
	pthread_mutex_lock(&o->lock);
	list_add(&o->waiting, task);
	pthread_cond_signal(&o->wake);
	pthread_mutex_unlock(&o->lock);
}

/* SPDX-License-Identifier: ISC */
/*
 * hook_queue: a list of calls, the first of which runs. Its end is seen by a watch on the process; the next
 * starts from a timer, so that no callback runs inside hook_queue_add.
 */
#include "libacme/hook_queue.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/proc.h"
#include "libacme/hook.h"

#include <stdlib.h>

#define TIME_LIMIT_MS 300000
#define OUTPUT_MAX ((size_t)64 * 1024)
/* How often to look where the kernel does not tell that a process has ended. */
#define TICK_MS 50

struct queued {
	struct queued *next;
	struct hook_call call;
	char *command, **arguments, **env;
	const char **argv;
	struct proc_request request;
	struct proc *proc;
	struct buf out, errors;
	int64_t until_ms;
};

struct hook_queue {
	struct acme_http *http;
	struct queued *first;
	struct watch watch;
	bool running, scheduled;
};

static void queue_turn(void *arg);

struct hook_queue *
hook_queue_new(struct acme_http *http)
{
	struct hook_queue *queue = mem_zalloc(sizeof(*queue));

	queue->http = http;
	return queue;
}

static char **
copy_list(const char *const *list)
{
	size_t count = 0;
	char **copy;

	while (list && list[count])
		count++;
	copy = mem_realloc_array(NULL, count + 1, sizeof(*copy));
	for (size_t i = 0; i < count; i++)
		copy[i] = mem_strdup(list[i]);
	copy[count] = NULL;
	return copy;
}

static void
free_list(char **list)
{
	for (size_t i = 0; list[i]; i++)
		free(list[i]);
	free(list);
}

static void
queued_free(struct queued *q)
{
	buf_release(&q->out);
	buf_release(&q->errors);
	free_list(q->arguments);
	free_list(q->env);
	free(q->argv);
	free(q->command);
	free(q);
}

void
hook_queue_free(struct hook_queue *queue)
{
	struct queued *q;

	if (!queue)
		return;
	while ((q = queue->first)) {
		queue->first = q->next;
		queued_free(q);
	}
	free(queue);
}

static void
queue_schedule(struct hook_queue *queue)
{
	if (queue->running || queue->scheduled || !queue->first)
		return;
	queue->scheduled = true;
	acme_http_after(queue->http, 0, queue_turn, queue);
}

/* The first is over. */
static void
queue_finish(struct hook_queue *queue, struct err *e)
{
	struct queued *q = queue->first;

	queue->first = q->next;
	queue->running = false;
	if (q->call.done)
		q->call.done(q->call.arg, e, span_trim(buf_span(&q->out)));
	queued_free(q);
	queue_schedule(queue);
}

static void
on_process(void *arg, short revents)
{
	struct hook_queue *queue = arg;
	struct queued *q = queue->first;
	struct err e = ERR_INIT;
	int64_t now = clock_mono_ms();
	bool stopped = acme_http_stopped(queue->http) && !q->call.always;
	int status = 0, rc;

	if (!proc_ended(q->proc)) {
		if (now < q->until_ms && !stopped) {
			queue->watch.deadline_ms = now + TICK_MS;
			return;
		}
		proc_stop(q->proc);
		err_set(&e, ERR_TEMPFAIL, stopped ? "interrupted" : "it did not end within %d s",
		    TIME_LIMIT_MS / 1000);
	}
	watch_end(acme_http_watches(queue->http), &queue->watch);
	rc = proc_finish(q->proc, &status, e.kind == ERR_NONE ? &e : NULL);
	q->proc = NULL;
	if (rc == 0 && e.kind == ERR_NONE && status != 0)
		hook_failed(q->call.kind, q->command, status, &q->errors, &q->out, &e);
	else if (e.kind != ERR_NONE)
		err_wrap(&e, "the %s %s failed", q->call.kind, q->command);
	queue_finish(queue, e.kind != ERR_NONE ? &e : NULL);
	err_release(&e);
}

static void
queue_turn(void *arg)
{
	struct hook_queue *queue = arg;
	struct queued *q = queue->first;
	struct err e = ERR_INIT;

	queue->scheduled = false;
	queue->running = true;
	if (acme_http_stopped(queue->http) && !q->call.always)
		err_set(&e, ERR_TEMPFAIL, "interrupted");
	else
		q->proc = proc_start(&q->request, &e);
	if (!q->proc) {
		err_wrap(&e, "the %s %s failed", q->call.kind, q->command);
		queue_finish(queue, &e);
		err_release(&e);
		return;
	}
	q->until_ms = clock_mono_ms() + TIME_LIMIT_MS;
	queue->watch = (struct watch){ .fd = proc_fd(q->proc),
		.events = POLLIN,
		.deadline_ms = clock_mono_ms() + TICK_MS,
		.ready = on_process,
		.arg = queue };
	watch_begin(acme_http_watches(queue->http), &queue->watch);
}

void
hook_queue_add(struct hook_queue *queue, const struct hook_call *call)
{
	struct queued *q = mem_zalloc(sizeof(*q)), **at = &queue->first;
	size_t count = 0;

	q->call = *call;
	q->command = mem_strdup(call->command);
	q->arguments = copy_list(call->arguments);
	q->env = copy_list(call->env);
	while (q->arguments[count])
		count++;
	q->argv = mem_realloc_array(NULL, count + 2, sizeof(*q->argv));
	q->argv[0] = q->command;
	for (size_t i = 0; i <= count; i++)
		q->argv[i + 1] = q->arguments[i];
	buf_init(&q->out, OUTPUT_MAX);
	buf_init(&q->errors, OUTPUT_MAX);
	q->request = (struct proc_request){
		.env = (const char *const *)q->env, .out = &q->out, .errors = &q->errors
	};
	if (hook_is_path(q->command))
		q->request.argv = q->argv;
	else
		q->request.shell = q->command;
	while (*at)
		at = &(*at)->next;
	*at = q;
	queue_schedule(queue);
}

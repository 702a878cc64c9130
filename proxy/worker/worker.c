/* SPDX-License-Identifier: ISC */
/*
 * worker: see worker.h.
 *
 * Ends in one of three ways: STOP or a lost monitor (at once), DRAIN (when the last connection is done), a crash.
 */
#include "proxy/worker/worker.h"

#include "base/mem.h"
#include "proxy/http/client_conn.h"
#include "proxy/http/request_life.h"
#include "proxy/net/pipe_pool.h"
#include "proxy/stream/stream_session.h"
#include "proxy/tls/certificate_cache.h"
#include "proxy/tls/ticket_key.h"
#include "proxy/upstream/peer_drain.h"
#include "proxy/upstream/upstream_tracker.h"
#include "proxy/worker/arrival.h"
#include "proxy/worker/generation.h"
#include "proxy/worker/listen_slot.h"
#include "proxy/worker/listing.h"
#include "proxy/worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Certificates kept parsed (8 kB each). */
#define CERTIFICATES_MAX 4096

struct worker_process {
	struct worker worker;
	struct watch channel;
	struct timer shutdown; /* worker_shutdown_timeout is over */
	bool stop;
	bool failed; /* stop, and not as told */
};

#define from_member(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static void
reply(struct worker_process *p, enum channel_kind kind, uint64_t generation, const char *text)
{
	struct channel_message m = { .kind = kind, .generation = generation };

	if (text) {
		size_t n = strnlen(text, sizeof(m.text));

		memcpy(m.text, text, n);
		m.text_length = (uint32_t)n;
	}
	if (channel_send(p->channel.fd, &m, -1) < 0 && errno != EPIPE)
		p->stop = true;
}

/* Before the first generation serves anyone: give up what a worker does not need. */
static int
enter_sandbox(struct worker *w, const struct snapshot *s, struct err *e)
{
	/* The monitor put its error log behind descriptor 2; the generation's own are open only once it is adopted. */
	const struct log log = { .fd = STDERR_FILENO, .level = s->main.error_log->level };

	(void)w;
	return sandbox_enter(s, &log, e);
}

static bool
uses_old_generation(const struct client_conn *cc)
{
	return cc->client.slot->gone || client_conn_serves_other(cc, cc->client.worker->generation);
}

/* worker_shutdown_timeout while draining: everything ends now. Older generations have timers of their own. */
static void
on_shutdown_timeout(struct timer *t)
{
	struct worker_process *p = from_member(t, struct worker_process, shutdown);

	arrivals_close(&p->worker);
	while (p->worker.clients)
		client_conn_close(p->worker.clients, "worker_shutdown_timeout is over");
	stream_sessions_close_of(&p->worker, NULL, "worker_shutdown_timeout is over");
}

static void
start_shutdown_timer(struct worker_process *p)
{
	int64_t timeout_ms = p->worker.generation
				 ? p->worker.generation->snapshot->main.worker_shutdown_timeout_ms
				 : 0;

	if (timeout_ms > 0)
		timer_set(p->worker.loop, &p->shutdown, timeout_ms);
}

static void
adopt(struct worker_process *p, uint64_t generation, int fd)
{
	bool first = p->worker.generation == NULL;
	struct err e = ERR_INIT;

	if (p->worker.draining) {
		reply(p, CHANNEL_REFUSED, generation, "draining");
	} else if (generation_adopt(&p->worker, generation, fd, first ? enter_sandbox : NULL, &e) <
		   0) {
		reply(p, CHANNEL_REFUSED, generation, err_text(&e));
	} else {
		reply(p, CHANNEL_ADOPTED, generation, NULL);
	}
	err_release(&e);
}

static void
drain(struct worker_process *p)
{
	struct worker *w = &p->worker;

	w->draining = true;
	while (w->slots)
		listen_slot_retire(w->slots);
	arrivals_retire(w, false);
	client_conns_retire(w, false);
	start_shutdown_timer(p);
}

static void
count_connections(struct worker_process *p)
{
	uint64_t idle = 0, old = 0;

	for (const struct client_conn *cc = p->worker.clients; cc; cc = cc->next) {
		idle += cc->wire->idle(cc);
		old += uses_old_generation(cc);
	}
	for (const struct stream_session *ss = p->worker.sessions; ss; ss = ss->next)
		old += ss->generation != p->worker.generation;
	p->worker.counters->idle = idle;
	p->worker.counters->old_connections = old;
	reply(p, CHANNEL_COUNTED, 0, NULL);
}

static void
take_validation(struct worker *w, int fd)
{
	struct bundle *b = NULL;

	if (bundle_open(fd, &b, NULL) < 0)
		return;
	bundle_close(w->validation);
	w->validation = b;
}

static void
drain_peer(struct worker_process *p, const struct channel_message *m)
{
	struct span server = span_of(m->text, m->text_length), group;

	if (p->worker.generation && span_split(&server, '\0', &group))
		peer_drain(p->worker.generation, group, server, m->id != 0);
	reply(p, CHANNEL_PEER_SET, m->generation, NULL);
}

static void
take_message(struct worker_process *p, const struct channel_message *m, int fd)
{
	switch (m->kind) {
	case CHANNEL_RESOURCE:
		if (fd >= 0)
			worker_resource_set_take(&p->worker, m->id, fd);
		return;
	case CHANNEL_BUNDLE:
		adopt(p, m->generation, fd);
		break;
	case CHANNEL_VALIDATION:
		take_validation(&p->worker, fd);
		break;
	case CHANNEL_DRAIN:
		drain(p);
		break;
	case CHANNEL_STOP:
		p->stop = true;
		break;
	case CHANNEL_STATUS:
		count_connections(p);
		break;
	case CHANNEL_PEER:
		drain_peer(p, m);
		break;
	case CHANNEL_LIST:
		if (listing_send(&p->worker, p->channel.fd, m->id) < 0)
			p->stop = true;
		break;
	default:
		break;
	}
	if (fd >= 0)
		close(fd);
}

static void
channel_failed(struct worker_process *p)
{
	const struct log log = { .fd = STDERR_FILENO, .level = LOG_LEVEL_ALERT };
	int why = errno;

	log_msg(&log, LOG_LEVEL_ALERT, "cannot receive from the monitor (%d: %s)%s", why,
	    strerror(why), why == EMFILE ? "; \"worker_rlimit_nofile\" is too low" : "");
	p->failed = true;
	p->stop = true;
}

static void
on_channel(struct watch *watch, uint32_t events)
{
	struct worker_process *p = from_member(watch, struct worker_process, channel);
	struct channel_message m;
	int fd, r;

	(void)events;
	while (!p->stop && (r = channel_recv(watch->fd, &m, &fd)) != -1) {
		if (r == 0) {
			p->stop = true; /* no monitor, no service */
			return;
		}
		take_message(p, &m, fd);
	}
	if (!p->stop && errno != EAGAIN)
		channel_failed(p);
}

static void
close_all(struct worker_process *p)
{
	struct worker *w = &p->worker;

	arrivals_close(w);
	while (w->clients)
		client_conn_close(w->clients, NULL);
	stream_sessions_close_of(w, NULL, NULL);
	while (w->slots)
		listen_slot_retire(w->slots);
	timer_clear(&p->shutdown);
	timer_clear(&w->accept_retry);
	generation_unref(w->generation);
	w->generation = NULL;
	/* The connections closed above are freed at the end of a turn. */
	loop_turn(w->loop, 0);
	worker_resolvers_free(w);
	worker_resources_free(w);
	loop_unwatch(w->loop, &p->channel);
	certificate_cache_free(w->certificates);
	bundle_close(w->validation);
	request_arenas_free(w);
	bufpool_free(w->pool);
	pipe_pool_free(w->pipes);
	loop_free(w->loop);
}

/* Signals are the monitor's business; it tells workers over the channel. */
static void
ignore_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH,
		SIGPIPE };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGTERM, SIG_DFL);
}

int
worker_main(const struct worker_options *options)
{
	struct worker_process p = { .channel = { .fd = -1, .on_event = on_channel } };
	struct worker *w = &p.worker;

	ignore_signals();
	p.shutdown.on_expire = on_shutdown_timeout;
	w->pid = getpid();
	w->number = options->number;
	w->counters = options->slot;
	w->all_counters = options->counters;
	w->loop = loop_new();
	if (!w->loop)
		return EXIT_FAILURE;
	w->pool = bufpool_new();
	w->pipes = pipe_pool_new();
	w->certificates = certificate_cache_new(CERTIFICATES_MAX);
	/* What a worker cannot write, one that was taken over cannot make its own. */
	if (options->tickets && ticket_keys_seal(options->tickets) == 0)
		w->tickets = options->tickets;
	fcntl(options->channel, F_SETFL, O_NONBLOCK);
	if (loop_watch(w->loop, &p.channel, options->channel, EPOLLIN) < 0)
		return EXIT_FAILURE;
	while (!p.stop && !(w->draining && !w->clients && !w->sessions && !w->arrivals))
		loop_turn(w->loop, -1);
	close_all(&p);
	close(options->channel);
	return p.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: ISC */
/* generation: see generation.h. */
#include "proxy/worker/generation.h"

#include "base/mem.h"
#include "proxy/http/client_conn.h"
#include "proxy/http/request.h"
#include "proxy/stream/stream_session.h"
#include "proxy/tls/tls_context.h"
#include "proxy/tls/upstream_tls.h"
#include "proxy/upstream/upstream.h"
#include "proxy/worker/arrival.h"
#include "proxy/worker/listen_slot.h"
#include "proxy/worker/shared_zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct worker_resource *
resource_find(struct worker *w, uint32_t id)
{
	for (struct worker_resource *r = w->resources; r; r = r->next) {
		if (r->id == id)
			return r;
	}
	return NULL;
}

/* What libraries and sanitizers have to say goes where the error log is now. */
static void
follow_stderr(const struct generation *g)
{
	struct log log = generation_error_log(g, g->snapshot->main.error_log);

	if (log.fd > STDERR_FILENO)
		(void)dup2(log.fd, STDERR_FILENO);
}

void
worker_resource_set_take(struct worker *w, uint32_t id, int fd)
{
	struct worker_resource *r = resource_find(w, id);

	if (!r) {
		r = mem_zalloc(sizeof(*r));
		r->id = id;
		r->fd = -1;
		r->next = w->resources;
		w->resources = r;
	}
	if (r->sink) {
		log_sink_set_fd_take(r->sink, fd);
		if (w->generation)
			follow_stderr(w->generation);
		return;
	}
	if (r->fd >= 0)
		close(r->fd);
	r->fd = fd;
}

static void
resource_free(struct worker_resource *r)
{
	if (r->fd >= 0)
		close(r->fd);
	log_sink_unref(r->sink);
	shared_zone_unref(r->zone);
	free(r);
}

void
worker_resources_free(struct worker *w)
{
	while (w->resources) {
		struct worker_resource *r = w->resources;

		w->resources = r->next;
		resource_free(r);
	}
}

/* Forget what the newest generation does not name. */
static void
resources_sweep(struct worker *w)
{
	struct worker_resource **p = &w->resources;

	while (*p) {
		struct worker_resource *r = *p;

		if (r->named) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		resource_free(r);
	}
}

/* The resource id the bundle gives for a name. */
static int
find_id(const struct bundle *b, enum bundle_kind kind, struct span name, uint32_t *id,
    struct err *e)
{
	struct span bytes;

	if (!bundle_find(b, kind, name, &bytes) || bytes.n != sizeof(*id))
		return err_set(e, ERR_BUG, "bundle lacks the descriptor of " SPAN_FMT,
		    SPAN_ARG(name));
	memcpy(id, bytes.p, sizeof(*id));
	return 0;
}

static struct span
find_option(const struct bundle *b, struct span name)
{
	struct span bytes = { NULL, 0 };

	bundle_find(b, BUNDLE_OPTIONS, name, &bytes);
	return bytes;
}

static int
load_snapshot(struct generation *g, struct err *e)
{
	struct snapshot_options options = {
		.prefix = find_option(g->bundle, SPAN("prefix")),
		.conf_path = find_option(g->bundle, SPAN("conf")),
		.error_log = find_option(g->bundle, SPAN("error_log")),
		.globals = find_option(g->bundle, SPAN("globals")),
		.http_variables = &http_variables,
		.stream_variables = &stream_variables,
	};
	struct arena *arena = arena_new(0);
	struct diagnostics diags;
	uint64_t number = 0;
	int rc = -1;

	diagnostics_init(&diags, arena);
	g->source = bundle_source_new(g->bundle);
	g->snapshot = snapshot_load(g->source, &options, &diags);
	if (!g->snapshot) {
		struct span first =
		    diags.first ? diagnostic_format(diags.first, arena) : SPAN("unknown reason");

		err_set(e, ERR_CONFIG, SPAN_FMT, SPAN_ARG(first));
	} else if (span_to_u64(find_option(g->bundle, SPAN("generation")), UINT64_MAX, &number) <
		   0) {
		err_set(e, ERR_BUG, "bundle has no generation number");
	} else {
		g->snapshot->generation = number;
		rc = 0;
	}
	arena_free(arena);
	return rc;
}

/* Descriptors behind sinks keep their numbers when files are reopened. */
static void
attach_error_logs(struct generation *g)
{
	const struct snapshot *s = g->snapshot;

	g->error_logs = mem_zalloc((s->error_log_count + 1) * sizeof(g->error_logs[0]));
	for (size_t i = 0; i < s->error_log_count; i++) {
		const struct error_log *el = s->error_logs[i];
		struct log *log = &g->error_logs[i];

		/* One that nothing serves with has no file in the bundle. */
		log->fd = el->file->index < s->log_file_count
			      ? log_sink_fd(g->sinks[el->file->index])
			      : -1;
		log->level = el->level;
		log->also = el->next ? &g->error_logs[el->next->index] : NULL;
	}
}

static int
attach_logs(struct generation *g, struct err *e)
{
	const struct snapshot *s = g->snapshot;

	g->sinks = mem_zalloc((s->log_file_count + 1) * sizeof(g->sinks[0]));
	for (size_t i = 0; i < s->log_file_count; i++) {
		struct worker_resource *r;
		uint32_t id;

		if (find_id(g->bundle, BUNDLE_LOG, s->log_files[i]->path, &id, e) < 0)
			return -1;
		r = resource_find(g->worker, id);
		if (!r)
			return err_set(e, ERR_BUG, "descriptor %u was never sent", id);
		r->named = true;
		if (!r->sink) {
			r->sink = log_sink_new(g->worker->loop, r->fd);
			r->fd = -1;
		}
		g->sinks[i] = log_sink_ref(r->sink);
	}
	attach_error_logs(g);
	return 0;
}

static int
attach_zones(struct generation *g, struct err *e)
{
	const struct snapshot *s = g->snapshot;

	g->zones = mem_zalloc((s->zone_count + 1) * sizeof(g->zones[0]));
	for (size_t i = 0; i < s->zone_count; i++) {
		struct worker_resource *r;
		uint32_t id;

		if (find_id(g->bundle, BUNDLE_ZONE, s->zones[i]->name, &id, e) < 0)
			return -1;
		r = resource_find(g->worker, id);
		if (!r)
			return err_set(e, ERR_BUG, "descriptor %u was never sent", id);
		r->named = true;
		if (!r->zone)
			r->zone = shared_zone_map(r->fd, s->zones[i]->size);
		if (!r->zone)
			return err_set_errno(e, errno, "cannot map the zone \"" SPAN_FMT "\"",
			    SPAN_ARG(s->zones[i]->name));
		if (r->fd >= 0)
			close(r->fd);
		r->fd = -1;
		g->zones[i] = shared_zone_ref(r->zone);
	}
	return 0;
}

/* Each listener has a slot or a descriptor to make one of. */
static int
check_listeners(struct generation *g, struct err *e)
{
	for (size_t i = 0; i < g->snapshot->listener_count; i++) {
		struct span name = g->snapshot->listeners[i].address.text;
		struct worker_resource *r;
		uint32_t id;

		if (find_id(g->bundle, BUNDLE_LISTENER, name, &id, e) < 0)
			return -1;
		r = resource_find(g->worker, id);
		if (!r || (r->fd < 0 && !listen_slot_find(g->worker, id)))
			return err_set(e, ERR_BUG, "socket of " SPAN_FMT " was never sent",
			    SPAN_ARG(name));
		r->named = true;
	}
	return 0;
}

static int
prepare(struct generation *g, int fd, struct err *e)
{
	struct generation *old = g->worker->generation;

	if (bundle_open(fd, &g->bundle, e) < 0 || load_snapshot(g, e) < 0 ||
	    attach_logs(g, e) < 0 || attach_zones(g, e) < 0 || check_listeners(g, e) < 0)
		return -1;
	if (tls_contexts_new(g, old ? old->tls : NULL, &g->tls, e) < 0)
		return -1;
	g->upstreams = upstream_groups_new(g, old ? old->upstreams : NULL);
	return 0;
}

static void
adopt_listener(struct generation *g, const struct listener *l)
{
	struct worker *w = g->worker;
	struct listen_slot *slot;
	uint32_t id = 0;

	if (find_id(g->bundle, BUNDLE_LISTENER, l->address.text, &id, NULL) < 0)
		return; /* check_listeners has seen it */
	slot = listen_slot_find(w, id);
	if (!slot) {
		struct worker_resource *r = resource_find(w, id);

		slot = listen_slot_add_take(w, id, r->fd);
		r->fd = -1;
	}
	slot->current = true;
	if (listen_slot_adopt(slot, g, l) < 0) {
		struct log log = generation_error_log(g, g->snapshot->main.error_log);

		log_msg(&log, LOG_LEVEL_ALERT, "cannot watch " SPAN_FMT " (%d: %s)",
		    SPAN_ARG(l->address.text), errno, strerrordesc_np(errno));
	}
}

/* What is still served from it ends now. */
static void
on_expiry(struct timer *t)
{
	struct generation *g =
	    (struct generation *)((char *)t - offsetof(struct generation, expiry));

	generation_ref(g);
	client_conns_close_of(g->worker, g, "worker_shutdown_timeout is over");
	stream_sessions_close_of(g->worker, g, "worker_shutdown_timeout is over");
	generation_unref(g);
}

/* Each generation has its own time: one reload after the other must not put it off. */
static void
succeed(struct generation *old, const struct generation *g)
{
	int64_t timeout_ms = g->snapshot->main.worker_shutdown_timeout_ms;

	if (old && timeout_ms > 0) {
		old->expiry.on_expire = on_expiry;
		timer_set(g->worker->loop, &old->expiry, timeout_ms);
	}
	generation_unref(old);
}

static void
commit(struct generation *g)
{
	struct worker *w = g->worker;
	struct generation *old = w->generation;
	struct listen_slot *next;

	w->generation = g;
	for (struct listen_slot *s = w->slots; s; s = s->next)
		s->current = false;
	for (size_t i = 0; i < g->snapshot->listener_count; i++)
		adopt_listener(g, &g->snapshot->listeners[i]);
	for (struct listen_slot *s = w->slots; s; s = next) {
		next = s->next;
		if (!s->current)
			listen_slot_retire(s);
	}
	arrivals_retire(w, true);
	client_conns_retire(w, true);
	for (size_t i = 0; i < g->snapshot->log_file_count; i++)
		log_sink_set_buffer(g->sinks[i], g->snapshot->log_files[i]->buffer_size,
		    g->snapshot->log_files[i]->flush_ms);
	follow_stderr(g);
	resources_sweep(w);
	listen_slots_share_descriptors(w);
	succeed(old, g);
}

int
generation_adopt(struct worker *w, uint64_t number, int bundle_fd,
    int (*before_commit)(struct worker *w, const struct snapshot *s, struct err *e), struct err *e)
{
	struct generation *g = mem_zalloc(sizeof(*g));

	g->refs = 1;
	g->number = number;
	g->worker = w;
	for (struct worker_resource *r = w->resources; r; r = r->next)
		r->named = false;
	if (prepare(g, bundle_fd, e) < 0 ||
	    (before_commit && before_commit(w, g->snapshot, e) < 0)) {
		generation_unref(g);
		return -1;
	}
	commit(g);
	return 0;
}

struct generation *
generation_ref(struct generation *g)
{
	g->refs++;
	return g;
}

void
generation_unref(struct generation *g)
{
	if (!g || --g->refs > 0)
		return;
	timer_clear(&g->expiry);
	upstream_groups_free(g->upstreams);
	tls_contexts_free(g->tls);
	upstream_tls_release(g);
	for (size_t i = 0; g->sinks && i < g->snapshot->log_file_count; i++)
		log_sink_unref(g->sinks[i]);
	free(g->sinks);
	free(g->error_logs);
	for (size_t i = 0; g->zones && i < g->snapshot->zone_count; i++)
		shared_zone_unref(g->zones[i]);
	free(g->zones);
	snapshot_free(g->snapshot);
	config_source_free(g->source);
	bundle_close(g->bundle);
	free(g);
}

struct log
generation_error_log(const struct generation *g, const struct error_log *el)
{
	const struct log nowhere = { .fd = -1, .level = LOG_LEVEL_ERROR };

	return el && g->error_logs ? g->error_logs[el->index] : nowhere;
}

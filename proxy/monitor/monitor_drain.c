/* SPDX-License-Identifier: ISC */
/*
 * monitor_drain: servers of upstreams that get no new requests, by the administrator's order.
 *
 * A server is remembered as what workers know its peers by: each of its addresses, or its name if that is resolved at
 * run time. An order is carried out at once, and answered when every worker it was sent to has acknowledged it.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "proxy/monitor/control_report.h"

#define DRAIN_TIMEOUT_MS 10000
/* Of names in a hint; a request's answer is for a person. */
#define HINT_MAX 4096

struct drained {
	char *upstream, *server;
	struct drained *next;
};

struct drain_order {
	uint64_t ticket;
	uint64_t number;     /* of its last PEER message; 0 = there is none to wait for */
	int64_t deadline_ms; /* for workers to acknowledge */
	cJSON *report;
	struct drain_order *next;
};

/* Call visit for each address, or name, that is this server's; says whether there was one. */
static bool
each_peer(const struct upstream_server *s, struct span server,
    void (*visit)(void *ctx, struct span peer), void *ctx)
{
	bool by_name = span_eq(s->name, server), found = false;

	if (s->resolve) {
		if (by_name)
			visit(ctx, s->name);
		return by_name;
	}
	for (size_t i = 0; i < s->address_count; i++) {
		if (!by_name && !span_eq(s->addresses[i].text, server))
			continue;
		visit(ctx, s->addresses[i].text);
		found = true;
	}
	return found;
}

static struct drained **
find(struct monitor *m, struct span upstream, struct span server)
{
	struct drained **at = &m->drained;

	while (*at && (!span_eq(span_str((*at)->upstream), upstream) ||
			  !span_eq(span_str((*at)->server), server)))
		at = &(*at)->next;
	return at;
}

static void
forget(struct drained **at)
{
	struct drained *d = *at;

	*at = d->next;
	free(d->upstream);
	free(d->server);
	free(d);
}

static bool
fits_message(struct span upstream, struct span server)
{
	return upstream.n + 1 + server.n <= CHANNEL_TEXT_MAX;
}

static void
tell_worker(struct worker_process *w, uint64_t number, struct span upstream, struct span server,
    bool drained)
{
	struct buf text;

	buf_init(&text, CHANNEL_TEXT_MAX);
	(void)buf_add(&text, upstream);
	(void)buf_add_char(&text, '\0');
	(void)buf_add(&text, server);
	worker_process_set_peer(w, number, buf_span(&text), drained);
	buf_release(&text);
}

/* An order on its way through the configuration in service. */
struct carrying_out {
	struct monitor *m;
	struct span upstream;
	bool drain, too_long;
	cJSON *servers;
};

static void
carry_out(void *ctx, struct span peer)
{
	struct carrying_out *c = ctx;
	struct monitor *m = c->m;
	struct drained **at = find(m, c->upstream, peer);
	cJSON *one;

	if (!fits_message(c->upstream, peer)) {
		c->too_long = true;
		return;
	}
	if (c->drain && !*at) {
		*at = mem_alloc(sizeof(**at));
		**at = (struct drained){ .upstream = mem_dup_span(c->upstream),
			.server = mem_dup_span(peer) };
	} else if (!c->drain && *at) {
		forget(at);
	}
	m->last_drain++;
	for (size_t i = 0; i < m->worker_count; i++)
		tell_worker(m->workers[i], m->last_drain, c->upstream, peer, c->drain);
	announce(&m->announcer, LOG_LEVEL_NOTICE,
	    "server " SPAN_FMT " of upstream \"" SPAN_FMT "\" %s", SPAN_ARG(peer),
	    SPAN_ARG(c->upstream), c->drain ? "is drained" : "is drained no more");
	one = cJSON_CreateObject();
	report_add_text(one, "upstream", c->upstream);
	report_add_text(one, "server", peer);
	cJSON_AddItemToArray(c->servers, one);
}

static bool
is_wanted(const struct upstream_spec *spec, const struct control_request *r)
{
	return !r->upstream || span_eq(spec->name, span_str(r->upstream));
}

/* "app: 127.0.0.1:8001, 127.0.0.1:8002; other: ..." of the wanted upstreams, or all if none is. */
static void
list_servers(const struct monitor *m, const struct control_request *r, bool known, struct buf *out)
{
	const struct snapshot *s = m->current->snapshot;

	for (size_t i = 0; i < s->upstream_count; i++) {
		const struct upstream_spec *spec = s->upstreams[i];

		if (known && !is_wanted(spec, r))
			continue;
		buf_printf(out, "%s" SPAN_FMT ":",
		    out->len ? "; " : "there are: ", SPAN_ARG(spec->name));
		for (size_t k = 0; k < spec->server_count; k++)
			buf_printf(out, "%s" SPAN_FMT, k ? ", " : " ",
			    SPAN_ARG(spec->servers[k].name));
	}
	if (out->len == 0)
		buf_add_str(out, "the configuration has no upstream");
}

static cJSON *
refusal(const char *text, const char *hint)
{
	cJSON *report = report_new(false), *one = cJSON_CreateObject();

	report_add_text(one, "text", span_str(text));
	if (hint)
		report_add_text(one, "hint", span_str(hint));
	cJSON_AddItemToArray(cJSON_AddArrayToObject(report, "errors"), one);
	return report;
}

static cJSON *
refuse_unknown(const struct monitor *m, const struct control_request *r)
{
	const struct snapshot *s = m->current->snapshot;
	bool known = false;
	cJSON *report;
	struct buf hint;
	char *text;

	for (size_t i = 0; r->upstream && i < s->upstream_count; i++)
		known = known || is_wanted(s->upstreams[i], r);
	if (!r->upstream)
		text = mem_printf("no upstream has a server \"%s\"", r->server);
	else if (known)
		text = mem_printf("upstream \"%s\" has no server \"%s\"", r->upstream, r->server);
	else
		text = mem_printf("there is no upstream \"%s\"", r->upstream);
	buf_init(&hint, HINT_MAX);
	list_servers(m, r, known, &hint);
	report = refusal(text, buf_str(&hint));
	buf_release(&hint);
	free(text);
	return report;
}

uint64_t
drain_request(struct monitor *m, const struct control_request *r)
{
	const struct snapshot *s = m->current->snapshot;
	struct drain_order *o = mem_zalloc(sizeof(*o));
	struct carrying_out c = { .m = m, .drain = r->command == CONTROL_DRAIN };
	bool found = false;

	o->ticket = ++m->last_ticket;
	o->deadline_ms = clock_mono_ms() + DRAIN_TIMEOUT_MS;
	o->report = report_new(true);
	cJSON_AddBoolToObject(o->report, "drained", c.drain);
	c.servers = cJSON_AddArrayToObject(o->report, "servers");
	for (size_t i = 0; i < s->upstream_count; i++) {
		c.upstream = s->upstreams[i]->name;
		for (size_t k = 0;
		     is_wanted(s->upstreams[i], r) && k < s->upstreams[i]->server_count; k++)
			found |= each_peer(&s->upstreams[i]->servers[k], span_str(r->server),
			    carry_out, &c);
	}
	if (found && !c.too_long) {
		o->number = m->last_drain;
	} else {
		cJSON_Delete(o->report);
		o->report = found ? refusal("its name is too long to be told to workers", NULL)
				  : refuse_unknown(m, r);
	}
	o->next = m->drain_orders;
	m->drain_orders = o;
	return o->ticket;
}

static bool
owes(const struct worker_process *w, const struct drain_order *o)
{
	return w->sock >= 0 && w->peer_sent >= o->number && w->peer_set < o->number;
}

/* True: answered. */
static bool
answer(struct monitor *m, struct drain_order *o)
{
	const struct worker_process *late = NULL;
	uint64_t told = 0;

	for (size_t i = 0; o->number && i < m->worker_count; i++) {
		if (owes(m->workers[i], o))
			late = m->workers[i];
		told += m->workers[i]->peer_set >= o->number;
	}
	if (late && clock_mono_ms() < o->deadline_ms)
		return false;
	if (late) {
		char *text =
		    mem_printf("worker process %d has not acknowledged it in time", (int)late->pid);

		cJSON_Delete(o->report);
		o->report = refusal(text, "\"tinyproxyctl upstreams\" shows what each worker does");
		free(text);
	} else if (o->number) {
		report_add_number(o->report, "workers", told);
	}
	report_send(m, o->ticket, o->report);
	return true;
}

void
drain_turn(struct monitor *m)
{
	struct drain_order **at = &m->drain_orders;

	while (*at) {
		struct drain_order *o = *at;

		if (!answer(m, o)) {
			at = &o->next;
			continue;
		}
		*at = o->next;
		free(o);
	}
}

int64_t
drain_deadline_ms(const struct monitor *m)
{
	int64_t first = 0;

	for (const struct drain_order *o = m->drain_orders; o; o = o->next)
		first = deadline_min(first, o->deadline_ms);
	return first;
}

void
drain_tell(const struct monitor *m, struct worker_process *w)
{
	for (const struct drained *d = m->drained; d; d = d->next)
		tell_worker(w, m->last_drain, span_str(d->upstream), span_str(d->server), true);
}

static void
nothing(void *ctx, struct span peer)
{
}

static bool
is_there(const struct snapshot *s, const struct drained *d)
{
	for (size_t i = 0; i < s->upstream_count; i++) {
		const struct upstream_spec *spec = s->upstreams[i];

		if (!span_eq(spec->name, span_str(d->upstream)))
			continue;
		for (size_t k = 0; k < spec->server_count; k++) {
			if (each_peer(&spec->servers[k], span_str(d->server), nothing, NULL))
				return true;
		}
	}
	return false;
}

void
drain_forget_gone(struct monitor *m)
{
	struct drained **at = &m->drained;

	while (*at) {
		if (is_there(m->current->snapshot, *at))
			at = &(*at)->next;
		else
			forget(at);
	}
}

void
drain_release(struct monitor *m)
{
	while (m->drained)
		forget(&m->drained);
	while (m->drain_orders) {
		struct drain_order *o = m->drain_orders;

		m->drain_orders = o->next;
		cJSON_Delete(o->report);
		free(o);
	}
}

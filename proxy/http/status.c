/* SPDX-License-Identifier: ISC */
/*
 * status: the handler behind "status" and "metrics": what all workers together have counted, as JSON or in the text
 * format of Prometheus. tinyproxyctl(8) tells the same by worker.
 */
#include "base/clock.h"
#include "base/json_write.h"
#include "proxy/http/request.h"
#include "proxy/worker/worker_state.h"

#include <string.h>

#define REPORT_MAX 16384
#define REPORT_SCHEMA 1

static int64_t
uptime_s(const struct worker *w)
{
	return (clock_mono_ms() - w->all_counters->started_ms) / 1000;
}

static void
write_json(const struct worker *w, struct buf *out)
{
	struct json_write json = { .out = out };

	json_open(&json, NULL, '{');
	json_number(&json, "schema", REPORT_SCHEMA);
	json_text(&json, "version", SPAN(GATEHOUSE_VERSION));
	json_number(&json, "generation", (int64_t)w->generation->number);
	json_number(&json, "uptime", uptime_s(w));
	for (size_t i = 0; i < counter_field_count; i++) {
		const struct counter_field *f = &counter_fields[i];

		if (!f->on_demand)
			json_number(&json, f->name, (int64_t)counters_sum(w->all_counters, f));
	}
	json_close(&json, '}');
	buf_add_str(out, "\n");
}

static void
write_metric(struct buf *out, const struct counter_field *f, const struct counter_field *before,
    uint64_t value)
{
	if (!before || strcmp(before->metric, f->metric) != 0)
		buf_printf(out, "# HELP tinyproxyd_%s %s\n# TYPE tinyproxyd_%s %s\n", f->metric,
		    f->help, f->metric, f->gauge ? "gauge" : "counter");
	buf_printf(out, "tinyproxyd_%s%s%s%s %llu\n", f->metric, f->label ? "{" : "",
	    f->label ? f->label : "", f->label ? "}" : "", (unsigned long long)value);
}

static void
write_metrics(const struct worker *w, struct buf *out)
{
	static const struct counter_field generation = {
		.metric = "generation",
		.help = "The configuration in service, counted from 1.",
		.gauge = true,
	};
	static const struct counter_field uptime = {
		.metric = "uptime_seconds",
		.help = "Since the monitor began.",
		.gauge = true,
	};
	const struct counter_field *before = NULL;

	for (size_t i = 0; i < counter_field_count; i++) {
		const struct counter_field *f = &counter_fields[i];

		if (f->on_demand)
			continue;
		write_metric(out, f, before, counters_sum(w->all_counters, f));
		before = f;
	}
	write_metric(out, &generation, NULL, w->generation->number);
	write_metric(out, &uptime, NULL, (uint64_t)uptime_s(w));
}

static void
start(struct request *r)
{
	bool json = r->location->report == REPORT_STATUS;
	struct buf out;

	if (!span_eq(r->method, SPAN("GET")) && !r->is_head) {
		request_fail(r, 405);
		return;
	}
	buf_init(&out, REPORT_MAX);
	if (json)
		write_json(r->client->worker, &out);
	else
		write_metrics(r->client->worker, &out);
	request_send_simple(r, 200,
	    json ? SPAN("application/json") : SPAN("text/plain; version=0.0.4; charset=utf-8"),
	    arena_dup(r->arena, buf_span(&out)));
	buf_release(&out);
}

const struct handler status_handler = {
	.name = "status",
	.start = start,
};

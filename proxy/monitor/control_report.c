/* SPDX-License-Identifier: ISC */
/*
 * control_report: the monitor's answers on the control socket. What is in them is documented in tinyproxyctl(8).
 */
#include "proxy/monitor/control_report.h"

#include "base/clock.h"
#include "base/mem.h"

#include <unistd.h>

#define REPORT_SCHEMA 1

void
report_add_text(cJSON *object, const char *name, struct span text)
{
	char *copy = mem_dup_span(text);

	cJSON_AddStringToObject(object, name, copy);
	free(copy);
}

void
report_add_number(cJSON *object, const char *name, uint64_t n)
{
	cJSON_AddNumberToObject(object, name, (double)n);
}

cJSON *
report_new(bool ok)
{
	cJSON *report = cJSON_CreateObject();

	report_add_number(report, "schema", REPORT_SCHEMA);
	cJSON_AddBoolToObject(report, "ok", ok);
	return report;
}

void
report_send(struct monitor *m, uint64_t ticket, cJSON *report)
{
	char *text = cJSON_PrintUnformatted(report);

	if (!text)
		abort();
	if (m->control)
		control_answer(m->control, ticket, span_str(text));
	cJSON_free(text);
	cJSON_Delete(report);
}

static cJSON *
add_mistake(cJSON *list, struct span text, const struct config_file *file, unsigned line)
{
	cJSON *one = cJSON_CreateObject();

	report_add_text(one, "text", text);
	if (file) {
		report_add_text(one, "file", file->path);
		report_add_number(one, "line", line);
	}
	cJSON_AddItemToArray(list, one);
	return one;
}

static void
add_diagnostics(cJSON *list, const struct diagnostics *d, enum diagnostic_level level)
{
	for (const struct diagnostic *one = d->first; one; one = one->next) {
		cJSON *item;

		if (one->level != level)
			continue;
		item = add_mistake(list, one->text, one->file, one->line);
		if (one->hint.n)
			report_add_text(item, "hint", one->hint);
	}
}

void
report_add_certificates(cJSON *report, const struct certificate_report *certificates)
{
	static const char *const outcomes[] = {
		[CERTIFICATE_SERVED] = "served",
		[CERTIFICATE_KEPT] = "kept",
		[CERTIFICATE_DISABLED] = "disabled",
	};
	cJSON *list = cJSON_AddArrayToObject(report, "problems");

	for (const struct certificate_problem *p = certificates->first; p; p = p->next) {
		cJSON *item = add_mistake(list, p->text, p->ref->file, p->ref->line);

		report_add_text(item, "certificate", p->ref->cert_path);
		cJSON_AddStringToObject(item, "outcome", outcomes[p->outcome]);
	}
}

void
report_reloaded(struct monitor *m, uint64_t ticket, const struct edition *ed, const char *failure)
{
	bool ok = !failure && ed->diagnostics.errors == 0;
	cJSON *report = report_new(ok), *list;

	report_add_number(report, "generation", m->current->number);
	report_add_number(report, "workers", m->wanted);
	report_add_number(report, "milliseconds", (uint64_t)(clock_mono_ms() - m->reload.began_ms));
	if (!ok) {
		list = cJSON_AddArrayToObject(report, "errors");
		if (failure)
			(void)add_mistake(list, span_str(failure), NULL, 0);
		add_diagnostics(list, &ed->diagnostics, DIAG_EMERG);
	}
	list = cJSON_AddArrayToObject(report, "warnings");
	add_diagnostics(list, &ed->diagnostics, DIAG_WARN);
	if (ed->snapshot)
		report_add_certificates(report, &ed->certificates);
	report_send(m, ticket, report);
}

static void
add_worker(cJSON *list, const struct worker_process *w)
{
	cJSON *one = cJSON_CreateObject();

	report_add_number(one, "number", w->number);
	report_add_number(one, "pid", (uint64_t)w->pid);
	cJSON_AddStringToObject(one, "state", worker_process_state_name(w->state));
	report_add_number(one, "generation", w->adopted);
	report_add_number(one, "restarts", w->restarts);
	if (w->pid > 0)
		report_add_number(one, "uptime",
		    (uint64_t)(clock_mono_ms() - w->started_ms) / 1000);
	for (size_t i = 0; i < counter_field_count; i++)
		report_add_number(one, counter_fields[i].name,
		    counter_value(w->counters, &counter_fields[i]));
	cJSON_AddItemToArray(list, one);
}

void
report_status(struct monitor *m, uint64_t ticket)
{
	const struct snapshot *s = m->current->snapshot;
	cJSON *report = report_new(true), *list;

	cJSON_AddStringToObject(report, "version", GATEHOUSE_VERSION);
	report_add_number(report, "pid", (uint64_t)getpid());
	report_add_number(report, "generation", m->current->number);
	report_add_number(report, "uptime",
	    (uint64_t)(clock_mono_ms() - m->counters->started_ms) / 1000);
	report_add_text(report, "configuration", m->options->config.conf_path);
	list = cJSON_AddArrayToObject(report, "workers");
	for (size_t i = 0; i < m->worker_count; i++)
		add_worker(list, m->workers[i]);
	list = cJSON_AddArrayToObject(report, "listeners");
	for (size_t i = 0; i < s->listener_count; i++) {
		char *text = mem_dup_span(s->listeners[i].address.text);

		cJSON_AddItemToArray(list, cJSON_CreateString(text));
		free(text);
	}
	report_add_number(report, "servers", s->server_count);
	report_add_number(report, "certificates", s->certificate_count);
	report_add_certificates(report, &m->current->certificates);
	report_send(m, ticket, report);
}

/* SPDX-License-Identifier: ISC */
/*
 * control_list: the control socket's longer answers: connections, upstreams, certificates.
 *
 * Workers are not trusted: their rows are taken apart here, and what is no text becomes "?".
 */
#include "base/encode.h"
#include "base/mem.h"
#include "libcert/x509info.h"
#include "proxy/monitor/certificate_pack.h"
#include "proxy/monitor/control_report.h"

#include <openssl/x509.h>

/* A column: its name, and whether it is text, a number or a yes or no. */
struct column {
	const char *name;
	char type; /* 's', 'n', 'b' */
};

static const struct column connection_columns[] = {
	{ "number", 'n' },
	{ "client", 's' },
	{ "listener", 's' },
	{ "protocol", 's' },
	{ "tls", 'b' },
	{ "requests", 'n' },
	{ "age_ms", 'n' },
	{ "bytes_in", 'n' },
	{ "bytes_out", 'n' },
	{ "doing", 's' },
	{ "request", 's' },
};

static const struct column upstream_columns[] = {
	{ "group", 's' },
	{ "peer", 's' },
	{ "state", 's' },
	{ "weight", 'n' },
	{ "fails", 'n' },
	{ "max_fails", 'n' },
	{ "connections", 'n' },
};

static const struct table {
	const char *name;
	const struct column *columns;
	size_t count;
} tables[] = {
	[CHANNEL_LIST_CONNECTIONS] = { "connections", connection_columns,
	    sizeof(connection_columns) / sizeof(connection_columns[0]) },
	[CHANNEL_LIST_UPSTREAMS] = { "upstreams", upstream_columns,
	    sizeof(upstream_columns) / sizeof(upstream_columns[0]) },
};

static void
add_clean(cJSON *object, const char *name, struct span text)
{
	char *copy = mem_dup_span(text);

	for (char *p = copy; *p; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
	cJSON_AddStringToObject(object, name, copy);
	free(copy);
}

static void
add_row(cJSON *list, const struct table *t, struct span row, const struct worker_process *w)
{
	cJSON *one = cJSON_CreateObject();
	struct span field;
	uint64_t number;

	report_add_number(one, "worker", (uint64_t)w->pid);
	for (size_t i = 0; i < t->count; i++) {
		const struct column *c = &t->columns[i];

		if (!span_split(&row, '\t', &field))
			field = span_of(NULL, 0);
		if (c->type == 's') {
			add_clean(one, c->name, field);
			continue;
		}
		if (span_to_u64(field, UINT64_MAX, &number) < 0)
			number = 0;
		if (c->type == 'n')
			report_add_number(one, c->name, number);
		else
			cJSON_AddBoolToObject(one, c->name, number != 0);
	}
	cJSON_AddItemToArray(list, one);
}

void
report_list(struct monitor *m, uint64_t ticket, enum channel_list what)
{
	const struct table *t = &tables[what];
	cJSON *report = report_new(true);
	cJSON *list = cJSON_AddArrayToObject(report, t->name);
	bool whole = true;

	for (size_t i = 0; i < m->worker_count; i++) {
		const struct worker_process *w = m->workers[i];
		struct span rest = buf_span(&w->lists[what].rows), row;

		whole = whole && !w->lists[what].due && !w->lists[what].cut;
		while (span_split(&rest, '\n', &row)) {
			if (row.n > 0)
				add_row(list, t, row, w);
		}
	}
	cJSON_AddBoolToObject(report, "whole", whole);
	report_send(m, ticket, report);
}

/* ---- certificates ------------------------------------------------------------------------------------- */

static void
add_names(cJSON *one, const char *name, const struct span *names, size_t count)
{
	cJSON *list = cJSON_AddArrayToObject(one, name);

	for (size_t i = 0; i < count; i++) {
		char *copy = mem_dup_span(names[i]);

		cJSON_AddItemToArray(list, cJSON_CreateString(copy));
		free(copy);
	}
}

/* What the leaf says; nothing when the pair is not in service. */
static void
add_leaf(cJSON *one, X509 *cert)
{
	struct arena *arena = arena_new(0);
	struct x509info info;
	struct buf hex;

	cJSON_AddBoolToObject(one, "in_service", cert != NULL);
	if (cert) {
		buf_init(&hex, 2 * sizeof(info.sha256) + 1);
		x509info_read(cert, arena, &info);
		add_names(one, "names", info.dns, info.dns_count);
		report_add_text(one, "issuer", info.issuer);
		cJSON_AddNumberToObject(one, "not_before", (double)info.not_before);
		cJSON_AddNumberToObject(one, "not_after", (double)info.not_after);
		if (encode_hex(&hex, span_of(info.sha256, sizeof(info.sha256))) == 0)
			report_add_text(one, "sha256", buf_span(&hex));
		buf_release(&hex);
	}
	arena_free(arena);
}

void
report_certificates(struct monitor *m, uint64_t ticket)
{
	const struct snapshot *s = m->current->snapshot;
	cJSON *report = report_new(true);
	cJSON *list = cJSON_AddArrayToObject(report, "certs");

	for (size_t i = 0; i < s->certificate_count; i++) {
		const struct certificate_ref *ref = s->certificates[i];
		X509 *cert = certificate_leaf(m->current->bundle, ref);
		cJSON *one = cJSON_CreateObject();

		report_add_text(one, "certificate", ref->cert_path);
		report_add_text(one, "key", ref->key_path);
		if (ref->file) {
			report_add_text(one, "file", ref->file->path);
			report_add_number(one, "line", ref->line);
		}
		add_leaf(one, cert);
		X509_free(cert);
		cJSON_AddItemToArray(list, one);
	}
	report_add_certificates(report, &m->current->certificates);
	report_send(m, ticket, report);
}

/* SPDX-License-Identifier: ISC */
/*
 * A local CA, told.
 */
#include "libcert/local_ca_report.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/json_write.h"
#include "libcert/x509info.h"

#include <stdlib.h>

#define JSON_MAX ((size_t)64 * 1024 * 1024)
#define TEXT_MAX 4096
#define DAY INT64_C(86400)

/* ---- the CA itself ---- */

struct told {
	struct arena *arena;
	struct x509info info;
	struct buf subject, sha256;
	char *permits; /* NULL = anything */
	char from[CLOCK_RFC3339_LEN + 1], until[CLOCK_RFC3339_LEN + 1];
};

static void
told_init(struct told *t, const struct local_ca *ca)
{
	X509 *cert = local_ca_cert(ca);

	*t = (struct told){ .arena = arena_new(0), .permits = permit_describe(cert) };
	buf_init(&t->subject, TEXT_MAX);
	buf_init(&t->sha256, 128);
	x509info_read(cert, t->arena, &t->info);
	encode_visible(&t->subject, t->info.subject);
	encode_hex_colon(&t->sha256, span_of(t->info.sha256, 32));
	clock_format_rfc3339(t->info.not_before, t->from);
	clock_format_rfc3339(t->info.not_after, t->until);
}

static void
told_release(struct told *t)
{
	buf_release(&t->subject);
	buf_release(&t->sha256);
	free(t->permits);
	arena_free(t->arena);
}

void
local_ca_report_text(const struct local_ca *ca, FILE *out)
{
	struct told t;

	told_init(&t, ca);
	fprintf(out, "CA           %s\n", buf_str(&t.subject));
	fprintf(out, "certificate  %s\n", local_ca_cert_path(ca));
	fprintf(out, "issues for   %s\n", t.permits ? t.permits : "any name");
	fprintf(out, "valid        %s to %s (%lld days)\n", t.from, t.until,
	    (long long)((t.info.not_after - t.info.not_before) / DAY));
	fprintf(out, "sha256       %s\n", buf_str(&t.sha256));
	told_release(&t);
}

void
local_ca_report_json(const struct local_ca *ca, FILE *out)
{
	struct buf json;
	struct json_write w = { .out = &json };
	struct told t;

	told_init(&t, ca);
	buf_init(&json, JSON_MAX);
	json_open(&w, NULL, '{');
	json_number(&w, "schema", 1);
	json_text(&w, "certificate", span_str(local_ca_cert_path(ca)));
	json_text(&w, "crl", span_str(local_ca_crl_path(ca)));
	json_text(&w, "subject", t.info.subject);
	if (t.permits)
		json_text(&w, "permits", span_str(t.permits));
	json_text(&w, "serial", t.info.serial);
	json_text(&w, "not_before", span_str(t.from));
	json_text(&w, "not_after", span_str(t.until));
	json_text(&w, "sha256", buf_span(&t.sha256));
	json_close(&w, '}');
	fprintf(out, "%s\n", buf_str(&json));
	buf_release(&json);
	told_release(&t);
}

/* ---- what it issued ---- */

static void
date_text(int64_t wall, char out[11])
{
	char when[CLOCK_RFC3339_LEN + 1];

	clock_format_rfc3339(wall, when);
	memcpy(out, when, 10);
	out[10] = '\0';
}

void
local_ca_report_list_text(const struct local_ca_entry *entries, size_t count, FILE *out)
{
	if (count > 0)
		fprintf(out, "%-32s  %-7s  %-10s  %-6s  %s\n", "SERIAL", "STATE", "ENDS", "USE",
		    "NAMES");
	for (size_t i = 0; i < count; i++) {
		const struct local_ca_entry *e = &entries[i];
		char ends[11];

		date_text(e->not_after, ends);
		fprintf(out, "%-32.*s  %-7s  %s  %-6.*s  ", SPAN_ARG(e->serial),
		    local_ca_state_word(e->state), ends, SPAN_ARG(e->use));
		for (size_t n = 0; n < e->name_count; n++)
			fprintf(out, "%s" SPAN_FMT, n ? ", " : "", SPAN_ARG(e->names[n]));
		if (e->name_count == 0)
			fprintf(out, SPAN_FMT, SPAN_ARG(e->name));
		if (e->state == LOCAL_CA_REVOKED) {
			date_text(e->revoked_at, ends);
			fprintf(out, "  (revoked %s: %s)", ends, e->reason);
		}
		fputc('\n', out);
	}
}

static void
add_entry(struct json_write *w, const struct local_ca_entry *e)
{
	json_open(w, NULL, '{');
	json_text(w, "serial", e->serial);
	json_text(w, "state", span_str(local_ca_state_word(e->state)));
	json_text(w, "use", e->use);
	json_open(w, "names", '[');
	for (size_t n = 0; n < e->name_count; n++)
		json_text(w, NULL, e->names[n]);
	json_close(w, ']');
	json_time(w, "not_before", e->not_before);
	json_time(w, "not_after", e->not_after);
	if (e->state == LOCAL_CA_REVOKED) {
		json_time(w, "revoked_at", e->revoked_at);
		json_text(w, "reason", span_str(e->reason));
	}
	json_close(w, '}');
}

void
local_ca_report_list_json(const struct local_ca_entry *entries, size_t count, FILE *out)
{
	struct buf json;
	struct json_write w = { .out = &json };

	buf_init(&json, JSON_MAX);
	json_open(&w, NULL, '{');
	json_number(&w, "schema", 1);
	json_open(&w, "certificates", '[');
	for (size_t i = 0; i < count; i++)
		add_entry(&w, &entries[i]);
	json_close(&w, ']');
	json_close(&w, '}');
	fprintf(out, "%s\n", buf_str(&json));
	buf_release(&json);
}

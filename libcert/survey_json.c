/* SPDX-License-Identifier: ISC */
/*
 * Surveys as JSON, one certificate at a time, so that ten thousand take no room.
 */
#include "base/clock.h"
#include "base/encode.h"
#include "libcert/survey_data.h"

#define JSON_MAX ((size_t)4 * 1024 * 1024)

static void
add_text(struct buf *json, const char *key, struct span value)
{
	buf_printf(json, ",\"%s\":\"", key);
	encode_json(json, value);
	buf_add_char(json, '"');
}

static void
add_time(struct buf *json, const char *key, int64_t wall)
{
	char when[CLOCK_RFC3339_LEN + 1];

	clock_format_rfc3339(wall, when);
	add_text(json, key, span_str(when));
}

static void
add_names(struct buf *json, const struct survey *s)
{
	buf_add_str(json, ",\"names\":[");
	for (size_t i = 0; i < s->name_count; i++) {
		buf_add_str(json, i ? ",\"" : "\"");
		encode_json(json, s->names[i]);
		buf_add_char(json, '"');
	}
	buf_add_char(json, ']');
}

static void
add_chain(struct buf *json, const struct survey *s)
{
	buf_add_str(json, ",\"chain\":[");
	for (size_t i = 0; i < s->chain_count; i++) {
		buf_add_str(json, i ? ",{\"subject\":\"" : "{\"subject\":\"");
		encode_json(json, s->chain[i].subject);
		buf_add_char(json, '"');
		add_time(json, "not_after", s->chain[i].not_after);
		buf_add_char(json, '}');
	}
	buf_add_char(json, ']');
}

static void
add_prints(struct buf *json, const struct survey *s)
{
	struct buf text;

	buf_init(&text, 256);
	encode_hex(&text, span_of(s->sha256, sizeof(s->sha256)));
	add_text(json, "sha256", buf_span(&text));
	buf_reset(&text);
	encode_base64(&text, span_of(s->pin, sizeof(s->pin)));
	add_text(json, "pin_sha256", buf_span(&text));
	buf_release(&text);
}

static void
add_lineage(struct buf *json, const struct survey *s, int64_t now)
{
	static const char *const renewals[] = { "none", "auto", "off" };
	static const char *const wires[] = { "", "same", "different", "unreachable" };

	add_text(json, "fullchain", s->path);
	add_text(json, "renewal", span_str(renewals[s->renewal]));
	if (s->renewal_note.n > 0)
		add_text(json, "renewal_refused", s->renewal_note);
	if (s->due_at > 0)
		add_time(json, "renewal_due", s->due_at);
	buf_printf(json, ",\"due\":%s,\"order_under_way\":%s,\"deployed\":%s",
	    survey_is_due(s, now) ? "true" : "false", s->order_open ? "true" : "false",
	    s->not_deployed ? "false" : "true");
	if (s->wire != SURVEY_WIRE_UNSEEN) {
		add_text(json, "wire", span_str(wires[s->wire]));
		add_text(json, "wire_address", s->wire_address);
	}
}

static void
add_problems(struct buf *json, const struct survey *s)
{
	add_text(json, "state", span_str(inspect_weight_word(survey_weight(s))));
	buf_add_str(json, ",\"problems\":[");
	for (size_t i = 0; i < s->found.count; i++) {
		const struct inspect_finding *f = &s->found.items[i];

		buf_printf(json, "%s{\"problem\":\"%s\"", i ? "," : "", inspect_word(f->kind));
		add_text(json, "weight", span_str(inspect_weight_word(f->weight)));
		add_text(json, "text", f->text);
		buf_add_char(json, '}');
	}
	buf_add_char(json, ']');
}

static void
add_survey(struct buf *json, const struct survey *s, int64_t now)
{
	buf_printf(json, "{\"kind\":\"%s\"", survey_kind_word(s->kind));
	add_text(json, "name", s->name);
	if (s->error.n > 0) {
		add_text(json, "state", SPAN("unreadable"));
		add_text(json, "error", s->error);
		buf_add_char(json, '}');
		return;
	}
	add_names(json, s);
	add_text(json, "common_name", s->common_name);
	add_text(json, "subject", s->subject);
	add_text(json, "issuer", s->issuer);
	add_text(json, "serial", s->serial);
	add_text(json, "key", s->key);
	add_text(json, "signature", s->signature);
	add_time(json, "not_before", s->not_before);
	add_time(json, "not_after", s->not_after);
	buf_printf(json, ",\"seconds_left\":%lld,\"self_signed\":%s",
	    (long long)(s->not_after - now), s->self_signed ? "true" : "false");
	add_chain(json, s);
	add_prints(json, s);
	if (s->kind == SURVEY_LINEAGE)
		add_lineage(json, s, now);
	add_problems(json, s);
	buf_add_char(json, '}');
}

void
survey_data_json(const struct survey *list, size_t count, int64_t now, FILE *out)
{
	char when[CLOCK_RFC3339_LEN + 1];
	struct buf json;

	clock_format_rfc3339(now, when);
	buf_init(&json, JSON_MAX);
	fprintf(out, "{\"schema\":1,\"at\":\"%s\",\"certificates\":[", when);
	for (size_t i = 0; i < count; i++) {
		buf_reset(&json);
		add_survey(&json, &list[i], now);
		fprintf(out, "%s\n" SPAN_FMT, i ? "," : "", SPAN_ARG(buf_span(&json)));
	}
	fprintf(out, "\n]}\n");
	buf_release(&json);
}

/* SPDX-License-Identifier: ISC */
/*
 * Surveys for people.
 */
#include "libcert/survey_report.h"

#include "base/clock.h"
#include "base/encode.h"

#define DAY INT64_C(86400)
#define NAME_WIDTH_MAX 40
#define NAMES_SHOWN 20

static long long
days(int64_t seconds)
{
	/* Rounded down, below zero too: what ended an hour ago ended. */
	return (long long)((seconds - (seconds < 0 ? DAY - 1 : 0)) / DAY);
}

static void
print_line(FILE *out, const char *label, struct span text)
{
	fprintf(out, "  %-11s " SPAN_FMT "\n", label, SPAN_ARG(text));
}

static void
print_names(const struct survey *s, FILE *out)
{
	fprintf(out, "  %-11s ", "names");
	for (size_t i = 0; i < s->name_count && i < NAMES_SHOWN; i++)
		fprintf(out, "%s" SPAN_FMT, i ? ", " : "", SPAN_ARG(s->names[i]));
	if (s->name_count > NAMES_SHOWN)
		fprintf(out, " and %zu more", s->name_count - NAMES_SHOWN);
	fprintf(out, "%s\n", s->name_count ? "" : "none");
}

static void
print_dates(const struct survey *s, int64_t now, FILE *out)
{
	char from[CLOCK_RFC3339_LEN + 1], until[CLOCK_RFC3339_LEN + 1];
	long long life = days(s->not_after - s->not_before + 1);

	clock_format_rfc3339(s->not_before, from);
	clock_format_rfc3339(s->not_after, until);
	fprintf(out, "  %-11s %s to %s, ", "valid", from, until);
	if (now > s->not_after)
		fprintf(out, "ended %lld days ago\n", days(now - s->not_after));
	else
		fprintf(out, "%lld of %lld days left\n", days(s->not_after - now), life);
}

static void
print_renewal(const struct survey *s, int64_t now, FILE *out)
{
	char when[CLOCK_RFC3339_LEN + 1];

	if (s->renewal == SURVEY_RENEWAL_OFF) {
		print_line(out, "renewal", SPAN("switched off (autorenew = False)"));
	} else if (s->renewal_note.n > 0) {
		print_line(out, "renewal", s->renewal_note);
	} else if (s->renewal == SURVEY_RENEWAL_NONE) {
		print_line(out, "renewal", SPAN("by nobody: it has no renewal configuration"));
	} else {
		clock_format_rfc3339(s->due_at, when);
		fprintf(out, "  %-11s %s %s%s\n", "renewal",
		    survey_is_due(s, now) ? "due since" : "due from", when,
		    s->order_open ? ", an order is under way" : "");
	}
}

static void
print_wire(const struct survey *s, FILE *out)
{
	static const char *const words[] = { "", "serves this certificate",
		"serves another certificate", "cannot be asked" };

	if (s->wire != SURVEY_WIRE_UNSEEN)
		fprintf(out, "  %-11s " SPAN_FMT " %s\n", "wire", SPAN_ARG(s->wire_address),
		    words[s->wire]);
}

static void
print_chain(const struct survey *s, FILE *out)
{
	char until[CLOCK_RFC3339_LEN + 1];

	for (size_t i = 0; i < s->chain_count; i++) {
		clock_format_rfc3339(s->chain[i].not_after, until);
		fprintf(out, "  %-11s " SPAN_FMT ", until %s\n", i ? "" : "chain",
		    SPAN_ARG(s->chain[i].subject), until);
	}
	if (s->chain_count == 0)
		print_line(out, "chain", SPAN("none"));
}

static void
print_prints(const struct survey *s, FILE *out)
{
	struct buf text;

	buf_init(&text, 256);
	encode_hex_colon(&text, span_of(s->sha256, sizeof(s->sha256)));
	print_line(out, "sha256", buf_span(&text));
	buf_reset(&text);
	encode_base64(&text, span_of(s->pin, sizeof(s->pin)));
	print_line(out, "pin-sha256", buf_span(&text));
	buf_release(&text);
}

static void
print_findings(const struct survey *s, const char *indent, FILE *out)
{
	for (size_t i = 0; i < s->found.count; i++) {
		const struct inspect_finding *f = &s->found.items[i];

		fprintf(out, "%s%s: %s: " SPAN_FMT "\n", indent, inspect_weight_word(f->weight),
		    inspect_word(f->kind), SPAN_ARG(f->text));
	}
}

void
survey_report_full(const struct survey *s, int64_t now, FILE *out)
{
	fprintf(out, "%s " SPAN_FMT "\n", survey_kind_word(s->kind), SPAN_ARG(s->name));
	if (s->error.n > 0) {
		print_line(out, "error", s->error);
		return;
	}
	print_names(s, out);
	print_line(out, "subject", s->subject);
	print_line(out, "issuer", s->self_signed ? SPAN("itself (self-signed)") : s->issuer);
	print_line(out, "serial", s->serial);
	print_line(out, "key", s->key);
	print_line(out, "signature", s->signature);
	print_dates(s, now, out);
	print_chain(s, out);
	print_prints(s, out);
	if (s->kind == SURVEY_LINEAGE) {
		print_line(out, "file", s->path);
		print_renewal(s, now, out);
		print_wire(s, out);
	}
	if (s->found.count == 0)
		print_line(out, "problems", SPAN("none"));
	else
		fprintf(out, "  problems\n");
	print_findings(s, "    ", out);
}

/* ---- table ---- */

/* What stands in the last column. */
static const char *
state_word(const struct survey *s, int64_t now)
{
	const struct inspect_finding *worst = NULL;

	if (s->error.n > 0)
		return "unreadable";
	for (size_t i = 0; i < s->found.count; i++) {
		if (!worst || s->found.items[i].weight > worst->weight)
			worst = &s->found.items[i];
	}
	if (worst)
		return inspect_word(worst->kind);
	return survey_is_due(s, now) ? "due" : "ok";
}

static void
print_row(const struct survey *s, int width, int64_t now, FILE *out)
{
	char until[CLOCK_RFC3339_LEN + 1] = "-";
	char left[24] = "-";

	if (s->error.n == 0) {
		clock_format_rfc3339(s->not_after, until);
		until[10] = '\0'; /* the date alone */
		snprintf(left, sizeof(left), "%lld", days(s->not_after - now));
	}
	fprintf(out, "%-*.*s  %-10s %5s  %-11.*s  %s\n", width, (int)s->name.n, s->name.p, until,
	    left, s->key.n ? (int)s->key.n : 1, s->key.n ? s->key.p : "-", state_word(s, now));
	if (s->error.n > 0)
		fprintf(out, "    " SPAN_FMT "\n", SPAN_ARG(s->error));
	else
		print_findings(s, "    ", out);
}

void
survey_report_table(const struct survey *list, size_t count, int64_t now, FILE *out)
{
	int width = 11;

	for (size_t i = 0; i < count; i++) {
		int n = list[i].name.n > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : (int)list[i].name.n;

		width = n > width ? n : width;
	}
	if (count > 0)
		fprintf(out, "%-*s  %-10s %5s  %-11s  %s\n", width, "certificate", "ends", "days",
		    "key", "state");
	for (size_t i = 0; i < count; i++)
		print_row(&list[i], width, now, out);
}

/* SPDX-License-Identifier: ISC */
/*
 * Surveys for monitoring: Prometheus' text format (version 0.0.4) and a plugin's status line with
 * performance data (Monitoring Plugins Development Guidelines).
 */
#include "base/encode.h"
#include "libcert/survey_data.h"

#define DAY INT64_C(86400)
#define LABELS_MAX ((size_t)64 * 1024)
/* More would fill a screen, and a plugin's buffer. */
#define CHECK_ROWS_MAX 20

/* ---- Prometheus ---- */

/* Text is visible UTF-8 already; the format wants backslash, quote and newline escaped. */
static void
add_label(struct buf *labels, const char *name, struct span value)
{
	buf_printf(labels, "%s%s=\"", labels->len ? "," : "", name);
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\\' || value.p[i] == '"')
			buf_add_char(labels, '\\');
		buf_add_char(labels, value.p[i]);
	}
	buf_add_char(labels, '"');
}

static void
sample(const char *metric, const struct survey *s, const struct inspect_finding *finding,
    int64_t value, FILE *out)
{
	struct buf labels;

	buf_init(&labels, LABELS_MAX);
	add_label(&labels, "kind", span_str(survey_kind_word(s->kind)));
	add_label(&labels, "name", s->name);
	if (finding) {
		add_label(&labels, "problem", span_str(inspect_word(finding->kind)));
		add_label(&labels, "weight", span_str(inspect_weight_word(finding->weight)));
	}
	fprintf(out, "gatehouse_certificate_%s{%s} %lld\n", metric, buf_str(&labels),
	    (long long)value);
	buf_release(&labels);
}

static bool
has_dates(const struct survey *s)
{
	return s->error.n == 0;
}

static bool
has_due(const struct survey *s)
{
	return s->due_at > 0;
}

static bool
has_wire(const struct survey *s)
{
	return s->wire == SURVEY_WIRE_SAME || s->wire == SURVEY_WIRE_DIFFERENT;
}

static bool
is_lineage(const struct survey *s)
{
	return s->error.n == 0 && s->kind == SURVEY_LINEAGE;
}

static bool
always(const struct survey *s)
{
	return true;
}

static int64_t
value_of_not_before(const struct survey *s)
{
	return s->not_before;
}

static int64_t
value_of_not_after(const struct survey *s)
{
	return s->not_after;
}

static int64_t
value_of_due(const struct survey *s)
{
	return s->due_at;
}

static int64_t
value_of_readable(const struct survey *s)
{
	return s->error.n == 0;
}

static int64_t
value_of_deployed(const struct survey *s)
{
	return !s->not_deployed;
}

static int64_t
value_of_wire(const struct survey *s)
{
	return s->wire == SURVEY_WIRE_SAME;
}

static const struct metric {
	const char *name, *help;
	bool (*holds)(const struct survey *s);
	int64_t (*value)(const struct survey *s);
} metrics[] = {
	{ "readable", "Whether the certificate could be read.", always, value_of_readable },
	{ "not_before_timestamp_seconds", "Start of the certificate's validity.", has_dates,
	    value_of_not_before },
	{ "not_after_timestamp_seconds", "End of the certificate's validity.", has_dates,
	    value_of_not_after },
	{ "renewal_due_timestamp_seconds", "When its renewal is due.", has_due, value_of_due },
	{ "deployed", "Whether the live version was seen served by who renewed it.", is_lineage,
	    value_of_deployed },
	{ "wire_same", "Whether the server shows the certificate that is on disk.", has_wire,
	    value_of_wire },
};

static void
head(const char *name, const char *help, FILE *out)
{
	fprintf(out,
	    "# HELP gatehouse_certificate_%s %s\n"
	    "# TYPE gatehouse_certificate_%s gauge\n",
	    name, help, name);
}

/* One kind may be found at several certificates of a chain; a sample may stand but once. */
static bool
seen_before(const struct survey *s, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (s->found.items[i].kind == s->found.items[at].kind &&
		    s->found.items[i].weight == s->found.items[at].weight)
			return true;
	}
	return false;
}

void
survey_data_prometheus(const struct survey *list, size_t count, FILE *out)
{
	for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
		head(metrics[m].name, metrics[m].help, out);
		for (size_t i = 0; i < count; i++) {
			if (metrics[m].holds(&list[i]))
				sample(metrics[m].name, &list[i], NULL, metrics[m].value(&list[i]),
				    out);
		}
	}
	head("problem", "A problem of the certificate, by its name and weight; always 1.", out);
	for (size_t i = 0; i < count; i++) {
		for (size_t f = 0; f < list[i].found.count; f++) {
			if (!seen_before(&list[i], f))
				sample("problem", &list[i], &list[i].found.items[f], 1, out);
		}
	}
}

/* ---- the plugin's line ---- */

enum verdict { VERDICT_OK, VERDICT_WARNING, VERDICT_CRITICAL, VERDICT_UNKNOWN };

/* A server that does not answer is down; a file that cannot be read says nothing of the certificate. */
static enum verdict
verdict_of(const struct survey *s)
{
	if (s->error.n > 0)
		return s->kind == SURVEY_SERVER && s->error_kind == ERR_UNAVAILABLE
			   ? VERDICT_CRITICAL
			   : VERDICT_UNKNOWN;
	return (enum verdict)inspection_worst(&s->found);
}

static int
rank(enum verdict verdict)
{
	static const int ranks[] = { 0, 1, 3, 2 };

	return ranks[verdict];
}

/* A pipe ends the text; a plugin's text is one line. */
static void
print_plain(struct span text, FILE *out)
{
	for (size_t i = 0; i < text.n; i++)
		fputc(text.p[i] == '|' ? '/' : text.p[i], out);
}

static void
print_perf(const struct survey *s, int64_t now, const struct inspect_limits *limits, FILE *out)
{
	struct inspect_limits mine = inspect_limits_for(limits, s->not_after - s->not_before);

	fputs(" '", out);
	for (size_t i = 0; i < s->name.n; i++) {
		if (s->name.p[i] == '\'')
			fputc('\'', out);
		fputc(s->name.p[i] == '=' || s->name.p[i] == '|' ? '_' : s->name.p[i], out);
	}
	fprintf(out, "'=%llds;%lld:;%lld:", (long long)(s->not_after - now), (long long)mine.warn_s,
	    (long long)mine.crit_s);
}

static void
print_worst(const struct survey *s, FILE *out)
{
	enum inspect_weight weight = inspection_worst(&s->found);

	print_plain(s->name, out);
	fputs(": ", out);
	if (s->error.n > 0)
		print_plain(s->error, out);
	for (size_t i = 0; s->error.n == 0 && i < s->found.count; i++) {
		if (s->found.items[i].weight == weight) {
			print_plain(s->found.items[i].text, out);
			break;
		}
	}
}

int
survey_data_check(const struct survey *list, size_t count, int64_t now,
    const struct inspect_limits *limits, FILE *out)
{
	static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
	size_t of[4] = { 0 };
	const struct survey *worst = NULL, *first = NULL;
	enum verdict verdict;

	for (size_t i = 0; i < count; i++) {
		of[verdict_of(&list[i])]++;
		if (!worst || rank(verdict_of(&list[i])) > rank(verdict_of(worst)))
			worst = &list[i];
		if (list[i].error.n == 0 && (!first || list[i].not_after < first->not_after))
			first = &list[i];
	}
	verdict = worst ? verdict_of(worst) : VERDICT_UNKNOWN;
	fprintf(out, "CERTIFICATES %s - ", words[verdict]);
	if (!worst) {
		fputs("there is no certificate", out);
	} else if (verdict != VERDICT_OK) {
		print_worst(worst, out);
		fprintf(out, " (%zu critical, %zu warning, %zu unknown, %zu ok)",
		    of[VERDICT_CRITICAL], of[VERDICT_WARNING], of[VERDICT_UNKNOWN], of[VERDICT_OK]);
	} else {
		fprintf(out, "%zu certificate%s, the first ends in %lld days (", count,
		    count == 1 ? "" : "s", (long long)((first->not_after - now) / DAY));
		print_plain(first->name, out);
		fputc(')', out);
	}
	fprintf(out, " | critical=%zu warning=%zu unknown=%zu ok=%zu", of[VERDICT_CRITICAL],
	    of[VERDICT_WARNING], of[VERDICT_UNKNOWN], of[VERDICT_OK]);
	for (size_t i = 0; i < count && count <= CHECK_ROWS_MAX; i++) {
		if (list[i].error.n == 0)
			print_perf(&list[i], now, limits, out);
	}
	if (first && count > CHECK_ROWS_MAX)
		print_perf(first, now, limits, out);
	fputc('\n', out);
	return (int)verdict;
}

/* SPDX-License-Identifier: ISC */
/*
 * report: lines, a table, JSON.
 */
#include "libacme/report.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define JSON_MAX ((size_t)1024 * 1024) /* of one lineage */

static const char *const outcome_names[] = {
	[ISSUE_UNDECIDED] = "undecided",
	[ISSUE_KEPT] = "kept",
	[ISSUE_OFF] = "off",
	[ISSUE_BUSY] = "busy",
	[ISSUE_ISSUED] = "issued",
	[ISSUE_DEPLOYED] = "deployed",
	[ISSUE_NOT_DEPLOYED] = "not deployed",
	[ISSUE_TRIED] = "tried",
	[ISSUE_FAILED] = "failed",
};

const char *
report_outcome(enum issue_outcome outcome)
{
	return outcome_names[outcome];
}

/* ---- progress -------------------------------------------------------------------------------- */

static int
open_log(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);

	return fd < 0 ? err_set_errno(e, errno, "cannot write to the log file %s", path) : fd;
}

/* What cannot be logged is no reason to stop. */
static void
log_line(const struct report *report, enum log_level level, const struct issue *job,
    const char *text)
{
	struct log log = { .level = LOG_LEVEL_INFO };

	if (!report->log_file)
		return;
	log.fd = open_log(report->log_file, NULL);
	if (log.fd < 0)
		return;
	if (job)
		log_msg(&log, level, "%s: %s: %s", report->program, job->name, text);
	else
		log_msg(&log, level, "%s: %s", report->program, text);
	close(log.fd);
}

int
report_begin(struct report *report, const struct invocation *call, const char *log_file,
    struct err *e)
{
	int fd = log_file ? open_log(log_file, e) : -1;

	*report = (struct report){ .program = cli_program_name(), .log_file = log_file };
	if (log_file && fd < 0)
		return -1;
	if (fd >= 0)
		close(fd);
	if (!call->quiet && !call->verbose && cli_stderr_tty())
		report->live = report_live_new(stderr, call->http);
	else if (!call->quiet)
		report->progress = stderr;
	return 0;
}

void
report_end(struct report *report)
{
	report_live_free(report->live);
	report->live = NULL;
}

void
report_say(void *arg, const struct issue *job, const char *text)
{
	struct report *report = arg;

	log_line(report, LOG_LEVEL_INFO, job, text);
	if (report->live && job && job->outcome != ISSUE_UNDECIDED)
		report_live_end(report->live, job->name);
	else if (report->live)
		report_live_set(report->live, job ? job->name : NULL, text);
	if (!report->progress)
		return;
	if (job)
		fprintf(report->progress, "%s: %s: %s\n", report->program, job->name, text);
	else
		fprintf(report->progress, "%s: %s\n", report->program, text);
	fflush(report->progress);
}

void
report_failure(struct report *report, const struct issue *job, FILE *out)
{
	char when[CLOCK_RFC3339_LEN + 1];

	log_line(report, LOG_LEVEL_ERROR, job, err_text(&job->error));
	fprintf(out, "%s: %s: %s\n", report->program, job->name, err_text(&job->error));
	if (job->error.hint) {
		log_line(report, LOG_LEVEL_NOTICE, job, job->error.hint);
		fprintf(out, "    %s\n", job->error.hint);
	}
	if (job->error.retry_at > 0) {
		clock_format_rfc3339(job->error.retry_at, when);
		fprintf(out, "    not before %s\n", when);
	}
}

/* ---- results --------------------------------------------------------------------------------- */

static const char *
format_end(const struct issue *job, char out[CLOCK_RFC3339_LEN + 1])
{
	if (!job->live.not_after)
		return "-";
	clock_format_rfc3339(job->live.not_after, out);
	return out;
}

static void
print_path(const struct issue *job, const char *label, enum certstore_part part, FILE *out)
{
	char *path = certstore_path(job->store, job->name, part);

	fprintf(out, "    %s %s\n", label, path);
	free(path);
}

void
report_issued(const struct issue *job, FILE *out)
{
	char end[CLOCK_RFC3339_LEN + 1], due[CLOCK_RFC3339_LEN + 1];

	if (job->outcome == ISSUE_TRIED) {
		fprintf(out, "%s: the trial succeeded; nothing has changed\n", job->name);
		return;
	}
	if (job->csr.der.n && job->outcome == ISSUE_ISSUED) {
		fprintf(out,
		    "%s: issued\n    certificate %s\n    leaf alone  %s\n    chain alone %s\n",
		    job->name, job->fullchain_path, job->cert_path, job->chain_path);
		return;
	}
	if (!job->live.not_after)
		return;
	clock_format_rfc3339(issued_due_at(job->live.not_before, job->live.not_after), due);
	fprintf(out, "%s: %s, valid until %s, renewed from %s\n", job->name,
	    report_outcome(job->outcome), format_end(job, end), due);
	print_path(job, "certificate", CERTSTORE_FULLCHAIN, out);
	print_path(job, "key        ", CERTSTORE_PRIVKEY, out);
	if (job->verify && (job->outcome == ISSUE_ISSUED || job->outcome == ISSUE_DEPLOYED))
		fprintf(out, "    seen at     %s\n", job->verify);
}

void
report_table(struct issue *const *jobs, size_t count, FILE *out)
{
	char end[CLOCK_RFC3339_LEN + 1];
	int width = 7;

	for (size_t i = 0; i < count; i++) {
		int n = (int)strlen(jobs[i]->name);

		width = n > width ? n : width;
	}
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%-*s  %-12s  %s\n", width, jobs[i]->name,
		    report_outcome(jobs[i]->outcome), format_end(jobs[i], end));
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void
add_string(struct buf *json, const char *key, struct span value)
{
	buf_printf(json, "\"%s\":\"", key);
	encode_json(json, value);
	buf_add_char(json, '"');
}

static void
add_live(struct buf *json, const struct issue *job)
{
	char text[CLOCK_RFC3339_LEN + 1];
	struct buf hex;
	char *path;

	clock_format_rfc3339(job->live.not_before, text);
	buf_printf(json, ",\"not_before\":\"%s\"", text);
	clock_format_rfc3339(job->live.not_after, text);
	buf_printf(json, ",\"not_after\":\"%s\",\"names\":[", text);
	for (size_t i = 0; i < job->live.name_count; i++) {
		buf_add_str(json, i ? ",\"" : "\"");
		encode_json(json, job->live.names[i]);
		buf_add_char(json, '"');
	}
	buf_init(&hex, 128);
	encode_hex(&hex, span_of(job->live.sha256, sizeof(job->live.sha256)));
	buf_printf(json, "],\"sha256\":\"%s\",", buf_str(&hex));
	buf_release(&hex);
	path = certstore_path(job->store, job->name, CERTSTORE_FULLCHAIN);
	add_string(json, "fullchain", span_str(path));
	free(path);
	path = certstore_path(job->store, job->name, CERTSTORE_PRIVKEY);
	buf_add_char(json, ',');
	add_string(json, "privkey", span_str(path));
	free(path);
}

static void
add_ari(struct buf *json, const struct ari *ari)
{
	char text[CLOCK_RFC3339_LEN + 1];

	clock_format_rfc3339(ari->start, text);
	buf_printf(json, ",\"ari\":{\"start\":\"%s\"", text);
	clock_format_rfc3339(ari->end, text);
	buf_printf(json, ",\"end\":\"%s\"", text);
	clock_format_rfc3339(ari->at, text);
	buf_printf(json, ",\"at\":\"%s\"", text);
	if (ari->explanation) {
		buf_add_char(json, ',');
		add_string(json, "explanation", span_str(ari->explanation));
	}
	buf_add_char(json, '}');
}

static void
add_job(struct buf *json, const struct issue *job)
{
	char when[CLOCK_RFC3339_LEN + 1];

	buf_add_char(json, '{');
	add_string(json, "name", span_str(job->name));
	buf_printf(json, ",\"outcome\":\"%s\"", report_outcome(job->outcome));
	if (job->csr.der.n && job->outcome == ISSUE_ISSUED) {
		buf_add_char(json, ',');
		add_string(json, "fullchain", span_str(job->fullchain_path));
	}
	if (job->live.not_after)
		add_live(json, job);
	if (job->ari.at)
		add_ari(json, &job->ari);
	if (job->error.kind != ERR_NONE) {
		buf_add_char(json, ',');
		add_string(json, "error", span_str(err_text(&job->error)));
		if (job->error.hint) {
			buf_add_char(json, ',');
			add_string(json, "hint", span_str(job->error.hint));
		}
	}
	if (job->error.retry_at > 0) {
		clock_format_rfc3339(job->error.retry_at, when);
		buf_printf(json, ",\"retry_at\":\"%s\"", when);
	}
	buf_add_char(json, '}');
}

void
report_json(struct issue *const *jobs, size_t count, struct acme_http_counts counts, FILE *out)
{
	struct buf json;

	fputs("{\"schema\":1,\"lineages\":[", out);
	buf_init(&json, JSON_MAX);
	for (size_t i = 0; i < count; i++) {
		buf_reset(&json);
		if (i)
			buf_add_char(&json, ',');
		add_job(&json, jobs[i]);
		fwrite(json.p, 1, json.len, out);
	}
	buf_release(&json);
	fprintf(out, "],\"requests\":%lu,\"connections\":%lu}\n", counts.requests,
	    counts.connections);
}

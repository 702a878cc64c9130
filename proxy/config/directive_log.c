/* SPDX-License-Identifier: ISC */
/*
 * directive_log: access_log, log_format, error_log.
 *
 * A log file enters the snapshot only when something that serves writes to it, so a default that
 * every server overrides is never opened.
 */
#include "proxy/config/loader.h"
#include "proxy/config/value.h"

#ifndef GATEHOUSE_LOGDIR
#define GATEHOUSE_LOGDIR "/var/log/tinyproxyd"
#endif
#define DEFAULT_ACCESS_LOG GATEHOUSE_LOGDIR "/access.log"
#define DEFAULT_ERROR_LOG GATEHOUSE_LOGDIR "/error.log"
#define BUFFER_MAX ((uint64_t)1 << 20) /* what a worker keeps for a file (log_sink.h) */
#define COMBINED                                                                           \
	"$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent " \
	"\"$http_referer\" \"$http_user_agent\""
/* One object a line; what may have no value, or several, is a string. */
#define JSON                                                                                     \
	"{\"time\":\"$time_iso8601\",\"connection\":$connection,\"request_id\":\"$request_id\"," \
	"\"remote_addr\":\"$remote_addr\",\"remote_user\":\"$remote_user\",\"host\":\"$host\","  \
	"\"scheme\":\"$scheme\",\"method\":\"$request_method\",\"uri\":\"$request_uri\","        \
	"\"protocol\":\"$server_protocol\",\"status\":\"$status\",\"bytes_sent\":$bytes_sent,"   \
	"\"body_bytes_sent\":$body_bytes_sent,\"request_length\":$request_length,"               \
	"\"request_time\":$request_time,\"referer\":\"$http_referer\","                          \
	"\"user_agent\":\"$http_user_agent\",\"upstream_addr\":\"$upstream_addr\","              \
	"\"upstream_status\":\"$upstream_status\","                                              \
	"\"upstream_response_time\":\"$upstream_response_time\"}"

static struct span
log_path(struct loader *l, struct span path)
{
	return span_eq(path, SPAN("stderr")) ? path : loader_path(l, path);
}

static struct error_log *
error_log_new(struct loader *l, struct span path, enum log_level level)
{
	struct error_log *log = arena_zalloc(l->arena, sizeof(*log));
	struct snapshot *s = l->snapshot;

	log->file = loader_log_file(l, path);
	log->level = level;
	log->index = (unsigned)s->error_log_count;
	LOADER_APPEND(l->arena, s->error_logs, s->error_log_count, log);
	return log;
}

const struct error_log *
error_log_default(struct loader *l)
{
	struct span path = l->options->error_log;

	return error_log_new(l, path.n > 0 ? log_path(l, path) : SPAN(DEFAULT_ERROR_LOG),
	    LOG_LEVEL_ERROR);
}

static int
add_format(struct loader *l, struct span name, struct span text, enum log_escape escape, bool ours)
{
	struct log_format *f = arena_zalloc(l->arena, sizeof(*f));
	struct err e = ERR_INIT;

	f->ours = ours;
	f->escape = escape;
	f->format = template_compile(&l->variables, text, l->arena, &e);
	if (!f->format)
		diagnostic_add(l->diags, DIAG_EMERG, NULL, 0, "log format \"" SPAN_FMT "\": %s",
		    SPAN_ARG(name), err_text(&e));
	else
		span_map_add(&l->log_formats, name, f);
	err_release(&e);
	return f->format ? 0 : -1;
}

int
log_formats_init(struct loader *l)
{
	return add_format(l, SPAN("combined"), SPAN(COMBINED), LOG_ESCAPE_DEFAULT, false);
}

struct access_log *
access_log_default(struct loader *l)
{
	const struct log_format *f = span_map_get(&l->log_formats, SPAN("combined"));
	struct access_log *log = arena_zalloc(l->arena, sizeof(*log));

	log->file = loader_log_file(l, SPAN(DEFAULT_ACCESS_LOG));
	log->format = f->format;
	return log;
}

static const struct directive_choice escapes[] = {
	{ SPAN_INIT("default"), LOG_ESCAPE_DEFAULT },
	{ SPAN_INIT("json"), LOG_ESCAPE_JSON },
	{ SPAN_INIT("none"), LOG_ESCAPE_NONE },
	{ SPAN_INIT(""), 0 },
};

/* log_format NAME [escape=default|json|none] STRING... */
static int
set_log_format(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct log_format *f = arena_zalloc(l->arena, sizeof(*f)), *before;
	struct word all = { .line = n->words[2].line };
	unsigned first = 2, escape = LOG_ESCAPE_DEFAULT;

	if (span_starts(n->words[2].text, SPAN("escape="))) {
		struct word w = n->words[2];

		w.text = span_after(w.text, 7);
		if (directive_choose(l, n, &w, escapes, &escape) < 0)
			return -1;
		first = 3;
	}
	if (first == n->word_count)
		return loader_error(l, n,
		    "invalid number of arguments in \"log_format\" directive");
	for (unsigned i = first; i < n->word_count; i++)
		all.text = arena_printf(l->arena, SPAN_FMT SPAN_FMT, SPAN_ARG(all.text),
		    SPAN_ARG(n->words[i].text));
	f->escape = (enum log_escape)escape;
	f->format = loader_template(l, n, &all);
	if (!f->format)
		return -1;
	before = span_map_add(&l->log_formats, n->words[1].text, f);
	if (before && before->ours)
		*before = *f;
	else if (before)
		return loader_error(l, n, "duplicate \"log_format\" name \"" SPAN_FMT "\"",
		    SPAN_ARG(n->words[1].text));
	return 0;
}

static int
check_path(struct loader *l, const struct node *n)
{
	const struct word *w = &n->words[1];

	if (span_starts(w->text, SPAN("syslog:")) || span_starts(w->text, SPAN("memory:")))
		return loader_error(l, n, "\"" SPAN_FMT "\" in \"" SPAN_FMT "\" is not supported",
		    SPAN_ARG(w->text), SPAN_ARG(n->words[0].text));
	return w->text.n == 0 ? loader_fail(l, n, "invalid value") : 0;
}

static int
access_log_off(struct loader *l, struct scope *s, const struct node *n)
{
	if (n->word_count > 2)
		return loader_bad_parameter(l, n, &n->words[2], NULL);
	scope_location_settings(l, s)->access_logs = NULL;
	return 0;
}

struct access_options {
	const struct template *condition;
	uint64_t buffer_size;
	int64_t flush_ms;
};

/* buffer=SIZE, flush=TIME, if=CONDITION */
static int
read_option(struct loader *l, const struct node *n, const struct word *w, struct access_options *o)
{
	static const char *const later[] = { "gzip", "gzip=", NULL };
	struct word value = *w;

	if (span_starts(w->text, SPAN("buffer="))) {
		if (value_parse_size(span_after(w->text, 7), BUFFER_MAX, &o->buffer_size) < 0 ||
		    o->buffer_size == 0)
			return loader_word_error(l, n, w, "invalid buffer size \"" SPAN_FMT "\"",
			    SPAN_ARG(span_after(w->text, 7)));
	} else if (span_starts(w->text, SPAN("flush="))) {
		if (value_parse_duration(span_after(w->text, 6), DURATION_MS, &o->flush_ms) < 0 ||
		    o->flush_ms == 0)
			return loader_word_error(l, n, w, "invalid flush time \"" SPAN_FMT "\"",
			    SPAN_ARG(span_after(w->text, 6)));
	} else if (span_starts(w->text, SPAN("if="))) {
		value.text = span_after(w->text, 3);
		o->condition = loader_template(l, n, &value);
		return o->condition ? 0 : -1;
	} else {
		return loader_bad_parameter(l, n, w, later);
	}
	return 0;
}

/* One file has one buffer, whoever writes to it. */
static int
set_buffer(struct loader *l, const struct node *n, struct log_file *file,
    const struct access_options *o)
{
	if (o->buffer_size == 0)
		return 0;
	if (file->buffer_size &&
	    (file->buffer_size != o->buffer_size || file->flush_ms != o->flush_ms))
		return loader_error(l, n,
		    "access_log \"" SPAN_FMT "\" already defined with conflicting parameters",
		    SPAN_ARG(file->path));
	file->buffer_size = o->buffer_size;
	file->flush_ms = o->flush_ms;
	return 0;
}

/* A path with variables: workers write below the directory that is the same for all. */
static int
set_variable_path(struct loader *l, const struct node *n, struct access_log *log)
{
	struct word w = n->words[1];
	struct span tree;
	size_t slash = 0;

	w.text = loader_path(l, w.text);
	log->path = loader_template(l, n, &w);
	if (!log->path)
		return -1;
	for (size_t i = 0; i < w.text.n && w.text.p[i] != '$'; i++) {
		if (w.text.p[i] == '/')
			slash = i;
	}
	tree = span_of(w.text.p, slash);
	if (tree.n == 0) {
		loader_error(l, n, "\"" SPAN_FMT "\" names no directory before its first variable",
		    SPAN_ARG(w.text));
		diagnostic_hint(l->diags, "write it like \"/var/log/tinyproxyd/$host.log\"");
		return -1;
	}
	LOADER_APPEND(l->arena, l->snapshot->log_trees, l->snapshot->log_tree_count, tree);
	return 0;
}

static struct access_log *
access_log_new(struct loader *l, const struct node *n, const struct log_format *f)
{
	struct access_log *log = arena_zalloc(l->arena, sizeof(*log));
	struct access_options o = { .buffer_size = 0 };
	struct log_file *file;

	for (unsigned i = 3; i < n->word_count; i++) {
		if (read_option(l, n, &n->words[i], &o) < 0)
			return NULL;
	}
	if (o.flush_ms && !o.buffer_size) {
		loader_error(l, n, "no buffer is defined for access_log \"" SPAN_FMT "\"",
		    SPAN_ARG(n->words[1].text));
		return NULL;
	}
	log->format = f->format;
	log->escape = f->escape;
	log->condition = o.condition;
	if (span_find(n->words[1].text, '$') >= 0) {
		if (o.buffer_size) {
			loader_error(l, n, "buffered logs cannot have variables in name");
			return NULL;
		}
		return set_variable_path(l, n, log) < 0 ? NULL : log;
	}
	file = loader_log_file(l, log_path(l, n->words[1].text));
	log->file = file;
	return set_buffer(l, n, file, &o) < 0 ? NULL : log;
}

static const struct log_format *
find_format(struct loader *l, const struct node *n)
{
	struct span name = n->word_count > 2 ? n->words[2].text : SPAN("combined");
	const struct log_format *f = span_map_get(&l->log_formats, name);

	if (!f && span_eq(name, SPAN("json")) &&
	    add_format(l, name, SPAN(JSON), LOG_ESCAPE_JSON, true) == 0)
		f = span_map_get(&l->log_formats, name);
	if (f)
		return f;
	loader_error(l, n, "unknown log format \"" SPAN_FMT "\"", SPAN_ARG(name));
	if (span_find(name, '=') >= 0)
		diagnostic_hint(l->diags,
		    "the format comes before it: \"" SPAN_FMT " combined " SPAN_FMT "\"",
		    SPAN_ARG(n->words[1].text), SPAN_ARG(name));
	return NULL;
}

/* access_log PATH [FORMAT [buffer=SIZE] [flush=TIME] [if=CONDITION]] | off */
static int
set_access_log(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct location_settings *ls = scope_location_settings(l, s);
	bool off = span_eq(n->words[1].text, SPAN("off"));
	struct access_log *log, **tail = &ls->access_logs;
	const struct log_format *f;

	/* nginx takes the "off"; here nothing is written down to be ignored. */
	if (!s->first && off != !ls->access_logs)
		return loader_error(l, n,
		    "\"access_log off\" stands beside another \"access_log\"");
	if (off)
		return access_log_off(l, s, n);
	if ((s->context & CONTEXT_STREAM_ALL) && span_find(n->words[1].text, '$') >= 0)
		return loader_error(l, n,
		    "variables in the name of an \"access_log\" of \"stream\" are not supported");
	if (check_path(l, n) < 0)
		return -1;
	f = find_format(l, n);
	log = f ? access_log_new(l, n, f) : NULL;
	if (!log)
		return -1;
	if (s->first)
		*tail = NULL;
	while (*tail)
		tail = &(*tail)->next;
	*tail = log;
	return 0;
}

/* error_log PATH|stderr [LEVEL]: all of one block */
static int
set_error_log(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	static const struct directive_choice levels[] = {
		{ SPAN_INIT("debug"), LOG_LEVEL_DEBUG },
		{ SPAN_INIT("info"), LOG_LEVEL_INFO },
		{ SPAN_INIT("notice"), LOG_LEVEL_NOTICE },
		{ SPAN_INIT("warn"), LOG_LEVEL_WARN },
		{ SPAN_INIT("error"), LOG_LEVEL_ERROR },
		{ SPAN_INIT("crit"), LOG_LEVEL_CRIT },
		{ SPAN_INIT("alert"), LOG_LEVEL_ALERT },
		{ SPAN_INIT("emerg"), LOG_LEVEL_EMERG },
		{ SPAN_INIT(""), 0 },
	};
	const struct error_log **at = s->context == CONTEXT_MAIN
					  ? &s->main->error_log
					  : &scope_location_settings(l, s)->error_log;
	unsigned level = LOG_LEVEL_ERROR;
	struct error_log *log;

	if (check_path(l, n) < 0 || loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (n->word_count > 2 && directive_choose(l, n, &n->words[2], levels, &level) < 0)
		return -1;
	log = error_log_new(l, log_path(l, n->words[1].text), (enum log_level)level);
	if (s->first)
		*at = NULL;
	log->next = *at;
	*at = log;
	return 0;
}

static const struct directive rows[] = {
	{ SPAN_INIT("access_log"),
	    CONTEXT_HTTP_ALL | CONTEXT_LOCATION_IF | CONTEXT_LIMIT_EXCEPT | CONTEXT_STREAM_ALL, 1,
	    DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY, .set = set_access_log },
	{ SPAN_INIT("log_format"), CONTEXT_HTTP | CONTEXT_STREAM, 2, DIRECTIVE_ARGS_ANY,
	    DIRECTIVE_MANY, .set = set_log_format },
	{ SPAN_INIT("error_log"), CONTEXT_MAIN | CONTEXT_HTTP_ALL | CONTEXT_STREAM_ALL, 1, 2,
	    DIRECTIVE_MANY, .set = set_error_log },
};
const struct directive_table directive_log_table = { rows, sizeof(rows) / sizeof(rows[0]) };

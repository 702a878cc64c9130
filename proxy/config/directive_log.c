/* SPDX-License-Identifier: ISC */
/*
 * directive_log: access_log, log_format, error_log.
 *
 * A log file enters the snapshot only when something that serves writes to it, so a default that
 * every server overrides is never opened.
 */
#include "proxy/config/loader.h"

#ifndef GATEHOUSE_LOGDIR
#define GATEHOUSE_LOGDIR "/var/log/tinyproxyd"
#endif
#define DEFAULT_ACCESS_LOG GATEHOUSE_LOGDIR "/access.log"
#define DEFAULT_ERROR_LOG GATEHOUSE_LOGDIR "/error.log"
#define COMBINED                                                                           \
	"$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent " \
	"\"$http_referer\" \"$http_user_agent\""

static struct span
log_path(struct loader *l, struct span path)
{
	return span_eq(path, SPAN("stderr")) ? path : loader_path(l, path);
}

const struct error_log *
error_log_default(struct loader *l)
{
	struct error_log *log = arena_zalloc(l->arena, sizeof(*log));
	struct span path = l->options->error_log;

	log->file = loader_log_file(l, path.n > 0 ? log_path(l, path) : SPAN(DEFAULT_ERROR_LOG));
	log->level = LOG_LEVEL_ERROR;
	return log;
}

int
log_formats_init(struct loader *l)
{
	struct log_format *f = arena_zalloc(l->arena, sizeof(*f));
	struct err e = ERR_INIT;

	f->format = template_compile(l->options->http_variables, SPAN(COMBINED), l->arena, &e);
	if (!f->format)
		diagnostic_add(l->diags, DIAG_EMERG, NULL, 0, "log format \"combined\": %s",
		    err_text(&e));
	else
		span_map_add(&l->log_formats, SPAN("combined"), f);
	err_release(&e);
	return f->format ? 0 : -1;
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
	struct log_format *f = arena_zalloc(l->arena, sizeof(*f));
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
	if (span_map_add(&l->log_formats, n->words[1].text, f))
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
	if (w->text.n == 0)
		return loader_fail(l, n, "invalid value");
	return loader_check_literal(l, n, w);
}

static int
access_log_off(struct loader *l, struct scope *s, const struct node *n)
{
	if (n->word_count > 2)
		return loader_bad_parameter(l, n, &n->words[2], NULL);
	scope_location_settings(l, s)->access_logs = NULL;
	return 0;
}

/* access_log PATH [FORMAT] | off */
static int
set_access_log(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	static const char *const later[] = { "buffer=", "flush=", "gzip", "gzip=", "if=", NULL };
	struct location_settings *ls = scope_location_settings(l, s);
	struct span name = n->word_count > 2 ? n->words[2].text : SPAN("combined");
	bool off = span_eq(n->words[1].text, SPAN("off"));
	struct access_log *log, **tail = &ls->access_logs;
	const struct log_format *f;

	/* nginx takes the "off"; here nothing is written down to be ignored. */
	if (!s->first && (off || !ls->access_logs))
		return loader_error(l, n,
		    "\"access_log off\" stands beside another \"access_log\"");
	if (off)
		return access_log_off(l, s, n);
	if (check_path(l, n) < 0)
		return -1;
	for (unsigned i = 3; i < n->word_count; i++)
		return loader_bad_parameter(l, n, &n->words[i], later);
	f = span_map_get(&l->log_formats, name);
	if (!f && span_find(name, '=') >= 0)
		return loader_bad_parameter(l, n, &n->words[2], later);
	if (!f)
		return loader_error(l, n, "unknown log format \"" SPAN_FMT "\"", SPAN_ARG(name));
	if (s->first)
		*tail = NULL;
	while (*tail)
		tail = &(*tail)->next;
	log = arena_zalloc(l->arena, sizeof(*log));
	log->file = loader_log_file(l, log_path(l, n->words[1].text));
	log->format = f->format;
	log->escape = f->escape;
	*tail = log;
	return 0;
}

/* error_log PATH|stderr [LEVEL] */
static int
set_error_log(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct error_log *log = arena_zalloc(l->arena, sizeof(*log));
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
	unsigned level = LOG_LEVEL_ERROR;

	if (check_path(l, n) < 0)
		return -1;
	if (n->word_count > 2 && directive_choose(l, n, &n->words[2], levels, &level) < 0)
		return -1;
	log->file = loader_log_file(l, log_path(l, n->words[1].text));
	log->level = (enum log_level)level;
	if (s->context == CONTEXT_MAIN)
		s->main->error_log = log;
	else
		scope_location_settings(l, s)->error_log = log;
	return 0;
}

static const struct directive rows[] = {
	{ SPAN_INIT("access_log"), CONTEXT_HTTP_ALL, 1, DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY,
	    .set = set_access_log },
	{ SPAN_INIT("log_format"), CONTEXT_HTTP, 2, DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY,
	    .set = set_log_format },
	{ SPAN_INIT("error_log"), CONTEXT_MAIN | CONTEXT_HTTP_ALL, 1, 2, 0, .set = set_error_log },
};
const struct directive_table directive_log_table = { rows, sizeof(rows) / sizeof(rows[0]) };

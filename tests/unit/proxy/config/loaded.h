/* SPDX-License-Identifier: ISC */
/*
 * loaded: configurations for unit tests: files in memory, hosts made up, a small table of
 * variables.
 *
 * load("...") loads one file, /etc/t/t.conf; the checks below look at what became of it. Hosts:
 * one.example has 192.0.2.1, two.example 192.0.2.1 and 2001:db8::1, nothing else resolves.
 */
#ifndef TESTS_UNIT_PROXY_CONFIG_LOADED_H
#define TESTS_UNIT_PROXY_CONFIG_LOADED_H

#include "base/buf.h"
#include "base/mem.h"
#include "proxy/config/route.h"
#include "proxy/config/snapshot.h"
#include "tests/unit/unit.h"

#include <fnmatch.h>

#define MAIN_FILE "/etc/t/t.conf"

struct memory_file {
	const char *path, *text;
};

struct memory_source {
	struct config_source api;
	const struct memory_file *files;
	size_t count;
	unsigned reads;
};

static inline int
memory_read(struct config_source *src, struct span path, struct span *text, struct err *e)
{
	struct memory_source *m = (struct memory_source *)src;

	m->reads++;
	for (size_t i = 0; i < m->count; i++) {
		if (span_eq(path, span_str(m->files[i].path))) {
			*text = span_str(m->files[i].text);
			return 0;
		}
	}
	return err_set(e, ERR_NOINPUT, "cannot open " SPAN_FMT, SPAN_ARG(path));
}

static inline int
memory_glob(struct config_source *src, struct span pattern, struct arena *arena,
    struct span **paths, size_t *count, struct err *e)
{
	const struct memory_source *m = (const struct memory_source *)src;
	char *p = arena_strdup(arena, pattern);

	*count = 0;
	*paths = arena_array(arena, m->count, sizeof(**paths));
	for (size_t i = 0; i < m->count; i++) {
		if (fnmatch(p, m->files[i].path, FNM_PATHNAME) == 0)
			(*paths)[(*count)++] = span_str(m->files[i].path);
	}
	return 0;
}

static inline int
memory_resolve(struct config_source *src, struct span host, struct arena *arena,
    struct span **addrs, size_t *count, struct err *e)
{
	*addrs = arena_array(arena, 2, sizeof(**addrs));
	(*addrs)[0] = SPAN("192.0.2.1");
	(*addrs)[1] = SPAN("2001:db8::1");
	*count = span_eq(host, SPAN("one.example"))   ? 1
		 : span_eq(host, SPAN("two.example")) ? 2
						      : 0;
	return *count ? 0 : err_set(e, ERR_UNAVAILABLE, "no such host");
}

/* The value of $http_x is "x", of the others "value"; $empty and $http_host have none. */
static inline struct span
loaded_value(void *subject, struct span arg)
{
	return arg.n ? arg : SPAN("value");
}

static inline struct span
loaded_none(void *subject, struct span arg)
{
	return span_of(NULL, 0);
}

/* A subject is a struct variable_store. */
static inline struct variable_store *
loaded_store(void *subject)
{
	return subject;
}

static inline const struct variable_table *
test_variables(void)
{
#define VALUE(literal)                                          \
	{                                                       \
		.name = SPAN_INIT(literal), .get = loaded_value \
	}
	static const struct variable rows[] = {
		{ .name = SPAN_INIT("http_"), .prefix = true, .get = loaded_value },
		{ .name = SPAN_INIT("http_host"), .get = loaded_none },
		VALUE("host"),
		VALUE("scheme"),
		VALUE("request_uri"),
		VALUE("request"),
		VALUE("status"),
		VALUE("remote_addr"),
		VALUE("remote_user"),
		VALUE("time_local"),
		VALUE("body_bytes_sent"),
		{ .name = SPAN_INIT("empty"), .get = loaded_none },
	};
#undef VALUE
	static const struct variable_table table = {
		.rows = rows, .count = COUNT(rows), .store = loaded_store
	};

	return &table;
}

struct loaded {
	struct arena *arena;
	struct diagnostics diags;
	struct snapshot *snapshot;
	struct memory_source source;
};

static inline struct loaded *
load_files(const struct memory_file *files, size_t count, const char *globals)
{
	struct loaded *l = mem_zalloc(sizeof(*l));
	struct snapshot_options options = {
		.prefix = SPAN("/prefix/"),
		.conf_path = SPAN(MAIN_FILE),
		.globals = span_str(globals),
		.http_variables = test_variables(),
		.stream_variables = test_variables(),
	};

	l->arena = arena_new(0);
	l->source =
	    (struct memory_source){ { memory_read, memory_glob, memory_resolve }, files, count, 0 };
	diagnostics_init(&l->diags, l->arena);
	l->snapshot = snapshot_load(&l->source.api, &options, &l->diags);
	return l;
}

static inline struct loaded *
load(const char *text)
{
	struct memory_file file = { MAIN_FILE, text };
	struct loaded *l = load_files(&file, 1, "");

	l->source.files = NULL; /* on our stack */
	return l;
}

static inline void
unload(struct loaded *l)
{
	snapshot_free(l->snapshot);
	arena_free(l->arena);
	free(l);
}

/* Everything that was said, as tinyproxyd would: "[emerg] text in FILE:LINE", hints behind ": ". */
static inline const char *
said(struct loaded *l)
{
	struct span out = { NULL, 0 };

	for (const struct diagnostic *d = l->diags.first; d; d = d->next) {
		struct span text = diagnostic_format(d, l->arena);

		out = arena_printf(l->arena, SPAN_FMT "[%s] " SPAN_FMT "%s" SPAN_FMT "\n",
		    SPAN_ARG(out), d->level == DIAG_WARN ? "warn" : "emerg", SPAN_ARG(text),
		    d->hint.n ? ": " : "", SPAN_ARG(d->hint));
	}
	return arena_strdup(l->arena, out);
}

#define assert_said(l, text) assert_string_equal(said(l), text)

/* Loads text and expects no mistake and no warning. */
static inline struct loaded *
load_clean(const char *text)
{
	struct loaded *l = load(text);

	assert_said(l, "");
	assert_non_null(l->snapshot);
	return l;
}

/* The location of the first server for a path. */
static inline const struct location *
loaded_location(const struct loaded *l, const char *uri)
{
	const struct location *found = NULL;

	assert_int_equal(route_location(l->snapshot->servers[0], span_str(uri), NULL, &found),
	    LOCATION_FOUND);
	return found;
}

/* A row of a table of mistakes. */
struct refusal {
	const char *text, *reason;
};

/* Each row's text between before and after has its reason for a mistake, and no other mistake. */
static inline void
check_refusals(const char *before, const char *after, const struct refusal *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *text = mem_printf("%s%s%s", before, rows[i].text, after);
		struct loaded *l = load(text);
		const struct diagnostic *d = l->diags.first;

		while (d && d->level == DIAG_WARN)
			d = d->next;
		if (!d || l->snapshot || l->diags.errors != 1 ||
		    !span_eq(d->text, span_str(rows[i].reason)))
			fail_msg("%s\nshould be refused with: %s\nbut: %s", text, rows[i].reason,
			    said(l));
		unload(l);
		free(text);
	}
}

#endif

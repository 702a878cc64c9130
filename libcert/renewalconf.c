/* SPDX-License-Identifier: ISC */
/*
 * renewal/NAME.conf as a list of lines, so that whatever is not ours is written back byte for byte.
 *
 *	# comment                    LINE_OTHER, kept as it is
 *	version = 2.1.0              LINE_ENTRY in section ""
 *	[renewalparams]              LINE_SECTION "renewalparams"
 *	webroot_path = /var/www,     LINE_ENTRY, a list of one
 *	[[webroot_map]]              LINE_SECTION "renewalparams/webroot_map"
 *
 * The grammar is ConfigObj's, as Python's certbot reads it: the same lines are refused. The
 * reading of one line lives in renewalconf_line.c.
 */
#include "libcert/renewalconf.h"

#include "base/file.h"
#include "base/mem.h"
#include "libcert/renewalconf_line.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#define RENEWALCONF_SIZE_MAX (256 * 1024)
#define RENEWALCONF_DEPTH 8

struct renewalconf {
	struct renewalconf_line *lines;
	size_t count;
};

struct renewalconf *
renewalconf_new(void)
{
	return mem_zalloc(sizeof(struct renewalconf));
}

static void
lines_clear(struct renewalconf *conf)
{
	for (size_t i = 0; i < conf->count; i++)
		renewalconf_line_release(&conf->lines[i]);
	free(conf->lines);
	conf->lines = NULL;
	conf->count = 0;
}

void
renewalconf_free(struct renewalconf *conf)
{
	if (!conf)
		return;
	lines_clear(conf);
	free(conf);
}

/* Room for a line at index at; owns what is in it from now on. */
static void
line_insert_take(struct renewalconf *conf, size_t at, struct renewalconf_line line)
{
	conf->lines = mem_realloc_array(conf->lines, conf->count + 1, sizeof(*conf->lines));
	memmove(&conf->lines[at + 1], &conf->lines[at], (conf->count - at) * sizeof(*conf->lines));
	conf->lines[at] = line;
	conf->count++;
}

static struct renewalconf_line *
line_find(const struct renewalconf *conf, const char *section, const char *key)
{
	for (size_t i = 0; i < conf->count; i++) {
		struct renewalconf_line *line = &conf->lines[i];

		if (line->kind == LINE_ENTRY && strcmp(line->section, section) == 0 &&
		    strcmp(line->key, key) == 0)
			return line;
	}
	return NULL;
}

static struct renewalconf_line *
section_find(const struct renewalconf *conf, const char *section)
{
	for (size_t i = 0; i < conf->count; i++) {
		if (conf->lines[i].kind == LINE_SECTION &&
		    strcmp(conf->lines[i].section, section) == 0)
			return &conf->lines[i];
	}
	return NULL;
}

/* ---- reading ---- */

struct reader {
	struct renewalconf *conf;
	struct span rest;
	unsigned number; /* of the line last taken */
	unsigned depth;
	char *section; /* owned; path of the section we are in */
};

/* "a/b/c" cut to its first depth names, then "/name". */
static char *
section_path(const char *path, unsigned depth, const char *name)
{
	size_t keep = 0;

	for (unsigned i = 0; i < depth; i++) {
		keep += strcspn(path + keep, "/");
		if (i + 1 < depth && path[keep] == '/')
			keep++;
	}
	return keep == 0 ? mem_strdup(name) : mem_printf("%.*s/%s", (int)keep, path, name);
}

static int
read_section(struct reader *r, struct renewalconf_line *line, struct err *e)
{
	if (line->depth > r->depth + 1 || line->depth > RENEWALCONF_DEPTH)
		return err_set(e, ERR_CONFIG, "section nested too deep");
	if (strchr(line->key, '/'))
		return err_set(e, ERR_CONFIG, "a slash in a section's name is not supported");
	line->section = section_path(r->section, line->depth - 1, line->key);
	if (section_find(r->conf, line->section))
		return err_set(e, ERR_CONFIG, "section [%s] appears twice", line->key);
	r->depth = line->depth;
	free(r->section);
	r->section = mem_strdup(line->section);
	return 0;
}

static int
read_entry(struct reader *r, struct renewalconf_line *line, struct err *e)
{
	line->section = mem_strdup(r->section);
	if (line_find(r->conf, line->section, line->key))
		return err_set(e, ERR_CONFIG, "\"%s\" appears twice", line->key);
	return 0;
}

/* One logical line: several in the file when its value is triple-quoted. */
static int
read_line(struct reader *r, struct err *e)
{
	struct renewalconf_line line = { 0 };
	size_t taken = 0;
	int rc;

	rc = renewalconf_line_parse(r->rest, &taken, &line, e);
	if (rc == 0 && line.kind == LINE_SECTION)
		rc = read_section(r, &line, e);
	else if (rc == 0 && line.kind == LINE_ENTRY)
		rc = read_entry(r, &line, e);
	if (rc < 0) {
		renewalconf_line_release(&line);
		return -1;
	}
	for (size_t i = 0; i < taken; i++)
		r->number += r->rest.p[i] == '\n';
	r->rest = span_after(r->rest, taken);
	line_insert_take(r->conf, r->conf->count, line);
	return 0;
}

int
renewalconf_parse(struct renewalconf *conf, struct span text, const char *file, struct err *e)
{
	struct reader r = { .conf = conf, .rest = text, .number = 1, .section = mem_strdup("") };
	int rc = 0;

	lines_clear(conf);
	if (text.n > RENEWALCONF_SIZE_MAX)
		rc = err_set(e, ERR_CONFIG, "too large for a renewal configuration");
	else if (text.n > 0 && memchr(text.p, '\0', text.n))
		rc = err_set(e, ERR_CONFIG, "contains a NUL byte");
	while (rc == 0 && r.rest.n > 0)
		rc = read_line(&r, e);
	free(r.section);
	if (rc < 0) {
		lines_clear(conf);
		err_at(e, file, r.number);
	}
	return rc;
}

int
renewalconf_load(struct renewalconf *conf, const char *path, struct err *e)
{
	struct buf text;
	int rc;

	buf_init(&text, RENEWALCONF_SIZE_MAX);
	rc = file_read(path, &text, e);
	if (rc == 0)
		rc = renewalconf_parse(conf, buf_span(&text), path, e);
	buf_release(&text);
	return rc;
}

/* ---- writing ---- */

int
renewalconf_format(const struct renewalconf *conf, struct buf *out)
{
	for (size_t i = 0; i < conf->count; i++) {
		if (buf_add_str(out, conf->lines[i].raw) < 0 || buf_add_char(out, '\n') < 0)
			return -1;
	}
	return 0;
}

int
renewalconf_save(const struct renewalconf *conf, const char *path, struct err *e)
{
	mode_t mode = 0644;
	struct buf text;
	struct stat st;
	int rc;

	if (stat(path, &st) == 0)
		mode = st.st_mode & 0777;
	buf_init(&text, RENEWALCONF_SIZE_MAX);
	if (renewalconf_format(conf, &text) < 0)
		rc = err_set(e, ERR_DATA, "%s would grow beyond %d bytes", path,
		    RENEWALCONF_SIZE_MAX);
	else
		rc = file_write_atomic(path, buf_span(&text), mode, e);
	buf_release(&text);
	return rc;
}

/* ---- asking and changing ---- */

const char *
renewalconf_get(const struct renewalconf *conf, const char *section, const char *key)
{
	const struct renewalconf_line *line = line_find(conf, section, key);

	return line ? line->value : NULL;
}

const char *
renewalconf_item(const struct renewalconf *conf, const char *section, const char *key, size_t index)
{
	const struct renewalconf_line *line = line_find(conf, section, key);

	return line && index < line->item_count ? line->items[index] : NULL;
}

const char *
renewalconf_key(const struct renewalconf *conf, const char *section, size_t index)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct renewalconf_line *line = &conf->lines[i];

		if (line->kind == LINE_ENTRY && strcmp(line->section, section) == 0 && index-- == 0)
			return line->key;
	}
	return NULL;
}

static struct renewalconf_line
line_plain(enum renewalconf_kind kind, const char *section, const char *key, char *raw)
{
	return (struct renewalconf_line){
		.kind = kind,
		.raw = raw,
		.section = mem_strdup(section),
		.key = key ? mem_strdup(key) : NULL,
	};
}

/* Index behind the last entry of a section, where a new one goes. */
static size_t
section_end(const struct renewalconf *conf, const char *section)
{
	bool opening = section[0] == '\0'; /* the comments a file opens with stay on top */
	size_t at = 0;

	for (size_t i = 0; i < conf->count; i++) {
		const struct renewalconf_line *line = &conf->lines[i];

		opening = opening && line->kind == LINE_OTHER;
		if (opening || (line->kind != LINE_OTHER && strcmp(line->section, section) == 0))
			at = i + 1;
	}
	return at;
}

/* Index behind everything in a section, subsections included. */
static size_t
subtree_end(const struct renewalconf *conf, const char *section)
{
	size_t len = strlen(section), at = conf->count;

	if (len == 0)
		return conf->count;
	for (size_t i = 0; i < conf->count; i++) {
		const char *path = conf->lines[i].section;

		if (path && strncmp(path, section, len) == 0 &&
		    (path[len] == '\0' || path[len] == '/'))
			at = i + 1;
	}
	return at;
}

/* Append [section], and the sections around it, unless they are there. */
static void
section_make(struct renewalconf *conf, const char *section)
{
	const char *slash = strrchr(section, '/'), *name = slash ? slash + 1 : section;
	char *parent =
	    slash ? mem_dup_span(span_of(section, (size_t)(slash - section))) : mem_strdup("");
	unsigned depth = 1;
	size_t at;
	char *raw;

	if (section[0] == '\0' || section_find(conf, section)) {
		free(parent);
		return;
	}
	section_make(conf, parent);
	for (const char *p = section; *p; p++)
		depth += *p == '/';
	raw = mem_printf("%.*s%s%.*s", (int)depth, "[[[[[[[[", name, (int)depth, "]]]]]]]]");
	at = subtree_end(conf, parent);
	if (depth == 1 && at > 0)
		line_insert_take(conf, at++, line_plain(LINE_OTHER, "", NULL, mem_strdup("")));
	if (strcmp(section, "renewalparams") == 0)
		line_insert_take(conf, at++,
		    line_plain(LINE_OTHER, "", NULL,
			mem_strdup("# Options used in the renewal process")));
	line_insert_take(conf, at, line_plain(LINE_SECTION, section, name, raw));
	free(parent);
}

static void
line_remove(struct renewalconf *conf, struct renewalconf_line *line)
{
	size_t at = (size_t)(line - conf->lines);

	renewalconf_line_release(line);
	memmove(line, line + 1, (conf->count - at - 1) * sizeof(*line));
	conf->count--;
}

static int
set_items(struct renewalconf *conf, const char *section, const char *key, const char *const *items,
    size_t count, bool list)
{
	struct renewalconf_line *line = line_find(conf, section, key), fresh;

	if (line)
		return renewalconf_line_set(line, items, count, list);
	renewalconf_line_init(&fresh, section, key);
	if (renewalconf_line_set(&fresh, items, count, list) < 0) {
		renewalconf_line_release(&fresh);
		return -1;
	}
	section_make(conf, section);
	line_insert_take(conf, section_end(conf, section), fresh);
	return 0;
}

int
renewalconf_set(struct renewalconf *conf, const char *section, const char *key, const char *value)
{
	struct renewalconf_line *line;

	if (value)
		return set_items(conf, section, key, &value, 1, false);
	line = line_find(conf, section, key);
	if (line)
		line_remove(conf, line);
	return 0;
}

int
renewalconf_set_list(struct renewalconf *conf, const char *section, const char *key,
    const char *const *items, size_t count)
{
	return set_items(conf, section, key, items, count, true);
}

/* SPDX-License-Identifier: ISC */
/*
 * access_log: see access_log.h.
 *
 * A format is a template whose variables' values are escaped here. The line is measured first and written once.
 *
 *	escape=   bytes that would not be text                         no value
 *	default   \xHH for quotes, backslashes, control bytes, > 126   -
 *	json      as inside a JSON string                              (nothing)
 *	none      as they are                                          (nothing)
 */
#include "proxy/http/access_log.h"

#include "proxy/http/named_log.h"
#include "proxy/worker/worker_state.h"

#define PARTS_ON_STACK 64

static const char hex[] = "0123456789ABCDEF";

/* ---- one byte: how long it gets, and how it is written ------------------------------------------ */

static size_t
size_default(unsigned char c)
{
	return c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? 4 : 1;
}

static char *
put_default(char *at, unsigned char c)
{
	*at++ = '\\';
	*at++ = 'x';
	*at++ = hex[c >> 4];
	*at++ = hex[c & 15];
	return at;
}

/* The letter behind the backslash, or 0. */
static char
json_letter(unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	default:
		return 0;
	}
}

static size_t
size_json(unsigned char c)
{
	if (json_letter(c))
		return 2;
	return c < 0x20 ? 6 : 1;
}

static char *
put_json(char *at, unsigned char c)
{
	*at++ = '\\';
	if (json_letter(c)) {
		*at++ = json_letter(c);
		return at;
	}
	at = mempcpy(at, "u00", 3);
	*at++ = hex[c >> 4];
	*at++ = hex[c & 15];
	return at;
}

struct escape {
	size_t (*size)(unsigned char c); /* 1 = as it is; NULL = all are */
	char *(*put)(char *at, unsigned char c);
	struct span nothing; /* for a variable without a value */
};

static const struct escape escapes[] = {
	[LOG_ESCAPE_DEFAULT] = { size_default, put_default, SPAN_INIT("-") },
	[LOG_ESCAPE_JSON] = { size_json, put_json, { NULL, 0 } },
	[LOG_ESCAPE_NONE] = { NULL, NULL, { NULL, 0 } },
};

/* ---- the line --------------------------------------------------------------------------------------- */

static size_t
escaped_size(const struct escape *e, struct span s)
{
	size_t n = 0;

	if (!e->size)
		return s.n;
	for (size_t i = 0; i < s.n; i++)
		n += e->size((unsigned char)s.p[i]);
	return n;
}

static char *
put_escaped(char *at, const struct escape *e, struct span s)
{
	if (!e->size)
		return s.n > 0 ? mempcpy(at, s.p, s.n) : at;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (e->size(c) == 1)
			*at++ = s.p[i];
		else
			at = e->put(at, c);
	}
	return at;
}

struct span
access_log_line(const struct access_log *log, struct traffic *t)
{
	const struct template *format = log->format;
	const struct escape *e = &escapes[log->escape];
	struct span few[PARTS_ON_STACK], *values = few;
	size_t total = 1;
	char *line, *at;

	if (format->count > PARTS_ON_STACK)
		values = arena_array(t->arena, format->count, sizeof(*values));
	for (size_t i = 0; i < format->count; i++) {
		const struct template_part *part = &format->parts[i];

		values[i] = template_part_value(format, part, t);
		if (!values[i].p)
			values[i] = e->nothing;
		total += template_part_varies(part) ? escaped_size(e, values[i]) : values[i].n;
	}
	line = at = arena_bytes(t->arena, total);
	for (size_t i = 0; i < format->count; i++) {
		if (template_part_varies(&format->parts[i]))
			at = put_escaped(at, e, values[i]);
		else
			at = mempcpy(at, values[i].p, values[i].n);
	}
	*at++ = '\n';
	return span_of(line, (size_t)(at - line));
}

/* Nothing, and "0", are no. */
bool
access_log_wants(const struct access_log *log, struct traffic *t)
{
	struct span value;

	if (!log->condition)
		return true;
	value = template_eval(log->condition, t, t->arena);
	return value.n > 0 && !span_eq(value, SPAN("0"));
}

void
access_log_request(struct request *r)
{
	const struct location_settings *settings = r->settings;

	for (const struct access_log *l = settings ? settings->access_logs : NULL; l; l = l->next) {
		if (!access_log_wants(l, &r->traffic))
			continue;
		if (l->file)
			log_sink_add(r->generation->sinks[l->file->index],
			    access_log_line(l, &r->traffic));
		else
			named_log_write(l, r, access_log_line(l, &r->traffic));
	}
}

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

/* ---- one byte: how much longer it gets, and how it is written then -------------------------------- */

static const unsigned char extra_default[256] = {
	[0x00 ... 0x1f] = 3,
	['"'] = 3,
	['\\'] = 3,
	[0x7f ... 0xff] = 3,
};

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

static const unsigned char extra_json[256] = {
	[0x00 ... 0x07] = 5,
	['\b'] = 1,
	['\t'] = 1,
	['\n'] = 1,
	[0x0b] = 5,
	['\f'] = 1,
	['\r'] = 1,
	[0x0e ... 0x1f] = 5,
	['"'] = 1,
	['\\'] = 1,
};

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
	const unsigned char *extra; /* 0 = as it is; NULL = all are */
	char *(*put)(char *at, unsigned char c);
	struct span nothing; /* for a variable without a value */
};

static const struct escape escapes[] = {
	[LOG_ESCAPE_DEFAULT] = { extra_default, put_default, SPAN_INIT("-") },
	[LOG_ESCAPE_JSON] = { extra_json, put_json, { NULL, 0 } },
	[LOG_ESCAPE_NONE] = { NULL, NULL, { NULL, 0 } },
};

/* ---- the line --------------------------------------------------------------------------------------- */

struct piece {
	struct span value;
	size_t extra; /* that escaping adds */
};

static struct piece
piece_of(const struct template *format, const struct template_part *part, const struct escape *e,
    struct traffic *t)
{
	struct piece piece = { .value = template_part_value(format, part, t) };

	if (!piece.value.p)
		piece.value = e->nothing;
	if (!e->extra || !template_part_varies(part))
		return piece;
	for (size_t i = 0; i < piece.value.n; i++)
		piece.extra += e->extra[(unsigned char)piece.value.p[i]];
	return piece;
}

static char *
put_piece(char *at, const struct escape *e, const struct piece *piece)
{
	struct span s = piece->value;

	if (piece->extra == 0)
		return s.n > 0 ? mempcpy(at, s.p, s.n) : at;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (e->extra[c] == 0)
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
	struct piece few[PARTS_ON_STACK], *pieces = few;
	size_t total = 1;
	char *line, *at;

	if (format->count > PARTS_ON_STACK)
		pieces = arena_array(t->arena, format->count, sizeof(*pieces));
	for (size_t i = 0; i < format->count; i++) {
		pieces[i] = piece_of(format, &format->parts[i], e, t);
		total += pieces[i].value.n + pieces[i].extra;
	}
	line = at = arena_bytes(t->arena, total);
	for (size_t i = 0; i < format->count; i++)
		at = put_piece(at, e, &pieces[i]);
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

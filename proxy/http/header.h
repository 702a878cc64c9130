/* SPDX-License-Identifier: ISC */
/*
 * header: the fields of a message, in the order they came, and quick access to those the proxy acts on.
 *
 * Names keep their spelling; lookups ignore case. Spans point into the message's arena.
 */
#ifndef PROXY_HTTP_HEADER_H
#define PROXY_HTTP_HEADER_H

#include "base/arena.h"
#include "base/span.h"

#include <stdint.h>

/* Fields with a meaning for the proxy; found once, while parsing. HEADER_OTHER for all the rest. */
enum header_id {
	HEADER_OTHER = 0,
	HEADER_HOST,
	HEADER_CONNECTION,
	HEADER_CONTENT_LENGTH,
	HEADER_TRANSFER_ENCODING,
	HEADER_EXPECT,
	HEADER_UPGRADE,
	HEADER_KEEP_ALIVE,
	HEADER_PROXY_CONNECTION,
	HEADER_TE,
	HEADER_TRAILER,
	HEADER_DATE,
	HEADER_SERVER,
	HEADER_CONTENT_TYPE,
	HEADER_LOCATION,
	HEADER_REFRESH,
	HEADER_SET_COOKIE,
	HEADER_LAST_MODIFIED,
	HEADER_ETAG,
	HEADER_IF_MODIFIED_SINCE,
	HEADER_IF_UNMODIFIED_SINCE,
	HEADER_IF_MATCH,
	HEADER_IF_NONE_MATCH,
	HEADER_IF_RANGE,
	HEADER_RANGE,
	HEADER_X_FORWARDED_FOR,
	HEADER_COOKIE,
	HEADER_USER_AGENT,
	HEADER_REFERER,
	HEADER_AUTHORIZATION,
	HEADER_X_ACCEL, /* any X-Accel-* */
	HEADER_ID_COUNT
};

struct header {
	struct span name, value;
	enum header_id id;
	bool hidden; /* taken out by the proxy: not sent on */
};

struct header_list {
	struct arena *arena;
	struct header *rows;
	unsigned count, cap;
};

void header_list_init(struct header_list *l, struct arena *arena);
/* Room for one more row at least. */
void header_list_grow(struct header_list *l);

/* Values are not copied. */
static inline struct header *
header_add(struct header_list *l, enum header_id id, struct span name, struct span value)
{
	struct header *h;

	if (l->count == l->cap)
		header_list_grow(l);
	h = &l->rows[l->count++];
	*h = (struct header){ .name = name, .value = value, .id = id };
	return h;
}

/* All with this name, any case, are no longer sent on. */
void header_hide_name(struct header_list *l, struct span name);
/* First of this id (not HEADER_OTHER), hidden ones passed over; NULL if none. */
const struct header *header_find(const struct header_list *l, enum header_id id);
/* First with this name, any case, hidden ones passed over. */
const struct header *header_find_name(const struct header_list *l, struct span name);
/*
 * As a variable names it: "user_agent" matches User-Agent; several are joined with ", ", cookies
 * with "; ". Hidden ones are passed over. Empty if none.
 */
struct span header_value_for_variable(const struct header_list *l, struct span name,
    struct arena *arena);
/*
 * A value the configuration made: bytes that would end the field are percent-encoded, so that a decoded $uri cannot
 * add fields. value itself when it has none.
 */
struct span header_safe_value(struct span value, struct arena *arena);
/* name: a token (RFC 9110 5.6.2); what is none may be mistaken for one. */
enum header_id header_identify(struct span name);

/* Of HTTP/1's connections, and never of a message over HTTP/2 (RFC 9113, 8.2.2). */
static inline bool
header_is_of_connection(enum header_id id)
{
	switch (id) {
	case HEADER_CONNECTION:
	case HEADER_KEEP_ALIVE:
	case HEADER_PROXY_CONNECTION:
	case HEADER_TE:
	case HEADER_TRANSFER_ENCODING:
	case HEADER_UPGRADE:
		return true;
	default:
		return false;
	}
}
/* Does the comma-separated value list contain the token, any case? */
bool header_has_token(struct span value, struct span token);

#endif

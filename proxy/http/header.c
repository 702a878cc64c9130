/* SPDX-License-Identifier: ISC */
/*
 * header: a growing array of fields, and names recognised by one table look-up.
 *
 * Every name the proxy acts on sits in the table at the slot its length, first and last letter
 * give; a look-up is one hash and at most one comparison. Two names that meet in one slot are a
 * compile error (-Woverride-init), so the table cannot go wrong quietly when it grows.
 */
#include "proxy/http/header.h"

#include "proxy/http/http1_lex.h"

#define ROWS_FIRST 16

struct known_name {
	struct span name;
	enum header_id id;
};

#define SLOTS 64
#define SLOT(length, first, last) (((length) + (first)*15 + (last)*13) % SLOTS)
#define KNOWN(literal, first, last, id_) \
	[SLOT(sizeof(literal) - 1, first, last)] = { SPAN_INIT(literal), id_ }

/* Lower case; first and last are the literal's own, which C cannot take from it here. */
static const struct known_name known_names[SLOTS] = {
	KNOWN("host", 'h', 't', HEADER_HOST),
	KNOWN("connection", 'c', 'n', HEADER_CONNECTION),
	KNOWN("content-length", 'c', 'h', HEADER_CONTENT_LENGTH),
	KNOWN("transfer-encoding", 't', 'g', HEADER_TRANSFER_ENCODING),
	KNOWN("expect", 'e', 't', HEADER_EXPECT),
	KNOWN("upgrade", 'u', 'e', HEADER_UPGRADE),
	KNOWN("keep-alive", 'k', 'e', HEADER_KEEP_ALIVE),
	KNOWN("proxy-connection", 'p', 'n', HEADER_PROXY_CONNECTION),
	KNOWN("te", 't', 'e', HEADER_TE),
	KNOWN("trailer", 't', 'r', HEADER_TRAILER),
	KNOWN("date", 'd', 'e', HEADER_DATE),
	KNOWN("server", 's', 'r', HEADER_SERVER),
	KNOWN("content-type", 'c', 'e', HEADER_CONTENT_TYPE),
	KNOWN("location", 'l', 'n', HEADER_LOCATION),
	KNOWN("refresh", 'r', 'h', HEADER_REFRESH),
	KNOWN("set-cookie", 's', 'e', HEADER_SET_COOKIE),
	KNOWN("last-modified", 'l', 'd', HEADER_LAST_MODIFIED),
	KNOWN("etag", 'e', 'g', HEADER_ETAG),
	KNOWN("if-modified-since", 'i', 'e', HEADER_IF_MODIFIED_SINCE),
	KNOWN("if-unmodified-since", 'i', 'e', HEADER_IF_UNMODIFIED_SINCE),
	KNOWN("if-match", 'i', 'h', HEADER_IF_MATCH),
	KNOWN("if-none-match", 'i', 'h', HEADER_IF_NONE_MATCH),
	KNOWN("if-range", 'i', 'e', HEADER_IF_RANGE),
	KNOWN("range", 'r', 'e', HEADER_RANGE),
	KNOWN("x-forwarded-for", 'x', 'r', HEADER_X_FORWARDED_FOR),
	KNOWN("cookie", 'c', 'e', HEADER_COOKIE),
	KNOWN("user-agent", 'u', 't', HEADER_USER_AGENT),
	KNOWN("referer", 'r', 'r', HEADER_REFERER),
	KNOWN("authorization", 'a', 'n', HEADER_AUTHORIZATION),
};

/* known is in lower case; '-' and small letters have the bit that makes a letter small. */
static bool
is_name(const char *name, const char *known, size_t n)
{
	const uint64_t small = UINT64_C(0x2020202020202020);
	uint64_t a, b;
	size_t i;

	for (i = 0; i + 8 <= n; i += 8) {
		memcpy(&a, name + i, 8);
		memcpy(&b, known + i, 8);
		if ((a | small) != b)
			return false;
	}
	for (; i < n; i++) {
		if ((name[i] | 0x20) != known[i])
			return false;
	}
	return true;
}

enum header_id
header_identify(struct span name)
{
	static const struct span x_accel = SPAN_INIT("x-accel-");
	const struct known_name *k;

	if (name.n == 0)
		return HEADER_OTHER;
	k = &known_names[SLOT(name.n, (unsigned char)lex_lower(name.p[0]),
	    (unsigned char)lex_lower(name.p[name.n - 1]))];
	if (k->name.n == name.n && is_name(name.p, k->name.p, name.n))
		return k->id;
	if (name.n > x_accel.n && is_name(name.p, x_accel.p, x_accel.n))
		return HEADER_X_ACCEL;
	return HEADER_OTHER;
}

void
header_list_init(struct header_list *l, struct arena *arena)
{
	*l = (struct header_list){ .arena = arena };
}

/* The old rows stay behind in the arena until it ends: less than the new ones take. */
void
header_list_grow(struct header_list *l)
{
	unsigned cap = l->cap ? l->cap * 2 : ROWS_FIRST;
	struct header *rows = arena_alloc(l->arena, cap * sizeof(*rows));

	if (l->count)
		memcpy(rows, l->rows, l->count * sizeof(*rows));
	l->rows = rows;
	l->cap = cap;
}

void
header_hide_name(struct header_list *l, struct span name)
{
	for (unsigned i = 0; i < l->count; i++)
		l->rows[i].hidden |= span_eq_nocase(l->rows[i].name, name);
}

const struct header *
header_find(const struct header_list *l, enum header_id id)
{
	if (id == HEADER_OTHER)
		return NULL;
	for (unsigned i = 0; i < l->count; i++) {
		if (l->rows[i].id == id && !l->rows[i].hidden)
			return &l->rows[i];
	}
	return NULL;
}

const struct header *
header_find_name(const struct header_list *l, struct span name)
{
	for (unsigned i = 0; i < l->count; i++) {
		if (!l->rows[i].hidden && span_eq_nocase(l->rows[i].name, name))
			return &l->rows[i];
	}
	return NULL;
}

/* A variable's name is the field's in lower case with '_' for '-'. */
static bool
name_is_variable(struct span name, struct span variable)
{
	if (name.n != variable.n)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = lex_lower(name.p[i]);

		if ((c == '-' ? '_' : c) != variable.p[i])
			return false;
	}
	return true;
}

struct span
header_value_for_variable(const struct header_list *l, struct span name, struct arena *arena)
{
	const struct header *first = NULL;
	struct span separator = SPAN(", ");
	size_t total = 0;
	unsigned count = 0;
	char *out, *p;

	for (unsigned i = 0; i < l->count; i++) {
		const struct header *h = &l->rows[i];

		if (h->hidden || !name_is_variable(h->name, name))
			continue;
		if (!first)
			first = h;
		total += h->value.n;
		count++;
	}
	if (count <= 1)
		return first ? first->value : span_of(NULL, 0);

	/* RFC 6265 5.4: cookies have a separator of their own. */
	if (first->id == HEADER_COOKIE)
		separator = SPAN("; ");
	total += (count - 1) * separator.n;
	out = p = arena_bytes(arena, total);
	for (const struct header *h = first; h < l->rows + l->count; h++) {
		if (h->hidden || !name_is_variable(h->name, name))
			continue;
		if (h != first)
			p = mempcpy(p, separator.p, separator.n);
		if (h->value.n)
			p = mempcpy(p, h->value.p, h->value.n);
	}
	return span_of(out, total);
}

bool
header_has_token(struct span value, struct span token)
{
	struct span piece;

	while (span_split(&value, ',', &piece)) {
		if (span_eq_nocase(lex_trim(piece), token))
			return true;
	}
	return false;
}

struct span
header_safe_value(struct span value, struct arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t text = lex_text(value);
	char *out, *at;

	if (text == value.n)
		return value;
	out = at = arena_bytes(arena, 3 * value.n);
	for (; text < value.n; text = lex_text(value)) {
		unsigned char c = (unsigned char)value.p[text];

		at = mempcpy(at, value.p, text);
		*at++ = '%';
		*at++ = hex[c >> 4];
		*at++ = hex[c & 15];
		value = span_after(value, text + 1);
	}
	at = mempcpy(at, value.p, value.n);
	return span_of(out, (size_t)(at - out));
}

/* SPDX-License-Identifier: ISC */
/*
 * uri: host names and paths in the one form everything is compared in (RFC 3986, nginx's reading).
 *
 * A path is decoded and its dots are resolved in a single pass, as nginx does it: "%2e%2e" is a
 * dot segment and "%2f" a separator, so what a location matches is what a file system would open.
 */
#include "proxy/http/http1_internal.h"
#include "proxy/http/http1_lex.h"

#include <arpa/inet.h>

void
http1_split_target(struct span path_query, struct span *path, struct span *args, bool *has_query)
{
	size_t n = 0;
	ptrdiff_t fragment;

	while (n < path_query.n && path_query.p[n] != '?' && path_query.p[n] != '#')
		n++;
	*path = span_of(path_query.p, n);
	*args = span_of(NULL, 0);
	*has_query = n < path_query.n && path_query.p[n] == '?';
	if (!*has_query)
		return;
	*args = span_after(path_query, n + 1);
	fragment = span_find(*args, '#');
	if (fragment >= 0)
		args->n = (size_t)fragment;
}

/* Does the path hold anything that http1_normalize_path might change? */
static bool
is_plain_path(struct span raw)
{
	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];

		if (c == '%' || c == '\0')
			return false;
		if (c == '/' && i + 1 < raw.n && (raw.p[i + 1] == '/' || raw.p[i + 1] == '.'))
			return false;
	}
	return true;
}

enum segment { SEGMENT_KEPT, SEGMENT_EMPTY, SEGMENT_DROPPED, SEGMENT_ABOVE_ROOT };

/*
 * The segment from out + start to out + *n is complete; out[start - 1] is the '/' before it. A dot
 * segment is taken back, ".." with the segment before it; *n is then behind a '/' again.
 */
static enum segment
end_segment(const char *out, size_t start, size_t *n)
{
	size_t length = *n - start;

	if (length == 0)
		return SEGMENT_EMPTY;
	if (length == 1 && out[start] == '.') {
		*n = start;
		return SEGMENT_DROPPED;
	}
	if (length != 2 || out[start] != '.' || out[start + 1] != '.')
		return SEGMENT_KEPT;
	if (start == 1)
		return SEGMENT_ABOVE_ROOT;
	*n = start - 1;
	while (out[*n - 1] != '/')
		--*n;
	return SEGMENT_DROPPED;
}

/* The next byte of raw, decoded; -1 when it is a bad escape or NUL. */
static int
take_decoded(struct span raw, size_t *i)
{
	int high, low;
	char c = raw.p[(*i)++];

	if (c != '%')
		return c ? (unsigned char)c : -1;
	if (raw.n - *i < 2)
		return -1;
	high = lex_hex(raw.p[(*i)++]);
	low = lex_hex(raw.p[(*i)++]);
	if (high < 0 || low < 0 || high + low == 0)
		return -1;
	return high << 4 | low;
}

enum parse_result
http1_normalize_path(struct span raw, bool merge_slashes, struct arena *arena, struct span *path)
{
	size_t i = 1, n = 1, start = 1;
	char *out;

	if (span_eq(raw, SPAN("*"))) {
		*path = raw;
		return PARSE_OK;
	}
	if (raw.n == 0 || raw.p[0] != '/')
		return PARSE_BAD;
	if (is_plain_path(raw)) {
		*path = raw;
		return PARSE_OK;
	}
	out = arena_bytes(arena, raw.n);
	out[0] = '/';
	while (i < raw.n) {
		int c = take_decoded(raw, &i);
		enum segment segment;

		if (c < 0)
			return PARSE_BAD;
		if (c != '/') {
			out[n++] = (char)c;
			continue;
		}
		segment = end_segment(out, start, &n);
		if (segment == SEGMENT_ABOVE_ROOT)
			return PARSE_BAD;
		if (segment == SEGMENT_KEPT || (segment == SEGMENT_EMPTY && !merge_slashes))
			out[n++] = '/';
		start = n;
	}
	if (end_segment(out, start, &n) == SEGMENT_ABOVE_ROOT)
		return PARSE_BAD;
	*path = span_of(out, n);
	return PARSE_OK;
}

/* No empty label, but for the root's: one dot at the end, which is cut off. */
static int
check_labels(struct span *name)
{
	if (name->n && name->p[name->n - 1] == '.')
		name->n--;
	if (name->n == 0 || name->p[name->n - 1] == '.')
		return -1;
	for (size_t i = 0; i < name->n; i++) {
		if (name->p[i] == '.' && (i == 0 || name->p[i - 1] == '.'))
			return -1;
	}
	return 0;
}

/* "[v6]", brackets included, in front of s; 0 when there is none. */
static size_t
ip_literal(struct span s)
{
	ptrdiff_t end = span_find(s, ']');
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ignored;
	size_t n;

	if (end < 1 || (size_t)end - 1 >= sizeof(text))
		return 0;
	n = (size_t)end - 1;
	if (memchr(s.p + 1, '\0', n))
		return 0;
	memcpy(text, s.p + 1, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, &ignored) == 1 ? n + 2 : 0;
}

int
http1_split_authority(struct span s, struct span *name, struct span *port)
{
	uint64_t ignored;
	size_t n;

	if (s.n == 0)
		return -1;
	n = s.p[0] == '[' ? ip_literal(s) : lex_run(s, LEX_HOST);
	*name = span_of(s.p, n);
	*port = span_after(s, n);
	if (n == 0 || (s.p[0] != '[' && check_labels(name) < 0))
		return -1;
	if (port->n == 0)
		return 0;
	if (port->p[0] != ':')
		return -1;
	*port = span_after(*port, 1);
	return port->n == 0 ? 0 : span_to_u64(*port, 65535, &ignored);
}

int
http1_host_name(struct span host, struct arena *arena, struct span *name)
{
	struct span port;

	*name = host;
	if (host.n && http1_split_authority(host, name, &port) < 0)
		return -1;
	*name = arena_lowered(arena, *name);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * http1_head: finding the end of a head, and reading the field lines requests and responses share.
 *
 * RFC 9112 2.2 (line ends), 5 (field lines), 6 (framing), 9.3 (persistence); RFC 9110 5 (fields).
 * Where the RFCs let a recipient repair a message, this one refuses it: two readers who repair
 * differently disagree on where a message ends, and that is how requests are smuggled.
 */
#include "proxy/http/http1_internal.h"
#include "proxy/http/http1_lex.h"

/*
 * A whole first line without a version is HTTP/0.9 or not HTTP at all, and whoever sent it waits
 * for an answer now: such a head never ends.
 */
static bool
has_version(struct span line)
{
	static const struct span http = SPAN_INIT("HTTP/");

	return span_starts(line, http) ||
	       (line.n >= 9 && span_starts(span_after(line, line.n - 8), http));
}

/* line is whole. OK when it is the empty one behind the head. */
static enum parse_result
head_line(struct http1_head_scan *scan, struct span line, const char **why)
{
	if (line.n == 0)
		return scan->first_line ? PARSE_OK : PARSE_MORE;
	if (scan->first_line == 0) {
		if (!has_version(line))
			return parse_bad(why, "the first line has no HTTP version");
		scan->first_line = (uint32_t)line.n;
		return PARSE_MORE;
	}
	if (lex_is_blank(line.p[0]))
		return parse_bad(why, "a header line starts with a blank");
	return PARSE_MORE;
}

enum parse_result
http1_head_end(struct http1_head_scan *scan, struct span bytes, size_t *length, const char **why)
{
	for (;;) {
		struct span line;
		enum parse_result result;

		scan->pos += (uint32_t)lex_text(span_after(bytes, scan->pos));
		if (scan->pos == bytes.n)
			return PARSE_MORE;
		if (bytes.p[scan->pos] != '\r')
			return parse_bad(why, lex_control_reason(bytes.p[scan->pos]));
		if (scan->pos + 1 == bytes.n)
			return PARSE_MORE;
		if (bytes.p[scan->pos + 1] != '\n')
			return parse_bad(why, lex_control_reason('\r'));

		line = span_of(bytes.p + scan->line_start, scan->pos - scan->line_start);
		scan->pos += 2;
		scan->line_start = scan->pos;
		result = head_line(scan, line, why);
		if (result == PARSE_OK)
			*length = scan->pos;
		if (result != PARSE_MORE)
			return result;
	}
}

int
http1_version(struct span s, unsigned *major, unsigned *minor)
{
	if (s.n != 8 || !span_starts(s, SPAN("HTTP/")) || s.p[6] != '.')
		return -1;
	if (s.p[5] < '1' || s.p[5] > '9' || s.p[7] < '0' || s.p[7] > '9')
		return -1;
	*major = (unsigned)(s.p[5] - '0');
	*minor = (unsigned)(s.p[7] - '0');
	return 0;
}

enum field_name
http1_odd_name(struct span name, const struct http1_limits *limits, const char **why)
{
	struct lex_squeezed squeezed = { 0 };
	bool token = true, underscores_only = true;

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (lex_is_blank(c)) {
			*why = "a blank in a field name or before its colon";
			return NAME_BAD;
		}
		token &= lex_is(c, LEX_TOKEN);
		underscores_only &= lex_is(c, LEX_FIELD) || c == '_';
		lex_squeeze(&squeezed, c);
	}
	if (lex_squeezed_frames(&squeezed)) {
		*why = "an odd spelling of a framing field";
		return NAME_BAD;
	}
	if (underscores_only && limits->underscores)
		return NAME_GOOD;
	if (limits->ignore_invalid)
		return NAME_DROPPED;
	if (token)
		return NAME_GOOD;
	*why = "an invalid byte in a field name";
	return NAME_BAD;
}

/* Cut "name: value" apart. */
static enum field_name
split_field(struct span line, const struct http1_limits *limits, struct span *name,
    struct span *value, const char **why)
{
	size_t plain = lex_run(line, LEX_FIELD), n = plain;

	while (n < line.n && line.p[n] != ':')
		n++;
	if (n == line.n || n == 0) {
		*why = n ? "a header line without a colon" : "an empty field name";
		return NAME_BAD;
	}
	*name = span_of(line.p, n);
	*value = lex_trim(span_after(line, n + 1));
	return n == plain ? NAME_GOOD : http1_odd_name(*name, limits, why);
}

static void
note_connection(struct span value, struct http1_facts *facts)
{
	struct span token;

	while (span_split(&value, ',', &token)) {
		token = lex_trim(token);
		facts->close |= span_eq_nocase(token, SPAN("close"));
		facts->keep_alive |= span_eq_nocase(token, SPAN("keep-alive"));
		facts->upgrade |= span_eq_nocase(token, SPAN("upgrade"));
	}
}

static enum parse_result
note_field(enum header_id id, struct span value, struct http1_facts *facts, const char **why)
{
	switch (id) {
	case HEADER_HOST:
		if (facts->hosts++ == 0)
			facts->host = value;
		break;
	case HEADER_CONTENT_LENGTH:
		if (facts->lengths++ > 0)
			return parse_bad(why, "several Content-Length fields");
		if (span_to_u64(value, INT64_MAX, &facts->length) < 0)
			return parse_bad(why, "invalid Content-Length");
		break;
	case HEADER_TRANSFER_ENCODING:
		if (facts->codings++ > 0)
			return parse_bad(why, "several Transfer-Encoding fields");
		if (!span_eq_nocase(value, SPAN("chunked")))
			return parse_bad(why, "a Transfer-Encoding other than \"chunked\"");
		facts->chunked = true;
		break;
	case HEADER_CONNECTION:
		note_connection(value, facts);
		break;
	case HEADER_UPGRADE:
		facts->upgrade_field = true;
		break;
	case HEADER_EXPECT:
		facts->expect_continue |= span_eq_nocase(value, SPAN("100-continue"));
		break;
	default:
		break;
	}
	return PARSE_OK;
}

enum parse_result
http1_read_fields(struct span lines, const struct http1_limits *limits, struct header_list *headers,
    struct http1_facts *facts, const char **why)
{
	unsigned count = 0;

	while (lines.n) {
		struct span line, name, value;
		enum header_id id;

		if (http1_take_line(&lines, &line, why) != PARSE_OK)
			return PARSE_BAD;
		if (line.n == 0)
			return lines.n ? parse_bad(why, "bytes behind the empty line") : PARSE_OK;
		if (limits->max_headers && ++count > limits->max_headers)
			return parse_bad(why, "too many header lines");
		switch (split_field(line, limits, &name, &value, why)) {
		case NAME_BAD:
			return PARSE_BAD;
		case NAME_DROPPED:
			continue;
		case NAME_GOOD:
			break;
		}
		id = header_identify(name);
		if (note_field(id, value, facts, why) != PARSE_OK)
			return PARSE_BAD;
		if (id == HEADER_HOST && limits->behind_host)
			limits = limits->behind_host;
		header_add(headers, id, name, value);
	}
	return PARSE_OK;
}

enum parse_result
http1_decide_framing(const struct http1_facts *facts, unsigned minor, enum body_framing none,
    enum body_framing *framing, const char **why)
{
	if (facts->codings && facts->lengths)
		return parse_bad(why, "both Transfer-Encoding and Content-Length");
	if (facts->codings && minor == 0)
		return parse_bad(why, "Transfer-Encoding in an HTTP/1.0 message");
	*framing = facts->codings ? BODY_CHUNKED : facts->lengths ? BODY_LENGTH : none;
	return PARSE_OK;
}

bool
http1_persists(const struct http1_facts *facts, unsigned minor)
{
	return !facts->close && (minor > 0 || facts->keep_alive);
}

enum parse_result
http1_parse_trailer(struct span lines, struct header_list *trailer, const char **why)
{
	static const struct http1_limits limits = { .underscores = true };
	struct http1_facts facts = { 0 };

	return http1_read_fields(lines, &limits, trailer, &facts, why);
}

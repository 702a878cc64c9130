/* SPDX-License-Identifier: ISC */
/*
 * http1_response: an upstream's head: status line, framing, whether a body follows (RFC 9112 4,
 * 6.3).
 *
 * As strict as for requests: what a backend sends is shown to a client who may sit behind another
 * proxy, and a response that two readers end in different places poisons the connection.
 */
#include "proxy/http/http1_internal.h"
#include "proxy/http/http1_lex.h"

/* HTTP-version SP 3DIGIT [ SP reason ]: the second blank may be missing with an empty reason. */
static enum parse_result
parse_status_line(struct span line, struct http1_response_head *out, const char **why)
{
	unsigned major;
	uint64_t status;

	if (line.n < 12 || line.p[8] != ' ' ||
	    http1_version(span_of(line.p, 8), &major, &out->minor) < 0)
		return parse_bad(why, "invalid status line");
	if (major != 1)
		return parse_bad(why, "unsupported HTTP version");
	if (span_to_u64(span_of(line.p + 9, 3), 599, &status) < 0 || status < 100 ||
	    (line.n > 12 && line.p[12] != ' '))
		return parse_bad(why, "invalid status");
	out->status = (unsigned)status;
	out->reason = line.n > 13 ? span_after(line, 13) : span_of(NULL, 0);
	return PARSE_OK;
}

/*
 * RFC 9112 6.1, RFC 9110 8.6: 1xx and 204 have neither Transfer-Encoding nor Content-Length. A
 * harmless zero is common. Anything else may be followed by a body nobody reads: after an interim
 * response it would be taken for the final one, after 204 for the next response.
 */
static enum parse_result
check_bodiless(struct http1_response_head *out, const char **why)
{
	bool announced = out->framing == BODY_CHUNKED ||
			 (out->framing == BODY_LENGTH && out->content_length > 0);

	if (!announced)
		return PARSE_OK;
	if (out->status < 200)
		return parse_bad(why, "an interim response announces a body");
	if (out->status == 204)
		out->keep_alive = false;
	return PARSE_OK;
}

enum parse_result
http1_parse_response(struct span head, struct arena *arena, struct http1_response_head *out,
    const char **why)
{
	/* How many fields there are is bounded by the size of the buffer the head is in. */
	static const struct http1_limits limits = { .underscores = true };
	struct http1_facts facts = { 0 };
	struct span line;
	enum parse_result result;

	*out = (struct http1_response_head){ 0 };
	header_list_init(&out->headers, arena);
	if ((result = http1_take_line(&head, &line, why)) != PARSE_OK ||
	    (result = parse_status_line(line, out, why)) != PARSE_OK ||
	    (result = http1_read_fields(head, &limits, &out->headers, &facts, why)) != PARSE_OK ||
	    (result = http1_decide_framing(&facts, out->minor, BODY_UNTIL_CLOSE, &out->framing,
		 why)) != PARSE_OK)
		return result;
	out->content_length = facts.length;
	out->keep_alive = http1_persists(&facts, out->minor);
	out->upgrade = out->minor > 0 && facts.upgrade && facts.upgrade_field;
	return check_bodiless(out, why);
}

enum body_framing
http1_response_body(const struct http1_response_head *head, struct span request_method)
{
	if (span_eq(request_method, SPAN("HEAD")) || head->status < 200 || head->status == 204 ||
	    head->status == 304)
		return BODY_NONE;
	if (head->status < 300 && span_eq(request_method, SPAN("CONNECT")))
		return BODY_NONE;
	return head->framing;
}

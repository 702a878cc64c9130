/* SPDX-License-Identifier: ISC */
/*
 * error_page: one row per code.
 *
 * The status line and the page's title differ in three of nginx's rows (302, 401, 494 to 497); byte
 * equality wants both kept.
 */
#include "proxy/http/error_page.h"

#define NONE            \
	{               \
		NULL, 0 \
	}

struct status_row {
	unsigned status;
	struct span reason; /* of the status line */
	struct span title;  /* of the page, with the code; none = no page */
	struct span detail; /* a line of its own below the heading, which is then the reason */
};

/* Ordered by status. */
static const struct status_row rows[] = {
	{ 100, SPAN_INIT("Continue"), NONE, NONE },
	{ 101, SPAN_INIT("Switching Protocols"), NONE, NONE },
	{ 103, SPAN_INIT("Early Hints"), NONE, NONE },
	{ 200, SPAN_INIT("OK"), NONE, NONE },
	{ 201, SPAN_INIT("Created"), NONE, NONE },
	{ 202, SPAN_INIT("Accepted"), NONE, NONE },
	{ 204, SPAN_INIT("No Content"), NONE, NONE },
	{ 206, SPAN_INIT("Partial Content"), NONE, NONE },
	{ 301, SPAN_INIT("Moved Permanently"), SPAN_INIT("301 Moved Permanently"), NONE },
	{ 302, SPAN_INIT("Moved Temporarily"), SPAN_INIT("302 Found"), NONE },
	{ 303, SPAN_INIT("See Other"), SPAN_INIT("303 See Other"), NONE },
	{ 304, SPAN_INIT("Not Modified"), NONE, NONE },
	{ 307, SPAN_INIT("Temporary Redirect"), SPAN_INIT("307 Temporary Redirect"), NONE },
	{ 308, SPAN_INIT("Permanent Redirect"), SPAN_INIT("308 Permanent Redirect"), NONE },
	{ 400, SPAN_INIT("Bad Request"), SPAN_INIT("400 Bad Request"), NONE },
	{ 401, SPAN_INIT("Unauthorized"), SPAN_INIT("401 Authorization Required"), NONE },
	{ 402, SPAN_INIT("Payment Required"), SPAN_INIT("402 Payment Required"), NONE },
	{ 403, SPAN_INIT("Forbidden"), SPAN_INIT("403 Forbidden"), NONE },
	{ 404, SPAN_INIT("Not Found"), SPAN_INIT("404 Not Found"), NONE },
	{ 405, SPAN_INIT("Not Allowed"), SPAN_INIT("405 Not Allowed"), NONE },
	{ 406, SPAN_INIT("Not Acceptable"), SPAN_INIT("406 Not Acceptable"), NONE },
	{ 408, SPAN_INIT("Request Time-out"), SPAN_INIT("408 Request Time-out"), NONE },
	{ 409, SPAN_INIT("Conflict"), SPAN_INIT("409 Conflict"), NONE },
	{ 410, SPAN_INIT("Gone"), SPAN_INIT("410 Gone"), NONE },
	{ 411, SPAN_INIT("Length Required"), SPAN_INIT("411 Length Required"), NONE },
	{ 412, SPAN_INIT("Precondition Failed"), SPAN_INIT("412 Precondition Failed"), NONE },
	{ 413, SPAN_INIT("Request Entity Too Large"), SPAN_INIT("413 Request Entity Too Large"),
	    NONE },
	{ 414, SPAN_INIT("Request-URI Too Large"), SPAN_INIT("414 Request-URI Too Large"), NONE },
	{ 415, SPAN_INIT("Unsupported Media Type"), SPAN_INIT("415 Unsupported Media Type"), NONE },
	{ 416, SPAN_INIT("Requested Range Not Satisfiable"),
	    SPAN_INIT("416 Requested Range Not Satisfiable"), NONE },
	{ 421, SPAN_INIT("Misdirected Request"), SPAN_INIT("421 Misdirected Request"), NONE },
	{ 429, SPAN_INIT("Too Many Requests"), SPAN_INIT("429 Too Many Requests"), NONE },
	{ STATUS_HEADER_TOO_LARGE, SPAN_INIT("Bad Request"),
	    SPAN_INIT("400 Request Header Or Cookie Too Large"),
	    SPAN_INIT("Request Header Or Cookie Too Large") },
	{ STATUS_CERTIFICATE_ERROR, SPAN_INIT("Bad Request"),
	    SPAN_INIT("400 The SSL certificate error"), SPAN_INIT("The SSL certificate error") },
	{ STATUS_NO_CERTIFICATE, SPAN_INIT("Bad Request"),
	    SPAN_INIT("400 No required SSL certificate was sent"),
	    SPAN_INIT("No required SSL certificate was sent") },
	{ STATUS_PLAIN_TO_TLS, SPAN_INIT("Bad Request"),
	    SPAN_INIT("400 The plain HTTP request was sent to HTTPS port"),
	    SPAN_INIT("The plain HTTP request was sent to HTTPS port") },
	{ 500, SPAN_INIT("Internal Server Error"), SPAN_INIT("500 Internal Server Error"), NONE },
	{ 501, SPAN_INIT("Not Implemented"), SPAN_INIT("501 Not Implemented"), NONE },
	{ 502, SPAN_INIT("Bad Gateway"), SPAN_INIT("502 Bad Gateway"), NONE },
	{ 503, SPAN_INIT("Service Temporarily Unavailable"),
	    SPAN_INIT("503 Service Temporarily Unavailable"), NONE },
	{ 504, SPAN_INIT("Gateway Time-out"), SPAN_INIT("504 Gateway Time-out"), NONE },
	{ 505, SPAN_INIT("HTTP Version Not Supported"), SPAN_INIT("505 HTTP Version Not Supported"),
	    NONE },
	{ 507, SPAN_INIT("Insufficient Storage"), SPAN_INIT("507 Insufficient Storage"), NONE },
};

static const struct status_row *
find_row(unsigned status)
{
	size_t low = 0, high = sizeof(rows) / sizeof(rows[0]);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (rows[middle].status == status)
			return &rows[middle];
		if (rows[middle].status < status)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

unsigned
error_page_wire_status(unsigned status)
{
	return status >= STATUS_HEADER_TOO_LARGE && status <= STATUS_PLAIN_TO_TLS ? 400 : status;
}

struct span
error_page_reason(unsigned status)
{
	const struct status_row *row = find_row(status);

	return row ? row->reason : span_of(NULL, 0);
}

struct span
error_page_signature(bool tokens)
{
	return tokens ? SPAN("tinyproxyd/" GATEHOUSE_VERSION) : SPAN("tinyproxyd");
}

struct span
error_page_body(unsigned status, bool tokens, struct arena *arena)
{
	const struct status_row *row = find_row(status);

	if (!row || row->title.n == 0)
		return span_of(NULL, 0);

	bool own_detail = row->detail.n > 0;
	const struct span parts[] = {
		SPAN_INIT("<html>\r\n<head><title>"),
		row->title,
		SPAN_INIT("</title></head>\r\n<body>\r\n<center><h1>"),
		own_detail ? SPAN("400 Bad Request") : row->title,
		own_detail ? SPAN("</h1></center>\r\n<center>") : SPAN("</h1></center>\r\n"),
		row->detail,
		own_detail ? SPAN("</center>\r\n<hr><center>") : SPAN("<hr><center>"),
		error_page_signature(tokens),
		SPAN_INIT("</center>\r\n</body>\r\n</html>\r\n"),
	};

	return arena_concat(arena, parts, sizeof(parts) / sizeof(parts[0]));
}

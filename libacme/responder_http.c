/* SPDX-License-Identifier: ISC */
/*
 * responder_http: as much of HTTP/1 as http-01 needs (RFC 8555 8.3): one GET per connection, answered and closed.
 */
#include "base/buf.h"
#include "libacme/challenge.h"
#include "libacme/responder_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD_MAX 4096
#define PREFIX "/.well-known/acme-challenge/"

struct http_conn {
	struct listener_conn conn;
	char head[HEAD_MAX];
	size_t len;
};

struct span
responder_http_path(struct span head)
{
	struct span line, method, target;
	ptrdiff_t at;

	if (!span_split(&head, '\n', &line) || !span_split(&line, ' ', &method) ||
	    !span_split(&line, ' ', &target) || !span_eq(method, SPAN("GET")) ||
	    !span_starts(line, SPAN("HTTP/1.")))
		return span_of(NULL, 0);
	if (span_starts(target, SPAN("http://"))) {
		target = span_after(target, 7);
		at = span_find(target, '/');
		target = at < 0 ? span_of(NULL, 0) : span_after(target, (size_t)at);
	}
	return span_starts(target, SPAN("/")) ? target : span_of(NULL, 0);
}

static const struct shown *
find(const struct responder *r, struct span path)
{
	if (!span_starts(path, SPAN(PREFIX)))
		return NULL;
	return responder_find(r, span_after(path, sizeof(PREFIX) - 1));
}

static void
answer(const struct http_conn *c, const struct responder *r)
{
	const struct shown *shown = find(r, responder_http_path(span_of(c->head, c->len)));
	const char *body = shown ? shown->key_auth : "not found\n";
	struct buf out;

	buf_init(&out, HEAD_MAX);
	buf_printf(&out,
	    "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n"
	    "%s",
	    shown ? "200 OK" : "404 Not Found", shown ? "application/octet-stream" : "text/plain",
	    strlen(body), body);
	/* It fits into a socket that nothing was written to yet. */
	if (send(c->conn.watch.fd, out.p, out.len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		shutdown(c->conn.watch.fd, SHUT_WR);
	buf_release(&out);
}

static bool
is_whole(const struct http_conn *c)
{
	return memmem(c->head, c->len, "\r\n\r\n", 4) || memmem(c->head, c->len, "\n\n", 2);
}

static void
ready(struct listener_conn *conn, void *responder, short revents)
{
	struct http_conn *c = (struct http_conn *)conn;
	ssize_t n = recv(conn->watch.fd, c->head + c->len, sizeof(c->head) - c->len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		c->len += (size_t)n;
		if (!is_whole(c) && c->len < sizeof(c->head))
			return;
		answer(c, responder);
	}
	listener_drop(conn);
}

const struct responder_protocol responder_http = {
	.conn_size = sizeof(struct http_conn),
	.ready = ready,
};

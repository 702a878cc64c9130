/* SPDX-License-Identifier: ISC */
/*
 * h2_conn: HTTP/2 on a client connection (RFC 9113), over nghttp2: many requests at once, each a stream.
 *
 *	bytes -> nghttp2 -> HEADERS: request -> router -> handler               (h2_conn.c, h2_frame.c, h2_request.c)
 *	                    DATA: the stream's input queue, pulled by the handler (h2_stream.c)
 *	handler -> head, body into the stream's output queue -> at the end of the turn: frames (h2_writer.c, h2_conn.c)
 *
 * The request and its handler see nothing of it: the same struct codec as HTTP/1. What a stream holds is bounded both
 * ways: input by the window the client was given, which opens as the handler takes bytes, output by a limit at which the handler
 * has to wait. What a client may cost beyond requests is in h2_guard.h.
 */
#ifndef PROXY_HTTP_H2_CONN_H
#define PROXY_HTTP_H2_CONN_H

#include "proxy/http/http1_parse.h"

struct client_conn;
struct wire;

/* Does a connection begin with the client's preface (RFC 9113, 3.4)? MORE: what is there does, so far. */
enum parse_result h2_preface(struct span bytes);
/* Speak HTTP/2 from now on; first: what was read already, the preface included. May close the connection. */
void h2_start(struct client_conn *cc, struct span first);
/* The connection's end: of memory, and of the requests under way. */
extern const struct wire h2_wire;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * client_conn: a client's connection from accept to close.
 *
 *	accept -> [TLS handshake: server by SNI, certificate, ALPN] -> codec (http1 or h2)
 *
 * Owns the transport and what is known of the client; the codec's state is embedded.
 */
#ifndef PROXY_HTTP_CLIENT_CONN_H
#define PROXY_HTTP_CLIENT_CONN_H

#include "proxy/http/http1_conn.h"
#include "proxy/http/request.h"
#include "proxy/net/conn.h"

struct accepted; /* worker/arrival.h */
struct h2;       /* h2_session.h */
struct listen_slot;

/* A wire version, as its connection sees it. */
struct wire {
	void (*readable)(struct client_conn *cc);
	void (*writable)(struct client_conn *cc);
	/* The connection's timer. */
	void (*expired)(struct client_conn *cc);
	/* Let go of everything: the connection is closing. Ends the requests under way (status 499 if unanswered). */
	void (*release)(struct client_conn *cc);
	/* Nothing under way: waiting between requests, or for the first? */
	bool (*idle)(const struct client_conn *cc);
	/* Take no more requests; close once nothing is under way. */
	void (*retire)(struct client_conn *cc);
	/* The requests under way: the first, or the one after; NULL behind the last. */
	struct request *(*next_request)(const struct client_conn *cc, const struct request *after);
	/* End r, which is under way, unanswered or cut. why: static text. */
	void (*cut)(struct client_conn *cc, struct request *r, const char *why);
	/* " while ..." for the error log */
	const char *(*doing)(const struct client_conn *cc);
};

struct client_conn {
	struct conn conn;
	const struct wire *wire;
	struct client client;
	struct timer timer; /* what we wait for from it: handshake, head, body, next request, end */
	struct timer send_timer; /* that it takes what we have for it */
	int64_t send_timeout_ms;
	uint64_t sent_before; /* when send_timer was set */
	/* By SNI, in the generation with this number; NULL = not looked for. */
	const struct server *named;
	uint64_t named_in;
	struct client_conn *next, **prev; /* in worker->clients */
	struct http1 http1;
	struct h2 *h2; /* while it is HTTP/2 */
};

/* What an idle connection costs, the allocator's own bytes and OpenSSL's aside. */
_Static_assert(sizeof(struct client_conn) <= 552, "an idle connection costs more than 552 bytes");

/* Start serving an accepted socket. */
void client_conn_accept_take(struct listen_slot *slot, const struct accepted *a);
struct client_conn *client_conn_of(struct client *client);
/* Info line with the client's address, then close. why: static text; NULL = silently. */
void client_conn_close(struct client_conn *cc, const char *why);
/* tcp_nodelay. */
void client_conn_set_nodelay(struct client_conn *cc, bool on);
/* Close, by a reset where reset_timedout_connection says so. */
void client_conn_time_out(struct client_conn *cc, const char *why);
/* Info line with the client's address. */
void client_conn_log(const struct client_conn *cc, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Output waits: close unless some of it is taken each timeout_ms. The codec clears send_timer when it has drained. */
void client_conn_wait_drain(struct client_conn *cc, int64_t timeout_ms);
/* May it speak HTTP/2? */
bool client_conn_allows_h2(const struct client_conn *cc);
/* Is a request of g under way, or of any other generation than g? */
bool client_conn_serves(const struct client_conn *cc, const struct generation *g);
bool client_conn_serves_other(const struct client_conn *cc, const struct generation *g);
/* The endpoint's. */
const struct server *client_conn_default_server(const struct client_conn *cc);
/* Whose settings hold before a request has named its server: the one that SNI names, else the endpoint's default. */
const struct server *client_conn_first_server(struct client_conn *cc);
/* Close what is still served from g. why: as for client_conn_close. */
void client_conns_close_of(struct worker *w, const struct generation *g, const char *why);
/* No more requests on connections: all, or those of slots that are gone. What is idle closes. */
void client_conns_retire(struct worker *w, bool only_gone);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * http1_close: how a connection ends.
 *
 *	CLOSING (what is queued goes out, then the end of stream) -> LINGERING (what still comes is dropped) -> closed
 */
#include "proxy/http/client_conn.h"
#include "proxy/worker/worker_state.h"

/* Reads of bytes to drop in one go, so that a fast sender does not hold up all others. */
#define DROPS_AT_ONCE 4

static struct loop *
loop_of(const struct client_conn *cc)
{
	return cc->client.worker->loop;
}

void
http1_remember(struct client_conn *cc, const struct location_settings *settings)
{
	struct http1 *h = &cc->http1;

	h->send_timeout_ms = settings->send_timeout_ms;
	h->keepalive_timeout_ms = settings->keepalive_timeout_ms;
	h->lingering_close = settings->lingering_close;
	h->lingering_time_ms = settings->lingering_time_ms;
	h->lingering_timeout_ms = settings->lingering_timeout_ms;
	h->reset_timedout = settings->reset_timedout_connection;
}

void
http1_start_closing(struct client_conn *cc, bool linger)
{
	struct http1 *h = &cc->http1;

	/* Between requests nobody is owed a wait. */
	if (h->state == HTTP1_WAIT && h->lingering_close == LINGERING_ALWAYS)
		h->lingering_close = LINGERING_ON;
	h->state = HTTP1_CLOSING;
	h->linger = linger;
	bufpool_return(cc->client.worker->pool, h->in);
	h->in = NULL;
	timer_clear(&cc->timer);
	conn_shutdown_write(&cc->conn);
	conn_want_drain(&cc->conn);
	client_conn_wait_drain(cc, h->send_timeout_ms);
}

void
http1_linger(struct client_conn *cc)
{
	struct http1 *h = &cc->http1;
	bool more = h->linger || conn_may_read(&cc->conn);

	if (h->lingering_close == LINGERING_OFF || (h->lingering_close == LINGERING_ON && !more)) {
		client_conn_close(cc, NULL);
		return;
	}
	h->state = HTTP1_LINGERING;
	h->linger_until_ms = loop_now_ms(loop_of(cc)) + h->lingering_time_ms;
	http1_discard(cc);
}

void
http1_discard(struct client_conn *cc)
{
	const struct http1 *h = &cc->http1;
	char sink[BUFPOOL_LARGE];
	ssize_t n = CONN_AGAIN;
	int64_t left_ms;

	for (int i = 0; i < DROPS_AT_ONCE && conn_may_read(&cc->conn); i++) {
		n = conn_read(&cc->conn, sink, sizeof(sink));
		if (n <= 0)
			break;
	}
	left_ms = h->linger_until_ms - loop_now_ms(loop_of(cc));
	if (n == CONN_EOF || left_ms <= 0) {
		client_conn_close(cc, NULL);
	} else if (n != CONN_ERROR) {
		timer_set(loop_of(cc), &cc->timer,
		    left_ms < h->lingering_timeout_ms ? left_ms : h->lingering_timeout_ms);
		if (conn_may_read(&cc->conn))
			loop_defer(loop_of(cc), &cc->http1.input_news);
	}
}

/* SPDX-License-Identifier: ISC */
/*
 * h2_session: the inside of HTTP/2, for the files h2_*.c alone.
 *
 * nghttp2's calls never nest: frames are taken in by h2_conn.c when bytes have come, and made there at the end of the turn; handlers
 * run inside the first and outside of the second. So a stream, which ends when nghttp2 says so, never does under a handler's feet.
 */
#ifndef PROXY_HTTP_H2_SESSION_H
#define PROXY_HTTP_H2_SESSION_H

#include "proxy/http/client_conn.h"
#include "proxy/http/h2_guard.h"
#include "proxy/http/h2_request.h"
#include "proxy/worker/worker_state.h"

#include <nghttp2/nghttp2.h>

/* OPEN -> LEAVING (GOAWAY "no more soon", a PING's way) -> LEFT (GOAWAY with the last stream) -> closed when none is open. */
enum h2_phase { H2_OPEN, H2_LEAVING, H2_LEFT, H2_BROKEN };

struct h2 {
	struct client_conn *cc;
	nghttp2_session *session;
	enum h2_phase phase;
	struct h2_stream *streams; /* open */
	unsigned stream_count;
	struct h2_stream *heads, **heads_tail; /* responses to hand to nghttp2 */
	struct h2_stream *roomy;               /* whose handlers may send again */
	struct h2_stream *heading;             /* whose header block is being read */
	struct deferred output, input;
	size_t round_end;      /* output in the connection that ends this round */
	struct timer farewell; /* while LEAVING */
	struct h2_guard guard;
	struct h2_limits limits;
	size_t header_list_max; /* decoded; beyond it is an attack */
	uint64_t frame_data;    /* body bytes in the DATA frame being read */
	bool reset_any;         /* RST_STREAM was sent, or is about to be */
	uint64_t data_told;     /* payload of DATA frames that nghttp2 has told of, and */
	uint64_t data_counted;  /* of all by the connection's window, a frame's as it comes */
	uint64_t data_sent;     /* on all streams */
	unsigned body_window;   /* a stream's, to begin with */
};

/* Output in the connection before no more frames are made. */
#define H2_QUEUE_MAX 65536
/* RFC 9113, 4.1 */
#define H2_FRAME_HEAD 9

/* A queue of bytes in borrowed chunks. */
struct h2_queue {
	struct chunk *first, *last;
	size_t bytes;
};

struct h2_stream {
	struct request request;
	struct h2 *h2;
	int32_t id;
	struct h2_stream *next, **prev; /* in h2->streams */
	struct h2_stream *next_head, *next_roomy;
	struct h2_fields *fields; /* while a header block is read */

	/* Request's body */
	struct h2_queue in;
	uint64_t received; /* of it, consumed or not */
	struct timer body_timer;
	struct deferred news; /* the body failed */
	unsigned body_status; /* what to answer then */
	bool body_end, body_failed, body_wanted, want_continue;

	/* Extended CONNECT (RFC 8441) */
	bool extended; /* that is what it is; bytes are for the tunnel alone */
	bool tunnel;   /* it was granted: raw bytes both ways */
	bool eof;      /* of the upstream's bytes */
	bool closed;   /* both ways have ended on the wire; the handler is not through yet */

	/* Response */
	struct h2_queue out;
	int64_t out_left; /* of Content-Length; -1 = not counted */
	struct timer send_timer;
	uint64_t sent_before; /* on the whole connection, when send_timer was set */
	bool started;         /* the request was routed: a handler has it */
	bool head_queued, submitted, deferred, want_room, in_roomy;
	bool ended;     /* the handler has said all */
	bool cut;       /* or will never: a reset follows what there is */
	bool aborted;   /* nobody wants any of it any more */
	bool own_reset; /* RST_STREAM is our wish, not the client's doing */
};

/* h2_conn.c */
/* Make frames at the end of the turn. */
void h2_want_output(struct h2 *h);
/* End the connection, after a GOAWAY with ENHANCE_YOUR_CALM. why: static text, for the log. */
void h2_condemn(struct h2 *h, const char *why);
/* End it with a GOAWAY of this code. */
void h2_break_off(struct h2 *h, uint32_t code, const char *why);
/* h2_condemn, unless why is NULL. */
void h2_condemn_if(struct h2 *h, const char *why);
/*
 * Take no more requests. Those on their way now will be answered: the last one is named when the client has heard of
 * it.
 */
void h2_leave(struct h2 *h);
/* It has heard of it: name the last one. */
void h2_leave_for_good(struct h2 *h);
/* End the stream; own: not for anything the client did. */
void h2_reset(struct h2_stream *s, uint32_t code, bool own);
static inline struct loop *
h2_loop(const struct h2 *h)
{
	return h->cc->client.worker->loop;
}

static inline int64_t
h2_now_ms(const struct h2 *h)
{
	return loop_now_ms(h2_loop(h));
}

/* h2_frame.c */
const nghttp2_session_callbacks *h2_callbacks(void);

/* h2_stream.c */
extern const struct codec h2_codec;
struct h2_stream *h2_stream_new(struct h2 *h, int32_t id);
/* It is over, answered or not. */
void h2_stream_free(struct h2_stream *s);
/* The same while the connection goes on. */
void h2_stream_over(struct h2_stream *s);
static inline struct h2_stream *
h2_stream_of(struct request *r)
{
	return (struct h2_stream *)r;
}
/* What its codec does beside bodies. */
size_t h2_send_body(struct request *r, struct span bytes);
void h2_send_end(struct request *r);
void h2_abort(struct request *r, const char *reason);
/* Frames for it may be due. */
void h2_stream_go_on(struct h2_stream *s);
/* Hand the head over at the end of the turn. */
void h2_stream_queue_head(struct h2_stream *s);
/* The request's body goes on, or is over. False: the client sends another length than it said. */
bool h2_stream_take_body(struct h2_stream *s, struct span bytes);
bool h2_stream_take_end(struct h2_stream *s);
/* Its output is out as far as there is any: reset it. */
void h2_stream_cut(struct h2_stream *s);
/* So much of its output is in a frame now. */
void h2_stream_sent(struct h2_stream *s, size_t n);
/* Its head was refused: an error page. */
void h2_stream_refuse(struct h2_stream *s, unsigned status, const char *why);

/* h2_tunnel.c */
/* The request asks for an upgrade: what HTTP/1.1 needs besides. */
void h2_tunnel_prepare(struct h2_stream *s);
void h2_begin_tunnel(struct request *r);
/* Its answer is no tunnel: a success would be taken for one. */
void h2_tunnel_denied(struct h2_stream *s);

/* h2_writer.c */
/* Hand the head to nghttp2. */
void h2_submit_head(struct h2_stream *s);
void h2_send_interim(struct request *r, unsigned status, const struct header_list *fields);
/* nghttp2's: how much of the body the next frame takes, and the frame itself. */
ssize_t h2_read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
    uint32_t *flags, nghttp2_data_source *source, void *user);
int h2_write_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd,
    size_t length, nghttp2_data_source *source, void *user);

/* Queues */
void h2_queue_add(struct h2_queue *q, struct bufpool *pool, struct span bytes);
/* The first run of bytes. */
struct span h2_queue_peek(const struct h2_queue *q);
void h2_queue_consume(struct h2_queue *q, struct bufpool *pool, size_t n);
void h2_queue_clear(struct h2_queue *q, struct bufpool *pool);

#endif

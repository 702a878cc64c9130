/* SPDX-License-Identifier: ISC */
/*
 * record_layer: an accepted TLS 1.3 connection from the end of its handshake on: application data, alerts, KeyUpdate
 * (RFC 8446, 4.6.3, 5 and 6). OpenSSL makes the handshake and the algorithms; this takes its place in between, where a
 * proxy spends its time: several records leave by one send(2), and a connection that is idle holds no buffers.
 *
 * Owned by the connection (c->records). Bytes that have come but are not opened are in c->sealed_in; records that are
 * made but not sent count as queued (c->out_bytes).
 */
#ifndef PROXY_TLS_RECORD_LAYER_H
#define PROXY_TLS_RECORD_LAYER_H

#include "proxy/net/conn.h"

struct record_suite;

/* What the handshake has agreed on. */
struct record_start {
	const struct record_suite *suite;
	const unsigned char *secret_in, *secret_out; /* application traffic secrets, the first */
	uint64_t records_out;                        /* sent with secret_out so far: tickets */
	size_t text_max; /* bytes in a record sent, at most RECORD_TEXT_MAX */
};

/* False: OpenSSL failed, and c is as it was. */
bool record_layer_begin(struct conn *c, const struct record_start *start)
    __attribute__((warn_unused_result));
/* Has the peer said that nothing more comes, or hung up? */
bool record_layer_has_ended(const struct record_layer *l);
/* As conn_read. */
ssize_t record_layer_read(struct conn *c, char *p, size_t n);
/* > 0 bytes taken: sent, or made into records and kept; CONN_AGAIN, CONN_ERROR. flags: of send(2). */
ssize_t record_layer_write(struct conn *c, const char *p, size_t n, int flags);
/* What is made goes out: 1 all of it, CONN_AGAIN, CONN_ERROR. */
int record_layer_push(struct conn *c, int flags);
/* Bytes of records that are made and not sent. */
size_t record_layer_kept(const struct record_layer *l);
/* close_notify: as record_layer_push. */
int record_layer_shutdown(struct conn *c, int flags);
/* Takes NULL. */
void record_layer_free(struct record_layer *l, struct bufpool *pool);

#endif

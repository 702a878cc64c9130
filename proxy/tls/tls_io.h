/* SPDX-License-Identifier: ISC */
/*
 * tls_io: the only caller of SSL_read, SSL_write, SSL_do_handshake and SSL_shutdown.
 *
 * Works on a struct conn that is TLS; where records have taken over from OpenSSL (record_layer.h), they serve. Beneath
 * OpenSSL lies our own BIO over the connection's socket: it knows from the loop when the kernel has nothing more to give
 * and saves the system call. The error queue is empty before and after each call.
 */
#ifndef PROXY_TLS_TLS_IO_H
#define PROXY_TLS_TLS_IO_H

#include "proxy/net/conn.h"

/* Put our BIO under c->ssl. */
void tls_io_attach(struct conn *c);
/* Is there something to read of which no event tells? Sets c->tls_pending. */
void tls_io_note_pending(struct conn *c);
/* The one whose ssl was attached. */
struct conn *tls_io_conn(const SSL *ssl);
/*
 * 1 done, or (early_data) far enough for data to come: reads and writes carry it to its end. CONN_AGAIN, CONN_ERROR (c->reason is set), CONN_PLAIN: (accept_plain) the peer began with a letter, which TLS
 * never does; its bytes are in c->unread.
 */
#define CONN_PLAIN (-3)
int tls_io_handshake(struct conn *c);
/* As conn_read. */
ssize_t tls_io_read(struct conn *c, void *p, size_t n);
/*
 * > 0 bytes taken, CONN_AGAIN, CONN_ERROR. From OpenSSL at most a record's worth each, and after CONN_AGAIN the same bytes
 * must be offered again. flags: MSG_MORE, or 0.
 */
ssize_t tls_io_write(struct conn *c, const void *p, size_t n, int flags);
/* Send close_notify: 1 sent (or pointless), CONN_AGAIN. flags: as for tls_io_write. */
int tls_io_shutdown(struct conn *c, int flags);

/*
 * Had n bytes better stay where they are? A record that finds no room is kept twice, as it was and encrypted: 35 kB for a
 * client that takes nothing. True: on_writable follows when there is room. Few bytes are not worth asking: false.
 */
bool tls_io_is_full(struct conn *c, size_t n);

#endif

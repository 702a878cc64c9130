/* SPDX-License-Identifier: ISC */
/* record_layer: see record_layer.h. */
#include "proxy/tls/record_layer.h"

#include "base/mem.h"
#include "proxy/net/conn_socket.h"
#include "proxy/tls/record.h"
#include "proxy/tls/tls_io.h"
#include "proxy/tls/tls_reason.h"

#include <openssl/ssl.h>
#include <openssl/tls1.h>

#include <string.h>
#include <sys/socket.h>

/* Records that carry no data, in a row. */
#define IDLE_RECORDS_MAX 32
#define KEY_UPDATE 24 /* a handshake message's type */
#define KEY_UPDATE_BYTES 5
#define ALERT_WARNING 1
#define ALERT_FATAL 2

struct record_layer {
	struct record_keys in, out;
	struct chunk *sealed; /* made, not sent; NULL = nothing */
	unsigned text_max;
	unsigned idle_records;
	char update[KEY_UPDATE_BYTES]; /* the part of a KeyUpdate that has come */
	uint8_t update_n;
	bool owes_update; /* the peer has asked for our next keys */
	bool got_end, said_end;
};

/*
 * Of the process, which serves one connection at a time: what is received to be opened, and what is sealed to be sent. What
 * is left over moves to the connection.
 */
#define BOX (BUFPOOL_BULK + (BUFPOOL_BULK / RECORD_TEXT_MAX + 1) * RECORD_ADDED + KEY_UPDATE_BYTES)
static char inbox[BOX], outbox[BOX];

bool
record_layer_begin(struct conn *c, const struct record_start *start)
{
	struct record_layer *l = mem_zalloc(sizeof(*l));

	if (!record_keys_set(&l->in, start->suite, start->secret_in) ||
	    !record_keys_set(&l->out, start->suite, start->secret_out)) {
		record_layer_free(l, c->pool);
		return false;
	}
	l->out.sequence = start->records_out;
	l->text_max = (unsigned)start->text_max;
	c->records = l;
	return true;
}

void
record_layer_free(struct record_layer *l, struct bufpool *pool)
{
	if (!l)
		return;
	bufpool_return(pool, l->sealed);
	record_keys_wipe(&l->in);
	record_keys_wipe(&l->out);
	mem_wipe_free(l, sizeof(*l));
}

/* ---- sending ---------------------------------------------------------------------------------------------- */

static int
fail(struct conn *c, const char *reason)
{
	c->failed = 1;
	c->reason = reason;
	return CONN_ERROR;
}

/* The socket failed, not TLS: records that have arrived are as good as they were. CONN_ERROR. */
static int
send_failed(struct conn *c)
{
	c->reason = "peer reset the connection";
	if (c->read_after_write_error)
		c->write_failed = 1;
	else
		c->failed = 1;
	return CONN_ERROR;
}

/* To be sent when there is room, behind what waits already. */
static void
keep(struct conn *c, struct span bytes)
{
	struct record_layer *l = c->records;
	struct chunk *old = l->sealed;
	size_t before = record_layer_kept(l);

	if (!old || chunk_room(old) < bytes.n) {
		l->sealed = bufpool_borrow_exact(c->pool, before + bytes.n);
		if (old) {
			memcpy(l->sealed->data, old->data + old->start, before);
			l->sealed->end = (unsigned)before;
			bufpool_return(c->pool, old);
		}
	}
	memcpy(l->sealed->data + l->sealed->end, bytes.p, bytes.n);
	l->sealed->end += (unsigned)bytes.n;
	c->out_bytes += bytes.n;
}

size_t
record_layer_kept(const struct record_layer *l)
{
	return l->sealed ? chunk_filled(l->sealed) : 0;
}

int
record_layer_push(struct conn *c, int flags)
{
	struct record_layer *l = c->records;
	struct chunk *k = l->sealed;
	ssize_t sent;

	if (!k)
		return 1;
	sent = conn_socket_send(c, k->data + k->start, chunk_filled(k), flags);
	if (sent == CONN_ERROR)
		return send_failed(c);
	if (sent > 0) {
		k->start += (unsigned)sent;
		c->out_bytes -= (size_t)sent;
	}
	if (chunk_filled(k) > 0)
		return CONN_AGAIN;
	bufpool_return(c->pool, k);
	l->sealed = NULL;
	return 1;
}

/* Nothing waits. What the socket does not take of it is kept. False: the socket has failed. */
static bool
send_records(struct conn *c, struct span records, int flags)
{
	ssize_t sent = conn_socket_send(c, records.p, records.n, flags);

	if (sent == CONN_ERROR)
		return false;
	if (sent < 0)
		sent = 0;
	if ((size_t)sent < records.n)
		keep(c, span_after(records, (size_t)sent));
	return true;
}

/* A KeyUpdate that asks for none, then the next keys (4.6.3). Bytes in out; 0: OpenSSL failed. */
static size_t
seal_key_update(struct record_layer *l, char *out)
{
	static const char message[KEY_UPDATE_BYTES] = { KEY_UPDATE, 0, 0, 1, 0 };

	l->owes_update = false;
	if (!record_seal(&l->out, RECORD_HANDSHAKE, span_of(message, sizeof(message)), out) ||
	    !record_keys_update(&l->out))
		return 0;
	return sizeof(message) + RECORD_ADDED;
}

/* Into outbox: as many records as n bytes take. Bytes made; 0: OpenSSL failed. */
static size_t
seal_data(struct record_layer *l, const char *p, size_t n)
{
	size_t made = 0;

	if (l->owes_update || record_keys_are_worn(&l->out)) {
		made = seal_key_update(l, outbox);
		if (made == 0)
			return 0;
	}
	while (n > 0) {
		size_t text = n < l->text_max ? n : l->text_max;

		if (!record_seal(&l->out, RECORD_DATA, span_of(p, text), outbox + made))
			return 0;
		made += text + RECORD_ADDED;
		p += text;
		n -= text;
	}
	return made;
}

/* Text that fits in outbox with all that is added to it, a KeyUpdate too. */
static size_t
text_for_outbox(const struct record_layer *l)
{
	size_t room = sizeof(outbox) - KEY_UPDATE_BYTES - RECORD_ADDED;
	size_t records = room / (l->text_max + RECORD_ADDED);

	return records * l->text_max;
}

ssize_t
record_layer_write(struct conn *c, const char *p, size_t n, int flags)
{
	struct record_layer *l = c->records;
	size_t most = text_for_outbox(l), made;
	int r = record_layer_push(c, flags);

	if (r != 1)
		return r;
	if (n > most)
		n = most;
	made = seal_data(l, p, n);
	if (made == 0)
		return fail(c, "cannot encrypt");
	return send_records(c, span_of(outbox, made), flags) ? (ssize_t)n : send_failed(c);
}

/* Behind what waits. A peer that is gone misses nothing by it. */
static void
send_alert(struct conn *c, int level, int description, int flags)
{
	const char alert[] = { (char)level, (char)description };
	char record[sizeof(alert) + RECORD_ADDED];
	struct span bytes;
	struct record_layer *l = c->records;

	if (!record_seal(&l->out, RECORD_ALERT, span_of(alert, sizeof(alert)), record))
		return;
	bytes = span_of(record, sizeof(record));
	if (l->sealed)
		keep(c, bytes);
	else
		(void)send_records(c, bytes, flags);
}

int
record_layer_shutdown(struct conn *c, int flags)
{
	struct record_layer *l = c->records;

	if (!l->said_end)
		send_alert(c, ALERT_WARNING, SSL_AD_CLOSE_NOTIFY, flags);
	l->said_end = true;
	return l->sealed ? CONN_AGAIN : 1;
}

/* ---- receiving -------------------------------------------------------------------------------------------- */

/* The peer broke the protocol: it is told so, and nothing more is believed of it (6.2). */
static int
refuse(struct conn *c, int description, const char *reason)
{
	send_alert(c, ALERT_FATAL, description, 0);
	return fail(c, reason);
}

/* 1: go on; else as conn_read. */
static int
take_alert(struct conn *c, struct span text)
{
	if (text.n != 2)
		return refuse(c, SSL_AD_DECODE_ERROR, "peer sent an alert that is none");
	switch ((unsigned char)text.p[1]) {
	case SSL_AD_CLOSE_NOTIFY:
		c->records->got_end = true;
		return CONN_EOF;
	case SSL_AD_USER_CANCELLED: /* close_notify follows */
		return 1;
	default:
		return fail(c, tls_reason_of_alert((unsigned char)text.p[1]));
	}
}

/*
 * After a handshake no other message is for us than KeyUpdate (4.6), in one record or in several; and keys change between
 * records, not inside of one (5.1). As take_alert.
 */
static int
take_handshake(struct conn *c, struct span text)
{
	static const char head[] = { KEY_UPDATE, 0, 0, 1 };
	struct record_layer *l = c->records;
	size_t n = l->update_n + text.n;
	unsigned asked;

	if (text.n == 0 || n > KEY_UPDATE_BYTES)
		return refuse(c, SSL_AD_UNEXPECTED_MESSAGE,
		    "peer sent a handshake message after the handshake");
	memcpy(l->update + l->update_n, text.p, text.n);
	l->update_n = (uint8_t)n;
	if (memcmp(l->update, head, n < sizeof(head) ? n : sizeof(head)) != 0)
		return refuse(c, SSL_AD_UNEXPECTED_MESSAGE,
		    "peer sent a handshake message after the handshake");
	if (n < KEY_UPDATE_BYTES)
		return 1;
	l->update_n = 0;
	asked = (unsigned char)l->update[KEY_UPDATE_BYTES - 1];
	if (asked > 1)
		return refuse(c, SSL_AD_ILLEGAL_PARAMETER,
		    "peer sent a KeyUpdate of an unknown kind");
	if (!record_keys_update(&l->in))
		return refuse(c, SSL_AD_INTERNAL_ERROR, "cannot derive keys");
	l->owes_update |= asked == 1;
	return 1;
}

static int
take_other(struct conn *c, unsigned type, struct span text)
{
	if (++c->records->idle_records > IDLE_RECORDS_MAX)
		return refuse(c, SSL_AD_UNEXPECTED_MESSAGE, "peer sends records without data");
	switch (type) {
	case RECORD_DATA:
		return 1;
	case RECORD_ALERT:
		return take_alert(c, text);
	case RECORD_HANDSHAKE:
		return take_handshake(c, text);
	default:
		return refuse(c, SSL_AD_UNEXPECTED_MESSAGE,
		    "peer sent a record of an unknown kind");
	}
}

static int
refuse_record(struct conn *c, enum record_verdict verdict)
{
	switch (verdict) {
	case RECORD_BAD_MAC:
		return refuse(c, SSL_AD_BAD_RECORD_MAC, "decryption failed or bad record mac");
	case RECORD_OVERFLOW:
		return refuse(c, SSL_AD_RECORD_OVERFLOW, "peer sent a record that is too long");
	default:
		return refuse(c, SSL_AD_UNEXPECTED_MESSAGE,
		    "peer sent a record of an unknown kind");
	}
}

/* Where opened bytes go. */
struct reading {
	char *p;
	size_t room, got;
};

/* What the reader has no room for it gets first next time. */
static void
deliver(struct conn *c, struct reading *to, struct span text)
{
	size_t n = text.n < to->room - to->got ? text.n : to->room - to->got;

	if (text.p != to->p + to->got)
		memcpy(to->p + to->got, text.p, n);
	to->got += n;
	text = span_after(text, n);
	if (text.n > 0)
		c->unread = bufpool_keep(c->pool, text);
}

/* Open the record: 1 (perhaps bytes in to), or as conn_read. */
static int
take_record(struct conn *c, struct span record, struct reading *to)
{
	struct record_layer *l = c->records;
	bool fits = record.n - RECORD_HEAD - RECORD_TAG <= to->room - to->got;
	/* In place otherwise: it is the inbox. */
	char *out = fits ? to->p + to->got : (char *)(uintptr_t)record.p + RECORD_HEAD;
	enum record_verdict verdict;
	struct span text;
	unsigned type;

	verdict = record_open(&l->in, record, out, &text, &type);
	if (verdict != RECORD_OK)
		return refuse_record(c, verdict);
	if (l->update_n > 0 && type != RECORD_HANDSHAKE)
		return refuse(c, SSL_AD_UNEXPECTED_MESSAGE,
		    "peer sent a part of a handshake message");
	if (type != RECORD_DATA || text.n == 0)
		return take_other(c, type, text);
	l->idle_records = 0;
	deliver(c, to, text);
	return 1;
}

/*
 * Whole records of bytes, as long as the reader has room; *bytes becomes what is left. 1, or as conn_read. Once there is
 * something to deliver, what would be in its way waits.
 */
static int
take_records(struct conn *c, struct span *bytes, struct reading *to)
{
	int r = 1;

	while (r == 1 && bytes->n >= RECORD_HEAD && !c->unread) {
		enum record_verdict verdict = record_check(*bytes);
		size_t n = record_size(*bytes);

		if (to->got > 0 && (verdict != RECORD_OK || n > to->room - to->got))
			break;
		if (verdict != RECORD_OK)
			return refuse_record(c, verdict);
		if (n > bytes->n)
			break;
		r = take_record(c, span_of(bytes->p, n), to);
		*bytes = span_after(*bytes, n);
	}
	return r;
}

/* What came and is not opened yet, to the front of the inbox. */
static size_t
unpack(struct conn *c)
{
	return c->sealed_in ? bufpool_take(c->pool, &c->sealed_in, inbox, sizeof(inbox)) : 0;
}

/* From the socket behind the n bytes that are there: > 0 bytes, or as conn_read. */
static ssize_t
receive(struct conn *c, size_t n, size_t wanted)
{
	size_t room = wanted + (wanted / RECORD_TEXT_MAX + 1) * RECORD_ADDED;
	ssize_t r;

	room = room < RECORD_MAX ? RECORD_MAX : room < sizeof(inbox) ? room : sizeof(inbox);
	r = conn_socket_recv(c, inbox + n, room - n);
	if (r == CONN_ERROR)
		return fail(c, "peer reset the connection");
	/* Many leave without close_notify: HTTP says itself where a message ends. */
	if (r == CONN_EOF)
		c->records->got_end = true;
	return r;
}

bool
record_layer_has_ended(const struct record_layer *l)
{
	return l->got_end;
}

ssize_t
record_layer_read(struct conn *c, char *p, size_t n)
{
	struct reading to = { .p = p, .room = n };
	struct span bytes = span_of(inbox, unpack(c));
	ssize_t r;

	if (c->records->got_end)
		return CONN_EOF;
	for (;;) {
		r = take_records(c, &bytes, &to);
		if (r != 1 || to.got > 0)
			break;
		memmove(inbox, bytes.p, bytes.n);
		r = receive(c, bytes.n, n);
		bytes = span_of(inbox, bytes.n + (r > 0 ? (size_t)r : 0));
		if (r <= 0)
			break;
	}
	if (bytes.n > 0 && r != CONN_EOF && r != CONN_ERROR)
		c->sealed_in = bufpool_keep(c->pool, bytes);
	if (r == CONN_AGAIN)
		c->tls_pending = 0; /* what is left is a part of a record */
	else
		tls_io_note_pending(c);
	return to.got > 0 ? (ssize_t)to.got : r;
}

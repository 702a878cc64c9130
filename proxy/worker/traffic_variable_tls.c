/* SPDX-License-Identifier: ISC */
/* traffic_variable_tls: $https and the $ssl_* family. Without TLS none of them has a value. */
#include "base/buf.h"
#include "base/encode.h"
#include "proxy/tls/tls_context.h"
#include "proxy/worker/traffic_variable.h"

#include <openssl/objects.h>

#define LIST_MAX 4096
#define CIPHERS_MAX ((size_t)1 << 20) /* a name for each two bytes of a ClientHello */
#define CIPHER_BYTES 2

static SSL *
ssl_of(void *subject)
{
	return ((struct traffic *)subject)->client->ssl;
}

/* What is empty has no value, as in nginx. */
static struct span
copy(void *subject, struct span s)
{
	return s.n > 0 ? arena_dup(((struct traffic *)subject)->arena, s) : variable_none();
}

/* What buf holds, in the subject's arena; releases buf. */
static struct span
copy_buf(void *subject, struct buf *b)
{
	struct span s = copy(subject, span_of(b->p ? b->p : "", b->len));

	buf_release(b);
	return s;
}

struct span
variable_https(void *subject, struct span arg)
{
	return ssl_of(subject) ? SPAN("on") : SPAN("");
}

struct span
variable_ssl_protocol(void *subject, struct span arg)
{
	SSL *ssl = ssl_of(subject);

	return ssl ? span_str(SSL_get_version(ssl)) : variable_none();
}

struct span
variable_ssl_cipher(void *subject, struct span arg)
{
	SSL *ssl = ssl_of(subject);

	return ssl ? span_str(SSL_get_cipher_name(ssl)) : variable_none();
}

struct span
variable_ssl_server_name(void *subject, struct span arg)
{
	return copy(subject, tls_server_name(((struct traffic *)subject)->client));
}

struct span
variable_ssl_session_reused(void *subject, struct span arg)
{
	SSL *ssl = ssl_of(subject);

	if (!ssl)
		return variable_none();
	return SSL_session_reused(ssl) ? SPAN("r") : SPAN(".");
}

struct span
variable_ssl_early_data(void *subject, struct span arg)
{
	SSL *ssl = ssl_of(subject);

	return ssl && !SSL_is_init_finished(ssl) &&
		       SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_ACCEPTED
		   ? SPAN("1")
		   : variable_none();
}

struct span
variable_ssl_session_id(void *subject, struct span arg)
{
	SSL *ssl = ssl_of(subject);
	const SSL_SESSION *session = ssl ? SSL_get0_session(ssl) : NULL;
	const unsigned char *id;
	unsigned n = 0;
	struct buf text;

	if (!session)
		return variable_none();
	id = SSL_SESSION_get_id(session, &n);
	buf_init(&text, LIST_MAX);
	encode_hex(&text, span_of(id, n));
	return copy_buf(subject, &text);
}

struct span
variable_ssl_alpn_protocol(void *subject, struct span arg)
{
	SSL *ssl = ssl_of(subject);
	const unsigned char *name = NULL;
	unsigned n = 0;

	if (!ssl)
		return variable_none();
	SSL_get0_alpn_selected(ssl, &name, &n);
	return n > 0 ? copy(subject, span_of(name, n)) : variable_none();
}

/* By the library's name for it, or as a number when it knows none. */
static void
add_group(struct buf *out, int nid)
{
	const char *name = nid & TLSEXT_nid_unknown ? NULL : OBJ_nid2sn(nid);

	if (out->len > 0)
		buf_add_char(out, ':');
	if (name)
		buf_add_str(out, name);
	else
		buf_printf(out, "0x%04x", (unsigned)nid & 0xffffU);
}

struct span
variable_ssl_curve(void *subject, struct span arg)
{
	SSL *ssl = ssl_of(subject);
	int nid = ssl ? (int)SSL_get_negotiated_group(ssl) : NID_undef;
	struct buf text;

	if (nid == NID_undef)
		return variable_none();
	buf_init(&text, LIST_MAX);
	add_group(&text, nid);
	return copy_buf(subject, &text);
}

/* What the client offered; a resumed session has no such list. */
struct span
variable_ssl_curves(void *subject, struct span arg)
{
	SSL *ssl = ssl_of(subject);
	int count = ssl ? (int)SSL_get1_groups(ssl, NULL) : 0;
	int *groups;
	struct buf text;

	if (count <= 0)
		return variable_none();
	groups = arena_array(((struct traffic *)subject)->arena, (size_t)count, sizeof(*groups));
	SSL_get1_groups(ssl, groups);
	buf_init(&text, LIST_MAX);
	for (int i = 0; i < count; i++)
		add_group(&text, groups[i]);
	return copy_buf(subject, &text);
}

/* All the client offered: those the library has no name for as numbers. */
struct span
variable_ssl_ciphers(void *subject, struct span arg)
{
	SSL *ssl = ssl_of(subject);
	const unsigned char *list = NULL;
	size_t n = ssl ? (size_t)SSL_get0_raw_cipherlist(ssl, &list) : 0;
	struct buf text;

	if (!list || n == 0)
		return variable_none();
	buf_init(&text, CIPHERS_MAX);
	for (size_t i = 0; i + CIPHER_BYTES <= n; i += CIPHER_BYTES) {
		const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, list + i);

		if (i > 0)
			buf_add_char(&text, ':');
		if (cipher)
			buf_add_str(&text, SSL_CIPHER_get_name(cipher));
		else
			buf_printf(&text, "0x%02x%02x", list[i], list[i + 1]);
	}
	return copy_buf(subject, &text);
}

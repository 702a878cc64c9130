/* SPDX-License-Identifier: ISC */
/* traffic_variable_tls: $https and the $ssl_* family. Without TLS none of them has a value. */
#include "base/buf.h"
#include "base/encode.h"
#include "proxy/tls/tls_context.h"
#include "proxy/tls/tls_facts.h"
#include "proxy/worker/traffic_variable.h"

#include <openssl/objects.h>

#define LIST_MAX 4096
#define CIPHERS_MAX ((size_t)1 << 20) /* a name for each two bytes of a ClientHello */
#define CIPHER_BYTES 2

static const struct tls_facts *
facts_of(void *subject)
{
	return ((struct traffic *)subject)->client->tls.facts;
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
	return facts_of(subject) ? SPAN("on") : SPAN("");
}

struct span
variable_ssl_protocol(void *subject, struct span arg)
{
	const struct tls_facts *f = facts_of(subject);

	return f ? span_str(f->version) : variable_none();
}

struct span
variable_ssl_cipher(void *subject, struct span arg)
{
	const struct tls_facts *f = facts_of(subject);

	return f ? span_str(f->cipher) : variable_none();
}

struct span
variable_ssl_server_name(void *subject, struct span arg)
{
	return copy(subject, tls_server_name(((struct traffic *)subject)->client));
}

struct span
variable_ssl_session_reused(void *subject, struct span arg)
{
	const struct tls_facts *f = facts_of(subject);

	if (!f)
		return variable_none();
	return f->reused ? SPAN("r") : SPAN(".");
}

struct span
variable_ssl_early_data(void *subject, struct span arg)
{
	const struct tls_facts *f = facts_of(subject);

	return f && f->early ? SPAN("1") : variable_none();
}

struct span
variable_ssl_session_id(void *subject, struct span arg)
{
	const struct tls_facts *f = facts_of(subject);
	struct buf text;

	if (!f)
		return variable_none();
	buf_init(&text, LIST_MAX);
	encode_hex(&text, f->session_id);
	return copy_buf(subject, &text);
}

struct span
variable_ssl_alpn_protocol(void *subject, struct span arg)
{
	const struct tls_facts *f = facts_of(subject);

	return f ? copy(subject, f->alpn) : variable_none();
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
	const struct tls_facts *f = facts_of(subject);
	struct buf text;

	if (!f || f->group == NID_undef)
		return variable_none();
	buf_init(&text, LIST_MAX);
	add_group(&text, f->group);
	return copy_buf(subject, &text);
}

/* What the client offered; a resumed session has no such list. */
struct span
variable_ssl_curves(void *subject, struct span arg)
{
	const struct tls_facts *f = facts_of(subject);
	struct buf text;

	if (!f || f->group_count == 0)
		return variable_none();
	buf_init(&text, LIST_MAX);
	for (size_t i = 0; i < f->group_count; i++)
		add_group(&text, f->groups[i]);
	return copy_buf(subject, &text);
}

/* All the client offered: those the library has no name for as numbers. */
struct span
variable_ssl_ciphers(void *subject, struct span arg)
{
	const struct tls_facts *f = facts_of(subject);
	struct buf text;

	if (!f || f->ciphers.n == 0)
		return variable_none();
	buf_init(&text, CIPHERS_MAX);
	for (size_t i = 0; i + CIPHER_BYTES <= f->ciphers.n; i += CIPHER_BYTES) {
		const char *pair = f->ciphers.p + i, *name = tls_facts_cipher_name(pair);

		if (i > 0)
			buf_add_char(&text, ':');
		if (name)
			buf_add_str(&text, name);
		else
			buf_printf(&text, "0x%02x%02x", (unsigned char)pair[0],
			    (unsigned char)pair[1]);
	}
	return copy_buf(subject, &text);
}

/* SPDX-License-Identifier: ISC */
/* key_schedule: see key_schedule.h. Of the provider interface (provider-kdf(7)) it has what libssl uses. */
#include "proxy/tls/key_schedule.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <string.h>
#include <strings.h>

#define NAME "gatehouse"

static struct key_schedule_secrets *followed;

void
key_schedule_follow(struct key_schedule_secrets *s)
{
	followed = s;
}

static void
note(struct span label, const unsigned char *secret, size_t n)
{
	struct key_schedule_secret *to = NULL;

	if (followed && span_eq(label, SPAN("c ap traffic")))
		to = &followed->in;
	else if (followed && span_eq(label, SPAN("s ap traffic")))
		to = &followed->out;
	if (!to || n > sizeof(to->bytes))
		return;
	memcpy(to->bytes, secret, n);
	to->n = n;
}

/* ---- what libssl asks for ------------------------------------------------------------------------------------ */

struct question {
	int mode;
	enum hkdf_hash hash;
	struct span key, salt, label, data; /* p is NULL where it is not given */
};

static bool
read_hash(const OSSL_PARAM *p, enum hkdf_hash *h)
{
	const char *name;

	if (!p || OSSL_PARAM_get_utf8_string_ptr(p, &name) != 1)
		return false;
	if (strcasecmp(name, "SHA256") == 0 || strcasecmp(name, "SHA2-256") == 0)
		*h = HKDF_SHA256;
	else if (strcasecmp(name, "SHA384") == 0 || strcasecmp(name, "SHA2-384") == 0)
		*h = HKDF_SHA384;
	else
		return false;
	return true;
}

static bool
read_bytes(const OSSL_PARAM *p, struct span *s)
{
	const void *bytes = NULL;
	size_t n = 0;

	if (p && OSSL_PARAM_get_octet_string_ptr(p, &bytes, &n) != 1)
		return false;
	*s = span_of(bytes, n);
	return true;
}

static bool
read_question(const OSSL_PARAM params[], struct question *q)
{
	static const struct span prefix = SPAN_INIT(HKDF_LABEL_PREFIX);
	struct span given;

	*q = (struct question){ .mode = -1 };
	return OSSL_PARAM_get_int(OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_MODE), &q->mode) ==
		   1 &&
	       read_hash(OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_DIGEST), &q->hash) &&
	       read_bytes(OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_PREFIX), &given) &&
	       span_eq(given, prefix) &&
	       read_bytes(OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_KEY), &q->key) &&
	       read_bytes(OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_SALT), &q->salt) &&
	       read_bytes(OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_LABEL), &q->label) &&
	       read_bytes(OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_DATA), &q->data);
}

/* The next of Early Secret, Handshake Secret, Master Secret: from the one before (salt) and new input (key). */
static bool
next_secret(const struct question *q, unsigned char *out, size_t n)
{
	static const unsigned char zeros[HKDF_HASH_MAX];
	unsigned char derived[HKDF_HASH_MAX];
	size_t size = hkdf_size(q->hash);
	struct span salt = SPAN(""), key = q->key.p ? q->key : span_of(zeros, size);
	const unsigned char *empty = hkdf_empty(q->hash);
	bool ok = n == size && empty;

	if (ok && q->salt.p) {
		ok = hkdf_expand_label(q->hash, q->salt, q->label, span_of(empty, size), derived,
		    size);
		salt = span_of(derived, size);
	}
	ok = ok && hkdf_extract(q->hash, salt, key, out);
	OPENSSL_cleanse(derived, sizeof(derived));
	return ok;
}

static int
derive(void *ctx, unsigned char *out, size_t n, const OSSL_PARAM params[])
{
	struct question q;

	if (!read_question(params, &q))
		return 0;
	if (q.mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY)
		return next_secret(&q, out, n);
	if (q.mode != EVP_KDF_HKDF_MODE_EXPAND_ONLY || !q.key.p ||
	    !hkdf_expand_label(q.hash, q.key, q.label, q.data, out, n))
		return 0;
	note(q.label, out, n);
	return 1;
}

/* ---- the provider ---------------------------------------------------------------------------------------------- */

/* It keeps nothing between questions; OpenSSL wants something that is not NULL. */
static void *
new_context(void *provider)
{
	return provider;
}

static void
free_context(void *ctx)
{
}

#define FUNCTION(id, f)                 \
	{                               \
		id, (void (*)(void))(f) \
	}

static const OSSL_DISPATCH kdf_functions[] = {
	FUNCTION(OSSL_FUNC_KDF_NEWCTX, new_context),
	FUNCTION(OSSL_FUNC_KDF_FREECTX, free_context),
	FUNCTION(OSSL_FUNC_KDF_DERIVE, derive),
	{ 0, NULL },
};

static const OSSL_ALGORITHM kdfs[] = {
	{ OSSL_KDF_NAME_TLS1_3_KDF, "provider=" NAME, kdf_functions, "TLS 1.3 key schedule" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *
query(void *provider, int operation, int *no_cache)
{
	*no_cache = 0;
	return operation == OSSL_OP_KDF ? kdfs : NULL;
}

static const OSSL_DISPATCH provider_functions[] = {
	FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
	{ 0, NULL },
};

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
    void **provider)
{
	*out = provider_functions;
	*provider = (void *)(uintptr_t)handle;
	return 1;
}

const char *
key_schedule_properties(void)
{
	static OSSL_PROVIDER *provider;
	static bool tried;

	/* OpenSSL's own stay: nobody else asks for this one. */
	if (!tried && OSSL_PROVIDER_add_builtin(NULL, NAME, provider_init) == 1)
		provider = OSSL_PROVIDER_try_load(NULL, NAME, 1);
	tried = true;
	return provider ? "?provider=" NAME : NULL;
}

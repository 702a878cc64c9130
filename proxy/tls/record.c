/* SPDX-License-Identifier: ISC */
/* record: see record.h. */
#include "proxy/tls/record.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <string.h>

#define IV_BYTES 12
#define LEGACY_VERSION 0x0303
/* Records under one key: below 2^24.5, the bound of AES-GCM (RFC 8446, 5.5); the others bear more. */
#define WORN_AT (UINT64_C(1) << 24)

struct record_suite {
	unsigned number;
	const char *cipher_name;
	size_t key_bytes;
	enum hkdf_hash hash;
};

static const struct record_suite suites[] = {
	{ 0x1301, "AES-128-GCM", 16, HKDF_SHA256 },
	{ 0x1302, "AES-256-GCM", 32, HKDF_SHA384 },
	{ 0x1303, "ChaCha20-Poly1305", 32, HKDF_SHA256 },
};

#define SUITES (sizeof(suites) / sizeof(suites[0]))

/* One direction of a suite: OpenSSL's context, and whose key is in it. */
struct engine {
	EVP_CIPHER_CTX *ctx;
	uint64_t key_id; /* 0 = nobody's */
};

/* Of the process: made at first use, never freed. */
static struct engine sealing[SUITES], opening[SUITES];
static uint64_t last_id;

const struct record_suite *
record_suite_find(unsigned number)
{
	for (size_t i = 0; i < SUITES; i++) {
		if (suites[i].number == number)
			return &suites[i];
	}
	return NULL;
}

size_t
record_suite_secret(const struct record_suite *s)
{
	return hkdf_size(s->hash);
}

/* ---- keys ----------------------------------------------------------------------------------------------- */

static bool
expand(const struct record_keys *k, struct span label, unsigned char *out, size_t n)
{
	enum hkdf_hash h = k->suite->hash;

	return hkdf_expand_label(h, span_of(k->secret, hkdf_size(h)), label, SPAN(""), out, n);
}

static bool
derive(struct record_keys *k)
{
	k->id = ++last_id;
	k->sequence = 0;
	return expand(k, SPAN("key"), k->key, k->suite->key_bytes) &&
	       expand(k, SPAN("iv"), k->iv, IV_BYTES);
}

bool
record_keys_set(struct record_keys *k, const struct record_suite *s, const unsigned char *secret)
{
	k->suite = s;
	memcpy(k->secret, secret, record_suite_secret(s));
	return derive(k);
}

static void
engine_forget(struct engine *e, const struct record_keys *k)
{
	static const unsigned char zeros[sizeof(k->key)];

	if (e->key_id != k->id)
		return;
	(void)EVP_CipherInit_ex2(e->ctx, NULL, zeros, NULL, -1, NULL);
	e->key_id = 0;
}

static void
engines_forget(const struct record_keys *k)
{
	engine_forget(&sealing[k->suite - suites], k);
	engine_forget(&opening[k->suite - suites], k);
}

bool
record_keys_update(struct record_keys *k)
{
	size_t n = record_suite_secret(k->suite);
	unsigned char next[RECORD_SECRET_MAX];
	bool ok = expand(k, SPAN("traffic upd"), next, n);

	engines_forget(k);
	if (ok)
		memcpy(k->secret, next, n);
	OPENSSL_cleanse(next, sizeof(next));
	return ok && derive(k);
}

void
record_keys_wipe(struct record_keys *k)
{
	if (k->id != 0) {
		engines_forget(k);
		hkdf_forget();
	}
	OPENSSL_cleanse(k, sizeof(*k));
}

bool
record_keys_are_worn(const struct record_keys *k)
{
	return k->sequence >= WORN_AT;
}

/* ---- records -------------------------------------------------------------------------------------------- */

/* Ready for the next record of these keys; NULL: OpenSSL failed. */
static EVP_CIPHER_CTX *
engine_start(struct engine *engines, struct record_keys *k, bool seal)
{
	struct engine *e = &engines[k->suite - suites];
	unsigned char nonce[IV_BYTES];
	const unsigned char *key = e->key_id == k->id ? NULL : k->key;
	EVP_CIPHER *cipher = NULL;
	int ok;

	if (!e->ctx) {
		cipher = EVP_CIPHER_fetch(NULL, k->suite->cipher_name, NULL);
		e->ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;
		if (!e->ctx) {
			EVP_CIPHER_free(cipher);
			return NULL;
		}
	}
	memcpy(nonce, k->iv, IV_BYTES);
	for (unsigned i = 0; i < 8; i++)
		nonce[IV_BYTES - 1 - i] ^= (unsigned char)(k->sequence >> (8 * i));
	/* No key serves two records with one nonce, whatever becomes of this one. */
	k->sequence++;
	e->key_id = 0;
	ok = seal ? EVP_EncryptInit_ex2(e->ctx, cipher, key, nonce, NULL)
		  : EVP_DecryptInit_ex2(e->ctx, cipher, key, nonce, NULL);
	EVP_CIPHER_free(cipher);
	if (ok != 1)
		return NULL;
	e->key_id = k->id;
	return e->ctx;
}

bool
record_seal(struct record_keys *k, enum record_type type, struct span text, char *out)
{
	size_t n = text.n + 1 + RECORD_TAG;
	const unsigned char head[RECORD_HEAD] = { RECORD_DATA, LEGACY_VERSION >> 8,
		LEGACY_VERSION & 0xff, (unsigned char)(n >> 8), (unsigned char)n };
	unsigned char *body = (unsigned char *)out + RECORD_HEAD;
	const unsigned char inner = (unsigned char)type;
	EVP_CIPHER_CTX *ctx = engine_start(sealing, k, true);
	int done = 0, last = 0, end = 0, ignored;

	memcpy(out, head, sizeof(head));
	return ctx && EVP_EncryptUpdate(ctx, NULL, &ignored, head, sizeof(head)) == 1 &&
	       EVP_EncryptUpdate(ctx, body, &done, (const unsigned char *)text.p, (int)text.n) ==
		   1 &&
	       EVP_EncryptUpdate(ctx, body + done, &last, &inner, 1) == 1 &&
	       EVP_EncryptFinal_ex(ctx, body + done + last, &end) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, RECORD_TAG,
		   body + done + last + end) == 1;
}

size_t
record_size(struct span bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;

	if (bytes.n < RECORD_HEAD)
		return 0;
	return RECORD_HEAD + ((size_t)p[3] << 8 | p[4]);
}

enum record_verdict
record_check(struct span bytes)
{
	size_t size = record_size(bytes);

	if ((unsigned char)bytes.p[0] != RECORD_DATA)
		return RECORD_UNEXPECTED;
	if (size > RECORD_MAX)
		return RECORD_OVERFLOW;
	return size < RECORD_ADDED ? RECORD_BAD_MAC : RECORD_OK;
}

/* What is in it: content, type, zeros (5.4). */
static enum record_verdict
unpad(const char *inner, size_t n, struct span *text, unsigned *type)
{
	if (n > RECORD_TEXT_MAX + 1)
		return RECORD_OVERFLOW;
	while (n > 0 && inner[n - 1] == 0)
		n--;
	if (n == 0)
		return RECORD_UNEXPECTED;
	*type = (unsigned char)inner[n - 1];
	*text = span_of(inner, n - 1);
	return RECORD_OK;
}

enum record_verdict
record_open(struct record_keys *k, struct span record, char *out, struct span *text, unsigned *type)
{
	const unsigned char *head = (const unsigned char *)record.p, *body = head + RECORD_HEAD;
	size_t n = record.n - RECORD_HEAD - RECORD_TAG;
	unsigned char *to = (unsigned char *)out;
	EVP_CIPHER_CTX *ctx = engine_start(opening, k, false);
	int done = 0, end = 0, ignored;

	if (!ctx ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, RECORD_TAG,
		(void *)(uintptr_t)(body + n)) != 1 ||
	    EVP_DecryptUpdate(ctx, NULL, &ignored, head, RECORD_HEAD) != 1 ||
	    EVP_DecryptUpdate(ctx, to, &done, body, (int)n) != 1 ||
	    EVP_DecryptFinal_ex(ctx, to + done, &end) != 1) {
		ERR_clear_error();
		return RECORD_BAD_MAC;
	}
	return unpad(out, (size_t)done + (size_t)end, text, type);
}

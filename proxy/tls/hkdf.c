/* SPDX-License-Identifier: ISC */
/* hkdf: see hkdf.h. */
#include "proxy/tls/hkdf.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <string.h>

static const struct {
	const char *name;
	size_t size;
} hashes[HKDF_HASHES] = {
	[HKDF_SHA256] = { "SHA256", 32 },
	[HKDF_SHA384] = { "SHA384", 48 },
};

/* Of the process: made at first use, never freed. */
static EVP_MAC_CTX *macs[HKDF_HASHES];
static bool used[HKDF_HASHES]; /* since hkdf_forget */
static const unsigned char zeros[HKDF_HASH_MAX];

size_t
hkdf_size(enum hkdf_hash h)
{
	return hashes[h].size;
}

const unsigned char *
hkdf_empty(enum hkdf_hash h)
{
	static unsigned char empty[HKDF_HASHES][HKDF_HASH_MAX];
	static bool made[HKDF_HASHES];

	if (!made[h])
		made[h] = EVP_Q_digest(NULL, hashes[h].name, NULL, "", 0, empty[h], NULL) == 1;
	return made[h] ? empty[h] : NULL;
}

static EVP_MAC_CTX *
mac_of(enum hkdf_hash h)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
		    (char *)(uintptr_t)hashes[h].name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac;

	if (macs[h])
		return macs[h];
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	macs[h] = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	EVP_MAC_free(hmac);
	if (macs[h] && EVP_MAC_CTX_set_params(macs[h], params) != 1) {
		EVP_MAC_CTX_free(macs[h]);
		macs[h] = NULL;
	}
	return macs[h];
}

static bool
hmac(enum hkdf_hash h, struct span key, struct span text, unsigned char out[HKDF_HASH_MAX])
{
	EVP_MAC_CTX *mac = mac_of(h);
	size_t n = 0;

	used[h] = true;
	return mac && EVP_MAC_init(mac, (const unsigned char *)key.p, key.n, NULL) == 1 &&
	       EVP_MAC_update(mac, (const unsigned char *)text.p, text.n) == 1 &&
	       EVP_MAC_final(mac, out, &n, HKDF_HASH_MAX) == 1 && n == hashes[h].size;
}

bool
hkdf_extract(enum hkdf_hash h, struct span salt, struct span key, unsigned char *out)
{
	/* OpenSSL takes an empty key for none: as many zeros are the same to HMAC. */
	return hmac(h, salt.n > 0 ? salt : span_of(zeros, hashes[h].size), key, out);
}

static size_t
put(unsigned char *at, struct span s)
{
	if (s.n > 0)
		memcpy(at, s.p, s.n);
	return s.n;
}

bool
hkdf_expand_label(enum hkdf_hash h, struct span secret, struct span label, struct span context,
    unsigned char *out, size_t n)
{
	static const struct span prefix = SPAN_INIT(HKDF_LABEL_PREFIX);
	unsigned char block[HKDF_HASH_MAX], info[2 + 1 + HKDF_LABEL_MAX + 1 + HKDF_HASH_MAX + 1];
	size_t at = 0;
	bool ok;

	if (n > hashes[h].size || prefix.n + label.n > HKDF_LABEL_MAX || context.n > HKDF_HASH_MAX)
		return false;
	info[at++] = (unsigned char)(n >> 8);
	info[at++] = (unsigned char)n;
	info[at++] = (unsigned char)(prefix.n + label.n);
	at += put(info + at, prefix);
	at += put(info + at, label);
	info[at++] = (unsigned char)context.n;
	at += put(info + at, context);
	info[at++] = 1; /* the block's number */
	ok = hmac(h, secret, span_of(info, at), block);
	if (ok)
		memcpy(out, block, n);
	OPENSSL_cleanse(block, sizeof(block));
	return ok;
}

void
hkdf_forget(void)
{
	for (int h = 0; h < HKDF_HASHES; h++) {
		if (used[h] && macs[h])
			(void)EVP_MAC_init(macs[h], zeros, hashes[h].size, NULL);
		used[h] = false;
	}
}

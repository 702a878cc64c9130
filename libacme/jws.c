/* SPDX-License-Identifier: ISC */
/*
 * jws: build protected header, payload and signature. ECDSA signatures come from OpenSSL as
 * DER and go out as r and s side by side, each as wide as the curve (RFC 7518 3.4).
 */
#include "libacme/jws.h"

#include "base/encode.h"
#include "libacme/jwk.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>

#define HEADER_MAX (16 * 1024)
#define SIGNATURE_MAX 1024

static const struct jws_alg {
	const char *name;
	int key_id; /* EVP_PKEY_... */
	int bits;   /* EC: which curve */
	int width;  /* EC: bytes of r and of s */
	const EVP_MD *(*md)(void);
} algs[] = {
	{ "ES256", EVP_PKEY_EC, 256, 32, EVP_sha256 },
	{ "ES384", EVP_PKEY_EC, 384, 48, EVP_sha384 },
	{ "ES512", EVP_PKEY_EC, 521, 66, EVP_sha512 },
	{ "RS256", EVP_PKEY_RSA, 0, 0, EVP_sha256 },
	{ "EdDSA", EVP_PKEY_ED25519, 0, 0, NULL },
};

static const struct jws_alg *
alg_of(const EVP_PKEY *key)
{
	int id = EVP_PKEY_get_base_id(key);

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		if (algs[i].key_id != id)
			continue;
		if (algs[i].bits == 0 || EVP_PKEY_get_bits(key) == algs[i].bits)
			return &algs[i];
	}
	return NULL;
}

const char *
jws_algorithm(const EVP_PKEY *key)
{
	const struct jws_alg *alg = alg_of(key);

	return alg ? alg->name : NULL;
}

/* key: sent whole when the header has no kid. */
static int
add_header(const EVP_PKEY *key, const char *alg, const struct jws_header *header, struct buf *out,
    struct err *e)
{
	struct buf json;
	int rc = -1;

	buf_init(&json, HEADER_MAX);
	buf_printf(&json, "{\"alg\":\"%s\",", alg);
	if (header->kid) {
		buf_add_str(&json, "\"kid\":\"");
		encode_json(&json, span_str(header->kid));
		buf_add_str(&json, "\",");
	} else {
		buf_add_str(&json, "\"jwk\":");
		if (jwk_format_public(key, &json, e) < 0)
			goto out;
		buf_add_char(&json, ',');
	}
	if (header->nonce) {
		buf_add_str(&json, "\"nonce\":\"");
		encode_json(&json, span_str(header->nonce));
		buf_add_str(&json, "\",");
	}
	buf_add_str(&json, "\"url\":\"");
	encode_json(&json, span_str(header->url));
	buf_add_str(&json, "\"}");
	if (json.full || encode_base64url(out, buf_span(&json)) < 0)
		err_set(e, ERR_BUG, "a request header is larger than %d bytes", HEADER_MAX);
	else
		rc = 0;
out:
	buf_release(&json);
	return rc;
}

/* Turn a DER signature in place into r || s. */
static int
flatten_ecdsa(unsigned char sig[SIGNATURE_MAX], size_t *n, int width)
{
	const unsigned char *p = sig;
	ECDSA_SIG *rs = d2i_ECDSA_SIG(NULL, &p, (long)*n);
	int rc = -1;

	if (rs && BN_bn2binpad(ECDSA_SIG_get0_r(rs), sig, width) == width &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(rs), sig + width, width) == width) {
		*n = (size_t)width * 2;
		rc = 0;
	}
	ECDSA_SIG_free(rs);
	return rc;
}

static int
add_signature(EVP_PKEY *key, const struct jws_alg *alg, struct span input, struct buf *out,
    struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[SIGNATURE_MAX];
	size_t n = sizeof(sig);
	int rc = -1;

	if (ctx && EVP_DigestSignInit(ctx, NULL, alg->md ? alg->md() : NULL, NULL, key) == 1 &&
	    EVP_DigestSign(ctx, sig, &n, (const unsigned char *)input.p, input.n) == 1 &&
	    (alg->width == 0 || flatten_ecdsa(sig, &n, alg->width) == 0))
		rc = encode_base64url(out, span_of(sig, n));
	else
		err_set_openssl(e, ERR_BUG, "cannot sign a request with the account key");
	EVP_MD_CTX_free(ctx);
	return rc;
}

static int
add_mac(struct span key, struct span input, struct buf *out, struct err *e)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (!HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)input.p, input.n, mac,
		&n))
		return err_set_openssl(e, ERR_BUG, "cannot sign with the shared key");
	return encode_base64url(out, span_of(mac, n));
}

/* "header.payload", what is signed; and the same as the first members of the object. */
static int
begin(const EVP_PKEY *key, const char *alg, const struct jws_header *header, struct span payload,
    struct buf *input, struct buf *out, struct err *e)
{
	struct span rest, part;

	if (add_header(key, alg, header, input, e) < 0)
		return -1;
	buf_add_char(input, '.');
	encode_base64url(input, payload);
	rest = buf_span(input);
	if (span_split(&rest, '.', &part))
		buf_printf(out, "{\"protected\":\"%.*s\",\"payload\":\"%.*s\",\"signature\":\"",
		    SPAN_ARG(part), SPAN_ARG(rest));
	return 0;
}

static int
finish(const struct buf *input, struct buf *out, struct err *e)
{
	buf_add_str(out, "\"}");
	if (input->full || out->full)
		return err_set(e, ERR_BUG, "a request is larger than %zu bytes", out->max);
	return 0;
}

int
jws_sign(EVP_PKEY *key, const struct jws_header *header, struct span payload, struct buf *out,
    struct err *e)
{
	const struct jws_alg *alg = alg_of(key);
	struct buf input;
	int rc = -1;

	if (!alg)
		return err_set(e, ERR_DATA, "ACME has no signature algorithm for this account key");
	buf_init(&input, out->max);
	if (begin(key, alg->name, header, payload, &input, out, e) == 0 &&
	    add_signature(key, alg, buf_span(&input), out, e) == 0)
		rc = finish(&input, out, e);
	buf_release(&input);
	return rc;
}

int
jws_sign_hmac(struct span key, const struct jws_header *header, struct span payload,
    struct buf *out, struct err *e)
{
	struct buf input;
	int rc = -1;

	buf_init(&input, out->max);
	if (begin(NULL, "HS256", header, payload, &input, out, e) == 0 &&
	    add_mac(key, buf_span(&input), out, e) == 0)
		rc = finish(&input, out, e);
	buf_release(&input);
	return rc;
}

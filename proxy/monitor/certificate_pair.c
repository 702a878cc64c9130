/* SPDX-License-Identifier: ISC */
/*
 * certificate_pair: cert and key of one version, although somebody may replace them while they are read.
 *
 * The store publishes by exchanging the directory live/NAME: through a directory opened once both names
 * lead to the same version, old or new. certbot swings its links one by one: a moment's mismatch, told to
 * the caller as `mixed`, who may try again.
 */
#include "proxy/monitor/certificate_pair.h"

#include "base/file.h"
#include "base/mem.h"
#include "libcert/pkey.h"
#include "libcert/x509info.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PEM_MAX (1 << 20)

/* Bytes of the directory part, slash included. */
static size_t
directory_length(struct span path)
{
	size_t n = path.n;

	while (n > 0 && path.p[n - 1] != '/')
		n--;
	return n;
}

void
certificate_place_open(struct certificate_place *place, struct span cert_path, struct span key_path)
{
	size_t n = directory_length(cert_path);
	struct span dir = span_of(cert_path.p, n);

	place->dir = -1;
	if (n > 0 && span_eq(dir, span_of(key_path.p, directory_length(key_path)))) {
		char *name = mem_dup_span(dir);

		place->dir = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		free(name);
	}
	if (place->dir < 0)
		n = 0;
	place->cert = mem_dup_span(span_after(cert_path, n));
	place->key = mem_dup_span(span_after(key_path, n));
}

void
certificate_place_close(struct certificate_place *place)
{
	if (place->dir >= 0)
		close(place->dir);
	free(place->cert);
	free(place->key);
}

static int
directory_of(const struct certificate_place *place)
{
	return place->dir >= 0 ? place->dir : AT_FDCWD;
}

int
certificate_place_identify(const struct certificate_place *place, struct file_identity ids[2],
    struct err *e)
{
	if (file_identity_read(directory_of(place), place->cert, &ids[0]) < 0)
		return err_set_errno(e, errno, "cannot read %s", place->cert);
	if (file_identity_read(directory_of(place), place->key, &ids[1]) < 0)
		return err_set_errno(e, errno, "cannot read %s", place->key);
	return 0;
}

static int
read_chain(const struct certificate_place *place, STACK_OF(X509) **chain, struct err *e)
{
	struct buf pem;
	int rc;

	buf_init_secret(&pem, PEM_MAX); /* the key may be in the same file */
	rc = file_read_at(directory_of(place), place->cert, &pem, e);
	if (rc == 0)
		rc = x509info_parse_pem(buf_span(&pem), chain, e);
	buf_release(&pem);
	return rc;
}

static int
read_key(const struct certificate_place *place, EVP_PKEY **key, struct err *e)
{
	struct buf pem;
	int rc;

	buf_init_secret(&pem, PEM_MAX);
	rc = file_read_at(directory_of(place), place->key, &pem, e);
	if (rc == 0 && pkey_parse_pem(buf_span(&pem), NULL, key, e) < 0)
		rc = err_wrap(e, "private key %s", place->key);
	buf_release(&pem);
	return rc;
}

int
certificate_pair_read(const struct certificate_place *place, struct certificate_pair *pair,
    bool *mixed, struct err *e)
{
	*pair = (struct certificate_pair){ 0 };
	*mixed = false;
	if (read_chain(place, &pair->chain, e) < 0 || read_key(place, &pair->key, e) < 0) {
		certificate_pair_release(pair);
		return -1;
	}
	if (!x509info_key_matches(sk_X509_value(pair->chain, 0), pair->key)) {
		certificate_pair_release(pair);
		*mixed = true;
		return err_set(e, ERR_DATA, "the private key %s does not belong to it", place->key);
	}
	return 0;
}

void
certificate_pair_release(struct certificate_pair *pair)
{
	sk_X509_pop_free(pair->chain, X509_free);
	EVP_PKEY_free(pair->key);
	*pair = (struct certificate_pair){ 0 };
}

static int
add_chain(struct buf *out, STACK_OF(X509) *chain, struct err *e)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		unsigned char *der = NULL;
		int n = i2d_X509(sk_X509_value(chain, i), &der);
		uint32_t length = (uint32_t)n;

		if (n < 0)
			return err_set_openssl(e, ERR_DATA, "cannot encode a certificate");
		(void)buf_add(out, span_of(&length, sizeof(length)));
		(void)buf_add(out, span_of(der, length));
		OPENSSL_free(der);
	}
	return 0;
}

static int
add_key(struct buf *out, EVP_PKEY *key, struct err *e)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL;
	int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;

	PKCS8_PRIV_KEY_INFO_free(info);
	if (n < 0)
		return err_set_openssl(e, ERR_DATA, "cannot encode a private key");
	(void)buf_add(out, span_of(der, (size_t)n));
	OPENSSL_clear_free(der, (size_t)n);
	return 0;
}

int
certificate_pair_encode(const struct certificate_pair *pair, struct buf *out, struct err *e)
{
	struct bundle_certificate head = { .chain_count = (uint32_t)sk_X509_num(pair->chain) };
	size_t start = out->len, body,
	       after_digest = offsetof(struct bundle_certificate, chain_count);

	if (buf_add(out, span_of(&head, sizeof(head))) < 0)
		return err_set(e, ERR_DATA, "certificate chain too large");
	body = out->len;
	if (add_chain(out, pair->chain, e) < 0)
		return -1;
	head.chain_bytes = (uint32_t)(out->len - body);
	if (add_key(out, pair->key, e) < 0)
		return -1;
	if (out->full)
		return err_set(e, ERR_DATA, "certificate chain too large");
	head.key_bytes = (uint32_t)(out->len - body - head.chain_bytes);
	memcpy(out->p + start, &head, sizeof(head));
	SHA256((unsigned char *)out->p + start + after_digest, out->len - start - after_digest,
	    head.digest);
	memcpy(out->p + start, head.digest, sizeof(head.digest));
	return 0;
}

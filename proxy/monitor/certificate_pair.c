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

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PEM_MAX (1 << 20)
#define PASSWORDS_MAX (64 << 10)

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
	place->passwords = span_of(NULL, 0);
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

struct certificate_reader {
	OSSL_DECODER_CTX *decoder; /* DER PrivateKeyInfo -> decoded; NULL: it could not be had */
	EVP_PKEY *decoded;
};

struct certificate_reader *
certificate_reader_new(void)
{
	struct certificate_reader *r = mem_zalloc(sizeof(*r));

	r->decoder = OSSL_DECODER_CTX_new_for_pkey(&r->decoded, "DER", "PrivateKeyInfo", NULL,
	    EVP_PKEY_KEYPAIR, NULL, NULL);
	return r;
}

void
certificate_reader_free(struct certificate_reader *r)
{
	if (!r)
		return;
	OSSL_DECODER_CTX_free(r->decoder);
	free(r);
}

/* The content of the first PKCS#8 block. */
static bool
find_pkcs8(struct span pem, struct certificate_pair *pair)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	bool found = false;

	while (in && !found) {
		char *name = NULL, *header = NULL;
		unsigned char *data = NULL;
		long n = 0;

		if (PEM_read_bio(in, &name, &header, &data, &n) != 1)
			break;
		found = strcmp(name, "PRIVATE KEY") == 0 && n > 0;
		if (found) {
			pair->key = data;
			pair->key_length = (size_t)n;
		} else {
			OPENSSL_clear_free(data, (size_t)n);
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
	}
	BIO_free(in);
	return found;
}

/* The usual form, kept as it is. NULL: try otherwise, for the key or for a good reason why not. */
static EVP_PKEY *
decode_pkcs8(struct certificate_reader *r, struct span pem, struct certificate_pair *pair)
{
	EVP_PKEY *key = NULL;

	if (r->decoder && find_pkcs8(pem, pair)) {
		const unsigned char *at = pair->key;
		size_t left = pair->key_length;

		if (OSSL_DECODER_from_data(r->decoder, &at, &left) == 1 && left == 0)
			key = r->decoded;
		else
			EVP_PKEY_free(r->decoded);
		r->decoded = NULL;
	}
	if (!key) {
		OPENSSL_clear_free(pair->key, pair->key_length);
		pair->key = NULL;
	}
	ERR_clear_error();
	return key;
}

/* Each line of the password file in turn, until one fits. */
static int
parse_with_passwords(struct span pem, struct span path, EVP_PKEY **key, struct err *e)
{
	char *name = mem_dup_span(path);
	struct span rest, line;
	struct buf passwords;
	int rc;

	buf_init_secret(&passwords, PASSWORDS_MAX);
	rc = file_read(name, &passwords, e);
	if (rc == 0) {
		rest = buf_span(&passwords);
		rc = err_set(e, ERR_DATA, "no password of \"%s\" fits", name);
		while (rc < 0 && span_split(&rest, '\n', &line)) {
			char *password;

			if (line.n > 0 && line.p[line.n - 1] == '\r')
				line.n--;
			if (line.n == 0)
				continue;
			password = mem_dup_span(line);
			rc = pkey_parse_pem(pem, password, key, NULL);
			OPENSSL_cleanse(password, line.n);
			free(password);
		}
	}
	buf_release(&passwords);
	free(name);
	return rc;
}

/* Any other form, turned into PKCS#8. */
static EVP_PKEY *
decode_any(struct span pem, struct span passwords, struct certificate_pair *pair, struct err *e)
{
	PKCS8_PRIV_KEY_INFO *info;
	EVP_PKEY *key = NULL;
	int n;

	if (pkey_parse_pem(pem, NULL, &key, e) < 0 &&
	    (passwords.n == 0 || parse_with_passwords(pem, passwords, &key, e) < 0))
		return NULL;
	info = EVP_PKEY2PKCS8(key);
	n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &pair->key) : -1;
	PKCS8_PRIV_KEY_INFO_free(info);
	if (n > 0) {
		pair->key_length = (size_t)n;
		return key;
	}
	err_set_openssl(e, ERR_DATA, "cannot encode it");
	EVP_PKEY_free(key);
	return NULL;
}

static EVP_PKEY *
read_key(struct certificate_reader *r, const struct certificate_place *place,
    struct certificate_pair *pair, struct err *e)
{
	EVP_PKEY *key = NULL;
	struct buf pem;

	buf_init_secret(&pem, PEM_MAX);
	if (file_read_at(directory_of(place), place->key, &pem, e) == 0) {
		key = decode_pkcs8(r, buf_span(&pem), pair);
		if (!key)
			key = decode_any(buf_span(&pem), place->passwords, pair, e);
		if (!key)
			err_wrap(e, "private key %s", place->key);
	}
	buf_release(&pem);
	return key;
}

int
certificate_pair_read(struct certificate_reader *r, const struct certificate_place *place,
    struct certificate_pair *pair, bool *mixed, struct err *e)
{
	EVP_PKEY *key = NULL;
	int rc = -1;

	*pair = (struct certificate_pair){ 0 };
	*mixed = false;
	if (read_chain(place, &pair->chain, e) < 0)
		goto out;
	key = read_key(r, place, pair, e);
	if (!key)
		goto out;
	*mixed = !x509info_key_matches(sk_X509_value(pair->chain, 0), key);
	if (*mixed)
		err_set(e, ERR_DATA, "the private key %s does not belong to it", place->key);
	else
		rc = 0;
out:
	EVP_PKEY_free(key);
	if (rc < 0)
		certificate_pair_release(pair);
	return rc;
}

void
certificate_pair_release(struct certificate_pair *pair)
{
	sk_X509_pop_free(pair->chain, X509_free);
	OPENSSL_clear_free(pair->key, pair->key_length);
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
	(void)buf_add(out, span_of(pair->key, pair->key_length));
	if (out->full)
		return err_set(e, ERR_DATA, "certificate chain too large");
	head.key_bytes = (uint32_t)(out->len - body - head.chain_bytes);
	memcpy(out->p + start, &head, sizeof(head));
	SHA256((unsigned char *)out->p + start + after_digest, out->len - start - after_digest,
	    head.digest);
	memcpy(out->p + start, head.digest, sizeof(head.digest));
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * Private keys: made, read, written, told apart.
 *
 * One table says which keys a user may ask for. Reading accepts whatever OpenSSL decodes from PEM;
 * what a key may be used for is its user's decision.
 */
#include "libcert/pkey.h"

#include "base/file.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <limits.h>
#include <stdio.h>

#define PKEY_FILE_MAX (256 * 1024)
#define PKEY_RSA_BITS_MIN 2048
#define PKEY_RSA_BITS_MAX 8192

struct pkey_word {
	struct span word;
	enum pkey_kind kind;
	unsigned bits;
	const char *curve;
	bool family; /* the word before a colon, not one after it */
};

/* Every spelling of openssl, certbot and the standards for the same thing. */
static const struct pkey_word words[] = {
	{ SPAN_INIT("rsa"), PKEY_RSA, 2048, NULL, true },
	{ SPAN_INIT("ec"), PKEY_EC, 0, "P-256", true },
	{ SPAN_INIT("ecdsa"), PKEY_EC, 0, "P-256", true },
	{ SPAN_INIT("p-256"), PKEY_EC, 0, "P-256", false },
	{ SPAN_INIT("p256"), PKEY_EC, 0, "P-256", false },
	{ SPAN_INIT("prime256v1"), PKEY_EC, 0, "P-256", false },
	{ SPAN_INIT("secp256r1"), PKEY_EC, 0, "P-256", false },
	{ SPAN_INIT("p-384"), PKEY_EC, 0, "P-384", false },
	{ SPAN_INIT("p384"), PKEY_EC, 0, "P-384", false },
	{ SPAN_INIT("secp384r1"), PKEY_EC, 0, "P-384", false },
	{ SPAN_INIT("p-521"), PKEY_EC, 0, "P-521", false },
	{ SPAN_INIT("p521"), PKEY_EC, 0, "P-521", false },
	{ SPAN_INIT("secp521r1"), PKEY_EC, 0, "P-521", false },
	{ SPAN_INIT("ed25519"), PKEY_ED25519, 0, NULL, false },
};

static const struct pkey_word *
word_find(struct span text)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (span_eq_nocase(words[i].word, text))
			return &words[i];
	}
	return NULL;
}

static int
spec_unknown(struct span text, struct err *e)
{
	err_set(e, ERR_USAGE, "unknown key type \"" SPAN_FMT "\"", SPAN_ARG(text));
	return err_hint(e,
	    "known: rsa, rsa:2048 to rsa:8192, ec:P-256, ec:P-384, ec:P-521, ed25519");
}

static int
spec_parse_rsa(struct span digits, struct pkey_spec *spec, struct err *e)
{
	uint64_t bits;

	if (span_to_u64(digits, UINT_MAX, &bits) < 0 || bits < PKEY_RSA_BITS_MIN ||
	    bits > PKEY_RSA_BITS_MAX || bits % 8 != 0) {
		return err_set(e, ERR_USAGE,
		    "an RSA key has %d to %d bits, a multiple of 8, not \"" SPAN_FMT "\"",
		    PKEY_RSA_BITS_MIN, PKEY_RSA_BITS_MAX, SPAN_ARG(digits));
	}
	*spec = (struct pkey_spec){ .kind = PKEY_RSA, .bits = (unsigned)bits };
	return 0;
}

int
pkey_spec_parse(struct span text, struct pkey_spec *spec, struct err *e)
{
	struct span rest = text, family = { 0 };
	const struct pkey_word *word;

	if (span_find(text, ':') >= 0) {
		span_split(&rest, ':', &family);
		if (span_eq_nocase(family, SPAN("rsa")))
			return spec_parse_rsa(rest, spec, e);
		if (!span_eq_nocase(family, SPAN("ec")) && !span_eq_nocase(family, SPAN("ecdsa")))
			return spec_unknown(text, e);
	}
	word = word_find(rest);
	if (!word || (family.n > 0 && (word->kind != PKEY_EC || word->family)))
		return spec_unknown(text, e);
	*spec = (struct pkey_spec){ .kind = word->kind, .bits = word->bits, .curve = word->curve };
	return 0;
}

void
pkey_describe(const EVP_PKEY *key, char out[32])
{
	char group[32] = "";
	size_t len = 0;

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		snprintf(out, 32, "RSA %d", EVP_PKEY_get_bits(key));
		return;
	case EVP_PKEY_RSA_PSS:
		snprintf(out, 32, "RSA-PSS %d", EVP_PKEY_get_bits(key));
		return;
	case EVP_PKEY_EC:
		EVP_PKEY_get_group_name(key, group, sizeof(group), &len);
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (span_eq_nocase(words[i].word, span_str(group)))
				snprintf(group, sizeof(group), "%s", words[i].curve);
		}
		snprintf(out, 32, "ECDSA %.24s", group);
		return;
	case EVP_PKEY_ED25519:
		snprintf(out, 32, "Ed25519");
		return;
	default:
		snprintf(out, 32, "%.31s",
		    EVP_PKEY_get0_type_name(key) ? EVP_PKEY_get0_type_name(key) : "unknown");
		return;
	}
}

int
pkey_generate(const struct pkey_spec *spec, EVP_PKEY **key, struct err *e)
{
	EVP_PKEY *made = NULL;

	switch (spec->kind) {
	case PKEY_RSA:
		made = EVP_RSA_gen(spec->bits);
		break;
	case PKEY_EC:
		made = EVP_EC_gen(spec->curve);
		break;
	case PKEY_ED25519:
		made = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	}
	if (!made)
		return err_set_openssl(e, ERR_BUG, "cannot generate a private key");
	*key = made;
	return 0;
}

struct password {
	const char *text; /* borrowed, or NULL */
	bool asked;
};

static int
password_callback(char *out, int size, int writing, void *arg)
{
	struct password *password = arg;
	size_t len;

	password->asked = true;
	if (!password->text)
		return -1;
	len = strlen(password->text);
	if (size < 0 || len > (size_t)size)
		return -1;
	memcpy(out, password->text, len);
	return (int)len;
}

int
pkey_parse_pem(struct span pem, const char *password, EVP_PKEY **key, struct err *e)
{
	struct password asking = { .text = password };
	EVP_PKEY *parsed;
	BIO *bio;

	if (pem.n > PKEY_FILE_MAX)
		return err_set(e, ERR_DATA, "too large to be a private key (%zu bytes)", pem.n);
	if (pem.n == 0)
		return err_set(e, ERR_DATA, "empty, not a private key in PEM form");
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	if (!bio)
		return err_set_openssl(e, ERR_BUG, "cannot read a private key");
	parsed = PEM_read_bio_PrivateKey(bio, NULL, password_callback, &asking);
	BIO_free(bio);
	if (parsed) {
		/* Decoders that were tried before the right one leave their complaints. */
		ERR_clear_error();
		*key = parsed;
		return 0;
	}
	if (asking.asked && !password) {
		ERR_clear_error();
		err_set(e, ERR_DATA, "the private key is encrypted with a passphrase");
		return err_hint(e, "write it without one: openssl pkey -in KEY -out NEW");
	}
	if (asking.asked) {
		ERR_clear_error();
		return err_set(e, ERR_DATA, "the passphrase does not open the private key");
	}
	if (!memmem(pem.p, pem.n, "PRIVATE KEY-----", 16)) {
		ERR_clear_error();
		return err_set(e, ERR_DATA, "no private key in PEM form");
	}
	return err_set_openssl(e, ERR_DATA, "not a valid private key");
}

int
pkey_load(const char *path, const char *password, EVP_PKEY **key, struct err *e)
{
	struct buf pem;
	int rc;

	buf_init_secret(&pem, PKEY_FILE_MAX);
	rc = file_read(path, &pem, e);
	if (rc == 0) {
		rc = pkey_parse_pem(buf_span(&pem), password, key, e);
		if (rc < 0)
			err_wrap(e, "%s", path);
	}
	buf_release(&pem);
	return rc;
}

int
pkey_format_pem(const EVP_PKEY *key, struct buf *out, struct err *e)
{
	/* Wipes its memory when freed. */
	BIO *bio = BIO_new(BIO_s_secmem());
	char *bytes;
	long len;
	int rc = -1;

	if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
		err_set_openssl(e, ERR_BUG, "cannot write a private key as PEM");
		goto out;
	}
	len = BIO_get_mem_data(bio, &bytes);
	if (len <= 0 || buf_add(out, span_of(bytes, (size_t)len)) < 0) {
		err_set(e, ERR_BUG, "no room for a private key");
		goto out;
	}
	rc = 0;
out:
	BIO_free(bio);
	return rc;
}

/* SPDX-License-Identifier: ISC */
/*
 * eab: where the HMAC key comes from, and the inner JWS over the account's public key.
 */
#include "libacme/eab.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/jwk.h"
#include "libacme/jws.h"

#include <openssl/crypto.h>

#define KEY_MAX ((size_t)4096)
#define KID_MAX 512
#define PAYLOAD_MAX ((size_t)16 * 1024)
/* A word this long that is no file is rather the key itself. */
#define KEY_TYPED_MIN 16

void
eab_init(struct eab *eab)
{
	eab->kid = NULL;
	buf_init_secret(&eab->key, KEY_MAX);
}

void
eab_release(struct eab *eab)
{
	free(eab->kid);
	eab->kid = NULL;
	buf_release(&eab->key);
}

/* Move a variable's value into out and leave no copy of it in the environment. */
static int
take_variable(const char *name, struct buf *out, struct err *e)
{
	char *value = getenv(name);
	int rc;

	if (!value)
		return err_set(e, ERR_USAGE, "there is no variable %s with the HMAC key", name);
	rc = buf_add(out, span_str(value));
	OPENSSL_cleanse(value, strlen(value));
	unsetenv(name);
	return rc < 0 ? err_set(e, ERR_DATA, "the HMAC key in %s is too long", name) : 0;
}

static bool
looks_like_key(const char *source)
{
	return strlen(source) >= KEY_TYPED_MIN && !strpbrk(source, "/.");
}

static int
read_source(const char *source, struct buf *text, struct err *e)
{
	if (!source)
		return take_variable(EAB_KEY_VARIABLE, text, e);
	if (strncmp(source, "env:", 4) == 0)
		return take_variable(source + 4, text, e);
	if (strcmp(source, "-") == 0)
		return file_read("/dev/stdin", text, e);
	if (!file_exists(source) && looks_like_key(source)) {
		err_set(e, ERR_USAGE, "--eab-hmac-key takes a file that holds the key");
		return err_hint(e,
		    "a key on the command line can be read by everybody on this machine: put it "
		    "into a file of mode 0600, or into the variable " EAB_KEY_VARIABLE);
	}
	return file_read(source, text, e) < 0 ? err_wrap(e, "cannot read the HMAC key") : 0;
}

/* The sites show base64url as well as base64, with padding or without. */
static int
decode_key(struct buf *text, struct buf *key, struct err *e)
{
	struct span s = span_trim(buf_span(text));

	while (span_ends(s, SPAN("=")))
		s.n--;
	for (char *c = text->p; c && c < text->p + text->len; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	if (s.n == 0 || decode_base64url(key, s) < 0 || key->len == 0)
		return err_set(e, ERR_DATA, "the HMAC key for the account's binding is no base64");
	return 0;
}

int
eab_load(const char *kid, const char *source, struct eab *eab, struct err *e)
{
	struct buf text;
	int rc;

	if (!kid)
		kid = getenv(EAB_KID_VARIABLE);
	if (!kid || !*kid) {
		if (!source)
			return 0;
		return err_set(e, ERR_USAGE, "--eab-hmac-key needs --eab-kid");
	}
	if (strlen(kid) > KID_MAX)
		return err_set(e, ERR_USAGE, "--eab-kid is longer than %d bytes", KID_MAX);
	buf_init_secret(&text, KEY_MAX);
	rc = read_source(source, &text, e);
	if (rc < 0 && !source && e)
		err_hint(e, "give the key that belongs to --eab-kid with --eab-hmac-key FILE");
	if (rc == 0)
		rc = decode_key(&text, &eab->key, e);
	buf_release(&text);
	if (rc == 0)
		eab->kid = mem_strdup(kid);
	return rc;
}

int
eab_format(const struct eab *eab, const EVP_PKEY *account_key, const char *url, struct buf *out,
    struct err *e)
{
	struct jws_header header = { .url = url, .kid = eab->kid };
	struct buf jwk;
	int rc = -1;

	buf_init(&jwk, PAYLOAD_MAX);
	if (jwk_format_public(account_key, &jwk, e) == 0)
		rc = jws_sign_hmac(buf_span(&eab->key), &header, buf_span(&jwk), out, e);
	buf_release(&jwk);
	return rc;
}

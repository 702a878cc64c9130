/* SPDX-License-Identifier: ISC */
/*
 * PKCS#12 files.
 */
#include "libcert/pkcs12.h"

#include "base/file.h"
#include "base/mem.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#define PASSWORD_MAX 255
#define PASSWORD_FILE_MAX 4096
/* OpenSSL's own default for either; OWASP's advice for secrets that people choose would be more, but Java's is 10000. */
#define ITERATIONS 10000

int
pkcs12_format(STACK_OF(X509) *certs, EVP_PKEY *key, const char *label, const char *password,
    struct buf *out, struct err *e)
{
	X509 *leaf = sk_X509_value(certs, 0);
	STACK_OF(X509) *chain = sk_X509_dup(certs);
	unsigned char *der = NULL;
	PKCS12 *made = NULL;
	int len = 0, rc = 0;

	if (chain) {
		(void)sk_X509_shift(chain);
		made = PKCS12_create(password, label, key, leaf, chain, NID_aes_256_cbc,
		    NID_aes_256_cbc, ITERATIONS, ITERATIONS, 0);
	}
	if (made)
		len = i2d_PKCS12(made, &der);
	if (len <= 0 || buf_add(out, span_of(der, (size_t)len)) < 0)
		rc = err_set_openssl(e, ERR_BUG, "cannot make a PKCS#12 file");
	OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
	PKCS12_free(made);
	sk_X509_free(chain);
	return rc;
}

int
pkcs12_read_password(const char *path, char **password, struct err *e)
{
	struct buf text;
	struct span rest, line = { 0 };
	int rc;

	buf_init_secret(&text, PASSWORD_FILE_MAX);
	rc = file_read(path, &text, e);
	if (rc == 0) {
		rest = buf_span(&text);
		(void)span_split(&rest, '\n', &line);
		if (span_ends(line, SPAN("\r")))
			line.n--;
		if (line.n == 0 || line.n > PASSWORD_MAX || memchr(line.p, '\0', line.n))
			rc = err_set(e, ERR_DATA,
			    "%s: its first line is no password of 1 to %d bytes", path,
			    PASSWORD_MAX);
		else
			*password = mem_dup_span(line);
	}
	buf_release(&text);
	return rc;
}

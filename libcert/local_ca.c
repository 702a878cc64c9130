/* SPDX-License-Identifier: ISC */
/*
 * A certificate authority in a directory: made, opened, issuing.
 */
#include "base/file.h"
#include "base/mem.h"
#include "libcert/certpair.h"
#include "libcert/local_ca_internal.h"
#include "libcert/subject.h"
#include "libcert/x509info.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM_MAX ((size_t)256 * 1024)
#define HOST_SHOWN 32 /* of the host's name, so that the common name stays below its 64 bytes */

char *
local_ca_default_dir(struct err *e)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (data && data[0] == '/')
		return file_join(data, "gatehouse/ca");
	if (home && home[0] == '/')
		return file_join(home, ".local/share/gatehouse/ca");
	err_set(e, ERR_USAGE, "no home directory for the local CA");
	err_hint(e, "say where it is: --ca-dir DIR");
	return NULL;
}

static struct local_ca *
local_ca_new(const char *dir)
{
	struct local_ca *ca = mem_zalloc(sizeof(*ca));

	ca->dir = mem_strdup(dir);
	ca->cert_path = file_join(dir, "ca.crt");
	ca->key_path = file_join(dir, "ca.key");
	ca->crl_path = file_join(dir, "ca.crl");
	ca->issued_dir = file_join(dir, "issued");
	ca->lock_path = file_join(dir, "lock");
	return ca;
}

void
local_ca_close(struct local_ca *ca)
{
	if (!ca)
		return;
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
	free(ca->dir);
	free(ca->cert_path);
	free(ca->key_path);
	free(ca->crl_path);
	free(ca->issued_dir);
	free(ca->lock_path);
	free(ca);
}

X509 *
local_ca_cert(const struct local_ca *ca)
{
	return ca->cert;
}

const char *
local_ca_cert_path(const struct local_ca *ca)
{
	return ca->cert_path;
}

const char *
local_ca_crl_path(const struct local_ca *ca)
{
	return ca->crl_path;
}

/* ---- made ---- */

/* Two CAs of one host have to differ in their names, or clients take one for the other. */
static int
default_subject(EVP_PKEY *key, X509_NAME **subject, struct err *e)
{
	unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE] = { 0 };
	int len = i2d_PUBKEY(key, &der);
	char host[256] = "this machine", *text;
	int rc = -1;

	if (len > 0)
		(void)EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	(void)gethostname(host, sizeof(host) - 1);
	text = mem_printf("Local CA of %.*s (%02X%02X%02X%02X)", HOST_SHOWN, host, digest[0],
	    digest[1], digest[2], digest[3]);
	*subject = X509_NAME_new();
	if (!*subject)
		err_set_openssl(e, ERR_BUG, "cannot make a subject");
	else if (subject_add(*subject, "O", SPAN("Gatehouse local CA"), e) == 0)
		rc = subject_add(*subject, "CN", span_str(text), e);
	free(text);
	return rc;
}

static int
make_root(const struct local_ca_request *request, EVP_PKEY *key, X509 **cert, struct err *e)
{
	struct x509gen_request gen = {
		.use = X509GEN_CA,
		.subject = request->subject,
		.permits = request->permits,
		.permit_count = request->permit_count,
		.not_before = request->not_before,
		.not_after = request->not_after,
		.digest = request->digest,
		.key = key,
	};
	X509_NAME *made = NULL;
	int rc = 0;

	if (!request->subject) {
		rc = default_subject(key, &made, e);
		gen.subject = made;
	}
	if (rc == 0)
		rc = x509gen_make(&gen, cert, e);
	X509_NAME_free(made);
	return rc;
}

static int
write_root(const struct local_ca *ca, X509 *cert, const EVP_PKEY *key, struct err *e)
{
	struct certpair pair = { .cert_path = ca->cert_path, .key_path = ca->key_path };
	struct buf cert_pem, key_pem;
	int rc = -1;

	buf_init(&cert_pem, PEM_MAX);
	buf_init_secret(&key_pem, PEM_MAX);
	if (x509info_format_pem(cert, &cert_pem, e) == 0 &&
	    pkey_format_pem(key, &key_pem, e) == 0) {
		pair.cert = buf_span(&cert_pem);
		pair.key = buf_span(&key_pem);
		rc = certpair_write(&pair, e);
	}
	buf_release(&cert_pem);
	buf_release(&key_pem);
	return rc;
}

static int
check_absent(const struct local_ca *ca, struct err *e)
{
	struct certpair pair = { .cert_path = ca->cert_path, .key_path = ca->key_path };

	if (certpair_check(&pair, NULL) == 0)
		return 0;
	err_set(e, ERR_CANTCREATE, "there is a CA in %s already", ca->dir);
	return err_hint(e, "use it with --ca, or choose another directory with --ca-dir");
}

int
local_ca_create(const char *dir, const struct local_ca_request *request, struct err *e)
{
	struct local_ca *ca = local_ca_new(dir);
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	int rc = -1;

	if (check_absent(ca, e) == 0 && pkey_generate(&request->key_spec, &key, e) == 0 &&
	    make_root(request, key, &cert, e) == 0 &&
	    file_make_dirs(ca->issued_dir, 0700, e) == 0 && chmod(dir, 0700) == 0)
		rc = write_root(ca, cert, key, e);
	X509_free(cert);
	EVP_PKEY_free(key);
	local_ca_close(ca);
	return rc;
}

/* ---- opened ---- */

static int
check_private(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set_errno(e, errno, "cannot look at %s", path);
	if (st.st_mode & 077) {
		err_set(e, ERR_PERM, "the key of the CA, %s, is open to others (mode %04o)", path,
		    (unsigned)(st.st_mode & 07777));
		return err_hint(e, "chmod 600 %s, and ask yourself who has read it", path);
	}
	return 0;
}

static int
load(struct local_ca *ca, struct err *e)
{
	STACK_OF(X509) *certs = NULL;

	if (x509info_load(ca->cert_path, &certs, e) < 0)
		return -1;
	ca->cert = sk_X509_shift(certs);
	sk_X509_pop_free(certs, X509_free);
	if (check_private(ca->key_path, e) < 0 || pkey_load(ca->key_path, NULL, &ca->key, e) < 0)
		return -1;
	if (!x509info_key_matches(ca->cert, ca->key))
		return err_set(e, ERR_DATA, "%s is not the key of %s", ca->key_path, ca->cert_path);
	if (X509_check_ca(ca->cert) != 1)
		return err_set(e, ERR_DATA, "%s is no certificate of a CA", ca->cert_path);
	return 0;
}

int
local_ca_open(const char *dir, struct local_ca **ca, struct err *e)
{
	struct local_ca *opened = local_ca_new(dir);
	struct certpair pair = { .cert_path = opened->cert_path, .key_path = opened->key_path };

	(void)certpair_recover(&pair);
	if (!file_exists(opened->cert_path)) {
		err_set(e, ERR_NOINPUT, "there is no CA in %s", dir);
		err_hint(e, "make one: mkcert-selfsigned --ca-init");
	} else if (load(opened, e) == 0) {
		*ca = opened;
		return 0;
	}
	local_ca_close(opened);
	return -1;
}

/* ---- issuing ---- */

int
local_ca_issue(struct local_ca *ca, struct x509gen_request *request, X509 **cert, struct err *e)
{
	X509 *made = NULL;

	request->issuer = ca->cert;
	request->issuer_key = ca->key;
	if (request->not_after > x509info_time(X509_get0_notAfter(ca->cert))) {
		err_set(e, ERR_USAGE, "the certificate would outlive its CA");
		return err_hint(e, "ask for fewer days, or make a new CA");
	}
	if (x509gen_make(request, &made, e) < 0)
		return -1;
	if (permit_check(ca->cert, made, e) < 0 || local_ca_record(ca, made, e) < 0) {
		X509_free(made);
		return -1;
	}
	*cert = made;
	return 0;
}

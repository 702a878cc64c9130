/* SPDX-License-Identifier: ISC */
/*
 * tls_file_pack: files of a server's TLS settings that are no certificates: DH parameters, keys of session tickets.
 */
#include "base/file.h"
#include "base/mem.h"
#include "libcert/dh.h"
#include "proxy/monitor/certificate_pack.h"
#include "proxy/monitor/file_identity.h"
#include "proxy/tls/ticket_key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <fcntl.h>

#define DHPARAM_MAX (64 << 10)
#define TICKET_KEY_FILE_MAX 4096

/* The parameters as PKCS#3 DER, however the file has them. */
static int
dhparam_encode(struct span pem, struct buf *der, struct err *e)
{
	unsigned char *data = NULL;
	char *name = NULL, *header = NULL;
	EVP_PKEY *params = NULL;
	struct buf again;
	BIO *in = NULL;
	long n = 0;
	int rc = -1;

	buf_init(&again, DHPARAM_MAX);
	if (dh_parse_pem(pem, &params, e) < 0 || dh_format_pem(params, &again, e) < 0)
		goto out;
	in = BIO_new_mem_buf(again.p, (int)again.len);
	if (!in || PEM_read_bio(in, &name, &header, &data, &n) != 1)
		err_set_openssl(e, ERR_BUG, "cannot encode them");
	else
		rc = buf_add(der, span_of(data, (size_t)n));
out:
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(data);
	BIO_free(in);
	buf_release(&again);
	EVP_PKEY_free(params);
	return rc;
}

int
dhparam_pack(struct bundle_writer *w, const struct bundle *previous, struct span path,
    struct err *e)
{
	char *name = mem_dup_span(path);
	struct file_identity id;
	struct buf pem, der;
	struct span known;
	bool stable;
	int rc = 0;

	buf_init(&pem, DHPARAM_MAX);
	buf_init(&der, DHPARAM_MAX);
	stable = file_identity_read(AT_FDCWD, name, &id) == 0;
	if (stable && file_identity_reuse(previous, BUNDLE_DHPARAM, path, &id, 1, &known)) {
		bundle_writer_add(w, BUNDLE_DHPARAM, path, known);
	} else {
		rc = file_read(name, &pem, e);
		if (rc == 0)
			rc = dhparam_encode(buf_span(&pem), &der, e);
		if (rc == 0)
			bundle_writer_add(w, BUNDLE_DHPARAM, path, buf_span(&der));
	}
	if (rc == 0 && stable)
		file_identity_record(w, BUNDLE_DHPARAM, path, &id, 1);
	buf_release(&pem);
	buf_release(&der);
	free(name);
	return rc < 0 ? err_wrap(e, "cannot load DH parameters \"" SPAN_FMT "\"", SPAN_ARG(path))
		      : 0;
}

int
ticket_key_pack(struct bundle_writer *w, struct span path, struct err *e)
{
	char *name = mem_dup_span(path);
	struct ticket_key key;
	struct buf file;
	int rc;

	buf_init_secret(&file, TICKET_KEY_FILE_MAX);
	rc = file_read(name, &file, e);
	if (rc == 0 && ticket_key_parse(buf_span(&file), &key) < 0) {
		rc = err_set(e, ERR_DATA, "it has %zu bytes", file.len);
		err_hint(e, "it takes 80 (or 48) random bytes: openssl rand 80 > FILE");
	} else if (rc == 0) {
		bundle_writer_add(w, BUNDLE_TICKET_KEY, path, span_of(&key, sizeof(key)));
		OPENSSL_cleanse(&key, sizeof(key));
	}
	buf_release(&file);
	free(name);
	return rc < 0
		   ? err_wrap(e, "cannot load session ticket key \"" SPAN_FMT "\"", SPAN_ARG(path))
		   : 0;
}

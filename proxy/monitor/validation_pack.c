/* SPDX-License-Identifier: ISC */
/* validation_pack: see validation_pack.h. */
#include "proxy/monitor/validation_pack.h"

#include "base/file.h"
#include "base/mem.h"
#include "libcert/validation_cert.h"
#include "proxy/monitor/bundle.h"
#include "proxy/monitor/certificate_pair.h"

#include <openssl/evp.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Validations under way at once; an ACME order has 100 names at most. */
#define FILES_MAX 1000
#define ENTRY_MAX (256 << 10)

static bool
is_candidate(struct span name)
{
	return name.n > sizeof(VALIDATION_CERT_SUFFIX) - 1 && name.p[0] != '.' &&
	       span_ends(name, SPAN(VALIDATION_CERT_SUFFIX));
}

static int
add_parsed(struct bundle_writer *w, struct span stem, const struct validation_cert *v,
    struct err *e)
{
	struct certificate_pair pair = { .chain = sk_X509_new_null() };
	struct buf entry;
	int n, rc = -1;

	buf_init_secret(&entry, ENTRY_MAX);
	if (!span_eq(span_str(v->server), stem)) {
		err_set(e, ERR_DATA, "it is for \"%s\"", v->server);
		goto out;
	}
	n = i2d_PrivateKey(v->key, &pair.key);
	if (n <= 0 || !pair.chain || sk_X509_push(pair.chain, v->cert) == 0) {
		err_set_openssl(e, ERR_DATA, "cannot encode it");
		goto out;
	}
	pair.key_length = (size_t)n;
	rc = certificate_pair_encode(&pair, &entry, e);
	if (rc == 0)
		bundle_writer_add(w, BUNDLE_CERTIFICATE, stem, buf_span(&entry));
out:
	sk_X509_free(pair.chain); /* the certificate is v's */
	pair.chain = NULL;
	certificate_pair_release(&pair);
	buf_release(&entry);
	return rc;
}

static int
add_file(struct bundle_writer *w, int directory, const char *name, struct err *e)
{
	struct span stem = span_str(name);
	struct validation_cert v = { .key = NULL };
	struct buf pem;
	int rc;

	stem.n -= sizeof(VALIDATION_CERT_SUFFIX) - 1;
	buf_init_secret(&pem, VALIDATION_CERT_FILE_MAX);
	rc = file_read_at(directory, name, &pem, e);
	if (rc == 0)
		rc = validation_cert_parse(buf_span(&pem), &v, e);
	if (rc == 0)
		rc = add_parsed(w, stem, &v, e);
	validation_cert_release(&v);
	buf_release(&pem);
	return rc < 0 ? err_wrap(e, "validation certificate %s", name) : 0;
}

static int
add_files(struct bundle_writer *w, const char *path, struct err *skipped, struct err *e)
{
	DIR *d = opendir(path);
	const struct dirent *one;
	unsigned count = 0;

	if (!d)
		return err_set_errno(e, errno, "cannot list %s", path);
	while ((one = readdir(d)) && count < FILES_MAX) {
		struct err why = ERR_INIT;

		if (!is_candidate(span_str(one->d_name)))
			continue;
		count++;
		/* One that goes away under our eyes is no reason to complain. */
		if (add_file(w, dirfd(d), one->d_name, &why) < 0 &&
		    faccessat(dirfd(d), one->d_name, F_OK, 0) == 0 && skipped->kind == ERR_NONE)
			err_set(skipped, ERR_DATA, "%s", err_text(&why));
		err_release(&why);
	}
	closedir(d);
	return 0;
}

int
validation_pack(struct span directory, struct err *skipped, struct err *e)
{
	struct bundle_writer *w = bundle_writer_new();
	char *path = mem_dup_span(directory);
	int fd = -1;

	if ((directory.n == 0 ||
		(file_make_dirs(path, 0700, e) == 0 && add_files(w, path, skipped, e) == 0)))
		fd = bundle_writer_seal(w, e);
	bundle_writer_free(w);
	free(path);
	return fd;
}

/* SPDX-License-Identifier: ISC */
/*
 * The system's own store, as update-ca-certificates keeps it: anchors in a directory, and a bundle made of them and
 * of the distribution's roots, which OpenSSL, GnuTLS, curl and most else reads.
 */
#include "base/file.h"
#include "base/mem.h"
#include "libcert/trust_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ANCHORS "/usr/local/share/ca-certificates"
#define BUNDLE "/etc/ssl/certs/ca-certificates.crt"
#define BUNDLE_MAX ((size_t)16 * 1024 * 1024)
#define SAID_MAX ((size_t)64 * 1024)

/* Certificates one by one: a bundle holds more of them than x509info_load takes. */
static bool
holds(struct span pem, X509 *ca)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	bool found = false;
	X509 *cert;

	while (bio && !found && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		found = X509_cmp(cert, ca) == 0;
		X509_free(cert);
	}
	BIO_free(bio);
	ERR_clear_error();
	return found;
}

static int
is_trusted(const struct trust_run *run, bool *trusted, struct err *e)
{
	struct buf pem;
	int rc;

	buf_init(&pem, BUNDLE_MAX);
	rc = file_read(BUNDLE, &pem, e);
	*trusted = rc == 0 && pem.len > 0 && holds(buf_span(&pem), run->request->ca);
	buf_release(&pem);
	return rc;
}

static int
update(const struct trust_run *run, struct err *e)
{
	static const char *const argv[] = { "update-ca-certificates", NULL };
	struct buf said;
	int rc;

	buf_init(&said, SAID_MAX);
	rc = trust_command(run, argv, span_of(NULL, 0), NULL, &said, e);
	buf_release(&said);
	return rc;
}

static int
change(const struct trust_run *run, const char *anchor, struct err *e)
{
	narrate(run->request->narrator, "%s %s",
	    run->request->action == TRUST_INSTALL ? "writing" : "removing", anchor);
	if (run->request->action == TRUST_INSTALL) {
		if (file_make_dirs(ANCHORS, 0755, e) < 0 ||
		    file_write_atomic(anchor, run->pem, 0644, e) < 0)
			return -1;
	} else if (unlink(anchor) < 0) {
		if (errno == ENOENT)
			return err_set(e, ERR_NOINPUT,
			    "it is trusted, but not by an anchor of ours in " ANCHORS);
		return err_set_errno(e, errno, "cannot remove %s", anchor);
	}
	return update(run, e);
}

void
trust_system(struct trust_run *run)
{
	bool install = run->request->action == TRUST_INSTALL, trusted;
	char *anchor = mem_printf(ANCHORS "/%s.crt", run->label);
	struct err e = ERR_INIT;
	int rc;

	if (!trust_has_program("update-ca-certificates") && !file_exists(BUNDLE)) {
		trust_tell(run, TRUST_SYSTEM, TRUST_ABSENT, BUNDLE,
		    "update-ca-certificates is not installed (package ca-certificates)");
		free(anchor);
		return;
	}
	rc = is_trusted(run, &trusted, &e);
	/* A bundle that is not there yet is made by the first update. */
	if (rc < 0 && e.kind == ERR_NOINPUT) {
		err_reset(&e);
		rc = 0;
	}
	if (rc == 0 && run->request->action != TRUST_STATUS && trusted != install) {
		rc = change(run, anchor, &e);
		if (rc == 0)
			rc = is_trusted(run, &trusted, &e);
	}
	if (rc < 0)
		trust_tell_failed(run, TRUST_SYSTEM, BUNDLE, &e);
	else
		trust_tell(run, TRUST_SYSTEM, trusted ? TRUST_TRUSTED : TRUST_UNTRUSTED, BUNDLE,
		    NULL);
	err_release(&e);
	free(anchor);
}

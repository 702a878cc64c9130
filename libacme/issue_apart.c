/* SPDX-License-Identifier: ISC */
/*
 * issue_apart: orders whose certificate does not go into the store: trials (--dry-run), which are thrown away,
 * and requests of somebody else's key (--csr), whose certificate is written where the user says.
 *
 * Each has an order file of its own, so that none ever takes up, or removes, the lineage's own order.
 */
#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/backoff.h"
#include "libacme/issue.h"
#include "libacme/order_file.h"
#include "libcert/chain.h"
#include "libcert/x509info.h"

#define PEM_MAX ((size_t)256 * 1024)

bool
issue_is_apart(const struct issue *job)
{
	return job->dry || job->csr.der.n > 0;
}

void
issue_make_trial(struct issue *job)
{
	const char *trial = acme_server_trial(job->how.server);

	job->dry = true;
	/* An account belongs to its CA. */
	if (strcmp(trial, job->how.server) != 0)
		job->how.account = NULL;
	job->how.server = trial;
}

/* A name for locks and order files: of the request, or of the trial. */
static char *
apart_name(const struct issue *job)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct buf hex;
	char *name;

	if (job->csr.der.n == 0)
		return mem_printf("%s.trial", job->name);
	EVP_Digest(job->csr.der.p, job->csr.der.n, digest, NULL, EVP_sha256(), NULL);
	buf_init(&hex, 64);
	encode_hex(&hex, span_of(digest, 16));
	name = mem_printf("%s.request", buf_str(&hex));
	buf_release(&hex);
	return name;
}

static int
check_targets(const struct issue *job, struct err *e)
{
	const char *paths[] = { job->cert_path, job->chain_path, job->fullchain_path };

	for (size_t i = 0; i < 3 && job->csr.der.n && !job->overwrite; i++) {
		if (!file_exists(paths[i]))
			continue;
		err_set(e, ERR_CANTCREATE, "%s is there already", paths[i]);
		return err_hint(e, "name other files, or give --overwrite");
	}
	return 0;
}

int
issue_decide_apart(struct issue *job, struct err *e)
{
	char *name = apart_name(job);
	struct err why = ERR_INIT;

	free(job->order_file);
	job->order_file =
	    mem_printf("%s/gatehouse/orders/%s.json", certstore_dir(job->store), name);
	job->lock = certstore_lock(job->store, name, false, e);
	job->attempts = job->dry ? NULL : arena_strdup(job->arena, span_str(name));
	free(name);
	if (job->lock < 0 || check_targets(job, e) < 0)
		return -1;
	file_sweep(job->order_file);
	if (job->dry)
		order_file_remove(job->order_file); /* a trial starts at the beginning */
	if (!job->names && !job->csr.der.n) {
		if (issued_load(job->store, job->name, job->arena, &job->live, &why) < 0) {
			err_move(e, &why);
			return -1;
		}
		job->names = job->live.names;
		job->name_count = job->live.name_count;
	}
	if (job->attempts && backoff_check(job->store, job->attempts, job->names, job->name_count,
				 job->by_hand, e) < 0)
		return -1;
	job->order_wanted = true;
	return 0;
}

/* ---- the result ------------------------------------------------------------------------------ */

/* All that certstore_publish checks, but against no version before. */
static int
check_certificate(const struct issue *job, STACK_OF(X509) *certs, struct err *e)
{
	X509 *leaf = sk_X509_value(certs, 0);
	const EVP_PKEY *key =
	    job->csr.der.n ? X509_REQ_get0_pubkey(job->csr.req) : order_key(job->order);

	if (!x509info_key_matches(leaf, key))
		return err_set(e, ERR_DATA,
		    "the certificate is for another key than was asked for");
	for (size_t i = 0; i < job->name_count; i++) {
		if (!x509info_covers(leaf, job->names[i]))
			return err_set(e, ERR_DATA, "the certificate does not hold for %.*s",
			    SPAN_ARG(job->names[i]));
	}
	return chain_check_order(certs, e);
}

static int
write_part(const char *path, STACK_OF(X509) *certs, int first, int end, bool overwrite,
    struct err *e)
{
	struct buf pem;
	int rc = 0;

	buf_init(&pem, PEM_MAX);
	for (int i = first; rc == 0 && i < end; i++)
		rc = x509info_format_pem(sk_X509_value(certs, i), &pem, e);
	if (rc == 0 && overwrite)
		rc = file_write_atomic(path, buf_span(&pem), 0644, e);
	else if (rc == 0)
		rc = file_write_new(path, buf_span(&pem), 0644, e);
	buf_release(&pem);
	return rc;
}

static int
write_files(struct issue *job, STACK_OF(X509) *certs, struct err *e)
{
	int count = sk_X509_num(certs);

	if (write_part(job->fullchain_path, certs, 0, count, job->overwrite, e) < 0 ||
	    write_part(job->cert_path, certs, 0, 1, job->overwrite, e) < 0)
		return -1;
	return write_part(job->chain_path, certs, 1, count, job->overwrite, e);
}

int
issue_finish_apart(struct issue *job, struct err *e)
{
	STACK_OF(X509) *certs = NULL;
	int rc = -1;

	if (x509info_parse_pem(order_fullchain(job->order), &certs, e) < 0)
		return err_wrap(e, "the CA's certificate cannot be used");
	if (check_certificate(job, certs, e) == 0)
		rc = job->csr.der.n && !job->dry ? write_files(job, certs, e) : 0;
	if (rc == 0)
		order_file_remove(job->order_file);
	sk_X509_pop_free(certs, X509_free);
	return rc;
}

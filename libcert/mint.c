/* SPDX-License-Identifier: ISC */
/*
 * From request to files.
 *
 *	mint_run    options that contradict each other are refused
 *	  prepare   what the request leaves open is taken from the signing request, the old certificate, the answers
 *	  issue     by itself or by the local CA
 *	  write     all files or none
 */
#include "base/clock.h"
#include "base/mem.h"
#include "libcert/certpair.h"
#include "libcert/csr.h"
#include "libcert/mint_internal.h"
#include "libcert/pkcs12.h"
#include "libcert/subject.h"
#include "libcert/x509info.h"

#include <stdlib.h>

#define PEM_MAX ((size_t)1024 * 1024)
#define COMMON_NAME 64 /* ub-common-name, RFC 5280 appendix A.1 */
#define TIME_MAX INT64_C(253402300799)
#define PASSWORD_DEFAULT "changeit"

void
mint_request_release(struct mint_request *request)
{
	name_list_release(&request->names);
	X509_NAME_free(request->subject);
	*request = (struct mint_request){ 0 };
}

void
minted_release(struct minted *minted)
{
	sk_X509_pop_free(minted->certs, X509_free);
	EVP_PKEY_free(minted->key);
	name_list_release(&minted->names);
	free(minted->cert_path);
	free(minted->key_path);
	free(minted->bundle_path);
	*minted = (struct minted){ 0 };
}

/* ---- dates ---- */

int
mint_time(int64_t *now, struct err *e)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t value;

	*now = clock_wall();
	if (!epoch || !*epoch)
		return 0;
	if (span_to_u64(span_str(epoch), TIME_MAX, &value) < 0)
		return err_set(e, ERR_USAGE, "SOURCE_DATE_EPOCH is \"%s\", not a number of seconds",
		    epoch);
	*now = (int64_t)value;
	return 0;
}

int
mint_end(int64_t now, int64_t days, int64_t not_after, int64_t default_days, int64_t *end,
    struct err *e)
{
	if (days > 0 && not_after > 0)
		return err_set(e, ERR_USAGE, "-days and --not-after contradict each other");
	if (not_after > 0 && not_after <= now)
		return err_set(e, ERR_USAGE, "--not-after is in the past");
	*end = not_after > 0 ? not_after : now + (days > 0 ? days : default_days) * MINT_DAY;
	return 0;
}

static int
complete_dates(struct minting *m, struct err *e)
{
	const struct mint_request *r = m->request;
	int64_t begin, end;

	/* A client whose clock is behind still accepts it. */
	m->not_before = r->now > MINT_BACKDATE ? r->now - MINT_BACKDATE : 0;
	if (m->not_after > 0 && !r->days && !r->not_after)
		m->not_after += m->not_before; /* as long as the old one */
	else if (mint_end(r->now, r->days, r->not_after, MINT_DAYS_DEFAULT, &m->not_after, e) < 0)
		return -1;
	if (!m->ca)
		return 0;
	begin = x509info_time(X509_get0_notBefore(local_ca_cert(m->ca)));
	end = x509info_time(X509_get0_notAfter(local_ca_cert(m->ca)));
	if (end <= r->now)
		return err_set(e, ERR_DATA, "the CA has expired: %s", local_ca_cert_path(m->ca));
	if (m->not_before < begin)
		m->not_before = begin;
	/* Nobody asked for this day in particular. */
	if (m->not_after > end && !r->days && !r->not_after)
		m->not_after = end;
	return 0;
}

/* ---- names and subject ---- */

/* The subject's common name joins a server's names, if it is one; who visits it looks nowhere else. */
static void
add_common_name(struct mint_request *r)
{
	char *name = subject_common_name(r->subject);

	if (name)
		(void)!name_list_add(&r->names, span_str(name), NULL);
	free(name);
}

/* Neither name nor subject: the classic questions, if somebody is there to answer. */
static int
ask_subject(struct mint_request *r, struct err *e)
{
	if (!r->ask_in) {
		err_set(e, ERR_USAGE, "no name given");
		return err_hint(e, "as in: mkcert-selfsigned localhost 127.0.0.1 ::1");
	}
	return subject_ask(r->ask_in, r->ask_out, &r->subject, e);
}

static int
complete_subject(struct minting *m, struct err *e)
{
	struct mint_request *r = m->request;

	if (!r->subject && r->names.count == 0 && ask_subject(r, e) < 0)
		return -1;
	if (r->subject) {
		/* A client's is that of a person as often as not. */
		if (m->minted->use != X509GEN_CLIENT)
			add_common_name(r);
		return 0;
	}
	r->subject = X509_NAME_new();
	if (!r->subject)
		return err_set_openssl(e, ERR_BUG, "cannot make a subject");
	if (strlen(r->names.items[0].text) > COMMON_NAME)
		return 0;
	return subject_add(r->subject, "CN", span_str(r->names.items[0].text), e);
}

/* What the request says, unless the command line says otherwise. */
static int
take_csr(struct minting *m, struct err *e)
{
	struct mint_request *r = m->request;
	struct csr csr;

	if (csr_load(r->csr_path, &csr, e) < 0)
		return -1;
	m->minted->key = csr.key;
	csr.key = NULL;
	/* Whoever types names has the last word on them, the common name included. */
	if (r->names.count == 0) {
		r->names = csr.names;
		csr.names = (struct name_list){ 0 };
		if (!r->subject) {
			r->subject = csr.subject;
			csr.subject = NULL;
		}
	}
	if (csr.client && !r->client)
		m->minted->use = csr.server ? X509GEN_PEER : X509GEN_CLIENT;
	csr_release(&csr);
	m->write_key = false;
	return 0;
}

/* ---- paths and key ---- */

static int
complete_paths(struct minting *m, struct err *e)
{
	const struct mint_request *r = m->request;
	struct minted *minted = m->minted;

	if (minted->cert_path)
		return 0; /* renewed where it lies */
	if (!r->cert_path && r->names.count == 0)
		return err_set(e, ERR_USAGE, "no name to call the files by: give -out and -keyout");
	minted->cert_path =
	    r->cert_path ? mem_strdup(r->cert_path) : certpair_cert_name(&r->names.items[0]);
	if (r->key_from)
		minted->key_path = mem_strdup(r->key_from);
	else if (!r->csr_path)
		minted->key_path =
		    r->key_path ? mem_strdup(r->key_path) : certpair_key_name(minted->cert_path);
	return 0;
}

void
mint_recover(const struct minting *m)
{
	struct certpair pair = {
		.cert_path = m->minted->cert_path,
		.key_path = m->minted->key_path,
		.bundle_path = m->minted->bundle_path,
		.narrator = m->request->narrator,
	};

	(void)certpair_recover(&pair);
}

int
mint_load_key(struct minting *m, const char *path, struct err *e)
{
	if (pkey_load(path, NULL, &m->minted->key, e) < 0)
		return -1;
	narrate(m->request->narrator, "using the key in %s", path);
	if (EVP_PKEY_get_security_bits(m->minted->key) >= 112)
		return 0;
	return err_set(e, ERR_DATA, "%s: too weak a key (%d bits)", path,
	    EVP_PKEY_get_bits(m->minted->key));
}

static int
make_key(struct minting *m, struct err *e)
{
	char words[32];

	if (pkey_generate(&m->request->key_spec, &m->minted->key, e) < 0)
		return -1;
	pkey_describe(m->minted->key, words);
	narrate(m->request->narrator, "made a key: %s", words);
	return 0;
}

static int
complete_key(struct minting *m, struct err *e)
{
	struct mint_request *r = m->request;

	if (m->minted->key)
		return 0;
	if (!r->key_from && !r->reuse_key)
		return make_key(m, e);
	/* In one file with the certificate, the key is written with it. */
	m->write_key = certpair_same_place(m->minted->cert_path, m->minted->key_path);
	return mint_load_key(m, m->minted->key_path, e);
}

/* ---- issue and write ---- */

static int
issue(struct minting *m, struct err *e)
{
	struct mint_request *r = m->request;
	struct x509gen_request gen = {
		.use = m->minted->use,
		.subject = r->subject,
		.names = r->names.items,
		.name_count = r->names.count,
		.not_before = m->not_before,
		.not_after = m->not_after,
		.digest = r->digest,
		.key = m->minted->key,
	};
	X509 *cert = NULL;
	int rc = m->ca ? local_ca_issue(m->ca, &gen, &cert, e) : x509gen_make(&gen, &cert, e);

	if (rc < 0)
		return -1;
	if (m->ca)
		narrate(r->narrator, "signed by the CA %s", local_ca_cert_path(m->ca));
	else
		narrate(r->narrator, "signed with its own key");
	m->minted->certs = sk_X509_new_null();
	if (!m->minted->certs || !sk_X509_push(m->minted->certs, cert)) {
		X509_free(cert);
		return err_set_openssl(e, ERR_BUG, "cannot keep a certificate");
	}
	if (!m->ca)
		return 0;
	if (!X509_up_ref(local_ca_cert(m->ca)) ||
	    !sk_X509_push(m->minted->certs, local_ca_cert(m->ca)))
		return err_set_openssl(e, ERR_BUG, "cannot keep a certificate");
	return 0;
}

static int
format_bundle(const struct minting *m, struct buf *out, struct err *e)
{
	const char *password = m->request->bundle_password;
	char *label = m->request->names.count ? mem_strdup(m->request->names.items[0].text)
					      : subject_common_name(m->request->subject);
	int rc = pkcs12_format(m->minted->certs, m->minted->key, label ? label : "certificate",
	    password ? password : PASSWORD_DEFAULT, out, e);

	free(label);
	return rc;
}

static int
write_files(const struct minting *m, struct certpair *pair, struct err *e)
{
	struct buf certs, key, bundle;
	int rc = 0;

	buf_init(&certs, PEM_MAX);
	buf_init_secret(&key, PEM_MAX);
	buf_init_secret(&bundle, PEM_MAX);
	for (int i = 0; rc == 0 && i < sk_X509_num(m->minted->certs); i++)
		rc = x509info_format_pem(sk_X509_value(m->minted->certs, i), &certs, e);
	if (rc == 0 && pair->key_path)
		rc = pkey_format_pem(m->minted->key, &key, e);
	if (rc == 0 && pair->bundle_path)
		rc = format_bundle(m, &bundle, e);
	if (rc == 0) {
		pair->cert = buf_span(&certs);
		pair->key = buf_span(&key);
		pair->bundle = buf_span(&bundle);
		rc = certpair_write(pair, e);
	}
	buf_release(&certs);
	buf_release(&key);
	buf_release(&bundle);
	return rc;
}

/* ---- all of it ---- */

/* Words that are there, and may not be together. */
static int
check(const struct mint_request *r, struct err *e)
{
	bool key = r->key_path || r->key_from || r->key_spec_given || r->reuse_key;

	if (r->csr_path && r->renew_path)
		return err_set(e, ERR_USAGE, "--csr and --renew contradict each other");
	if (r->csr_path && (key || r->bundle))
		return err_set(e, ERR_USAGE,
		    "--csr comes with a key of its own; none is made, read or "
		    "written");
	if (r->renew_path && (r->names.count || r->subject || r->cert_path || r->client))
		return err_set(e, ERR_USAGE,
		    "--renew takes names, subject, use and files from the old certificate");
	if (r->key_from && (r->key_path || r->reuse_key))
		return err_set(e, ERR_USAGE,
		    "-key is the key to use; nothing is written to -keyout");
	if (r->key_spec_given && (r->key_from || r->reuse_key))
		return err_set(e, ERR_USAGE,
		    "-newkey is for a key that is made, not for one that is "
		    "used again");
	return 0;
}

static int
prepare(struct minting *m, struct certpair *pair, struct err *e)
{
	struct mint_request *r = m->request;
	struct minted *minted = m->minted;

	m->write_key = true;
	minted->use = r->client ? X509GEN_CLIENT : X509GEN_SERVER;
	if (r->ca_dir && local_ca_open(r->ca_dir, &m->ca, e) < 0)
		return -1;
	if (r->renew_path && mint_renew(m, e) < 0)
		return -1;
	if (r->csr_path && take_csr(m, e) < 0)
		return -1;
	if (complete_subject(m, e) < 0 || complete_dates(m, e) < 0 || complete_paths(m, e) < 0)
		return -1;
	if (r->bundle)
		minted->bundle_path = certpair_bundle_name(minted->cert_path);
	if (r->key_from || r->reuse_key) {
		mint_recover(m);
		if (complete_key(m, e) < 0)
			return -1;
	}
	*pair = (struct certpair){
		.cert_path = minted->cert_path,
		.key_path = m->write_key ? minted->key_path : NULL,
		.bundle_path = minted->bundle_path,
		.replace = r->force || r->renew_path,
		.keep = m->keep,
		.key_mode = r->key_mode,
		.key_group = r->key_group,
		.set_group = r->set_group,
		.narrator = r->narrator,
	};
	return certpair_check(pair, e);
}

int
mint_run(struct mint_request *request, struct minted *minted, struct err *e)
{
	struct minting m = { .request = request, .minted = minted };
	struct certpair pair;
	int rc = -1;

	*minted = (struct minted){ 0 };
	if (check(request, e) == 0 && prepare(&m, &pair, e) == 0 && complete_key(&m, e) == 0 &&
	    issue(&m, e) == 0)
		rc = write_files(&m, &pair, e);
	local_ca_close(m.ca);
	if (rc < 0) {
		minted_release(minted);
		return -1;
	}
	minted->names = request->names;
	request->names = (struct name_list){ 0 };
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * mint: a certificate and its key, from what a person asks for to files in place.
 *
 * Self-signed or from the local CA; for new names, for somebody's signing request, or once more for an old
 * certificate's. What is not asked for is completed: names and subject from each other, dates, paths.
 */
#ifndef LIBCERT_MINT_H
#define LIBCERT_MINT_H

#include "libcert/name_list.h"
#include "libcert/pkey.h"
#include "libcert/x509gen.h"

#include <stdio.h>
#include <sys/types.h>

#define MINT_DAYS_DEFAULT 397
#define MINT_DAYS_MAX 36500
#define MINT_DAYS_APPLE 825
#define MINT_DAY INT64_C(86400)
/* So much earlier does it begin, for clients whose clocks are behind. */
#define MINT_BACKDATE INT64_C(3600)

/* As typed; NULL, 0 and false: not given. Borrowed, but for what says owned. */
struct mint_request {
	struct name_list names; /* owned */
	X509_NAME *subject;     /* owned */
	const char *cert_path, *key_path;
	const char *key_from; /* a key that is there already; not written anew */
	const char *csr_path; /* somebody else's request; needs a CA, makes no key */
	const char *renew_path;
	const char *ca_dir; /* the local CA issues */
	struct pkey_spec key_spec;
	bool key_spec_given;
	const EVP_MD *digest;
	int64_t days, not_after;
	int64_t now; /* what it is dated from */
	bool client, reuse_key, force;
	bool bundle;                 /* PKCS#12, too */
	const char *bundle_password; /* NULL = "changeit" */
	mode_t key_mode;
	gid_t key_group;
	bool set_group;
	const struct narrator *narrator; /* hears of the steps; or NULL */
	FILE *ask_in,
	    *ask_out; /* the classic questions, if neither name nor subject is given; NULL: nobody is there */
};

/* What came of it; everything is owned. */
struct minted {
	STACK_OF(X509) *certs; /* the leaf, then its issuer if that is not itself */
	EVP_PKEY *key;         /* of a signing request: the public half */
	struct name_list names;
	char *cert_path;
	char *key_path;    /* NULL: no key of ours */
	char *bundle_path; /* NULL: none */
	enum x509gen_use use;
};

int mint_run(struct mint_request *request, struct minted *minted, struct err *e)
    __attribute__((warn_unused_result));
void mint_request_release(struct mint_request *request);
void minted_release(struct minted *minted);

/* ---- values of options ---- */

int mint_parse_days(struct span text, int64_t *days, struct err *e)
    __attribute__((warn_unused_result));
/* "2027-01-31" is the end of that day (UTC); RFC 3339 says more. */
int mint_parse_not_after(struct span text, int64_t *not_after, struct err *e)
    __attribute__((warn_unused_result));
/* Octal: 0600, or with rights of the group. */
int mint_parse_key_mode(struct span text, mode_t *mode, struct err *e)
    __attribute__((warn_unused_result));
/* openssl's "ec_paramgen_curve:P-256" and "rsa_keygen_bits:4096", which follow its -newkey. */
int mint_parse_pkeyopt(struct span text, struct pkey_spec *spec, struct err *e)
    __attribute__((warn_unused_result));
/* openssl's "subjectAltName=DNS:a,IP:b"; other extensions are ours to choose. */
int mint_parse_addext(struct span text, struct name_list *names, struct err *e)
    __attribute__((warn_unused_result));

/* ---- dates ---- */

/* SOURCE_DATE_EPOCH, or now. */
int mint_time(int64_t *now, struct err *e) __attribute__((warn_unused_result));
/* When what starts at now ends: by days or not_after, both 0: by default_days. */
int mint_end(int64_t now, int64_t days, int64_t not_after, int64_t default_days, int64_t *end,
    struct err *e) __attribute__((warn_unused_result));

/* What clients will say against it, a line each. */
void mint_report_warnings(const struct minted *minted, const char *program, FILE *out);
/* Paths, names, dates, prints: for people; for programs. */
void mint_report_text(const struct minted *minted, FILE *out);
void mint_report_json(const struct minted *minted, FILE *out);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * local_ca: a certificate authority of one's own, in one directory.
 *
 *	DIR/ca.crt             its certificate, to be trusted by clients
 *	DIR/ca.key             its private key, 0600
 *	DIR/ca.crl             what it has revoked, signed: the only place where that is written down
 *	DIR/issued/SERIAL.crt  every certificate it signed, there before anybody else gets it
 *	DIR/lock               held while something is added
 *
 * Each file is put in place whole, so a crash at any instruction leaves the CA as it was before or after the step.
 */
#ifndef LIBCERT_LOCAL_CA_H
#define LIBCERT_LOCAL_CA_H

#include "base/arena.h"
#include "libcert/pkey.h"
#include "libcert/x509gen.h"

struct local_ca;

/* $XDG_DATA_HOME/gatehouse/ca, or ~/.local/share/gatehouse/ca; on the heap. NULL, e set, without a home. */
char *local_ca_default_dir(struct err *e);

/* All borrowed. */
struct local_ca_request {
	struct pkey_spec key_spec;
	const X509_NAME *subject; /* NULL = "Local CA of HOST (8 hex digits of its key)" */
	const struct permit *permits;
	size_t permit_count;
	int64_t not_before, not_after;
	const EVP_MD *digest; /* NULL = by the key */
};

/* A directory that holds a CA already is refused (ERR_CANTCREATE): there is no way to replace one. */
int local_ca_create(const char *dir, const struct local_ca_request *request, struct err *e)
    __attribute__((warn_unused_result));

/* Refuses a key that others may read, one that is not the certificate's, and what is no CA. */
int local_ca_open(const char *dir, struct local_ca **ca, struct err *e)
    __attribute__((warn_unused_result));
/* Takes NULL. */
void local_ca_close(struct local_ca *ca);
X509 *local_ca_cert(const struct local_ca *ca);            /* borrowed */
const char *local_ca_cert_path(const struct local_ca *ca); /* borrowed */
const char *local_ca_crl_path(const struct local_ca *ca);  /* borrowed */

/*
 * Make the certificate that request describes, but for its issuer, which is filled in; refused if the CA is not
 * permitted to or would end before it. Recorded before it is returned.
 */
int local_ca_issue(struct local_ca *ca, struct x509gen_request *request, X509 **cert, struct err *e)
    __attribute__((warn_unused_result));

enum local_ca_state { LOCAL_CA_VALID, LOCAL_CA_EXPIRED, LOCAL_CA_REVOKED };

/* One certificate that was issued; strings in the arena, fit for a terminal. */
struct local_ca_entry {
	struct span serial; /* hex, upper case */
	struct span name;   /* the first of names, or the subject */
	struct span *names;
	size_t name_count;
	struct span use; /* "server", "client", "server, client" */
	int64_t not_before, not_after, revoked_at;
	const char *reason; /* of the revocation */
	enum local_ca_state state;
	X509 *cert; /* lives as long as the arena */
};

/* "valid", "expired", "revoked" */
const char *local_ca_state_word(enum local_ca_state state);

/* The oldest first. */
int local_ca_list(struct local_ca *ca, int64_t now, struct arena *arena,
    struct local_ca_entry **entries, size_t *count, struct err *e)
    __attribute__((warn_unused_result));

/*
 * Revoke what is meant by which: a certificate's file, a serial number, or a name that exactly one valid certificate
 * has. The list is signed anew, its next one due at next. *entry tells what was revoked.
 */
int local_ca_revoke(struct local_ca *ca, const char *which, int reason, int64_t now, int64_t next,
    struct arena *arena, struct local_ca_entry *entry, struct err *e)
    __attribute__((warn_unused_result));
/* Sign the list anew, nothing added. */
int local_ca_renew_crl(struct local_ca *ca, int64_t now, int64_t next, struct err *e)
    __attribute__((warn_unused_result));

#endif

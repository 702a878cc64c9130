/* SPDX-License-Identifier: ISC */
/*
 * survey: all there is to say about one certificate where it lies or is served: a lineage of the
 * store, a file, a live server.
 *
 * survey_text, survey_data and timeline print it. Strings are fit for a terminal (encode_visible) unless said
 * otherwise and live in the arena.
 */
#ifndef LIBCERT_SURVEY_H
#define LIBCERT_SURVEY_H

#include "libcert/inspect.h"
#include "libcert/x509info.h"

enum survey_kind { SURVEY_LINEAGE, SURVEY_FILE, SURVEY_SERVER };

/* Who renews it, as far as the store says. */
enum survey_renewal { SURVEY_RENEWAL_NONE, SURVEY_RENEWAL_AUTO, SURVEY_RENEWAL_OFF };

enum survey_wire {
	SURVEY_WIRE_UNSEEN,
	SURVEY_WIRE_SAME,
	SURVEY_WIRE_DIFFERENT,
	SURVEY_WIRE_SILENT
};

/* One certificate behind the leaf. */
struct survey_link {
	struct span subject;
	int64_t not_after;
};

struct survey {
	enum survey_kind kind;
	struct span name;  /* as it was asked for */
	struct span error; /* why nothing could be read; then only kind and name hold */
	enum err_kind error_kind;
	struct inspection found;
	/* The leaf. */
	struct span *names; /* DNS, then IP */
	size_t name_count;
	struct span common_name, subject, issuer, issuer_name, serial, key, signature;
	int64_t not_before, not_after;
	unsigned char sha256[32], pin[32];
	bool self_signed;
	struct survey_link *chain;
	size_t chain_count;
	/* A lineage alone. */
	int64_t due_at; /* renewal is due from here on; 0 = by nobody */
	enum survey_renewal renewal;
	struct span renewal_note; /* why acme-renew would refuse, or empty */
	bool not_deployed, order_open;
	enum survey_wire wire;
	struct span wire_address; /* empty = not looked */
	struct span path;         /* of the certificate's file, or empty */
};

/* What holds for all surveys of a run; everything is borrowed. */
struct survey_options {
	struct arena *arena; /* owns what the surveys hold */
	int64_t now;         /* wall clock seconds */
	struct inspect_limits limits;
	X509_STORE *roots;    /* or NULL */
	const char *key_path; /* the key of a file; NULL = the one in the file, if any */
	const char *name;     /* a name that must be covered besides, or NULL */
	const char *verify;   /* where lineages are served; NULL = as each says; "none" */
	int64_t timeout_ms;   /* for each connection */
	/*
	 * A library context without providers (OpenSSL's "null") makes lineages brief, for lists of thousands: the leaf and
	 * the notes alone, no key, signature or chain is decoded, which is nine tenths of the work. NULL = in full.
	 */
	OSSL_LIB_CTX *keyless;
};

/* PEM: leaf first, a private key anywhere. A failure is in the survey. */
void survey_file(const struct survey_options *options, const char *path, struct survey *s);
/* address: HOST:PORT. */
void survey_server(const struct survey_options *options, const char *address, struct survey *s);

/* For who surveys more than these: from an error; from certificates (leaf first). */
void survey_failed(const struct survey_options *options, struct survey *s, const struct err *e);
void survey_certs(const struct survey_options *options, struct survey *s, STACK_OF(X509) *certs);
/* Made visible, in the arena. */
struct span survey_text(const struct survey_options *options, struct span raw);

/* The weight of the worst finding; an error is critical. */
enum inspect_weight survey_weight(const struct survey *s);
/* Is there anything to renew now? */
bool survey_is_due(const struct survey *s, int64_t now);
/* "lineage", "file", "server" */
const char *survey_kind_word(enum survey_kind kind);

#endif

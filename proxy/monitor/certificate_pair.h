/* SPDX-License-Identifier: ISC */
/*
 * certificate_pair: one certificate chain and its private key, read from disk as one version.
 */
#ifndef PROXY_MONITOR_CERTIFICATE_PAIR_H
#define PROXY_MONITOR_CERTIFICATE_PAIR_H

#include "base/buf.h"
#include "base/err.h"
#include "proxy/monitor/file_identity.h"

#include <openssl/x509.h>

/* Where the two files are. In one directory (certbot's live/NAME): it is opened once, both through it. */
struct certificate_place {
	int dir;          /* -1: the names are paths */
	char *cert, *key; /* owned */
	/* Path of a file with a password for the key in each line; empty = none. */
	struct span passwords;
};

void certificate_place_open(struct certificate_place *place, struct span cert_path,
    struct span key_path);
void certificate_place_close(struct certificate_place *place);

/* [0] the certificate's, [1] the key's. */
int certificate_place_identify(const struct certificate_place *place, struct file_identity ids[2],
    struct err *e) __attribute__((warn_unused_result));

struct certificate_pair {
	STACK_OF(X509) *chain; /* leaf first */
	unsigned char *key;    /* PKCS#8 DER; secret */
	size_t key_length;
};

/* A decoder set up once for many keys: setting it up costs ten times what using it does. */
struct certificate_reader;

struct certificate_reader *certificate_reader_new(void);
/* Takes NULL. */
void certificate_reader_free(struct certificate_reader *r);

/*
 * Reads and checks that the key belongs to the leaf. *mixed is set when both were readable and do not match: a
 * replacement may be under way.
 */
int certificate_pair_read(struct certificate_reader *r, const struct certificate_place *place,
    struct certificate_pair *pair, bool *mixed, struct err *e) __attribute__((warn_unused_result));
void certificate_pair_release(struct certificate_pair *pair);

/* Append a BUNDLE_CERTIFICATE entry's bytes to out (a secret buf). */
int certificate_pair_encode(const struct certificate_pair *pair, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

#endif

/* SPDX-License-Identifier: ISC */
/*
 * bundle: everything a worker needs for one generation, in one sealed memfd.
 *
 * The monitor writes entries (kind, name, bytes) and seals; a worker maps and looks up. Nothing is parsed
 * twice in different ways: configuration text travels as it was read, certificates and keys as DER. Mappings
 * are MADV_DONTDUMP: keys are inside.
 */
#ifndef PROXY_MONITOR_BUNDLE_H
#define PROXY_MONITOR_BUNDLE_H

#include "base/err.h"
#include "base/span.h"
#include "proxy/config/syntax.h"

#include <stdint.h>

enum bundle_kind {
	BUNDLE_OPTIONS = 1, /* "prefix", "conf", "error_log", "globals"; "generation" in decimal */
	BUNDLE_FILE,        /* absolute path -> text */
	BUNDLE_GLOB,        /* pattern -> paths, each followed by NUL */
	BUNDLE_HOST, /* host name -> addresses, each followed by NUL; none: it did not resolve */
	BUNDLE_CERTIFICATE, /* "cert path\nkey path" -> struct bundle_certificate + DERs; empty: disabled */
	BUNDLE_DHPARAM,    /* path -> DER of the parameters (d2i_KeyParams, EVP_PKEY_DH) */
	BUNDLE_LISTENER,   /* address text -> uint32_t resource id */
	BUNDLE_LOG,        /* path -> uint32_t resource id */
	BUNDLE_ZONE,       /* zone name -> uint32_t resource id */
	BUNDLE_TICKET_KEY, /* path -> struct ticket_key */
	BUNDLE_STAPLE, /* SHA-256 of a certificate -> int64_t expiry (wall clock, s), then its OCSP response */
	BUNDLE_IDENTITY, /* monitor's own: what it read, so that the next reload need not (file_identity.h) */
};

/*
 * Head of a BUNDLE_CERTIFICATE entry. Behind it the chain's DERs (leaf first, each behind its uint32_t
 * length), then the key's PKCS#8 DER.
 */
struct bundle_certificate {
	uint8_t digest[32]; /* SHA-256 over all that follows: equal digest, equal content */
	uint32_t chain_count;
	uint32_t chain_bytes; /* lengths included */
	uint32_t key_bytes;
};

struct bundle_writer;

struct bundle_writer *bundle_writer_new(void);
/* Wipes. Takes NULL. */
void bundle_writer_free(struct bundle_writer *w);
/* A second entry of the same kind and name replaces nothing and is ignored. */
void bundle_writer_add(struct bundle_writer *w, enum bundle_kind kind, struct span name,
    struct span bytes);
/* The sealed memfd (close-on-exec), or -1. */
int bundle_writer_seal(struct bundle_writer *w, struct err *e) __attribute__((warn_unused_result));

struct bundle;

/* Checks seals and structure; does not take fd. */
int bundle_open(int fd, struct bundle **b, struct err *e) __attribute__((warn_unused_result));
/* The same over borrowed bytes (8-byte aligned) that are no memfd: for tests and fuzzing. */
int bundle_open_bytes(struct span image, struct bundle **b, struct err *e)
    __attribute__((warn_unused_result));
/* Takes NULL. */
void bundle_close(struct bundle *b);
/* Children forked from now on do not have the mapping: a worker gets keys by its own bundle only. */
void bundle_hide_from_children(struct bundle *b);
/* true and *bytes (valid until bundle_close; 8-byte aligned) when there is such an entry. */
bool bundle_find(const struct bundle *b, enum bundle_kind kind, struct span name,
    struct span *bytes);

/* A config_source that reads from a bundle (worker). */
struct config_source *bundle_source_new(const struct bundle *b);
/*
 * A config_source that reads the disk and getaddrinfo, and records all it gives out into w (monitor). What
 * previous (or NULL) holds is taken from there when the file did not change since, and when a host
 * name that did resolve then does not now. Neither w nor previous is touched after the load.
 */
struct config_source *disk_source_new(struct bundle_writer *w, const struct bundle *previous);
/* The same, but all of it is taken from previous as it stands there, whatever the disk says by now. */
struct config_source *frozen_source_new(struct bundle_writer *w, const struct bundle *previous);
void config_source_free(struct config_source *src);

#endif

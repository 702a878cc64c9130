/* SPDX-License-Identifier: ISC */
/*
 * certstore_internal: what the certstore's own files share. Nobody else includes it.
 *
 *	certstore.c          paths, lists, locks, reading
 *	certstore_version.c  one version's four files: read, checked, written, removed
 *	certstore_live.c     live/NAME: what it points at, and how that changes
 *	certstore_publish.c  publish and recover, the order of things
 *	certstore_check.c    what went wrong with all of that, and mending it
 *	certstore_step.c     where tests kill the process
 */
#ifndef LIBCERT_CERTSTORE_INTERNAL_H
#define LIBCERT_CERTSTORE_INTERNAL_H

#include "libcert/certstore.h"

#include <openssl/x509.h>

#include <stdint.h>
#include <sys/types.h>

#define CERTSTORE_PARTS 4
#define CERTSTORE_NUMBER_MAX 999999999

/* Indexed by enum certstore_part: "cert", "chain", ... */
extern const char *const certstore_part_names[CERTSTORE_PARTS];

struct certstore {
	char *dir; /* absolute */
};

/* The directories of one lineage, opened once so that all of one run works on the same ones. */
struct lineage {
	struct certstore *store; /* borrowed */
	const char *name;        /* borrowed */
	char *next;              /* name in live/ under which the next live/NAME is built */
	int archive_fd;          /* archive/NAME, or -1 */
	int live_fd;             /* live/, or -1 */
};

/* make: directories that are missing are made; else their descriptors stay -1. */
int lineage_open(struct certstore *store, const char *name, bool make, struct lineage *l,
    struct err *e) __attribute__((warn_unused_result));
void lineage_release(struct lineage *l);

/* ---- certstore_version.c ---- */

/* A parsed version. */
struct version {
	STACK_OF(X509) *certs; /* leaf first */
	EVP_PKEY *key;
};

void version_release(struct version *v);
int version_parse(const struct certstore_version *text, struct version *v, struct err *e)
    __attribute__((warn_unused_result));
/* Version number of the archive: whole, its four files of one piece, key and leaf a pair. */
int version_load(const struct lineage *l, unsigned number, struct version *v, struct err *e)
    __attribute__((warn_unused_result));
/* Its leaf alone, whatever the other files are like; NULL when that cannot be read. */
X509 *version_leaf(const struct lineage *l, unsigned number);
/* Fit to go live now; before is the leaf it replaces, or NULL. */
int version_check(const struct version *v, const struct span *names, size_t count, X509 *before,
    struct err *e) __attribute__((warn_unused_result));
/* The highest number any file of the archive has; 0 for none. */
int version_highest(const struct lineage *l, unsigned *number, struct err *e)
    __attribute__((warn_unused_result));
/* Write and flush the four files; like: the version whose key's owner and mode are kept, 0 for none. */
int version_write(const struct lineage *l, unsigned number, const struct version *v, unsigned like,
    struct err *e) __attribute__((warn_unused_result));
/* Remove the files of a version that nothing links to. */
int version_remove(const struct lineage *l, unsigned number, struct err *e)
    __attribute__((warn_unused_result));
/* "privkey12.pem" into out; number 0: "privkey.pem". */
#define VERSION_FILE_MAX 32
void version_file(char out[VERSION_FILE_MAX], enum certstore_part part, unsigned number);

/* ---- certstore_live.c ---- */

/* What live/NAME's four links point at: a version each, 0 where there is none. */
struct links {
	unsigned number[CERTSTORE_PARTS];
};

/* dir is live/NAME or its successor. Refuses anything but links into the lineage's archive. */
int links_read(const struct lineage *l, const char *dir, struct links *links, struct err *e)
    __attribute__((warn_unused_result));
/* The one version all four point at; 0: none of them exists; -1: they differ. */
int links_number(const struct links *links);
/* Does any of them point at number? */
bool links_hold(const struct links *links, unsigned number);

/* Make a written version live. -1: what was live still is, and the version is still whole. */
int live_switch(const struct lineage *l, unsigned number, struct err *e)
    __attribute__((warn_unused_result));
/* Remove live/.NAME.next, be it half built or the version before a switch that is on disk. */
int live_clear(const struct lineage *l, struct err *e) __attribute__((warn_unused_result));
/* After a crash: flush whatever the switch left, and clear away the directory that is not live. */
int live_settle(const struct lineage *l, struct err *e) __attribute__((warn_unused_result));

#endif

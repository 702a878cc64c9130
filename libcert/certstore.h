/* SPDX-License-Identifier: ISC */
/*
 * certstore: the directory where certificates live, in certbot's layout.
 *
 *	DIR/archive/NAME/{cert,chain,fullchain,privkey}N.pem   every version, never deleted while linked
 *	DIR/live/NAME/{cert,chain,fullchain,privkey}.pem -> ../../archive/NAME/...N.pem
 *	DIR/renewal/NAME.conf                                  how to renew it (renewalconf)
 *	DIR/accounts/SERVER/...                                ACME accounts (libacme)
 *	DIR/gatehouse/...                                      ours alone: locks, orders under way, back-off state
 *
 * A version becomes live by one rename (renameat2 RENAME_EXCHANGE of the whole live/NAME directory), after it was
 * written, fsync'ed and checked: a reader that opens the directory once and the files through it always gets one
 * matching set; a crash at any instruction leaves the old version or the new one live, and the next publish or
 * certstore_recover cleans up. Where the file system has no RENAME_EXCHANGE (NFS, some FUSE) the four links are
 * swung one by one instead, as certbot does: none is ever missing, a crash is mended the same way, but a reader may
 * meet two versions for that instant.
 */
#ifndef LIBCERT_CERTSTORE_H
#define LIBCERT_CERTSTORE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

/* Where certbot has it, and our programs if they are not told otherwise. */
#define CERTSTORE_DIRECTORY "/etc/letsencrypt"

struct certstore;

/* dir is made (0755, archive and live 0700) only when something is first written. */
int certstore_open(const char *dir, struct certstore **store, struct err *e)
    __attribute__((warn_unused_result));
void certstore_close(struct certstore *store);
const char *certstore_dir(const struct certstore *store);

/* Names that have a renewal conf or a live directory, sorted; strings in the arena. */
int certstore_list(struct certstore *store, struct arena *arena, struct span **names, size_t *count,
    struct err *e) __attribute__((warn_unused_result));
/* The same, a line each, for a shell to offer; nothing where it cannot be read. */
void certstore_offer(const char *dir, struct buf *out);
/* Is it safe as a lineage name (a file name without slash, not hidden, at most 200 bytes)? */
bool certstore_name_ok(struct span name);

/* The kernel's lock for all work on one lineage; -1 with ERR_TEMPFAIL if another process works on it and !wait. close() releases. */
int certstore_lock(struct certstore *store, const char *name, bool wait, struct err *e)
    __attribute__((warn_unused_result));

enum certstore_part { CERTSTORE_CERT, CERTSTORE_CHAIN, CERTSTORE_FULLCHAIN, CERTSTORE_PRIVKEY };

/* "DIR/live/NAME/fullchain.pem" and the like, on the heap. */
char *certstore_path(const struct certstore *store, const char *name, enum certstore_part part);
/* "DIR/gatehouse/SUB", on the heap; its directory is made 0700. */
char *certstore_private_path(struct certstore *store, const char *sub, struct err *e);
/* Read one part of the live version. ERR_NOINPUT when there is none. */
int certstore_read(struct certstore *store, const char *name, enum certstore_part part,
    struct buf *out, struct err *e) __attribute__((warn_unused_result));

struct certstore_version {
	struct span fullchain; /* PEM, leaf first */
	struct span privkey;   /* PEM */
};

/*
 * Check (key belongs to leaf, chain links up, dates sane, the leaf covers all names, not older than the live
 * one), write as the next number, make live. The caller holds the lineage's lock. Modes, owner and group of
 * the version before are kept for the key; other files in live/NAME (certbot's README) stay. A crash of an earlier
 * publish is recovered first. Returns the new number, or -1 and nothing live has changed.
 */
int certstore_publish(struct certstore *store, const char *name,
    const struct certstore_version *version, const struct span *names, size_t name_count,
    struct err *e) __attribute__((warn_unused_result));
/* Number of the live version, 0 when there is none, -1 when live/ is not a whole matching set. */
int certstore_live_number(struct certstore *store, const char *name, struct err *e)
    __attribute__((warn_unused_result));
/* Finish or roll back what a crash left. The caller holds the lineage's lock. */
int certstore_recover(struct certstore *store, const char *name, struct err *e)
    __attribute__((warn_unused_result));

/*
 * Test seam: called with a step's name before each step of publish and recover
 * (and by libacme before each of its own); does nothing unless the environment variable GATEHOUSE_KILL_AT names
 * "STEP" or a count N, which makes the process kill itself there with SIGKILL. Compiled in only with -DGATEHOUSE_TEST_STEPS.
 */
void certstore_step(const char *step);

#endif

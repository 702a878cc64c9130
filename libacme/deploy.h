/* SPDX-License-Identifier: ISC */
/*
 * deploy: from published to seen on the wire: reload whoever serves the certificate, then look.
 *
 * A published version is "not deployed" from before it goes live until this is over; the note of it
 * survives in the store, so that the next run deploys it without a new order.
 */
#ifndef LIBACME_DEPLOY_H
#define LIBACME_DEPLOY_H

#include "base/err.h"
#include "libcert/certstore.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

/* Where certificates are looked for when nobody says otherwise. */
#define DEPLOY_VERIFY_DEFAULT "127.0.0.1:443"

/*
 * target: a control socket of tinyproxyd (waits until all workers serve the new files), a pid file (SIGHUP), "none"; NULL =
 * tinyproxyd at its usual places if it runs. *reloaded tells whether somebody was. What tinyproxyd refuses is in e, each mistake.
 */
int deploy_reload(const char *target, bool *reloaded, struct err *e)
    __attribute__((warn_unused_result));
/* Would deploy_reload(NULL) find a tinyproxyd? */
bool deploy_finds_proxy(void);

/* Does each of addresses ("HOST:PORT[,HOST:PORT]...") show exactly leaf for each name? Looks again until patience_ms is over. */
int deploy_verify(const char *addresses, const struct span *names, size_t count, X509 *leaf,
    int64_t patience_ms, struct err *e) __attribute__((warn_unused_result));
/* Can it be asked for: such addresses, or "none"? */
int deploy_verify_check(const char *addresses, struct err *e) __attribute__((warn_unused_result));
/* One look, at one address for one name: is it leaf that is served? */
bool deploy_serves(const char *address, struct span name, X509 *leaf);

/* The note that NAME is not deployed. */
struct deploy_note {
	char *verify;  /* the addresses where it has to be seen, or NULL */
	char *problem; /* what went wrong last, or NULL */
};
void deploy_note_release(struct deploy_note *note);
int deploy_note_save(struct certstore *store, const char *name, const struct deploy_note *note,
    struct err *e) __attribute__((warn_unused_result));
/* false when there is none (then everything is deployed). */
bool deploy_note_load(struct certstore *store, const char *name, struct deploy_note *note);
void deploy_note_remove(struct certstore *store, const char *name);

#endif

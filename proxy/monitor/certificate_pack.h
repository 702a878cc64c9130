/* SPDX-License-Identifier: ISC */
/*
 * certificate_pack: the certificates, keys and DH parameters a snapshot names, checked and packed into the bundle.
 *
 * A pair that cannot be used never stops the others: at start its entry is empty (TLS is off for its hosts), at
 * reload the entry of the previous bundle stays in service. Each such problem is reported. What did not change on
 * disk since the previous bundle is taken from there, unread. A pair out of date is reported and
 * served: clients know what to do about it, and the clock at fault may be ours; but it does not displace
 * one in date.
 */
#ifndef PROXY_MONITOR_CERTIFICATE_PACK_H
#define PROXY_MONITOR_CERTIFICATE_PACK_H

#include "proxy/config/snapshot.h"
#include "proxy/monitor/bundle.h"

#include <openssl/x509.h>

enum certificate_outcome {
	CERTIFICATE_SERVED,   /* out of date, served all the same */
	CERTIFICATE_KEPT,     /* the previous one stays in service */
	CERTIFICATE_DISABLED, /* none: TLS is off for its hosts */
};

struct certificate_problem {
	const struct certificate_ref *ref;
	enum certificate_outcome outcome;
	struct span text; /* one sentence: what is wrong, what is done about it */
	struct certificate_problem *next;
};

struct certificate_report {
	struct arena *arena;
	struct certificate_problem *first, **tail;
	size_t packed, reused; /* pairs read, and taken from the previous bundle */
	size_t changed; /* of those read: not what the previous bundle has; stapled responses too */
	bool watched_only;   /* the others stay as they are in the previous bundle */
	int64_t patience_ms; /* what may still be spent on waiting for a pair being replaced */
};

void certificate_report_init(struct certificate_report *report, struct arena *arena);
/* The certificate of a pair that is in service; the caller frees. NULL: it is not. */
X509 *certificate_leaf(const struct bundle *b, const struct certificate_ref *ref);
/* previous: NULL at start. */
void certificate_pack(struct bundle_writer *w, const struct bundle *previous,
    const struct snapshot *s, struct certificate_report *report);

/* DH parameters concern every host of a server: what cannot be used is an error of the configuration. */
int dhparam_pack(struct bundle_writer *w, const struct bundle *previous, struct span path,
    struct err *e) __attribute__((warn_unused_result));

/* The same for a file of a session ticket key, which is read anew each time: its age is its worth. */
int ticket_key_pack(struct bundle_writer *w, struct span path, struct err *e)
    __attribute__((warn_unused_result));

#endif

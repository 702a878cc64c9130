/* SPDX-License-Identifier: ISC */
/*
 * acme_reply: what came back to a request: status, body, and the header fields that ACME knows (RFC 8555 6.5, 7.4.2).
 *
 * A field that is ill-formed, or names an address that we would not follow, counts as not sent.
 */
#ifndef LIBACME_ACME_REPLY_H
#define LIBACME_ACME_REPLY_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acme_reply {
	int status; /* HTTP status code */
	struct span body;
	char *nonce;       /* Replay-Nonce, well-formed, or NULL */
	char *location;    /* Location, a URL we would follow, or NULL */
	char **alternates; /* Link rel="alternate", URLs we would follow */
	size_t alternate_count;
	char *retry_after;      /* Retry-After as it was sent, or NULL */
	int64_t retry_after_ms; /* from now; -1 = not said */
	int64_t date;           /* Date, wall clock seconds; 0 = not said */
	const char *peer;       /* address that answered, "" if unknown */
};

/* Empty, for the next use; from zeroed memory, too. */
void acme_reply_reset(struct acme_reply *reply);
void acme_reply_read_field(struct acme_reply *reply, struct span name, struct span value);
/* After the last field: retry_after_ms. */
void acme_reply_read_delay(struct acme_reply *reply);

/* Is it well-formed as a Replay-Nonce? */
bool acme_reply_nonce_ok(struct span s);

#endif

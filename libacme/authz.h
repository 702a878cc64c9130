/* SPDX-License-Identifier: ISC */
/*
 * authz: one authorization of an order (RFC 8555 7.1.4): which name, how far, and the
 * challenge of the type our solver serves.
 */
#ifndef LIBACME_AUTHZ_H
#define LIBACME_AUTHZ_H

#include "base/arena.h"
#include "base/err.h"
#include "libacme/challenge.h"

#include <stdbool.h>

enum authz_status { AUTHZ_PENDING, AUTHZ_VALID, AUTHZ_INVALID };

struct authz {
	char *url;
	enum authz_status status;
	bool wildcard;
	struct challenge challenge; /* url NULL when the CA offers none of that type */
	bool answered;              /* the CA has been told to look already */
	bool presented;             /* our answer is visible: to be cleaned up */
};

/*
 * Read the CA's document into a (whose url stays). type: the solver's. key_auth is made from thumbprint.
 * Strings live in the arena. An authorization that failed gives 0 and AUTHZ_INVALID; why fills e from it.
 */
int authz_read(struct authz *a, struct span json, const char *type, const char *thumbprint,
    struct arena *arena, struct err *e) __attribute__((warn_unused_result));
/* The CA's reason why this authorization failed, as an error; json as in authz_read. Returns -1. */
int authz_failure(struct span json, struct err *e);

#endif

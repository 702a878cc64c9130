/* SPDX-License-Identifier: ISC */
/*
 * certstore_check: what a crash, a full disk or a hand edit has left in a store, named, and mended where that loses nothing.
 *
 * Nothing is ever deleted but temporary files and what a publication that was cut short left. What only a person can
 * decide (whose file is that?) is told with advice.
 */
#ifndef LIBCERT_CERTSTORE_CHECK_H
#define LIBCERT_CERTSTORE_CHECK_H

#include "libcert/certstore.h"

#include <stdio.h>

enum certstore_mend {
	CERTSTORE_BY_HAND,  /* the text says what to do */
	CERTSTORE_CAN_MEND, /* and was not asked to */
	CERTSTORE_MENDED,
	CERTSTORE_NOT_MENDED, /* tried; the text says why it failed */
};

/* Strings live in the arena. */
struct certstore_finding {
	const char *word;  /* "interrupted", "broken" ...: stable, for programs */
	const char *where; /* lineage, or path below the store */
	const char *text;
	enum certstore_mend mend;
};

/* Check everything. A lineage that another process works on is passed by when it would be mended. */
int certstore_check(struct certstore *store, bool repair, struct arena *arena,
    struct certstore_finding **list, size_t *count, struct err *e)
    __attribute__((warn_unused_result));

/* A line or two for each; or {"schema":1,"findings":[…]}. */
void certstore_check_print(const struct certstore_finding *list, size_t count, bool json,
    FILE *out);
/* Is anything left to be done? */
bool certstore_check_clean(const struct certstore_finding *list, size_t count);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * certpair_internal: what certpair.c and certpair_recover.c share. Nobody else includes it.
 */
#ifndef LIBCERT_CERTPAIR_INTERNAL_H
#define LIBCERT_CERTPAIR_INTERNAL_H

#include "libcert/certpair.h"

/* The directory of path on the heap, and its last part. */
char *certpair_split(const char *path, const char **base);
/* One process at a time works on the pair; a descriptor to close, or -1 where directories cannot be locked. */
int certpair_lock(const struct certpair *pair);
bool certpair_recover_locked(const struct certpair *pair);

#endif

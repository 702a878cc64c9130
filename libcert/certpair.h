/* SPDX-License-Identifier: ISC */
/*
 * certpair: a certificate's file and its key's file, put in place together: both or neither.
 */
#ifndef LIBCERT_CERTPAIR_H
#define LIBCERT_CERTPAIR_H

#include "base/err.h"
#include "libcert/name.h"

#include <stdbool.h>

/* All borrowed. */
struct certpair {
	const char *cert_path;
	const char *key_path;  /* the same path: one file, 0600, key first, as haproxy reads it */
	struct span cert, key; /* PEM */
	bool replace;          /* existing files; else they are refused */
};

/* Would certpair_write refuse the paths? To ask before a key is made that nobody wants. */
int certpair_check(const struct certpair *pair, struct err *e) __attribute__((warn_unused_result));

/*
 * Both contents are on disk under temporary names (the key 0600 from its first byte, the certificate
 * 0644) before the first name changes hands; when the second cannot, the first gets back what it was.
 * Missing directories are made (0700 for the key's). Only regular files are ever replaced.
 */
int certpair_write(const struct certpair *pair, struct err *e) __attribute__((warn_unused_result));

/*
 * What to call the files, on the heap: the certificate "NAME.crt", the star of a wildcard as
 * "_wildcard", slashes as "_"; its key by the certificate's path with ".key" for .crt, .pem, .cer or .cert.
 */
char *certpair_cert_name(const struct name *name);
char *certpair_key_name(const char *cert_path);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * certpair: a certificate's file and its key's file, put in place together: both or neither.
 */
#ifndef LIBCERT_CERTPAIR_H
#define LIBCERT_CERTPAIR_H

#include "base/err.h"
#include "base/narrator.h"
#include "libcert/name.h"

#include <stdbool.h>
#include <sys/types.h>

/* All borrowed. */
struct certpair {
	const char *cert_path;
	const char *
	    key_path; /* the same path: one file, 0600, key first, as haproxy reads it; NULL: no key */
	const char *bundle_path; /* PKCS#12, 0600; NULL: none */
	struct span cert, key;   /* PEM */
	struct span bundle;
	bool replace; /* existing files; else they are refused */
	/* Replaced files hand down owner, group and mode (a key's: nothing for others). */
	bool keep;
	mode_t key_mode; /* of files with a key; 0 = 0600 */
	gid_t key_group; /* if set_group */
	bool set_group;
	const struct narrator *narrator; /* hears what is written; or NULL */
};

/* Would certpair_write refuse the paths? To ask before a key is made that nobody wants. Recovers first. */
int certpair_check(const struct certpair *pair, struct err *e) __attribute__((warn_unused_result));

/*
 * All contents are on disk under temporary names (those with a key 0600 from their first byte, the certificate
 * 0644) before the first name changes hands; when one cannot, those before it get back what they were. The names
 * change hands at once, one system call after the other, signals waiting. The key comes last: killed in between, a certificate
 * waits for its key, which certpair_recover puts in place. Missing directories are made (0700 for a key's). Only regular files are ever replaced.
 */
int certpair_write(const struct certpair *pair, struct err *e) __attribute__((warn_unused_result));

/*
 * Finish what a killed certpair_write, or a crash of the machine, left at these paths: a key that belongs to the certificate
 * there gets its name, or a certificate that belongs to the key (true); other leftovers are removed. Never while
 * another process writes the same pair.
 */
bool certpair_recover(const struct certpair *pair);

/*
 * What to call the files, on the heap: the certificate "NAME.crt", the star of a wildcard as
 * "_wildcard", slashes as "_"; its key by the certificate's path with ".key" for .crt, .pem, .cer or .cert.
 */
char *certpair_cert_name(const struct name *name);
char *certpair_key_name(const char *cert_path);
char *certpair_bundle_name(const char *cert_path); /* ".p12" */
/* Do both lead to one place, as "a" and "./a" do? */
bool certpair_same_place(const char *a, const char *b);

#endif

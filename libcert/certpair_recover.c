/* SPDX-License-Identifier: ISC */
/*
 * What a writer of a pair left when it was killed.
 *
 * Its temporary files share one random number, so that KEY.tmp.R and CERT.tmp.R are of one piece. Whether CERT has
 * changed hands already is told by the key that belongs to it: the one in KEY.tmp.R, then KEY has yet to follow; or
 * the one in KEY, then what lies beside them is of no use any more. (A machine that crashed may have kept KEY's new name and lost
 * CERT's: then it is the certificate that follows.)
 */
#include "base/file.h"
#include "base/mem.h"
#include "libcert/certpair_internal.h"
#include "libcert/pkey.h"
#include "libcert/x509info.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define NUMBER_LEN 16 /* hex digits */

int
certpair_lock(const struct certpair *pair)
{
	const char *base;
	char *dir = certpair_split(pair->key_path ? pair->key_path : pair->cert_path, &base);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(dir);
	if (fd < 0)
		return -1;
	while (flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			break; /* some network file systems lock no directories */
	}
	return fd;
}

static bool
belongs(const char *cert_path, const char *key_path)
{
	STACK_OF(X509) *certs = NULL;
	EVP_PKEY *key = NULL;
	bool same = file_exists(cert_path) && file_exists(key_path) &&
		    x509info_load(cert_path, &certs, NULL) == 0 &&
		    pkey_load(key_path, NULL, &key, NULL) == 0 &&
		    x509info_key_matches(sk_X509_value(certs, 0), key);

	sk_X509_pop_free(certs, X509_free);
	EVP_PKEY_free(key);
	return same;
}

/* "NAME.tmp.R", or "NAME.tmp.R.tmp.S", which file_write_new was still filling. */
static bool
is_leftover(struct span entry, const char *base)
{
	static const struct span tmp = SPAN_INIT(".tmp.");

	if (!span_starts(entry, span_str(base)))
		return false;
	entry = span_after(entry, strlen(base));
	for (int part = 0; part < 2 && entry.n > 0; part++) {
		if (!span_starts(entry, tmp) || entry.n < tmp.n + NUMBER_LEN)
			return false;
		for (size_t i = tmp.n; i < tmp.n + NUMBER_LEN; i++) {
			if (!strchr("0123456789abcdef", entry.p[i]))
				return false;
		}
		entry = span_after(entry, tmp.n + NUMBER_LEN);
	}
	return entry.n == 0;
}

/* For each leftover of path, done before the next is looked for; true when one of them said so. */
static bool
each_leftover(const char *path, bool (*work)(const char *leftover, void *ctx), void *ctx)
{
	const char *base;
	char *name = certpair_split(path, &base);
	DIR *dir = opendir(name);
	struct dirent *entry;
	bool any = false;

	while (dir && (entry = readdir(dir))) {
		struct span found = span_str(entry->d_name);
		char *leftover;

		if (*base == '\0' || span_eq(found, span_str(base)) || !is_leftover(found, base))
			continue;
		leftover = mem_printf("%.*s%s", (int)(base - path), path, entry->d_name);
		any |= work(leftover, ctx);
		free(leftover);
	}
	if (dir)
		closedir(dir);
	free(name);
	return any;
}

/* ctx: the pair. Is it the key that its certificate waits for? */
static bool
complete_key(const char *leftover, void *ctx)
{
	const struct certpair *pair = ctx;

	if (!belongs(pair->cert_path, leftover) || belongs(pair->cert_path, pair->key_path) ||
	    rename(leftover, pair->key_path) < 0)
		return false;
	narrate(pair->narrator, "an earlier run was interrupted: %s is in place now",
	    pair->key_path);
	return true;
}

/* The other way round: disks may keep the second name and lose the first. */
static bool
complete_cert(const char *leftover, void *ctx)
{
	const struct certpair *pair = ctx;

	if (!belongs(leftover, pair->key_path) || belongs(pair->cert_path, pair->key_path) ||
	    rename(leftover, pair->cert_path) < 0)
		return false;
	narrate(pair->narrator, "an earlier run was interrupted: %s is in place now",
	    pair->cert_path);
	return true;
}

static bool
drop(const char *leftover, void *ctx)
{
	(void)unlink(leftover);
	return false;
}

bool
certpair_recover_locked(const struct certpair *pair)
{
	struct certpair copy = *pair;
	bool completed =
	    pair->key_path && (each_leftover(pair->key_path, complete_key, &copy) ||
				  each_leftover(pair->cert_path, complete_cert, &copy));

	if (pair->key_path)
		each_leftover(pair->key_path, drop, NULL);
	each_leftover(pair->cert_path, drop, NULL);
	if (pair->bundle_path)
		each_leftover(pair->bundle_path, drop, NULL);
	return completed;
}

bool
certpair_recover(const struct certpair *pair)
{
	int lock = certpair_lock(pair);
	bool completed = certpair_recover_locked(pair);

	if (lock >= 0)
		close(lock);
	return completed;
}

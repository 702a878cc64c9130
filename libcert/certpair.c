/* SPDX-License-Identifier: ISC */
/*
 * Files put in place together.
 *
 *	P12.tmp.R, CERT.tmp.R, KEY.tmp.R   written and flushed: whatever can run out has run out by now
 *	P12, CERT, then KEY                each by one rename, exchanging when there was a file
 *	                                   if one fails: those before it are exchanged back
 *	directories flushed, temporary files removed
 *
 * The key comes last, so that none ever lies there without its certificate. Two names cannot change hands in one step: a
 * process killed between the last two renames leaves KEY.tmp.R, complete, beside the certificate it belongs to, and
 * certpair_recover gives it its name. The next run does so, whatever it is asked for; until then cert-info names it.
 */
#include "libcert/certpair.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "libcert/certpair_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* One file on its way. */
struct placing {
	const char *path; /* borrowed */
	struct span content;
	mode_t mode;
	bool has_key; /* the pair's group and mode are its own */
	char *temp;   /* its sibling: the new content, after an exchange the old; NULL = none */
	struct stat old;
	bool existed;
	bool placed;
};

static int
path_check(const char *path, bool replace, struct stat *st, bool *existed, struct err *e)
{
	*existed = lstat(path, st) == 0;
	if (!*existed && errno != ENOENT && errno != ENOTDIR)
		return err_set_errno(e, errno, "cannot look at %s", path);
	if (*existed && !S_ISREG(st->st_mode))
		return err_set(e, ERR_CANTCREATE, "%s exists and is not a regular file", path);
	if (*existed && !replace) {
		err_set(e, ERR_CANTCREATE, "%s exists", path);
		return err_hint(e, "choose another name, or --force to replace it");
	}
	return 0;
}

static int
make_parent(const char *path, mode_t mode, struct err *e)
{
	const char *base;
	char *dir = certpair_split(path, &base);
	int rc = file_make_dirs(dir, mode, e);

	free(dir);
	return rc;
}

/* Who may read it: what was asked for, or with keep what held before (nothing for others). */
static int
set_access(const struct certpair *pair, const struct placing *p, struct err *e)
{
	mode_t mode = p->mode;
	uid_t owner = (uid_t)-1;
	gid_t group = (gid_t)-1;

	if (pair->keep && p->existed) {
		mode = p->old.st_mode & (p->has_key ? 0770 : 0777);
		owner = p->old.st_uid;
		group = p->old.st_gid;
	}
	if (p->has_key && pair->key_mode)
		mode = pair->key_mode;
	if (p->has_key && pair->set_group)
		group = pair->key_group;
	/* The mode last: chown may clear bits of it, and it opens nothing before the owner is right. */
	if (((owner != (uid_t)-1 || group != (gid_t)-1) && lchown(p->temp, owner, group) < 0) ||
	    (mode != p->mode && chmod(p->temp, mode) < 0))
		return err_set_errno(e, errno, "cannot set owner and mode of %s", p->path);
	return 0;
}

static int
prepare(const struct certpair *pair, struct placing *p, uint64_t random, struct err *e)
{
	p->temp = mem_printf("%s.tmp.%016llx", p->path, (unsigned long long)random);
	if (file_write_new(p->temp, p->content, p->mode, e) < 0) {
		free(p->temp);
		p->temp = NULL;
		return -1;
	}
	return set_access(pair, p, e);
}

/* Without RENAME_EXCHANGE the old file is gone once replaced; then it cannot be put back. */
static int
rename_how(const char *from, const char *to, bool exchange)
{
	unsigned flags = exchange ? RENAME_EXCHANGE : RENAME_NOREPLACE;

	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (exchange)
		return rename(from, to);
	/* placing_release takes the other name away. */
	return link(from, to);
}

static int
place(struct placing *p, struct err *e)
{
	if (rename_how(p->temp, p->path, p->existed) < 0)
		return err_set_errno(e, errno, "cannot write %s", p->path);
	p->placed = true;
	return 0;
}

static void
take_back(const struct placing *p)
{
	if (p->placed && p->existed && file_exists(p->temp))
		(void)rename(p->temp, p->path);
	else if (p->placed && !p->existed)
		(void)unlink(p->path);
}

static void
placing_release(struct placing *p)
{
	if (p->temp)
		(void)unlink(p->temp);
	free(p->temp);
}

/* The names are on disk, too. */
static int
sync_parent(const struct placing *p, struct err *e)
{
	const char *base;
	char *dir = certpair_split(p->path, &base);
	int rc = file_sync_dir(dir, e);

	free(dir);
	return rc;
}

/*
 * In this order, at once: nothing that takes time, and no signal, comes between two names. Those of one directory then
 * reach the disk in one transaction of its file system, as a rule.
 */
static int
exchange_all(struct placing *files, size_t count, struct err *e)
{
	sigset_t all, before;
	int rc = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = place(&files[i], e);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = sync_parent(&files[i], e);
	for (size_t i = count; rc < 0 && i > 0; i--)
		take_back(&files[i - 1]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static int
place_all(const struct certpair *pair, struct placing *files, size_t count, struct err *e)
{
	uint64_t random;

	for (size_t i = 0; i < count; i++) {
		struct placing *p = &files[i];

		if (path_check(p->path, pair->replace, &p->old, &p->existed, e) < 0)
			return -1;
	}
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_set_errno(e, errno, "no randomness for a temporary name");
	for (size_t i = 0; i < count; i++) {
		if (prepare(pair, &files[i], random, e) < 0)
			return -1;
	}
	return exchange_all(files, count, e);
}

static int
write_all(const struct certpair *pair, struct placing *files, size_t count, struct err *e)
{
	int lock, rc;

	for (size_t i = 0; i < count; i++) {
		if (make_parent(files[i].path, files[i].has_key ? 0700 : 0755, e) < 0)
			return -1;
	}
	lock = certpair_lock(pair);
	(void)certpair_recover_locked(pair);
	rc = place_all(pair, files, count, e);
	for (size_t i = 0; i < count; i++) {
		if (rc == 0)
			narrate(pair->narrator, "%s %s", files[i].existed ? "replaced" : "wrote",
			    files[i].path);
		placing_release(&files[i]);
	}
	if (lock >= 0)
		close(lock);
	return rc;
}

char *
certpair_split(const char *path, const char **base)
{
	const char *slash = strrchr(path, '/');

	*base = slash ? slash + 1 : path;
	if (!slash)
		return mem_strdup(".");
	return mem_dup_span(span_of(path, slash == path ? 1 : (size_t)(slash - path)));
}

bool
certpair_same_place(const char *a, const char *b)
{
	const char *base_a, *base_b;
	char *dir_a = certpair_split(a, &base_a), *dir_b = certpair_split(b, &base_b);
	struct stat sa, sb;
	bool same =
	    strcmp(base_a, base_b) == 0 &&
	    (strcmp(dir_a, dir_b) == 0 || (stat(dir_a, &sa) == 0 && stat(dir_b, &sb) == 0 &&
					      sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino));

	free(dir_a);
	free(dir_b);
	return same;
}

int
certpair_write(const struct certpair *pair, struct err *e)
{
	bool one = pair->key_path && certpair_same_place(pair->cert_path, pair->key_path);
	struct placing files[3];
	size_t count = 0;
	struct buf both;
	int rc;

	buf_init_secret(&both, pair->cert.n + pair->key.n);
	if (pair->bundle_path)
		files[count++] = (struct placing){ .path = pair->bundle_path,
			.content = pair->bundle,
			.mode = 0600,
			.has_key = true };
	if (one) {
		buf_add(&both, pair->key);
		buf_add(&both, pair->cert);
	} else {
		files[count++] = (struct placing){
			.path = pair->cert_path, .content = pair->cert, .mode = 0644
		};
	}
	if (pair->key_path)
		files[count++] = (struct placing){ .path = pair->key_path,
			.content = one ? buf_span(&both) : pair->key,
			.mode = 0600,
			.has_key = true };
	rc = write_all(pair, files, count, e);
	buf_release(&both);
	return rc;
}

int
certpair_check(const struct certpair *pair, struct err *e)
{
	const char *paths[] = { pair->key_path, pair->cert_path, pair->bundle_path };
	bool recovered = certpair_recover(pair), existed;
	struct stat st;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (!paths[i] || path_check(paths[i], pair->replace, &st, &existed, e) == 0)
			continue;
		if (recovered)
			err_hint(e, "an earlier run was interrupted; its certificate and key are "
				    "both in place now");
		return -1;
	}
	return 0;
}

char *
certpair_cert_name(const struct name *name)
{
	char *file = name->wildcard ? mem_printf("_wildcard%s.crt", name->text + 1)
				    : mem_printf("%s.crt", name->text);

	for (char *c = file; *c; c++) {
		if (*c == '/')
			*c = '_';
	}
	return file;
}

static char *
sibling(const char *cert_path, const char *suffix)
{
	static const struct span suffixes[] = { SPAN_INIT(".crt"), SPAN_INIT(".pem"),
		SPAN_INIT(".cer"), SPAN_INIT(".cert") };
	struct span stem = span_str(cert_path);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (span_ends(stem, suffixes[i])) {
			stem.n -= suffixes[i].n;
			break;
		}
	}
	return mem_printf(SPAN_FMT "%s", SPAN_ARG(stem), suffix);
}

char *
certpair_key_name(const char *cert_path)
{
	return sibling(cert_path, ".key");
}

char *
certpair_bundle_name(const char *cert_path)
{
	return sibling(cert_path, ".p12");
}

/* SPDX-License-Identifier: ISC */
/*
 * Two files put in place together.
 *
 *	KEY.tmp.X, CERT.tmp.Y    written and flushed: whatever can run out has run out by now
 *	KEY <-> KEY.tmp.X        by one rename, exchanging when there was a file
 *	CERT <-> CERT.tmp.Y      if that fails: KEY is exchanged back
 *	temporary files removed
 */
#include "libcert/certpair.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* One file on its way. */
struct placing {
	const char *path; /* borrowed */
	char *temp;       /* its sibling: the new content, after an exchange the old; NULL = none */
	bool existed;
	bool placed;
};

static int
path_check(const char *path, bool replace, bool *existed, struct err *e)
{
	struct stat st;

	*existed = lstat(path, &st) == 0;
	if (!*existed && errno != ENOENT && errno != ENOTDIR)
		return err_set_errno(e, errno, "cannot look at %s", path);
	if (*existed && !S_ISREG(st.st_mode))
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
	const char *slash = strrchr(path, '/');
	char *dir;
	int rc;

	if (!slash || slash == path)
		return 0;
	dir = mem_dup_span(span_of(path, (size_t)(slash - path)));
	rc = file_make_dirs(dir, mode, e);
	free(dir);
	return rc;
}

static int
prepare(struct placing *p, struct span content, mode_t mode, struct err *e)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_set_errno(e, errno, "no randomness for a temporary name");
	p->temp = mem_printf("%s.tmp.%016llx", p->path, (unsigned long long)random);
	if (file_write_new(p->temp, content, mode, e) == 0)
		return 0;
	free(p->temp);
	p->temp = NULL;
	return -1;
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

static int
write_two(const struct certpair *pair, struct err *e)
{
	struct placing key = { .path = pair->key_path }, cert = { .path = pair->cert_path };
	int rc = -1;

	if (path_check(key.path, pair->replace, &key.existed, e) < 0 ||
	    path_check(cert.path, pair->replace, &cert.existed, e) < 0)
		goto out;
	if (make_parent(key.path, 0700, e) < 0 || make_parent(cert.path, 0755, e) < 0)
		goto out;
	if (prepare(&key, pair->key, 0600, e) < 0 || prepare(&cert, pair->cert, 0644, e) < 0)
		goto out;
	if (place(&key, e) < 0)
		goto out;
	if (place(&cert, e) < 0) {
		take_back(&key);
		goto out;
	}
	rc = 0;
out:
	placing_release(&key);
	placing_release(&cert);
	return rc;
}

static int
write_one(const struct certpair *pair, struct err *e)
{
	struct placing both = { .path = pair->key_path };
	struct buf text;
	int rc = -1;

	buf_init_secret(&text, pair->cert.n + pair->key.n);
	buf_add(&text, pair->key);
	buf_add(&text, pair->cert);
	if (path_check(both.path, pair->replace, &both.existed, e) == 0 &&
	    make_parent(both.path, 0700, e) == 0 && prepare(&both, buf_span(&text), 0600, e) == 0)
		rc = place(&both, e);
	placing_release(&both);
	buf_release(&text);
	return rc;
}

/* The directory of path, and its last part. */
static char *
split_path(const char *path, const char **base)
{
	const char *slash = strrchr(path, '/');

	*base = slash ? slash + 1 : path;
	if (!slash)
		return mem_strdup(".");
	return mem_dup_span(span_of(path, slash == path ? 1 : (size_t)(slash - path)));
}

/* Do both lead to one place, as "a" and "./a" do? */
static bool
same_place(const char *a, const char *b)
{
	const char *base_a, *base_b;
	char *dir_a = split_path(a, &base_a), *dir_b = split_path(b, &base_b);
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
	return same_place(pair->cert_path, pair->key_path) ? write_one(pair, e)
							   : write_two(pair, e);
}

int
certpair_check(const struct certpair *pair, struct err *e)
{
	bool existed;

	if (path_check(pair->key_path, pair->replace, &existed, e) < 0)
		return -1;
	return path_check(pair->cert_path, pair->replace, &existed, e);
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

char *
certpair_key_name(const char *cert_path)
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
	return mem_printf(SPAN_FMT ".key", SPAN_ARG(stem));
}

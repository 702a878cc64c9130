/* SPDX-License-Identifier: ISC */
/*
 * One version of a lineage: the four files {cert,chain,fullchain,privkey}N.pem in archive/NAME.
 *
 * fullchain is cert and chain together, and privkey belongs to cert; a version of which that is not
 * true is not whole and is never made live.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "libcert/certstore_internal.h"
#include "libcert/chain.h"
#include "libcert/pkey.h"
#include "libcert/x509info.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION_TEXT_MAX (1024 * 1024)

void
version_file(char out[VERSION_FILE_MAX], enum certstore_part part, unsigned number)
{
	if (number == 0)
		snprintf(out, VERSION_FILE_MAX, "%s.pem", certstore_part_names[part]);
	else
		snprintf(out, VERSION_FILE_MAX, "%s%u.pem", certstore_part_names[part], number);
}

void
version_release(struct version *v)
{
	sk_X509_pop_free(v->certs, X509_free);
	EVP_PKEY_free(v->key);
	*v = (struct version){ 0 };
}

static int
key_check(const struct version *v, struct err *e)
{
	if (x509info_key_matches(sk_X509_value(v->certs, 0), v->key))
		return 0;
	return err_set(e, ERR_DATA, "the private key does not belong to the certificate");
}

int
version_parse(const struct certstore_version *text, struct version *v, struct err *e)
{
	*v = (struct version){ 0 };
	if (x509info_parse_pem(text->fullchain, &v->certs, e) < 0 ||
	    pkey_parse_pem(text->privkey, NULL, &v->key, e) < 0 || key_check(v, e) < 0) {
		version_release(v);
		return -1;
	}
	return 0;
}

/* ---- reading ---- */

static int
read_part(const struct lineage *l, enum certstore_part part, unsigned number, struct buf *out,
    struct err *e)
{
	char file[VERSION_FILE_MAX];

	version_file(file, part, number);
	if (file_read_at(l->archive_fd, file, out, e) < 0)
		return err_wrap(e, "archive/%s", l->name);
	return 0;
}

/* fullchain must say what cert and chain say, whatever the white space between. */
static int
pieces_check(const struct version *v, struct span cert, struct span chain, struct err *e)
{
	STACK_OF(X509) *leaf = NULL, *rest = NULL;
	int count = sk_X509_num(v->certs), rc = -1;

	if (x509info_parse_pem(cert, &leaf, e) < 0)
		goto out;
	/* A self-signed certificate has no chain. */
	if ((count > 1 || chain.n > 0) && x509info_parse_pem(chain, &rest, e) < 0)
		goto out;
	if (X509_cmp(sk_X509_value(leaf, 0), sk_X509_value(v->certs, 0)) != 0 ||
	    (rest ? sk_X509_num(rest) : 0) != count - 1) {
		err_set(e, ERR_DATA, "fullchain is not cert and chain together");
		goto out;
	}
	for (int i = 1; i < count; i++) {
		if (X509_cmp(sk_X509_value(rest, i - 1), sk_X509_value(v->certs, i)) != 0) {
			err_set(e, ERR_DATA, "fullchain is not cert and chain together");
			goto out;
		}
	}
	rc = 0;
out:
	sk_X509_pop_free(leaf, X509_free);
	sk_X509_pop_free(rest, X509_free);
	return rc;
}

int
version_load(const struct lineage *l, unsigned number, struct version *v, struct err *e)
{
	struct buf texts[CERTSTORE_PARTS];
	struct certstore_version whole;
	int rc = 0;

	*v = (struct version){ 0 };
	for (int part = 0; part < CERTSTORE_PARTS; part++)
		buf_init_secret(&texts[part], VERSION_TEXT_MAX);
	for (int part = 0; part < CERTSTORE_PARTS && rc == 0; part++)
		rc = read_part(l, part, number, &texts[part], e);
	if (rc == 0) {
		whole.fullchain = buf_span(&texts[CERTSTORE_FULLCHAIN]);
		whole.privkey = buf_span(&texts[CERTSTORE_PRIVKEY]);
		rc = version_parse(&whole, v, e);
	}
	if (rc == 0)
		rc = pieces_check(v, buf_span(&texts[CERTSTORE_CERT]),
		    buf_span(&texts[CERTSTORE_CHAIN]), e);
	if (rc < 0) {
		err_wrap(e, "version %u of %s", number, l->name);
		version_release(v);
	}
	for (int part = 0; part < CERTSTORE_PARTS; part++)
		buf_release(&texts[part]);
	return rc;
}

X509 *
version_leaf(const struct lineage *l, unsigned number)
{
	STACK_OF(X509) *certs = NULL;
	X509 *leaf = NULL;
	struct buf text;

	buf_init(&text, VERSION_TEXT_MAX);
	if (read_part(l, CERTSTORE_CERT, number, &text, NULL) == 0 &&
	    x509info_parse_pem(buf_span(&text), &certs, NULL) == 0)
		leaf = sk_X509_shift(certs);
	sk_X509_pop_free(certs, X509_free);
	buf_release(&text);
	return leaf;
}

int
version_check(const struct version *v, const struct span *names, size_t count, X509 *before,
    struct err *e)
{
	X509 *leaf = sk_X509_value(v->certs, 0);
	char ours[CLOCK_RFC3339_LEN + 1], theirs[CLOCK_RFC3339_LEN + 1];
	struct x509info now, then;
	struct arena *arena;
	int rc = 0;

	if (chain_check_order(v->certs, e) < 0 || chain_check_dates(v->certs, clock_wall(), e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (!x509info_covers(leaf, names[i]))
			return err_set(e, ERR_DATA, "the certificate does not cover " SPAN_FMT,
			    SPAN_ARG(names[i]));
	}
	if (!before)
		return 0;
	arena = arena_new(0);
	x509info_read(leaf, arena, &now);
	x509info_read(before, arena, &then);
	if (now.not_before < then.not_before) {
		clock_format_rfc3339(now.not_before, ours);
		clock_format_rfc3339(then.not_before, theirs);
		rc = err_set(e, ERR_DATA,
		    "the certificate is older than the one it would replace (valid from %s, live: %s)",
		    ours, theirs);
	}
	arena_free(arena);
	return rc;
}

/* The number in "certN.pem" and the like; 0 for any other name. */
static unsigned
number_of(const char *file)
{
	for (int part = 0; part < CERTSTORE_PARTS; part++) {
		struct span s = span_str(file), name = span_str(certstore_part_names[part]);
		uint64_t number;

		if (!span_starts(s, name) || !span_ends(s, SPAN(".pem")) || s.n < name.n + 4)
			continue;
		s = span_after(s, name.n);
		s.n -= 4;
		if (span_to_u64(s, CERTSTORE_NUMBER_MAX, &number) == 0)
			return (unsigned)number;
	}
	return 0;
}

int
version_highest(const struct lineage *l, unsigned *number, struct err *e)
{
	int fd = openat(l->archive_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	*number = 0;
	if (!dir) {
		err_set_errno(e, errno, "cannot list archive/%s", l->name);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (errno = 0, (entry = readdir(dir))) {
		unsigned n = number_of(entry->d_name);

		if (n > *number)
			*number = n;
	}
	if (errno != 0)
		rc = err_set_errno(e, errno, "cannot list archive/%s", l->name);
	closedir(dir);
	return rc;
}

/* ---- writing ---- */

/*
 * The owner, group and readers of the key that this one follows, as certbot keeps them. Nobody but
 * its owner may ever write it.
 */
static int
keep_owner(const struct lineage *l, unsigned like, int fd)
{
	char file[VERSION_FILE_MAX];
	struct stat before, now;

	version_file(file, CERTSTORE_PRIVKEY, like);
	if (fstatat(l->archive_fd, file, &before, 0) < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &now) < 0)
		return -1;
	if ((before.st_uid != now.st_uid || before.st_gid != now.st_gid) &&
	    fchown(fd, before.st_uid, before.st_gid) < 0)
		return -1;
	return fchmod(fd, 0600 | (before.st_mode & (S_IRGRP | S_IROTH)));
}

static int
write_part(const struct lineage *l, enum certstore_part part, unsigned number, struct span text,
    unsigned like, struct err *e)
{
	char file[VERSION_FILE_MAX];
	bool key = part == CERTSTORE_PRIVKEY;
	int fd, rc = 0;

	version_file(file, part, number);
	certstore_step(certstore_part_names[part]);
	/* 0600 whatever it becomes: a umask must not decide, nor a moment be left open. */
	fd =
	    openat(l->archive_fd, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || file_write_all(fd, text) < 0 ||
	    (key && like > 0 && keep_owner(l, like, fd) < 0) || (!key && fchmod(fd, 0644) < 0) ||
	    fsync(fd) < 0)
		rc = err_set_errno(e, errno, "cannot write archive/%s/%s", l->name, file);
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = err_set_errno(e, errno, "cannot write archive/%s/%s", l->name, file);
	return rc;
}

/* Certificates from index first on, as PEM. */
static int
format_certs(const struct version *v, int first, int end, struct buf *out, struct err *e)
{
	for (int i = first; i < end; i++) {
		if (x509info_format_pem(sk_X509_value(v->certs, i), out, e) < 0)
			return -1;
	}
	return 0;
}

int
version_write(const struct lineage *l, unsigned number, const struct version *v, unsigned like,
    struct err *e)
{
	int count = sk_X509_num(v->certs), rc = -1;
	struct buf text, key;
	size_t cert_len;
	struct span all;

	buf_init(&text, VERSION_TEXT_MAX);
	buf_init_secret(&key, VERSION_TEXT_MAX);
	if (format_certs(v, 0, 1, &text, e) < 0)
		goto out;
	cert_len = text.len;
	if (format_certs(v, 1, count, &text, e) < 0 || pkey_format_pem(v->key, &key, e) < 0)
		goto out;
	all = buf_span(&text);
	if (write_part(l, CERTSTORE_PRIVKEY, number, buf_span(&key), like, e) < 0 ||
	    write_part(l, CERTSTORE_CERT, number, span_of(all.p, cert_len), 0, e) < 0 ||
	    write_part(l, CERTSTORE_CHAIN, number, span_after(all, cert_len), 0, e) < 0 ||
	    write_part(l, CERTSTORE_FULLCHAIN, number, all, 0, e) < 0)
		goto out;
	certstore_step("sync-archive");
	if (fsync(l->archive_fd) < 0) {
		err_set_errno(e, errno, "cannot flush archive/%s to disk", l->name);
		goto out;
	}
	rc = 0;
out:
	buf_release(&text);
	buf_release(&key);
	return rc;
}

int
version_remove(const struct lineage *l, unsigned number, struct err *e)
{
	for (int part = 0; part < CERTSTORE_PARTS; part++) {
		char file[VERSION_FILE_MAX];

		version_file(file, part, number);
		if (unlinkat(l->archive_fd, file, 0) < 0 && errno != ENOENT)
			return err_set_errno(e, errno, "cannot remove archive/%s/%s", l->name,
			    file);
	}
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* certstore: layout, modes, what is refused; certbot's trees continued; what crashes leave. */
#include "base/file.h"
#include "libcert/certstore.h"
#include "tests/unit/libcert/made.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* A store, a CA and the clock fixed. */
struct fixture {
	char dir[UNIT_DIR_MAX];
	struct certstore *store;
	EVP_PKEY *ca_key;
	X509 *ca;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	made_fix_clock();
	unit_make_dir(f->dir);
	assert_int_equal(certstore_open(f->dir, &f->store, NULL), 0);
	f->ca_key = made_key("ec");
	f->ca = made_cert(f->ca_key, "",
	    (struct made_options){ .use = X509GEN_CA,
		.subject = "/CN=CA",
		.not_before = 1,
		.not_after = MADE_NOW + 4000 * (int64_t)DAY });
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	certstore_close(f->store);
	unit_remove_dir(f->dir);
	X509_free(f->ca);
	EVP_PKEY_free(f->ca_key);
	free(f);
	return 0;
}

/* PEM of a version; released by version_done. */
struct made_version {
	struct buf fullchain, key;
	struct certstore_version version;
};

static struct made_version
made_version(struct fixture *f, const char *names, int64_t not_before)
{
	struct made_version v;
	EVP_PKEY *key = made_key("ec");
	X509 *leaf = made_cert(key, names,
	    (struct made_options){
		.issuer = f->ca, .issuer_key = f->ca_key, .not_before = not_before });

	buf_init(&v.fullchain, 65536);
	buf_init_secret(&v.key, 65536);
	made_pem(&v.fullchain, leaf);
	made_pem(&v.fullchain, f->ca);
	assert_int_equal(pkey_format_pem(key, &v.key, NULL), 0);
	v.version.fullchain = buf_span(&v.fullchain);
	v.version.privkey = buf_span(&v.key);
	X509_free(leaf);
	EVP_PKEY_free(key);
	return v;
}

static void
version_done(struct made_version *v)
{
	buf_release(&v->fullchain);
	buf_release(&v->key);
}

/* Publish a new version for a.example; its number. */
static int
publish(struct fixture *f, int64_t not_before)
{
	struct made_version v = made_version(f, "a.example", not_before);
	struct span names[] = { SPAN_INIT("a.example") };
	struct err e = ERR_INIT;
	int number = certstore_publish(f->store, "a.example", &v.version, names, 1, &e);

	if (number < 0)
		print_error("%s\n", err_text(&e));
	err_release(&e);
	version_done(&v);
	return number;
}

static const char *
path_in(struct fixture *f, const char *path)
{
	static char full[4][256];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(full[turn], sizeof(full[turn]), "%s/%s", f->dir, path);
	return full[turn];
}

static void
assert_mode(struct fixture *f, const char *path, mode_t mode)
{
	struct stat st;

	if (stat(path_in(f, path), &st) < 0)
		fail_msg("%s is missing", path);
	if ((st.st_mode & 07777) != mode)
		fail_msg("%s has mode %o", path, st.st_mode & 07777);
}

static void
assert_link(struct fixture *f, const char *path, const char *target)
{
	char text[256];
	ssize_t len = readlink(path_in(f, path), text, sizeof(text) - 1);

	if (len < 0)
		fail_msg("%s is no link", path);
	text[len] = '\0';
	assert_string_equal(text, target);
}

static void
write_text(struct fixture *f, const char *path, const char *text, mode_t mode)
{
	int fd = open(path_in(f, path), O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(file_write_all(fd, span_str(text)), 0);
	close(fd);
}

static void
read_text(struct fixture *f, const char *path, struct buf *out)
{
	buf_init_secret(out, 65536);
	if (file_read(path_in(f, path), out, NULL) < 0)
		fail_msg("cannot read %s", path);
}

/* No left-overs: neither a directory under way nor a journal. */
static void
assert_tidy(struct fixture *f)
{
	char text[16];

	assert_false(file_exists(path_in(f, "live/.a.example.next")));
	assert_int_equal(readlink(path_in(f, "gatehouse/publish/a.example"), text, sizeof(text)),
	    -1);
}

static void
the_layout_is_certbots(void **state)
{
	struct fixture *f = *state;
	struct buf cert, chain, fullchain;

	assert_int_equal(certstore_live_number(f->store, "a.example", NULL), 0);
	assert_false(file_exists(path_in(f, "archive")));
	assert_int_equal(publish(f, 0), 1);
	assert_mode(f, "archive", 0700);
	assert_mode(f, "live", 0700);
	assert_mode(f, "archive/a.example", 0755);
	assert_mode(f, "live/a.example", 0755);
	assert_mode(f, "gatehouse", 0700);
	assert_mode(f, "archive/a.example/privkey1.pem", 0600);
	assert_mode(f, "archive/a.example/cert1.pem", 0644);
	assert_mode(f, "archive/a.example/chain1.pem", 0644);
	assert_mode(f, "archive/a.example/fullchain1.pem", 0644);
	assert_link(f, "live/a.example/privkey.pem", "../../archive/a.example/privkey1.pem");
	assert_link(f, "live/a.example/cert.pem", "../../archive/a.example/cert1.pem");
	assert_link(f, "live/a.example/chain.pem", "../../archive/a.example/chain1.pem");
	assert_link(f, "live/a.example/fullchain.pem", "../../archive/a.example/fullchain1.pem");
	assert_int_equal(certstore_live_number(f->store, "a.example", NULL), 1);
	read_text(f, "live/a.example/cert.pem", &cert);
	read_text(f, "live/a.example/chain.pem", &chain);
	read_text(f, "live/a.example/fullchain.pem", &fullchain);
	assert_int_equal(fullchain.len, cert.len + chain.len);
	assert_memory_equal(fullchain.p, cert.p, cert.len);
	assert_memory_equal(fullchain.p + cert.len, chain.p, chain.len);
	buf_release(&cert);
	buf_release(&chain);
	buf_release(&fullchain);
	assert_tidy(f);
}

static void
versions_follow_each_other(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(publish(f, MADE_NOW - 3 * DAY), 1);
	assert_int_equal(publish(f, MADE_NOW - 2 * DAY), 2);
	/* Numbers of versions that never went live are not used again. */
	write_text(f, "archive/a.example/cert7.pem", "x", 0644);
	write_text(f, "archive/a.example/cert08.txt", "x", 0644);
	assert_int_equal(publish(f, MADE_NOW - 2 * DAY), 8);
	assert_int_equal(certstore_live_number(f->store, "a.example", NULL), 8);
	assert_true(file_exists(path_in(f, "archive/a.example/privkey1.pem")));
	assert_true(file_exists(path_in(f, "archive/a.example/privkey2.pem")));
	assert_true(file_exists(path_in(f, "archive/a.example/cert7.pem")));
	assert_tidy(f);
}

static void
what_else_lies_in_live_stays(void **state)
{
	struct fixture *f = *state;
	struct buf text;

	assert_int_equal(publish(f, 0), 1);
	write_text(f, "live/a.example/README", "do not move", 0644);
	write_text(f, "live/a.example/combined.pem", "secret", 0640);
	assert_int_equal(symlink("README", path_in(f, "live/a.example/LIESMICH")), 0);
	assert_int_equal(symlink("nowhere", path_in(f, "live/a.example/previous_cert.pem")), 0);
	assert_int_equal(mkdir(path_in(f, "live/a.example/sub"), 0700), 0);
	write_text(f, "live/a.example/sub/file", "x", 0644);
	assert_int_equal(chmod(path_in(f, "live/a.example"), 0750), 0);
	assert_int_equal(publish(f, 0), 2);
	read_text(f, "live/a.example/README", &text);
	assert_span(buf_span(&text), "do not move");
	buf_release(&text);
	assert_mode(f, "live/a.example", 0750);
	assert_mode(f, "live/a.example/combined.pem", 0640);
	assert_link(f, "live/a.example/LIESMICH", "README");
	assert_true(file_exists(path_in(f, "live/a.example/sub/file")));
	assert_false(file_exists(path_in(f, "live/a.example/previous_cert.pem")));
	assert_tidy(f);
}

static void
the_keys_readers_are_kept(void **state)
{
	struct fixture *f = *state;
	bool root = geteuid() == 0;
	struct stat st;

	assert_int_equal(publish(f, 0), 1);
	assert_int_equal(chmod(path_in(f, "archive/a.example/privkey1.pem"), 0666), 0);
	if (root)
		assert_int_equal(chown(path_in(f, "archive/a.example/privkey1.pem"), 12, 34), 0);
	assert_int_equal(publish(f, 0), 2);
	assert_int_equal(stat(path_in(f, "archive/a.example/privkey2.pem"), &st), 0);
	/* Readers, not writers. */
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(st.st_uid, root ? 12 : geteuid());
	assert_int_equal(st.st_gid, root ? 34 : getegid());
	assert_int_equal(stat(path_in(f, "archive/a.example/cert2.pem"), &st), 0);
	assert_int_equal(st.st_uid, geteuid());
}

/* What certbot leaves with --reuse-key: version 2's key is a link to version 1's. */
static void
certbots_trees_are_continued(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(publish(f, 0), 1);
	assert_int_equal(rename(path_in(f, "archive/a.example/privkey1.pem"),
			     path_in(f, "archive/a.example/privkey0.pem")),
	    0);
	assert_int_equal(symlink("privkey0.pem", path_in(f, "archive/a.example/privkey1.pem")), 0);
	/* An absolute link leads to the same place. */
	assert_int_equal(unlink(path_in(f, "live/a.example/cert.pem")), 0);
	assert_int_equal(symlink(path_in(f, "archive/a.example/cert1.pem"),
			     path_in(f, "live/a.example/cert.pem")),
	    0);
	assert_int_equal(certstore_live_number(f->store, "a.example", NULL), 1);
	assert_int_equal(publish(f, 0), 2);
	assert_int_equal(lstat(path_in(f, "archive/a.example/privkey2.pem"), &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_link(f, "live/a.example/cert.pem", "../../archive/a.example/cert2.pem");
}

/* Everything that must not go live, with the reason. */
static void
unfit_versions_are_refused(void **state)
{
	struct fixture *f = *state;
	struct span names[] = { SPAN_INIT("a.example"), SPAN_INIT("b.example") };
	struct made_version good = made_version(f, "a.example", 0),
			    other = made_version(f, "a.example", 0);
	struct made_version old = made_version(f, "a.example", MADE_NOW - 2 * DAY);
	struct made_version future = made_version(f, "a.example", MADE_NOW + DAY);
	struct certstore_version v;
	struct buf text;

	assert_int_equal(publish(f, MADE_NOW - DAY), 1);
#define refused(version, count, why) \
	assert_refused(certstore_publish(f->store, "a.example", version, names, count, &e), why)
	v = (struct certstore_version){ good.version.fullchain, other.version.privkey };
	refused(&v, 1, "does not belong");
	refused(&good.version, 2, "does not cover b.example");
	refused(&old.version, 1, "older than the one");
	refused(&future.version, 1, "not valid before");
	v = good.version;
	v.fullchain.n = 0;
	refused(&v, 1, "no certificate");
	v = good.version;
	v.fullchain.n -= 40;
	refused(&v, 1, "broken");
	v = good.version;
	v.privkey.n = 0;
	refused(&v, 1, "not a private key");
	/* The leaf, then a stranger. */
	buf_init(&text, 65536);
	buf_add(&text, good.version.fullchain);
	buf_add(&text, other.version.fullchain);
	v = (struct certstore_version){ buf_span(&text), good.version.privkey };
	refused(&v, 1, "the chain breaks after certificate 2");
	buf_release(&text);
#undef refused
	/* The name alone is at fault. */
	assert_refused(certstore_publish(f->store, "a/b", &good.version, names, 1, &e),
	    "not usable");
	assert_refused(certstore_publish(f->store, "..", &good.version, names, 1, &e),
	    "not usable");
	assert_int_equal(certstore_live_number(f->store, "a.example", NULL), 1);
	assert_false(file_exists(path_in(f, "archive/a.example/privkey2.pem")));
	assert_tidy(f);
	version_done(&good);
	version_done(&other);
	version_done(&old);
	version_done(&future);
}

static void
expired_and_encrypted_are_refused(void **state)
{
	struct fixture *f = *state;
	struct span names[] = { SPAN_INIT("a.example") };
	EVP_PKEY *key = made_key("ec");
	X509 *leaf = made_cert(key, "a.example",
	    (struct made_options){ .not_before = MADE_NOW - 9 * DAY, .not_after = MADE_NOW - 1 });
	static const char encrypted[] =
	    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgAAAAAAAAAAAICCAAw\n"
	    "-----END ENCRYPTED PRIVATE KEY-----\n";
	struct certstore_version v;
	struct buf pem, key_pem;

	buf_init(&pem, 65536);
	buf_init_secret(&key_pem, 65536);
	made_pem(&pem, leaf);
	assert_int_equal(pkey_format_pem(key, &key_pem, NULL), 0);
	v = (struct certstore_version){ buf_span(&pem), buf_span(&key_pem) };
	assert_refused(certstore_publish(f->store, "a.example", &v, names, 1, &e), "expired");
	v.privkey = span_str(encrypted);
	assert_refused(certstore_publish(f->store, "a.example", &v, names, 1, &e), "private key");
	assert_false(file_exists(path_in(f, "archive")));
	buf_release(&pem);
	buf_release(&key_pem);
	X509_free(leaf);
	EVP_PKEY_free(key);
}

static void
a_changed_live_directory_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct made_version v = made_version(f, "a.example", 0);

	assert_int_equal(publish(f, 0), 1);
	assert_int_equal(unlink(path_in(f, "live/a.example/privkey.pem")), 0);
	write_text(f, "live/a.example/privkey.pem", "mine", 0600);
	assert_refused(certstore_live_number(f->store, "a.example", &e),
	    "privkey.pem is not a link");
	assert_refused(certstore_publish(f->store, "a.example", &v.version, NULL, 0, &e),
	    "privkey.pem is not a link");
	assert_int_equal(unlink(path_in(f, "live/a.example/privkey.pem")), 0);
	assert_int_equal(symlink("../../archive/other/privkey1.pem",
			     path_in(f, "live/a.example/privkey.pem")),
	    0);
	assert_refused(certstore_publish(f->store, "a.example", &v.version, NULL, 0, &e),
	    "privkey.pem is not a link");
	version_done(&v);
}

static void
a_set_that_does_not_match_is_seen(void **state)
{
	struct fixture *f = *state;
	struct buf key;

	assert_int_equal(publish(f, 0), 1);
	assert_int_equal(publish(f, 0), 2);
	read_text(f, "archive/a.example/privkey1.pem", &key);
	write_text(f, "archive/a.example/privkey2.pem", buf_str(&key), 0600);
	buf_release(&key);
	assert_refused(certstore_live_number(f->store, "a.example", &e), "does not belong");
	/* And replaced by the next version. */
	assert_int_equal(publish(f, 0), 3);
	assert_int_equal(certstore_live_number(f->store, "a.example", NULL), 3);
	write_text(f, "archive/a.example/chain3.pem", "", 0644);
	assert_refused(certstore_live_number(f->store, "a.example", &e), "version 3");
	assert_int_equal(publish(f, 0), 4);
}

/* certbot moves its four links one by one: here it died after the first two. */
static void
a_half_moved_set_is_mended(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(publish(f, 0), 1);
	assert_int_equal(publish(f, 0), 2);
	assert_int_equal(unlink(path_in(f, "live/a.example/cert.pem")), 0);
	assert_int_equal(symlink("../../archive/a.example/cert1.pem",
			     path_in(f, "live/a.example/cert.pem")),
	    0);
	assert_int_equal(unlink(path_in(f, "live/a.example/chain.pem")), 0);
	assert_refused(certstore_live_number(f->store, "a.example", &e), "several versions");
	assert_int_equal(certstore_recover(f->store, "a.example", NULL), 0);
	assert_int_equal(certstore_live_number(f->store, "a.example", NULL), 2);
	assert_tidy(f);
}

static void
a_crash_is_finished_or_undone(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(certstore_recover(f->store, "a.example", NULL), 0);
	assert_int_equal(publish(f, 0), 1);
	assert_int_equal(publish(f, 0), 2);
	/* Version 2 written, never switched to. */
	for (int part = 0; part < 4; part++) {
		static const char *const parts[] = { "cert", "chain", "fullchain", "privkey" };
		char link[64], target[64];

		snprintf(link, sizeof(link), "live/a.example/%s.pem", parts[part]);
		snprintf(target, sizeof(target), "../../archive/a.example/%s1.pem", parts[part]);
		assert_int_equal(unlink(path_in(f, link)), 0);
		assert_int_equal(symlink(target, path_in(f, link)), 0);
	}
	assert_int_equal(certstore_recover(f->store, "a.example", NULL), 0);
	assert_int_equal(certstore_live_number(f->store, "a.example", NULL), 1); /* not our doing */
	assert_int_equal(symlink("2", path_in(f, "gatehouse/publish/a.example")), 0);
	assert_int_equal(mkdir(path_in(f, "live/.a.example.next"), 0755), 0);
	assert_int_equal(symlink("x", path_in(f, "live/.a.example.next/cert.pem")), 0);
	assert_int_equal(certstore_recover(f->store, "a.example", NULL), 0);
	assert_int_equal(certstore_live_number(f->store, "a.example", NULL), 2);
	assert_tidy(f);
	/* Version 3 half written. */
	assert_int_equal(symlink("3", path_in(f, "gatehouse/publish/a.example")), 0);
	write_text(f, "archive/a.example/privkey3.pem", "half", 0600);
	assert_int_equal(certstore_recover(f->store, "a.example", NULL), 0);
	assert_int_equal(certstore_live_number(f->store, "a.example", NULL), 2);
	assert_false(file_exists(path_in(f, "archive/a.example/privkey3.pem")));
	assert_tidy(f);
	assert_int_equal(symlink("0", path_in(f, "gatehouse/publish/a.example")), 0);
	assert_refused(certstore_recover(f->store, "a.example", &e), "version's number");
	assert_int_equal(unlink(path_in(f, "gatehouse/publish/a.example")), 0);
	write_text(f, "gatehouse/publish/a.example", "2", 0600);
	assert_refused(certstore_recover(f->store, "a.example", &e), "version's number");
}

static void
names_are_listed(void **state)
{
	struct fixture *f = *state;
	struct arena *arena = arena_new(0);
	struct span *names;
	size_t count;

	assert_int_equal(certstore_list(f->store, arena, &names, &count, NULL), 0);
	assert_int_equal(count, 0);
	assert_int_equal(publish(f, 0), 1);
	assert_int_equal(mkdir(path_in(f, "renewal"), 0755), 0);
	write_text(f, "renewal/b.example.conf", "", 0644);
	write_text(f, "renewal/a.example.conf", "", 0644);
	write_text(f, "renewal/.conf", "", 0644);
	write_text(f, "renewal/note.txt", "", 0644);
	write_text(f, "live/README", "", 0644);
	assert_int_equal(mkdir(path_in(f, "live/.c.example.next"), 0755), 0);
	assert_int_equal(mkdir(path_in(f, "live/0.example"), 0755), 0);
	assert_int_equal(certstore_list(f->store, arena, &names, &count, NULL), 0);
	assert_int_equal(count, 3);
	assert_span(names[0], "0.example");
	assert_span(names[1], "a.example");
	assert_span(names[2], "b.example");
	arena_free(arena);
}

static void
locks_exclude(void **state)
{
	struct fixture *f = *state;
	struct err held = ERR_INIT;
	int first = certstore_lock(f->store, "a.example", false, NULL), other;

	assert_true(first >= 0);
	assert_int_equal(certstore_lock(f->store, "a.example", false, &held), -1);
	assert_int_equal(held.kind, ERR_TEMPFAIL);
	assert_non_null(strstr(err_text(&held), "a.example"));
	err_release(&held);
	other = certstore_lock(f->store, "b.example", false, NULL);
	assert_true(other >= 0);
	close(other);
	close(first);
	first = certstore_lock(f->store, "a.example", false, NULL);
	assert_true(first >= 0);
	close(first);
	assert_refused(certstore_lock(f->store, "../a", false, &e), "not usable");
}

static void
paths_and_parts(void **state)
{
	struct fixture *f = *state;
	struct certstore *relative;
	struct buf text;
	struct err missing = ERR_INIT;
	char *path = certstore_path(f->store, "a.example", CERTSTORE_FULLCHAIN);

	assert_string_equal(path, path_in(f, "live/a.example/fullchain.pem"));
	free(path);
	buf_init_secret(&text, 65536);
	assert_int_equal(certstore_read(f->store, "a.example", CERTSTORE_PRIVKEY, &text, &missing),
	    -1);
	assert_int_equal(missing.kind, ERR_NOINPUT);
	err_release(&missing);
	assert_int_equal(publish(f, 0), 1);
	assert_int_equal(certstore_read(f->store, "a.example", CERTSTORE_PRIVKEY, &text, NULL), 0);
	assert_true(span_starts(buf_span(&text), SPAN("-----BEGIN PRIVATE KEY-----")));
	buf_release(&text);
	path = certstore_private_path(f->store, "a/b/c", NULL);
	assert_string_equal(path, path_in(f, "gatehouse/a/b/c"));
	assert_mode(f, "gatehouse/a/b", 0700);
	free(path);
	assert_refused(certstore_open("", &relative, &e), "directory");
	assert_int_equal(certstore_open("x//", &relative, NULL), 0);
	assert_int_equal(certstore_dir(relative)[0], '/');
	assert_true(span_ends(span_str(certstore_dir(relative)), SPAN("/x")));
	certstore_close(relative);
}

static void
names_of_lineages(void **state)
{
	static const struct span good[] = { SPAN_INIT("a.example"), SPAN_INIT("a.example-0001"),
		SPAN_INIT("*.a.example"), SPAN_INIT("x"), SPAN_INIT("m\xc3\xbc.example") };
	static const struct span bad[] = { SPAN_INIT(""), SPAN_INIT("."), SPAN_INIT(".."),
		SPAN_INIT(".a"), SPAN_INIT("a/b"), SPAN_INIT("a\nb"), SPAN_INIT("a\0b"),
		SPAN_INIT("\x7f"), SPAN_INIT("README"), SPAN_INIT("readme") };
	char big[201];

	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(certstore_name_ok(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(certstore_name_ok(bad[i]));
	memset(big, 'a', sizeof(big));
	assert_true(certstore_name_ok(span_of(big, 200)));
	assert_false(certstore_name_ok(span_of(big, 201)));
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(the_layout_is_certbots),
		with_store(versions_follow_each_other),
		with_store(what_else_lies_in_live_stays),
		with_store(the_keys_readers_are_kept),
		with_store(certbots_trees_are_continued),
		with_store(unfit_versions_are_refused),
		with_store(expired_and_encrypted_are_refused),
		with_store(a_changed_live_directory_is_left_alone),
		with_store(a_set_that_does_not_match_is_seen),
		with_store(a_half_moved_set_is_mended),
		with_store(a_crash_is_finished_or_undone),
		with_store(names_are_listed),
		with_store(locks_exclude),
		with_store(paths_and_parts),
		cmocka_unit_test(names_of_lineages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

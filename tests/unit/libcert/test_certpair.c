/* SPDX-License-Identifier: ISC */
/* certpair: both files or neither, modes, names. */
#include "base/file.h"
#include "libcert/certpair.h"
#include "tests/unit/libcert/made.h"

#include <dirent.h>
#include <sys/stat.h>

#define PATH_SIZE (UNIT_DIR_MAX + 32)

struct fixture {
	char dir[UNIT_DIR_MAX], cert[PATH_SIZE], key[PATH_SIZE];
	struct certpair pair;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	unit_make_dir(f->dir);
	snprintf(f->cert, sizeof(f->cert), "%s/a.crt", f->dir);
	snprintf(f->key, sizeof(f->key), "%s/a.key", f->dir);
	f->pair = (struct certpair){ .cert_path = f->cert,
		.key_path = f->key,
		.cert = SPAN("cert\n"),
		.key = SPAN("key\n") };
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	unit_remove_dir(f->dir);
	free(f);
	return 0;
}

static void
assert_file(const char *path, const char *content, mode_t mode)
{
	struct buf text;
	struct stat st;

	buf_init(&text, 4096);
	assert_int_equal(file_read(path, &text, NULL), 0);
	assert_span(buf_span(&text), content);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	buf_release(&text);
}

static size_t
count_files(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static void
both_are_made(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(certpair_check(&f->pair, NULL), 0);
	assert_int_equal(certpair_write(&f->pair, NULL), 0);
	assert_file(f->cert, "cert\n", 0644);
	assert_file(f->key, "key\n", 0600);
	assert_int_equal(count_files(f->dir), 2);
}

static void
existing_files_need_replace(void **state)
{
	struct fixture *f = *state;

	for (int which = 0; which < 2; which++) {
		const char *there = which ? f->cert : f->key, *other = which ? f->key : f->cert;

		assert_int_equal(file_write_atomic(there, SPAN("old"), 0640, NULL), 0);
		assert_refused(certpair_check(&f->pair, &e), "exists");
		assert_refused(certpair_write(&f->pair, &e), "exists");
		assert_file(there, "old", 0640);
		assert_false(file_exists(other));
		f->pair.replace = true;
		assert_int_equal(certpair_write(&f->pair, NULL), 0);
		f->pair.replace = false;
		assert_file(f->cert, "cert\n", 0644);
		assert_file(f->key, "key\n", 0600);
		assert_int_equal(count_files(f->dir), 2);
		assert_int_equal(unlink(other), 0);
		assert_int_equal(unlink(there), 0);
	}
}

/* The second name cannot be taken: the first gets back what it was. */
static void
neither_is_made_when_one_cannot(void **state)
{
	struct fixture *f = *state;
	char name[300];

	/* Fits as a name, but not with the temporary file's suffix: the content cannot be written. */
	memset(name, 'c', 250);
	snprintf(name + 250, sizeof(name) - 250, ".crt");
	f->pair.cert_path = name;
	assert_refused(certpair_write(&f->pair, &e), "cannot write");
	assert_int_equal(count_files(f->dir), 0);
	f->pair.cert_path = f->cert;
	assert_int_equal(mkdir(f->cert, 0755), 0);
	f->pair.replace = true;
	assert_refused(certpair_write(&f->pair, &e), "not a regular file");
	assert_int_equal(count_files(f->dir), 1);
}

static void
only_regular_files_are_replaced(void **state)
{
	struct fixture *f = *state;

	f->pair.replace = true;
	assert_int_equal(symlink("/dev/null", f->key), 0);
	assert_refused(certpair_write(&f->pair, &e), "not a regular file");
	f->pair.key_path = "/dev/null";
	assert_refused(certpair_write(&f->pair, &e), "not a regular file");
	assert_false(file_exists(f->cert));
}

static void
one_path_holds_both(void **state)
{
	struct fixture *f = *state;
	char again[PATH_SIZE];

	snprintf(again, sizeof(again), "%s/./a.key", f->dir);
	f->pair.cert_path = again;
	assert_int_equal(certpair_write(&f->pair, NULL), 0);
	assert_file(f->key, "key\ncert\n", 0600);
	assert_refused(certpair_write(&f->pair, &e), "exists");
	f->pair.replace = true;
	f->pair.key = SPAN("new\n");
	assert_int_equal(certpair_write(&f->pair, NULL), 0);
	assert_file(f->key, "new\ncert\n", 0600);
	assert_int_equal(count_files(f->dir), 1);
}

static void
directories_are_made(void **state)
{
	struct fixture *f = *state;
	char cert[PATH_SIZE], key[PATH_SIZE], dir[PATH_SIZE];
	struct stat st;

	snprintf(cert, sizeof(cert), "%s/certs/a.crt", f->dir);
	snprintf(key, sizeof(key), "%s/keys/a.key", f->dir);
	snprintf(dir, sizeof(dir), "%s/keys", f->dir);
	f->pair.cert_path = cert;
	f->pair.key_path = key;
	assert_int_equal(certpair_write(&f->pair, NULL), 0);
	assert_file(cert, "cert\n", 0644);
	assert_file(key, "key\n", 0600);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

/* A file of this pair, or with number the leftover "PATH.tmp.NUMBER". */
static void
put(const char *path, const char *number, struct span text)
{
	char name[PATH_SIZE + 32];

	snprintf(name, sizeof(name), "%s%s%s", path, number ? ".tmp." : "", number ? number : "");
	assert_int_equal(file_write_new(name, text, 0600, NULL), 0);
}

/* What a crash kept of a replacement: which names had changed hands. Both then belong together, of the new pair or the old. */
static void
torn_pairs_are_completed(void **state)
{
	static const struct {
		bool old_exists, new_cert, new_key, completed, want_new;
	} cases[] = {
		{ true, true, false, true, true },
		/* The old key is still at hand, and needs no other name changed. */
		{ true, false, true, true, false },
		{ true, true, true, false, true },
		{ true, false, false, false, false },
		{ false, true, false, true, true },
		{ false, false, true, true, true },
	};
	static const char number[] = "0123456789abcdef";

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fixture f = { .pair = { 0 } };
		EVP_PKEY *keys[2] = { made_key("ec:P-256"), made_key("ec:P-256") };
		struct buf cert[2], key[2];

		unit_make_dir(f.dir);
		snprintf(f.cert, sizeof(f.cert), "%s/a.crt", f.dir);
		snprintf(f.key, sizeof(f.key), "%s/a.key", f.dir);
		f.pair = (struct certpair){ .cert_path = f.cert, .key_path = f.key };
		for (size_t j = 0; j < 2; j++) {
			X509 *made = made_cert(keys[j], "a.example", (struct made_options){ 0 });

			buf_init(&cert[j], 65536);
			buf_init(&key[j], 65536);
			made_pem(&cert[j], made);
			assert_int_equal(pkey_format_pem(keys[j], &key[j], NULL), 0);
			X509_free(made);
			EVP_PKEY_free(keys[j]);
		}
		/* An exchange leaves the old file under the other name; a first one leaves none. */
		if (cases[i].new_cert || cases[i].old_exists)
			put(f.cert, NULL, buf_span(&cert[cases[i].new_cert]));
		if (!cases[i].new_cert || cases[i].old_exists)
			put(f.cert, number, buf_span(&cert[!cases[i].new_cert]));
		if (cases[i].new_key || cases[i].old_exists)
			put(f.key, NULL, buf_span(&key[cases[i].new_key]));
		if (!cases[i].new_key || cases[i].old_exists)
			put(f.key, number, buf_span(&key[!cases[i].new_key]));
		assert_int_equal(certpair_recover(&f.pair), cases[i].completed);
		assert_int_equal(count_files(f.dir), 2);
		assert_file(f.key, buf_str(&key[cases[i].want_new]), 0600);
		assert_file(f.cert, buf_str(&cert[cases[i].want_new]), 0600);
		for (size_t j = 0; j < 2; j++) {
			buf_release(&cert[j]);
			buf_release(&key[j]);
		}
		unit_remove_dir(f.dir);
	}
}

static void
files_get_names(void **state)
{
	static const char *const certs[][2] = {
		{ "a.example", "a.example.crt" },
		{ "*.a.example", "_wildcard.a.example.crt" },
		{ "::1", "::1.crt" },
		{ "spiffe://a/b", "spiffe:__a_b.crt" },
	};
	static const char *const keys[][2] = {
		{ "a.crt", "a.key" },
		{ "/x/a.pem", "/x/a.key" },
		{ "a.cer", "a.key" },
		{ "a.cert", "a.key" },
		{ "C", "C.key" },
		{ "a.key", "a.key.key" },
	};

	for (size_t i = 0; i < COUNT(certs); i++) {
		struct name name;
		char *file;

		assert_int_equal(name_parse(span_str(certs[i][0]), &name, NULL), 0);
		file = certpair_cert_name(&name);
		assert_string_equal(file, certs[i][1]);
		free(file);
		name_release(&name);
	}
	for (size_t i = 0; i < COUNT(keys); i++) {
		char *file = certpair_key_name(keys[i][0]);

		assert_string_equal(file, keys[i][1]);
		free(file);
	}
}

#define with_files(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_files(both_are_made),
		with_files(existing_files_need_replace),
		with_files(neither_is_made_when_one_cannot),
		with_files(only_regular_files_are_replaced),
		with_files(one_path_holds_both),
		with_files(directories_are_made),
		cmocka_unit_test(torn_pairs_are_completed),
		cmocka_unit_test(files_get_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

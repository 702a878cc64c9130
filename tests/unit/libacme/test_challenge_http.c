/* SPDX-License-Identifier: ISC */
/* challenge_http: files on show and gone again, directories as they were. */
#include "base/file.h"
#include "base/mem.h"
#include "libacme/challenge_http.h"
#include "tests/unit/unit.h"

#include <sys/stat.h>

static const struct challenge challenge = {
	.name = SPAN_INIT("a.example"),
	.type = "http-01",
	.token = "tok-EN_1",
	.key_auth = "tok-EN_1.thumb",
};

struct fixture {
	char dir[UNIT_DIR_MAX];
	struct webroot root;
	struct solver *solver;
	char *path, *well_known;
};

static int
setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	struct webroot_options options = { .roots = &f->root, .count = 1, .preflight = "none" };

	unit_make_dir(f->dir);
	f->root = (struct webroot){ .name = "A.example", .dir = f->dir };
	f->solver = challenge_webroot_new(&options);
	f->path = mem_printf("%s/.well-known/acme-challenge/tok-EN_1", f->dir);
	f->well_known = mem_printf("%s/.well-known", f->dir);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	f->solver->free(f->solver);
	unit_remove_dir(f->dir);
	free(f->path);
	free(f->well_known);
	free(f);
	return 0;
}

static int
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (int)(st.st_mode & 0777);
}

static void
on_presented(void *arg, struct err *e)
{
	if (e)
		err_move(arg, e);
}

/* 0 if it is on show, else -1 and why. */
static int
present(const struct fixture *f, const struct challenge *c, struct err *e)
{
	struct err why = ERR_INIT;
	int rc;

	f->solver->present(f->solver, c, on_presented, &why);
	rc = why.kind == ERR_NONE ? 0 : -1;
	if (e)
		err_move(e, &why);
	err_release(&why);
	return rc;
}

static void
shown_to_everybody_and_gone_again(void **state)
{
	struct fixture *f = *state;
	struct buf text;

	umask(0077);
	assert_int_equal(present(f, &challenge, NULL), 0);
	umask(0022);
	buf_init(&text, 256);
	assert_int_equal(file_read(f->path, &text, NULL), 0);
	assert_span(buf_span(&text), "tok-EN_1.thumb");
	buf_release(&text);
	assert_int_equal(mode_of(f->path), 0644);
	assert_int_equal(mode_of(f->well_known), 0755);
	f->solver->cleanup(f->solver, &challenge);
	assert_false(file_exists(f->well_known));
	f->solver->cleanup(f->solver, &challenge); /* nothing left to do */
	assert_null(f->solver->check);
}

static void
what_others_put_there_stays(void **state)
{
	struct fixture *f = *state;
	char *other = mem_printf("%s/security.txt", f->well_known);

	assert_int_equal(file_make_dirs(f->well_known, 0750, NULL), 0);
	assert_int_equal(file_write_atomic(other, SPAN("x"), 0600, NULL), 0);
	assert_int_equal(present(f, &challenge, NULL), 0);
	f->solver->cleanup(f->solver, &challenge);
	assert_true(file_exists(other));
	assert_int_equal(mode_of(f->well_known), 0750);
	assert_false(file_exists(f->path));
	free(other);
}

static void
what_cannot_be_shown_is_told(void **state)
{
	static const struct challenge stranger = {
		.name = SPAN_INIT("b.example"), .token = "t", .key_auth = "t.t"
	};
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	assert_int_equal(present(f, &stranger, &e), -1);
	assert_non_null(strstr(err_text(&e), "b.example"));
	f->solver->cleanup(f->solver, &stranger);
	assert_int_equal(challenge_webroot_check("/does/not/exist", &e), -1);
	assert_int_equal(e.kind, ERR_NOINPUT);
	assert_int_equal(challenge_webroot_check("/dev/null", &e), -1);
	assert_non_null(strstr(err_text(&e), "not a directory"));
	err_release(&e);
}

static void
tokens(void **state)
{
	char long_one[202];

	assert_true(challenge_token_ok("DGyRejmCefe7v4NfDGDKfA"));
	assert_true(challenge_token_ok("-_"));
	assert_false(challenge_token_ok(""));
	assert_false(challenge_token_ok("."));
	assert_false(challenge_token_ok("a/b"));
	assert_false(challenge_token_ok("a b"));
	assert_false(challenge_token_ok("a\n"));
	memset(long_one, 'a', sizeof(long_one));
	long_one[201] = '\0';
	assert_false(challenge_token_ok(long_one));
	long_one[200] = '\0';
	assert_true(challenge_token_ok(long_one));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shown_to_everybody_and_gone_again, setup, teardown),
		cmocka_unit_test_setup_teardown(what_others_put_there_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_shown_is_told, setup, teardown),
		cmocka_unit_test(tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

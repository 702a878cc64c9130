/* SPDX-License-Identifier: ISC */
/* err: setting, wrapping, moving, printing; OpenSSL's queue as a reason. */
#include "base/cli.h"
#include "base/err.h"
#include "tests/unit/unit.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <errno.h>
#include <fcntl.h>

static void
setters_return_minus_one_and_take_null(void **state)
{
	assert_int_equal(err_set(NULL, ERR_DATA, "x"), -1);
	assert_int_equal(err_set_errno(NULL, ENOENT, "x"), -1);
	assert_int_equal(err_set_openssl(NULL, ERR_DATA, "x"), -1);
	assert_int_equal(err_wrap(NULL, "x"), -1);
	assert_int_equal(err_hint(NULL, "x"), -1);
	assert_int_equal(err_at(NULL, "x", 1), -1);
	err_reset(NULL);
	err_release(NULL);
	assert_string_equal(err_text(NULL), "no error");
}

static void
text_reads_from_the_outside_in(void **state)
{
	struct err e = ERR_INIT;

	assert_string_equal(err_text(&e), "no error");
	assert_int_equal(err_set(&e, ERR_UNAVAILABLE, "%s refused %d", "CA", 3), -1);
	assert_int_equal(err_wrap(&e, "cannot renew %s", "a.example"), -1);
	assert_string_equal(err_text(&e), "cannot renew a.example: CA refused 3");
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	/* An argument may be the error's own text. */
	err_set(&e, ERR_DATA, "again: %s", err_text(&e));
	assert_string_equal(err_text(&e), "again: cannot renew a.example: CA refused 3");
	err_wrap(&e, "%s", err_text(&e));
	err_hint(&e, "do this");
	err_hint(&e, "%s, then that", e.hint);
	assert_string_equal(e.hint, "do this, then that");
	err_at(&e, "a.conf", 7);
	err_at(&e, e.file, 8);
	assert_string_equal(e.file, "a.conf");
	assert_int_equal(e.line, 8);
	err_release(&e);
	assert_int_equal(e.kind, ERR_NONE);
	assert_null(e.text);
}

static void
set_replaces_everything(void **state)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_TEMPFAIL, "first");
	err_hint(&e, "hint");
	err_at(&e, "file", 1);
	e.retry_at = 5;
	err_set(&e, ERR_DATA, "second");
	assert_string_equal(e.text, "second");
	assert_null(e.hint);
	assert_null(e.file);
	assert_int_equal(e.line, 0);
	assert_int_equal(e.retry_at, 0);
	err_release(&e);
}

static void
errno_decides_the_kind(void **state)
{
	static const struct {
		int errnum;
		enum err_kind kind;
	} cases[] = {
		{ EACCES, ERR_PERM },
		{ EPERM, ERR_PERM },
		{ ENOENT, ERR_NOINPUT },
		{ ENOTDIR, ERR_NOINPUT },
		{ EEXIST, ERR_CANTCREATE },
		{ EROFS, ERR_CANTCREATE },
		{ ENOSPC, ERR_IO },
		{ EIO, ERR_IO },
		{ ECONNREFUSED, ERR_UNAVAILABLE },
		{ ETIMEDOUT, ERR_UNAVAILABLE },
		{ EAGAIN, ERR_TEMPFAIL },
		{ EMFILE, ERR_TEMPFAIL },
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < COUNT(cases); i++) {
		err_set_errno(&e, cases[i].errnum, "cannot open %s", "x");
		assert_int_equal(e.kind, cases[i].kind);
	}
	err_set_errno(&e, ENOENT, "cannot open %s", "x");
	assert_string_equal(err_text(&e), "cannot open x: No such file or directory");
	err_release(&e);
}

static void
exit_codes_are_sysexits(void **state)
{
	static const struct {
		enum err_kind kind;
		int code;
	} cases[] = {
		{ ERR_NONE, 0 },
		{ ERR_PARTIAL, 1 },
		{ ERR_USAGE, 64 },
		{ ERR_DATA, 65 },
		{ ERR_NOINPUT, 66 },
		{ ERR_UNAVAILABLE, 69 },
		{ ERR_BUG, 70 },
		{ ERR_CANTCREATE, 73 },
		{ ERR_IO, 74 },
		{ ERR_TEMPFAIL, 75 },
		{ ERR_PERM, 77 },
		{ ERR_CONFIG, 78 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(err_exit_code(cases[i].kind), cases[i].code);
}

static void
move_hands_over(void **state)
{
	struct err a = ERR_INIT, b = ERR_INIT;

	err_set(&a, ERR_DATA, "old");
	err_set(&b, ERR_IO, "new");
	err_hint(&b, "hint");
	err_move(&a, &b);
	assert_string_equal(err_text(&a), "new");
	assert_string_equal(a.hint, "hint");
	assert_int_equal(a.kind, ERR_IO);
	assert_int_equal(b.kind, ERR_NONE);
	assert_null(b.text);
	err_move(&a, &a);
	assert_string_equal(err_text(&a), "new");
	err_move(NULL, &a);
	assert_null(a.text);
}

/* What err_print writes to descriptor 2. */
static void
printed(const struct err *e, char *out, size_t size)
{
	int fds[2], saved = dup(2);
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], 2);
	err_print(e);
	dup2(saved, 2);
	close(saved);
	close(fds[1]);
	n = read(fds[0], out, size - 1);
	assert_true(n >= 0);
	out[n] = '\0';
	close(fds[0]);
}

static void
print_names_program_place_and_hint(void **state)
{
	struct err e = ERR_INIT;
	char out[500];

	cli_set_program_name("prog");
	err_set(&e, ERR_DATA, "what: why");
	printed(&e, out, sizeof(out));
	assert_string_equal(out, "prog: what: why\n");
	err_hint(&e, "do this\nor that");
	printed(&e, out, sizeof(out));
	assert_string_equal(out, "prog: what: why\n  do this\n  or that\n");
	err_at(&e, "x.conf", 12);
	printed(&e, out, sizeof(out));
	assert_string_equal(out, "prog: x.conf:12: what: why\n  do this\n  or that\n");
	err_at(&e, "x.conf", 0);
	err_hint(&e, "h");
	printed(&e, out, sizeof(out));
	assert_string_equal(out, "prog: x.conf: what: why\n  h\n");
	/* What a peer put into the text does not reach the terminal. */
	err_set(&e, ERR_DATA, "bell\a esc\x1b[2J del\x7f tab\t");
	printed(&e, out, sizeof(out));
	assert_string_equal(out, "prog: bell? esc?[2J del? tab\t\n");
	err_release(&e);
}

static void
openssl_tells_the_innermost_reason(void **state)
{
	struct err e = ERR_INIT;
	BIO *in = BIO_new_mem_buf("nonsense", -1);

	ERR_clear_error();
	assert_int_equal(err_set_openssl(&e, ERR_DATA, "cannot read %s", "k"), -1);
	assert_string_equal(err_text(&e), "cannot read k");

	assert_null(PEM_read_bio_X509(in, NULL, NULL, NULL));
	err_set_openssl(&e, ERR_DATA, "cannot read %s", "k");
	assert_non_null(strstr(err_text(&e), "cannot read k: no start line"));
	assert_int_equal(e.kind, ERR_DATA);
	assert_int_equal(ERR_peek_error(), 0);
	BIO_free(in);

	/* "unsupported" alone is better than nothing, but what follows is better still. */
	ERR_raise(ERR_LIB_USER, ERR_R_UNSUPPORTED);
	err_set_openssl(&e, ERR_DATA, "x");
	assert_string_equal(err_text(&e), "x: unsupported");
	ERR_raise(ERR_LIB_USER, ERR_R_UNSUPPORTED);
	ERR_raise_data(ERR_LIB_PEM, PEM_R_BAD_DECRYPT, "some data");
	ERR_raise(ERR_LIB_PEM, PEM_R_NO_START_LINE);
	err_set_openssl(&e, ERR_DATA, "x");
	assert_string_equal(err_text(&e), "x: bad decrypt (some data)");

	assert_null(BIO_new_file("/nonexistent/file", "r"));
	err_set_openssl(&e, ERR_NOINPUT, "x");
	assert_non_null(strstr(err_text(&e), "No such file or directory"));
	assert_int_equal(ERR_peek_error(), 0);
	ERR_raise(ERR_LIB_USER, ERR_R_UNSUPPORTED);
	err_set_openssl(NULL, ERR_DATA, "x");
	assert_int_equal(ERR_peek_error(), 0);
	err_release(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setters_return_minus_one_and_take_null),
		cmocka_unit_test(text_reads_from_the_outside_in),
		cmocka_unit_test(set_replaces_everything),
		cmocka_unit_test(errno_decides_the_kind),
		cmocka_unit_test(exit_codes_are_sysexits),
		cmocka_unit_test(move_hands_over),
		cmocka_unit_test(print_names_program_place_and_hint),
		cmocka_unit_test(openssl_tells_the_innermost_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

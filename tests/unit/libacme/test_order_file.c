/* SPDX-License-Identifier: ISC */
/* order_file: what a crash must not lose comes back, private from its first byte. */
#include "base/file.h"
#include "base/mem.h"
#include "libacme/order_file.h"
#include "libcert/pkey.h"
#include "tests/unit/unit.h"

#include <sys/stat.h>

static void
comes_back_whole(void **state)
{
	static const struct span names[] = { SPAN_INIT("a.example"), SPAN_INIT("b.example") };
	static const struct span swapped[] = { SPAN_INIT("B.example"), SPAN_INIT("a.example") };
	static const struct span others[] = { SPAN_INIT("a.example"), SPAN_INIT("c.example") };
	struct pkey_spec spec = { .kind = PKEY_EC, .curve = "P-256" };
	struct order_file out = { .url = mem_strdup("https://ca.example/o/1") }, in;
	char dir[UNIT_DIR_MAX], *path;
	struct stat st;

	unit_make_dir(dir);
	path = file_join(dir, "order.json");
	out.server = mem_strdup("https://ca.example/dir");
	out.account = mem_strdup("https://ca.example/acct/1");
	order_file_set_names(&out, names, 2);
	order_file_add_shown(&out, names[0], "http-01", "abc-_");
	assert_int_equal(pkey_generate(&spec, &out.key, NULL), 0);
	umask(0);
	assert_int_equal(order_file_save(path, &out, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(order_file_load(path, &in, NULL), 0);
	assert_string_equal(in.url, out.url);
	assert_string_equal(in.server, out.server);
	assert_string_equal(in.account, out.account);
	assert_int_equal(EVP_PKEY_eq(in.key, out.key), 1);
	assert_int_equal(in.shown_count, 1);
	assert_string_equal(in.shown[0].name, "a.example");
	assert_string_equal(in.shown[0].token, "abc-_");
	assert_true(order_file_has_names(&in, names, 2));
	assert_true(order_file_has_names(&in, swapped, 2));
	assert_false(order_file_has_names(&in, names, 1));
	assert_false(order_file_has_names(&in, others, 2));
	order_file_release(&in);
	order_file_release(&out);

	order_file_remove(path);
	order_file_remove(path);
	assert_false(file_exists(path));
	unit_remove_dir(dir);
	free(path);
}

static void
what_is_none(void **state)
{
	static const char *const bad[] = { "", "{}", "{\"schema\":1",
		"{\"server\":\"https://a\",\"account\":\"https://a\",\"order\":\"https://a\"}",
		"{\"server\":\"https://a\",\"account\":\"https://a\",\"order\":\"https://a\","
		"\"names\":[\"a\"],\"key\":\"none\"}",
		"{\"server\":\"https://a\",\"account\":\"https://a\",\"order\":\"https://a\","
		"\"names\":[\"a\"],\"shown\":[{\"name\":\"a\",\"token\":\"../x\"}]}" };
	char dir[UNIT_DIR_MAX], *path;
	struct order_file file;
	struct err e = ERR_INIT;

	unit_make_dir(dir);
	path = file_join(dir, "order.json");
	assert_int_equal(order_file_load(path, &file, &e), -1);
	assert_int_equal(e.kind, ERR_NOINPUT);
	err_release(&e);
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(file_write_atomic(path, span_str(bad[i]), 0600, NULL), 0);
		assert_int_equal(order_file_load(path, &file, NULL), -1);
		order_file_release(&file);
	}
	unit_remove_dir(dir);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_whole),
		cmocka_unit_test(what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* renewalconf: certbot's format in, out, and everything else left as it was. */
#include "libcert/renewalconf.h"
#include "tests/unit/libcert/made.h"

#include <sys/stat.h>

/* As certbot 2.1 writes it, plus what people add. */
static const char sample[] = "# renew_before_expiry = 30 days\n"
			     "version = 2.1.0\n"
			     "archive_dir = /etc/letsencrypt/archive/a.example\n"
			     "cert = /etc/letsencrypt/live/a.example/cert.pem\n"
			     "\n"
			     "# Options used in the renewal process\n"
			     "[renewalparams]\n"
			     "account = 0123456789abcdef\n"
			     "authenticator = webroot   # by hand\n"
			     "webroot_path = /var/www, \"/srv/a, b\"\n"
			     "pref_challs = http-01,\n"
			     "empty =\n"
			     "none = ,\n"
			     "renew_hook = \"sh -c 'a, b'\"\n"
			     "post_hook = '''say \"it's\"\n"
			     "twice''' # done\n"
			     "plain = it's \"bare\" text#comment\n"
			     "[[webroot_map]]\n"
			     "a.example = /var/www\n"
			     "  'b = c' = \"/srv\"\n"
			     "[other]\n"
			     "key = value\n";

static struct renewalconf *
parsed(const char *text)
{
	struct renewalconf *conf = renewalconf_new();
	struct err e = ERR_INIT;

	if (renewalconf_parse(conf, span_str(text), "x.conf", &e) < 0)
		fail_msg("%s", err_text(&e));
	return conf;
}

static void
assert_formatted(const struct renewalconf *conf, const char *text)
{
	struct buf out;

	buf_init(&out, 65536);
	assert_int_equal(renewalconf_format(conf, &out), 0);
	assert_string_equal(buf_str(&out), text);
	buf_release(&out);
}

static void
values_are_unquoted(void **state)
{
	struct renewalconf *conf = parsed(sample);
	static const char *const p = "renewalparams";

	assert_string_equal(renewalconf_get(conf, "", "version"), "2.1.0");
	assert_string_equal(renewalconf_get(conf, p, "authenticator"), "webroot");
	assert_string_equal(renewalconf_get(conf, p, "renew_hook"), "sh -c 'a, b'");
	assert_string_equal(renewalconf_get(conf, p, "post_hook"), "say \"it's\"\ntwice");
	assert_string_equal(renewalconf_get(conf, p, "plain"), "it's \"bare\" text");
	assert_string_equal(renewalconf_get(conf, p, "empty"), "");
	assert_string_equal(renewalconf_get(conf, "renewalparams/webroot_map", "a.example"),
	    "/var/www");
	assert_string_equal(renewalconf_get(conf, "renewalparams/webroot_map", "b = c"), "/srv");
	assert_string_equal(renewalconf_get(conf, "other", "key"), "value");
	assert_null(renewalconf_get(conf, "", "account"));
	assert_null(renewalconf_get(conf, "webroot_map", "a.example"));
	assert_null(renewalconf_get(conf, "nowhere", "key"));
	renewalconf_free(conf);
}

static void
lists_have_elements(void **state)
{
	struct renewalconf *conf = parsed(sample);
	static const char *const p = "renewalparams";

	assert_string_equal(renewalconf_item(conf, p, "webroot_path", 0), "/var/www");
	assert_string_equal(renewalconf_item(conf, p, "webroot_path", 1), "/srv/a, b");
	assert_null(renewalconf_item(conf, p, "webroot_path", 2));
	assert_string_equal(renewalconf_item(conf, p, "pref_challs", 0), "http-01");
	assert_null(renewalconf_item(conf, p, "pref_challs", 1));
	assert_string_equal(renewalconf_item(conf, p, "account", 0), "0123456789abcdef");
	assert_null(renewalconf_item(conf, p, "account", 1));
	assert_null(renewalconf_item(conf, p, "none", 0));
	assert_null(renewalconf_item(conf, p, "missing", 0));
	renewalconf_free(conf);
}

static void
keys_are_listed(void **state)
{
	struct renewalconf *conf = parsed(sample);

	assert_string_equal(renewalconf_key(conf, "", 0), "version");
	assert_string_equal(renewalconf_key(conf, "", 2), "cert");
	assert_null(renewalconf_key(conf, "", 3));
	assert_string_equal(renewalconf_key(conf, "renewalparams/webroot_map", 1), "b = c");
	assert_null(renewalconf_key(conf, "renewalparams/webroot_map", 2));
	renewalconf_free(conf);
}

static void
what_was_read_is_written_back(void **state)
{
	struct renewalconf *conf = parsed(sample);

	assert_formatted(conf, sample);
	renewalconf_free(conf);
	conf = parsed("");
	assert_formatted(conf, "");
	renewalconf_free(conf);
	conf = parsed("\n\r\n \ta=b\r\n#");
	assert_string_equal(renewalconf_get(conf, "", "a"), "b");
	assert_formatted(conf, "\n\r\n \ta=b\r\n#\n");
	renewalconf_free(conf);
}

static void
a_change_touches_one_line(void **state)
{
	struct renewalconf *conf =
	    parsed("# top\na = 1  # one\n[s]\nx=2\n  y = 'a', b # list\n[t]\nz = 3\n");

	assert_int_equal(renewalconf_set(conf, "", "a", "10"), 0);
	assert_int_equal(renewalconf_set(conf, "s", "x", "#"), 0);
	assert_int_equal(renewalconf_set(conf, "s", "y", "c"), 0);
	assert_int_equal(renewalconf_set(conf, "s", "new", "4"), 0);
	assert_int_equal(renewalconf_set(conf, "", "b", "5"), 0);
	assert_formatted(conf,
	    "# top\na = 10  # one\nb = 5\n[s]\nx= \"#\"\n  y = c # list\nnew = 4\n[t]\nz = 3\n");
	assert_string_equal(renewalconf_get(conf, "s", "x"), "#");
	assert_string_equal(renewalconf_item(conf, "s", "y", 0), "c");
	assert_int_equal(renewalconf_set(conf, "s", "x", NULL), 0);
	assert_int_equal(renewalconf_set(conf, "s", "x", NULL), 0);
	assert_null(renewalconf_get(conf, "s", "x"));
	assert_int_equal(renewalconf_set(conf, "", "a", NULL), 0);
	assert_formatted(conf, "# top\nb = 5\n[s]\n  y = c # list\nnew = 4\n[t]\nz = 3\n");
	renewalconf_free(conf);
}

static void
a_new_conf_looks_like_certbots(void **state)
{
	static const char *const paths[] = { "/var/www" };
	struct renewalconf *conf = renewalconf_new();

	assert_int_equal(renewalconf_set(conf, "renewalparams/webroot_map", "a.example",
			     "/var/www"),
	    0);
	assert_int_equal(renewalconf_set(conf, "", "version", "2.1.0"), 0);
	assert_int_equal(renewalconf_set(conf, "renewalparams", "account", "abc"), 0);
	assert_int_equal(renewalconf_set_list(conf, "renewalparams", "webroot_path", paths, 1), 0);
	renewalconf_free(conf);
	conf = renewalconf_new();
	assert_int_equal(renewalconf_set(conf, "", "version", "2.1.0"), 0);
	assert_int_equal(renewalconf_set(conf, "renewalparams", "account", "abc"), 0);
	assert_int_equal(renewalconf_set(conf, "renewalparams/webroot_map", "a.example",
			     "/var/www"),
	    0);
	assert_int_equal(renewalconf_set_list(conf, "renewalparams", "webroot_path", paths, 1), 0);
	assert_int_equal(renewalconf_set(conf, "", "cert", "/x"), 0);
	assert_int_equal(renewalconf_set(conf, "acme", "k", "v"), 0);
	assert_formatted(conf, "version = 2.1.0\n"
			       "cert = /x\n"
			       "\n"
			       "# Options used in the renewal process\n"
			       "[renewalparams]\n"
			       "account = abc\n"
			       "webroot_path = /var/www,\n"
			       "[[webroot_map]]\n"
			       "a.example = /var/www\n"
			       "\n"
			       "[acme]\n"
			       "k = v\n");
	renewalconf_free(conf);
}

/* Whatever is set comes back after a round through the text. */
static void
quoting_is_safe(void **state)
{
	static const char *const values[] = { "", " ", "a", " a ", "a,b", ",", "a#b", "#", "'",
		"\"", "it's", "'a'", "\"a\"", "a'b\"c", "a\nb", "'\"\n", "'''", "\"\"\"",
		"x'''y\"z", "[a]", "= b", "a = b", "\\", "\xc3\xbc", "a\"", "'''\"", "tab\t",
		"cr\r" };

	for (size_t i = 0; i < COUNT(values); i++) {
		struct renewalconf *conf = renewalconf_new(), *again;
		struct buf out;

		assert_int_equal(renewalconf_set(conf, "s", "before", "1"), 0);
		assert_int_equal(renewalconf_set(conf, "s", "k", values[i]), 0);
		assert_int_equal(renewalconf_set(conf, "s", "after", "2"), 0);
		buf_init(&out, 4096);
		assert_int_equal(renewalconf_format(conf, &out), 0);
		again = parsed(buf_str(&out));
		assert_string_equal(renewalconf_get(again, "s", "k"), values[i]);
		assert_string_equal(renewalconf_item(again, "s", "k", 0), values[i]);
		assert_null(renewalconf_item(again, "s", "k", 1));
		assert_string_equal(renewalconf_get(again, "s", "after"), "2");
		buf_release(&out);
		renewalconf_free(conf);
		renewalconf_free(again);
	}
}

static void
lists_are_quoted_too(void **state)
{
	static const char *const items[] = { "a", "b, c", "it's", "", "#" };
	static const char *const impossible[] = { "a\nb" };
	struct renewalconf *conf = renewalconf_new();

	assert_int_equal(renewalconf_set_list(conf, "", "k", items, COUNT(items)), 0);
	assert_formatted(conf, "k = a, \"b, c\", it's, \"\", \"#\"\n");
	assert_int_equal(renewalconf_set_list(conf, "", "k", impossible, 1), -1);
	assert_int_equal(renewalconf_set_list(conf, "", "other", impossible, 1), -1);
	assert_int_equal(renewalconf_set(conf, "", "k", "'''\n\"\"\""), -1);
	assert_formatted(conf, "k = a, \"b, c\", it's, \"\", \"#\"\n");
	assert_int_equal(renewalconf_set_list(conf, "", "k", items, 0), 0);
	assert_formatted(conf, "k = ,\n");
	renewalconf_free(conf);
}

static void
mistakes_are_located(void **state)
{
	static const struct {
		const char *text, *why;
		unsigned line;
	} cases[] = {
		{ "a\n", "neither", 1 },
		{ "= b\n", "neither", 1 },
		{ "a = 1\n\nb\n", "neither", 3 },
		{ "a = 1\na = 2\n", "\"a\" appears twice", 2 },
		{ "[a]\n[b]\n[a]\n", "[a] appears twice", 3 },
		{ "[a\n", "brackets", 1 },
		{ "[a]]\n", "brackets", 1 },
		{ "[[a]\n", "brackets", 1 },
		{ "[]\n", "without a name", 1 },
		{ "[a] b\n", "brackets", 1 },
		{ "['a]\n", "quote", 1 },
		{ "[[a]]\n", "too deep", 1 },
		{ "[a]\n[[[b]]]\n", "too deep", 2 },
		{ "[a/b]\n", "slash", 1 },
		{ "a = 'b\n", "closing quote", 1 },
		{ "a = 'b' c\n", "after the closing quote", 1 },
		{ "a = b,,c\n", "empty element", 1 },
		{ "a = ,b\n", "empty element", 1 },
		{ "x = 1\na = '''b\nc\n\n", "triple", 2 },
		{ "a = '''b\nc''' d\n", "triple", 1 },
		{ "'a = b\n", "neither", 1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct renewalconf *conf = renewalconf_new();
		struct err e = ERR_INIT;

		assert_int_equal(renewalconf_parse(conf, span_str(cases[i].text), "x.conf", &e),
		    -1);
		if (!strstr(err_text(&e), cases[i].why))
			fail_msg("case %zu: %s", i, err_text(&e));
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_string_equal(e.file, "x.conf");
		assert_int_equal(e.line, cases[i].line);
		assert_formatted(conf, "");
		err_release(&e);
		renewalconf_free(conf);
	}
}

static void
odd_bytes_are_refused(void **state)
{
	struct renewalconf *conf = renewalconf_new();
	struct buf big;

	assert_refused(renewalconf_parse(conf, SPAN("a = b\0c\n"), "x", &e), "NUL");
	buf_init(&big, 300 * 1024);
	while (buf_add_str(&big, "# padding\n") == 0)
		continue;
	assert_refused(renewalconf_parse(conf, buf_span(&big), "x", &e), "too large");
	buf_release(&big);
	renewalconf_free(conf);
}

static void
files_keep_their_mode(void **state)
{
	char dir[UNIT_DIR_MAX], path[UNIT_DIR_MAX + 8];
	struct renewalconf *conf = parsed("a = 1\n"), *again = renewalconf_new();
	struct stat st;

	unit_make_dir(dir);
	snprintf(path, sizeof(path), "%s/x.conf", dir);
	assert_refused(renewalconf_load(again, path, &e), "x.conf");
	assert_int_equal(renewalconf_save(conf, path, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(renewalconf_save(conf, path, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(renewalconf_load(again, path, NULL), 0);
	assert_string_equal(renewalconf_get(again, "", "a"), "1");
	renewalconf_free(conf);
	renewalconf_free(again);
	unit_remove_dir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_unquoted),
		cmocka_unit_test(lists_have_elements),
		cmocka_unit_test(keys_are_listed),
		cmocka_unit_test(what_was_read_is_written_back),
		cmocka_unit_test(a_change_touches_one_line),
		cmocka_unit_test(a_new_conf_looks_like_certbots),
		cmocka_unit_test(quoting_is_safe),
		cmocka_unit_test(lists_are_quoted_too),
		cmocka_unit_test(mistakes_are_located),
		cmocka_unit_test(odd_bytes_are_refused),
		cmocka_unit_test(files_keep_their_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

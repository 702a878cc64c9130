/* SPDX-License-Identifier: ISC */
/* subject: openssl's spelling read, mistakes named, common names found. */
#include "libcert/subject.h"
#include "tests/unit/libcert/made.h"

static void
subjects_are_read_as_openssl_does(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "/CN=x", "CN=x" },
		{ "/C=DE/ST=Bavaria/L=Munich/O=Ex/OU=It/CN=a.example/emailAddress=a@b",
		    "emailAddress=a@b,CN=a.example,OU=It,O=Ex,L=Munich,ST=Bavaria,C=DE" },
		{ "/C=DE/ST=/O=/CN=x", "CN=x,C=DE" },
		{ "/O=a\\/b/CN=x", "CN=x,O=a/b" },
		{ "/O=a\\+b/CN=x\\\\y", "CN=x\\\\y,O=a\\+b" },
		{ "/O=M\xc3\xbcnchen", "O=M\\C3\\BCnchen" },
		{ "/CN=x+OU=y", "OU=y+CN=x" },
		{ "/organizationName=o/commonName=x", "CN=x,O=o" },
		{ "/", "" },
		{ "/CN=x/", "CN=x" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		X509_NAME *subject = NULL;
		BIO *bio = BIO_new(BIO_s_mem());
		char *bytes;
		long len;

		assert_int_equal(subject_parse(span_str(cases[i].in), &subject, NULL), 0);
		X509_NAME_print_ex(bio, subject, 0, XN_FLAG_RFC2253);
		len = BIO_get_mem_data(bio, &bytes);
		assert_span(span_of(bytes, len > 0 ? (size_t)len : 0), cases[i].out);
		BIO_free(bio);
		X509_NAME_free(subject);
	}
}

static void
bad_subjects_are_refused(void **state)
{
	static const struct {
		struct span in;
		const char *why;
	} cases[] = {
		{ SPAN_INIT(""), "slash" },
		{ SPAN_INIT("CN=x"), "slash" },
		{ SPAN_INIT("/CN"), "\"=\"" },
		{ SPAN_INIT("/CN=x/y"), "\"=\"" },
		{ SPAN_INIT("/XX=y"), "\"XX\"" },
		{ SPAN_INIT("/=y"), "field" },
		{ SPAN_INIT("/C=Germany"), "too long" },
		{ SPAN_INIT("/C=D"), "too short" },
		{ SPAN_INIT("/CN="
			    "0123456789012345678901234567890123456789012345678901234567890123x"),
		    "too long" },
		{ SPAN_INIT("/CN=a\0b"), "slash" },
		{ SPAN_INIT("/CN=\xff\xfe"), "cannot be" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		X509_NAME *subject = NULL;

		assert_refused(subject_parse(cases[i].in, &subject, &e), cases[i].why);
		assert_null(subject);
	}
}

static void
common_names_are_found(void **state)
{
	X509_NAME *subject = NULL;
	char *name;

	assert_int_equal(subject_parse(SPAN("/O=x/CN=M\xc3\xbc/CN=second"), &subject, NULL), 0);
	name = subject_common_name(subject);
	assert_string_equal(name, "M\xc3\xbc");
	free(name);
	X509_NAME_free(subject);
	assert_int_equal(subject_parse(SPAN("/O=x"), &subject, NULL), 0);
	assert_null(subject_common_name(subject));
	assert_int_equal(subject_add(subject, "CN", SPAN("y"), NULL), 0);
	assert_int_equal(subject_add(subject, "OU", SPAN(""), NULL), 0);
	assert_int_equal(X509_NAME_entry_count(subject), 2);
	assert_refused(subject_add(subject, "nothing", SPAN("y"), &e), "nothing");
	X509_NAME_free(subject);
}

static int
answer(const char *answers, X509_NAME **subject, struct buf *asked, struct err *e)
{
	FILE *in = fmemopen((char *)answers, strlen(answers), "r"), *out = tmpfile();
	char text[4096];
	size_t len;
	int rc = subject_ask(in, out, subject, e);

	rewind(out);
	len = fread(text, 1, sizeof(text), out);
	buf_reset(asked);
	buf_add(asked, span_of(text, len));
	fclose(in);
	fclose(out);
	return rc;
}

static void
questions_are_asked_until_answered(void **state)
{
	X509_NAME *subject = NULL;
	struct buf asked;
	char *name;

	buf_init(&asked, 8192);
	assert_int_equal(answer("Germany\nDE\n\n\n  Ex Ample \n\n\na.example\n", &subject, &asked,
			     NULL),
	    -1);
	assert_null(subject);
	assert_non_null(strstr(buf_str(&asked), "\"Germany\" is too long"));
	assert_non_null(strstr(buf_str(&asked), "a certificate needs a name"));
	assert_int_equal(answer("DE\n\n\n  Ex Ample \n\na.example\n\n", &subject, &asked, NULL), 0);
	assert_int_equal(X509_NAME_entry_count(subject), 3);
	name = subject_common_name(subject);
	assert_string_equal(name, "a.example");
	free(name);
	X509_NAME_free(subject);
	assert_refused(answer("DE\n", &subject, &asked, &e), "not answered");
	buf_release(&asked);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subjects_are_read_as_openssl_does),
		cmocka_unit_test(bad_subjects_are_refused),
		cmocka_unit_test(common_names_are_found),
		cmocka_unit_test(questions_are_asked_until_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

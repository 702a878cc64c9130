/* SPDX-License-Identifier: ISC */
/* local_ca: made once, issuing and recording, revoking by file, serial number and name; its revocation list. */
#include "base/file.h"
#include "libcert/crl.h"
#include "libcert/local_ca.h"
#include "tests/unit/libcert/made.h"

#include <openssl/x509v3.h>

#include <sys/stat.h>

struct fixture {
	char dir[UNIT_DIR_MAX];
	struct local_ca *ca;
	struct arena *arena;
	EVP_PKEY *key;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct local_ca_request request = { .key_spec = { .kind = PKEY_EC, .curve = "P-256" },
		.not_before = MADE_NOW - DAY,
		.not_after = MADE_NOW + 1000 * DAY };

	unit_make_dir(f->dir);
	assert_int_equal(local_ca_create(f->dir, &request, NULL), 0);
	assert_int_equal(local_ca_open(f->dir, &f->ca, NULL), 0);
	f->arena = arena_new(0);
	f->key = made_key("ec");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	local_ca_close(f->ca);
	arena_free(f->arena);
	EVP_PKEY_free(f->key);
	unit_remove_dir(f->dir);
	free(f);
	return 0;
}

/* -1 as local_ca_issue has it. */
static int
issue(struct fixture *f, const char *name, int64_t not_after, X509 **cert, struct err *e)
{
	struct name parsed;
	X509_NAME *subject = X509_NAME_new();
	struct x509gen_request request = { .subject = subject,
		.names = &parsed,
		.name_count = 1,
		.not_before = MADE_NOW,
		.not_after = not_after,
		.key = f->key };
	int rc;

	assert_int_equal(name_parse(span_str(name), &parsed, NULL), 0);
	rc = local_ca_issue(f->ca, &request, cert, e);
	name_release(&parsed);
	X509_NAME_free(subject);
	return rc;
}

static X509_CRL *
read_crl(struct fixture *f)
{
	X509_CRL *crl = NULL;
	struct buf pem;

	buf_init(&pem, 65536);
	assert_int_equal(file_read(local_ca_crl_path(f->ca), &pem, NULL), 0);
	assert_int_equal(crl_parse(buf_span(&pem), &crl, NULL), 0);
	assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(local_ca_cert(f->ca))), 1);
	buf_release(&pem);
	return crl;
}

static long
crl_number(X509_CRL *crl)
{
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	long value = ASN1_INTEGER_get(number);

	ASN1_INTEGER_free(number);
	return value;
}

static void
it_is_made_once_and_kept_private(void **state)
{
	struct fixture *f = *state;
	struct local_ca_request request = { .key_spec = { .kind = PKEY_ED25519 }, .not_after = 9 };
	struct local_ca *other = NULL;
	char path[UNIT_DIR_MAX + 16];
	struct stat st;

	assert_refused(local_ca_create(f->dir, &request, &e), "already");
	snprintf(path, sizeof(path), "%s/ca.key", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(f->dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(chmod(path, 0640), 0);
	assert_refused(local_ca_open(f->dir, &other, &e), "open to others");
	assert_int_equal(chmod(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/none", f->dir);
	assert_refused(local_ca_open(path, &other, &e), "no CA in");
	assert_null(other);
}

static void
what_it_issues_is_listed(void **state)
{
	struct fixture *f = *state;
	struct local_ca_entry *entries;
	X509 *a = NULL, *b = NULL, *late = NULL;
	size_t count;

	assert_int_equal(local_ca_list(f->ca, MADE_NOW, f->arena, &entries, &count, NULL), 0);
	assert_int_equal(count, 0);
	assert_int_equal(issue(f, "a.example", MADE_NOW + DAY, &a, NULL), 0);
	assert_int_equal(issue(f, "me@a.example", MADE_NOW + 9 * DAY, &b, NULL), 0);
	assert_refused(issue(f, "a.example", MADE_NOW + 1001 * DAY, &late, &e), "outlive");
	assert_int_equal(X509_verify(a, X509_get0_pubkey(local_ca_cert(f->ca))), 1);
	assert_int_equal(local_ca_list(f->ca, MADE_NOW + 2 * DAY, f->arena, &entries, &count, NULL),
	    0);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++) {
		bool mail = span_eq(entries[i].name, SPAN("me@a.example"));

		assert_int_equal(entries[i].state, mail ? LOCAL_CA_VALID : LOCAL_CA_EXPIRED);
		assert_span(entries[i].use, "server");
	}
	X509_free(a);
	X509_free(b);
}

static void
revoked_by_serial_name_and_file(void **state)
{
	struct fixture *f = *state;
	struct local_ca_entry entry, *entries;
	char path[UNIT_DIR_MAX + 16];
	X509 *cert = NULL, *stranger = made_cert(f->key, "x.example", (struct made_options){ 0 });
	X509_CRL *crl;
	struct buf pem;
	size_t count;
	int reason;
	int64_t when;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(issue(f, "a.example", MADE_NOW + DAY, &cert, NULL), 0);
		X509_free(cert);
	}
	assert_refused(local_ca_revoke(f->ca, "a.example", 0, MADE_NOW, MADE_NOW + DAY, f->arena,
			   &entry, &e),
	    "2 valid certificates");
	assert_refused(local_ca_revoke(f->ca, "b.example", 0, MADE_NOW, MADE_NOW + DAY, f->arena,
			   &entry, &e),
	    "no valid certificate");
	assert_int_equal(local_ca_list(f->ca, MADE_NOW, f->arena, &entries, &count, NULL), 0);
	assert_int_equal(local_ca_revoke(f->ca, entries[0].serial.p, CRL_REASON_SUPERSEDED,
			     MADE_NOW, MADE_NOW + DAY, f->arena, &entry, NULL),
	    0);
	assert_span(entry.serial, entries[0].serial.p);
	assert_refused(local_ca_revoke(f->ca, entries[0].serial.p, 0, MADE_NOW, MADE_NOW + DAY,
			   f->arena, &entry, &e),
	    "already");
	/* The name is that of one only now. */
	assert_int_equal(local_ca_revoke(f->ca, "A.example", 0, MADE_NOW + 1, MADE_NOW + DAY,
			     f->arena, &entry, NULL),
	    0);
	crl = read_crl(f);
	assert_int_equal(crl_number(crl), 2);
	assert_true(crl_lookup(crl, X509_get0_serialNumber(entries[0].cert), &when, &reason));
	assert_int_equal(when, MADE_NOW);
	assert_int_equal(reason, CRL_REASON_SUPERSEDED);
	assert_true(crl_lookup(crl, X509_get0_serialNumber(entries[1].cert), &when, &reason));
	assert_int_equal(when, MADE_NOW + 1);
	assert_int_equal(reason, CRL_REASON_UNSPECIFIED);
	assert_false(crl_lookup(crl, X509_get0_serialNumber(stranger), NULL, NULL));
	X509_CRL_free(crl);
	/* A file of somebody else's. */
	buf_init(&pem, 65536);
	made_pem(&pem, stranger);
	snprintf(path, sizeof(path), "%s/x.crt", f->dir);
	assert_int_equal(file_write_new(path, buf_span(&pem), 0644, NULL), 0);
	assert_refused(local_ca_revoke(f->ca, path, 0, MADE_NOW, MADE_NOW + DAY, f->arena, &entry,
			   &e),
	    "not issued by");
	assert_int_equal(local_ca_renew_crl(f->ca, MADE_NOW + 5, MADE_NOW + DAY, NULL), 0);
	crl = read_crl(f);
	assert_int_equal(crl_number(crl), 3);
	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 2);
	X509_CRL_free(crl);
	buf_release(&pem);
	X509_free(stranger);
}

static void
a_forged_list_is_refused(void **state)
{
	struct fixture *f = *state;
	X509 *other = made_cert(f->key, "",
	    (struct made_options){ .use = X509GEN_CA, .subject = "/CN=Other" });
	struct crl_request request = {
		.issuer = other, .issuer_key = f->key, .now = MADE_NOW, .next = MADE_NOW + DAY
	};
	struct local_ca_entry *entries;
	X509_CRL *crl = NULL;
	struct buf pem;
	size_t count;

	buf_init(&pem, 65536);
	assert_int_equal(crl_make(&request, &crl, NULL), 0);
	assert_int_equal(crl_format_pem(crl, &pem, NULL), 0);
	assert_int_equal(file_write_new(local_ca_crl_path(f->ca), buf_span(&pem), 0644, NULL), 0);
	assert_refused(local_ca_list(f->ca, MADE_NOW, f->arena, &entries, &count, &e),
	    "not signed by this CA");
	X509_CRL_free(crl);
	buf_release(&pem);
	X509_free(other);
}

static void
reasons_have_names(void **state)
{
	int reason;

	assert_int_equal(crl_reason_parse(SPAN("KEYCOMPROMISE"), &reason, NULL), 0);
	assert_int_equal(reason, CRL_REASON_KEY_COMPROMISE);
	assert_string_equal(crl_reason_word(reason), "keyCompromise");
	assert_refused(crl_reason_parse(SPAN("because"), &reason, &e), "unknown reason");
}

#define with_ca(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_ca(it_is_made_once_and_kept_private),
		with_ca(what_it_issues_is_listed),
		with_ca(revoked_by_serial_name_and_file),
		with_ca(a_forged_list_is_refused),
		cmocka_unit_test(reasons_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

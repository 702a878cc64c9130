/* SPDX-License-Identifier: ISC */
/*
 * certificate_pack: a bad pair is one host's trouble, at start and at reload; unchanged pairs are not read.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "libcert/dh.h"
#include "libcert/pkey.h"
#include "libcert/x509gen.h"
#include "libcert/x509info.h"
#include "proxy/monitor/certificate_pack.h"
#include "proxy/monitor/certificate_pair.h"
#include "tests/unit/unit.h"

#include <openssl/pem.h>
#include <openssl/sha.h>

#include <fcntl.h>
#include <sys/stat.h>

#define YEAR (365 * 86400)

/* A certificate and its key as PEM. */
struct material {
	struct buf cert, key;
};

static void
make_material(struct material *m, const struct pkey_spec *spec, int64_t not_before,
    int64_t not_after)
{
	struct x509gen_request request = {
		.use = X509GEN_SERVER,
		.name_count = 1,
		.not_before = not_before,
		.not_after = not_after,
	};
	struct err e = ERR_INIT;
	X509_NAME *nobody = X509_NAME_new();
	struct name name;
	X509 *cert = NULL;

	assert_int_equal(name_parse(SPAN("a.example"), &name, &e), 0);
	assert_int_equal(pkey_generate(spec, &request.key, &e), 0);
	request.names = &name;
	request.subject = nobody;
	if (x509gen_make(&request, &cert, &e) < 0)
		fail_msg("%s", err_text(&e));
	buf_init(&m->cert, 1 << 16);
	buf_init(&m->key, 1 << 16);
	assert_int_equal(x509info_format_pem(cert, &m->cert, &e), 0);
	assert_int_equal(pkey_format_pem(request.key, &m->key, &e), 0);
	X509_free(cert);
	X509_NAME_free(nobody);
	EVP_PKEY_free(request.key);
	name_release(&name);
}

static void
release_material(struct material *m)
{
	buf_release(&m->cert);
	buf_release(&m->key);
}

struct fixture {
	char dir[UNIT_DIR_MAX];
	char *cert_path, *key_path;
	struct material good, other, expired;
	struct certificate_ref ref, *refs[1];
	struct snapshot snapshot;
	struct arena *arena;
	struct certificate_report report;
	int64_t offset_ms;
	struct clock_source clock;
};

static int64_t
shifted_wall_ms(void *arg)
{
	const struct fixture *f = arg;
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + f->offset_ms;
}

static int64_t
no_mono_us(void *arg)
{
	return 0;
}

static int
setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	int64_t now = clock_wall();

	unit_make_dir(f->dir);
	f->cert_path = file_join(f->dir, "fullchain.pem");
	f->key_path = file_join(f->dir, "privkey.pem");
	make_material(&f->good, &(struct pkey_spec){ .kind = PKEY_EC, .curve = "P-256" },
	    now - 86400, now + YEAR);
	make_material(&f->other, &(struct pkey_spec){ .kind = PKEY_RSA, .bits = 2048 }, now - 86400,
	    now + YEAR);
	make_material(&f->expired, &(struct pkey_spec){ .kind = PKEY_ED25519 }, now - YEAR,
	    now - 86400);
	f->ref = (struct certificate_ref){
		.cert_path = span_str(f->cert_path),
		.key_path = span_str(f->key_path),
	};
	f->refs[0] = &f->ref;
	f->snapshot = (struct snapshot){ .certificates = f->refs, .certificate_count = 1 };
	f->arena = arena_new(0);
	/* Far enough ahead for the files to be of settled age. */
	f->offset_ms = 60000;
	f->clock =
	    (struct clock_source){ .mono_us = no_mono_us, .wall_ms = shifted_wall_ms, .arg = f };
	clock_set_source(&f->clock);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	clock_set_source(NULL);
	unit_remove_dir(f->dir);
	release_material(&f->good);
	release_material(&f->other);
	release_material(&f->expired);
	arena_free(f->arena);
	free(f->cert_path);
	free(f->key_path);
	free(f);
	return 0;
}

static void
put(const struct fixture *f, const struct buf *cert, const struct buf *key)
{
	struct err e = ERR_INIT;

	if (cert)
		assert_int_equal(file_write_atomic(f->cert_path, buf_span(cert), 0644, &e), 0);
	if (key)
		assert_int_equal(file_write_atomic(f->key_path, buf_span(key), 0600, &e), 0);
}

/* A load of the one certificate; no waiting for pairs that do not match. */
static struct bundle *
pack(struct fixture *f, const struct bundle *previous)
{
	struct bundle_writer *w = bundle_writer_new();
	struct bundle *b = NULL;
	struct err e = ERR_INIT;
	int fd;

	certificate_report_init(&f->report, f->arena);
	f->report.patience_ms = 0;
	certificate_pack(w, previous, &f->snapshot, &f->report);
	fd = bundle_writer_seal(w, &e);
	assert_int_equal(bundle_open(fd, &b, &e), 0);
	close(fd);
	bundle_writer_free(w);
	return b;
}

static struct span
entry_of(const struct fixture *f, const struct bundle *b)
{
	char *name = mem_printf("%s\n%s", f->cert_path, f->key_path);
	struct span entry;

	assert_true(bundle_find(b, BUNDLE_CERTIFICATE, span_str(name), &entry));
	free(name);
	return entry;
}

static void
assert_problem(const struct fixture *f, enum certificate_outcome outcome, const char *text)
{
	assert_non_null(f->report.first);
	assert_null(f->report.first->next);
	assert_int_equal(f->report.first->outcome, outcome);
	if (!memmem(f->report.first->text.p, f->report.first->text.n, text, strlen(text)))
		fail_msg("\"" SPAN_FMT "\" does not say \"%s\"", SPAN_ARG(f->report.first->text),
		    text);
}

/* The entry holds exactly this pair, laid out as bundle.h says. */
static void
assert_entry(struct span entry, const struct material *m)
{
	struct bundle_certificate head;
	const unsigned char *der;
	unsigned char digest[32];
	STACK_OF(X509) *expected = NULL;
	struct err e = ERR_INIT;
	uint32_t length;
	X509 *leaf;
	EVP_PKEY *key;

	assert_true(entry.n > sizeof(head));
	memcpy(&head, entry.p, sizeof(head));
	assert_int_equal(head.chain_count, 1);
	assert_int_equal(sizeof(head) + head.chain_bytes + head.key_bytes, entry.n);
	SHA256((const unsigned char *)entry.p + 32, entry.n - 32, digest);
	assert_memory_equal(digest, head.digest, 32);
	memcpy(&length, entry.p + sizeof(head), sizeof(length));
	assert_int_equal(length + sizeof(length), head.chain_bytes);
	der = (const unsigned char *)entry.p + sizeof(head) + sizeof(length);
	leaf = d2i_X509(NULL, &der, (long)length);
	assert_non_null(leaf);
	key = d2i_AutoPrivateKey(NULL, &der, (long)head.key_bytes);
	assert_non_null(key);
	assert_true(x509info_key_matches(leaf, key));
	assert_int_equal(x509info_parse_pem(buf_span(&m->cert), &expected, &e), 0);
	assert_int_equal(X509_cmp(sk_X509_value(expected, 0), leaf), 0);
	sk_X509_pop_free(expected, X509_free);
	X509_free(leaf);
	EVP_PKEY_free(key);
}

static void
test_good(void **state)
{
	struct fixture *f = *state;
	struct bundle *b;

	put(f, &f->good.cert, &f->good.key);
	b = pack(f, NULL);
	assert_null(f->report.first);
	assert_int_equal(f->report.packed, 1);
	assert_entry(entry_of(f, b), &f->good);
	bundle_close(b);
}

static void
test_key_in_same_file(void **state)
{
	struct fixture *f = *state;
	struct buf both;
	struct bundle *b;

	buf_init(&both, 1 << 16);
	assert_int_equal(buf_add(&both, buf_span(&f->good.key)), 0);
	assert_int_equal(buf_add(&both, buf_span(&f->good.cert)), 0);
	put(f, &both, &both);
	b = pack(f, NULL);
	assert_null(f->report.first);
	assert_entry(entry_of(f, b), &f->good);
	bundle_close(b);
	buf_release(&both);
}

/* SEC1, as "openssl ecparam -genkey" writes it, parameters first. */
static void
test_other_key_form(void **state)
{
	struct fixture *f = *state;
	BIO *in = BIO_new_mem_buf(f->good.key.p, (int)f->good.key.len), *out = BIO_new(BIO_s_mem());
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	struct buf sec1;
	struct bundle *b;
	char *p;
	long n;

	assert_int_equal(PEM_write_bio_Parameters(out, key), 1);
	assert_int_equal(PEM_write_bio_PrivateKey_traditional(out, key, NULL, NULL, 0, NULL, NULL),
	    1);
	n = BIO_get_mem_data(out, &p);
	buf_init(&sec1, 1 << 16);
	assert_int_equal(buf_add(&sec1, span_of(p, (size_t)n)), 0);
	assert_non_null(memmem(p, (size_t)n, "BEGIN EC PRIVATE KEY", 20));
	put(f, &f->good.cert, &sec1);
	b = pack(f, NULL);
	assert_null(f->report.first);
	assert_entry(entry_of(f, b), &f->good);
	bundle_close(b);
	buf_release(&sec1);
	EVP_PKEY_free(key);
	BIO_free(in);
	BIO_free(out);
}

static void
test_bad_at_start(void **state)
{
	struct fixture *f = *state;
	struct buf junk;
	struct bundle *b;

	b = pack(f, NULL);
	assert_problem(f, CERTIFICATE_DISABLED, "No such file");
	assert_int_equal(entry_of(f, b).n, 0);
	bundle_close(b);
	put(f, &f->good.cert, &f->other.key);
	b = pack(f, NULL);
	assert_problem(f, CERTIFICATE_DISABLED, "does not belong");
	assert_int_equal(entry_of(f, b).n, 0);
	bundle_close(b);
	buf_init(&junk, 64);
	(void)buf_add_str(&junk, "no PEM at all");
	put(f, &junk, &f->good.key);
	b = pack(f, NULL);
	assert_problem(f, CERTIFICATE_DISABLED, "cannot use certificate");
	assert_int_equal(entry_of(f, b).n, 0);
	bundle_close(b);
	buf_release(&junk);
}

static void
test_bad_at_reload(void **state)
{
	struct fixture *f = *state;
	struct bundle *first, *second, *third;

	put(f, &f->good.cert, &f->good.key);
	first = pack(f, NULL);
	put(f, &f->other.cert, NULL);
	second = pack(f, first);
	assert_problem(f, CERTIFICATE_KEPT, "does not belong");
	assert_entry(entry_of(f, second), &f->good);
	/* Still wrong: still said. Then whole again: taken. */
	third = pack(f, second);
	assert_problem(f, CERTIFICATE_KEPT, "does not belong");
	bundle_close(third);
	put(f, NULL, &f->other.key);
	third = pack(f, second);
	assert_null(f->report.first);
	assert_entry(entry_of(f, third), &f->other);
	bundle_close(first);
	bundle_close(second);
	bundle_close(third);
}

static void
test_out_of_date(void **state)
{
	struct fixture *f = *state;
	struct bundle *first, *second;

	put(f, &f->expired.cert, &f->expired.key);
	first = pack(f, NULL);
	assert_problem(f, CERTIFICATE_SERVED, "expired");
	assert_entry(entry_of(f, first), &f->expired);
	second = pack(f, first);
	assert_problem(f, CERTIFICATE_SERVED, "expired");
	bundle_close(first);
	bundle_close(second);
	/* It does not displace one in date. */
	put(f, &f->good.cert, &f->good.key);
	first = pack(f, NULL);
	put(f, &f->expired.cert, &f->expired.key);
	second = pack(f, first);
	assert_problem(f, CERTIFICATE_KEPT, "expired");
	assert_entry(entry_of(f, second), &f->good);
	bundle_close(first);
	bundle_close(second);
}

static void
test_unchanged_is_not_read(void **state)
{
	struct fixture *f = *state;
	struct bundle *first, *second, *third;

	put(f, &f->good.cert, &f->good.key);
	first = pack(f, NULL);
	second = pack(f, first);
	assert_int_equal(f->report.packed, 0);
	assert_int_equal(f->report.reused, 1);
	assert_entry(entry_of(f, second), &f->good);
	put(f, &f->other.cert, &f->other.key);
	third = pack(f, second);
	assert_int_equal(f->report.packed, 1);
	assert_entry(entry_of(f, third), &f->other);
	bundle_close(first);
	bundle_close(second);
	bundle_close(third);
}

/* One decoder for keys of all kinds, in any order. */
/* Whoever looks at the clock, to see whether the file is settled, finds it whole the next time. */
static int64_t
wall_ms_of_a_writer(void *arg)
{
	struct fixture *f = arg;

	put(f, &f->good.cert, NULL);
	f->offset_ms = 0;
	return shifted_wall_ms(f);
}

static void
test_half_written(void **state)
{
	struct fixture *f = *state;
	struct bundle_writer *w = bundle_writer_new();
	struct buf empty = { 0 };

	put(f, &empty, &f->good.key);
	f->clock.wall_ms = wall_ms_of_a_writer;
	clock_set_source(&f->clock);
	certificate_report_init(&f->report, f->arena);
	certificate_pack(w, NULL, &f->snapshot, &f->report);
	assert_null(f->report.first);
	assert_int_equal(f->report.changed, 1);
	bundle_writer_free(w);
}

static void
test_kinds_of_keys(void **state)
{
	struct fixture *f = *state;
	const struct material *all[] = { &f->good, &f->other, &f->expired, &f->good, &f->expired };
	struct certificate_reader *reader = certificate_reader_new();
	struct certificate_place place;
	struct certificate_pair pair;
	struct err e = ERR_INIT;
	bool mixed;

	for (size_t i = 0; i < COUNT(all); i++) {
		put(f, &all[i]->cert, &all[i]->key);
		certificate_place_open(&place, f->ref.cert_path, f->ref.key_path);
		if (certificate_pair_read(reader, &place, &pair, &mixed, &e) < 0)
			fail_msg("%s", err_text(&e));
		certificate_pair_release(&pair);
		certificate_place_close(&place);
	}
	certificate_reader_free(reader);
}

/* Published while it is read: what was opened before the exchange stays one version. */
static void
test_exchanged_directory(void **state)
{
	struct fixture *f = *state;
	char *live = file_join(f->dir, "live"), *next = file_join(f->dir, "next");
	char *cert = file_join(live, "cert"), *key = file_join(live, "key");
	char *next_cert = file_join(next, "cert"), *next_key = file_join(next, "key");
	struct certificate_reader *reader = certificate_reader_new();
	struct certificate_place place;
	struct certificate_pair pair;
	struct err e = ERR_INIT;
	bool mixed;

	assert_int_equal(mkdir(live, 0700) | mkdir(next, 0700), 0);
	assert_int_equal(file_write_new(cert, buf_span(&f->good.cert), 0644, &e), 0);
	assert_int_equal(file_write_new(key, buf_span(&f->good.key), 0600, &e), 0);
	assert_int_equal(file_write_new(next_cert, buf_span(&f->other.cert), 0644, &e), 0);
	assert_int_equal(file_write_new(next_key, buf_span(&f->other.key), 0600, &e), 0);
	certificate_place_open(&place, span_str(cert), span_str(key));
	assert_int_equal(renameat2(AT_FDCWD, next, AT_FDCWD, live, RENAME_EXCHANGE), 0);
	/* By path this would now be the other pair; the key is taken away to show it is not. */
	assert_int_equal(unlink(key), 0);
	assert_int_equal(certificate_pair_read(reader, &place, &pair, &mixed, &e), 0);
	certificate_pair_release(&pair);
	certificate_place_close(&place);
	certificate_reader_free(reader);
	free(live);
	free(next);
	free(cert);
	free(key);
	free(next_cert);
	free(next_key);
}

static void
test_dhparam(void **state)
{
	struct fixture *f = *state;
	struct bundle_writer *w = bundle_writer_new();
	struct span path = span_str(f->cert_path), der;
	struct err e = ERR_INIT;
	struct bundle *b = NULL;
	const unsigned char *p;
	EVP_PKEY *params = NULL;
	struct buf pem;
	int fd;

	buf_init(&pem, 1 << 16);
	assert_int_equal(dh_named(2048, &params, &e), 0);
	assert_int_equal(dh_format_pem(params, &pem, &e), 0);
	EVP_PKEY_free(params);
	put(f, &pem, &f->good.key);
	assert_int_equal(dhparam_pack(w, NULL, path, &e), 0);
	assert_int_equal(dhparam_pack(w, NULL, span_str(f->key_path), &e), -1);
	assert_non_null(strstr(err_text(&e), f->key_path));
	err_release(&e);
	fd = bundle_writer_seal(w, &e);
	assert_int_equal(bundle_open(fd, &b, &e), 0);
	assert_true(bundle_find(b, BUNDLE_DHPARAM, path, &der));
	p = (const unsigned char *)der.p;
	params = d2i_KeyParams(EVP_PKEY_DH, NULL, &p, (long)der.n);
	assert_non_null(params);
	assert_int_equal(EVP_PKEY_get_bits(params), 2048);
	EVP_PKEY_free(params);
	close(fd);
	bundle_close(b);
	bundle_writer_free(w);
	buf_release(&pem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_in_same_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_key_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_at_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_at_reload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_of_date, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unchanged_is_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds_of_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exchanged_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dhparam, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * publish_driver: the store's publish and recover as a program, for tests that kill and starve it.
 *
 *	publish_driver make DIR COUNT              DIR/fullchain1.pem, DIR/privkey1.pem, ... for a.example
 *	publish_driver publish STORE NAME DIR N    publish the N-th of them; prints the version's number
 *	publish_driver recover STORE NAME
 *	publish_driver live STORE NAME             prints the live version's number
 */
#include "base/cli.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "libcert/certstore.h"
#include "libcert/pkey.h"
#include "libcert/subject.h"
#include "libcert/x509gen.h"
#include "libcert/x509info.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DAY 86400

struct issuer {
	EVP_PKEY *key;
	X509 *cert;
};

/* A certificate for a new key; with issuer->cert NULL the issuer itself, a CA. */
static int
make_cert(const char *who, int64_t not_before, const struct issuer *issuer, EVP_PKEY **key,
    X509 **cert, struct err *e)
{
	struct pkey_spec spec = { .kind = PKEY_EC, .curve = "P-256" };
	struct name name = { 0 };
	struct x509gen_request request = {
		.use = issuer->cert ? X509GEN_SERVER : X509GEN_CA,
		.names = &name,
		.name_count = issuer->cert ? 1 : 0,
		.not_before = not_before,
		.not_after = clock_wall() + 90 * DAY,
		.issuer = issuer->cert,
		.issuer_key = issuer->key,
	};
	X509_NAME *subject = NULL;
	char *text = mem_printf("/CN=%s", who);
	int rc = -1;

	if (name_parse(span_str(who), &name, e) == 0 && pkey_generate(&spec, key, e) == 0 &&
	    subject_parse(span_str(text), &subject, e) == 0) {
		request.key = *key;
		request.subject = subject;
		rc = x509gen_make(&request, cert, e);
	}
	X509_NAME_free(subject);
	name_release(&name);
	free(text);
	return rc;
}

static int
write_version(const char *dir, int number, EVP_PKEY *key, X509 *leaf, X509 *ca, struct err *e)
{
	char *fullchain = mem_printf("%s/fullchain%d.pem", dir, number);
	char *privkey = mem_printf("%s/privkey%d.pem", dir, number);
	struct buf text, secret;
	int rc = -1;

	buf_init(&text, 65536);
	buf_init_secret(&secret, 65536);
	if (x509info_format_pem(leaf, &text, e) == 0 && x509info_format_pem(ca, &text, e) == 0 &&
	    pkey_format_pem(key, &secret, e) == 0 &&
	    file_write_new(fullchain, buf_span(&text), 0644, e) == 0)
		rc = file_write_new(privkey, buf_span(&secret), 0600, e);
	buf_release(&text);
	buf_release(&secret);
	free(fullchain);
	free(privkey);
	return rc;
}

static int
make(const char *dir, int count, struct err *e)
{
	struct issuer none = { 0 }, ca = { 0 };
	int rc = make_cert("ca.example", 0, &none, &ca.key, &ca.cert, e);

	for (int i = 1; i <= count && rc == 0; i++) {
		EVP_PKEY *key = NULL;
		X509 *leaf = NULL;

		rc = make_cert("a.example", clock_wall() - DAY + i, &ca, &key, &leaf, e);
		if (rc == 0)
			rc = write_version(dir, i, key, leaf, ca.cert, e);
		EVP_PKEY_free(key);
		X509_free(leaf);
	}
	EVP_PKEY_free(ca.key);
	X509_free(ca.cert);
	return rc;
}

static int
publish(struct certstore *store, const char *name, const char *dir, const char *number,
    struct err *e)
{
	char *fullchain = mem_printf("%s/fullchain%s.pem", dir, number);
	char *privkey = mem_printf("%s/privkey%s.pem", dir, number);
	struct span names[] = { SPAN_INIT("a.example") };
	struct certstore_version version;
	struct buf text, secret;
	int rc = -1;

	buf_init(&text, 65536);
	buf_init_secret(&secret, 65536);
	if (file_read(fullchain, &text, e) == 0 && file_read(privkey, &secret, e) == 0) {
		version.fullchain = buf_span(&text);
		version.privkey = buf_span(&secret);
		rc = certstore_publish(store, name, &version, names, 1, e);
	}
	buf_release(&text);
	buf_release(&secret);
	free(fullchain);
	free(privkey);
	return rc;
}

static int
on_store(int argc, char **argv, struct err *e)
{
	struct certstore *store = NULL;
	int rc = -1, lock;

	if (certstore_open(argv[2], &store, e) < 0)
		return -1;
	lock = certstore_lock(store, argv[3], true, e);
	if (lock >= 0) {
		if (argc == 6 && strcmp(argv[1], "publish") == 0)
			rc = publish(store, argv[3], argv[4], argv[5], e);
		else if (argc == 4 && strcmp(argv[1], "recover") == 0)
			rc = certstore_recover(store, argv[3], e);
		else if (argc == 4 && strcmp(argv[1], "live") == 0)
			rc = certstore_live_number(store, argv[3], e);
		else
			err_set(e, ERR_USAGE, "see the comment in publish_driver.c");
		close(lock);
	}
	certstore_close(store);
	return rc;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	uint64_t count;
	int rc = -1, code;

	cli_set_program_name("publish_driver");
	if (argc == 4 && strcmp(argv[1], "make") == 0 &&
	    span_to_u64(span_str(argv[3]), 100, &count) == 0)
		rc = make(argv[2], (int)count, &e);
	else if (argc >= 4)
		rc = on_store(argc, argv, &e);
	else
		err_set(&e, ERR_USAGE, "see the comment in publish_driver.c");
	if (rc >= 0)
		printf("%d\n", rc);
	else
		err_print(&e);
	code = rc >= 0 ? 0 : err_exit_code(e.kind);
	err_release(&e);
	return code;
}

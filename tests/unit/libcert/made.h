/* SPDX-License-Identifier: ISC */
/*
 * made: keys and certificates for unit tests, made on the spot. Everything is asserted; what is
 * returned belongs to the caller.
 */
#ifndef TESTS_UNIT_LIBCERT_MADE_H
#define TESTS_UNIT_LIBCERT_MADE_H

#include "base/clock.h"
#include "libcert/name.h"
#include "libcert/pkey.h"
#include "libcert/subject.h"
#include "libcert/x509gen.h"
#include "libcert/x509info.h"
#include "tests/unit/unit.h"

#define DAY 86400

/* A fake wall clock at a fixed instant, so that nothing depends on when a test runs. */
#define MADE_NOW INT64_C(1800000000)

static inline int64_t
made_wall_ms(void *arg)
{
	return MADE_NOW * 1000;
}

static inline int64_t
made_mono_us(void *arg)
{
	return 1;
}

static inline void
made_fix_clock(void)
{
	static const struct clock_source fixed = { .mono_us = made_mono_us,
		.wall_ms = made_wall_ms };

	clock_set_source(&fixed);
}

/* text as for pkey_spec_parse. */
static inline EVP_PKEY *
made_key(const char *text)
{
	struct pkey_spec spec;
	EVP_PKEY *key = NULL;

	assert_int_equal(pkey_spec_parse(span_str(text), &spec, NULL), 0);
	assert_int_equal(pkey_generate(&spec, &key, NULL), 0);
	return key;
}

struct made_options {
	enum x509gen_use use;
	int64_t not_before, not_after; /* 0: yesterday, in 90 days */
	X509 *issuer;
	EVP_PKEY *issuer_key;
	const char *subject; /* NULL: "/CN=" and the first name */
	const EVP_MD *digest;
	const unsigned char *acme_identifier;
};

/* names: separated by commas, or "" for none. */
static inline X509 *
made_cert(EVP_PKEY *key, const char *names, struct made_options options)
{
	struct name parsed[8];
	struct span rest = span_str(names), piece;
	struct x509gen_request request = {
		.use = options.use,
		.names = parsed,
		.not_before = options.not_before ? options.not_before : MADE_NOW - DAY,
		.not_after = options.not_after ? options.not_after : MADE_NOW + 90 * DAY,
		.key = key,
		.issuer = options.issuer,
		.issuer_key = options.issuer_key,
		.digest = options.digest,
		.acme_identifier = options.acme_identifier,
	};
	X509_NAME *subject = NULL;
	X509 *cert = NULL;
	char text[300];

	while (span_split(&rest, ',', &piece))
		assert_int_equal(name_parse(piece, &parsed[request.name_count++], NULL), 0);
	if (options.subject)
		snprintf(text, sizeof(text), "%s", options.subject);
	else
		snprintf(text, sizeof(text), "/CN=%s",
		    request.name_count ? parsed[0].text : "no name");
	assert_int_equal(subject_parse(span_str(text), &subject, NULL), 0);
	request.subject = subject;
	assert_int_equal(x509gen_make(&request, &cert, NULL), 0);
	X509_NAME_free(subject);
	while (request.name_count > 0)
		name_release(&parsed[--request.name_count]);
	return cert;
}

/* Append as PEM; out is a buf with room. */
static inline void
made_pem(struct buf *out, X509 *cert)
{
	assert_int_equal(x509info_format_pem(cert, out, NULL), 0);
}

/* The error's text and that it was refused: assert_refused(call(&e), "part of the text"). */
#define assert_refused(call, part)                                                       \
	do {                                                                             \
		struct err e = ERR_INIT;                                                 \
		assert_int_equal(call, -1);                                              \
		if (!strstr(err_text(&e), part))                                         \
			print_error("\"%s\" does not say \"%s\"\n", err_text(&e), part); \
		assert_non_null(strstr(err_text(&e), part));                             \
		err_release(&e);                                                         \
	} while (0)

#endif

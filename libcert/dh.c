/* SPDX-License-Identifier: ISC */
/*
 * Diffie-Hellman parameters.
 *
 * The groups themselves come from OpenSSL. A group is fit when its prime is safe (so that no small
 * subgroup gives bits of a key away, RFC 7919 5.1), has at least 2048 bits (below, one
 * precomputation breaks every connection that shares it), and its generator has a large prime order
 * or twice that.
 */
#include "libcert/dh.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <stdio.h>
#include <stdlib.h>

#define DH_BITS_MIN 2048
/* OpenSSL's own ceiling (OPENSSL_DH_MAX_MODULUS_BITS): beyond it nobody would handshake. */
#define DH_BITS_MAX 10000
#define DH_PEM_MAX (64 * 1024)

struct dh_group {
	unsigned bits;
	const char *name;    /* OpenSSL's, which is also the one people know it by */
	const char *problem; /* NULL = fit */
};

#define TOO_SMALL "less than 2048 bits: within reach of a state, and shared by many servers"
#define NO_SAFE_P "RFC 5114's prime is not a safe prime and its origin was never explained"

static const struct dh_group groups[] = {
	{ 2048, "ffdhe2048", NULL },
	{ 3072, "ffdhe3072", NULL },
	{ 4096, "ffdhe4096", NULL },
	{ 6144, "ffdhe6144", NULL },
	{ 8192, "ffdhe8192", NULL },
	{ 1536, "modp_1536", TOO_SMALL },
	{ 2048, "modp_2048", NULL },
	{ 3072, "modp_3072", NULL },
	{ 4096, "modp_4096", NULL },
	{ 6144, "modp_6144", NULL },
	{ 8192, "modp_8192", NULL },
	{ 1024, "dh_1024_160", NO_SAFE_P },
	{ 2048, "dh_2048_224", NO_SAFE_P },
	{ 2048, "dh_2048_256", NO_SAFE_P },
};
#define GROUP_COUNT (sizeof(groups) / sizeof(groups[0]))

static EVP_PKEY *
group_load(const char *name)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)name, 0),
		OSSL_PARAM_construct_end(),
	};
	bool x942 = strncmp(name, "dh_", 3) == 0;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, x942 ? "DHX" : "DH", NULL);
	EVP_PKEY *pkey = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEY_PARAMETERS, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

int
dh_named(unsigned bits, EVP_PKEY **params, struct err *e)
{
	for (size_t i = 0; i < GROUP_COUNT; i++) {
		if (groups[i].bits != bits || strncmp(groups[i].name, "ffdhe", 5) != 0)
			continue;
		*params = group_load(groups[i].name);
		return *params ? 0
			       : err_set_openssl(e, ERR_BUG, "OpenSSL does not know %s",
				     groups[i].name);
	}
	err_set(e, ERR_USAGE, "no standard group of %u bits", bits);
	return err_hint(e, "RFC 7919 has 2048, 3072, 4096, 6144 and 8192");
}

int
dh_of_prime(const BIGNUM *p, EVP_PKEY **params, struct err *e)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	OSSL_PARAM *numbers = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	BIGNUM *two = BN_new();
	int rc = -1;

	*params = NULL;
	if (builder && ctx && two && BN_set_word(two, 2) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_FFC_P, p) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_FFC_G, two))
		numbers = OSSL_PARAM_BLD_to_param(builder);
	if (numbers && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, params, EVP_PKEY_KEY_PARAMETERS, numbers) == 1)
		rc = 0;
	else
		err_set_openssl(e, ERR_BUG, "cannot make DH parameters of a prime");
	OSSL_PARAM_free(numbers);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(ctx);
	BN_free(two);
	return rc;
}

int
dh_parse_pem(struct span pem, EVP_PKEY **params, struct err *e)
{
	EVP_PKEY *parsed = NULL;
	BIO *bio;

	if (pem.n == 0 || pem.n > DH_PEM_MAX)
		return err_set(e, ERR_DATA, "no DH parameters in PEM form");
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	if (bio)
		parsed = PEM_read_bio_Parameters(bio, NULL);
	BIO_free(bio);
	if (!parsed && !memmem(pem.p, pem.n, "PARAMETERS-----", 15)) {
		ERR_clear_error();
		return err_set(e, ERR_DATA, "no DH parameters in PEM form");
	}
	if (!parsed)
		return err_set_openssl(e, ERR_DATA, "not valid DH parameters");
	ERR_clear_error();
	if (EVP_PKEY_get_base_id(parsed) != EVP_PKEY_DH &&
	    EVP_PKEY_get_base_id(parsed) != EVP_PKEY_DHX) {
		EVP_PKEY_free(parsed);
		return err_set(e, ERR_DATA, "parameters, but not of Diffie-Hellman");
	}
	*params = parsed;
	return 0;
}

static int
add_bio(struct buf *out, BIO *bio, struct err *e)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);

	if (len <= 0 || buf_add(out, span_of(bytes, (size_t)len)) < 0)
		return err_set(e, ERR_BUG, "no room for DH parameters");
	return 0;
}

int
dh_format_pem(EVP_PKEY *params, struct buf *out, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int rc;

	if (!bio || PEM_write_bio_Parameters(bio, params) != 1)
		rc = err_set_openssl(e, ERR_BUG, "cannot write DH parameters as PEM");
	else
		rc = add_bio(out, bio, e);
	BIO_free(bio);
	return rc;
}

int
dh_format_text(EVP_PKEY *params, struct buf *out, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int rc;

	if (!bio || EVP_PKEY_print_params(bio, params, 4, NULL) != 1)
		rc = err_set_openssl(e, ERR_BUG, "cannot print DH parameters");
	else
		rc = add_bio(out, bio, e);
	BIO_free(bio);
	return rc;
}

/* ---- check ---- */

/* The numbers of one check; all owned. */
struct dh_numbers {
	BIGNUM *p, *g, *q; /* q = (p - 1) / 2 */
	BN_CTX *ctx;
};

static void
numbers_release(struct dh_numbers *n)
{
	BN_free(n->p);
	BN_free(n->g);
	BN_free(n->q);
	BN_CTX_free(n->ctx);
}

static int
numbers_init(struct dh_numbers *n, EVP_PKEY *params)
{
	*n = (struct dh_numbers){ .q = BN_new(), .ctx = BN_CTX_new() };
	if (n->q && n->ctx && EVP_PKEY_get_bn_param(params, OSSL_PKEY_PARAM_FFC_P, &n->p) == 1 &&
	    EVP_PKEY_get_bn_param(params, OSSL_PKEY_PARAM_FFC_G, &n->g) == 1 &&
	    BN_rshift1(n->q, n->p) == 1)
		return 0;
	numbers_release(n);
	return -1;
}

/* Is it one of the groups everybody knows? By prime and generator. */
static const struct dh_group *
group_find(const struct dh_numbers *n)
{
	for (size_t i = 0; i < GROUP_COUNT; i++) {
		EVP_PKEY *group;
		BIGNUM *p = NULL, *g = NULL;
		bool same;

		if (groups[i].bits != (unsigned)BN_num_bits(n->p))
			continue;
		group = group_load(groups[i].name);
		same = group && EVP_PKEY_get_bn_param(group, OSSL_PKEY_PARAM_FFC_P, &p) == 1 &&
		       EVP_PKEY_get_bn_param(group, OSSL_PKEY_PARAM_FFC_G, &g) == 1 &&
		       BN_cmp(p, n->p) == 0 && BN_cmp(g, n->g) == 0;
		BN_free(p);
		BN_free(g);
		EVP_PKEY_free(group);
		if (same)
			return &groups[i];
	}
	return NULL;
}

/* g^q is 1 (order q), -1 (order 2q) or something else; true for any odd prime p = 2q + 1. */
static int
check_order(const struct dh_numbers *n, struct dh_report *report)
{
	BIGNUM *power = BN_new(), *minus_one = BN_dup(n->p);
	int rc = -1;

	report->order = DH_ORDER_OTHER;
	if (!power || !minus_one || BN_sub_word(minus_one, 1) != 1)
		goto out;
	rc = 0;
	if (BN_cmp(n->g, BN_value_one()) <= 0 || BN_cmp(n->g, minus_one) >= 0)
		goto out;
	if (BN_mod_exp(power, n->g, n->q, n->p, n->ctx) != 1)
		rc = -1;
	else if (BN_is_one(power))
		report->order = DH_ORDER_Q;
	else if (BN_cmp(power, minus_one) == 0)
		report->order = DH_ORDER_2Q;
out:
	BN_free(power);
	BN_free(minus_one);
	return rc;
}

static void
describe_generator(const BIGNUM *g, struct dh_report *report)
{
	char *digits = BN_num_bits(g) <= 64 ? BN_bn2dec(g) : NULL;

	snprintf(report->generator, sizeof(report->generator), "%s", digits ? digits : "large");
	OPENSSL_free(digits);
}

static const char *
find_problem(const struct dh_report *report)
{
	if (!report->prime)
		return "the modulus is not prime";
	if (report->bits < DH_BITS_MIN)
		return TOO_SMALL;
	if (!report->safe_prime)
		return "the prime is not a safe prime: small subgroups may give away bits of keys";
	if (report->order == DH_ORDER_OTHER)
		return "the generator generates next to nothing";
	return NULL;
}

static int
judge(const struct dh_numbers *n, struct dh_report *report)
{
	const struct dh_group *known = group_find(n);
	int prime, half;

	if (check_order(n, report) < 0)
		return -1;
	if (known) {
		report->name = known->name;
		report->prime = true;
		report->safe_prime = strncmp(known->name, "dh_", 3) != 0;
		report->problem = known->problem;
		return 0;
	}
	prime = BN_is_odd(n->p) ? BN_check_prime(n->p, n->ctx, NULL) : 0;
	half = prime == 1 ? BN_check_prime(n->q, n->ctx, NULL) : 0;
	if (prime < 0 || half < 0)
		return -1;
	report->prime = prime == 1;
	report->safe_prime = half == 1;
	report->problem = find_problem(report);
	return 0;
}

int
dh_check(EVP_PKEY *params, struct dh_report *report, struct err *e)
{
	struct dh_numbers n;
	int rc = 0;

	*report = (struct dh_report){ 0 };
	if (numbers_init(&n, params) < 0)
		return err_set_openssl(e, ERR_DATA, "cannot read the DH parameters' numbers");
	report->bits = (unsigned)BN_num_bits(n.p);
	describe_generator(n.g, report);
	if (BN_is_zero(n.p) || BN_is_negative(n.p) || BN_is_negative(n.g))
		report->problem = "the modulus is not prime";
	else if (report->bits > DH_BITS_MAX)
		report->problem = "more than 10,000 bits: no TLS library computes with it";
	else if (judge(&n, report) < 0)
		rc = err_set_openssl(e, ERR_BUG, "cannot check the DH parameters");
	numbers_release(&n);
	return rc;
}

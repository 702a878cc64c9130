/* SPDX-License-Identifier: ISC */
/*
 * jwk: one table of key types names the members and the OpenSSL parameters behind them, so
 * that writing and reading cannot drift apart. Members stand in the order of RFC 7638
 * (byte order of their names), which is what the thumbprint hashes.
 */
#include "libacme/jwk.h"

#include "base/encode.h"
#include "libacme/acme_json.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>

#define JWK_MAX (16 * 1024)
#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 8192
#define MEMBER_MAX (RSA_MAX_BITS / 8 + 1)
#define MEMBERS_MAX 8

/* One member that is a number; width 0 = as short as it goes (RSA). */
struct jwk_member {
	const char *name;
	const char *param; /* OpenSSL's name */
};

struct jwk_type {
	const char *kty, *crv;
	const char *group; /* OpenSSL's name of the curve */
	int width;         /* bytes of an EC coordinate */
	struct jwk_member public[3], private[7];
};

static const struct jwk_type types[] = {
	{ "EC", "P-256", "prime256v1", 32,
	    { { "x", OSSL_PKEY_PARAM_EC_PUB_X }, { "y", OSSL_PKEY_PARAM_EC_PUB_Y } },
	    { { "d", OSSL_PKEY_PARAM_PRIV_KEY } } },
	{ "EC", "P-384", "secp384r1", 48,
	    { { "x", OSSL_PKEY_PARAM_EC_PUB_X }, { "y", OSSL_PKEY_PARAM_EC_PUB_Y } },
	    { { "d", OSSL_PKEY_PARAM_PRIV_KEY } } },
	{ "EC", "P-521", "secp521r1", 66,
	    { { "x", OSSL_PKEY_PARAM_EC_PUB_X }, { "y", OSSL_PKEY_PARAM_EC_PUB_Y } },
	    { { "d", OSSL_PKEY_PARAM_PRIV_KEY } } },
	{ "RSA", NULL, NULL, 0, { { "e", OSSL_PKEY_PARAM_RSA_E }, { "n", OSSL_PKEY_PARAM_RSA_N } },
	    { { "d", OSSL_PKEY_PARAM_RSA_D }, { "p", OSSL_PKEY_PARAM_RSA_FACTOR1 },
		{ "q", OSSL_PKEY_PARAM_RSA_FACTOR2 }, { "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1 },
		{ "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2 },
		{ "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1 } } },
	{ "OKP", "Ed25519", NULL, 32, { { NULL, NULL } }, { { NULL, NULL } } },
};

#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

static bool
is_okp(const struct jwk_type *type)
{
	return strcmp(type->kty, "OKP") == 0;
}

static const struct jwk_type *
type_of_key(const EVP_PKEY *key, struct err *e)
{
	char group[64] = "";
	int id = EVP_PKEY_get_base_id(key);

	if (id == EVP_PKEY_EC)
		EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		const struct jwk_type *type = &types[i];

		if (id == EVP_PKEY_RSA && strcmp(type->kty, "RSA") == 0)
			return type;
		if (id == EVP_PKEY_ED25519 && is_okp(type))
			return type;
		if (id == EVP_PKEY_EC && type->group && strcmp(type->group, group) == 0)
			return type;
	}
	err_set(e, ERR_DATA,
	    "a key that signs requests must be ECDSA P-256, P-384 or P-521, RSA or Ed25519%s%s",
	    *group ? ", not ECDSA " : "", group);
	return NULL;
}

static int
add_bytes(struct buf *out, const char *name, const unsigned char *bytes, size_t n)
{
	if (buf_printf(out, ",\"%s\":\"", name) < 0 || encode_base64url(out, span_of(bytes, n)) < 0)
		return -1;
	return buf_add_char(out, '"');
}

static int
add_number(struct buf *out, const EVP_PKEY *key, const struct jwk_member *member, int width)
{
	unsigned char bytes[MEMBER_MAX];
	BIGNUM *bn = NULL;
	int n, rc = -1;

	if (EVP_PKEY_get_bn_param(key, member->param, &bn) == 1) {
		n = width ? width : BN_num_bytes(bn);
		if (n <= MEMBER_MAX && BN_bn2binpad(bn, bytes, n) == n)
			rc = add_bytes(out, member->name, bytes, (size_t)n);
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	BN_clear_free(bn);
	return rc;
}

static int
add_numbers(struct buf *out, const EVP_PKEY *key, const struct jwk_member *members, int width)
{
	for (size_t i = 0; members[i].name; i++) {
		if (add_number(out, key, &members[i], width) < 0)
			return -1;
	}
	return 0;
}

static int
add_okp(struct buf *out, const EVP_PKEY *key, bool private)
{
	unsigned char bytes[32];
	size_t n = sizeof(bytes);
	int rc = -1;

	if (private) {
		if (EVP_PKEY_get_raw_private_key(key, bytes, &n) == 1)
			rc = add_bytes(out, "d", bytes, n);
	} else if (EVP_PKEY_get_raw_public_key(key, bytes, &n) == 1) {
		rc = add_bytes(out, "x", bytes, n);
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return rc;
}

/*
 * RFC 7638's order is crv, e, kty, n, x, y: curve before type, "e" before it too. So
 * RSA writes e first and everything else follows type.
 */
static int
add_public(struct buf *out, const EVP_PKEY *key, const struct jwk_type *type)
{
	if (!type->crv) {
		struct buf members;
		int rc;

		buf_init(&members, JWK_MAX);
		rc = add_number(&members, key, &type->public[0], 0);
		if (rc == 0)
			rc = buf_add(out, span_after(buf_span(&members), 1));
		buf_release(&members);
		if (rc < 0 || buf_printf(out, ",\"kty\":\"%s\"", type->kty) < 0)
			return -1;
		return add_number(out, key, &type->public[1], 0);
	}
	if (buf_printf(out, "\"crv\":\"%s\",\"kty\":\"%s\"", type->crv, type->kty) < 0)
		return -1;
	return is_okp(type) ? add_okp(out, key, false)
			    : add_numbers(out, key, type->public, type->width);
}

static int
format(const EVP_PKEY *key, bool private, struct buf *out, struct err *e)
{
	const struct jwk_type *type = type_of_key(key, e);
	int rc;

	if (!type)
		return -1;
	rc = buf_add_char(out, '{');
	if (rc == 0)
		rc = add_public(out, key, type);
	if (rc == 0 && private)
		rc = is_okp(type) ? add_okp(out, key, true)
				  : add_numbers(out, key, type->private, type->width);
	if (rc == 0)
		rc = buf_add_char(out, '}');
	if (rc < 0)
		return err_set_openssl(e, ERR_BUG, "cannot write the account key as JSON");
	return 0;
}

int
jwk_format_public(const EVP_PKEY *key, struct buf *out, struct err *e)
{
	return format(key, false, out, e);
}

int
jwk_format_private(const EVP_PKEY *key, struct buf *out, struct err *e)
{
	return format(key, true, out, e);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Numbers must outlive the parameters that are built from them. */
struct numbers {
	BIGNUM *bn[MEMBERS_MAX];
	size_t count;
};

static void
numbers_release(struct numbers *numbers)
{
	for (size_t i = 0; i < numbers->count; i++)
		BN_clear_free(numbers->bn[i]);
}

static int
read_bytes(const cJSON *doc, const char *name, struct buf *out, struct err *e)
{
	const char *text = acme_json_string(doc, name);

	buf_reset(out);
	if (!text)
		return err_set(e, ERR_DATA, "the key has no \"%s\"", name);
	if (decode_base64url(out, span_str(text)) < 0 || out->len == 0)
		return err_set(e, ERR_DATA, "the key's \"%s\" is not base64url", name);
	return 0;
}

static int
read_number(const cJSON *doc, const struct jwk_member *member, struct numbers *numbers,
    OSSL_PARAM_BLD *bld, struct err *e)
{
	struct buf bytes;
	BIGNUM *bn;
	int rc = -1;

	buf_init_secret(&bytes, MEMBER_MAX);
	if (read_bytes(doc, member->name, &bytes, e) < 0)
		goto out;
	bn = BN_bin2bn((const unsigned char *)bytes.p, (int)bytes.len, NULL);
	if (!bn || numbers->count == MEMBERS_MAX) {
		BN_clear_free(bn);
		err_set_openssl(e, ERR_BUG, "cannot read \"%s\" of the key", member->name);
		goto out;
	}
	numbers->bn[numbers->count++] = bn;
	if (OSSL_PARAM_BLD_push_BN(bld, member->param, bn) != 1) {
		err_set_openssl(e, ERR_BUG, "cannot read \"%s\" of the key", member->name);
		goto out;
	}
	rc = 0;
out:
	buf_release(&bytes);
	return rc;
}

/* EC public keys go in as one point, not as x and y. */
static int
read_point(const cJSON *doc, const struct jwk_type *type, struct buf *point, struct err *e)
{
	struct buf part;
	int rc = -1;

	buf_init(&part, MEMBER_MAX);
	if (buf_add_char(point, 4) < 0)
		goto out;
	for (int i = 0; i < 2; i++) {
		if (read_bytes(doc, type->public[i].name, &part, e) < 0)
			goto out;
		if (part.len != (size_t)type->width) {
			err_set(e, ERR_DATA, "the key's \"%s\" has %zu bytes, not %d",
			    type->public[i].name, part.len, type->width);
			goto out;
		}
		if (buf_add(point, buf_span(&part)) < 0)
			goto out;
	}
	rc = 0;
out:
	buf_release(&part);
	return rc;
}

static int
make_key(const char *kind, OSSL_PARAM_BLD *bld, EVP_PKEY **key, struct err *e)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
	EVP_PKEY_CTX *check = NULL;
	int rc = -1;

	if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, key, EVP_PKEY_KEYPAIR, params) == 1) {
		check = EVP_PKEY_CTX_new_from_pkey(NULL, *key, NULL);
		if (check && EVP_PKEY_pairwise_check(check) == 1)
			rc = 0;
	}
	if (rc < 0) {
		err_set_openssl(e, ERR_DATA, "the key's numbers do not belong together");
		EVP_PKEY_free(*key);
		*key = NULL;
	}
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return rc;
}

static int
parse_numbers(const cJSON *doc, const struct jwk_type *type, EVP_PKEY **key, struct err *e)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	struct numbers numbers = { .count = 0 };
	struct buf point;
	int rc = -1;

	buf_init(&point, MEMBER_MAX);
	if (!bld) {
		err_set_openssl(e, ERR_BUG, "cannot read the key");
		goto out;
	}
	if (type->crv) {
		if (read_point(doc, type, &point, e) < 0)
			goto out;
		OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, type->group, 0);
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.len);
	}
	for (size_t i = 0; !type->crv && type->public[i].name; i++) {
		if (read_number(doc, &type->public[i], &numbers, bld, e) < 0)
			goto out;
	}
	for (size_t i = 0; type->private[i].name; i++) {
		if (read_number(doc, &type->private[i], &numbers, bld, e) < 0)
			goto out;
	}
	rc = make_key(type->kty, bld, key, e);
out:
	buf_release(&point);
	OSSL_PARAM_BLD_free(bld);
	numbers_release(&numbers);
	return rc;
}

static int
parse_okp(const cJSON *doc, EVP_PKEY **key, struct err *e)
{
	struct buf bytes;
	int rc = -1;

	buf_init_secret(&bytes, MEMBER_MAX);
	if (read_bytes(doc, "d", &bytes, e) < 0)
		goto out;
	*key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)bytes.p,
	    bytes.len);
	if (!*key)
		err_set_openssl(e, ERR_DATA, "the key's \"d\" is no Ed25519 key");
	else
		rc = 0;
out:
	buf_release(&bytes);
	return rc;
}

static const struct jwk_type *
type_of_json(const cJSON *doc, struct err *e)
{
	const char *kty = acme_json_string(doc, "kty");
	const char *crv = acme_json_string(doc, "crv");

	for (size_t i = 0; kty && i < TYPE_COUNT; i++) {
		if (strcmp(types[i].kty, kty) != 0)
			continue;
		if (!types[i].crv || (crv && strcmp(types[i].crv, crv) == 0))
			return &types[i];
	}
	err_set(e, ERR_DATA,
	    "it is a key of type \"%.32s\" \"%.32s\"; known are EC P-256, P-384 and P-521, RSA, Ed25519",
	    kty ? kty : "", crv ? crv : "");
	return NULL;
}

/* cJSON frees its strings without wiping them; the private numbers deserve better. */
static void
wipe_strings(cJSON *doc)
{
	for (cJSON *item = doc->child; item; item = item->next) {
		if (cJSON_IsString(item))
			OPENSSL_cleanse(item->valuestring, strlen(item->valuestring));
	}
}

int
jwk_parse_private(struct span text, EVP_PKEY **key, struct err *e)
{
	const struct jwk_type *type;
	cJSON *doc;
	int rc = -1;

	*key = NULL;
	if (text.n > JWK_MAX)
		return err_set(e, ERR_DATA, "the key file is larger than %d bytes", JWK_MAX);
	if (acme_json_parse(text, "the key file", &doc, e) < 0)
		return -1;
	type = type_of_json(doc, e);
	if (type)
		rc = is_okp(type) ? parse_okp(doc, key, e) : parse_numbers(doc, type, key, e);
	wipe_strings(doc);
	cJSON_Delete(doc);
	if (rc == 0 && EVP_PKEY_get_base_id(*key) == EVP_PKEY_RSA &&
	    (EVP_PKEY_get_bits(*key) < RSA_MIN_BITS || EVP_PKEY_get_bits(*key) > RSA_MAX_BITS)) {
		rc = err_set(e, ERR_DATA, "an RSA key of %d bits is outside %d to %d",
		    EVP_PKEY_get_bits(*key), RSA_MIN_BITS, RSA_MAX_BITS);
		EVP_PKEY_free(*key);
		*key = NULL;
	}
	return rc;
}

int
jwk_thumbprint(const EVP_PKEY *key, char out[JWK_THUMBPRINT_LEN + 1], struct err *e)
{
	unsigned char digest[32];
	struct buf json, text;
	int rc = -1;

	buf_init(&json, JWK_MAX);
	buf_init(&text, 64);
	if (jwk_format_public(key, &json, e) < 0)
		goto out;
	if (EVP_Digest(json.p, json.len, digest, NULL, EVP_sha256(), NULL) != 1) {
		err_set_openssl(e, ERR_BUG, "cannot hash the account key");
		goto out;
	}
	encode_base64url(&text, span_of(digest, sizeof(digest)));
	memcpy(out, buf_str(&text), JWK_THUMBPRINT_LEN + 1);
	rc = 0;
out:
	buf_release(&text);
	buf_release(&json);
	return rc;
}

/* SPDX-License-Identifier: ISC */
/*
 * What is wrong with a certificate, its key and its chain.
 *
 * Bytes of a certificate come from outside: every sentence goes through encode_visible once, where it is added.
 */
#include "libcert/inspect.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/mem.h"
#include "libcert/pkey.h"
#include "libcert/x509info.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <stdlib.h>

#define DAY INT64_C(86400)
#define TEXT_MAX ((size_t)64 * 1024)
/* NIST SP 800-57: RSA 2048, a curve of 224 bits. */
#define SECURITY_BITS_MIN 112

static const char *const words[INSPECT_KINDS] = {
	[INSPECT_EXPIRED] = "expired",
	[INSPECT_EXPIRING] = "expiring",
	[INSPECT_NOT_YET_VALID] = "not-yet-valid",
	[INSPECT_KEY_MISMATCH] = "key-mismatch",
	[INSPECT_KEY_UNREADABLE] = "key-unreadable",
	[INSPECT_CHAIN_INCOMPLETE] = "chain-incomplete",
	[INSPECT_CHAIN_MISORDERED] = "chain-misordered",
	[INSPECT_CHAIN_BROKEN] = "chain-broken",
	[INSPECT_WEAK_KEY] = "weak-key",
	[INSPECT_WEAK_SIGNATURE] = "weak-signature",
	[INSPECT_NAME_NOT_COVERED] = "name-not-covered",
	[INSPECT_NO_NAMES] = "no-names",
	[INSPECT_WRONG_USE] = "wrong-use",
	[INSPECT_WIRE_DIFFERS] = "wire-differs",
	[INSPECT_WIRE_UNREACHABLE] = "wire-unreachable",
	[INSPECT_NOT_DEPLOYED] = "not-deployed",
	[INSPECT_RENEWAL_FAILS] = "renewal-fails",
};

const char *
inspect_word(enum inspect_kind kind)
{
	return words[kind];
}

const char *
inspect_weight_word(enum inspect_weight weight)
{
	return weight == INSPECT_CRITICAL ? "critical"
					  : (weight == INSPECT_WARNING ? "warning" : "ok");
}

void
inspection_add(struct inspection *in, enum inspect_kind kind, enum inspect_weight weight,
    const char *fmt, ...)
{
	struct inspect_finding *finding;
	struct buf visible;
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	if (in->count == in->room) {
		size_t room = in->room ? 2 * in->room : 4;
		struct inspect_finding *items = arena_array(in->arena, room, sizeof(*items));

		if (in->count > 0)
			memcpy(items, in->items, in->count * sizeof(*items));
		in->items = items;
		in->room = room;
	}
	buf_init(&visible, TEXT_MAX);
	encode_visible(&visible, span_str(text));
	finding = &in->items[in->count++];
	*finding = (struct inspect_finding){ .kind = kind, .weight = weight };
	finding->text = arena_dup(in->arena, buf_span(&visible));
	buf_release(&visible);
	free(text);
}

enum inspect_weight
inspection_worst(const struct inspection *in)
{
	enum inspect_weight worst = INSPECT_FINE;

	for (size_t i = 0; i < in->count; i++) {
		if (in->items[i].weight > worst)
			worst = in->items[i].weight;
	}
	return worst;
}

/* ---- words about one certificate ---- */

/* "the certificate" or "certificate 2 (R11)" for a sentence; in the arena. */
static const char *
who(struct inspection *in, STACK_OF(X509) *certs, int at)
{
	struct x509info info;
	struct span name;

	if (at == 0)
		return "the certificate";
	x509info_read(sk_X509_value(certs, at), in->arena, &info);
	name = info.common_name.n > 0 ? info.common_name : info.subject;
	return arena_printf(in->arena, "certificate %d (" SPAN_FMT ")", at + 1, SPAN_ARG(name)).p;
}

static struct span
issuer_of(struct inspection *in, X509 *cert)
{
	struct x509info info;

	x509info_read(cert, in->arena, &info);
	return info.issuer;
}

/* ---- dates ---- */

struct inspect_limits
inspect_limits_for(const struct inspect_limits *limits, int64_t life_s)
{
	int64_t life = life_s < 90 * DAY ? life_s : 90 * DAY;

	return (struct inspect_limits){
		.warn_s = limits->warn_s ? limits->warn_s : life * 20 / 90,
		.crit_s = limits->crit_s ? limits->crit_s : life * 7 / 90,
	};
}

static const char *
span_words(struct inspection *in, int64_t seconds)
{
	if (seconds >= 2 * DAY)
		return arena_printf(in->arena, "%lld days", (long long)(seconds / DAY)).p;
	return arena_printf(in->arena, "%lld hours", (long long)(seconds / 3600)).p;
}

static void
date_of_one(struct inspection *in, STACK_OF(X509) *certs, int at, int64_t now,
    const struct inspect_limits *limits)
{
	struct inspect_limits mine;
	char when[CLOCK_RFC3339_LEN + 1];
	struct x509info info;
	int64_t left;

	x509info_read(sk_X509_value(certs, at), in->arena, &info);
	left = info.not_after - now;
	mine = inspect_limits_for(limits, info.not_after - info.not_before);
	clock_format_rfc3339(info.not_after, when);
	if (left < 0) {
		inspection_add(in, INSPECT_EXPIRED, INSPECT_CRITICAL, "%s expired at %s",
		    who(in, certs, at), when);
	} else if (now < info.not_before) {
		clock_format_rfc3339(info.not_before, when);
		inspection_add(in, INSPECT_NOT_YET_VALID, INSPECT_CRITICAL,
		    "%s is not valid before %s", who(in, certs, at), when);
	} else if (left < mine.warn_s || left < mine.crit_s) {
		inspection_add(in, INSPECT_EXPIRING,
		    left < mine.crit_s ? INSPECT_CRITICAL : INSPECT_WARNING, "%s ends in %s, at %s",
		    who(in, certs, at), span_words(in, left), when);
	}
}

void
inspect_dates(struct inspection *in, STACK_OF(X509) *certs, int64_t now,
    const struct inspect_limits *limits)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		date_of_one(in, certs, i, now, limits);
}

/* ---- strength ---- */

static bool
digest_weak(int nid)
{
	return nid == NID_md5 || nid == NID_md4 || nid == NID_md2 || nid == NID_sha1 ||
	       nid == NID_md5_sha1;
}

void
inspect_strength(struct inspection *in, STACK_OF(X509) *certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		X509 *cert = sk_X509_value(certs, i);
		EVP_PKEY *key = X509_get0_pubkey(cert);
		int digest = NID_undef;
		char words_of_key[32];

		if (!key) {
			inspection_add(in, INSPECT_WEAK_KEY, INSPECT_CRITICAL,
			    "the public key of %s cannot be read", who(in, certs, i));
		} else if (EVP_PKEY_get_security_bits(key) < SECURITY_BITS_MIN) {
			pkey_describe(key, words_of_key);
			inspection_add(in, INSPECT_WEAK_KEY, INSPECT_CRITICAL,
			    "%s has a weak key: %s", who(in, certs, i), words_of_key);
		}
		/* Nobody checks the signature that a root made under itself. */
		if (i > 0 && (X509_get_extension_flags(cert) & EXFLAG_SS))
			continue;
		if (X509_get_signature_info(cert, &digest, NULL, NULL, NULL) && digest_weak(digest))
			inspection_add(in, INSPECT_WEAK_SIGNATURE, INSPECT_CRITICAL,
			    "%s is signed with %s", who(in, certs, i), OBJ_nid2sn(digest));
	}
	ERR_clear_error();
}

/* ---- chain ---- */

enum link { LINK_WHOLE, LINK_STRANGER, LINK_FORGED };

static enum link
link_of(X509 *cert, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	int why = X509_check_issued(issuer, cert);
	enum link link = LINK_WHOLE;

	if (why != X509_V_OK)
		link = LINK_STRANGER;
	else if (!key || X509_verify(cert, key) != 1)
		link = LINK_FORGED;
	ERR_clear_error();
	return link;
}

/* Index of a certificate that issued the one at at; -1 for none. */
static int
find_issuer(STACK_OF(X509) *certs, int at)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		if (i != at &&
		    link_of(sk_X509_value(certs, at), sk_X509_value(certs, i)) == LINK_WHOLE)
			return i;
	}
	return -1;
}

static bool
roots_know(X509_STORE *roots, X509 *cert)
{
	X509_STORE_CTX *ctx = roots ? X509_STORE_CTX_new() : NULL;
	X509 *issuer = NULL;
	bool known = ctx && X509_STORE_CTX_init(ctx, roots, cert, NULL) == 1 &&
		     X509_STORE_CTX_get1_issuer(&issuer, ctx, cert) == 1;

	X509_free(issuer);
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return known;
}

static bool
is_self_signed(X509 *cert)
{
	return (X509_get_extension_flags(cert) & EXFLAG_SS) != 0;
}

/* The certificate at at and the one behind it do not belong together: say what would be right. */
static void
link_broken(struct inspection *in, STACK_OF(X509) *certs, int at, enum link link)
{
	X509 *cert = sk_X509_value(certs, at);
	int issuer = find_issuer(certs, at);

	if (link == LINK_FORGED && issuer < 0)
		inspection_add(in, INSPECT_CHAIN_BROKEN, INSPECT_CRITICAL,
		    "%s bears the name of the issuer of certificate %d but did not sign it",
		    who(in, certs, at + 1), at + 1);
	else if (link_of(sk_X509_value(certs, at + 1), cert) == LINK_WHOLE)
		inspection_add(in, INSPECT_CHAIN_MISORDERED,
		    at == 0 ? INSPECT_CRITICAL : INSPECT_WARNING,
		    "%s stands before %s, which it issued: the order is leaf first, then each "
		    "certificate's issuer",
		    who(in, certs, at), who(in, certs, at + 1));
	else if (is_self_signed(cert))
		inspection_add(in, INSPECT_CHAIN_MISORDERED, INSPECT_WARNING,
		    "%s does not belong behind a self-signed one", who(in, certs, at + 1));
	else if (issuer >= 0)
		inspection_add(in, INSPECT_CHAIN_MISORDERED, INSPECT_WARNING,
		    "the issuer of %s comes as number %d, not %d: the order is leaf first, then "
		    "each certificate's issuer",
		    who(in, certs, at), issuer + 1, at + 2);
	else
		inspection_add(in, INSPECT_CHAIN_INCOMPLETE, INSPECT_CRITICAL,
		    "the issuer of %s, " SPAN_FMT ", is missing; %s is not it", who(in, certs, at),
		    SPAN_ARG(issuer_of(in, cert)), who(in, certs, at + 1));
}

void
inspect_chain(struct inspection *in, STACK_OF(X509) *certs, X509_STORE *roots)
{
	X509 *leaf = sk_X509_value(certs, 0);

	for (int i = 0; i + 1 < sk_X509_num(certs); i++) {
		enum link link = link_of(sk_X509_value(certs, i), sk_X509_value(certs, i + 1));

		if (link != LINK_WHOLE) {
			link_broken(in, certs, i, link);
			return; /* what follows is of no use to anybody */
		}
	}
	if (sk_X509_num(certs) == 1 && !is_self_signed(leaf) && !roots_know(roots, leaf))
		inspection_add(in, INSPECT_CHAIN_INCOMPLETE, INSPECT_CRITICAL,
		    "no intermediate certificate: its issuer, " SPAN_FMT
		    ", is neither there nor among this machine's roots",
		    SPAN_ARG(issuer_of(in, leaf)));
}

/* ---- use ---- */

/* X509_check_ca would take openssl's self-signed server certificates for one as well. */
static bool
is_plain_ca(X509 *cert)
{
	return X509_check_ca(cert) == 1 && (X509_get_extension_flags(cert) & EXFLAG_KUSAGE) &&
	       (X509_get_key_usage(cert) & KU_KEY_CERT_SIGN);
}

void
inspect_use(struct inspection *in, X509 *leaf)
{
	struct x509info info;

	if (is_plain_ca(leaf))
		return;
	x509info_read(leaf, in->arena, &info);
	if (info.dns_count + info.ip_count == 0)
		inspection_add(in, INSPECT_NO_NAMES, INSPECT_CRITICAL,
		    "no host is named in subjectAltName: browsers refuse it, whatever its common "
		    "name");
	if (X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, 0) != 1)
		inspection_add(in, INSPECT_WRONG_USE, INSPECT_CRITICAL,
		    "its usages do not include that of a TLS server");
	else if (info.is_ca)
		inspection_add(in, INSPECT_WRONG_USE, INSPECT_WARNING,
		    "it may issue certificates (CA:TRUE): Firefox refuses it for a server");
	ERR_clear_error();
}

void
inspect_key(struct inspection *in, X509 *leaf, const EVP_PKEY *key, const char *path)
{
	if (!x509info_key_matches(leaf, key))
		inspection_add(in, INSPECT_KEY_MISMATCH, INSPECT_CRITICAL,
		    "the private key%s%s does not belong to the certificate", path ? " " : "",
		    path ? path : "");
}

void
inspect_name(struct inspection *in, X509 *leaf, struct span name)
{
	if (!x509info_covers(leaf, name))
		inspection_add(in, INSPECT_NAME_NOT_COVERED, INSPECT_CRITICAL,
		    "it does not cover the name " SPAN_FMT, SPAN_ARG(name));
}

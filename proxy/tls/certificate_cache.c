/* SPDX-License-Identifier: ISC */
/*
 * certificate_cache: see certificate_cache.h.
 *
 *	digest -> pair (leaf, key, chain of intermediates), in a list by last use
 *	digest -> intermediate, counted by the pairs whose chain it is in
 *
 * OpenSSL counts references to X509 and EVP_PKEY, so a pair can be dropped while connections use it.
 */
#include "proxy/tls/certificate_cache.h"

#include "base/mem.h"
#include "proxy/monitor/bundle.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <uthash.h>
#include <utlist.h>

#include <limits.h>

#define DIGEST_BYTES 32

struct intermediate {
	unsigned char digest[DIGEST_BYTES];
	X509 *x509;
	unsigned users;
	UT_hash_handle hh;
};

struct pair {
	unsigned char digest[DIGEST_BYTES];
	X509 *leaf;
	EVP_PKEY *key;
	STACK_OF(X509) *chain;
	struct intermediate **links; /* behind the chain's certificates, in its order */
	size_t link_count;
	struct pair *prev, *next; /* by last use, newest first */
	UT_hash_handle hh;
};

struct certificate_cache {
	struct pair *pairs;
	struct pair *recent;
	struct intermediate *intermediates;
	size_t count, max;
};

/* A bundle entry, taken apart. */
struct entry {
	struct bundle_certificate head;
	struct span chain; /* (length, DER) each */
	struct span key;
};

struct certificate_cache *
certificate_cache_new(size_t max_entries)
{
	struct certificate_cache *c = mem_zalloc(sizeof(*c));

	c->max = max_entries > 0 ? max_entries : 1;
	return c;
}

static void
intermediate_drop(struct certificate_cache *c, struct intermediate *i)
{
	if (--i->users > 0)
		return;
	HASH_DEL(c->intermediates, i);
	X509_free(i->x509);
	free(i);
}

static void
pair_free(struct certificate_cache *c, struct pair *p)
{
	for (size_t i = 0; i < p->link_count; i++)
		intermediate_drop(c, p->links[i]);
	free(p->links);
	sk_X509_free(p->chain);
	X509_free(p->leaf);
	EVP_PKEY_free(p->key);
	free(p);
}

static void
pair_remove(struct certificate_cache *c, struct pair *p)
{
	HASH_DEL(c->pairs, p);
	DL_DELETE(c->recent, p);
	c->count--;
	pair_free(c, p);
}

void
certificate_cache_free(struct certificate_cache *c)
{
	if (!c)
		return;
	while (c->recent)
		pair_remove(c, c->recent);
	free(c);
}

size_t
certificate_cache_count(const struct certificate_cache *c)
{
	return c->count;
}

EVP_PKEY *
key_from_der(struct span pkcs8, struct err *e)
{
	const unsigned char *p = (const unsigned char *)pkcs8.p;
	EVP_PKEY *key = NULL;

	if (pkcs8.n <= LONG_MAX)
		key = d2i_AutoPrivateKey(NULL, &p, (long)pkcs8.n);
	if (!key)
		err_set_openssl(e, ERR_DATA, "cannot parse the private key");
	return key;
}

static int
entry_split(struct span bytes, struct entry *entry, struct err *e)
{
	if (bytes.n == 0)
		return err_set(e, ERR_DATA, "the certificate is disabled");
	if (bytes.n < sizeof(entry->head))
		return err_set(e, ERR_BUG, "certificate entry is too short");
	memcpy(&entry->head, bytes.p, sizeof(entry->head));
	bytes = span_after(bytes, sizeof(entry->head));
	if (entry->head.chain_bytes > bytes.n ||
	    entry->head.key_bytes > bytes.n - entry->head.chain_bytes)
		return err_set(e, ERR_BUG, "certificate entry has wrong lengths");
	entry->chain = span_of(bytes.p, entry->head.chain_bytes);
	entry->key = span_of(bytes.p + entry->head.chain_bytes, entry->head.key_bytes);
	return 0;
}

/* Take the next certificate's DER off the chain. */
static int
take_der(struct span *chain, struct span *der, struct err *e)
{
	uint32_t n;

	if (chain->n < sizeof(n))
		return err_set(e, ERR_BUG, "certificate entry ends early");
	memcpy(&n, chain->p, sizeof(n));
	*chain = span_after(*chain, sizeof(n));
	if (n > chain->n)
		return err_set(e, ERR_BUG, "certificate entry has wrong lengths");
	*der = span_of(chain->p, n);
	*chain = span_after(*chain, n);
	return 0;
}

static X509 *
x509_from_der(struct span der, struct err *e)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.n);

	if (!x)
		err_set_openssl(e, ERR_DATA, "cannot parse the certificate");
	return x;
}

/* The one of these bytes, made if there is none; one more user. NULL with e set. */
static struct intermediate *
intermediate_get(struct certificate_cache *c, struct span der, struct err *e)
{
	unsigned char digest[DIGEST_BYTES];
	struct intermediate *i = NULL;

	if (EVP_Digest(der.p, der.n, digest, NULL, EVP_sha256(), NULL) != 1) {
		err_set_openssl(e, ERR_BUG, "cannot digest a certificate");
		return NULL;
	}
	HASH_FIND(hh, c->intermediates, digest, DIGEST_BYTES, i);
	if (!i) {
		X509 *x = x509_from_der(der, e);

		if (!x)
			return NULL;
		i = mem_zalloc(sizeof(*i));
		memcpy(i->digest, digest, DIGEST_BYTES);
		i->x509 = x;
		HASH_ADD(hh, c->intermediates, digest, DIGEST_BYTES, i);
	}
	i->users++;
	return i;
}

static int
parse_chain(struct certificate_cache *c, struct pair *p, const struct entry *entry, struct err *e)
{
	struct span rest = entry->chain, der;
	struct intermediate *i;

	if (entry->head.chain_count == 0 ||
	    entry->head.chain_count > entry->chain.n / sizeof(uint32_t))
		return err_set(e, ERR_BUG, "certificate entry has a wrong count");
	if (take_der(&rest, &der, e) < 0 || !(p->leaf = x509_from_der(der, e)))
		return -1;
	p->links = mem_realloc_array(NULL, entry->head.chain_count, sizeof(struct intermediate *));
	for (uint32_t n = 1; n < entry->head.chain_count; n++) {
		if (take_der(&rest, &der, e) < 0 || !(i = intermediate_get(c, der, e)))
			return -1;
		p->links[p->link_count++] = i;
		if (sk_X509_push(p->chain, i->x509) == 0)
			return err_set_openssl(e, ERR_BUG, "cannot hold a chain");
	}
	return 0;
}

static struct pair *
pair_parse(struct certificate_cache *c, const struct entry *entry, struct err *e)
{
	struct pair *p = mem_zalloc(sizeof(*p));

	memcpy(p->digest, entry->head.digest, DIGEST_BYTES);
	p->chain = sk_X509_new_null();
	if (p->chain && parse_chain(c, p, entry, e) == 0)
		p->key = key_from_der(entry->key, e);
	if (!p->key) {
		pair_free(c, p);
		return NULL;
	}
	return p;
}

/* The pair of this entry, parsed if need be, now the most recently used. */
static struct pair *
pair_get(struct certificate_cache *c, const struct entry *entry, struct err *e)
{
	struct pair *p = NULL;

	HASH_FIND(hh, c->pairs, entry->head.digest, DIGEST_BYTES, p);
	if (p) {
		if (p != c->recent) {
			DL_DELETE(c->recent, p);
			DL_PREPEND(c->recent, p);
		}
		return p;
	}
	p = pair_parse(c, entry, e);
	if (!p)
		return NULL;
	if (c->count == c->max)
		pair_remove(c, c->recent->prev); /* the list's head points back to its end */
	HASH_ADD(hh, c->pairs, digest, DIGEST_BYTES, p);
	DL_PREPEND(c->recent, p);
	c->count++;
	return p;
}

int
certificate_cache_use(struct certificate_cache *c, struct span entry, SSL *ssl, struct err *e)
{
	struct entry parts;
	struct pair *p = NULL;
	int rc = -1;

	if (entry_split(entry, &parts, e) == 0)
		p = pair_get(c, &parts, e);
	/* 1: put in the place of another of its type, which a second ClientHello may bring. */
	if (p && SSL_use_cert_and_key(ssl, p->leaf, p->key, p->chain, 1) == 1)
		rc = 0;
	else if (p)
		err_set_openssl(e, ERR_DATA, "cannot use the certificate");
	ERR_clear_error();
	return rc;
}

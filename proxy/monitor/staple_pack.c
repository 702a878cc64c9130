/* SPDX-License-Identifier: ISC */
/* staple_pack: see staple_pack.h. RFC 6960. */
#include "proxy/monitor/staple_pack.h"

#include "base/file.h"
#include "base/mem.h"
#include "libcert/ocsp.h"
#include "libcert/x509info.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

#define PEM_MAX (1 << 20)

static int
read_file(struct span path, struct buf *out, struct err *e)
{
	char *name = mem_dup_span(path);
	int rc = file_read(name, out, e);

	free(name);
	return rc;
}

static int
read_chain(const struct certificate_ref *ref, STACK_OF(X509) **chain, struct err *e)
{
	struct buf pem;
	int rc;

	buf_init_secret(&pem, PEM_MAX); /* the key may be in the same file */
	rc = read_file(ref->cert_path, &pem, e);
	if (rc == 0)
		rc = x509info_parse_pem(buf_span(&pem), chain, e);
	buf_release(&pem);
	return rc;
}

static int
add_trust(X509_STORE *store, struct span pem, struct err *e)
{
	STACK_OF(X509) *cas = NULL;
	int rc = x509info_parse_pem(pem, &cas, e);

	for (int i = 0; rc == 0 && i < sk_X509_num(cas); i++)
		X509_STORE_add_cert(store, sk_X509_value(cas, i));
	sk_X509_pop_free(cas, X509_free);
	return rc;
}

/* By the CAs the configuration trusts, and by the chain we send; not at all where nobody asks for it. */
static int
check(struct span der, STACK_OF(X509) *chain, const struct certificate_ref *ref, int64_t *expires,
    struct err *e)
{
	X509_STORE *trust = ref->staple_trust.p ? ocsp_trust_new(chain) : NULL;
	struct ocsp_answer answer = { .until = 0 };
	int rc = 0;

	if (trust && ref->staple_trust.n > 0)
		rc = add_trust(trust, ref->staple_trust, e);
	if (rc == 0)
		rc = ocsp_check(der, chain, trust, &answer, e);
	*expires = answer.until;
	X509_STORE_free(trust);
	return rc;
}

/* Nothing is there. Whose fault is that? */
static int
explain_absence(const struct certificate_ref *ref, STACK_OF(X509) *chain, struct err *e)
{
	char *url = ocsp_responder(sk_X509_value(chain, 0));
	bool named = url != NULL;

	free(url);
	if (!named)
		return err_set(e, ERR_NOINPUT, "no OCSP responder is named in it");
	err_set(e, ERR_NOINPUT, "there is no \"" SPAN_FMT "\"", SPAN_ARG(ref->staple));
	return err_hint(e, "acme-renew fetches it for the certificates it looks after");
}

static bool
is_there(struct span path)
{
	char *name = mem_dup_span(path);
	bool there = file_exists(name);

	free(name);
	return there;
}

/* Appended to entry. */
static int
read_response(const struct certificate_ref *ref, struct buf *entry, STACK_OF(X509) *chain,
    int64_t *expires, struct err *e)
{
	size_t before = entry->len;

	if (read_file(ref->staple, entry, e) == 0 &&
	    check(span_after(buf_span(entry), before), chain, ref, expires, e) == 0)
		return 0;
	return err_wrap(e, "\"" SPAN_FMT "\"", SPAN_ARG(ref->staple));
}

int
staple_pack(struct bundle_writer *w, const struct bundle *previous,
    const struct certificate_ref *ref, size_t *changed, struct err *e)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	STACK_OF(X509) *chain = NULL;
	struct buf entry;
	struct span name, old = { NULL, 0 };
	int64_t expires = 0;
	unsigned n = 0;
	int rc;

	buf_init(&entry, OCSP_RESPONSE_MAX);
	(void)buf_add(&entry, span_of(&expires, sizeof(expires)));
	rc = read_chain(ref, &chain, e);
	if (rc == 0 && !is_there(ref->staple))
		rc = explain_absence(ref, chain, e);
	else if (rc == 0)
		rc = read_response(ref, &entry, chain, &expires, e);
	if (rc == 0 && X509_digest(sk_X509_value(chain, 0), EVP_sha256(), digest, &n) == 1) {
		name = span_of(digest, n);
		memcpy(entry.p, &expires, sizeof(expires));
		if (previous)
			(void)bundle_find(previous, BUNDLE_STAPLE, name, &old);
		*changed += !span_eq(old, buf_span(&entry));
		bundle_writer_add(w, BUNDLE_STAPLE, name, buf_span(&entry));
	}
	sk_X509_pop_free(chain, X509_free);
	buf_release(&entry);
	return rc;
}

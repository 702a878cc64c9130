/* SPDX-License-Identifier: ISC */
/*
 * issued: read the live version.
 */
#include "libacme/issued.h"

#include "base/mem.h"
#include "libcert/pkey.h"
#include "libcert/x509info.h"

#define FULLCHAIN_MAX ((size_t)256 * 1024)
#define SHORT_LIFE (INT64_C(10) * 86400)

int64_t
issued_due_at(int64_t not_before, int64_t not_after)
{
	int64_t life = not_after - not_before;

	return not_after - (life < SHORT_LIFE ? life / 2 : life / 3);
}

static bool
has_name(const struct issued *issued, struct span name)
{
	for (size_t i = 0; i < issued->name_count; i++) {
		if (span_eq_nocase(issued->names[i], name))
			return true;
	}
	return false;
}

bool
issued_has_names(const struct issued *issued, const struct span *names, size_t count)
{
	if (issued->name_count != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!has_name(issued, names[i]))
			return false;
	}
	return true;
}

void
issued_release(struct issued *issued)
{
	X509_free(issued->leaf);
	issued->leaf = NULL;
}

static void
read_leaf(X509 *leaf, struct arena *arena, struct issued *issued)
{
	struct x509info info;
	char key[32];

	x509info_read(leaf, arena, &info);
	issued->not_before = info.not_before;
	issued->not_after = info.not_after;
	memcpy(issued->sha256, info.sha256, sizeof(issued->sha256));
	issued->names = arena_array(arena, info.dns_count + info.ip_count + 1, sizeof(struct span));
	for (size_t i = 0; i < info.dns_count; i++)
		issued->names[issued->name_count++] = info.dns[i];
	for (size_t i = 0; i < info.ip_count; i++)
		issued->names[issued->name_count++] = info.ip[i];
	pkey_describe(X509_get0_pubkey(leaf), key);
	issued->key = arena_strdup(arena, span_str(key));
}

int
issued_load(struct certstore *store, const char *name, struct arena *arena, struct issued *issued,
    struct err *e)
{
	STACK_OF(X509) *certs = NULL;
	struct buf pem;
	int rc = -1;

	*issued = (struct issued){ .leaf = NULL };
	buf_init(&pem, FULLCHAIN_MAX);
	if (certstore_read(store, name, CERTSTORE_FULLCHAIN, &pem, e) < 0)
		goto out;
	if (x509info_parse_pem(buf_span(&pem), &certs, e) < 0) {
		err_wrap(e, "cannot use %s/live/%s/fullchain.pem", certstore_dir(store), name);
		goto out;
	}
	issued->leaf = sk_X509_shift(certs);
	read_leaf(issued->leaf, arena, issued);
	rc = 0;
out:
	sk_X509_pop_free(certs, X509_free);
	buf_release(&pem);
	return rc;
}

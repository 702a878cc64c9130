/* SPDX-License-Identifier: ISC */
/*
 * What a local CA issued, and what of it is revoked.
 */
#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libcert/crl.h"
#include "libcert/local_ca_internal.h"
#include "libcert/name.h"
#include "libcert/x509info.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define PEM_MAX ((size_t)256 * 1024)
#define CRL_MAX ((size_t)16 * 1024 * 1024)
#define TEXT_MAX ((size_t)8 * 1024)

const char *
local_ca_state_word(enum local_ca_state state)
{
	static const char *const words[] = { "valid", "expired", "revoked" };

	return words[state];
}

int
local_ca_record(const struct local_ca *ca, X509 *cert, struct err *e)
{
	struct arena *arena = arena_new(0);
	struct x509info info;
	struct buf pem;
	char *path;
	int rc;

	x509info_read(cert, arena, &info);
	path = mem_printf("%s/" SPAN_FMT ".crt", ca->issued_dir, SPAN_ARG(info.serial));
	buf_init(&pem, PEM_MAX);
	rc = x509info_format_pem(cert, &pem, e);
	if (rc == 0)
		rc = file_make_dirs(ca->issued_dir, 0700, e);
	if (rc == 0)
		rc = file_write_new(path, buf_span(&pem), 0600, e);
	buf_release(&pem);
	free(path);
	arena_free(arena);
	return rc;
}

/* ---- one entry ---- */

static struct span
visible(struct arena *arena, struct span raw)
{
	struct buf text;
	struct span out;

	buf_init(&text, TEXT_MAX);
	encode_visible(&text, raw);
	out = arena_dup(arena, buf_span(&text));
	buf_release(&text);
	return out;
}

static void
free_cert(void *cert)
{
	X509_free(cert);
}

static struct span
use_of(X509 *cert)
{
	uint32_t uses = X509_get_extended_key_usage(cert);
	bool server = uses & XKU_SSL_SERVER, client = uses & XKU_SSL_CLIENT;

	if (server && client)
		return SPAN("server, client");
	return server ? SPAN("server") : client ? SPAN("client") : SPAN("other");
}

static void
add_general(struct local_ca_entry *entry, struct arena *arena, const GENERAL_NAME *general)
{
	const ASN1_STRING *value;

	if (general->type == GEN_EMAIL)
		value = general->d.rfc822Name;
	else if (general->type == GEN_URI)
		value = general->d.uniformResourceIdentifier;
	else
		return;
	entry->names[entry->name_count++] = visible(arena,
	    span_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
}

static void
read_names(struct local_ca_entry *entry, struct arena *arena, const struct x509info *info)
{
	GENERAL_NAMES *san = X509_get_ext_d2i(entry->cert, NID_subject_alt_name, NULL, NULL);
	int others = san ? sk_GENERAL_NAME_num(san) : 0;

	entry->names = arena_array(arena, info->dns_count + info->ip_count + (size_t)others + 1,
	    sizeof(*entry->names));
	for (size_t i = 0; i < info->dns_count; i++)
		entry->names[entry->name_count++] = visible(arena, info->dns[i]);
	for (size_t i = 0; i < info->ip_count; i++)
		entry->names[entry->name_count++] = info->ip[i];
	for (int i = 0; i < others; i++)
		add_general(entry, arena, sk_GENERAL_NAME_value(san, i));
	GENERAL_NAMES_free(san);
	entry->name = entry->name_count ? entry->names[0] : visible(arena, info->subject);
}

/* Takes the certificate. */
static void
entry_read(struct local_ca_entry *entry, X509 *cert, X509_CRL *crl, int64_t now,
    struct arena *arena)
{
	int reason = CRL_REASON_UNSPECIFIED;
	struct x509info info;

	*entry = (struct local_ca_entry){ .cert = cert, .use = use_of(cert) };
	arena_on_free(arena, free_cert, cert);
	x509info_read(cert, arena, &info);
	read_names(entry, arena, &info);
	entry->serial = info.serial;
	entry->not_before = info.not_before;
	entry->not_after = info.not_after;
	if (crl_lookup(crl, X509_get0_serialNumber(cert), &entry->revoked_at, &reason))
		entry->state = LOCAL_CA_REVOKED;
	else if (entry->not_after < now)
		entry->state = LOCAL_CA_EXPIRED;
	entry->reason = crl_reason_word(reason);
}

/* ---- all of them ---- */

/* NULL when nothing was ever revoked. */
static int
crl_open(const struct local_ca *ca, X509_CRL **crl, struct err *e)
{
	struct buf pem;
	int rc = 0;

	*crl = NULL;
	if (!file_exists(ca->crl_path))
		return 0;
	buf_init(&pem, CRL_MAX);
	rc = file_read(ca->crl_path, &pem, e);
	if (rc == 0) {
		rc = crl_parse(buf_span(&pem), crl, e);
		/* Who may write a file there could have put anything on it, or taken it off. */
		if (rc == 0 && X509_CRL_verify(*crl, ca->key) != 1) {
			ERR_clear_error();
			X509_CRL_free(*crl);
			*crl = NULL;
			rc = err_set(e, ERR_DATA, "it is not signed by this CA");
		}
		if (rc < 0)
			err_wrap(e, "%s", ca->crl_path);
	}
	buf_release(&pem);
	return rc;
}

static int
is_certificate(const struct dirent *entry)
{
	struct span name = span_str(entry->d_name);

	return name.n > 4 && entry->d_name[0] != '.' && span_ends(name, SPAN(".crt"));
}

static int
by_age(const void *a, const void *b)
{
	const struct local_ca_entry *x = a, *y = b;

	if (x->not_before != y->not_before)
		return x->not_before < y->not_before ? -1 : 1;
	return strcmp(x->serial.p, y->serial.p);
}

static int
read_entry(const struct local_ca *ca, const char *file, X509_CRL *crl, int64_t now,
    struct arena *arena, struct local_ca_entry *entry, struct err *e)
{
	char *path = file_join(ca->issued_dir, file);
	STACK_OF(X509) *certs = NULL;
	int rc = x509info_load(path, &certs, e);

	if (rc == 0)
		entry_read(entry, sk_X509_shift(certs), crl, now, arena);
	sk_X509_pop_free(certs, X509_free);
	free(path);
	return rc;
}

int
local_ca_list(struct local_ca *ca, int64_t now, struct arena *arena,
    struct local_ca_entry **entries, size_t *count, struct err *e)
{
	struct dirent **files = NULL;
	X509_CRL *crl = NULL;
	int found, rc = crl_open(ca, &crl, e);

	*count = 0;
	if (rc < 0)
		return -1;
	found = scandir(ca->issued_dir, &files, is_certificate, NULL);
	if (found < 0 && errno != ENOENT)
		rc = err_set_errno(e, errno, "cannot read %s", ca->issued_dir);
	*entries = arena_array(arena, found > 0 ? (size_t)found : 1, sizeof(**entries));
	for (int i = 0; i < found; i++) {
		if (rc == 0)
			rc = read_entry(ca, files[i]->d_name, crl, now, arena, &(*entries)[*count],
			    e);
		*count += rc == 0;
		free(files[i]);
	}
	free(files);
	X509_CRL_free(crl);
	qsort(*entries, *count, sizeof(**entries), by_age);
	return rc;
}

/* ---- revoking ---- */

static int
sign_crl(struct local_ca *ca, const struct crl_request *request, struct err *e)
{
	X509_CRL *crl = NULL;
	struct buf pem;
	int rc = -1;

	buf_init(&pem, CRL_MAX);
	if (crl_make(request, &crl, e) == 0 && crl_format_pem(crl, &pem, e) == 0)
		rc = file_write_atomic(ca->crl_path, buf_span(&pem), 0644, e);
	X509_CRL_free(crl);
	buf_release(&pem);
	return rc;
}

int
local_ca_renew_crl(struct local_ca *ca, int64_t now, int64_t next, struct err *e)
{
	struct crl_request request = {
		.issuer = ca->cert, .issuer_key = ca->key, .now = now, .next = next
	};
	int lock = file_lock(ca->lock_path, true, e), rc;

	if (lock < 0)
		return -1;
	rc = crl_open(ca, &request.before, e);
	if (rc == 0)
		rc = sign_crl(ca, &request, e);
	X509_CRL_free(request.before);
	close(lock);
	return rc;
}

/* By file: any certificate that this CA signed, recorded or not. */
static int
find_file(const struct local_ca *ca, const char *path, X509_CRL *crl, int64_t now,
    struct arena *arena, struct local_ca_entry *entry, struct err *e)
{
	STACK_OF(X509) *certs = NULL;
	X509 *cert;

	if (x509info_load(path, &certs, e) < 0)
		return -1;
	cert = sk_X509_shift(certs);
	sk_X509_pop_free(certs, X509_free);
	entry_read(entry, cert, crl, now, arena);
	if (X509_check_issued(ca->cert, cert) == X509_V_OK && X509_verify(cert, ca->key) == 1)
		return 0;
	ERR_clear_error();
	return err_set(e, ERR_DATA, "%s was not issued by the CA in %s", path, ca->dir);
}

/* Name as name_parse would have it, or as it stands. */
static bool
has_name(const struct local_ca_entry *entry, struct span which, const struct name *name)
{
	for (size_t i = 0; i < entry->name_count; i++) {
		if (span_eq_nocase(entry->names[i], which) ||
		    (name->text && span_eq(entry->names[i], span_str(name->text))))
			return true;
	}
	return span_eq(entry->name, which);
}

static bool
is_serial(struct span serial, struct span which)
{
	while (which.n > 1 && which.p[0] == '0' && serial.n < which.n)
		which = span_after(which, 1);
	return span_eq_nocase(serial, which);
}

static int
find_recorded(const struct local_ca_entry *entries, size_t count, const char *which,
    struct local_ca_entry *entry, struct err *e)
{
	size_t found = 0;
	struct name name;

	(void)!name_parse(span_str(which), &name, NULL);
	for (size_t i = 0; i < count; i++) {
		if (is_serial(entries[i].serial, span_str(which))) {
			*entry = entries[i];
			found = 1;
			break;
		}
		if (entries[i].state == LOCAL_CA_VALID &&
		    has_name(&entries[i], span_str(which), &name)) {
			*entry = entries[i];
			found++;
		}
	}
	name_release(&name);
	if (found == 1)
		return 0;
	if (found == 0)
		err_set(e, ERR_NOINPUT, "no valid certificate for %s was issued", which);
	else
		err_set(e, ERR_USAGE, "%zu valid certificates are for %s", found, which);
	return err_hint(e, "give its file, or its serial number as --list shows it");
}

static int
find(struct local_ca *ca, const char *which, X509_CRL *crl, int64_t now, struct arena *arena,
    struct local_ca_entry *entry, struct err *e)
{
	struct local_ca_entry *entries;
	size_t count;

	if (file_exists(which))
		return find_file(ca, which, crl, now, arena, entry, e);
	if (local_ca_list(ca, now, arena, &entries, &count, e) < 0)
		return -1;
	return find_recorded(entries, count, which, entry, e);
}

int
local_ca_revoke(struct local_ca *ca, const char *which, int reason, int64_t now, int64_t next,
    struct arena *arena, struct local_ca_entry *entry, struct err *e)
{
	struct crl_request request = { .issuer = ca->cert,
		.issuer_key = ca->key,
		.reason = reason,
		.now = now,
		.next = next };
	int lock = file_lock(ca->lock_path, true, e), rc;

	if (lock < 0)
		return -1;
	rc = crl_open(ca, &request.before, e);
	if (rc == 0)
		rc = find(ca, which, request.before, now, arena, entry, e);
	if (rc == 0 && entry->state == LOCAL_CA_REVOKED)
		rc = err_set(e, ERR_DATA, SPAN_FMT " is revoked already", SPAN_ARG(entry->serial));
	if (rc == 0) {
		request.serial = X509_get0_serialNumber(entry->cert);
		rc = sign_crl(ca, &request, e);
	}
	if (rc == 0) {
		entry->state = LOCAL_CA_REVOKED;
		entry->revoked_at = now;
		entry->reason = crl_reason_word(reason);
	}
	X509_CRL_free(request.before);
	close(lock);
	return rc;
}

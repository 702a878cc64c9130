/* SPDX-License-Identifier: ISC */
/*
 * import_apply: accounts first, then lineages: published like a new certificate, with all of its checks, and a renewal configuration
 * that names account and CA. Nothing is ordered, nothing registered, nothing of the other client's is touched.
 */
#include "base/file.h"
#include "base/mem.h"
#include "libacme/account.h"
#include "libacme/import.h"
#include "libacme/issued.h"
#include "libacme/solver.h"
#include "libcert/x509info.h"

#include <openssl/ec.h>
#include <openssl/objects.h>

#include <sys/stat.h>
#include <unistd.h>

#define PART_MAX ((size_t)256 * 1024)

struct applying {
	const struct import_options *options;
	struct import *in;
	struct acme_http *http;
	struct certstore *store;
};

static const char *
keep(struct applying *a, struct err *why)
{
	const char *text = arena_strdup(a->in->arena, span_str(err_text(why)));

	err_reset(why);
	return text;
}

/* ---- accounts -------------------------------------------------------------------------------- */

/* The CA knows which account a key has. */
static int
ask_url(struct applying *a, struct import_account *account, char **url, struct err *e)
{
	struct acme *ca = acme_new(a->http, account->server, a->options->ca_file);
	int rc = -1;

	if (acme_open_wait(ca, e) == 0)
		rc = account_find_url(ca, account->key, url, e);
	acme_free(ca);
	return rc;
}

static int
take_account(struct applying *a, struct import_account *from, struct err *e)
{
	struct account account = { .url = NULL };
	struct account known;
	int rc = -1;

	if (!from->server)
		from->server = acme_server_url(ACME_SERVER_DEFAULT, e);
	EVP_PKEY_up_ref(from->key);
	account.key = from->key;
	if (account_key_id(from->key, account.id, e) < 0)
		goto out;
	from->id = arena_strdup(a->in->arena, span_str(account.id));
	if (account_load(a->store, from->server, account.id, &known, NULL) == 0) {
		rc = known.url ? 0 : -1;
		account_release(&known);
		if (rc == 0)
			goto out;
	}
	if (from->url)
		account.url = mem_strdup(from->url);
	else if (ask_url(a, from, &account.url, e) < 0)
		goto out;
	if (account_save_key(a->store, from->server, &account, e) == 0)
		rc = account_save_url(a->store, from->server, &account, e);
out:
	account_release(&account);
	return rc;
}

static void
take_accounts(struct applying *a)
{
	struct err why = ERR_INIT;

	for (size_t i = 0; i < a->in->account_count; i++) {
		struct import_account *account = &a->in->accounts[i];

		if (account->key && !account->problem && take_account(a, account, &why) < 0)
			account->problem = keep(a, &why);
	}
	err_release(&why);
}

/* ---- lineages -------------------------------------------------------------------------------- */

static void
describe_key(X509 *leaf, struct pkey_spec *spec)
{
	static const char *const curves[] = { "P-256", "P-384", "P-521" };
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	char group[64] = "";

	*spec = (struct pkey_spec){ .kind = PKEY_EC, .curve = "P-256" };
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
		spec->kind = PKEY_RSA;
		spec->bits = (unsigned)EVP_PKEY_get_bits(key);
		return;
	}
	EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (OBJ_sn2nid(group) == EC_curve_nist2nid(curves[i]))
			spec->curve = curves[i];
	}
}

/* What the other client did not say. */
static int
complete_how(struct applying *a, struct import_lineage *lineage, struct err *e)
{
	struct import_account *account = lineage->account;
	struct renewal *how = &lineage->how;

	if (!account && a->in->account_count == 1 &&
	    (!how->server ||
		(a->in->accounts[0].server && strcmp(how->server, a->in->accounts[0].server) == 0)))
		account = &a->in->accounts[0];
	if (!account) {
		err_set(e, ERR_CONFIG, "which account it renews with cannot be told");
		return err_hint(e, "issue it once with acme-issue --account ID");
	}
	if (account->problem)
		return err_set(e, ERR_CONFIG, "its account cannot be used: %s", account->problem);
	how->server = account->server;
	how->account = account->id;
	if (a->options->ca_file && !how->ca_file)
		how->ca_file = a->options->ca_file;
	if (how->solver == RENEWAL_WEBROOT && !how->root_count && !how->webroot)
		how->webroot = a->options->webroot;
	if (how->solver == RENEWAL_WEBROOT && !how->root_count && !how->webroot) {
		err_set(e, ERR_CONFIG, "%s does not say how its names are proved", a->in->from);
		return err_hint(e, "give the web root with -w DIR");
	}
	return 0;
}

struct parts {
	struct buf cert, key;
	STACK_OF(X509) *certs;
	const struct span *names;
	size_t name_count;
};

static int
load_parts(struct applying *a, const struct import_lineage *lineage, struct parts *p, struct err *e)
{
	struct x509info info;
	struct span *names;
	EVP_PKEY *key = NULL;

	if (file_read(lineage->cert_path, &p->cert, e) < 0 ||
	    file_read(lineage->key_path, &p->key, e) < 0)
		return -1;
	if (x509info_parse_pem(buf_span(&p->cert), &p->certs, e) < 0)
		return err_wrap(e, "%s", lineage->cert_path);
	/* In the store keys are plain PEM. */
	if (pkey_parse_pem(buf_span(&p->key), NULL, &key, e) < 0)
		return err_wrap(e, "%s", lineage->key_path);
	buf_reset(&p->key);
	if (pkey_format_pem(key, &p->key, e) < 0) {
		EVP_PKEY_free(key);
		return -1;
	}
	EVP_PKEY_free(key);
	x509info_read(sk_X509_value(p->certs, 0), a->in->arena, &info);
	names = arena_array(a->in->arena, info.dns_count + info.ip_count + 1, sizeof(*names));
	for (size_t i = 0; i < info.dns_count; i++)
		names[p->name_count++] = info.dns[i];
	for (size_t i = 0; i < info.ip_count; i++)
		names[p->name_count++] = info.ip[i];
	p->names = names;
	return 0;
}

static int
publish(struct applying *a, struct import_lineage *lineage, const struct parts *p, struct err *e)
{
	struct certstore_version version = { .fullchain = buf_span(&p->cert),
		.privkey = buf_span(&p->key) };
	int lock, rc = -1;

	if (!lineage->how.key.bits && !lineage->how.key.curve)
		describe_key(sk_X509_value(p->certs, 0), &lineage->how.key);
	if (solver_check(&lineage->how, p->names, p->name_count, e) < 0)
		return -1;
	lock = certstore_lock(a->store, lineage->name, true, e);
	if (lock < 0)
		return -1;
	if (renewal_save(a->store, lineage->name, &lineage->how, e) == 0)
		rc = certstore_publish(a->store, lineage->name, &version, p->names, p->name_count,
			 e) < 0
			 ? -1
			 : 0;
	if (rc < 0) {
		char *conf =
		    mem_printf("%s/renewal/%s.conf", certstore_dir(a->store), lineage->name);

		unlink(conf); /* ours, of this very moment */
		free(conf);
	}
	close(lock);
	return rc;
}

static int
take_lineage(struct applying *a, struct import_lineage *lineage, struct err *e)
{
	struct parts p = { .name_count = 0 };
	int rc = -1;

	if (!certstore_name_ok(span_str(lineage->name)))
		return err_set(e, ERR_DATA, "its name cannot be that of a lineage");
	buf_init(&p.cert, PART_MAX);
	buf_init_secret(&p.key, PART_MAX);
	if (complete_how(a, lineage, e) == 0 && load_parts(a, lineage, &p, e) == 0)
		rc = publish(a, lineage, &p, e);
	sk_X509_pop_free(p.certs, X509_free);
	buf_release(&p.key);
	buf_release(&p.cert);
	return rc;
}

static bool
is_there(const struct certstore *store, const char *name)
{
	char *live = mem_printf("%s/live/%s", certstore_dir(store), name);
	char *conf = mem_printf("%s/renewal/%s.conf", certstore_dir(store), name);
	bool there = file_exists(live) || file_exists(conf);

	free(conf);
	free(live);
	return there;
}

static int
check_dirs(const struct import_options *options, const struct certstore *store, struct err *e)
{
	struct stat from, to;

	if (stat(options->dir, &from) < 0 || stat(certstore_dir(store), &to) < 0)
		return 0;
	if (from.st_dev != to.st_dev || from.st_ino != to.st_ino)
		return 0;
	err_set(e, ERR_USAGE, "%s is the store itself", options->dir);
	return err_hint(e, "what certbot made there is used as it is: run acme-renew");
}

int
import_apply(const struct import_options *options, struct import *in, struct acme_http *http,
    struct certstore *store, struct err *e)
{
	struct applying a = { .options = options, .in = in, .http = http, .store = store };
	struct err why = ERR_INIT;

	if (check_dirs(options, store, e) < 0)
		return -1;
	take_accounts(&a);
	for (size_t i = 0; i < in->lineage_count; i++) {
		struct import_lineage *lineage = &in->lineages[i];

		if (is_there(store, lineage->name)) {
			lineage->outcome = IMPORT_THERE;
		} else if (!lineage->problem) {
			if (take_lineage(&a, lineage, &why) == 0)
				lineage->outcome = IMPORT_TAKEN;
			else
				lineage->problem = keep(&a, &why);
		}
	}
	err_release(&why);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * import_clients: uacme, lego and certbot, whose directories say little beside the files themselves.
 *
 *	uacme	DIR/private/key.pem  DIR/NAME/cert.pem (with chain)  DIR/private/NAME/key.pem
 *	lego	DIR/accounts/HOST_PORT/EMAIL/{account.json,keys/EMAIL.key}  DIR/certificates/NAME.{crt,key} (* as _)
 *	certbot	as our store
 */
#include "base/file.h"
#include "base/mem.h"
#include "libacme/account_store.h"
#include "libacme/acme.h"
#include "libacme/acme_json.h"
#include "libacme/import_internal.h"

#include <stdlib.h>

/* ---- uacme ----------------------------------------------------------------------------------- */

int
import_read_uacme(const struct import_options *options, struct import *in, struct err *e)
{
	struct import_account *account = import_add_account(in);
	const char **names;
	size_t count;

	import_load_key(in, account, import_path(in, "%s/private/key.pem", options->dir));
	account->server = options->server;
	count = import_list(in, options->dir, &names);
	for (size_t i = 0; i < count; i++) {
		const char *cert = import_path(in, "%s/%s/cert.pem", options->dir, names[i]);
		struct import_lineage *lineage;

		if (!file_exists(cert))
			continue;
		lineage = import_add_lineage(in, names[i]);
		lineage->cert_path = cert;
		lineage->key_path =
		    import_path(in, "%s/private/%s/key.pem", options->dir, names[i]);
	}
	return 0;
}

/* ---- lego ------------------------------------------------------------------------------------ */

/* lego keeps the account's URL, and of the CA's only host and port, as a directory's name. */
static void
read_lego_account(const struct import_options *options, struct import *in, const char *host,
    const char *email)
{
	const char *dir = import_path(in, "%s/accounts/%s/%s", options->dir, host, email);
	const char *text = import_text(in, import_path(in, "%s/account.json", dir));
	struct import_account *account;
	const cJSON *registration;
	const char *url = NULL;
	cJSON *doc = NULL;

	if (!text || acme_json_parse(span_str(text), "account.json", &doc, NULL) < 0)
		return;
	registration = acme_json_object(doc, "registration");
	if (registration)
		url = acme_json_url(registration, "uri");
	account = import_add_account(in);
	account->url = url ? arena_strdup(in->arena, span_str(url)) : NULL;
	account->server = options->server;
	if (!account->server && strcmp(host, "acme-staging-v02.api.letsencrypt.org") == 0)
		account->server = acme_server_url(ACME_SERVER_STAGING, NULL);
	else if (!account->server && strcmp(host, "acme-v02.api.letsencrypt.org") != 0)
		account->problem = import_path(in,
		    "lego does not say the address of the CA at %s: give it with --server", host);
	if (!account->problem)
		import_load_key(in, account, import_path(in, "%s/keys/%s.key", dir, email));
	cJSON_Delete(doc);
}

static void
read_lego_lineage(const struct import_options *options, struct import *in, const char *file)
{
	struct span name = span_str(file);
	struct import_lineage *lineage;
	const char *stem;

	if (!span_ends(name, SPAN(".crt")) || span_ends(name, SPAN(".issuer.crt")))
		return;
	stem = arena_strdup(in->arena, span_of(name.p, name.n - 4));
	/* A wildcard is "_.example.com"; our store names it as certbot does. */
	lineage = import_add_lineage(in, strncmp(stem, "_.", 2) == 0 ? stem + 2 : stem);
	lineage->cert_path = import_path(in, "%s/certificates/%s", options->dir, file);
	lineage->key_path = import_path(in, "%s/certificates/%s.key", options->dir, stem);
}

int
import_read_lego(const struct import_options *options, struct import *in, struct err *e)
{
	const char *accounts = import_path(in, "%s/accounts", options->dir);
	const char **hosts, **emails, **files;
	size_t host_count = import_list(in, accounts, &hosts), count;

	for (size_t i = 0; i < host_count; i++) {
		count = import_list(in, import_path(in, "%s/%s", accounts, hosts[i]), &emails);
		for (size_t j = 0; j < count; j++)
			read_lego_account(options, in, hosts[i], emails[j]);
	}
	count = import_list(in, import_path(in, "%s/certificates", options->dir), &files);
	for (size_t i = 0; i < count; i++)
		read_lego_lineage(options, in, files[i]);
	return 0;
}

/* ---- certbot --------------------------------------------------------------------------------- */

static int
read_certbot_accounts(struct certstore *store, struct import *in, struct err *e)
{
	struct account_entry *entries;
	size_t count;

	if (account_list(store, in->arena, &entries, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct import_account *account = import_add_account(in);
		const struct account_entry *entry = &entries[i];

		account->server = entry->server;
		account->url = entry->url;
		import_load_key(in, account,
		    import_path(in, "%s/accounts/%s/%s/private_key.json", certstore_dir(store),
			entry->server + strlen("https://"), entry->id));
	}
	return 0;
}

/* The account that a lineage names; NULL: any of its CA. */
static struct import_account *
find_account(struct import *in, const struct renewal *how)
{
	char id[ACCOUNT_ID_LEN + 1];

	for (size_t i = 0; how->account && i < in->account_count; i++) {
		struct import_account *account = &in->accounts[i];

		if (account->key && account_key_id(account->key, id, NULL) == 0 &&
		    strcmp(id, how->account) == 0 && strcmp(account->server, how->server) == 0)
			return account;
	}
	return NULL;
}

int
import_read_certbot(const struct import_options *options, struct import *in, struct err *e)
{
	struct certstore *store = NULL;
	struct span *names;
	size_t count = 0;
	int rc = -1;

	if (certstore_open(options->dir, &store, e) < 0)
		return -1;
	if (read_certbot_accounts(store, in, e) < 0 ||
	    certstore_list(store, in->arena, &names, &count, e) < 0)
		goto out;
	for (size_t i = 0; i < count; i++) {
		struct import_lineage *lineage = import_add_lineage(in, names[i].p);
		char *cert = certstore_path(store, names[i].p, CERTSTORE_FULLCHAIN);
		char *key = certstore_path(store, names[i].p, CERTSTORE_PRIVKEY);
		struct err why = ERR_INIT;

		lineage->cert_path = arena_strdup(in->arena, span_str(cert));
		lineage->key_path = arena_strdup(in->arena, span_str(key));
		if (renewal_load(store, names[i].p, in->arena, &lineage->how, &why) < 0)
			lineage->problem = arena_strdup(in->arena, span_str(err_text(&why)));
		else
			lineage->account = find_account(in, &lineage->how);
		err_release(&why);
		free(key);
		free(cert);
	}
	rc = 0;
out:
	certstore_close(store);
	return rc;
}

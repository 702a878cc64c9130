/* SPDX-License-Identifier: ISC */
/*
 * acme-revoke: have the CA take a certificate back.
 */
#include "base/arena.h"
#include "base/mem.h"
#include "libacme/account.h"
#include "libacme/invocation.h"
#include "libacme/issued.h"
#include "libacme/renewal.h"
#include "libacme/revocation.h"
#include "libcert/x509info.h"

#include <stdio.h>
#include <unistd.h>

struct args {
	struct invocation call;
	const char *cert_name, *cert_path, *key_file, *account, *server, *ca_file;
	enum revocation_reason reason;
};

/* ---- options --------------------------------------------------------------------------------- */

static int
set_reason(void *ctx, const char *value, struct err *e)
{
	return revocation_reason_parse(value, &((struct args *)ctx)->reason, e);
}

static const struct cli_option options[] = {
	{ "cert-name", 0, "NAME", "the live certificate of this lineage", 0,
	    CLI_TEXT(struct args, cert_name) },
	{ "cert-path", 0, "FILE", "the (first) certificate in this file", 0,
	    CLI_TEXT(struct args, cert_path) },
	{ "reason", 0, "REASON",
	    "unspecified (default), keyCompromise, superseded, affiliationChanged, "
	    "cessationOfOperation",
	    0, .set = set_reason },
	{ "key", 0, "FILE", "sign by the certificate's own key, not by the account", 0,
	    CLI_TEXT(struct args, key_file) },
	{ "key-path", 0, "FILE", "the same", CLI_HIDDEN, CLI_TEXT(struct args, key_file) },
	{ "server", 0, "URL|NAME", "the CA (default: the lineage's, or letsencrypt)", 0,
	    CLI_TEXT(struct args, server) },
	{ "staging", 0, NULL, "Let's Encrypt's staging CA", 0,
	    CLI_FIXED(struct args, server, ACME_SERVER_STAGING) },
	{ "test-cert", 0, NULL, "the same", CLI_HIDDEN,
	    CLI_FIXED(struct args, server, ACME_SERVER_STAGING) },
	{ "account", 0, "ID", "sign by this account (default: the lineage's)", 0,
	    CLI_TEXT(struct args, account) },
	{ "ca-file", 0, "FILE", "roots to trust for the CA's own TLS certificate", 0,
	    CLI_TEXT(struct args, ca_file) },
	{ .then = invocation_options },
};

/* certbot's subcommand. */
static int
operand(void *ctx, const char *word, struct err *e)
{
	if (strcmp(word, "revoke") == 0)
		return 0;
	err_set(e, ERR_USAGE, "\"%s\" is no option", word);
	return err_hint(e, "a lineage is named with --cert-name");
}

static void
offer(void *ctx, const char *option, struct buf *out)
{
	if (option && strcmp(option, "reason") == 0)
		revocation_reason_offer(out);
	invocation_offer(ctx, option, out);
}

static const struct cli_program program = {
	.name = "acme-revoke",
	.usage = "--cert-name NAME|--cert-path FILE [options]",
	.summary = "Have the CA revoke a certificate.",
	.examples = "acme-revoke --cert-name example.com --reason keyCompromise\n"
		    "    the live one of this lineage; acme-renew replaces it, with a new key\n"
		    "acme-revoke --cert-path lost.pem --key lost.key --reason keyCompromise\n"
		    "    one that another account ordered, proved by its key\n",
	.details =
	    "The next acme-renew replaces what was revoked; after cessationOfOperation it renews\n"
	    "the lineage no more. Exit codes: 0 revoked, or it was already, 1 the CA refuses, 64\n"
	    "usage, 65 bad certificate or key, 66 nothing there, 69 CA unavailable, 75 try later.\n",
	.options = options,
	.operand = operand,
	.candidates = offer,
};

/* ---- running --------------------------------------------------------------------------------- */

struct run {
	const struct args *args;
	struct certstore *store;
	struct arena *arena;
	struct acme *ca;
	X509 *leaf;
	const char *name; /* of its lineage, or NULL */
	struct renewal how;
	bool managed; /* there is a renewal configuration that can be read */
	int lock;
};

/* The lineage whose live certificate this is, if it is one. */
static const char *
find_lineage(struct run *r)
{
	struct span *names;
	size_t count = 0;

	if (certstore_list(r->store, r->arena, &names, &count, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct issued live;
		bool found = issued_load(r->store, names[i].p, r->arena, &live, NULL) == 0 &&
			     X509_cmp(live.leaf, r->leaf) == 0;

		issued_release(&live);
		if (found)
			return names[i].p;
	}
	return NULL;
}

static int
load_file(struct run *r, struct err *e)
{
	STACK_OF(X509) *certs = NULL;

	if (x509info_load(r->args->cert_path, &certs, e) < 0)
		return -1;
	r->leaf = sk_X509_shift(certs);
	sk_X509_pop_free(certs, X509_free);
	r->name = find_lineage(r);
	return 0;
}

static int
load_lineage(struct run *r, struct err *e)
{
	struct issued live;

	r->name = r->args->cert_name;
	if (issued_load(r->store, r->name, r->arena, &live, e) < 0)
		return err_wrap(e, "cannot revoke %s", r->name);
	r->leaf = live.leaf;
	return 0;
}

static int
find_certificate(struct run *r, struct err *e)
{
	const struct args *args = r->args;

	if (!args->cert_name == !args->cert_path) {
		err_set(e, ERR_USAGE, "which certificate?");
		return err_hint(e, "give either --cert-name NAME or --cert-path FILE");
	}
	if (args->cert_name && !certstore_name_ok(span_str(args->cert_name)))
		return err_set(e, ERR_USAGE, "\"%s\" cannot name a certificate", args->cert_name);
	if ((args->cert_name ? load_lineage(r, e) : load_file(r, e)) < 0)
		return -1;
	if (!r->name) {
		invocation_tell(&args->call, "%s is live in no lineage of %s", args->cert_path,
		    certstore_dir(r->store));
		return 0;
	}
	invocation_tell(&args->call, "it is live in lineage %s of %s", r->name,
	    certstore_dir(r->store));
	/* No renewal may put another certificate in its place meanwhile. */
	r->lock = certstore_lock(r->store, r->name, true, e);
	r->managed = renewal_load(r->store, r->name, r->arena, &r->how, NULL) == 0;
	return r->lock < 0 ? -1 : 0;
}

static int
sign_by_key(struct run *r, struct err *e)
{
	EVP_PKEY *key = NULL;
	int rc = -1;

	if (account_key_load(r->args->key_file, &key, e) < 0)
		return -1;
	if (x509info_key_matches(r->leaf, key)) {
		acme_set_account(r->ca, key, NULL);
		invocation_tell(&r->args->call, "signing by the certificate's key %s",
		    r->args->key_file);
		rc = 0;
	} else {
		err_set(e, ERR_DATA, "%s is not the key of this certificate", r->args->key_file);
	}
	EVP_PKEY_free(key);
	return rc;
}

static int
sign_by_account(struct run *r, struct err *e)
{
	const char *id = r->args->account ? r->args->account : r->how.account;
	struct account account = { .url = NULL };
	int rc = account_use_known(r->store, r->ca, id, &account, e);

	if (rc == 0)
		invocation_tell(&r->args->call, "signing by the account %s", account.id);
	account_release(&account);
	if (rc < 0)
		err_hint(e, "the certificate's own key can revoke it, too: --key FILE");
	return rc;
}

static int
open_ca(struct run *r, struct err *e)
{
	const struct args *args = r->args;
	const char *server = args->server    ? args->server
			     : r->how.server ? r->how.server
					     : ACME_SERVER_DEFAULT;
	const char *ca_file = args->ca_file ? args->ca_file : r->how.ca_file;
	const char *url = acme_server_url(server, e);

	if (!url)
		return -1;
	r->ca = acme_new(args->call.http, url, ca_file);
	return acme_open_wait(r->ca, e);
}

/* What is revoked is to be replaced, or never again. */
static int
remember(struct run *r, struct err *e)
{
	const struct invocation *call = &r->args->call;

	if (!r->name)
		return 0;
	if (r->args->reason != REVOCATION_CESSATION) {
		invocation_tell(call, "noting it below %s/gatehouse/revoked for acme-renew",
		    certstore_dir(r->store));
		return revocation_note_save(r->store, r->name, r->leaf, r->args->reason, e);
	}
	if (!r->managed || r->how.off)
		return 0;
	r->how.off = true;
	invocation_tell(call, "switching renewal off in %s/renewal/%s.conf",
	    certstore_dir(r->store), r->name);
	return renewal_save(r->store, r->name, &r->how, e);
}

static void
tell(const struct run *r, bool already)
{
	struct x509info info;
	const char *word = already ? "was revoked already" : "revoked";

	x509info_read(r->leaf, r->arena, &info);
	if (r->args->call.json) {
		printf("{\"schema\":1,\"outcome\":\"%s\",\"serial\":\"%.*s\",\"reason\":\"%s\"}\n",
		    already ? "already revoked" : "revoked", SPAN_ARG(info.serial),
		    revocation_reason_name(r->args->reason));
		return;
	}
	if (r->args->call.quiet)
		return;
	printf("%s: %s (serial %.*s)\n", r->name ? r->name : r->args->cert_path, word,
	    SPAN_ARG(info.serial));
	if (r->name && r->args->reason == REVOCATION_CESSATION)
		puts("    it is renewed no more");
	else if (r->managed && !r->how.off)
		puts("    the next acme-renew replaces it");
}

static int
run_revoke(struct run *r, struct err *e)
{
	bool already;

	if (find_certificate(r, e) < 0 || open_ca(r, e) < 0)
		return -1;
	if ((r->args->key_file ? sign_by_key(r, e) : sign_by_account(r, e)) < 0)
		return -1;
	if (revocation_send(r->ca, r->leaf, r->args->reason, &already, e) < 0)
		return -1;
	if (remember(r, e) < 0)
		return err_wrap(e, "it is revoked, but that could not be noted");
	tell(r, already);
	return 0;
}

static int
work(void *ctx, struct err *e)
{
	struct args *args = ctx;
	struct run r = { .args = args, .lock = -1 };
	int rc = -1;

	r.arena = arena_new(0);
	if (invocation_open(&args->call, e) == 0) {
		r.store = args->call.store;
		rc = run_revoke(&r, e);
	}
	X509_free(r.leaf);
	acme_free(r.ca);
	if (r.lock >= 0)
		close(r.lock);
	arena_free(r.arena);
	invocation_close(&args->call);
	return rc;
}

int
main(int argc, char **argv)
{
	struct args args = { .call = INVOCATION_INIT };

	return cli_main(&program, argc, argv, &args, work);
}

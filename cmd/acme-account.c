/* SPDX-License-Identifier: ISC */
/*
 * acme-account: the accounts at ACME CAs: registered, shown, changed, given another key, ended.
 */
#include "base/arena.h"
#include "base/mem.h"
#include "libacme/account_report.h"
#include "libacme/challenge_http.h"
#include "libacme/invocation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum command { NO_COMMAND, REGISTER, SHOW, UPDATE, ROLLOVER, DEACTIVATE, LIST, IMPORT };

/* Options that not every command takes, as bits. */
enum {
	TAKES_SERVER = 1 << 0,
	TAKES_ACCOUNT = 1 << 1,
	TAKES_CONTACT = 1 << 2,
	TAKES_BINDING = 1 << 3,
	TAKES_KEY = 1 << 4,
	TAKES_YES = 1 << 5,
	TAKES_SOURCE = 1 << 6,
};

struct args {
	struct invocation call;
	enum command command;
	unsigned given;                     /* TAKES_... */
	const struct cli_option *option[7]; /* one of each group given */
	const char *server, *account, *email, *ca_file;
	const char *source, *from, *webroot;
	const char *eab_kid, *eab_key, *key_file, *key_type;
	bool agree_tos, yes;
};

/* ---- options --------------------------------------------------------------------------------- */

static const struct cli_option options[] = {
	{ "server", 0, "URL|NAME", "the CA (default: the only one of the store, or letsencrypt)", 0,
	    CLI_TEXT(struct args, server), .group = TAKES_SERVER },
	{ "account", 0, "ID", "the account, if there are several", 0,
	    CLI_TEXT(struct args, account), .group = TAKES_ACCOUNT },
	{ "email", 'm', "ADDRESS[,ADDRESS]", "register, update: the contacts", 0,
	    CLI_TEXT(struct args, email), .group = TAKES_CONTACT },
	{ "no-email", 0, NULL, "register, update: no contact", 0, CLI_FIXED(struct args, email, ""),
	    .group = TAKES_CONTACT },
	{ "register-unsafely-without-email", 0, NULL, "the same", CLI_HIDDEN,
	    CLI_FIXED(struct args, email, ""), .group = TAKES_CONTACT },
	{ "agree-tos", 0, NULL, "register: agree to the CA's terms", 0,
	    CLI_SWITCH(struct args, agree_tos) },
	{ "eab-kid", 0, "KID", "register: key id that the CA's web site gave out", 0,
	    CLI_TEXT(struct args, eab_kid), .group = TAKES_BINDING },
	{ "eab-hmac-key", 0, "FILE|-|env:NAME", "register: where the HMAC key for it is", 0,
	    CLI_TEXT(struct args, eab_key), .group = TAKES_BINDING },
	{ "key", 0, "FILE", "register, rollover: use this key, not a new one", 0,
	    CLI_TEXT(struct args, key_file), .group = TAKES_KEY },
	{ "key-type", 0, "TYPE", "register, rollover: ec (default), ec:P-384, rsa:BITS, ed25519", 0,
	    CLI_TEXT(struct args, key_type), .group = TAKES_KEY },
	{ "yes", 'y', NULL, "deactivate: do not ask", 0, CLI_SWITCH(struct args, yes),
	    .group = TAKES_YES },
	{ "from", 0, "certbot|dehydrated|acme.sh|uacme|lego",
	    "import: what made DIR (default: by what is there)", 0, CLI_TEXT(struct args, from),
	    .group = TAKES_SOURCE },
	{ "webroot-path", 'w', "DIR", "import: the web root, where the client does not say", 0,
	    CLI_TEXT(struct args, webroot), .group = TAKES_SOURCE },
	{ "ca-file", 0, "FILE", "roots to trust for the CA's own TLS certificate", 0,
	    CLI_TEXT(struct args, ca_file), .group = TAKES_SERVER },
	{ .then = invocation_options },
};

static const struct command_row {
	const char *name, *certbot;
	enum command command;
	unsigned takes;
} commands[] = {
	{ "register", NULL, REGISTER, TAKES_SERVER | TAKES_CONTACT | TAKES_BINDING | TAKES_KEY },
	{ "show", "show_account", SHOW, TAKES_SERVER | TAKES_ACCOUNT },
	{ "update", "update_account", UPDATE, TAKES_SERVER | TAKES_ACCOUNT | TAKES_CONTACT },
	{ "rollover", NULL, ROLLOVER, TAKES_SERVER | TAKES_ACCOUNT | TAKES_KEY },
	{ "deactivate", "unregister", DEACTIVATE, TAKES_SERVER | TAKES_ACCOUNT | TAKES_YES },
	{ "list", NULL, LIST, 0 },
	{ "import", NULL, IMPORT, TAKES_SERVER | TAKES_SOURCE },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void
note(void *ctx, const struct cli_option *option)
{
	struct args *args = ctx;

	args->given |= option->group;
	args->option[__builtin_ctz(option->group)] = option;
}

static int
operand(void *ctx, const char *word, struct err *e)
{
	struct args *args = ctx;

	if (args->command == IMPORT && !args->source) {
		args->source = word;
		return 0;
	}
	if (args->command != NO_COMMAND)
		return err_set(e, ERR_USAGE, "\"%s\" is one word too many", word);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(word, commands[i].name) == 0 ||
		    (commands[i].certbot && strcmp(word, commands[i].certbot) == 0)) {
			args->command = commands[i].command;
			return 0;
		}
	}
	err_set(e, ERR_USAGE, "there is no command \"%s\"", word);
	return err_hint(e, "register, show, update, rollover, deactivate, list, import");
}

static void
offer(void *ctx, const char *option, struct buf *out)
{
	const struct args *args = ctx;

	if (!option && args->command == IMPORT && !args->source)
		buf_add_str(out, ":dirs\n");
	for (size_t i = 0; !option && args->command == NO_COMMAND && i < COMMAND_COUNT; i++)
		buf_printf(out, "%s\n", commands[i].name);
	invocation_offer(ctx, option, out);
}

static const struct cli_program program = {
	.name = "acme-account",
	.usage = "register|show|update|rollover|deactivate|list|import [options]",
	.summary = "Manage the accounts at ACME CAs.",
	.examples =
	    "acme-account register --agree-tos -m you@example.com\n"
	    "    an account at Let's Encrypt; acme-issue makes one by itself if there is none\n"
	    "acme-account register --server zerossl --agree-tos --eab-kid KID --eab-hmac-key FILE\n"
	    "    one that is bound to an account of the CA's web site\n"
	    "acme-account rollover\n"
	    "    a new key for the account; the lineages that use it are told\n"
	    "acme-account import /var/lib/dehydrated -w /var/www/html\n"
	    "    accounts and certificates of another client, as they are\n",
	.details =
	    "Accounts are kept as certbot keeps them, below DIR/accounts. The HMAC key can also\n"
	    "be in the variable " EAB_KEY_VARIABLE ", its id in " EAB_KID_VARIABLE ".\n"
	    "Exit codes: 0 done, 64 usage, 65 refused by the CA, 66 no such account, 69 CA\n"
	    "unavailable, 75 try later, 77 permission, 78 configuration.\n",
	.options = options,
	.operand = operand,
	.note = note,
	.candidates = offer,
};

/* ---- running --------------------------------------------------------------------------------- */

struct run {
	const struct args *args;
	struct certstore *store;
	struct arena *arena;
	struct acme *ca;
	struct account account;
	EVP_PKEY *key; /* of --key, or NULL */
	struct pkey_spec spec;
	struct eab eab;
	cJSON *doc;
	const char *word;
};

static bool
agree(void *arg, const char *terms)
{
	const struct args *args = arg;

	return args->agree_tos || invocation_agree(&args->call, terms);
}

static int
do_register(struct run *r, struct err *e)
{
	struct account_new fresh = {
		.email = r->args->email && *r->args->email ? r->args->email : NULL,
		.key = r->key,
		.spec = &r->spec,
		.eab = &r->eab,
		.agree = agree,
		.arg = (void *)(uintptr_t)r->args,
	};
	struct account known;
	struct err why = ERR_INIT;

	r->word = "registered";
	if (!r->key && account_load(r->store, acme_server(r->ca), NULL, &known, &why) == 0) {
		r->word = known.url ? "is there already" : r->word;
		account_release(&known);
	}
	err_release(&why);
	if (account_use(r->store, r->ca, NULL, &fresh, &r->account, e) < 0)
		return -1;
	return account_query(r->ca, &r->doc, e);
}

static int
do_show(struct run *r, struct err *e)
{
	r->word = "known to the CA";
	return account_query(r->ca, &r->doc, e);
}

static int
do_update(struct run *r, struct err *e)
{
	r->word = "updated";
	if (!r->args->email) {
		err_set(e, ERR_USAGE, "nothing to update is given");
		return err_hint(e, "--email ADDRESS, or --no-email");
	}
	return account_update(r->ca, r->args->email, &r->doc, e);
}

static int
do_rollover(struct run *r, struct err *e)
{
	r->word = "has a new key";
	return account_rollover(r->store, r->ca, &r->account, r->key, &r->spec, e);
}

static int
do_deactivate(struct run *r, struct err *e)
{
	struct account_entry *entries;
	size_t count;

	if (account_list(r->store, r->arena, &entries, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(entries[i].id, r->account.id) == 0 && entries[i].lineage_count)
			fprintf(stderr, "%s: %zu lineages renew with this account, such as %s\n",
			    program.name, entries[i].lineage_count, entries[i].lineages[0]);
	}
	if (!r->args->yes && !invocation_confirm(&r->args->call,
				 "A deactivated account never comes back. Deactivate it?")) {
		err_set(e, ERR_USAGE, "the account was not deactivated");
		return err_hint(e, "it cannot be undone: give --yes");
	}
	r->word = "deactivated";
	return account_deactivate(r->store, r->ca, &r->account, e);
}

static int (*const actions[])(struct run *r, struct err *e) = {
	[REGISTER] = do_register,
	[SHOW] = do_show,
	[UPDATE] = do_update,
	[ROLLOVER] = do_rollover,
	[DEACTIVATE] = do_deactivate,
};

/* What is given; or the only CA that the store has an account of. */
static const char *
choose_server(struct run *r, struct err *e)
{
	struct account_entry *entries;
	const char *only = NULL;
	size_t count;

	if (r->args->server || r->args->command == REGISTER)
		return acme_server_url(r->args->server ? r->args->server : ACME_SERVER_DEFAULT, e);
	if (account_list(r->store, r->arena, &entries, &count, e) < 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (only && strcmp(only, entries[i].server) != 0) {
			err_set(e, ERR_USAGE, "there are accounts of several CAs");
			err_hint(e, "choose one with --server; acme-account list shows them");
			return NULL;
		}
		only = entries[i].server;
	}
	if (!only) {
		err_set(e, ERR_NOINPUT, "there is no account in %s", certstore_dir(r->store));
		err_hint(e, "acme-account register");
	}
	return only;
}

/* --key, --key-type and the binding. */
static int
load_keys(struct run *r, struct err *e)
{
	const struct args *args = r->args;

	if (args->key_file && args->key_type)
		return err_set(e, ERR_USAGE, "--key and --key-type contradict each other");
	if (args->key_file && account_key_load(args->key_file, &r->key, e) < 0)
		return -1;
	if (pkey_spec_parse(span_str(args->key_type ? args->key_type : "ec:P-256"), &r->spec, e) <
	    0)
		return -1;
	return args->command == REGISTER ? eab_load(args->eab_kid, args->eab_key, &r->eab, e) : 0;
}

static void
tell_directory(const struct run *r, const char *server)
{
	char *dir = account_server_dir(r->store, server, NULL);

	if (dir)
		invocation_tell(&r->args->call, "the account's files are in %s/%s", dir,
		    r->account.id);
	free(dir);
}

static int
run_command(struct run *r, struct err *e)
{
	const char *url;

	if (load_keys(r, e) < 0)
		return -1;
	url = choose_server(r, e);
	if (!url)
		return -1;
	r->ca = acme_new(r->args->call.http, url, r->args->ca_file);
	if (acme_open_wait(r->ca, e) < 0)
		return -1;
	if (r->args->command != REGISTER &&
	    account_use_known(r->store, r->ca, r->args->account, &r->account, e) < 0)
		return -1;
	if (actions[r->args->command](r, e) < 0)
		return -1;
	tell_directory(r, url);
	if (r->args->call.json || !r->args->call.quiet)
		account_report_one(r->word, url, &r->account, r->doc, r->args->call.json, stdout);
	return 0;
}

static int
list(struct run *r, struct err *e)
{
	struct account_entry *entries;
	size_t count;

	if (account_list(r->store, r->arena, &entries, &count, e) < 0)
		return -1;
	if (r->args->call.json || !r->args->call.quiet)
		account_report_list(entries, count, r->args->call.json, stdout);
	return 0;
}

/* Paths that a renewal configuration keeps. */
static int
absolute(const char *path, char **out, struct err *e)
{
	*out = path ? realpath(path, NULL) : NULL;
	return path && !*out ? err_set_errno(e, errno, "cannot use %s", path) : 0;
}

static int
import(struct run *r, struct err *e)
{
	const struct args *args = r->args;
	struct import_options source = { .dir = args->source, .from = args->from };
	struct import in = { .arena = r->arena };
	char *webroot = NULL, *ca_file = NULL;
	int rc = -1;

	if (!args->source) {
		err_set(e, ERR_USAGE, "import from where?");
		return err_hint(e, "acme-account import DIR");
	}
	if (args->server) {
		source.server = acme_server_url(args->server, e);
		if (!source.server)
			return -1;
	}
	if ((args->webroot && challenge_webroot_check(args->webroot, e) < 0) ||
	    absolute(args->webroot, &webroot, e) < 0 || absolute(args->ca_file, &ca_file, e) < 0)
		goto out;
	source.webroot = webroot;
	source.ca_file = ca_file;
	if (import_read(&source, &in, e) < 0 ||
	    import_apply(&source, &in, r->args->call.http, r->store, e) < 0)
		goto out;
	if (args->call.json || !args->call.quiet)
		account_report_import(&in, args->call.json, stdout);
	rc = 0;
	for (size_t i = 0; i < in.lineage_count && rc == 0; i++) {
		if (in.lineages[i].outcome == IMPORT_FAILED)
			rc = err_set(e, ERR_PARTIAL, "not everything could be taken over: %s: %s",
			    in.lineages[i].name, in.lineages[i].problem);
	}
	for (size_t i = 0; i < in.account_count && rc == 0; i++) {
		if (in.accounts[i].problem)
			rc = err_set(e, ERR_PARTIAL, "not everything could be taken over: %s",
			    in.accounts[i].problem);
	}
out:
	free(webroot);
	free(ca_file);
	return rc;
}

static int
check_args(const struct args *args, struct err *e)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		unsigned surplus = args->given & ~commands[i].takes;

		if (commands[i].command != args->command)
			continue;
		if (surplus)
			return err_set(e, ERR_USAGE, "%s does not take " CLI_FMT, commands[i].name,
			    CLI_ARG(args->option[__builtin_ctz(surplus)]));
		return 0;
	}
	err_set(e, ERR_USAGE, "no command is given");
	return err_hint(e, "register, show, update, rollover, deactivate, list, import");
}

static int
work(void *ctx, struct err *e)
{
	struct args *args = ctx;
	struct run r = { .args = args };
	int rc = -1;

	eab_init(&r.eab);
	r.arena = arena_new(0);
	if (check_args(args, e) == 0 && invocation_open(&args->call, e) == 0) {
		r.store = args->call.store;
		rc = args->command == LIST     ? list(&r, e)
		     : args->command == IMPORT ? import(&r, e)
					       : run_command(&r, e);
	}
	cJSON_Delete(r.doc);
	account_release(&r.account);
	EVP_PKEY_free(r.key);
	acme_free(r.ca);
	arena_free(r.arena);
	eab_release(&r.eab);
	invocation_close(&args->call);
	return rc;
}

int
main(int argc, char **argv)
{
	struct args args = { .call = INVOCATION_INIT };

	return cli_main(&program, argc, argv, &args, work);
}

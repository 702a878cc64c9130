/* SPDX-License-Identifier: ISC */
/*
 * mkcert-selfsigned: private keys and certificates of one's own: self-signed, or from a local CA.
 *
 * The options fill struct args and say what to do; each action is one call into libcert, and what came of it is told
 * as text or JSON.
 */
#include "base/cli.h"
#include "base/clock.h"
#include "base/mem.h"
#include "libcert/crl.h"
#include "libcert/local_ca_report.h"
#include "libcert/mint.h"
#include "libcert/pkcs12.h"
#include "libcert/subject.h"
#include "libcert/trust_report.h"

#include <openssl/x509v3.h>

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CA_DAYS INT64_C(3650)
#define CRL_DAYS INT64_C(397)
#define PERMITS_MAX 64

enum action { MAKE, CA_INIT, LIST, REVOKE, CRL, TRUST };

/* Options that belong together: which action takes them. */
enum belonging {
	OF_FILES = 1, /* names and files of one certificate */
	OF_KEY = 2,   /* key, subject, hash */
	OF_LIFE = 4,  /* days */
	OF_PERMIT = 8,
	OF_REASON = 16,
	OF_STORES = 32,
};

struct args {
	enum action action;
	const char *action_word;            /* as typed; NULL = nothing said */
	unsigned given;                     /* of enum belonging */
	const struct cli_option *option[6]; /* one of each group given */
	struct mint_request mint;
	const char *ca_dir;
	bool use_ca, x509, quiet, verbose, json;
	bool req;           /* the word "req" came first */
	size_t words;       /* operands so far */
	const char *digest; /* "sha256" */
	const char *revoke;
	int reason;
	struct permit permits[PERMITS_MAX];
	size_t permit_count;
	char *password;
	const char *password_path;
	enum trust_action trust;
	unsigned stores;
};

/* ---- options ---- */

static int
set_action(struct args *a, enum action action, const char *word, struct err *e)
{
	if (a->action_word)
		return err_set(e, ERR_USAGE, "%s was asked for already", a->action_word);
	a->action = action;
	a->action_word = word;
	return 0;
}

static int
take_ca_init(void *ctx, const char *value, struct err *e)
{
	return set_action(ctx, CA_INIT, "--ca-init", e);
}

static int
take_list(void *ctx, const char *value, struct err *e)
{
	return set_action(ctx, LIST, "--list", e);
}

static int
take_crl(void *ctx, const char *value, struct err *e)
{
	return set_action(ctx, CRL, "--crl", e);
}

static void
note(void *ctx, const struct cli_option *option)
{
	struct args *a = ctx;

	a->given |= option->group;
	a->option[__builtin_ctz(option->group)] = option;
}

static int
take_word(void *ctx, const char *word, struct err *e)
{
	struct args *a = ctx;

	if (a->words++ == 0 && a->req)
		return 0;
	return name_list_add(&a->mint.names, span_str(word), e);
}

static int
take_days(void *ctx, const char *value, struct err *e)
{
	return mint_parse_days(span_str(value), &((struct args *)ctx)->mint.days, e);
}

static int
take_not_after(void *ctx, const char *value, struct err *e)
{
	return mint_parse_not_after(span_str(value), &((struct args *)ctx)->mint.not_after, e);
}

static int
take_newkey(void *ctx, const char *value, struct err *e)
{
	struct args *a = ctx;

	a->mint.key_spec_given = true;
	return pkey_spec_parse(span_str(value), &a->mint.key_spec, e);
}

static int
take_pkeyopt(void *ctx, const char *value, struct err *e)
{
	return mint_parse_pkeyopt(span_str(value), &((struct args *)ctx)->mint.key_spec, e);
}

static int
take_subject(void *ctx, const char *value, struct err *e)
{
	struct args *a = ctx;

	X509_NAME_free(a->mint.subject);
	a->mint.subject = NULL;
	return subject_parse(span_str(value), &a->mint.subject, e);
}

static int
take_addext(void *ctx, const char *value, struct err *e)
{
	return mint_parse_addext(span_str(value), &((struct args *)ctx)->mint.names, e);
}

static int
take_mode(void *ctx, const char *value, struct err *e)
{
	return mint_parse_key_mode(span_str(value), &((struct args *)ctx)->mint.key_mode, e);
}

static int
take_group(void *ctx, const char *value, struct err *e)
{
	struct args *a = ctx;
	const struct group *found = getgrnam(value);

	if (!found)
		return err_set(e, ERR_USAGE, "there is no group \"%s\"", value);
	a->mint.key_group = found->gr_gid;
	a->mint.set_group = true;
	return 0;
}

static int
take_permit(void *ctx, const char *value, struct err *e)
{
	struct args *a = ctx;

	if (a->permit_count == PERMITS_MAX)
		return err_set(e, ERR_USAGE, "more than %d of them", PERMITS_MAX);
	if (permit_parse(span_str(value), &a->permits[a->permit_count], e) < 0)
		return -1;
	a->permit_count++;
	return 0;
}

static int
take_revoke(void *ctx, const char *value, struct err *e)
{
	((struct args *)ctx)->revoke = value;
	return set_action(ctx, REVOKE, "--revoke", e);
}

static int
take_reason(void *ctx, const char *value, struct err *e)
{
	return crl_reason_parse(span_str(value), &((struct args *)ctx)->reason, e);
}

static int
take_trust(void *ctx, const char *value, struct err *e)
{
	struct args *a = ctx;

	if (trust_action_parse(span_str(value), &a->trust, e) < 0)
		return -1;
	return set_action(a, TRUST, "--trust", e);
}

static int
take_stores(void *ctx, const char *value, struct err *e)
{
	return trust_stores_parse(span_str(value), &((struct args *)ctx)->stores, e);
}

static const struct cli_option options[] = {
	{ "out", 'o', "FILE", "certificate file; default NAME.crt", CLI_SINGLE_DASH,
	    CLI_PATH(struct args, mint.cert_path), .group = OF_FILES },
	{ "keyout", 0, "FILE",
	    "private key file; default NAME.key. The same FILE as -out: one file with both",
	    CLI_SINGLE_DASH, CLI_PATH(struct args, mint.key_path), .group = OF_FILES },
	{ "newkey", 0, "TYPE",
	    "rsa:2048 to rsa:8192, ec:P-256 (default), ec:P-384, ec:P-521, ed25519",
	    CLI_SINGLE_DASH, .set = take_newkey, .group = OF_KEY },
	{ "pkeyopt", 0, "OPTION", "openssl's ec_paramgen_curve:CURVE and rsa_keygen_bits:N",
	    CLI_SINGLE_DASH, .set = take_pkeyopt, .group = OF_KEY },
	{ "key", 0, "FILE", "use this private key, make none", CLI_SINGLE_DASH,
	    CLI_PATH(struct args, mint.key_from), .group = OF_FILES },
	{ "days", 0, "N", "valid for N days from now; default 397, of a CA 3650", CLI_SINGLE_DASH,
	    .set = take_days, .group = OF_LIFE },
	{ "not-after", 0, "DATE", "valid until DATE instead (2027-01-31, or RFC 3339)", 0,
	    .set = take_not_after, .group = OF_LIFE },
	{ "subj", 0, "SUBJECT", "subject as in /C=DE/O=Example/CN=a.example; default CN=NAME",
	    CLI_SINGLE_DASH, .set = take_subject, .group = OF_KEY },
	{ "addext", 0, "subjectAltName=LIST", "more names, as openssl writes them", CLI_SINGLE_DASH,
	    .set = take_addext, .group = OF_FILES },
	{ "client", 0, NULL, "for a client that shows who it is, not for a server", 0,
	    CLI_SWITCH(struct args, mint.client), .group = OF_FILES },
	{ "ca", 0, NULL, "let the local CA issue: the file holds the leaf, then the CA", 0,
	    CLI_SWITCH(struct args, use_ca), .group = OF_FILES },
	{ "csr", 0, "FILE", "sign somebody's signing request with the local CA", 0,
	    CLI_PATH(struct args, mint.csr_path), .group = OF_FILES },
	{ "renew", 0, "FILE", "once more what FILE is: names, key type, length of life, issuer", 0,
	    CLI_PATH(struct args, mint.renew_path), .group = OF_FILES },
	{ "reuse-key", 0, NULL, "keep the key that is in the key file", 0,
	    CLI_SWITCH(struct args, mint.reuse_key), .group = OF_FILES },
	{ "pkcs12", 0, NULL, "write NAME.p12, too: key and chain for browsers, Windows, Java", 0,
	    CLI_SWITCH(struct args, mint.bundle), .group = OF_FILES },
	{ "password-file", 0, "FILE",
	    "its first line is the password of the .p12; default changeit", 0,
	    CLI_PATH(struct args, password_path), .group = OF_FILES },
	{ "mode", 0, "MODE", "of the key's file: 0600 (default), 0640 ...", 0, .set = take_mode,
	    .group = OF_FILES },
	{ "group", 0, "GROUP", "of the key's file", 0, .set = take_group, .group = OF_FILES },
	{ "ca-init", 0, NULL, "make the local CA", 0, .set = take_ca_init },
	{ "permit", 0, "DOMAIN|CIDR",
	    "with --ca-init: it can issue for nothing else; may be given again", 0,
	    .set = take_permit, .group = OF_PERMIT },
	{ "ca-dir", 0, "DIR", "the local CA's directory; default ~/.local/share/gatehouse/ca", 0,
	    CLI_PATH(struct args, ca_dir) },
	{ "list", 0, NULL, "list what the local CA issued", 0, .set = take_list },
	{ "revoke", 0, "FILE|SERIAL|NAME", "revoke it, and sign the list of what is revoked", 0,
	    .set = take_revoke },
	{ "reason", 0, "REASON", "why it is revoked: keyCompromise, superseded ...", 0,
	    .set = take_reason, .group = OF_REASON },
	{ "crl", 0, NULL, "sign that list anew; -days says for how long (default 397)", 0,
	    .set = take_crl },
	{ "trust", 0, "install|uninstall|status",
	    "have this machine's programs trust the local CA, or not", 0, .set = take_trust },
	{ "stores", 0, "LIST", "with --trust: only system, nss (browsers), java", 0,
	    .set = take_stores, .group = OF_STORES },
	{ "sha256", 0, NULL, "sign with SHA-256 (default, but for larger curves)", CLI_SINGLE_DASH,
	    CLI_FIXED(struct args, digest, "sha256"), .group = OF_KEY },
	{ "sha384", 0, NULL, "sign with SHA-384", CLI_SINGLE_DASH,
	    CLI_FIXED(struct args, digest, "sha384"), .group = OF_KEY },
	{ "sha512", 0, NULL, "sign with SHA-512", CLI_SINGLE_DASH,
	    CLI_FIXED(struct args, digest, "sha512"), .group = OF_KEY },
	{ "x509", 0, NULL, "make a certificate (openssl's word; always so)", CLI_SINGLE_DASH,
	    CLI_SWITCH(struct args, x509) },
	/* What these ask for is what always happens: a new key, not encrypted. */
	{ "nodes", 0, NULL, "do not encrypt the key (openssl's word; always so)", CLI_SINGLE_DASH,
	    CLI_IGNORED },
	{ "noenc", 0, NULL, "the same", CLI_SINGLE_DASH | CLI_HIDDEN, CLI_IGNORED },
	{ "new", 0, NULL, "the same", CLI_SINGLE_DASH | CLI_HIDDEN, CLI_IGNORED },
	{ "force", 'f', NULL, "replace files that exist", 0, CLI_SWITCH(struct args, mint.force),
	    .group = OF_FILES },
	{ "quiet", 'q', NULL, "print nothing unless something failed", 0,
	    CLI_SWITCH(struct args, quiet) },
	{ "verbose", 'v', NULL, "also tell each step: keys made, files written, programs run", 0,
	    CLI_SWITCH(struct args, verbose) },
	{ "json", 0, NULL, "tell what was done as JSON", 0, CLI_SWITCH(struct args, json) },
	{ 0 },
};

static void
offer(void *ctx, const char *option, struct buf *out)
{
	if (option && strcmp(option, "newkey") == 0)
		buf_add_str(out,
		    "rsa:2048\nrsa:3072\nrsa:4096\nec:P-256\nec:P-384\nec:P-521\ned25519\n");
	else if (option && strcmp(option, "reason") == 0)
		crl_reason_offer(out);
}

static const struct cli_program program = {
	.name = "mkcert-selfsigned",
	.usage =
	    "[options] NAME...\n"
	    "req -x509 -nodes [-days N] [-newkey TYPE] -keyout FILE -out FILE [-subj SUBJECT]\n"
	    "--ca-init [--permit DOMAIN|CIDR]... | --ca NAME... | --csr FILE | --renew FILE\n"
	    "--list | --revoke FILE|SERIAL|NAME | --crl | --trust install|uninstall|status",
	.summary =
	    "Make a private key and a certificate, signed with it or by a local CA. NAME is a host "
	    "name, a wildcard, "
	    "an IP address, an e-mail address or a URI; every NAME goes into subjectAltName.",
	.examples =
	    "mkcert-selfsigned localhost 127.0.0.1 ::1\n"
	    "    localhost.crt and localhost.key for this machine\n"
	    "mkcert-selfsigned -newkey rsa:2048 -days 90 -keyout k.pem -out c.pem a.example '*.a.example'\n"
	    "    RSA, 90 days, a name and all names below it\n"
	    "mkcert-selfsigned req -x509 -nodes -days 365 -newkey rsa:2048 -keyout k.pem -out c.pem\n"
	    "    the tutorials' openssl line as it stands; asks the classic questions\n"
	    "mkcert-selfsigned --ca-init --permit example.test\n"
	    "mkcert-selfsigned --trust install\n"
	    "mkcert-selfsigned --ca www.example.test\n"
	    "    a CA that browsers here believe, for that domain alone, and a certificate from it\n",
	.details =
	    "Environment:\n"
	    "  SOURCE_DATE_EPOCH  the time to date the certificate from, instead of now\n"
	    "Exit codes:\n"
	    "  0 done, 1 not every store trusts (or forgot) the CA, 64 usage, 65 bad certificate,\n"
	    "  request or key, 66 no such file or CA, 73 a file exists or cannot be created,\n"
	    "  74 I/O error, 77 permission\n",
	.options = options,
	.operand = take_word,
	.note = note,
	.candidates = offer,
};

/* ---- actions ---- */

static const struct narrator *
narrator_of(const struct args *a)
{
	return a->verbose ? &cli_narrator : NULL;
}

/* Whatever was given has to mean something. */
static int
check(const struct args *a, struct err *e)
{
	static const unsigned takes[] = {
		[MAKE] = OF_FILES | OF_KEY | OF_LIFE,
		[CA_INIT] = OF_KEY | OF_LIFE | OF_PERMIT,
		[LIST] = 0,
		[REVOKE] = OF_LIFE | OF_REASON,
		[CRL] = OF_LIFE,
		[TRUST] = OF_STORES,
	};
	static const char *const belongs[] = { "", "", "", "--ca-init", "--revoke", "--trust" };
	unsigned surplus = a->given & ~takes[a->action];
	const struct cli_option *option = surplus ? a->option[__builtin_ctz(surplus)] : NULL;

	if (a->req && !a->x509) {
		err_set(e, ERR_USAGE,
		    "\"req\" without -x509 asks for a signing request, not a certificate");
		return err_hint(e, "add -x509, or make the request with openssl");
	}
	if (a->password_path && !a->mint.bundle)
		return err_set(e, ERR_USAGE, "--password-file is for --pkcs12");
	if (a->action != MAKE && a->mint.names.count)
		return err_set(e, ERR_USAGE, "%s does not go with %s", a->mint.names.items[0].text,
		    a->action_word);
	if (surplus && a->action == MAKE)
		return err_set(e, ERR_USAGE, CLI_FMT " needs %s", CLI_ARG(option),
		    belongs[__builtin_ctz(surplus)]);
	if (surplus)
		return err_set(e, ERR_USAGE, CLI_FMT " does not go with %s", CLI_ARG(option),
		    a->action_word);
	return 0;
}

static int
make(struct args *a, struct err *e)
{
	struct mint_request *r = &a->mint;
	struct minted minted;

	if (isatty(STDIN_FILENO)) {
		r->ask_in = stdin;
		r->ask_out = stderr;
	}
	if (a->password_path && pkcs12_read_password(a->password_path, &a->password, e) < 0)
		return -1;
	r->bundle_password = a->password;
	r->narrator = narrator_of(a);
	if (mint_run(r, &minted, e) < 0)
		return -1;
	if (!a->quiet)
		mint_report_warnings(&minted, program.name, stderr);
	if (a->json)
		mint_report_json(&minted, stdout);
	else if (!a->quiet)
		mint_report_text(&minted, stdout);
	minted_release(&minted);
	return 0;
}

static int
make_ca(struct args *a, struct err *e)
{
	const struct mint_request *r = &a->mint;
	struct local_ca_request request = {
		.key_spec = r->key_spec,
		.subject = r->subject,
		.permits = a->permits,
		.permit_count = a->permit_count,
		.not_before = r->now > MINT_BACKDATE ? r->now - MINT_BACKDATE : 0,
		.digest = r->digest,
	};
	struct local_ca *ca = NULL;

	if (mint_end(r->now, r->days, r->not_after, CA_DAYS, &request.not_after, e) < 0 ||
	    local_ca_create(a->ca_dir, &request, e) < 0 || local_ca_open(a->ca_dir, &ca, e) < 0)
		return -1;
	narrate(narrator_of(a), "wrote the CA's key and certificate to %s", a->ca_dir);
	if (a->json)
		local_ca_report_json(ca, stdout);
	else if (!a->quiet)
		local_ca_report_text(ca, stdout);
	local_ca_close(ca);
	return 0;
}

static int
list(struct args *a, struct local_ca *ca, struct arena *arena, struct err *e)
{
	struct local_ca_entry *entries;
	size_t count;

	if (local_ca_list(ca, a->mint.now, arena, &entries, &count, e) < 0)
		return -1;
	if (a->json)
		local_ca_report_list_json(entries, count, stdout);
	else if (!a->quiet)
		local_ca_report_list_text(entries, count, stdout);
	return 0;
}

static int
revoke_one(struct args *a, struct local_ca *ca, struct arena *arena, struct err *e)
{
	const struct mint_request *r = &a->mint;
	char until[CLOCK_RFC3339_LEN + 1];
	struct local_ca_entry entry;
	int64_t next;

	if (mint_end(r->now, r->days, r->not_after, CRL_DAYS, &next, e) < 0)
		return -1;
	if (a->action == CRL) {
		if (local_ca_renew_crl(ca, r->now, next, e) < 0)
			return -1;
		if (a->json)
			local_ca_report_json(ca, stdout);
	} else if (local_ca_revoke(ca, a->revoke, a->reason, r->now, next, arena, &entry, e) < 0) {
		return -1;
	} else if (a->json) {
		local_ca_report_list_json(&entry, 1, stdout);
	} else if (!a->quiet) {
		local_ca_report_list_text(&entry, 1, stdout);
	}
	clock_format_rfc3339(next, until);
	narrate(narrator_of(a), "signed the list of what is revoked, good until %s: %s", until,
	    local_ca_crl_path(ca));
	if (!a->json && !a->quiet)
		printf("CRL  %s\n", local_ca_crl_path(ca));
	return 0;
}

static int
trust(struct args *a, struct local_ca *ca, struct arena *arena, struct err *e)
{
	struct trust_request request = {
		.action = a->trust,
		.stores = a->stores,
		.narrator = narrator_of(a),
		.ca = local_ca_cert(ca),
		.ca_path = local_ca_cert_path(ca),
		.arena = arena,
	};
	struct trust_outcome *outcomes;
	size_t count;

	trust_run(&request, &outcomes, &count);
	if (a->json)
		trust_report_json(outcomes, count, stdout);
	else if (!a->quiet)
		trust_report_text(outcomes, count, stdout);
	if (trust_reached(a->trust, outcomes, count))
		return 0;
	return err_set(e, ERR_PARTIAL,
	    a->trust == TRUST_UNINSTALL ? "some store still trusts the CA"
					: "not every store trusts the CA");
}

/* The local CA is there for who asks for it, by any of these words. */
static int
complete_ca_dir(struct args *a, char **owned, struct err *e)
{
	bool wanted = a->action != MAKE || a->use_ca || a->mint.csr_path || a->ca_dir;

	if (wanted && !a->ca_dir)
		a->ca_dir = *owned = local_ca_default_dir(e);
	a->mint.ca_dir = a->ca_dir;
	return wanted && !a->ca_dir ? -1 : 0;
}

static int
work(void *ctx, struct err *e)
{
	struct args *a = ctx;
	struct arena *arena = arena_new(0);
	struct local_ca *ca = NULL;
	char *owned = NULL;
	int rc = -1;

	if (a->digest)
		a->mint.digest = EVP_get_digestbyname(a->digest);
	if (check(a, e) < 0 || mint_time(&a->mint.now, e) < 0 || complete_ca_dir(a, &owned, e) < 0)
		goto out;
	if (a->action == MAKE)
		rc = make(a, e);
	else if (a->action == CA_INIT)
		rc = make_ca(a, e);
	else if (local_ca_open(a->ca_dir, &ca, e) < 0)
		goto out;
	else if (a->action == LIST)
		rc = list(a, ca, arena, e);
	else if (a->action == TRUST)
		rc = trust(a, ca, arena, e);
	else
		rc = revoke_one(a, ca, arena, e);
out:
	local_ca_close(ca);
	arena_free(arena);
	free(owned);
	return rc;
}

int
main(int argc, char **argv)
{
	struct args a = {
		.stores = TRUST_ALL,
		.mint.key_spec = { .kind = PKEY_EC, .curve = "P-256" },
		.req = argc > 1 && strcmp(argv[1], "req") == 0,
	};
	int code = cli_main(&program, argc, argv, &a, work);

	mint_request_release(&a.mint);
	while (a.permit_count > 0)
		permit_release(&a.permits[--a.permit_count]);
	if (a.password)
		mem_wipe_free(a.password, strlen(a.password));
	return code;
}

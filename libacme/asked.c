/* SPDX-License-Identifier: ISC */
/*
 * asked: names, roots and settings of a command line against an existing lineage.
 */
#include "libacme/asked.h"

#include "base/file.h"
#include "base/mem.h"
#include "libacme/deploy.h"
#include "libacme/dns_ask.h"
#include "libcert/name.h"
#include "libcert/served.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

/* Let's Encrypt's limit; others have less. */
#define NAMES_MAX 100
#define SERVERS_MAX ((size_t)8192)

void
asked_init(struct asked *asked)
{
	*asked = (struct asked){ .reuse_key = -1 };
}

void
asked_release(struct asked *asked)
{
	for (size_t i = 0; i < asked->name_count; i++)
		free(asked->names[i].name);
	for (size_t i = 0; i < asked->root_count; i++)
		free(asked->roots[i]);
	free(asked->names);
	free(asked->roots);
	asked_init(asked);
}

void
asked_copy(const struct asked *from, struct asked *to)
{
	*to = *from;
	to->names = mem_realloc_array(NULL, from->name_count + 1, sizeof(*to->names));
	to->roots = mem_realloc_array(NULL, from->root_count + 1, sizeof(*to->roots));
	for (size_t i = 0; i < from->name_count; i++)
		to->names[i] = (struct asked_name){ .name = mem_strdup(from->names[i].name),
			.root = from->names[i].root };
	for (size_t i = 0; i < from->root_count; i++)
		to->roots[i] = mem_strdup(from->roots[i]);
}

static bool
has_name(const struct asked *asked, const char *name)
{
	for (size_t i = 0; i < asked->name_count; i++) {
		if (strcmp(asked->names[i].name, name) == 0)
			return true;
	}
	return false;
}

static int
check_name(const struct asked *asked, const struct name *name, struct err *e)
{
	if (name->kind != NAME_DNS && name->kind != NAME_IP)
		return err_set(e, ERR_USAGE, "no ACME CA makes certificates for the %s %s",
		    name_kind_word(name->kind), name->text);
	if (asked->name_count == NAMES_MAX)
		return err_set(e, ERR_USAGE, "more than %d names in one certificate", NAMES_MAX);
	return 0;
}

static int
add_name(struct asked *asked, struct span text, struct err *e)
{
	struct name name;

	if (name_parse(text, &name, e) < 0)
		return -1;
	if (check_name(asked, &name, e) < 0) {
		name_release(&name);
		return -1;
	}
	if (!has_name(asked, name.text)) {
		asked->names =
		    mem_realloc_array(asked->names, asked->name_count + 1, sizeof(*asked->names));
		asked->names[asked->name_count++] = (struct asked_name){
			.name = mem_strdup(name.text),
			.root = asked->root_count ? asked->root_count - 1 : ASKED_NO_ROOT,
		};
	}
	name_release(&name);
	return 0;
}

int
asked_add_names(struct asked *asked, const char *value, struct err *e)
{
	struct span rest = span_str(value), piece;

	while (span_split(&rest, ',', &piece)) {
		if (add_name(asked, span_trim(piece), e) < 0)
			return -1;
	}
	return 0;
}

int
asked_add_webroot(struct asked *asked, const char *dir, struct err *e)
{
	char *path;

	if (challenge_webroot_check(dir, e) < 0)
		return -1;
	path = realpath(dir, NULL);
	if (!path)
		return err_set_errno(e, errno, "cannot use the web root %s", dir);
	asked->roots =
	    mem_realloc_array(asked->roots, asked->root_count + 1, sizeof(*asked->roots));
	asked->roots[asked->root_count++] = path;
	return 0;
}

/* ---- against the lineage --------------------------------------------------------------------- */

static const char *
own(struct issue *job, const char *text)
{
	return arena_strdup(job->arena, span_str(text));
}

/* The root of names that were given before any -w. */
static const char *
root_for(const struct asked *asked, const struct asked_name *name, struct err *e)
{
	if (name->root != ASKED_NO_ROOT)
		return asked->roots[name->root];
	if (asked->root_count == 1)
		return asked->roots[0];
	err_set(e, ERR_USAGE, "several web roots are given, but none before -d %s", name->name);
	err_hint(e, "each -w holds for the names that follow it");
	return NULL;
}

static int
set_roots(const struct asked *asked, struct issue *job, struct err *e)
{
	struct webroot *roots;

	if (asked->root_count == 0)
		return 0;
	roots = arena_array(job->arena, asked->name_count + 1, sizeof(*roots));
	for (size_t i = 0; i < asked->name_count; i++) {
		const char *dir = root_for(asked, &asked->names[i], e);

		if (!dir)
			return -1;
		roots[i].name = own(job, asked->names[i].name);
		roots[i].dir = own(job, dir);
	}
	job->how.roots = roots;
	job->how.root_count = asked->name_count;
	job->how.webroot = own(job, asked->roots[asked->root_count - 1]);
	return 0;
}

/* ---- how names are proved -------------------------------------------------------------------- */

/* Is a way of proving given, whatever the lineage has? */
static bool
gives_solver(const struct asked *asked)
{
	return asked->root_count || asked->standalone || asked->manual || asked->auth_hook ||
	       asked->dns_hook || asked->tinyproxyd;
}

static int
set_solver(const struct asked *asked, struct issue *job, struct err *e)
{
	bool manual = asked->manual || asked->auth_hook || asked->dns_hook;
	const struct {
		bool given;
		enum renewal_solver solver;
	} ways[] = {
		{ asked->root_count > 0, RENEWAL_WEBROOT },
		{ asked->standalone, RENEWAL_STANDALONE },
		{ manual, RENEWAL_MANUAL },
		{ asked->tinyproxyd, RENEWAL_TINYPROXYD },
	};
	unsigned given = 0;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!ways[i].given)
			continue;
		given++;
		if (job->how.solver != ways[i].solver)
			job->how.challenge = NULL;
		job->how.solver = ways[i].solver;
	}
	if (given > 1 || (asked->auth_hook && asked->dns_hook))
		return err_set(e, ERR_USAGE,
		    "names are proved in one way: a web root (-w), --standalone, --tinyproxyd, "
		    "--manual-auth-hook or --dns-hook");
	/* One kind of hook takes the other's place. */
	if (asked->auth_hook)
		job->how.dns_hook = NULL;
	if (asked->dns_hook)
		job->how.auth_hook = job->how.cleanup_hook = NULL;
	return 0;
}

static int
set_challenge(const struct asked *asked, struct issue *job, struct err *e)
{
	struct span first, rest = span_str(asked->challenge);
	char *word;

	if (!asked->challenge)
		return 0;
	if (!span_split(&rest, ',', &first))
		first = rest;
	word = mem_dup_span(span_trim(first));
	job->how.challenge = renewal_challenge(word);
	free(word);
	if (!job->how.challenge)
		return err_set(e, ERR_USAGE,
		    "\"%s\" is no challenge: http-01, dns-01 or tls-alpn-01", asked->challenge);
	return 0;
}

static int
check_number(const char *option, const char *value, uint64_t max, struct err *e)
{
	uint64_t number;

	if (!value || (span_to_u64(span_str(value), max, &number) == 0 && number > 0))
		return 0;
	return err_set(e, ERR_USAGE, "%s takes 1 to %llu, not \"%s\"", option,
	    (unsigned long long)max, value);
}

static int
set_proving(const struct asked *asked, struct issue *job, struct err *e)
{
	if (set_solver(asked, job, e) < 0 || set_challenge(asked, job, e) < 0)
		return -1;
	if (check_number("--http-01-port", asked->http_port, 65535, e) < 0 ||
	    check_number("--tls-alpn-01-port", asked->tls_alpn_port, 65535, e) < 0 ||
	    check_number("--dns-propagation-seconds", asked->propagation, 86400, e) < 0)
		return -1;
	if (asked->dns_server && dns_server_check(asked->dns_server, e) < 0)
		return -1;
	return set_roots(asked, job, e);
}

/* ---- everything else ------------------------------------------------------------------------- */

static int
set_key(const struct asked *asked, struct issue *job, struct err *e)
{
	bool rsa = asked->key_type ? strcmp(asked->key_type, "rsa") == 0
				   : asked->rsa_bits && !asked->curve;
	char *text;
	int rc;

	if (asked->key_type && !rsa && strcmp(asked->key_type, "ecdsa") != 0)
		return err_set(e, ERR_USAGE, "the key type \"%s\" is neither ecdsa nor rsa",
		    asked->key_type);
	if (rsa ? asked->curve != NULL : asked->rsa_bits != NULL)
		return err_set(e, ERR_USAGE,
		    "--elliptic-curve goes with ecdsa, --rsa-key-size with rsa");
	if (!asked->key_type && !asked->curve && !asked->rsa_bits)
		return 0;
	text = rsa ? mem_printf("rsa:%s", asked->rsa_bits ? asked->rsa_bits : "2048")
		   : mem_printf("ec:%s", asked->curve ? asked->curve : "P-256");
	rc = pkey_spec_parse(span_str(text), &job->how.key, e);
	free(text);
	if (rc == 0 && job->how.key.kind != (rsa ? PKEY_RSA : PKEY_EC))
		rc =
		    err_set(e, ERR_USAGE, "%s is no elliptic curve for certificates", asked->curve);
	job->wants_key = rc == 0;
	return rc;
}

static int
set_files(const struct asked *asked, struct issue *job, struct err *e)
{
	if (asked->ca_file) {
		char *path = realpath(asked->ca_file, NULL);

		if (!path)
			return err_set_errno(e, errno, "cannot read the CA bundle %s",
			    asked->ca_file);
		job->how.ca_file = own(job, path);
		free(path);
	}
	if (asked->verify && deploy_verify_check(asked->verify, e) < 0)
		return -1;
	if (asked->preflight && strcmp(asked->preflight, "none") != 0 &&
	    served_address_check(asked->preflight, e) < 0)
		return -1;
	return 0;
}

/* "A,B": the CA, and those to fall back on. */
static int
set_servers(const struct asked *asked, struct issue *job, struct err *e)
{
	struct renewal *how = &job->how;
	struct span rest = span_str(asked->server), piece;
	const char *first = NULL;
	struct buf others;
	int rc = 0;

	buf_init(&others, SERVERS_MAX);
	while (rc == 0 && span_split(&rest, ',', &piece)) {
		const char *url = acme_server_url(arena_strdup(job->arena, span_trim(piece)), e);

		rc = url ? 0 : -1;
		if (rc == 0 && !first)
			first = url;
		else if (rc == 0)
			buf_printf(&others, "%s%s", others.len ? "," : "", url);
	}
	if (rc == 0 && !first)
		rc = err_set(e, ERR_USAGE, "--server is empty");
	if (rc == 0) {
		/* An account belongs to its CA. */
		if (how->server && strcmp(how->server, first) != 0)
			how->account = asked->account ? how->account : NULL;
		how->server = first;
		how->fallback_servers = others.len ? own(job, buf_str(&others)) : NULL;
	}
	buf_release(&others);
	return rc;
}

static int
set_how(const struct asked *asked, struct issue *job, struct err *e)
{
	struct renewal *how = &job->how;
	const struct {
		const char *given;
		const char **field;
	} plain[] = {
		{ asked->account, &how->account },
		{ asked->auth_hook, &how->auth_hook },
		{ asked->cleanup_hook, &how->cleanup_hook },
		{ asked->dns_hook, &how->dns_hook },
		{ asked->dns_server, &how->dns_server },
		{ asked->http_address, &how->http_address },
		{ asked->http_port, &how->http_port },
		{ asked->propagation, &how->propagation },
		{ asked->tls_alpn_port, &how->tls_alpn_port },
		{ asked->pre_hook, &how->pre_hook },
		{ asked->post_hook, &how->post_hook },
		{ asked->deploy_hook, &how->deploy_hook },
		{ asked->preferred_chain, &how->preferred_chain },
		{ asked->preferred_profile, &how->preferred_profile },
		{ asked->required_profile, &how->required_profile },
		{ asked->reload, &how->reload },
		{ asked->verify, &how->verify },
		{ asked->preflight, &how->preflight },
	};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (plain[i].given)
			*plain[i].field = own(job, plain[i].given);
	}
	if (asked->server && set_servers(asked, job, e) < 0)
		return -1;
	if (!how->server)
		how->server = acme_server_url(ACME_SERVER_DEFAULT, e);
	if (asked->dry)
		issue_make_trial(job);
	how->must_staple = how->must_staple || asked->must_staple;
	/* Who asks for it wants it renewed, too. */
	how->off = false;
	if (asked->reuse_key >= 0)
		how->reuse_key = asked->reuse_key;
	if (set_files(asked, job, e) < 0 || set_proving(asked, job, e) < 0)
		return -1;
	return set_key(asked, job, e);
}

static bool
is_subset(const struct issued *live, const struct issue *job)
{
	for (size_t i = 0; i < live->name_count; i++) {
		bool found = false;

		for (size_t j = 0; j < job->name_count && !found; j++)
			found = span_eq_nocase(live->names[i], job->names[j]);
		if (!found)
			return false;
	}
	return true;
}

/* The names against those that are live. */
static int
check_change(const struct asked *asked, struct issue *job, struct err *e)
{
	struct issued live;
	struct err why = ERR_INIT;
	bool fits;

	job->changed = true;
	if (issued_load(job->store, job->name, job->arena, &live, &why) < 0) {
		err_release(&why);
		return 0;
	}
	fits = issued_has_names(&live, job->names, job->name_count) || asked->cert_name ||
	       (asked->expand && is_subset(&live, job));
	issued_release(&live);
	if (fits)
		return 0;
	if (asked->expand)
		err_set(e, ERR_USAGE, "--expand adds names, but %s has some that are not given now",
		    job->name);
	else
		err_set(e, ERR_USAGE, "there is a certificate %s already, with other names",
		    job->name);
	return err_hint(e,
	    "--cert-name %s replaces its names, --expand adds to them, "
	    "--cert-name OTHER makes a second one",
	    job->name);
}

/* What the lineage's configuration says is the ground that options build upon. */
static int
load_how(const struct asked *asked, struct issue *job, struct err *e)
{
	struct err why = ERR_INIT;

	if (renewal_load(job->store, job->name, job->arena, &job->how, &why) == 0)
		return 0;
	/* With a way of proving given, one that we could not follow is taken over. */
	if (why.kind == ERR_NOINPUT || (why.kind == ERR_CONFIG && gives_solver(asked))) {
		err_release(&why);
		job->how = (struct renewal){ .key = { .kind = PKEY_EC, .curve = "P-256" } };
		return 0;
	}
	err_move(e, &why);
	return -1;
}

static void
set_names(const struct asked *asked, struct issue *job)
{
	struct span *names = arena_array(job->arena, asked->name_count, sizeof(*names));

	for (size_t i = 0; i < asked->name_count; i++)
		names[i] = arena_dup(job->arena, span_str(asked->names[i].name));
	job->names = names;
	job->name_count = asked->name_count;
}

static int
check_proving(const struct issue *job, struct err *e)
{
	const struct renewal *how = &job->how;

	if (how->solver == RENEWAL_WEBROOT && !how->root_count && !how->webroot) {
		err_set(e, ERR_USAGE, "no web root is given");
		return err_hint(e,
		    "-w DIR names the directory that port 80 of these names shows; other ways to "
		    "prove them are --standalone, --tinyproxyd, --dns-hook PROGRAM");
	}
	return solver_check(how, job->names, job->name_count, e);
}

/* A request of somebody else's: its names, no lineage. */
static struct issue *
make_for_request(const struct asked *asked, struct certstore *store, struct err *e)
{
	struct issue *job = issue_new(store, "request");

	if (asked->name_count || asked->cert_name || asked->key_type || asked->curve ||
	    asked->rsa_bits || asked->reuse_key > 0 || asked->must_staple) {
		err_set(e, ERR_USAGE, "names, key and features come from the request (--csr)");
		goto bad;
	}
	if (csr_load(asked->csr, job->arena, &job->csr, e) < 0)
		goto bad;
	job->name = arena_strdup(job->arena, job->csr.names[0]);
	job->names = job->csr.names;
	job->name_count = job->csr.name_count;
	job->cert_path = asked->cert_path ? asked->cert_path : "cert.pem";
	job->chain_path = asked->chain_path ? asked->chain_path : "chain.pem";
	job->fullchain_path = asked->fullchain_path ? asked->fullchain_path : "fullchain.pem";
	job->overwrite = asked->overwrite;
	job->force = true;
	job->how.key = (struct pkey_spec){ .kind = PKEY_EC, .curve = "P-256" };
	if (set_how(asked, job, e) == 0 && check_proving(job, e) == 0)
		return job;
bad:
	issue_free(job);
	return NULL;
}

int
asked_make(const struct asked *asked, struct certstore *store, struct issue **job, struct err *e)
{
	const char *name = asked->cert_name;
	struct issue *j;

	*job = NULL;
	if (asked->csr) {
		*job = make_for_request(asked, store, e);
		return *job ? 0 : -1;
	}
	if (asked->cert_path || asked->chain_path || asked->fullchain_path || asked->overwrite)
		return err_set(e, ERR_USAGE, "--cert-path and its like go with --csr");
	if (asked->name_count == 0) {
		err_set(e, ERR_USAGE, "no name is given");
		return err_hint(e, "acme-issue -w /var/www/html -d example.com");
	}
	name = name ? name : asked->names[0].name;
	if (!certstore_name_ok(span_str(name)))
		return err_set(e, ERR_USAGE, "\"%s\" cannot name a certificate", name);
	j = issue_new(store, name);
	set_names(asked, j);
	j->force = asked->force;
	j->save = !asked->dry;
	if (load_how(asked, j, e) < 0 || set_how(asked, j, e) < 0 ||
	    check_change(asked, j, e) < 0 || check_proving(j, e) < 0) {
		issue_free(j);
		return -1;
	}
	*job = j;
	return 0;
}

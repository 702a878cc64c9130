/* SPDX-License-Identifier: ISC */
/*
 * import_scripts: dehydrated and acme.sh, whose settings are files of shell assignments. They are read, never run.
 *
 *	dehydrated  DIR/accounts/BASE64(URL)/{account_key.pem,account_id.json}  DIR/certs/NAME/{fullchain,privkey}.pem
 *	            DIR/config: WELLKNOWN, CHALLENGETYPE, HOOK
 *	acme.sh     DIR/ca/HOST/PATH/{account.key,ca.conf}  DIR/NAME[_ecc]/{fullchain.cer,NAME.key,NAME.conf}
 */
#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/acme_json.h"
#include "libacme/import_internal.h"

#include <stdlib.h>
#include <sys/stat.h>

/* ---- dehydrated ------------------------------------------------------------------------------ */

/* The directory's name is base64url of the CA's address and a line feed. */
static const char *
decode_server(struct import *in, const char *name)
{
	const char *server = NULL;
	struct buf text;

	buf_init(&text, 4096);
	if (decode_base64url(&text, span_str(name)) == 0) {
		server = arena_strdup(in->arena, span_trim(buf_span(&text)));
		server = acme_url_ok(server) ? server : NULL;
	}
	buf_release(&text);
	return server;
}

static void
read_dehydrated_account(const struct import_options *options, struct import *in, const char *name)
{
	const char *dir = import_path(in, "%s/accounts/%s", options->dir, name);
	const char *text = import_text(in, import_path(in, "%s/account_id.json", dir));
	const char *server = decode_server(in, name), *url = NULL;
	struct import_account *account;
	cJSON *doc = NULL;

	if (!server)
		return;
	if (text && acme_json_parse(span_str(text), "account_id.json", &doc, NULL) == 0)
		url = acme_json_url(doc, "url");
	account = import_add_account(in);
	account->server = server;
	account->url = url ? arena_strdup(in->arena, span_str(url)) : NULL;
	import_load_key(in, account, import_path(in, "%s/account_key.pem", dir));
	cJSON_Delete(doc);
}

/* WELLKNOWN is the directory of the challenge files themselves; our web root is what lies above it. */
static void
set_dehydrated_proof(struct import *in, const char *config, struct renewal *how)
{
	static const char TAIL[] = "/.well-known/acme-challenge";
	const char *type = import_shell(in, config, "CHALLENGETYPE");
	const char *hook = import_shell(in, config, "HOOK");
	struct span known = span_str(import_shell(in, config, "WELLKNOWN"));

	if (strcmp(type, "dns-01") == 0 && *hook == '/') {
		how->solver = RENEWAL_MANUAL;
		how->challenge = "dns-01";
		how->dns_hook = hook;
		return;
	}
	while (span_ends(known, SPAN("/")))
		known.n--;
	if (span_ends(known, span_str(TAIL)) && !memchr(known.p, '$', known.n))
		how->webroot = arena_strdup(in->arena, span_of(known.p, known.n - strlen(TAIL)));
}

int
import_read_dehydrated(const struct import_options *options, struct import *in, struct err *e)
{
	const char *config = import_text(in, import_path(in, "%s/config", options->dir));
	const char **names;
	size_t count = import_list(in, import_path(in, "%s/accounts", options->dir), &names);

	for (size_t i = 0; i < count; i++)
		read_dehydrated_account(options, in, names[i]);
	count = import_list(in, import_path(in, "%s/certs", options->dir), &names);
	for (size_t i = 0; i < count; i++) {
		const char *dir = import_path(in, "%s/certs/%s", options->dir, names[i]);
		struct import_lineage *lineage;

		if (!file_exists(import_path(in, "%s/fullchain.pem", dir)))
			continue;
		lineage = import_add_lineage(in, names[i]);
		lineage->cert_path = import_path(in, "%s/fullchain.pem", dir);
		lineage->key_path = import_path(in, "%s/privkey.pem", dir);
		set_dehydrated_proof(in, config, &lineage->how);
	}
	return 0;
}

/* ---- acme.sh --------------------------------------------------------------------------------- */

/* DIR/ca/HOST[/PATH...]: wherever there is an account.key. */
static void
read_acmesh_accounts(const struct import_options *options, struct import *in, const char *sub,
    int depth)
{
	const char *dir = import_path(in, "%s/ca%s", options->dir, sub);
	const char *key = import_path(in, "%s/account.key", dir);
	const char **names, *conf, *url;
	struct import_account *account;
	size_t count;
	struct stat st;

	if (file_exists(key)) {
		account = import_add_account(in);
		account->server = import_path(in, "https:/%s", sub);
		conf = import_text(in, import_path(in, "%s/ca.conf", dir));
		url = import_shell(in, conf, "ACCOUNT_URL");
		account->url = acme_url_ok(url) ? url : NULL;
		import_load_key(in, account, key);
		return;
	}
	count = depth < 8 ? import_list(in, dir, &names) : 0;
	for (size_t i = 0; i < count; i++) {
		if (stat(import_path(in, "%s/%s", dir, names[i]), &st) == 0 && S_ISDIR(st.st_mode))
			read_acmesh_accounts(options, in, import_path(in, "%s/%s", sub, names[i]),
			    depth + 1);
	}
}

/* Hooks are kept as __ACME_BASE64__START_...__ACME_BASE64__END_. */
static const char *
decode_hook(struct import *in, const char *value)
{
	static const struct span head = SPAN_INIT("__ACME_BASE64__START_"),
				 tail = SPAN_INIT("__ACME_BASE64__END_");
	struct span s = span_str(value);
	const char *text = NULL;
	struct buf plain;

	if (s.n == 0)
		return NULL;
	if (!span_starts(s, head) || !span_ends(s, tail) || s.n < head.n + tail.n)
		return value;
	buf_init(&plain, 64 * 1024);
	if (decode_base64(&plain, span_of(s.p + head.n, s.n - head.n - tail.n)) == 0)
		text = arena_strdup(in->arena, buf_span(&plain));
	buf_release(&plain);
	return text;
}

/* Le_Webroot: a directory for all names, a list of one for each, or a word for another way of proving. */
static void
set_acmesh_proof(struct import *in, const char *conf, struct import_lineage *lineage)
{
	const char *roots = import_shell(in, conf, "Le_Webroot");
	const char *first = import_shell(in, conf, "Le_Domain");
	const char *others = import_shell(in, conf, "Le_Alt");
	struct span names = span_str(import_path(in, "%s%s%s", first,
			strcmp(others, "no") == 0 || !*others ? "" : ",",
			strcmp(others, "no") == 0 ? "" : others)),
		    list = span_str(roots), name, root = SPAN("");
	struct renewal *how = &lineage->how;

	if (strcmp(roots, "no") == 0) {
		how->solver = RENEWAL_STANDALONE;
		return;
	}
	how->roots = arena_array(in->arena, 100, sizeof(*how->roots));
	while (span_split(&names, ',', &name) && how->root_count < 100) {
		struct span next;

		/* The last root holds for all names that are left. */
		if (span_split(&list, ',', &next) && next.n)
			root = next;
		if (root.n == 0 || *root.p != '/') {
			lineage->problem = import_path(in,
			    "its names are proved by \"%.*s\" of acme.sh, which is not built in",
			    SPAN_ARG(root));
			return;
		}
		how->roots[how->root_count++] = (struct webroot){
			.name = arena_strdup(in->arena, name),
			.dir = arena_strdup(in->arena, root),
		};
		how->webroot = arena_strdup(in->arena, root);
	}
}

static struct import_account *
account_of(struct import *in, const char *server)
{
	for (size_t i = 0; i < in->account_count; i++) {
		if (in->accounts[i].server && strcmp(in->accounts[i].server, server) == 0)
			return &in->accounts[i];
	}
	return NULL;
}

static void
read_acmesh_lineage(const struct import_options *options, struct import *in, const char *name)
{
	const char *dir = import_path(in, "%s/%s", options->dir, name), *stem = name, *conf, *api;
	bool ecc = span_ends(span_str(name), SPAN("_ecc"));
	struct import_lineage *lineage;

	if (ecc)
		stem = arena_strdup(in->arena, span_of(name, strlen(name) - 4));
	conf = import_text(in, import_path(in, "%s/%s.conf", dir, stem));
	if (!conf || !file_exists(import_path(in, "%s/fullchain.cer", dir)))
		return;
	/* RSA and ECDSA of one name lie side by side; the second keeps its longer name. */
	if (ecc && file_exists(import_path(in, "%s/%s/%s.conf", options->dir, stem, stem)))
		stem = name;
	lineage = import_add_lineage(in, strncmp(stem, "*.", 2) == 0 ? stem + 2 : stem);
	lineage->cert_path = import_path(in, "%s/fullchain.cer", dir);
	lineage->key_path =
	    import_path(in, "%s/%.*s.key", dir, (int)(strlen(name) - (ecc ? 4 : 0)), name);
	api = import_shell(in, conf, "Le_API");
	if (acme_url_ok(api)) {
		lineage->how.server = api;
		lineage->account = account_of(in, api);
	}
	lineage->how.pre_hook = decode_hook(in, import_shell(in, conf, "Le_PreHook"));
	lineage->how.post_hook = decode_hook(in, import_shell(in, conf, "Le_PostHook"));
	lineage->how.deploy_hook = decode_hook(in, import_shell(in, conf, "Le_ReloadCmd"));
	set_acmesh_proof(in, conf, lineage);
}

int
import_read_acmesh(const struct import_options *options, struct import *in, struct err *e)
{
	const char **names;
	size_t count;

	read_acmesh_accounts(options, in, "", 0);
	count = import_list(in, options->dir, &names);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], "ca") != 0)
			read_acmesh_lineage(options, in, names[i]);
	}
	return 0;
}

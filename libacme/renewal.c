/* SPDX-License-Identifier: ISC */
/*
 * renewal: certbot's renewal configuration in and out.
 *
 * One table names every key of [renewalparams] that is known: those we honour have a reader,
 * those that mean nothing to us (certbot's own directories) have none, and any other
 * is refused unless its value says "off".
 */
#include "libacme/renewal.h"

#include "base/file.h"
#include "base/mem.h"
#include "libacme/acme.h"
#include "libacme/acme_json.h"
#include "libcert/renewalconf.h"

#define PARAMS "renewalparams"
#define MAP "renewalparams/webroot_map"
#define OURS "gatehouse"
/* certbot shows an information line for files of a version newer than its own; any number will do. */
#define CONF_VERSION "2.1.0"

struct reader {
	struct renewalconf *conf;
	struct arena *arena;
	struct renewal *r;
	struct err *e;
};

/* Certbot writes Python's None for "not set". */
static bool
is_off(const char *value)
{
	return strcmp(value, "None") == 0 || strcmp(value, "False") == 0 || *value == '\0';
}

static int
read_bool(struct reader *rd, const char *key, const char *value, bool *out)
{
	if (span_eq_nocase(span_str(value), SPAN("true")))
		*out = true;
	else if (span_eq_nocase(span_str(value), SPAN("false")))
		*out = false;
	else
		return err_set(rd->e, ERR_CONFIG, "%s is neither True nor False but \"%s\"", key,
		    value);
	return 0;
}

static int
read_server(struct reader *rd, const char *key, const char *value)
{
	rd->r->server = acme_server_url(value, rd->e);
	if (rd->r->server == value)
		rd->r->server = arena_strdup(rd->arena, span_str(value));
	if (!rd->r->server && rd->e)
		rd->e->kind = ERR_CONFIG;
	return rd->r->server ? 0 : -1;
}

static const char *const solver_names[] = {
	[RENEWAL_WEBROOT] = "webroot",
	[RENEWAL_STANDALONE] = "standalone",
	[RENEWAL_MANUAL] = "manual",
	[RENEWAL_TINYPROXYD] = "tinyproxyd",
};
#define SOLVER_COUNT (sizeof(solver_names) / sizeof(solver_names[0]))

static int
read_authenticator(struct reader *rd, const char *key, const char *value)
{
	for (size_t i = 0; i < SOLVER_COUNT; i++) {
		if (strcmp(value, solver_names[i]) == 0) {
			rd->r->solver = (enum renewal_solver)i;
			return 0;
		}
	}
	err_set(rd->e, ERR_CONFIG, "it proves its names by certbot's \"%s\", which is not built in",
	    value);
	return err_hint(rd->e,
	    "issue it once with acme-issue -w DIR -d NAME, or let certbot renew it");
}

static int
read_reuse_key(struct reader *rd, const char *key, const char *value)
{
	return read_bool(rd, key, value, &rd->r->reuse_key);
}

static int
read_must_staple(struct reader *rd, const char *key, const char *value)
{
	return read_bool(rd, key, value, &rd->r->must_staple);
}

static int
read_autorenew(struct reader *rd, const char *key, const char *value)
{
	bool on = true;
	int rc = read_bool(rd, key, value, &on);

	rd->r->off = !on;
	return rc;
}

/* The last of a list counts, as with certbot. */
static int
read_webroot_path(struct reader *rd, const char *key, const char *value)
{
	const char *item;

	for (size_t i = 0; (item = renewalconf_item(rd->conf, PARAMS, key, i)); i++)
		rd->r->webroot = arena_strdup(rd->arena, span_str(item));
	return 0;
}

const char *
renewal_challenge(const char *word)
{
	static const char *const known[] = { "http-01", "dns-01", "tls-alpn-01" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct span whole = span_str(known[i]), given = span_str(word);

		if (span_eq(given, whole) || span_eq(given, span_of(whole.p, whole.n - 3)))
			return known[i];
	}
	return NULL;
}

/* A list in the order of preference: the first counts. */
static int
read_challenges(struct reader *rd, const char *key, const char *value)
{
	const char *item = renewalconf_item(rd->conf, PARAMS, key, 0);

	if (!item)
		return 0;
	rd->r->challenge = renewal_challenge(item);
	if (!rd->r->challenge)
		return err_set(rd->e, ERR_CONFIG, "it wants the challenge \"%s\"", item);
	return 0;
}

/* Where a plain string goes: an offset, so that the table can name it. */
#define FIELD(member) offsetof(struct renewal, member)
#define NO_FIELD ((size_t)-1)

static const struct param {
	const char *key;
	size_t field;
	int (*read)(struct reader *rd, const char *key, const char *value);
} params[] = {
	{ "account", FIELD(account), NULL },
	{ "authenticator", NO_FIELD, read_authenticator },
	{ "autorenew", NO_FIELD, read_autorenew },
	{ "http01_address", FIELD(http_address), NULL },
	{ "http01_port", FIELD(http_port), NULL },
	{ "manual_auth_hook", FIELD(auth_hook), NULL },
	{ "manual_cleanup_hook", FIELD(cleanup_hook), NULL },
	{ "must_staple", NO_FIELD, read_must_staple },
	{ "post_hook", FIELD(post_hook), NULL },
	{ "pre_hook", FIELD(pre_hook), NULL },
	{ "pref_challs", NO_FIELD, read_challenges },
	{ "preferred_chain", FIELD(preferred_chain), NULL },
	{ "preferred_profile", FIELD(preferred_profile), NULL },
	{ "required_profile", FIELD(required_profile), NULL },
	{ "renew_hook", FIELD(deploy_hook), NULL },
	{ "reuse_key", NO_FIELD, read_reuse_key },
	{ "server", NO_FIELD, read_server },
	{ "webroot_path", NO_FIELD, read_webroot_path },
	/* Read with the key's type, below. */
	{ "elliptic_curve", NO_FIELD, NULL },
	{ "key_type", NO_FIELD, NULL },
	{ "rsa_key_size", NO_FIELD, NULL },
	/* Certbot's own affairs. */
	{ "config_dir", NO_FIELD, NULL },
	{ "logs_dir", NO_FIELD, NULL },
	{ "manual_public_ip_logging_ok", NO_FIELD, NULL },
	{ "user_agent", NO_FIELD, NULL },
	{ "work_dir", NO_FIELD, NULL },
};

static const struct own_param {
	const char *key;
	size_t field;
} own_params[] = {
	{ "ca_file", FIELD(ca_file) },
	{ "dns_hook", FIELD(dns_hook) },
	{ "dns_propagation_seconds", FIELD(propagation) },
	{ "dns_server", FIELD(dns_server) },
	{ "fallback_servers", FIELD(fallback_servers) },
	{ "preflight", FIELD(preflight) },
	{ "reload", FIELD(reload) },
	{ "tls_alpn_01_port", FIELD(tls_alpn_port) },
	{ "verify", FIELD(verify) },
};

static const char **
field_of(const struct renewal *r, size_t field)
{
	return (const char **)(void *)((char *)(uintptr_t)r + field);
}

static const struct param *
find_param(const char *key)
{
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		if (strcmp(params[i].key, key) == 0)
			return &params[i];
	}
	return NULL;
}

static int
read_param(struct reader *rd, const char *key, const char *value)
{
	const struct param *p = find_param(key);

	if (strcmp(value, "None") == 0 || (!p && is_off(value)))
		return 0;
	if (p) {
		if (p->read)
			return p->read(rd, key, value);
		if (p->field != NO_FIELD)
			*field_of(rd->r, p->field) = arena_strdup(rd->arena, span_str(value));
		return 0;
	}
	err_set(rd->e, ERR_CONFIG, "its setting %s = %s is not built in", key, value);
	return err_hint(rd->e, "take it out of the file, or let certbot renew this certificate");
}

/* certbot's defaults: rsa where no type is written (it was, before 2.0), 2048 bits, secp256r1. */
static int
read_key_spec(struct reader *rd)
{
	const char *type = renewalconf_get(rd->conf, PARAMS, "key_type");
	const char *curve = renewalconf_get(rd->conf, PARAMS, "elliptic_curve");
	const char *size = renewalconf_get(rd->conf, PARAMS, "rsa_key_size");
	char *text;
	int rc;

	if (type && strcmp(type, "rsa") != 0 && strcmp(type, "ecdsa") != 0)
		return err_set(rd->e, ERR_CONFIG, "its key_type is \"%s\"", type);
	if (type && strcmp(type, "ecdsa") == 0)
		text = mem_strdup(curve && !is_off(curve) ? curve : "secp256r1");
	else
		text = mem_printf("rsa:%s", size && !is_off(size) ? size : "2048");
	rc = pkey_spec_parse(span_str(text), &rd->r->key, rd->e);
	free(text);
	if (rc < 0 && rd->e)
		rd->e->kind = ERR_CONFIG;
	return rc;
}

static void
read_map(struct reader *rd)
{
	const char *key;
	size_t count = 0;

	while (renewalconf_key(rd->conf, MAP, count))
		count++;
	rd->r->roots = arena_array(rd->arena, count + 1, sizeof(*rd->r->roots));
	for (size_t i = 0; (key = renewalconf_key(rd->conf, MAP, i)); i++) {
		struct webroot *root = &rd->r->roots[rd->r->root_count++];
		const char *dir = renewalconf_get(rd->conf, MAP, key);

		root->name = arena_strdup(rd->arena, span_str(key));
		root->dir = arena_strdup(rd->arena, span_str(dir ? dir : ""));
	}
}

/* A tree of which parts lie elsewhere is certbot's to handle. */
static int
check_paths(struct reader *rd, const struct certstore *store, const char *name)
{
	static const struct {
		const char *key;
		enum certstore_part part;
	} links[] = {
		{ "cert", CERTSTORE_CERT },
		{ "chain", CERTSTORE_CHAIN },
		{ "fullchain", CERTSTORE_FULLCHAIN },
		{ "privkey", CERTSTORE_PRIVKEY },
	};
	char *archive = mem_printf("%s/archive/%s", certstore_dir(store), name);
	const char *value = renewalconf_get(rd->conf, "", "archive_dir");
	int rc = 0;

	if (value && strcmp(value, archive) != 0)
		rc = err_set(rd->e, ERR_CONFIG, "its archive_dir is %s, not %s", value, archive);
	for (size_t i = 0; rc == 0 && i < sizeof(links) / sizeof(links[0]); i++) {
		char *path = certstore_path(store, name, links[i].part);

		value = renewalconf_get(rd->conf, "", links[i].key);
		if (!value)
			rc = err_set(rd->e, ERR_CONFIG, "it has no %s", links[i].key);
		else if (strcmp(value, path) != 0)
			rc = err_set(rd->e, ERR_CONFIG, "its %s is %s, not %s", links[i].key, value,
			    path);
		free(path);
	}
	if (rc < 0)
		err_hint(rd->e, "was the directory moved? correct the paths in the file");
	free(archive);
	return rc;
}

static int
read_conf(struct reader *rd, const struct certstore *store, const char *name)
{
	const char *key;

	if (check_paths(rd, store, name) < 0)
		return -1;
	if (!renewalconf_get(rd->conf, PARAMS, "authenticator"))
		return err_set(rd->e, ERR_CONFIG,
		    "it does not say how names are proved (authenticator)");
	for (size_t i = 0; (key = renewalconf_key(rd->conf, PARAMS, i)); i++) {
		if (read_param(rd, key, renewalconf_get(rd->conf, PARAMS, key)) < 0)
			return -1;
	}
	if (!rd->r->server)
		return err_set(rd->e, ERR_CONFIG, "it does not name the CA (server)");
	for (size_t i = 0; (key = renewalconf_key(rd->conf, OURS, i)); i++) {
		for (size_t j = 0; j < sizeof(own_params) / sizeof(own_params[0]); j++) {
			const char *value = renewalconf_get(rd->conf, OURS, key);

			if (strcmp(own_params[j].key, key) == 0 && value)
				*field_of(rd->r, own_params[j].field) =
				    arena_strdup(rd->arena, span_str(value));
		}
	}
	read_map(rd);
	return read_key_spec(rd);
}

static char *
conf_path(const struct certstore *store, const char *name)
{
	return mem_printf("%s/renewal/%s.conf", certstore_dir(store), name);
}

int
renewal_load(struct certstore *store, const char *name, struct arena *arena, struct renewal *r,
    struct err *e)
{
	struct reader rd = { .conf = renewalconf_new(), .arena = arena, .r = r, .e = e };
	char *path = conf_path(store, name);
	int rc = -1;

	*r = (struct renewal){ .server = NULL };
	if (renewalconf_load(rd.conf, path, e) == 0) {
		rc = read_conf(&rd, store, name);
		if (rc < 0)
			err_wrap(e, "cannot renew by %s", path);
	}
	renewalconf_free(rd.conf);
	free(path);
	return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int
write_paths(struct renewalconf *conf, const struct certstore *store, const char *name)
{
	static const char *const keys[] = {
		[CERTSTORE_CERT] = "cert",
		[CERTSTORE_CHAIN] = "chain",
		[CERTSTORE_FULLCHAIN] = "fullchain",
		[CERTSTORE_PRIVKEY] = "privkey",
	};
	/* In the order certbot writes them. */
	static const enum certstore_part order[] = { CERTSTORE_CERT, CERTSTORE_PRIVKEY,
		CERTSTORE_CHAIN, CERTSTORE_FULLCHAIN };
	char *archive = mem_printf("%s/archive/%s", certstore_dir(store), name);
	int rc = renewalconf_set(conf, "", "version", CONF_VERSION);

	rc |= renewalconf_set(conf, "", "archive_dir", archive);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		char *path = certstore_path(store, name, order[i]);

		rc |= renewalconf_set(conf, "", keys[order[i]], path);
		free(path);
	}
	free(archive);
	return rc;
}

static int
write_key_spec(struct renewalconf *conf, const struct pkey_spec *key)
{
	/* certbot knows curves by these names only. */
	static const struct {
		const char *ours, *certbot;
	} curves[] = {
		{ "P-256", "secp256r1" },
		{ "P-384", "secp384r1" },
		{ "P-521", "secp521r1" },
	};
	bool rsa = key->kind == PKEY_RSA;
	char *size = rsa ? mem_printf("%u", key->bits) : NULL;
	const char *curve = NULL;
	int rc = renewalconf_set(conf, PARAMS, "key_type", rsa ? "rsa" : "ecdsa");

	for (size_t i = 0; !rsa && i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (key->curve && strcmp(curves[i].ours, key->curve) == 0)
			curve = curves[i].certbot;
	}
	rc |= renewalconf_set(conf, PARAMS, "elliptic_curve", curve);
	rc |= renewalconf_set(conf, PARAMS, "rsa_key_size", size);
	free(size);
	return rc;
}

static int
write_roots(struct renewalconf *conf, const struct renewal *r)
{
	const char *key;
	int rc = 0;

	if (r->webroot && r->solver == RENEWAL_WEBROOT)
		rc |= renewalconf_set_list(conf, PARAMS, "webroot_path", &r->webroot, 1);
	else
		rc |= renewalconf_set(conf, PARAMS, "webroot_path", NULL);
	while (rc == 0 && (key = renewalconf_key(conf, MAP, 0)))
		rc |= renewalconf_set(conf, MAP, key, NULL);
	for (size_t i = 0; i < r->root_count && r->solver == RENEWAL_WEBROOT; i++)
		rc |= renewalconf_set(conf, MAP, r->roots[i].name, r->roots[i].dir);
	return rc;
}

/* What other ways of proving have left in the file has no say any more. */
static int
write_solver(struct renewalconf *conf, const struct renewal *r)
{
	bool standalone = r->solver == RENEWAL_STANDALONE, manual = r->solver == RENEWAL_MANUAL;
	int rc = 0;

	if (r->challenge)
		rc |= renewalconf_set_list(conf, PARAMS, "pref_challs", &r->challenge, 1);
	else
		rc |= renewalconf_set(conf, PARAMS, "pref_challs", NULL);
	rc |= renewalconf_set(conf, PARAMS, "http01_address", standalone ? r->http_address : NULL);
	rc |= renewalconf_set(conf, PARAMS, "http01_port", standalone ? r->http_port : NULL);
	rc |= renewalconf_set(conf, PARAMS, "manual_auth_hook", manual ? r->auth_hook : NULL);
	rc |= renewalconf_set(conf, PARAMS, "manual_cleanup_hook", manual ? r->cleanup_hook : NULL);
	return rc | write_roots(conf, r);
}

/* What renewal_load would refuse has no say any more once we have issued; certbot drops such keys, too. */
static int
drop_refused(struct renewalconf *conf)
{
	const char *key;
	size_t i = 0;
	int rc = 0;

	while (rc == 0 && (key = renewalconf_key(conf, PARAMS, i))) {
		const char *value = renewalconf_get(conf, PARAMS, key);

		if (find_param(key) || (value && is_off(value)))
			i++;
		else
			rc = renewalconf_set(conf, PARAMS, key, NULL);
	}
	return rc;
}

static int
write_conf(struct renewalconf *conf, const struct certstore *store, const char *name,
    const struct renewal *r)
{
	int rc = drop_refused(conf);

	rc |= write_paths(conf, store, name);
	rc |= renewalconf_set(conf, PARAMS, "account", r->account);
	rc |= renewalconf_set(conf, PARAMS, "authenticator", solver_names[r->solver]);
	rc |= write_solver(conf, r);
	rc |= renewalconf_set(conf, PARAMS, "server", r->server);
	rc |= write_key_spec(conf, &r->key);
	rc |= renewalconf_set(conf, PARAMS, "reuse_key", r->reuse_key ? "True" : NULL);
	rc |= renewalconf_set(conf, PARAMS, "must_staple", r->must_staple ? "True" : NULL);
	rc |= renewalconf_set(conf, PARAMS, "preferred_chain", r->preferred_chain);
	rc |= renewalconf_set(conf, PARAMS, "preferred_profile", r->preferred_profile);
	rc |= renewalconf_set(conf, PARAMS, "required_profile", r->required_profile);
	rc |= renewalconf_set(conf, PARAMS, "autorenew", r->off ? "False" : NULL);
	rc |= renewalconf_set(conf, PARAMS, "pre_hook", r->pre_hook);
	rc |= renewalconf_set(conf, PARAMS, "post_hook", r->post_hook);
	rc |= renewalconf_set(conf, PARAMS, "renew_hook", r->deploy_hook);
	for (size_t i = 0; i < sizeof(own_params) / sizeof(own_params[0]); i++)
		rc |= renewalconf_set(conf, OURS, own_params[i].key,
		    *field_of(r, own_params[i].field));
	return rc;
}

int
renewal_save(struct certstore *store, const char *name, const struct renewal *r, struct err *e)
{
	struct renewalconf *conf = renewalconf_new();
	char *path = conf_path(store, name), *dir = file_join(certstore_dir(store), "renewal");
	int rc = -1;

	if (file_make_dirs(dir, 0755, e) < 0)
		goto out;
	if (file_exists(path) && renewalconf_load(conf, path, e) < 0)
		goto out;
	if (write_conf(conf, store, name, r) < 0)
		err_set(e, ERR_CONFIG, "a setting has quotes in it that %s cannot carry", path);
	else
		rc = renewalconf_save(conf, path, e);
out:
	renewalconf_free(conf);
	free(dir);
	free(path);
	return rc;
}

const char *
renewal_webroot(const struct renewal *r, struct span name)
{
	for (size_t i = 0; i < r->root_count; i++) {
		if (span_eq_nocase(span_str(r->roots[i].name), name))
			return r->roots[i].dir;
	}
	return r->webroot;
}

/* SPDX-License-Identifier: ISC */
/*
 * account: find, load, register. Files are written in the order key, meta, regr; certbot
 * passes over a directory until all three are there.
 */
#include "libacme/account.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/acme_json.h"
#include "libacme/jwk.h"
#include "libcert/pkey.h"

#include <openssl/pem.h>

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)64 * 1024)

static void
account_clear(struct account *account)
{
	account->id[0] = '\0';
	account->key = NULL;
	account->url = NULL;
}

void
account_release(struct account *account)
{
	EVP_PKEY_free(account->key);
	free(account->url);
	account_clear(account);
}

/* accounts/HOST[:PORT]/PATH: certbot's netloc + path, without query or fragment. */
static char *
server_dir(const struct certstore *store, const char *server, struct err *e)
{
	struct span path = span_after(span_str(server), strlen("https://"));

	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] == '?' || path.p[i] == '#') {
			path.n = i;
			break;
		}
	}
	while (span_ends(path, SPAN("/")))
		path.n--;
	for (struct span rest = path, part; span_split(&rest, '/', &part);) {
		if (span_eq(part, SPAN("..")) || span_eq(part, SPAN("."))) {
			err_set(e, ERR_USAGE, "the CA's address %s has \"..\" in its path", server);
			return NULL;
		}
	}
	return mem_printf("%s/accounts/%.*s", certstore_dir(store), SPAN_ARG(path));
}

static int
key_id(const EVP_PKEY *key, char id[ACCOUNT_ID_LEN + 1], struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	struct buf hex;
	char *pem;
	long len;
	int rc = -1;

	buf_init(&hex, ACCOUNT_ID_LEN + 1);
	if (!bio || PEM_write_bio_PUBKEY(bio, (EVP_PKEY *)key) != 1 ||
	    (len = BIO_get_mem_data(bio, &pem)) <= 0 ||
	    EVP_Digest(pem, (size_t)len, digest, &n, EVP_md5(), NULL) != 1) {
		err_set_openssl(e, ERR_BUG, "cannot compute the account's id");
		goto out;
	}
	encode_hex(&hex, span_of(digest, n));
	memcpy(id, buf_str(&hex), ACCOUNT_ID_LEN + 1);
	rc = 0;
out:
	buf_release(&hex);
	BIO_free(bio);
	return rc;
}

/* ---- loading --------------------------------------------------------------------------------- */

static int
load_key(const char *dir, EVP_PKEY **key, struct err *e)
{
	char *path = file_join(dir, "private_key.json");
	struct buf text;
	int rc = -1;

	buf_init_secret(&text, FILE_MAX);
	if (file_read(path, &text, e) == 0) {
		rc = jwk_parse_private(buf_span(&text), key, e);
		if (rc < 0)
			err_wrap(e, "cannot use the account key %s", path);
	}
	buf_release(&text);
	free(path);
	return rc;
}

/* *url stays NULL when there is no regr.json: a registration cut short. */
static int
load_url(const char *dir, char **url, struct err *e)
{
	char *path = file_join(dir, "regr.json");
	cJSON *doc = NULL;
	struct buf text;
	int rc = -1;

	buf_init(&text, FILE_MAX);
	if (!file_exists(path)) {
		rc = 0;
		goto out;
	}
	if (file_read(path, &text, e) < 0)
		goto out;
	if (acme_json_parse(buf_span(&text), path, &doc, e) < 0)
		goto out;
	if (!acme_json_url(doc, "uri")) {
		err_set(e, ERR_DATA, "%s does not name the account's https address", path);
		goto out;
	}
	*url = mem_strdup(acme_json_url(doc, "uri"));
	rc = 0;
out:
	cJSON_Delete(doc);
	buf_release(&text);
	free(path);
	return rc;
}

static int
load_dir(const char *dir, const char *id, struct account *account, struct err *e)
{
	char *path = file_join(dir, id);
	int rc = -1;

	account_clear(account);
	if (load_key(path, &account->key, e) == 0 && load_url(path, &account->url, e) == 0) {
		memcpy(account->id, id, ACCOUNT_ID_LEN + 1);
		rc = 0;
	} else {
		account_release(account);
	}
	free(path);
	return rc;
}

static bool
id_ok(const char *id)
{
	return strlen(id) == ACCOUNT_ID_LEN && strspn(id, "0123456789abcdef") == ACCOUNT_ID_LEN;
}

static bool
has_file(const char *dir, const char *id, const char *name)
{
	char *path = mem_printf("%s/%s/%s", dir, id, name);
	bool has = file_exists(path);

	free(path);
	return has;
}

/* Count the accounts in dir; one of them goes into id, all into list (for a message). */
static int
scan_dir(const char *dir, bool complete, char id[ACCOUNT_ID_LEN + 1], struct buf *list,
    struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int count = 0;

	if (!d) {
		if (errno == ENOENT)
			return 0;
		return err_set_errno(e, errno, "cannot look for accounts in %s", dir);
	}
	while ((entry = readdir(d))) {
		if (!id_ok(entry->d_name) || !has_file(dir, entry->d_name, "private_key.json") ||
		    has_file(dir, entry->d_name, "regr.json") != complete)
			continue;
		memcpy(id, entry->d_name, ACCOUNT_ID_LEN + 1);
		buf_printf(list, "%s%s", count++ ? ", " : "", entry->d_name);
	}
	closedir(d);
	return count;
}

int
account_load(struct certstore *store, const char *server, const char *id, struct account *account,
    struct err *e)
{
	char *dir = server_dir(store, server, e);
	char found[ACCOUNT_ID_LEN + 1];
	struct buf list;
	int count, rc = -1;

	account_clear(account);
	buf_init(&list, FILE_MAX);
	if (!dir)
		goto out;
	if (id) {
		if (!id_ok(id)) {
			err_set(e, ERR_USAGE, "\"%s\" is no account id (32 hexadecimal digits)",
			    id);
			goto out;
		}
		rc = load_dir(dir, id, account, e);
		goto out;
	}
	count = scan_dir(dir, true, found, &list, e);
	if (count == 0)
		count = scan_dir(dir, false, found, &list, e);
	if (count == 1) {
		rc = load_dir(dir, found, account, e);
	} else if (count == 0) {
		err_set(e, ERR_NOINPUT, "there is no account for %s in %s", server, dir);
	} else if (count > 1) {
		err_set(e, ERR_USAGE, "there are %d accounts for %s: %s", count, server,
		    buf_str(&list));
		err_hint(e, "choose one with --account");
	}
out:
	buf_release(&list);
	free(dir);
	return rc;
}

/* ---- registering (RFC 8555 7.3) -------------------------------------------------------------- */

static int
write_key(const char *dir, const EVP_PKEY *key, struct err *e)
{
	char *path = file_join(dir, "private_key.json");
	struct buf json;
	int rc = -1;

	buf_init_secret(&json, FILE_MAX);
	if (file_make_dirs(dir, 0700, e) == 0 && jwk_format_private(key, &json, e) == 0)
		rc = file_write_new(path, buf_span(&json), 0400, e);
	buf_release(&json);
	free(path);
	return rc;
}

static int
write_registration(const char *dir, const char *url, struct err *e)
{
	char *meta_path = file_join(dir, "meta.json"), *regr_path = file_join(dir, "regr.json");
	char host[256] = "localhost", now[CLOCK_RFC3339_LEN + 1];
	struct buf meta, regr;
	int rc = -1;

	gethostname(host, sizeof(host) - 1);
	clock_format_rfc3339(clock_wall(), now);
	buf_init(&meta, FILE_MAX);
	buf_init(&regr, FILE_MAX);
	buf_printf(&meta, "{\"creation_dt\": \"%s\", \"creation_host\": \"", now);
	encode_json(&meta, span_str(host));
	buf_add_str(&meta, "\", \"register_to_eff\": null}");
	buf_add_str(&regr, "{\"body\": {}, \"uri\": \"");
	encode_json(&regr, span_str(url));
	buf_add_str(&regr, "\"}");
	if (file_write_atomic(meta_path, buf_span(&meta), 0644, e) == 0)
		rc = file_write_atomic(regr_path, buf_span(&regr), 0644, e);
	buf_release(&regr);
	buf_release(&meta);
	free(regr_path);
	free(meta_path);
	return rc;
}

struct registration {
	char *url;
	struct err *e;
	int rc;
};

static void
registered(void *arg, const struct acme_answer *answer)
{
	struct registration *r = arg;

	if (answer->error)
		err_move(r->e, answer->error);
	else if (!answer->reply->location)
		err_set(r->e, ERR_UNAVAILABLE,
		    "the CA made an account but did not say its address");
	else
		r->url = mem_strdup(answer->reply->location);
	r->rc = r->url ? 0 : -1;
}

static int
register_account(struct acme *ca, const struct account_new *fresh, struct account *account,
    struct err *e)
{
	struct registration r = { .e = e, .rc = -1 };
	struct acme_post post = {
		.url = acme_url(ca, ACME_NEW_ACCOUNT),
		.what = "cannot register an account",
		.repeatable = true, /* the same key gives the same account */
		.done = registered,
		.arg = &r,
	};
	struct buf json;

	buf_init(&json, FILE_MAX);
	buf_add_str(&json, "{\"termsOfServiceAgreed\":true");
	if (fresh->email) {
		buf_add_str(&json, ",\"contact\":[\"mailto:");
		encode_json(&json, span_str(fresh->email));
		buf_add_str(&json, "\"]");
	}
	buf_add_char(&json, '}');
	post.payload = buf_span(&json);
	acme_set_account(ca, account->key, NULL);
	acme_post(ca, &post);
	acme_http_run(acme_transport(ca));
	buf_release(&json);
	account->url = r.url;
	return r.rc;
}

/* A new key; or the key of a registration that was cut short, which account then holds already. */
static int
prepare_key(const char *dir, struct account *account, struct err *e)
{
	static const struct pkey_spec spec = { .kind = PKEY_EC, .curve = "P-256" };
	char *path;
	int rc;

	if (account->key)
		return 0;
	if (pkey_generate(&spec, &account->key, e) < 0 || key_id(account->key, account->id, e) < 0)
		return -1;
	path = file_join(dir, account->id);
	rc = write_key(path, account->key, e);
	free(path);
	return rc;
}

static int
check_terms(struct acme *ca, const struct account_new *fresh, struct err *e)
{
	const char *terms = acme_terms(ca);

	if (acme_needs_eab(ca)) {
		err_set(e, ERR_CONFIG, "%s takes only accounts bound to an account of its web site",
		    acme_server(ca));
		return err_hint(e,
		    "external account binding is not built in yet: choose another CA, "
		    "or register with certbot; its account is used from then on");
	}
	if (!terms || (fresh->agree && fresh->agree(fresh->arg, terms)))
		return 0;
	err_set(e, ERR_CONFIG, "registering with %s means agreeing to its terms: %s",
	    acme_server(ca), terms);
	return err_hint(e, "read them and give --agree-tos");
}

static int
use_locked(struct certstore *store, struct acme *ca, const char *id,
    const struct account_new *fresh, struct account *account, struct err *e)
{
	char *dir = NULL, *path = NULL;
	int rc = account_load(store, acme_server(ca), id, account, e);

	if (rc < 0 && (id || e->kind != ERR_NOINPUT))
		return -1;
	if (rc < 0)
		err_reset(e);
	if (account->url) {
		acme_set_account(ca, account->key, account->url);
		return 0;
	}
	rc = -1;
	if (check_terms(ca, fresh, e) < 0)
		goto out;
	dir = server_dir(store, acme_server(ca), e);
	if (!dir || prepare_key(dir, account, e) < 0)
		goto out;
	certstore_step("account.key");
	if (register_account(ca, fresh, account, e) < 0)
		goto out;
	certstore_step("account.registered");
	path = file_join(dir, account->id);
	if (write_registration(path, account->url, e) < 0)
		goto out;
	acme_set_account(ca, account->key, account->url);
	rc = 0;
out:
	free(path);
	free(dir);
	return rc;
}

int
account_use(struct certstore *store, struct acme *ca, const char *id,
    const struct account_new *fresh, struct account *account, struct err *e)
{
	struct err why = ERR_INIT;
	char *path;
	int lock, rc;

	/* The usual case needs no lock: what is complete stays so. */
	if (account_load(store, acme_server(ca), id, account, &why) == 0 && account->url) {
		acme_set_account(ca, account->key, account->url);
		return 0;
	}
	account_release(account);
	if (why.kind != ERR_NONE && why.kind != ERR_NOINPUT) {
		err_move(e, &why);
		return -1;
	}
	err_release(&why);
	path = certstore_private_path(store, "accounts.lock", e);
	if (!path)
		return -1;
	lock = file_lock(path, true, &why);
	free(path);
	if (lock < 0) {
		err_move(e, &why);
		return -1;
	}
	rc = use_locked(store, ca, id, fresh, account, &why);
	close(lock);
	if (rc < 0) {
		account_release(account);
		err_move(e, &why);
	}
	return rc;
}

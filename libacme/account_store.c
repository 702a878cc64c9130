/* SPDX-License-Identifier: ISC */
/*
 * account_store: find, load, save. Files are written in the order key, meta, regr; certbot
 * passes over a directory until all three are there.
 */
#include "libacme/account_store.h"

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
#define ROLLOVER "rollover.json" /* account_rollover.c */

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
char *
account_server_dir(const struct certstore *store, const char *server, struct err *e)
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

int
account_key_id(const EVP_PKEY *key, char id[ACCOUNT_ID_LEN + 1], struct err *e)
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

int
account_key_load(const char *path, EVP_PKEY **key, struct err *e)
{
	struct buf text;
	int rc = -1;

	buf_init_secret(&text, FILE_MAX);
	if (file_read(path, &text, e) == 0) {
		if (span_starts(span_trim(buf_span(&text)), SPAN("{")))
			rc = jwk_parse_private(buf_span(&text), key, e);
		else
			rc = pkey_parse_pem(buf_span(&text), NULL, key, e);
		if (rc < 0)
			err_wrap(e, "cannot use the key %s", path);
	}
	buf_release(&text);
	return rc;
}

static int
load_key(const char *dir, EVP_PKEY **key, struct err *e)
{
	char *path = file_join(dir, "private_key.json");
	int rc = account_key_load(path, key, e);

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

bool
account_id_ok(const char *id)
{
	return strlen(id) == ACCOUNT_ID_LEN && strspn(id, "0123456789abcdef") == ACCOUNT_ID_LEN;
}

/*
 * After a change of keys the old id is a link to the new one beside it, until no lineage names it. (Links to
 * elsewhere are certbot's, for a CA that has moved.)
 */
static bool
read_alias(const char *dir, const char *id, char target[ACCOUNT_ID_LEN + 1])
{
	char *path = file_join(dir, id);
	ssize_t n = readlink(path, target, ACCOUNT_ID_LEN + 1);

	free(path);
	if (n != ACCOUNT_ID_LEN)
		return false;
	target[n] = '\0';
	return account_id_ok(target);
}

static int
load_dir(const char *dir, const char *id, struct account *account, struct err *e)
{
	char *path = file_join(dir, id);
	int rc = -1;

	account_clear(account);
	if (load_key(path, &account->key, e) == 0 && load_url(path, &account->url, e) == 0) {
		if (!read_alias(dir, id, account->id))
			memcpy(account->id, id, ACCOUNT_ID_LEN + 1);
		rc = 0;
	} else {
		account_release(account);
	}
	free(path);
	return rc;
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
	char target[ACCOUNT_ID_LEN + 1];
	struct dirent *entry;
	int count = 0;

	if (!d) {
		if (errno == ENOENT)
			return 0;
		return err_set_errno(e, errno, "cannot look for accounts in %s", dir);
	}
	while ((entry = readdir(d))) {
		if (!account_id_ok(entry->d_name) ||
		    !has_file(dir, entry->d_name, "private_key.json") ||
		    has_file(dir, entry->d_name, "regr.json") != complete)
			continue;
		if (read_alias(dir, entry->d_name, target) ||
		    (has_file(dir, entry->d_name, ROLLOVER) && !complete))
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
	char *dir = account_server_dir(store, server, e);
	char found[ACCOUNT_ID_LEN + 1];
	struct buf list;
	int count, rc = -1;

	account_clear(account);
	buf_init(&list, FILE_MAX);
	if (!dir)
		goto out;
	if (id) {
		if (!account_id_ok(id)) {
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

/* ---- saving ---------------------------------------------------------------------------------- */

/* DIR/accounts/SERVER/ID; NULL with e set for a server that makes no safe path. */
static char *
account_dir(const struct certstore *store, const char *server, const char *id, struct err *e)
{
	char *dir = account_server_dir(store, server, e);
	char *path = dir ? file_join(dir, id) : NULL;

	free(dir);
	return path;
}

static int
write_key(const char *dir, const EVP_PKEY *key, struct err *e)
{
	char *path = file_join(dir, "private_key.json");
	struct buf json;
	int rc = -1;

	buf_init_secret(&json, FILE_MAX);
	if (file_exists(path))
		rc = 0;
	else if (file_make_dirs(dir, 0700, e) == 0 && jwk_format_private(key, &json, e) == 0)
		rc = file_write_new(path, buf_span(&json), 0400, e);
	buf_release(&json);
	free(path);
	return rc;
}

int
account_save_key(struct certstore *store, const char *server, struct account *account,
    struct err *e)
{
	char *dir;
	int rc;

	if (account_key_id(account->key, account->id, e) < 0)
		return -1;
	dir = account_dir(store, server, account->id, e);
	rc = dir ? write_key(dir, account->key, e) : -1;
	free(dir);
	return rc;
}

static int
write_meta(const char *dir, struct err *e)
{
	char *path = file_join(dir, "meta.json");
	char host[256] = "localhost", now[CLOCK_RFC3339_LEN + 1];
	struct buf meta;
	int rc = 0;

	gethostname(host, sizeof(host) - 1);
	clock_format_rfc3339(clock_wall(), now);
	buf_init(&meta, FILE_MAX);
	buf_printf(&meta, "{\"creation_dt\": \"%s\", \"creation_host\": \"", now);
	encode_json(&meta, span_str(host));
	buf_add_str(&meta, "\", \"register_to_eff\": null}");
	if (!file_exists(path))
		rc = file_write_atomic(path, buf_span(&meta), 0644, e);
	buf_release(&meta);
	free(path);
	return rc;
}

int
account_save_url(struct certstore *store, const char *server, const struct account *account,
    struct err *e)
{
	char *dir = account_dir(store, server, account->id, e), *path;
	struct buf regr;
	int rc = -1;

	if (!dir)
		return -1;
	buf_init(&regr, FILE_MAX);
	buf_add_str(&regr, "{\"body\": {}, \"uri\": \"");
	encode_json(&regr, span_str(account->url));
	buf_add_str(&regr, "\"}");
	path = file_join(dir, "regr.json");
	if (write_meta(dir, e) == 0)
		rc = file_write_atomic(path, buf_span(&regr), 0644, e);
	free(path);
	buf_release(&regr);
	free(dir);
	return rc;
}

int
account_remove(struct certstore *store, const char *server, const char *id, struct err *e)
{
	/* regr.json first: what is left of a removal cut short is no whole account any more. */
	static const char *const files[] = { "regr.json", "meta.json", ROLLOVER,
		"private_key.json" };
	char *dir = account_dir(store, server, id, e);
	int rc = dir ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < sizeof(files) / sizeof(files[0]); i++) {
		char *path = file_join(dir, files[i]);

		if (unlink(path) < 0 && errno != ENOENT)
			rc = err_set_errno(e, errno, "cannot remove %s", path);
		free(path);
	}
	/* Something of somebody else's in it is left to him. */
	if (rc == 0 && rmdir(dir) < 0 && errno != ENOTEMPTY && errno != EEXIST)
		rc = err_set_errno(e, errno, "cannot remove %s", dir);
	free(dir);
	return rc;
}

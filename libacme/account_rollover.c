/* SPDX-License-Identifier: ISC */
/*
 * account_rollover: a new key for an account (RFC 8555 7.3.5).
 *
 *	accounts/SERVER/NEW/rollover.json  {"from": "OLD"}: under way, until the last step below is done
 *	1. rollover.json and the new key are on disk
 *	2. the CA is told (keyChange: signed by the new key inside, by the old one outside)
 *	3. NEW/regr.json: the new one is a whole account
 *	4. OLD becomes a link to NEW, so that a lineage that names OLD renews with NEW
 *	5. lineages are moved to NEW; with none left the link goes, and rollover.json
 *
 * When it is cut short, or the CA's reply is lost, the CA is asked which of the keys it knows.
 */
#include "base/file.h"
#include "base/mem.h"
#include "libacme/account.h"
#include "libacme/acme_ask.h"
#include "libacme/acme_json.h"
#include "libacme/jwk.h"
#include "libacme/jws.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#define FILE_MAX ((size_t)64 * 1024)
#define NOTE "rollover.json"

struct rollover {
	struct account account; /* the new one */
	char from[ACCOUNT_ID_LEN + 1];
};

/* ---- the note -------------------------------------------------------------------------------- */

static int
note_save(const char *dir, const char *id, const char *from, struct err *e)
{
	char *home = file_join(dir, id), *path = file_join(home, NOTE);
	char *json = mem_printf("{\"from\": \"%s\"}\n", from);
	int rc = file_make_dirs(home, 0700, e);

	if (rc == 0)
		rc = file_write_atomic(path, span_str(json), 0600, e);
	free(json);
	free(path);
	free(home);
	return rc;
}

static bool
note_load(const char *dir, const char *id, char from[ACCOUNT_ID_LEN + 1])
{
	char *path = mem_printf("%s/%s/" NOTE, dir, id);
	const char *text = NULL;
	cJSON *doc = NULL;
	struct buf json;

	buf_init(&json, FILE_MAX);
	if (file_exists(path) && file_read(path, &json, NULL) == 0 &&
	    acme_json_parse(buf_span(&json), path, &doc, NULL) == 0)
		text = acme_json_string(doc, "from");
	if (text && account_id_ok(text))
		memcpy(from, text, ACCOUNT_ID_LEN + 1);
	else
		text = NULL;
	cJSON_Delete(doc);
	buf_release(&json);
	free(path);
	return text != NULL;
}

/* The id whose directory has the note; false: no change of keys is under way. */
static bool
note_find(const char *dir, char id[ACCOUNT_ID_LEN + 1], char from[ACCOUNT_ID_LEN + 1])
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	bool found = false;

	while (d && !found && (entry = readdir(d))) {
		/* The old id may be a link to where the note is. */
		found = entry->d_type != DT_LNK && account_id_ok(entry->d_name) &&
			note_load(dir, entry->d_name, from);
		if (found)
			memcpy(id, entry->d_name, ACCOUNT_ID_LEN + 1);
	}
	if (d)
		closedir(d);
	return found;
}

bool
account_is_unsettled(struct certstore *store, const char *server)
{
	char *dir = account_server_dir(store, server, NULL);
	char id[ACCOUNT_ID_LEN + 1], from[ACCOUNT_ID_LEN + 1];
	bool found = dir && note_find(dir, id, from);

	free(dir);
	return found;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* What is there of OLD becomes a link to NEW. */
static int
make_alias(struct certstore *store, const char *server, const char *dir, const struct rollover *r,
    struct err *e)
{
	char *old = file_join(dir, r->from);
	char target[ACCOUNT_ID_LEN + 1];
	int rc = 0;

	if (readlink(old, target, sizeof(target)) < 0) {
		rc = account_remove(store, server, r->from, e);
		if (rc == 0 && symlink(r->account.id, old) < 0)
			rc = err_set_errno(e, errno, "cannot make the link %s", old);
	}
	free(old);
	return rc;
}

static int
drop(const char *dir, const char *sub, struct err *e)
{
	char *path = file_join(dir, sub);
	int rc = 0;

	if (unlink(path) < 0 && errno != ENOENT)
		rc = err_set_errno(e, errno, "cannot remove %s", path);
	free(path);
	return rc;
}

/* Steps 3 to 5; the CA knows the new key. */
static int
complete(struct certstore *store, const char *server, const struct rollover *r, struct err *e)
{
	char *dir = account_server_dir(store, server, e);
	char *note = mem_printf("%s/" NOTE, r->account.id);
	bool left = false;
	int rc = -1;

	if (!dir)
		goto out;
	certstore_step("rollover.save");
	if (account_save_url(store, server, &r->account, e) < 0)
		goto out;
	certstore_step("rollover.alias");
	if (make_alias(store, server, dir, r, e) < 0)
		goto out;
	certstore_step("rollover.move");
	if (account_move_lineages(store, server, r->from, r->account.id, &left, e) < 0)
		goto out;
	rc = 0;
	if (left)
		goto out; /* another process works on one: the next run moves it */
	certstore_step("rollover.end");
	rc = drop(dir, r->from, e) < 0 || drop(dir, note, e) < 0 ? -1 : 0;
out:
	free(note);
	free(dir);
	return rc;
}

int
account_settle(struct certstore *store, struct acme *ca, struct err *e)
{
	const char *server = acme_server(ca);
	char *dir = account_server_dir(store, server, e);
	struct rollover r = { .from = "" };
	char id[ACCOUNT_ID_LEN + 1];
	struct err why = ERR_INIT;
	int rc = dir ? 0 : -1;

	if (rc < 0 || !note_find(dir, id, r.from))
		goto out;
	/* Without a key the CA was never told; with the URL it is known to have followed. */
	rc = account_load(store, server, id, &r.account, &why);
	if (rc == 0 && !r.account.url)
		rc = account_find_url(ca, r.account.key, &r.account.url, &why);
	if (rc == 0)
		rc = complete(store, server, &r, e);
	else if (why.kind == ERR_NOINPUT)
		rc = account_remove(store, server, id, e);
	else if (e)
		err_move(e, &why);
out:
	err_release(&why);
	account_release(&r.account);
	free(dir);
	return rc;
}

/* The object that the new key signs. */
static int
format_change(struct acme *ca, const struct account *old, EVP_PKEY *key, struct buf *out,
    struct err *e)
{
	struct jws_header header = { .url = acme_url(ca, ACME_KEY_CHANGE) };
	struct buf json;
	int rc = -1;

	buf_init(&json, FILE_MAX);
	buf_printf(&json, "{\"account\":\"%s\",\"oldKey\":", old->url);
	if (jwk_format_public(old->key, &json, e) == 0) {
		buf_add_char(&json, '}');
		rc = jws_sign(key, &header, buf_span(&json), out, e);
	}
	buf_release(&json);
	return rc;
}

/*
 * Whatever was answered: did the CA do as it was told? (libcurl sends a request again by itself when a kept connection dies under
 * it, and the answer is then the second one's.) 1 yes, 0 no, -1 cannot be found out now.
 */
static int
took_place(struct acme *ca, const struct account *old, EVP_PKEY *key)
{
	struct err why = ERR_INIT;
	char *url = NULL;
	int rc = -1;

	if (account_find_url(ca, key, &url, &why) == 0)
		rc = strcmp(url, old->url) == 0;
	else if (why.kind == ERR_NOINPUT)
		rc = 0;
	acme_set_account(ca, old->key, old->url);
	free(url);
	err_release(&why);
	return rc;
}

static int
tell_ca(struct certstore *store, struct acme *ca, const struct account *old, struct rollover *r,
    struct err *e)
{
	struct acme_post post = {
		.url = acme_url(ca, ACME_KEY_CHANGE),
		.what = "cannot change the account's key",
	};
	struct acme_told told = { .status = 0 };
	struct buf inner;
	int rc = -1, took;

	buf_init(&inner, FILE_MAX);
	if (format_change(ca, old, r->account.key, &inner, e) < 0)
		goto out;
	post.payload = buf_span(&inner);
	certstore_step("rollover.tell");
	rc = acme_ask(ca, &post, &told, e);
	if (rc == 0)
		goto out;
	took = took_place(ca, old, r->account.key);
	if (took > 0) {
		err_reset(e);
		rc = 0;
	} else if (took == 0) {
		(void)!account_remove(store, acme_server(ca), r->account.id, NULL);
	} else {
		err_hint(e, "the next run finds out whether the CA has changed it");
	}
out:
	acme_told_release(&told);
	buf_release(&inner);
	return rc;
}

static int
rollover_locked(struct certstore *store, struct acme *ca, struct account *account,
    struct rollover *r, struct err *e)
{
	const char *server = acme_server(ca);
	char *dir = account_server_dir(store, server, e);
	int rc = -1;

	if (!dir || account_key_id(r->account.key, r->account.id, e) < 0)
		goto out;
	if (EVP_PKEY_eq(r->account.key, account->key) == 1) {
		err_set(e, ERR_USAGE, "that is the key the account has already");
		goto out;
	}
	certstore_step("rollover.key");
	if (note_save(dir, r->account.id, account->id, e) < 0 ||
	    account_save_key(store, server, &r->account, e) < 0 ||
	    tell_ca(store, ca, account, r, e) < 0)
		goto out;
	memcpy(r->from, account->id, sizeof(r->from));
	r->account.url = mem_strdup(account->url);
	rc = complete(store, server, r, e);
	acme_set_account(ca, r->account.key, r->account.url);
	account_release(account);
	*account = r->account;
	r->account = (struct account){ .url = NULL };
out:
	free(dir);
	return rc;
}

int
account_rollover(struct certstore *store, struct acme *ca, struct account *account, EVP_PKEY *key,
    const struct pkey_spec *spec, struct err *e)
{
	struct rollover r = { .from = "" };
	char *path;
	int lock, rc = -1;

	if (!acme_url(ca, ACME_KEY_CHANGE))
		return err_set(e, ERR_UNAVAILABLE, "%s cannot change the keys of accounts",
		    acme_server(ca));
	if (key) {
		EVP_PKEY_up_ref(key);
		r.account.key = key;
	} else if (pkey_generate(spec, &r.account.key, e) < 0) {
		return -1;
	}
	path = certstore_private_path(store, "accounts.lock", e);
	lock = path ? file_lock(path, true, e) : -1;
	if (lock >= 0) {
		rc = rollover_locked(store, ca, account, &r, e);
		close(lock);
	}
	free(path);
	account_release(&r.account);
	return rc;
}

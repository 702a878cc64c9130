/* SPDX-License-Identifier: ISC */
/*
 * account: registering and using (RFC 8555 7.3), asking, changing contacts, ending.
 */
#include "libacme/account.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/acme_ask.h"

#include <unistd.h>

#define PAYLOAD_MAX ((size_t)64 * 1024)

/* ---- registering ----------------------------------------------------------------------------- */

/* ,"contact":["mailto:a@example.com", ...] */
static int
add_contacts(struct buf *json, const char *email, struct err *e)
{
	struct span rest = span_str(email), piece;
	bool first = true;

	buf_add_str(json, "\"contact\":[");
	while (span_split(&rest, ',', &piece)) {
		piece = span_trim(piece);
		if (span_find(piece, '@') <= 0 || span_find(piece, ' ') >= 0)
			return err_set(e, ERR_USAGE, "\"%.*s\" is no e-mail address",
			    SPAN_ARG(piece));
		buf_add_str(json, first ? "\"mailto:" : ",\"mailto:");
		encode_json(json, piece);
		buf_add_char(json, '"');
		first = false;
	}
	buf_add_char(json, ']');
	return 0;
}

static int
add_registration(struct acme *ca, const struct account_new *fresh, const EVP_PKEY *key,
    struct buf *json, struct err *e)
{
	buf_add_str(json, "{\"termsOfServiceAgreed\":true");
	if (fresh->email) {
		buf_add_char(json, ',');
		if (add_contacts(json, fresh->email, e) < 0)
			return -1;
	}
	if (fresh->eab && fresh->eab->kid) {
		buf_add_str(json, ",\"externalAccountBinding\":");
		if (eab_format(fresh->eab, key, acme_url(ca, ACME_NEW_ACCOUNT), json, e) < 0)
			return -1;
	}
	buf_add_char(json, '}');
	return 0;
}

/* newAccount with json as payload: the account's URL. */
static int
ask_for_url(struct acme *ca, EVP_PKEY *key, struct span json, const char *what, char **url,
    struct acme_told *told, struct err *e)
{
	struct acme_post post = {
		.url = acme_url(ca, ACME_NEW_ACCOUNT),
		.payload = json,
		.what = what,
		.repeatable = true, /* the same key gives the same account */
	};

	acme_set_account(ca, key, NULL);
	if (acme_ask(ca, &post, told, e) < 0)
		return -1;
	if (!told->location)
		return err_set(e, ERR_UNAVAILABLE,
		    "the CA has an account but does not say its address");
	*url = told->location;
	told->location = NULL;
	return 0;
}

int
account_find_url(struct acme *ca, EVP_PKEY *key, char **url, struct err *e)
{
	struct acme_told told;
	int rc = ask_for_url(ca, key, SPAN("{\"onlyReturnExisting\":true}"),
	    "cannot look for the account", url, &told, e);

	if (rc < 0 && told.problem && strcmp(told.problem, "accountDoesNotExist") == 0 && e)
		e->kind = ERR_NOINPUT;
	acme_told_release(&told);
	return rc;
}

static int
register_account(struct acme *ca, const struct account_new *fresh, struct account *account,
    struct err *e)
{
	struct acme_told told = { .status = 0 };
	struct buf json;
	int rc = -1;

	buf_init_secret(&json, PAYLOAD_MAX);
	if (add_registration(ca, fresh, account->key, &json, e) == 0)
		rc = ask_for_url(ca, account->key, buf_span(&json), "cannot register an account",
		    &account->url, &told, e);
	acme_told_release(&told);
	buf_release(&json);
	return rc;
}

static int
check_terms(struct acme *ca, const struct account_new *fresh, struct err *e)
{
	const char *terms = acme_terms(ca);

	if (acme_needs_eab(ca) && (!fresh->eab || !fresh->eab->kid)) {
		err_set(e, ERR_CONFIG, "%s takes only accounts bound to an account of its web site",
		    acme_server(ca));
		return err_hint(e,
		    "get a key id and an HMAC key there and register once: acme-account register "
		    "--server %s --agree-tos --eab-kid KID --eab-hmac-key FILE",
		    acme_server(ca));
	}
	if (!terms || (fresh->agree && fresh->agree(fresh->arg, terms)))
		return 0;
	err_set(e, ERR_CONFIG, "registering with %s means agreeing to its terms: %s",
	    acme_server(ca), terms);
	return err_hint(e, "read them and give --agree-tos");
}

/* The given key, a new one, or that of a registration that was cut short, which account then holds already. */
static int
prepare_key(const struct account_new *fresh, struct account *account, struct err *e)
{
	static const struct pkey_spec spec = { .kind = PKEY_EC, .curve = "P-256" };

	if (account->key)
		return 0;
	if (!fresh->key)
		return pkey_generate(fresh->spec ? fresh->spec : &spec, &account->key, e);
	EVP_PKEY_up_ref(fresh->key);
	account->key = fresh->key;
	return 0;
}

/* ---- using ----------------------------------------------------------------------------------- */

/* What the store has: by id, by the key that is given, or the only one. */
static int
load(struct certstore *store, struct acme *ca, const char *id, const struct account_new *fresh,
    struct account *account, struct err *e)
{
	char of_key[ACCOUNT_ID_LEN + 1];

	if (fresh->key) {
		if (account_key_id(fresh->key, of_key, e) < 0)
			return -1;
		id = of_key;
	}
	return account_load(store, acme_server(ca), id, account, e);
}

static int
use_locked(struct certstore *store, struct acme *ca, const char *id,
    const struct account_new *fresh, struct account *account, struct err *e)
{
	if (account_settle(store, ca, e) < 0)
		return -1;
	if (load(store, ca, id, fresh, account, e) < 0) {
		if ((id && !fresh->key) || e->kind != ERR_NOINPUT)
			return -1;
		err_reset(e);
	}
	if (!account->url) {
		if (check_terms(ca, fresh, e) < 0 || prepare_key(fresh, account, e) < 0 ||
		    account_save_key(store, acme_server(ca), account, e) < 0)
			return -1;
		certstore_step("account.key");
		if (register_account(ca, fresh, account, e) < 0)
			return -1;
		certstore_step("account.registered");
		if (account_save_url(store, acme_server(ca), account, e) < 0)
			return -1;
	}
	acme_set_account(ca, account->key, account->url);
	return 0;
}

int
account_use(struct certstore *store, struct acme *ca, const char *id,
    const struct account_new *fresh, struct account *account, struct err *e)
{
	struct err why = ERR_INIT;
	char *path;
	int lock, rc = -1;

	/* The usual case needs no lock: what is complete stays so. */
	if (!account_is_unsettled(store, acme_server(ca)) &&
	    load(store, ca, id, fresh, account, &why) == 0 && account->url) {
		acme_set_account(ca, account->key, account->url);
		return 0;
	}
	account_release(account);
	if (why.kind != ERR_NONE && why.kind != ERR_NOINPUT)
		goto out;
	err_reset(&why);
	path = certstore_private_path(store, "accounts.lock", &why);
	lock = path ? file_lock(path, true, &why) : -1;
	free(path);
	if (lock < 0)
		goto out;
	rc = use_locked(store, ca, id, fresh, account, &why);
	close(lock);
out:
	if (rc < 0) {
		account_release(account);
		if (e)
			err_move(e, &why);
	}
	err_release(&why);
	return rc;
}

int
account_use_known(struct certstore *store, struct acme *ca, const char *id, struct account *account,
    struct err *e)
{
	struct account_new none = { .email = NULL };
	struct err why = ERR_INIT;

	if (account_load(store, acme_server(ca), id, account, &why) < 0 &&
	    !account_is_unsettled(store, acme_server(ca))) {
		err_move(e, &why);
		return -1;
	}
	err_release(&why);
	account_release(account);
	return account_use(store, ca, id, &none, account, e);
}

/* ---- asking and changing --------------------------------------------------------------------- */

static int
post_account(struct acme *ca, struct span payload, const char *what, cJSON **doc, struct err *e)
{
	struct acme_post post = {
		.url = acme_account_url(ca),
		.payload = payload,
		.what = what,
		.repeatable = true,
	};
	struct acme_told told;
	int rc = acme_ask(ca, &post, &told, e);

	if (rc == 0 && doc) {
		*doc = told.doc;
		told.doc = NULL;
		if (!*doc)
			rc = err_set(e, ERR_UNAVAILABLE, "%s: the CA's reply is no JSON object",
			    what);
	}
	acme_told_release(&told);
	return rc;
}

int
account_query(struct acme *ca, cJSON **doc, struct err *e)
{
	return post_account(ca, SPAN(""), "cannot ask for the account", doc, e);
}

int
account_update(struct acme *ca, const char *email, cJSON **doc, struct err *e)
{
	struct buf json;
	int rc = -1;

	buf_init(&json, PAYLOAD_MAX);
	buf_add_char(&json, '{');
	if (add_contacts(&json, email, e) == 0) {
		buf_add_char(&json, '}');
		rc = post_account(ca, buf_span(&json), "cannot update the account", doc, e);
	}
	buf_release(&json);
	return rc;
}

int
account_deactivate(struct certstore *store, struct acme *ca, const struct account *account,
    struct err *e)
{
	if (post_account(ca, SPAN("{\"status\":\"deactivated\"}"), "cannot deactivate the account",
		NULL, e) < 0)
		return -1;
	return account_remove(store, acme_server(ca), account->id, e);
}

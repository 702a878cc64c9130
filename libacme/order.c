/* SPDX-License-Identifier: ISC */
/*
 * order: the state machine. The table says which moves exist; any other is a bug and aborts.
 *
 * The CA's order object drives it: after every answer that carries one, order_follow
 * decides by its status what comes next, so that an order met in any state (resumed,
 * validated from an earlier authorization, finalized by a request whose reply was lost) is
 * carried on from there.
 */
#include "libacme/order.h"

#include "base/encode.h"
#include "base/mem.h"
#include "libacme/acme_json.h"
#include "libacme/csr.h"
#include "libacme/order_internal.h"
#include "libcert/certstore.h"

#include <openssl/ec.h>
#include <openssl/objects.h>

#include <assert.h>

#define FULLCHAIN_MAX ((size_t)256 * 1024)
#define AUTHZ_MAX 200

#define TO(state) (1u << (state))
static const struct order_step {
	const char *name;
	unsigned next;
} steps[] = {
	[ORDER_IDLE] = { "starting", TO(ORDER_RESUMING) | TO(ORDER_CREATING) },
	[ORDER_RESUMING] = { "taking up the order of an earlier run",
	    TO(ORDER_CREATING) | TO(ORDER_AUTHORIZING) | TO(ORDER_FINALIZING) | TO(ORDER_ISSUING) |
		TO(ORDER_DOWNLOADING) },
	[ORDER_CREATING] = { "creating the order", TO(ORDER_AUTHORIZING) | TO(ORDER_FINALIZING) |
						       TO(ORDER_ISSUING) | TO(ORDER_DOWNLOADING) },
	[ORDER_AUTHORIZING] = { "asking what is to be proved",
	    TO(ORDER_PRESENTING) | TO(ORDER_VALIDATING) | TO(ORDER_EXPLAINING) |
		TO(ORDER_CREATING) },
	[ORDER_PRESENTING] = { "putting the challenges on show", TO(ORDER_ANSWERING) },
	[ORDER_ANSWERING] = { "telling the CA to look", TO(ORDER_VALIDATING) },
	[ORDER_VALIDATING] = { "waiting for the CA's validation",
	    TO(ORDER_EXPLAINING) | TO(ORDER_FINALIZING) | TO(ORDER_ISSUING) |
		TO(ORDER_DOWNLOADING) },
	[ORDER_EXPLAINING] = { "asking why validation failed", 0 },
	[ORDER_FINALIZING] = { "sending the certificate request",
	    TO(ORDER_VALIDATING) | TO(ORDER_ISSUING) | TO(ORDER_DOWNLOADING) },
	[ORDER_ISSUING] = { "waiting for the certificate",
	    TO(ORDER_FINALIZING) | TO(ORDER_DOWNLOADING) },
	[ORDER_DOWNLOADING] = { "downloading the certificate", TO(ORDER_DONE) },
	[ORDER_DONE] = { "done", 0 },
	[ORDER_FAILED] = { "failed", 0 },
};

static void order_ask(struct order *o);

const char *
order_state_name(enum order_state state)
{
	return steps[state].name;
}

struct order *
order_new(const struct order_request *request)
{
	struct order *o = mem_zalloc(sizeof(*o));

	o->req = *request;
	o->arena = arena_new(0);
	buf_init(&o->fullchain, FULLCHAIN_MAX);
	return o;
}

void
order_free(struct order *o)
{
	if (!o)
		return;
	assert(o->waiting == 0);
	buf_release(&o->fullchain);
	err_release(&o->verdict);
	err_release(&o->failure);
	order_file_release(&o->file);
	arena_free(o->arena);
	free(o);
}

struct span
order_fullchain(const struct order *o)
{
	return buf_span(&o->fullchain);
}

EVP_PKEY *
order_key(const struct order *o)
{
	return o->file.key;
}

/* ---- moving ---------------------------------------------------------------------------------- */

void
order_move(struct order *o, enum order_state to)
{
	if (!(steps[o->state].next & TO(to)))
		abort();
	o->state = to;
	o->poll_ms = 0;
	if (o->req.progress)
		o->req.progress(o->req.arg, to);
}

void
order_cleanup(struct order *o)
{
	for (size_t i = 0; i < o->file.shown_count; i++) {
		const struct order_shown *shown = &o->file.shown[i];
		char *key_auth = mem_printf("%s.%s", shown->token, o->thumbprint);
		struct challenge c = {
			.name = span_str(shown->name),
			.type = shown->type,
			.token = shown->token,
			.key_auth = key_auth,
		};

		/* What another solver showed, that one alone can take away. */
		if (shown->marked && strcmp(shown->type, o->req.solver->type) == 0)
			o->req.solver->cleanup(o->req.solver, &c);
		free(key_auth);
	}
	order_file_clear_shown(&o->file);
}

void
order_fail(struct order *o, struct err *e)
{
	struct err why = ERR_INIT;

	err_move(&why, e);
	order_cleanup(o);
	o->failed_in = o->state;
	o->state = ORDER_FAILED;
	o->req.done(o->req.arg, o, &why);
	err_release(&why);
}

void
order_fail_for_good(struct order *o, struct err *e)
{
	order_file_remove(o->req.file);
	order_fail(o, e);
}

bool
order_was_asked(const struct order *o)
{
	return o->failed_in != ORDER_IDLE && o->failed_in != ORDER_PRESENTING &&
	       !acme_http_stopped(acme_transport(o->req.ca));
}

bool
order_collect(struct order *o, struct err *failure)
{
	if (failure && o->failure.kind == ERR_NONE)
		err_move(&o->failure, failure);
	return --o->waiting == 0;
}

static void
post_it(struct order *o, struct acme_post post)
{
	o->waiting++;
	acme_post(o->req.ca, &post);
}

void
order_post(struct order *o, const char *url, struct span payload, const char *what,
    void (*done)(void *arg, const struct acme_answer *answer), void *arg)
{
	post_it(o, (struct acme_post){ .url = url,
		       .payload = payload,
		       .what = what,
		       .repeatable = payload.n == 0,
		       .done = done,
		       .arg = arg });
}

void
order_post_again(struct order *o, const char *url, struct span payload, const char *what,
    void (*done)(void *arg, const struct acme_answer *answer), void *arg)
{
	post_it(o, (struct acme_post){ .url = url,
		       .payload = payload,
		       .what = what,
		       .repeatable = true,
		       .done = done,
		       .arg = arg });
}

/* ---- the order object (RFC 8555 7.1.3) ------------------------------------------------------- */

static char *
arena_url(struct order *o, const cJSON *doc, const char *key)
{
	const char *url = acme_json_url(doc, key);

	return url ? arena_strdup(o->arena, span_str(url)) : NULL;
}

static int
read_authorizations(struct order *o, const cJSON *doc, struct err *e)
{
	const cJSON *list = acme_json_array(doc, "authorizations");
	int count = list ? cJSON_GetArraySize(list) : 0;

	if (o->authz)
		return 0;
	if (count < 1 || count > AUTHZ_MAX)
		return err_set(e, ERR_UNAVAILABLE, "the CA sent an order with %d authorizations",
		    count);
	o->authz = arena_array(o->arena, (size_t)count, sizeof(*o->authz));
	for (const cJSON *item = list->child; item; item = item->next) {
		if (!cJSON_IsString(item) || !acme_url_ok(item->valuestring))
			return err_set(e, ERR_UNAVAILABLE,
			    "the CA sent an authorization that is no URL");
		o->authz[o->authz_count++].url =
		    arena_strdup(o->arena, span_str(item->valuestring));
	}
	return 0;
}

static int
order_read(struct order *o, const cJSON *doc, struct err *e)
{
	if (!o->finalize)
		o->finalize = arena_url(o, doc, "finalize");
	o->certificate = arena_url(o, doc, "certificate");
	if (!o->finalize)
		return err_set(e, ERR_UNAVAILABLE, "the CA sent an order without a finalize URL");
	return read_authorizations(o, doc, e);
}

static void
order_follow_pending(struct order *o, const struct acme_answer *answer)
{
	if (o->state == ORDER_RESUMING || o->state == ORDER_CREATING)
		order_authorize(o);
	else
		order_poll(o, answer->reply->retry_after_ms);
}

static void
order_follow_processing(struct order *o, const struct acme_answer *answer)
{
	if (o->state != ORDER_ISSUING)
		order_move(o, ORDER_ISSUING);
	order_poll(o, answer->reply->retry_after_ms);
}

/* "ready" after the CSR was sent is a CA that is slow to say "processing", unless it may not have come. */
static bool
order_wants_csr(const struct order *o)
{
	return o->finalized == 0 || (o->finalize_unsure && o->state == ORDER_ISSUING);
}

void
order_follow(struct order *o, const struct acme_answer *answer)
{
	struct err e = ERR_INIT;
	const char *status;
	cJSON *doc = NULL;

	if (acme_json_parse(answer->reply->body, "the CA's order", &doc, &e) < 0 ||
	    order_read(o, doc, &e) < 0)
		goto bad;
	status = acme_json_string(doc, "status");
	status = status ? status : "";
	if (strcmp(status, "pending") == 0 && o->state <= ORDER_VALIDATING) {
		order_follow_pending(o, answer);
	} else if (strcmp(status, "ready") == 0 && o->req.revalidate &&
		   o->state == ORDER_CREATING) {
		order_authorize(o);
	} else if (strcmp(status, "ready") == 0 && order_wants_csr(o)) {
		order_finalize(o);
	} else if (strcmp(status, "processing") == 0 || strcmp(status, "ready") == 0) {
		order_follow_processing(o, answer);
	} else if (strcmp(status, "valid") == 0 && o->certificate) {
		order_cleanup(o);
		order_download(o);
	} else if (strcmp(status, "invalid") == 0 && o->state == ORDER_RESUMING) {
		order_create(o);
	} else if (strcmp(status, "invalid") == 0) {
		order_explain(o, acme_json_object(doc, "error"));
	} else {
		err_set(&e, ERR_UNAVAILABLE, "the CA sent an order of status \"%.32s\"", status);
		goto bad;
	}
	cJSON_Delete(doc);
	return;
bad:
	/* What is wrong is the CA, or somebody before it. */
	e.kind = ERR_UNAVAILABLE;
	order_fail(o, &e);
	cJSON_Delete(doc);
	err_release(&e);
}

/* ---- creating and resuming ------------------------------------------------------------------- */

static int
order_remember(struct order *o, const char *url, struct err *e)
{
	struct order_file *file = &o->file;

	order_file_release(file);
	file->server = mem_strdup(acme_server(o->req.ca));
	file->account = mem_strdup(acme_account_url(o->req.ca));
	file->url = mem_strdup(url);
	order_file_set_names(file, o->req.names, o->req.name_count);
	if (o->req.csr.n) {
		certstore_step("order.created");
		return order_file_save(o->req.file, file, e);
	}
	if (o->req.key) {
		EVP_PKEY_up_ref(o->req.key);
		file->key = o->req.key;
	} else if (pkey_generate(&o->req.key_spec, &file->key, e) < 0) {
		return -1;
	}
	certstore_step("order.created");
	return order_file_save(o->req.file, file, e);
}

/*
 * A CA that does not know the certificate before, or has seen it replaced, refuses the whole order (RFC 9773 5): what it says
 * about an order without it is what counts.
 */
static bool
refuses_replaces(const struct order *o, const struct acme_answer *answer)
{
	return o->req.replaces && answer->problem && answer->reply->status >= 400 &&
	       answer->reply->status < 500 && answer->reply->status != 429 &&
	       !acme_http_stopped(acme_transport(o->req.ca));
}

static void
on_created(void *arg, const struct acme_answer *answer)
{
	struct order *o = arg;
	struct err e = ERR_INIT;

	o->waiting--;
	if (answer->error && refuses_replaces(o, answer)) {
		o->req.replaces = NULL;
		order_ask(o);
		return;
	}
	if (answer->error) {
		order_fail(o, answer->error);
		return;
	}
	if (!answer->reply->location) {
		err_set(&e, ERR_UNAVAILABLE, "the CA made an order but did not say its address");
		order_fail(o, &e);
	} else if (order_remember(o, answer->reply->location, &e) < 0) {
		order_fail(o, &e);
	} else {
		certstore_step("order.remembered");
		order_follow(o, answer);
	}
	err_release(&e);
}

/* The profile to ask for, or NULL; refused when it is required and the CA does not have it. */
static int
choose_profile(const struct order *o, const char **profile, struct err *e)
{
	const struct order_request *r = &o->req;
	struct buf list;

	*profile = r->required_profile;
	if (!*profile && r->preferred_profile && acme_has_profile(r->ca, r->preferred_profile))
		*profile = r->preferred_profile;
	if (!*profile || acme_has_profile(r->ca, *profile))
		return 0;
	err_set(e, ERR_CONFIG, "the CA makes no certificates of profile \"%s\"", *profile);
	buf_init(&list, ORDER_PAYLOAD_MAX);
	acme_list_profiles(r->ca, &list);
	err_hint(e, "it has: %s", list.len ? buf_str(&list) : "no profiles");
	buf_release(&list);
	return -1;
}

static void
add_order(struct order *o, const char *profile, struct buf *json)
{
	buf_add_str(json, "{\"identifiers\":[");
	for (size_t i = 0; i < o->req.name_count; i++) {
		buf_printf(json, "%s{\"type\":\"%s\",\"value\":\"", i ? "," : "",
		    csr_name_is_ip(o->req.names[i]) ? "ip" : "dns");
		encode_json(json, o->req.names[i]);
		buf_add_str(json, "\"}");
	}
	buf_add_char(json, ']');
	if (profile) {
		buf_add_str(json, ",\"profile\":\"");
		encode_json(json, span_str(profile));
		buf_add_char(json, '"');
	}
	if (o->req.replaces) {
		buf_add_str(json, ",\"replaces\":\"");
		encode_json(json, span_str(o->req.replaces));
		buf_add_char(json, '"');
	}
	buf_add_char(json, '}');
}

void
order_create(struct order *o)
{
	/* Of an order that is no more, nothing is kept. */
	order_cleanup(o);
	order_file_remove(o->req.file);
	o->authz = NULL;
	o->authz_count = 0;
	o->finalize = NULL;
	order_move(o, ORDER_CREATING);
	certstore_step("order.create");
	order_ask(o);
}

static void
order_ask(struct order *o)
{
	const char *profile;
	struct err e = ERR_INIT;
	struct buf json;

	if (choose_profile(o, &profile, &e) < 0) {
		order_fail(o, &e);
		err_release(&e);
		return;
	}
	buf_init(&json, ORDER_PAYLOAD_MAX);
	add_order(o, profile, &json);
	/* An order that is made twice costs less than a run that gives up: CAs hand out the same one again. */
	order_post_again(o, acme_url(o->req.ca, ACME_NEW_ORDER), buf_span(&json),
	    "the CA refused the order", on_created, o);
	buf_release(&json);
}

static void
on_resumed(void *arg, const struct acme_answer *answer)
{
	struct order *o = arg;
	/* The CA answered, but not with the order: it is no more. A limit or trouble there is another thing. */
	bool gone = answer->problem && answer->reply->status < 500 &&
		    answer->reply->status != 429 &&
		    !acme_problem_is(answer->problem, "accountDoesNotExist") &&
		    !acme_problem_is(answer->problem, "badNonce");

	o->waiting--;
	if (!answer->error)
		order_follow(o, answer);
	else if (gone)
		order_create(o);
	else
		order_fail(o, answer->error);
}

/* A remembered order is taken up only if it would give exactly what is asked for now. */
static bool
key_fits(const struct order *o)
{
	const struct pkey_spec *spec = &o->req.key_spec;
	const EVP_PKEY *key = o->file.key;
	char group[64];

	if (o->req.csr.n || !key)
		return o->req.csr.n && !key;
	if (o->req.key)
		return EVP_PKEY_eq(key, o->req.key) == 1;
	switch (spec->kind) {
	case PKEY_RSA:
		return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
		       EVP_PKEY_get_bits(key) == (int)spec->bits;
	case PKEY_EC:
		return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
		       EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
		       OBJ_sn2nid(group) != NID_undef &&
		       OBJ_sn2nid(group) == EC_curve_nist2nid(spec->curve);
	case PKEY_ED25519:
		return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
	}
	return false;
}

void
order_start(struct order *o)
{
	struct err e = ERR_INIT;
	bool fits;

	if (jwk_thumbprint(acme_account_key(o->req.ca), o->thumbprint, &e) < 0) {
		order_fail(o, &e);
		err_release(&e);
		return;
	}
	fits = order_file_load(o->req.file, &o->file, &e) == 0 &&
	       strcmp(o->file.server, acme_server(o->req.ca)) == 0 &&
	       strcmp(o->file.account, acme_account_url(o->req.ca)) == 0 &&
	       order_file_has_names(&o->file, o->req.names, o->req.name_count) && key_fits(o);
	err_release(&e);
	if (!fits) {
		order_create(o);
		return;
	}
	order_cleanup(o);
	order_move(o, ORDER_RESUMING);
	order_post(o, o->file.url, SPAN(""), "cannot take up the order of an earlier run",
	    on_resumed, o);
}

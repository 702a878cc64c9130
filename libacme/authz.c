/* SPDX-License-Identifier: ISC */
/*
 * authz: authorizations. Names, tokens and URLs are checked here, before they can become
 * file names or requests.
 */
#include "libacme/authz.h"

#include "base/mem.h"
#include "libacme/acme_json.h"
#include "libacme/acme_problem.h"

#define NAME_MAX_LEN 253

static char *
copy(struct arena *arena, const char *s)
{
	return arena_strdup(arena, span_str(s));
}

static int
read_status(const char *text, enum authz_status *status, struct err *e)
{
	static const struct {
		const char *name;
		enum authz_status status;
	} known[] = {
		{ "pending", AUTHZ_PENDING },
		{ "processing", AUTHZ_PENDING },
		{ "valid", AUTHZ_VALID },
		{ "invalid", AUTHZ_INVALID },
		{ "deactivated", AUTHZ_INVALID },
		{ "expired", AUTHZ_INVALID },
		{ "revoked", AUTHZ_INVALID },
	};

	for (size_t i = 0; text && i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, text) == 0) {
			*status = known[i].status;
			return 0;
		}
	}
	return err_set(e, ERR_UNAVAILABLE, "the CA sent an authorization of status \"%.32s\"",
	    text ? text : "");
}

static int
read_challenge(struct authz *a, const cJSON *item, const char *thumbprint, struct arena *arena,
    struct err *e)
{
	const char *url = acme_json_url(item, "url");
	const char *token = acme_json_string(item, "token");
	const char *status = acme_json_string(item, "status");

	if (!url || !token || !challenge_token_ok(token))
		return err_set(e, ERR_UNAVAILABLE,
		    "the CA sent a challenge without proper URL or token");
	a->challenge.url = copy(arena, url);
	a->challenge.token = copy(arena, token);
	a->challenge.key_auth = arena_printf(arena, "%s.%s", token, thumbprint).p;
	a->answered = status && strcmp(status, "pending") != 0;
	return 0;
}

int
authz_read(struct authz *a, struct span json, const char *type, const char *thumbprint,
    struct arena *arena, struct err *e)
{
	const cJSON *identifier, *list;
	const char *name;
	cJSON *doc;
	int rc = -1;

	if (acme_json_parse(json, "the CA's authorization", &doc, e) < 0)
		return -1;
	identifier = acme_json_object(doc, "identifier");
	list = acme_json_array(doc, "challenges");
	name = identifier ? acme_json_string(identifier, "value") : NULL;
	if (!name || !list || !*name || strlen(name) > NAME_MAX_LEN) {
		err_set(e, ERR_UNAVAILABLE,
		    "the CA sent an authorization without name or challenges");
		goto out;
	}
	if (read_status(acme_json_string(doc, "status"), &a->status, e) < 0)
		goto out;
	a->wildcard = acme_json_true(doc, "wildcard");
	a->challenge = (struct challenge){ .name = arena_dup(arena, span_str(name)), .type = type };
	rc = 0;
	for (const cJSON *item = list->child; item && rc == 0; item = item->next) {
		const char *offered = acme_json_string(item, "type");

		if (offered && strcmp(offered, type) == 0) {
			rc = read_challenge(a, item, thumbprint, arena, e);
			break;
		}
	}
out:
	cJSON_Delete(doc);
	return rc;
}

int
authz_failure(struct span json, struct err *e)
{
	struct acme_problem problem = { 0 };
	const cJSON *identifier, *list, *error = NULL;
	const char *name;
	cJSON *doc;
	char *text;

	if (acme_json_parse(json, "the CA's authorization", &doc, e) < 0)
		return -1;
	identifier = acme_json_object(doc, "identifier");
	name = identifier ? acme_json_string(identifier, "value") : NULL;
	list = acme_json_array(doc, "challenges");
	for (const cJSON *item = list ? list->child : NULL; item && !error; item = item->next)
		error = acme_json_object(item, "error");
	text = mem_printf("the CA could not validate %.*s", NAME_MAX_LEN, name ? name : "a name");
	if (error) {
		acme_problem_read(error, &problem);
		acme_problem_error(&problem, 0, text, e);
		acme_problem_release(&problem);
	} else {
		const char *status = acme_json_string(doc, "status");

		err_set(e, ERR_PARTIAL, "%s: its authorization is \"%.32s\"", text,
		    status ? status : "");
	}
	free(text);
	cJSON_Delete(doc);
	return -1;
}

/* SPDX-License-Identifier: ISC */
/*
 * revocation: the request, and the note.
 */
#include "libacme/revocation.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/acme_ask.h"
#include "libacme/acme_json.h"
#include "libcert/x509info.h"

#include <unistd.h>

#define PAYLOAD_MAX ((size_t)64 * 1024)
#define NOTE_MAX ((size_t)4096)

static const struct reason_row {
	const char *name;
	enum revocation_reason reason;
} reasons[] = {
	{ "unspecified", REVOCATION_UNSPECIFIED },
	{ "keyCompromise", REVOCATION_KEY_COMPROMISE },
	{ "affiliationChanged", REVOCATION_AFFILIATION_CHANGED },
	{ "superseded", REVOCATION_SUPERSEDED },
	{ "cessationOfOperation", REVOCATION_CESSATION },
};

#define REASON_COUNT (sizeof(reasons) / sizeof(reasons[0]))

int
revocation_reason_parse(const char *text, enum revocation_reason *reason, struct err *e)
{
	struct buf names;
	uint64_t number = UINT64_MAX;

	(void)!span_to_u64(span_str(text), 100, &number);
	buf_init(&names, 256);
	for (size_t i = 0; i < REASON_COUNT; i++) {
		if (span_eq_nocase(span_str(text), span_str(reasons[i].name)) ||
		    number == (uint64_t)reasons[i].reason) {
			*reason = reasons[i].reason;
			buf_release(&names);
			return 0;
		}
		buf_printf(&names, "%s%s", i ? ", " : "", reasons[i].name);
	}
	err_set(e, ERR_USAGE, "\"%s\" is no reason that a subscriber can give", text);
	err_hint(e, "%s", buf_str(&names));
	buf_release(&names);
	return -1;
}

void
revocation_reason_offer(struct buf *out)
{
	for (size_t i = 0; i < REASON_COUNT; i++)
		buf_printf(out, "%s\n", reasons[i].name);
}

const char *
revocation_reason_name(enum revocation_reason reason)
{
	for (size_t i = 0; i < REASON_COUNT; i++) {
		if (reasons[i].reason == reason)
			return reasons[i].name;
	}
	return "unspecified";
}

int
revocation_send(struct acme *ca, X509 *leaf, enum revocation_reason reason, bool *already,
    struct err *e)
{
	struct acme_post post = {
		.url = acme_url(ca, ACME_REVOKE),
		.what = "cannot revoke the certificate",
		.repeatable = true, /* the second answer is "alreadyRevoked" */
	};
	struct acme_told told = { .status = 0 };
	unsigned char *der = NULL;
	int n = i2d_X509(leaf, &der), rc = -1;
	struct buf json;

	*already = false;
	buf_init(&json, PAYLOAD_MAX);
	if (!post.url) {
		err_set(e, ERR_UNAVAILABLE, "%s revokes no certificates by ACME", acme_server(ca));
	} else if (n <= 0) {
		err_set_openssl(e, ERR_BUG, "cannot encode the certificate");
	} else {
		buf_add_str(&json, "{\"certificate\":\"");
		encode_base64url(&json, span_of(der, (size_t)n));
		buf_printf(&json, "\",\"reason\":%d}", (int)reason);
		post.payload = buf_span(&json);
		rc = acme_ask(ca, &post, &told, e);
		*already = told.problem && strcmp(told.problem, "alreadyRevoked") == 0;
	}
	if (rc < 0 && *already) {
		err_reset(e);
		rc = 0;
	}
	acme_told_release(&told);
	buf_release(&json);
	OPENSSL_free(der);
	return rc;
}

/* ---- the note -------------------------------------------------------------------------------- */

int
revocation_note_save(struct certstore *store, const char *name, X509 *leaf,
    enum revocation_reason reason, struct err *e)
{
	char *sub = mem_printf("revoked/%s.json", name);
	char *path = certstore_private_path(store, sub, e);
	unsigned char sha256[32];
	struct buf json;
	int rc = -1;

	buf_init(&json, NOTE_MAX);
	if (path) {
		x509info_sha256(leaf, sha256);
		buf_add_str(&json, "{\"schema\":1,\"sha256\":\"");
		encode_hex(&json, span_of(sha256, sizeof(sha256)));
		buf_printf(&json, "\",\"reason\":%d}\n", (int)reason);
		rc = file_write_atomic(path, buf_span(&json), 0600, e);
	}
	buf_release(&json);
	free(path);
	free(sub);
	return rc;
}

static char *
note_path(const struct certstore *store, const char *name)
{
	return mem_printf("%s/gatehouse/revoked/%s.json", certstore_dir(store), name);
}

bool
revocation_note_load(struct certstore *store, const char *name, struct revocation_note *note)
{
	char *path = note_path(store, name);
	const char *hex = NULL;
	const cJSON *reason;
	cJSON *doc = NULL;
	struct buf json, sha256;
	bool good = false;

	buf_init(&json, NOTE_MAX);
	buf_init(&sha256, sizeof(note->sha256));
	if (file_exists(path) && file_read(path, &json, NULL) == 0 &&
	    acme_json_parse(buf_span(&json), path, &doc, NULL) == 0)
		hex = acme_json_string(doc, "sha256");
	if (hex && decode_hex(&sha256, span_str(hex)) == 0 && sha256.len == sizeof(note->sha256)) {
		memcpy(note->sha256, sha256.p, sizeof(note->sha256));
		reason = cJSON_GetObjectItemCaseSensitive(doc, "reason");
		note->key_compromised =
		    cJSON_IsNumber(reason) && reason->valueint == REVOCATION_KEY_COMPROMISE;
		good = true;
	}
	cJSON_Delete(doc);
	buf_release(&sha256);
	buf_release(&json);
	free(path);
	return good;
}

void
revocation_note_remove(struct certstore *store, const char *name)
{
	char *path = note_path(store, name);

	unlink(path);
	free(path);
}

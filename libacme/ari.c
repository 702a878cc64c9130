/* SPDX-License-Identifier: ISC */
/*
 * ari: the certificate's id, the CA's answer, what is kept of it.
 */
#include "libacme/ari.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/acme_json.h"
#include "libacme/ari_internal.h"
#include "libacme/issued.h"
#include "libcert/x509info.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define NOTE_MAX ((size_t)16 * 1024)

int
ari_parse(struct span json, struct arena *arena, struct ari *ari, struct err *e)
{
	const char *start = NULL, *end = NULL, *page;
	const cJSON *window;
	cJSON *doc;
	int rc = -1;

	if (acme_json_parse(json, "the CA's renewal information", &doc, e) < 0)
		return -1;
	window = acme_json_object(doc, "suggestedWindow");
	if (window) {
		start = acme_json_string(window, "start");
		end = acme_json_string(window, "end");
	}
	if (!start || !end || clock_parse_rfc3339(span_str(start), &ari->start) < 0 ||
	    clock_parse_rfc3339(span_str(end), &ari->end) < 0 || ari->end <= ari->start) {
		err_set(e, ERR_DATA, "the CA's renewal information has no window");
	} else {
		page = acme_json_url(doc, "explanationURL");
		ari->explanation = page ? arena_strdup(arena, span_str(page)) : NULL;
		rc = 0;
	}
	cJSON_Delete(doc);
	return rc;
}

int
ari_cert_id(X509 *leaf, struct buf *out)
{
	const ASN1_OCTET_STRING *key_id = X509_get0_authority_key_id(leaf);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
	unsigned char *der = NULL;
	int n, rc = -1;

	if (!key_id || !serial)
		return -1;
	/* The serial's content bytes in DER: with the zero that keeps it positive, without tag and length. */
	n = i2d_ASN1_INTEGER(serial, &der);
	if (n > 2 && n < 128) {
		encode_base64url(out,
		    span_of(ASN1_STRING_get0_data(key_id), (size_t)ASN1_STRING_length(key_id)));
		buf_add_char(out, '.');
		rc = encode_base64url(out, span_of(der + 2, (size_t)n - 2));
	}
	OPENSSL_free(der);
	return rc;
}

int64_t
ari_due_at(const struct ari *ari, int64_t not_before, int64_t not_after)
{
	int64_t usual = issued_due_at(not_before, not_after);
	/* Half of what is left when renewal is usually due: whatever the window says, not later than that. */
	int64_t latest = usual + (not_after - usual) / 2;

	if (!ari->at)
		return usual;
	return ari->at < latest ? ari->at : latest;
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static int64_t
read_time(const cJSON *doc, const char *key)
{
	const char *text = acme_json_string(doc, key);
	int64_t wall = 0;

	return text && clock_parse_rfc3339(span_str(text), &wall) == 0 ? wall : 0;
}

static bool
is_about(const cJSON *doc, const unsigned char sha256[32])
{
	const char *hex = acme_json_string(doc, "sha256");
	struct buf bytes;
	bool same;

	buf_init(&bytes, 32);
	same = hex && decode_hex(&bytes, span_str(hex)) == 0 && bytes.len == 32 &&
	       memcmp(bytes.p, sha256, 32) == 0;
	buf_release(&bytes);
	return same;
}

bool
ari_load(const struct certstore *store, const char *name, const unsigned char sha256[32],
    struct arena *arena, struct ari *ari)
{
	char *path = mem_printf("%s/gatehouse/ari/%s.json", certstore_dir(store), name);
	const char *page;
	cJSON *doc = NULL;
	struct buf json;
	bool found = false;

	*ari = (struct ari){ .at = 0 };
	buf_init(&json, NOTE_MAX);
	if (file_read(path, &json, NULL) == 0 &&
	    acme_json_parse(buf_span(&json), path, &doc, NULL) == 0 && is_about(doc, sha256)) {
		found = true;
		ari->start = read_time(doc, "start");
		ari->end = read_time(doc, "end");
		ari->at = read_time(doc, "at");
		ari->check_at = read_time(doc, "check_at");
		page = acme_json_url(doc, "explanation");
		ari->explanation = page ? arena_strdup(arena, span_str(page)) : NULL;
		if (ari->end <= ari->start || ari->at < ari->start || ari->at > ari->end)
			ari->start = ari->end = ari->at = 0;
	}
	cJSON_Delete(doc);
	buf_release(&json);
	free(path);
	return found;
}

static void
add_time(struct buf *json, const char *key, int64_t wall)
{
	char text[CLOCK_RFC3339_LEN + 1];

	if (wall == 0)
		return;
	clock_format_rfc3339(wall, text);
	buf_printf(json, ",\"%s\":\"%s\"", key, text);
}

void
ari_save(struct certstore *store, const char *name, const unsigned char sha256[32],
    const struct ari *ari)
{
	char *sub = mem_printf("ari/%s.json", name);
	char *path = certstore_private_path(store, sub, NULL);
	struct buf json;

	buf_init(&json, NOTE_MAX);
	buf_add_str(&json, "{\"schema\":1,\"sha256\":\"");
	encode_hex(&json, span_of(sha256, 32));
	buf_add_char(&json, '"');
	add_time(&json, "start", ari->start);
	add_time(&json, "end", ari->end);
	add_time(&json, "at", ari->at);
	add_time(&json, "check_at", ari->check_at);
	if (ari->explanation) {
		buf_add_str(&json, ",\"explanation\":\"");
		encode_json(&json, span_str(ari->explanation));
		buf_add_char(&json, '"');
	}
	buf_add_str(&json, "}\n");
	/* Who cannot keep it asks again next time. */
	if (path)
		(void)!file_write_unflushed(path, buf_span(&json), 0600, NULL);
	buf_release(&json);
	free(path);
	free(sub);
}

void
ari_choose(struct ari *ari, const struct ari *before)
{
	uint64_t random = 0;

	if (before->at && before->start == ari->start && before->end == ari->end) {
		ari->at = before->at;
		return;
	}
	RAND_bytes((unsigned char *)&random, sizeof(random));
	ari->at = ari->start + (int64_t)(random % (uint64_t)(ari->end - ari->start));
}

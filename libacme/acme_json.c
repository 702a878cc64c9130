/* SPDX-License-Identifier: ISC */
/*
 * acme_json: strict reading over cJSON, which by itself tolerates bytes behind the
 * document and turns \u0000 into an early end of string.
 */
#include "libacme/acme_json.h"

/* cJSON cuts a string at an escaped NUL; two readers would then see two strings. */
static bool
has_escaped_nul(struct span text)
{
	for (size_t i = 0; i + 6 <= text.n; i++) {
		if (text.p[i] != '\\')
			continue;
		if (memcmp(text.p + i + 1, "u0000", 5) == 0)
			return true;
		i++; /* the escaped byte, so that an escaped backslash starts nothing */
	}
	return false;
}

int
acme_json_parse(struct span text, const char *what, cJSON **root, struct err *e)
{
	const char *end = NULL;
	cJSON *doc = NULL;

	*root = NULL;
	text = span_trim(text);
	if (text.n == 0)
		return err_set(e, ERR_DATA, "%s is empty", what);
	if (text.n > ACME_JSON_MAX)
		return err_set(e, ERR_DATA, "%s is larger than %d bytes", what, ACME_JSON_MAX);
	if (memchr(text.p, '\0', text.n) || has_escaped_nul(text))
		return err_set(e, ERR_DATA, "%s holds a NUL byte", what);
	doc = cJSON_ParseWithLengthOpts(text.p, text.n, &end, 0);
	if (!doc || end != text.p + text.n) {
		cJSON_Delete(doc);
		return err_set(e, ERR_DATA, "%s is not valid JSON", what);
	}
	if (!cJSON_IsObject(doc)) {
		cJSON_Delete(doc);
		return err_set(e, ERR_DATA, "%s is not a JSON object", what);
	}
	*root = doc;
	return 0;
}

const char *
acme_json_string(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

const char *
acme_json_url(const cJSON *object, const char *key)
{
	const char *url = acme_json_string(object, key);

	return url && acme_url_ok(url) ? url : NULL;
}

const cJSON *
acme_json_object(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsObject(item) ? item : NULL;
}

const cJSON *
acme_json_array(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsArray(item) ? item : NULL;
}

bool
acme_json_true(const cJSON *object, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

bool
acme_url_ok(const char *url)
{
	struct span s = span_str(url);

	if (!span_starts(s, SPAN("https://")) || s.n == strlen("https://") || s.n > 2048)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	}
	return true;
}

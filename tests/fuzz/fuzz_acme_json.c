/* SPDX-License-Identifier: ISC */
/* What a CA, a key file and an order file say: documents, authorizations, keys. */
#include "libacme/acme_json.h"
#include "libacme/authz.h"
#include "libacme/jwk.h"

#include <openssl/evp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct arena *arena = arena_new(0);
	struct authz authz = { .url = NULL };
	struct err e = ERR_INIT;
	EVP_PKEY *key = NULL;
	cJSON *doc = NULL;

	if (acme_json_parse(text, "it", &doc, &e) == 0) {
		const char *url = acme_json_url(doc, "url");

		if (url && strpbrk(url, " \r\n\""))
			__builtin_trap();
		if (authz_read(&authz, text, "http-01", "x", arena, &e) == 0 &&
		    authz.challenge.token && strchr(authz.challenge.token, '/'))
			__builtin_trap();
		authz_failure(text, &e);
		(void)!jwk_parse_private(text, &key, &e);
	}
	EVP_PKEY_free(key);
	cJSON_Delete(doc);
	err_release(&e);
	arena_free(arena);
	return 0;
}

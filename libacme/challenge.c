/* SPDX-License-Identifier: ISC */
/*
 * challenge: what all solvers need to know of a challenge.
 */
#include "libacme/challenge.h"

#include "base/buf.h"
#include "base/encode.h"
#include "base/mem.h"

#include <openssl/sha.h>

#include <string.h>

bool
challenge_token_ok(const char *token)
{
	size_t n =
	    strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return n > 0 && n <= 200 && token[n] == '\0';
}

char *
challenge_dns_value(const char *key_auth)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct buf text;

	SHA256((const unsigned char *)key_auth, strlen(key_auth), digest);
	buf_init(&text, 64);
	encode_base64url(&text, span_of(digest, sizeof(digest)));
	buf_add_char(&text, '\0');
	return buf_detach(&text, NULL);
}

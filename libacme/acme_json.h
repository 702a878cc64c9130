/* SPDX-License-Identifier: ISC */
/*
 * acme_json: what a CA sends as JSON, read strictly.
 *
 * One JSON object and nothing behind it, no NUL inside strings, bounded size. The getters
 * give NULL for a member that is missing or of another type, so that one test
 * covers both; URLs are taken only when they are https and free of blanks and control bytes.
 */
#ifndef LIBACME_ACME_JSON_H
#define LIBACME_ACME_JSON_H

#include "base/err.h"
#include "base/span.h"

#include <cjson/cJSON.h>

#include <stdbool.h>

/* A larger document is refused. */
#define ACME_JSON_MAX (1024 * 1024)

/* text is one JSON object; what names it in messages. Free with cJSON_Delete. */
int acme_json_parse(struct span text, const char *what, cJSON **root, struct err *e)
    __attribute__((warn_unused_result));

/* Strings live as long as the document. */
const char *acme_json_string(const cJSON *object, const char *key);
const char *acme_json_url(const cJSON *object, const char *key);
const cJSON *acme_json_object(const cJSON *object, const char *key);
const cJSON *acme_json_array(const cJSON *object, const char *key);
bool acme_json_true(const cJSON *object, const char *key);

/* Is it a URL we would send a request to: https://, printable ASCII, at most 2048 bytes? */
bool acme_url_ok(const char *url);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * json_write: JSON built up in a buf, member by member, without a tree.
 *
 * A key is NULL inside an array. Keys are ours, values may be any bytes (encode_json).
 */
#ifndef BASE_JSON_WRITE_H
#define BASE_JSON_WRITE_H

#include "base/buf.h"

#include <stdint.h>

struct json_write {
	struct buf *out; /* borrowed; its `full` tells in the end whether all fitted */
	bool next;       /* a comma comes before the next member */
};

void json_open(struct json_write *w, const char *key, char bracket);
void json_close(struct json_write *w, char bracket);
void json_text(struct json_write *w, const char *key, struct span value);
void json_number(struct json_write *w, const char *key, int64_t value);
void json_bool(struct json_write *w, const char *key, bool value);
/* RFC 3339, from wall clock seconds. */
void json_time(struct json_write *w, const char *key, int64_t wall);

#endif

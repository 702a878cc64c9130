/* SPDX-License-Identifier: ISC */
/*
 * conditional: If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range (RFC 9110, 13),
 * evaluated the way nginx does: If-Modified-Since as if_modified_since says, and together with If-None-Match both
 * must say "not modified".
 */
#ifndef PROXY_HTTP_CONDITIONAL_H
#define PROXY_HTTP_CONDITIONAL_H

#include "proxy/config/snapshot.h"
#include "proxy/http/header.h"

enum conditional { CONDITIONAL_PASS, CONDITIONAL_NOT_MODIFIED, CONDITIONAL_FAILED };

/* What the request's fields mean for a 200 with this date (-1 = none) and entity tag (empty = none). */
enum conditional conditional_check(const struct header_list *request, int64_t last_modified,
    struct span etag, enum if_modified_since mode);
/* Whether Range is to be heeded: no If-Range, or one that fits. */
bool conditional_range(const struct header_list *request, int64_t last_modified, struct span etag);

#endif

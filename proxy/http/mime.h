/* SPDX-License-Identifier: ISC */
/*
 * mime: the media type of a path by its extension.
 */
#ifndef PROXY_HTTP_MIME_H
#define PROXY_HTTP_MIME_H

#include "proxy/config/snapshot.h"

/* What follows the last dot of the last segment, unless that dot begins the segment; else empty. */
struct span mime_extension(struct span uri);
/* From the types block, letters of any case; default_type (may be empty) when none fits. */
struct span mime_type_of(const struct location_settings *settings, struct span uri);

#endif

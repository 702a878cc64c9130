/* SPDX-License-Identifier: ISC */
/*
 * file_path: from a request's path to a file's.
 */
#ifndef PROXY_HTTP_FILE_PATH_H
#define PROXY_HTTP_FILE_PATH_H

#include "proxy/config/snapshot.h"

/*
 * root + uri, or alias + what follows the location's own path in uri. uri is decoded and normalized and matches the
 * location. NUL-terminated, in arena. p is NULL when there is no such path: a NUL inside, or a remainder
 * that would climb out of an alias ("location /i { alias /img/; }" asked for "/i../").
 */
struct span file_path_map(const struct location *location, const struct location_settings *settings,
    struct span uri, struct arena *arena);
/* The directory in front: $document_root. */
struct span file_path_root(const struct location *location,
    const struct location_settings *settings);

#endif

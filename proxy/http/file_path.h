/* SPDX-License-Identifier: ISC */
/*
 * file_path: from a request's path to a file's.
 */
#ifndef PROXY_HTTP_FILE_PATH_H
#define PROXY_HTTP_FILE_PATH_H

#include "proxy/http/request.h"

/*
 * root + uri, or alias + what follows the location's own path in uri. NUL-terminated, in the request's arena. p is NULL
 * when there is no such path: a NUL inside, a remainder that would climb out of an alias ("location /i { alias
 * /img/; }" asked for "/i../"), or an alias after the uri was rewritten.
 */
struct span file_path_map(const struct request *r);
/* The same for a name in place of uri: try_files. */
struct span file_path_of(const struct request *r, struct span root, struct span name);
/* The directory in front: $document_root. */
struct span file_path_root(const struct request *r);
/* A path that a configuration's value makes: below the prefix unless it begins with "/". */
struct span file_path_absolute(const struct request *r, struct span path);

#endif

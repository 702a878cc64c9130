/* SPDX-License-Identifier: ISC */
/*
 * file_path: see file_path.h.
 *
 * The uri itself never has a ".." segment (the codec normalizes it). One can only come about where an alias and the
 * rest of the uri meet inside a segment.
 */
#include "proxy/http/file_path.h"

/* Do the end of base and the beginning of rest make a ".." between slashes, rest having a part in it? */
static bool
seam_climbs(struct span base, struct span rest)
{
	size_t tail = 0, head = 0;

	while (tail < base.n && base.p[base.n - 1 - tail] != '/')
		tail++;
	while (head < rest.n && rest.p[head] != '/')
		head++;
	if (head == 0 || tail + head != 2)
		return false;
	return (tail == 0 || base.p[base.n - 1] == '.') && rest.p[0] == '.' &&
	       rest.p[head - 1] == '.';
}

struct span
file_path_absolute(const struct request *r, struct span path)
{
	const struct span parts[] = { r->snapshot->prefix, path };

	return path.n > 0 && path.p[0] == '/' ? path : arena_concat(r->arena, parts, 2);
}

struct span
file_path_root(const struct request *r)
{
	const struct document_root *root = r->settings->root;

	/* An empty one is "/". */
	if (root->path->literal)
		return root->path->source;
	return file_path_absolute(r, template_eval(root->path, (void *)(uintptr_t)r, r->arena));
}

struct span
file_path_of(const struct request *r, struct span root, struct span name)
{
	size_t alias = r->settings->root->alias;
	const struct span parts[] = { root, name };

	if (alias > 0 && alias != ALIAS_WHOLE && seam_climbs(root, name))
		return span_of(NULL, 0);
	if (span_find(name, '\0') >= 0 || span_find(root, '\0') >= 0)
		return span_of(NULL, 0);
	return arena_concat(r->arena, parts, 2);
}

struct span
file_path_map(const struct request *r)
{
	size_t alias = r->settings->root->alias;
	struct span name = r->uri;

	if (alias > 0 && r->uri_rewritten) {
		request_log(r, LOG_LEVEL_ALERT,
		    "\"alias\" cannot be used in location \"" SPAN_FMT "\" where URI was rewritten",
		    SPAN_ARG(r->location->path));
		return span_of(NULL, 0);
	}
	if (alias == ALIAS_WHOLE)
		name = r->alias_takes_uri ? name : SPAN("");
	else if (alias > name.n)
		return span_of(NULL, 0);
	else
		name = span_after(name, alias);
	return file_path_of(r, file_path_root(r), name);
}

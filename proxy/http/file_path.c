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
file_path_root(const struct location *location, const struct location_settings *settings)
{
	struct span root = settings->root;

	if (location->alias.n > 0)
		return location->alias;
	if (root.n > 0 && root.p[root.n - 1] == '/')
		root.n--;
	return root;
}

struct span
file_path_map(const struct location *location, const struct location_settings *settings,
    struct span uri, struct arena *arena)
{
	struct span parts[2] = { file_path_root(location, settings), uri };

	if (location->alias.n > 0) {
		if (!span_starts(uri, location->path))
			return span_of(NULL, 0);
		parts[1] = span_after(uri, location->path.n);
		if (seam_climbs(parts[0], parts[1]))
			return span_of(NULL, 0);
	}
	if (span_find(parts[1], '\0') >= 0)
		return span_of(NULL, 0);
	return arena_concat(arena, parts, 2);
}

/* SPDX-License-Identifier: ISC */
/*
 * map: a value chosen by another, as in "map $uri $backend { ... }".
 *
 * Asked in this order: the text itself (any case; with "hostnames" also wildcards), the expressions
 * as they stand, the default. What it yields may hold variables; they are evaluated for the
 * subject, like the source, only when the value is asked for.
 */
#ifndef PROXY_CONFIG_MAP_H
#define PROXY_CONFIG_MAP_H

#include "proxy/config/host_map.h"
#include "proxy/config/template.h"

struct map_regex {
	const struct regex *regex;
	const struct template *value;
};

struct map {
	const struct template *source;
	bool hostnames, is_volatile;
	struct host_map texts; /* in lower case, to templates */
	const struct template *empty, *fallback;
	struct map_regex *regexes;
	size_t regex_count;
};

/* The value for this subject, whose arena and captures are the store's. */
struct span map_value(const struct map *m, void *subject, struct variable_store *store);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * host_map: from host names and wildcards to whatever they stand for.
 *
 * The order of nginx: the exact name, then the longest wildcard at the start ("*.x", ".x"), then the
 * longest at the end ("x.*"). Built at load; lookups allocate nothing.
 */
#ifndef PROXY_CONFIG_HOST_MAP_H
#define PROXY_CONFIG_HOST_MAP_H

#include "proxy/config/span_map.h"

struct host_map {
	struct span_map exact;
	struct span_map heads; /* "*.example.com" as "example.com" */
	struct span_map tails; /* "www.example.*" as "www.example" */
};

void host_map_init(struct host_map *m, struct arena *arena);
/* "x", "*.x", ".x" or "x.*", lower case. false: it is there already with another value. */
bool host_map_add(struct host_map *m, struct span name, void *value);
/* host: lower case. NULL when no name matches. */
void *host_map_find(const struct host_map *m, struct span host);
/* A "*" is the first or the last label, alone and once; two dots never meet. */
bool host_map_is_name(struct span name);

#endif

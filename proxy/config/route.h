/* SPDX-License-Identifier: ISC */
/*
 * route: from a host name to a server, from a path to a location. Built at load, read-only after,
 * no allocation in lookups.
 *
 * Servers (nginx, server_names): exact name, then the longest wildcard at the start ("*.x", ".x"),
 * then the longest at the end ("x.*"), then regexes in order, else the endpoint's default server.
 * Locations: exact, then the longest prefix; regex and ^~ join in the location index without
 * changing this interface.
 */
#ifndef PROXY_CONFIG_ROUTE_H
#define PROXY_CONFIG_ROUTE_H

#include "proxy/config/snapshot.h"

struct server_name_index *server_name_index_new(struct arena *arena);
/* Room for so many exact names. */
void server_name_index_reserve(struct server_name_index *ix, size_t count);
/* false: the name is there already for another server (nginx: warning, ignored). */
bool server_name_index_add(struct server_name_index *ix, struct span name,
    const struct server *server);
void server_name_index_finish(struct server_name_index *ix);
/* host: lower case, no port, no trailing dot. NULL when no name matches. */
const struct server *server_name_index_find(const struct server_name_index *ix, struct span host);

struct location_index *location_index_new(struct arena *arena);
/* false: duplicate location. */
bool location_index_add(struct location_index *ix, const struct location *location);
void location_index_finish(struct location_index *ix);
/* uri: decoded and normalized path. NULL when none matches. */
const struct location *location_index_find(const struct location_index *ix, struct span uri);
/*
 * uri is a proxied location's path but for its last "/" ("/dir" where there is "location /dir/ {
 * proxy_pass ...; }"), and no location is exactly uri: answer 301 to uri with the slash (nginx,
 * location).
 */
bool location_index_wants_slash(const struct location_index *ix, struct span uri);

/* The server for a host on an endpoint; never NULL. */
const struct server *route_server(const struct endpoint *ep, struct span host);
/* The location for a path; the server's root location when none matches; never NULL. */
const struct location *route_location(const struct server *server, struct span uri);
/* location_index_wants_slash for a server; ask before route_location. */
bool route_wants_slash(const struct server *server, struct span uri);
/* The endpoint of a listener that a connection's local address belongs to; never NULL. */
const struct endpoint *route_endpoint(const struct listener *l, const struct sockaddr *local);

#endif

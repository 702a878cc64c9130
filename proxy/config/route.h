/* SPDX-License-Identifier: ISC */
/*
 * route: from a host name to a server, from a path to a location. Built at load, read-only after.
 *
 * Servers (nginx, server_names): exact name, then the longest wildcard at the start ("*.x", ".x"),
 * then the longest at the end ("x.*"), then regexes in order, else the endpoint's default server.
 * Locations (nginx, location): exact, then the longest prefix; unless that is "^~" the regexes in
 * order; those inside the location found go before those beside it.
 *
 * Where a store is given, captures and named groups of the regex that matched go there, and what
 * has to be kept into its arena; else (a store of NULL) nothing is kept.
 */
#ifndef PROXY_CONFIG_ROUTE_H
#define PROXY_CONFIG_ROUTE_H

#include "proxy/config/snapshot.h"

struct server_name_index *server_name_index_new(struct arena *arena);
/* Room for so many exact names. */
void server_name_index_reserve(struct server_name_index *ix, size_t count);
/*
 * Lower case, a wildcard perhaps. false: the name is there already for another server (nginx:
 * warning, ignored).
 */
bool server_name_index_add(struct server_name_index *ix, struct span name,
    const struct server *server);
void server_name_index_add_regex(struct server_name_index *ix, const struct regex *regex,
    const struct server *server);
/* host: lower case, no port, no trailing dot. NULL when no name matches. */
const struct server *server_name_index_find(const struct server_name_index *ix, struct span host,
    struct variable_store *store);

struct location_index *location_index_new(struct arena *arena);
/* false: duplicate location. Regexes and names are kept in the order they come. */
bool location_index_add(struct location_index *ix, const struct location *location);
void location_index_finish(struct location_index *ix);

enum location_result {
	LOCATION_NONE,
	LOCATION_FOUND,
	/*
	 * uri is a proxied location's path but for its last "/" ("/dir" where there is "location
	 * /dir/ { proxy_pass ...; }"), and no location is exactly uri: answer 301 to uri with the
	 * slash (nginx, location).
	 */
	LOCATION_WANTS_SLASH,
	LOCATION_FAILED, /* a regex met a limit */
};

/* uri: decoded and normalized path. *found is set for FOUND, and for WANTS_SLASH to the proxied one. */
enum location_result location_index_find(const struct location_index *ix, struct span uri,
    struct variable_store *store, const struct location **found);
/* name: "@x". NULL when there is none. */
const struct location *location_index_named(const struct location_index *ix, struct span name);

/* The server for a host on an endpoint; never NULL. */
const struct server *route_server(const struct endpoint *ep, struct span host,
    struct variable_store *store);
/* As location_index_find; the server's root location is found when none matches. */
enum location_result route_location(const struct server *server, struct span uri,
    struct variable_store *store, const struct location **found);
/* The endpoint of a listener that a connection's local address belongs to; never NULL. */
const struct endpoint *route_endpoint(const struct listener *l, const struct sockaddr *local);

#endif

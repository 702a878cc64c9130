/* SPDX-License-Identifier: ISC */
/*
 * host_port: "host:port", "[::1]:80", "*:80", "80", "unix:/path" as they stand in listen, server
 * and proxy_pass.
 *
 * Taking text apart is pure; only numeric hosts become socket addresses here, names go through the
 * configuration's source.
 */
#ifndef PROXY_CONFIG_HOST_PORT_H
#define PROXY_CONFIG_HOST_PORT_H

#include "proxy/config/snapshot.h"

struct host_port {
	struct span host; /* without brackets; the path of a unix socket; empty: any address */
	uint16_t port;    /* 0 = none given */
	bool is_unix;
	bool bracketed;
};

/*
 * Take text apart. may_omit_host: "80", "*" and "*:80" are right (listen). Returns NULL, or what
 * is wrong in nginx's words ("invalid port").
 */
const char *host_port_split(struct span text, bool may_omit_host, struct host_port *hp);

/*
 * A numeric IPv4 or IPv6 host, or a unix path, as a socket address; false when the host is a name.
 */
bool host_port_address(const struct host_port *hp, uint16_t port, struct arena *arena,
    struct address *out);

/* "ADDRESS[:PORT]" to bind a socket to; false when it is no address. */
bool host_port_bind(struct span text, struct arena *arena, struct address *out);
/* "http://..." or "https://..." without its scheme; false: neither. */
bool proxy_scheme_split(struct span url, bool *tls, struct span *rest);
/*
 * Take "host:port" and the URI of what stands behind "http://" apart. A unix path ends at ":" or
 * the end.
 */
void proxy_url_split(struct span rest, struct span *host, struct span *uri);
/* $proxy_host and $proxy_port of an upstream written as text, hp when taken apart. */
void proxy_host_header(struct span text, const struct host_port *hp, unsigned scheme_port,
    struct arena *arena, struct span *header, struct span *port);

#endif

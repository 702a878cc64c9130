/* SPDX-License-Identifier: ISC */
/*
 * upstream_spec: an upstream block, or the group that proxy_pass to a literal host stands for, as configured.
 */
#ifndef PROXY_CONFIG_UPSTREAM_SPEC_H
#define PROXY_CONFIG_UPSTREAM_SPEC_H

#include "proxy/config/template.h"

struct address;
struct node;
struct zone_spec;

/* resolver ADDRESS... [valid=] [ipv4=] [ipv6=] */
struct resolver_spec {
	struct span identity; /* equal text, equal resolver */
	struct address *servers;
	size_t server_count;
	int64_t valid_ms; /* 0 = the records' own time to live */
	bool ipv4, ipv6;
};

struct upstream_server {
	struct address *addresses; /* what the name resolved to at load; 0 when it did not */
	size_t address_count;
	struct span name; /* as written */
	struct span host; /* of it, when that is a name */
	uint16_t port;
	unsigned weight, max_fails, max_conns; /* max_conns 0 = no limit */
	int64_t fail_timeout_ms;
	bool backup, down, resolve;
};

enum balance_method {
	BALANCE_ROUND_ROBIN,
	BALANCE_LEAST_CONN,
	BALANCE_IP_HASH,
	BALANCE_HASH,
	BALANCE_HASH_CONSISTENT,
	BALANCE_RANDOM,
	BALANCE_RANDOM_TWO,
};

/* health_check: ours. */
struct health_check_spec {
	int64_t interval_ms, jitter_ms, timeout_ms;
	unsigned rises, falls;
	struct span uri, host;
	unsigned status_min, status_max; /* match=200-399 */
	unsigned proxy_protocol;         /* version of the PROXY header they begin with; 0 = none */
	bool on;
};

struct upstream_spec {
	struct span name;
	struct upstream_server *servers;
	size_t server_count;
	unsigned method;                 /* enum balance_method */
	const struct node *method_node;  /* where it was chosen; NULL = nowhere */
	const struct template *hash_key; /* BALANCE_HASH... */
	unsigned keepalive; /* idle connections kept per worker; default 32, 0 = none */
	unsigned keepalive_requests;
	int64_t keepalive_timeout_ms, keepalive_time_ms;
	const struct zone_spec *zone; /* NULL = state is each worker's own */
	const struct resolver_spec *resolver;
	int64_t resolver_timeout_ms;
	struct health_check_spec health;
	bool implicit;  /* made by a proxy_pass to a literal host */
	unsigned index; /* in snapshot->upstreams */
	const struct node *node;
};

#endif

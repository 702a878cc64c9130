/* SPDX-License-Identifier: ISC */
/*
 * worker_state: what everything in a worker shares: loop, pools, generations, counters, log descriptors.
 *
 * Handed down from worker_main; there are no globals behind it.
 */
#ifndef PROXY_WORKER_WORKER_STATE_H
#define PROXY_WORKER_WORKER_STATE_H

#include "base/log.h"
#include "proxy/config/snapshot.h"
#include "proxy/monitor/bundle.h"
#include "proxy/monitor/channel.h"
#include "proxy/net/bufpool.h"
#include "proxy/net/loop.h"
#include "proxy/worker/counters.h"
#include "proxy/worker/log_sink.h"
#include "proxy/worker/time_text.h"

struct certificate_cache; /* tls/certificate_cache.h */
struct tls_contexts;      /* tls/tls_context.h */
struct upstream_groups;   /* upstream/upstream.h */
struct upstream_tls;      /* tls/upstream_tls.h */
struct upstream_tls_uses; /* the same */
struct ticket_keys;       /* tls/ticket_key.h */
struct shared_zone;       /* shared_zone.h */

/* One adopted bundle with its snapshot. Counted: the worker's newest, and each request under way. */
struct generation {
	unsigned refs;
	uint64_t number; /* the monitor's; no two are the same */
	struct worker *worker;
	struct bundle *bundle;
	struct config_source *source;
	struct snapshot *snapshot;
	struct log_sink **sinks;            /* by log_file index; the sinks outlive generations */
	struct log *error_logs;             /* by error_log index */
	struct shared_zone **zones;         /* by zone_spec index; as the sinks */
	struct tls_contexts *tls;           /* by server */
	struct upstream_groups *upstreams;  /* by upstream_spec index */
	struct upstream_tls_uses *tls_uses; /* by settings, as they were needed */
	struct timer expiry;                /* worker_shutdown_timeout, since it was succeeded */
};

struct arrival; /* arrival.h */
/* Enough for the requests that begin and end in one turn, little when idle. */
#define REQUEST_ARENAS_KEPT 64

struct client_conn;
struct listen_slot;    /* listen_slot.h */
struct pipe_pool;      /* net/pipe_pool.h */
struct stream_session; /* stream/stream_session.h */
struct worker_resolver;
struct worker_resource; /* generation.h */

struct worker {
	struct loop *loop;
	struct bufpool *pool;
	/* Of requests that are over: request_life.h. */
	struct arena *spare_arenas[REQUEST_ARENAS_KEPT];
	unsigned spare_arena_count;
	struct pipe_pool *pipes;
	struct generation *generation; /* newest */
	struct certificate_cache *certificates;
	struct upstream_tls *upstream_tls; /* every one alive */
	/* Certificates that answer acme-tls/1, by server name; NULL = none. */
	struct bundle *validation;
	/* Shared by all workers; NULL = each SSL_CTX has its own. */
	const struct ticket_keys *tickets;
	struct time_text time_text;
	struct worker_resource *resources;   /* generation.h: descriptors from the monitor */
	struct listen_slot *slots;           /* sockets we accept from */
	struct arrival *arrivals;            /* connections that nobody serves yet */
	struct stream_session *sessions;     /* every connection of stream */
	struct client_conn *clients;         /* every client connection */
	struct counter_slot *counters;       /* this worker's */
	const struct counters *all_counters; /* of all workers */
	uint64_t next_connection;
	uint64_t temp_number;              /* of the last temp file's name */
	unsigned number;                   /* 0.. among the workers */
	struct worker_resolver *resolvers; /* upstream/upstream_tracker.h */
	bool draining;
	/* Descriptors or worker_connections ran out: until a connection ends. */
	bool accepting_paused;
	struct timer accept_retry; /* or until then, if none of ours may be what ends */
	int64_t pause_told_ms;     /* loop clock */
	int accept_fd_max,
	    connect_fd_max; /* numbers beyond are for what matters more; 0 = no bound */
	int pid;
};

struct generation *generation_ref(struct generation *g);
/* Takes NULL; frees with the last. */
void generation_unref(struct generation *g);

/* A struct log to write the error log of these settings with. */
struct log generation_error_log(const struct generation *g, const struct error_log *el);

#endif

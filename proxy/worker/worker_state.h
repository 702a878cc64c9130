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

struct certificate_cache; /* tls/certificate_cache.h */
struct tls_contexts;      /* tls/tls_context.h */
struct upstream_groups;   /* upstream/upstream.h */
struct log_sink;          /* a log file's descriptor and the lines gathered for it */

/* One adopted bundle with its snapshot. Counted: the worker's newest, and each request under way. */
struct generation {
	unsigned refs;
	struct worker *worker;
	struct bundle *bundle;
	struct config_source *source;
	struct snapshot *snapshot;
	struct log_sink **sinks;        /* by log_file index; the sinks outlive generations */
	struct tls_contexts *tls;       /* by server */
	struct upstream_groups *upstreams; /* by upstream_spec index */
};

struct worker {
	struct loop *loop;
	struct bufpool *pool;
	struct generation *generation; /* newest */
	struct certificate_cache *certificates;
	struct channel_counters counters;
	uint64_t next_connection;
	bool draining;
	int pid;
};

struct generation *generation_ref(struct generation *g);
/* Takes NULL; frees with the last. */
void generation_unref(struct generation *g);

/* log_sink.h in short: gather bytes for a log file; written at the end of the turn. */
void log_sink_add(struct log_sink *sink, struct span line);
/* The descriptor behind, for single error lines. */
int log_sink_fd(const struct log_sink *sink);
/* A struct log to write the error log of these settings with. */
struct log generation_error_log(const struct generation *g, const struct error_log *el);

#endif

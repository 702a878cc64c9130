/* SPDX-License-Identifier: ISC */
/*
 * worker_process: one worker as the monitor sees it: a pid, a channel, how far it has come.
 *
 *	DEAD --start--> STARTING --ADOPTED--> READY --drain--> DRAINING --exit--> DEAD
 *
 * Messages to a worker that does not read are queued, so that no worker can hold up the monitor. What a worker says
 * only ever changes its own struct.
 */
#ifndef PROXY_MONITOR_WORKER_PROCESS_H
#define PROXY_MONITOR_WORKER_PROCESS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "proxy/monitor/channel.h"
#include "proxy/monitor/edition.h"
#include "proxy/monitor/privileges.h"
#include "proxy/worker/counters.h"

#include <stdbool.h>
#include <sys/types.h>

struct ticket_keys; /* tls/ticket_key.h */

enum worker_process_state {
	WORKER_PROCESS_DEAD,
	WORKER_PROCESS_STARTING,
	WORKER_PROCESS_READY,
	WORKER_PROCESS_DRAINING,
};

struct worker_process {
	unsigned number;
	enum worker_process_state state;
	pid_t pid;
	int sock;               /* -1 when dead */
	uint64_t offered;       /* newest generation sent */
	uint64_t adopted;       /* newest acknowledged; 0 = none */
	uint64_t rlimit_nofile; /* as it was last set; 0 = never */
	uint32_t last_resource; /* highest resource id sent */
	char *refused;          /* why `offered` was refused, or NULL; owned */
	int64_t started_ms;     /* clock_mono_ms */
	int64_t deadline_ms; /* by when `offered` must be answered, or a stop be obeyed; 0 = none */
	int64_t restart_ms;  /* dead: when to start again */
	unsigned restarts;   /* since the monitor began */
	unsigned failures;   /* in a row */
	struct counter_slot *counters; /* borrowed; of all its lives */
	bool counters_due;             /* they are being brought up to date */
	uint64_t peer_sent, peer_set;  /* newest PEER sent, and acknowledged; 0 = none */
	struct worker_list {
		bool due, cut; /* asked for; not all of it is here */
		struct buf rows;
	} lists[CHANNEL_LIST_COUNT];
	struct outgoing *queue, **queue_tail;
};

/* What a new process gets from the monitor. */
struct worker_process_setup {
	const struct privileges *privileges;
	uint64_t rlimit_nofile; /* 0 = leave */
	const struct log *log;
	struct ticket_keys *tickets; /* NULL = none shared */
	struct counters *counters;   /* of all workers */
};

struct worker_process *worker_process_new(unsigned number, struct counter_slot *counters);
/* Kills. Takes NULL. */
void worker_process_free(struct worker_process *w);

/* Fork; the worker then waits for an offer. In the child it does not return. */
int worker_process_start(struct worker_process *w, const struct worker_process_setup *setup,
    struct err *e) __attribute__((warn_unused_result));
/* Send resources it does not know and the bundle; an answer is due in timeout_ms. */
void worker_process_offer(struct worker_process *w, const struct edition *ed, int64_t timeout_ms);
/* The descriptor behind r is another one now. */
void worker_process_replace(struct worker_process *w, const struct resource *r);
/* CHANNEL_VALIDATION with its descriptor, which is borrowed. */
void worker_process_push(struct worker_process *w, enum channel_kind kind, int fd);
/* Ask for a list; the answer gathers in lists[]. */
void worker_process_list(struct worker_process *w, enum channel_list what);
void worker_process_forget_list(struct worker_process *w, enum channel_list what);
/* CHANNEL_PEER: a server of an upstream is drained, or is no more. */
void worker_process_set_peer(struct worker_process *w, uint64_t number, struct span text,
    bool drained);
/* CHANNEL_DRAIN, CHANNEL_STOP or CHANNEL_STATUS. */
void worker_process_tell(struct worker_process *w, enum channel_kind kind);

/* The channel is readable or writable. What it said is in *w. -1: it talks nonsense, and was killed. */
int worker_process_ready(struct worker_process *w, const struct log *log);
bool worker_process_wants_write(const struct worker_process *w);

/* The process has been waited for; it may be started again from restart_ms on. */
void worker_process_ended(struct worker_process *w);

const char *worker_process_state_name(enum worker_process_state state);

#endif

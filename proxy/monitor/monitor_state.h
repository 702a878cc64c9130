/* SPDX-License-Identifier: ISC */
/*
 * monitor_state: what the parts of the monitor share: monitor.c (loop) and monitor_*.c.
 */
#ifndef PROXY_MONITOR_MONITOR_STATE_H
#define PROXY_MONITOR_MONITOR_STATE_H

#include "proxy/monitor/certificate_watch.h"
#include "proxy/monitor/control.h"
#include "proxy/monitor/monitor.h"
#include "proxy/monitor/privileges.h"
#include "proxy/monitor/succession.h"
#include "proxy/monitor/worker_process.h"
#include "proxy/tls/ticket_key.h"
#include "proxy/worker/counters.h"

#define ADOPT_TIMEOUT_MS \
	10000 /* for a worker to acknowledge a generation, beyond what loading takes */
#define RELOAD_TIMEOUT_MS 30000 /* for all of them, restarts included */
#define STOP_TIMEOUT_MS 5000    /* between STOP and SIGKILL */
#define STATUS_TIMEOUT_MS 1000

enum monitor_phase {
	MONITOR_STARTING, /* no pid file yet; any failure ends it */
	MONITOR_SERVING,
	MONITOR_DRAINING, /* QUIT: until the last worker is done */
	MONITOR_STOPPING, /* TERM, INT */
};

/*
 *	IDLE --wanted--> FIRST: one worker has the candidate --adopted--> ALL: committed, everybody has it --> IDLE
 *	                   \--refused, dead, late: the candidate is dropped, nothing has changed--> IDLE
 */
enum reload_step { RELOAD_IDLE, RELOAD_FIRST, RELOAD_ALL };

struct reload {
	enum reload_step step;
	bool wanted;            /* one more, after the one under way */
	bool renewal_wanted;    /* one that takes up certificates only */
	uint64_t wanted_ticket; /* of everybody who asked since */
	uint64_t ticket;        /* of the one under way; 0 = nobody asked */
	struct edition *candidate;
	struct worker_process *first; /* the worker that tries it */
	int64_t deadline_ms;
	int64_t began_ms;
};

struct monitor {
	const struct monitor_options *options;
	struct announcer announcer;
	struct log *other_logs; /* owned; behind announcer.log */
	enum monitor_phase phase;
	struct privileges privileges;
	struct resource_table resources;
	uint64_t last_number; /* newest generation tried */
	int64_t load_ms;      /* what reading it took */
	struct edition *current;
	struct reload reload;
	struct succession succession;

	struct worker_process **workers; /* `wanted` first, then those that drain for good */
	size_t worker_count, wanted;

	struct counters *counters;   /* of the workers, by their slots */
	struct ticket_keys *tickets; /* NULL: could not be had, said so */
	int64_t tickets_due_ms;      /* the next rotation */

	struct certificate_watch *watch; /* NULL: could not be had, said so */
	bool watch_incomplete_told;
	int validation_fd; /* what workers answer acme-tls/1 with; -1 = nothing */

	struct control *control; /* NULL: could not be had, said so */
	char *pid_path;          /* NULL until written */
	int signal_fd;
	int ready_fd; /* to the process that waits for the daemon; -1 */
	int exit_status;
	bool done;

	uint64_t last_ticket;
	struct listing_round {
		uint64_t ticket; /* 0 = nobody asked */
		int64_t deadline_ms;
	} rounds[CHANNEL_LIST_COUNT];
	/* monitor_drain.c */
	struct drained *drained;          /* servers that get no new requests */
	struct drain_order *drain_orders; /* not answered yet */
	uint64_t last_drain;              /* of PEER messages */
	uint64_t certificates_ticket;     /* 0 = nobody asked */
	uint64_t status_ticket;           /* 0 = nobody asked */
	int64_t status_deadline_ms;
	int64_t stop_deadline_ms;
};

/* monitor.c: the control socket's requests; ctx is the monitor. */
uint64_t monitor_take_request(void *ctx, const struct control_request *request);

/* monitor_start.c: everything up to the workers' first generation; then from ready to gone. -1: said why. */
int monitor_start(struct monitor *m) __attribute__((warn_unused_result));
void monitor_became_ready(struct monitor *m);
void monitor_release(struct monitor *m);
/* The error log of the edition in service is the monitor's; descriptor 2 follows it. */
void monitor_follow_log(struct monitor *m);
/* Pid file and control socket where the edition in service wants them. */
int monitor_place_pid(struct monitor *m) __attribute__((warn_unused_result));
int monitor_place_control(struct monitor *m) __attribute__((warn_unused_result));
/* Read the configuration as the next generation, with its sockets and logs open; what is wrong is announced. */
struct edition *monitor_load(struct monitor *m, unsigned bind_tries);

/* monitor_workers.c */
int workers_start(struct monitor *m) __attribute__((warn_unused_result));
/* As many as the edition in service wants, each with it; those too many drain. */
void workers_commit(struct monitor *m);
void workers_reap(struct monitor *m);
/* Late answers, due restarts. */
void workers_turn(struct monitor *m);
int64_t workers_deadline_ms(const struct monitor *m);
bool workers_ready(const struct monitor *m);
void workers_tell(struct monitor *m, enum channel_kind kind);
void workers_kill(struct monitor *m);
/* For a worker to acknowledge a generation: all load it at once, on how few cores ever. */
int64_t workers_adopt_timeout_ms(const struct monitor *m);

/* monitor_watch.c: what changes on disk by itself. */
void watch_start(struct monitor *m);
/* Another configuration is in service: watch what it names. */
void watch_follow(struct monitor *m);
void watch_turn(struct monitor *m);
void watch_release(struct monitor *m);

/* monitor_reload.c */
uint64_t reload_request(struct monitor *m);
void reload_turn(struct monitor *m);

/* monitor_list.c: questions to all workers. */
uint64_t list_request(struct monitor *m, enum channel_list what);
void list_turn(struct monitor *m);
int64_t list_deadline_ms(const struct monitor *m);

/*
 * monitor_drain.c: servers of upstreams that get no new requests. The monitor remembers them: every worker is told with
 * each generation it is offered, also one that was started since, until a configuration without that server is in service.
 */
uint64_t drain_request(struct monitor *m, const struct control_request *request);
void drain_turn(struct monitor *m);
int64_t drain_deadline_ms(const struct monitor *m);
/* After an offer. */
void drain_tell(const struct monitor *m, struct worker_process *w);
/* Another configuration is in service. */
void drain_forget_gone(struct monitor *m);
void drain_release(struct monitor *m);

/* control_list.c */
void report_list(struct monitor *m, uint64_t ticket, enum channel_list what);
void report_certificates(struct monitor *m, uint64_t ticket);

/* control_report.c: the control socket's answers; each ends with a control_answer to the ticket. */
void report_reloaded(struct monitor *m, uint64_t ticket, const struct edition *ed,
    const char *failure);
void report_status(struct monitor *m, uint64_t ticket);

/* The earlier of two deadlines, 0 being none. */
static inline int64_t
deadline_min(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

#endif

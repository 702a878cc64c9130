/* SPDX-License-Identifier: ISC */
/*
 * counters: what the workers have done and have under way, where all of them and the monitor can see it.
 *
 *	monitor: counters_new -> a slot per worker -> fork -> reads them for the control socket
 *	worker:  counts in its slot -> sums all of them up for the locations that tell (http/status.h)
 *
 * They lie in anonymous shared memory that a fork inherits, so that what was counted outlives a worker and a reload. A
 * slot has one writer: no locks, no lost counts.
 */
#ifndef PROXY_WORKER_COUNTERS_H
#define PROXY_WORKER_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * As many as there may be workers, twice: some drain while others start. Beyond that workers share the last slot, and
 * what it says is an estimate.
 */
#define COUNTER_SLOTS 2048

#define STATUS_CLASSES 5 /* 1xx to 5xx */

/* Two cache lines, which only one worker writes to. */
struct counter_slot {
	/* What there is now: gone with the worker. */
	_Alignas(64) _Atomic uint64_t connections;
	_Atomic uint64_t requests_active;
	/* The same, up to date only when the monitor has asked (channel.h, STATUS). */
	_Atomic uint64_t idle;            /* connections between requests */
	_Atomic uint64_t old_connections; /* whose request still uses an older generation */
	/* What there was so far. */
	_Atomic uint64_t accepted, requests, responses[STATUS_CLASSES], handshakes,
	    handshake_failures, bytes_in, bytes_out;
};
_Static_assert(sizeof(struct counter_slot) == 128, "whole cache lines");

struct counters {
	int64_t started_ms;          /* clock_mono_ms() of the monitor's start */
	_Atomic unsigned slot_count; /* those beyond were never taken */
	bool taken[COUNTER_SLOTS];   /* the monitor's */
	struct counter_slot slots[COUNTER_SLOTS];
};

/* All zero, from now on. NULL with errno. */
struct counters *counters_new(void);
/* Takes NULL. */
void counters_free(struct counters *c);
/*
 * By the monitor: a slot for a worker, the preferred one if it is free. What a former worker counted in it stays; it is
 * given back when the last process that counts in it has ended.
 */
struct counter_slot *counters_take(struct counters *c, unsigned preferred);
void counters_give_back(struct counters *c, struct counter_slot *s);
/* By the monitor: a process that counted in s has ended, and nothing is under way in it. */
void counter_slot_ended(struct counter_slot *s);

/* By the slot's one writer: no locked instruction is needed, and readers see all of it or nothing. */
static inline void
counter_add(_Atomic uint64_t *counter, int64_t n)
{
	uint64_t now = atomic_load_explicit(counter, memory_order_relaxed) + (uint64_t)n;

	atomic_store_explicit(counter, now, memory_order_relaxed);
}

static inline uint64_t
counter_get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* A response's final status; 0 = there was none. */
static inline void
counter_add_response(struct counter_slot *s, unsigned status)
{
	unsigned class = status / 100;

	if (class >= 1 && class <= STATUS_CLASSES)
		counter_add(&s->responses[class - 1], 1);
}

/* How reports name them, in their order. */
struct counter_field {
	const char *name; /* in JSON */
	/* Of Prometheus, behind "tinyproxyd_"; several fields of one stand together. */
	const char *metric;
	const char *label; /* that tells those apart; NULL = none */
	const char *help;
	bool gauge;
	bool on_demand; /* up to date only when the monitor has asked */
	size_t offset;
};
extern const struct counter_field counter_fields[];
extern const size_t counter_field_count;

uint64_t counter_value(const struct counter_slot *s, const struct counter_field *f);
uint64_t counters_sum(const struct counters *c, const struct counter_field *f);

#endif

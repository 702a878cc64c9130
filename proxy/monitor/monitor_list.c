/* SPDX-License-Identifier: ISC */
/*
 * monitor_list: questions to all workers whose answers are rows: connections, upstreams.
 *
 * One round of a kind at a time; whoever asks meanwhile gets the same answer.
 */
#include "base/clock.h"
#include "proxy/monitor/monitor_state.h"

#define LIST_TIMEOUT_MS 2000

uint64_t
list_request(struct monitor *m, enum channel_list what)
{
	struct listing_round *round = &m->rounds[what];

	if (!round->ticket)
		round->ticket = ++m->last_ticket;
	return round->ticket;
}

static bool
is_due(const struct monitor *m, enum channel_list what)
{
	for (size_t i = 0; i < m->worker_count; i++) {
		if (m->workers[i]->lists[what].due)
			return true;
	}
	return false;
}

static void
turn(struct monitor *m, enum channel_list what)
{
	struct listing_round *round = &m->rounds[what];

	if (!round->ticket)
		return;
	if (!round->deadline_ms) {
		for (size_t i = 0; i < m->worker_count; i++)
			worker_process_list(m->workers[i], what);
		round->deadline_ms = clock_mono_ms() + LIST_TIMEOUT_MS;
	}
	if (is_due(m, what) && clock_mono_ms() < round->deadline_ms)
		return;
	report_list(m, round->ticket, what);
	for (size_t i = 0; i < m->worker_count; i++)
		worker_process_forget_list(m->workers[i], what);
	*round = (struct listing_round){ 0 };
}

void
list_turn(struct monitor *m)
{
	for (unsigned what = 0; what < CHANNEL_LIST_COUNT; what++)
		turn(m, (enum channel_list)what);
}

int64_t
list_deadline_ms(const struct monitor *m)
{
	int64_t first = 0;

	for (size_t i = 0; i < CHANNEL_LIST_COUNT; i++)
		first = deadline_min(first, m->rounds[i].deadline_ms);
	return first;
}

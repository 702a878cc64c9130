/* SPDX-License-Identifier: ISC */
/*
 * watch: a list. The walk over a copy asks before each whether it still is in the list, so that a callback
 * may end and free any of them.
 */
#include "libacme/watch.h"

#include "base/mem.h"

#include <stdlib.h>

void
watch_set_release(struct watch_set *set)
{
	free(set->fds);
	*set = (struct watch_set){ .first = NULL };
}

void
watch_begin(struct watch_set *set, struct watch *w)
{
	w->next = set->first;
	w->told = false;
	set->first = w;
}

static bool
is_begun(const struct watch_set *set, const struct watch *w)
{
	for (const struct watch *at = set->first; at; at = at->next) {
		if (at == w)
			return true;
	}
	return false;
}

void
watch_end(struct watch_set *set, struct watch *w)
{
	for (struct watch **at = &set->first; *at; at = &(*at)->next) {
		if (*at == w) {
			*at = w->next;
			return;
		}
	}
}

bool
watch_keeps(const struct watch_set *set)
{
	for (const struct watch *w = set->first; w; w = w->next) {
		if (!w->background)
			return true;
	}
	return false;
}

int64_t
watch_deadline_ms(const struct watch_set *set)
{
	int64_t soonest = -1;

	for (const struct watch *w = set->first; w; w = w->next) {
		if (w->deadline_ms && (soonest < 0 || w->deadline_ms < soonest))
			soonest = w->deadline_ms;
	}
	return soonest;
}

void
watch_prepare(struct watch_set *set)
{
	set->count = 0;
	for (const struct watch *w = set->first; w; w = w->next) {
		set->fds = mem_realloc_array(set->fds, set->count + 1, sizeof(*set->fds));
		set->fds[set->count++] = (struct pollfd){ .fd = w->fd, .events = w->events };
	}
}

/* What poll said about w's descriptor. */
static short
found(const struct watch_set *set, const struct watch *w)
{
	for (size_t i = 0; w->fd >= 0 && i < set->count; i++) {
		if (set->fds[i].fd == w->fd)
			return set->fds[i].revents;
	}
	return 0;
}

static void
tell(struct watch_set *set, struct watch *w, int64_t now_ms, bool stopped)
{
	short revents = found(set, w);

	if (!revents && w->deadline_ms && w->deadline_ms <= now_ms) {
		w->deadline_ms = 0;
	} else if (!revents) {
		if (!stopped || w->background || w->told)
			return;
		w->told = true;
	}
	w->ready(w->arg, revents);
}

void
watch_tell(struct watch_set *set, int64_t now_ms, bool stopped)
{
	struct watch **all = NULL;
	size_t count = 0;

	for (struct watch *w = set->first; w; w = w->next) {
		all = mem_realloc_array(all, count + 1, sizeof(struct watch *));
		all[count++] = w;
	}
	for (size_t i = 0; i < count; i++) {
		if (is_begun(set, all[i]))
			tell(set, all[i], now_ms, stopped);
	}
	free(all);
	set->count = 0;
}

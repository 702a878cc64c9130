/* SPDX-License-Identifier: ISC */
/* counters: see counters.h. */
#include "proxy/worker/counters.h"

#include "base/clock.h"

#include <sys/mman.h>

#define FIELD(member, ...)                                                            \
	{                                                                             \
#member, __VA_ARGS__, .offset = offsetof(struct counter_slot, member) \
	}
#define RESPONSES(class)                                                               \
	{                                                                              \
		"responses_" #class "xx", "responses_total", "class=\"" #class "xx\"", \
		    "Responses by the first digit of their status.",                   \
		    .offset = offsetof(struct counter_slot, responses) +               \
			      ((class) - 1) * sizeof(uint64_t)                         \
	}

const struct counter_field counter_fields[] = {
	FIELD(connections, "connections", NULL, "Client connections.", true),
	FIELD(idle, "connections_idle", NULL, "Client connections between requests.", true, true),
	FIELD(old_connections, "connections_old", NULL,
	    "Client connections whose request uses an older configuration.", true, true),
	FIELD(requests_active, "requests_active", NULL, "Requests under way.", true),
	FIELD(accepted, "accepted_total", NULL, "Client connections accepted."),
	FIELD(requests, "requests_total", NULL, "Requests."),
	RESPONSES(1),
	RESPONSES(2),
	RESPONSES(3),
	RESPONSES(4),
	RESPONSES(5),
	FIELD(handshakes, "handshakes_total", NULL, "TLS handshakes done."),
	FIELD(handshake_failures, "handshake_failures_total", NULL, "TLS handshakes failed."),
	FIELD(bytes_in, "received_bytes_total", NULL, "Bytes of requests."),
	FIELD(bytes_out, "sent_bytes_total", NULL, "Bytes of responses."),
};
const size_t counter_field_count = sizeof(counter_fields) / sizeof(counter_fields[0]);

struct counters *
counters_new(void)
{
	struct counters *c =
	    mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (c == MAP_FAILED)
		return NULL;
	c->started_ms = clock_mono_ms();
	return c;
}

void
counters_free(struct counters *c)
{
	if (c)
		munmap(c, sizeof(*c));
}

static unsigned
free_slot(const struct counters *c, unsigned preferred)
{
	if (preferred < COUNTER_SLOTS && !c->taken[preferred])
		return preferred;
	for (unsigned i = 0; i < COUNTER_SLOTS; i++) {
		if (!c->taken[i])
			return i;
	}
	return COUNTER_SLOTS - 1;
}

struct counter_slot *
counters_take(struct counters *c, unsigned preferred)
{
	unsigned i = free_slot(c, preferred);

	c->taken[i] = true;
	if (i >= c->slot_count)
		c->slot_count = i + 1;
	return &c->slots[i];
}

void
counters_give_back(struct counters *c, struct counter_slot *s)
{
	c->taken[s - c->slots] = false;
}

void
counter_slot_ended(struct counter_slot *s)
{
	s->connections = s->requests_active = s->idle = s->old_connections = 0;
}

uint64_t
counter_value(const struct counter_slot *s, const struct counter_field *f)
{
	const _Atomic uint64_t *counter =
	    (const _Atomic uint64_t *)(const void *)((const char *)s + f->offset);

	return counter_get(counter);
}

uint64_t
counters_sum(const struct counters *c, const struct counter_field *f)
{
	unsigned n = c->slot_count;
	uint64_t sum = 0;

	/* It may have been written to by a worker that was taken over. */
	for (unsigned i = 0; i < n && i < COUNTER_SLOTS; i++)
		sum += counter_value(&c->slots[i], f);
	return sum;
}

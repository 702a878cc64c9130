/* SPDX-License-Identifier: ISC */
/*
 * resource: a list is enough: hundreds at most, looked through at reloads only.
 */
#include "proxy/monitor/resource.h"

#include "base/mem.h"

#include <unistd.h>

struct resource *
resource_find(struct resource_table *t, enum resource_kind kind, struct span name)
{
	for (struct resource *r = t->first; r; r = r->next) {
		if (r->kind == kind && span_eq(span_str(r->name), name)) {
			r->refs++;
			return r;
		}
	}
	return NULL;
}

struct resource *
resource_add(struct resource_table *t, enum resource_kind kind, struct span name, int fd_take)
{
	struct resource *r = mem_zalloc(sizeof(*r));

	r->id = ++t->last_id;
	r->kind = kind;
	r->name = mem_dup_span(name);
	r->fd = fd_take;
	r->refs = 1;
	r->next = t->first;
	t->first = r;
	return r;
}

int
resource_fd(const struct resource *r, unsigned worker_number)
{
	if (worker_number == 0 || r->more_count == 0)
		return r->fd;
	return worker_number <= r->more_count ? r->more[worker_number - 1] : -1;
}

void
resource_add_fd(struct resource *r, int fd_take)
{
	r->more = mem_realloc_array(r->more, r->more_count + 1, sizeof(*r->more));
	r->more[r->more_count++] = fd_take;
}

void
resource_trim(struct resource *r, unsigned workers)
{
	while (r->more_count > 0 && r->more_count >= workers)
		close(r->more[--r->more_count]);
}

void
resource_unref(struct resource_table *t, struct resource *r)
{
	struct resource **at = &t->first;

	if (--r->refs > 0)
		return;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	close(r->fd);
	resource_trim(r, 0);
	free(r->more);
	if (r->unlink)
		(void)unlink(r->unlink);
	free(r->unlink);
	free(r->name);
	free(r);
}

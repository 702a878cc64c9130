/* SPDX-License-Identifier: ISC */
/*
 * resource: a list is enough: hundreds at most, looked through at reloads only.
 */
#include "proxy/monitor/resource.h"

#include "base/mem.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
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
resource_inherit_take(struct resource_table *t, int fd)
{
	t->inherited = mem_realloc_array(t->inherited, t->inherited_count + 1, sizeof(int));
	t->inherited[t->inherited_count++] = fd;
}

static bool
same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->sa_family != b->sa_family)
		return false;
	switch (a->sa_family) {
	case AF_INET:
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	case AF_INET6:
		return a6->sin6_port == b6->sin6_port &&
		       memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
	case AF_UNIX:
		return strcmp(((const struct sockaddr_un *)a)->sun_path,
			   ((const struct sockaddr_un *)b)->sun_path) == 0;
	default:
		return false;
	}
}

int
resource_claim_detach(struct resource_table *t, const struct sockaddr *sa)
{
	for (size_t i = 0; i < t->inherited_count; i++) {
		struct sockaddr_storage own = { 0 };
		socklen_t len = sizeof(own) - 1;
		int fd = t->inherited[i];

		if (getsockname(fd, (struct sockaddr *)&own, &len) < 0 ||
		    !same_address((struct sockaddr *)&own, sa))
			continue;
		t->inherited[i] = t->inherited[--t->inherited_count];
		return fd;
	}
	return -1;
}

void
resource_forget_inherited(struct resource_table *t)
{
	while (t->inherited_count > 0)
		close(t->inherited[--t->inherited_count]);
	free(t->inherited);
	t->inherited = NULL;
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
	if (r->unlink && !t->keep_socket_files)
		(void)unlink(r->unlink);
	free(r->unlink);
	free(r->name);
	free(r);
}

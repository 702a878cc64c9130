/* SPDX-License-Identifier: ISC */
/* certificate_watch: see certificate_watch.h. */
#include "proxy/monitor/certificate_watch.h"

#include "base/clock.h"
#include "base/mem.h"
#include "proxy/config/span_map.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ONLYDIR)

/* A path of a watched directory. Two may be one directory, and so one watch. */
struct directory {
	struct span path;
	struct directory *next; /* of the same watch */
};

struct certificate_watch {
	int fd;
	struct arena *arena;         /* of one certificate_watch_set */
	struct span_map places;      /* paths whose change is of interest */
	struct span_map directories; /* by path */
	struct directory **by_watch; /* numbers are small and count up */
	size_t watch_count;
	struct span validation; /* directory; empty = none */
	size_t missed;
	int64_t changed_ms; /* the latest event; 0 = none */
	bool validation_changed;
};

struct certificate_watch *
certificate_watch_new(void)
{
	struct certificate_watch *w = mem_zalloc(sizeof(*w));

	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0) {
		int saved = errno;

		free(w);
		errno = saved;
		return NULL;
	}
	w->arena = arena_new(0);
	span_map_init(&w->places, w->arena);
	span_map_init(&w->directories, w->arena);
	return w;
}

static void
let_go(struct certificate_watch *w)
{
	close(w->fd);
	arena_free(w->arena);
	free(w->by_watch);
}

void
certificate_watch_free(struct certificate_watch *w)
{
	if (!w)
		return;
	let_go(w);
	free(w);
}

static void
add_directory(struct certificate_watch *w, struct span path)
{
	char *name = arena_strdup(w->arena, path);
	struct directory *d;
	int number;

	if (span_map_get(&w->directories, path))
		return;
	d = arena_zalloc(w->arena, sizeof(*d));
	d->path = span_str(name);
	span_map_add(&w->directories, d->path, d);
	number = inotify_add_watch(w->fd, name, EVENTS);
	if (number < 0) {
		/* One that is not there will be seen to come by a watch on the one above. */
		w->missed += errno == ENOSPC || errno == ENOMEM;
		return;
	}
	while ((size_t)number >= w->watch_count) {
		size_t more = w->watch_count ? w->watch_count * 2 : 64;

		w->by_watch = mem_realloc_array(w->by_watch, more, sizeof(struct directory *));
		memset(w->by_watch + w->watch_count, 0,
		    (more - w->watch_count) * sizeof(struct directory *));
		w->watch_count = more;
	}
	d->next = w->by_watch[number];
	w->by_watch[number] = d;
}

/* Without the slash; "" for "/x". */
static struct span
parent_of(struct span path)
{
	size_t n = path.n;

	while (n > 0 && path.p[n - 1] != '/')
		n--;
	return span_of(path.p, n > 0 ? n - 1 : 0);
}

static void
add_place(struct certificate_watch *w, struct span path)
{
	struct span directory = parent_of(path);

	if (span_map_add(&w->places, path, w))
		return;
	add_directory(w, directory.n > 0 ? directory : SPAN("/"));
}

static void
add_file(struct certificate_watch *w, struct span path)
{
	char *name = arena_strdup(w->arena, path), target[PATH_MAX];
	struct span directory = parent_of(path);

	add_place(w, span_str(name));
	if (directory.n > 0)
		add_place(w, arena_dup(w->arena, directory));
	if (realpath(name, target) && !span_eq(span_str(target), path))
		add_place(w, arena_dup(w->arena, span_str(target)));
}

static void
add_all(struct certificate_watch *w, const struct snapshot *s)
{
	for (size_t i = 0; i < s->certificate_count; i++) {
		if (!s->certificates[i]->watch)
			continue;
		add_file(w, s->certificates[i]->cert_path);
		add_file(w, s->certificates[i]->key_path);
		if (s->certificates[i]->staple.n > 0)
			add_file(w, s->certificates[i]->staple);
	}
	if (s->acme_store.n > 0) {
		w->validation = arena_dup(w->arena, s->acme_store);
		add_directory(w, w->validation);
	}
}

/* Put fresh (taken) in w's place, with what w has noted. */
static void
replace_with(struct certificate_watch *w, struct certificate_watch *fresh)
{
	certificate_watch_read(w);
	fresh->changed_ms = w->changed_ms;
	fresh->validation_changed = w->validation_changed;
	let_go(w);
	*w = *fresh; /* maps point to their arena, which has not moved */
	free(fresh);
}

size_t
certificate_watch_set(struct certificate_watch *w, const struct snapshot *s)
{
	struct certificate_watch *fresh = certificate_watch_new(), *empty;

	if (!fresh)
		return 1;
	/* What changes while the new ones are being set the old ones see. */
	add_all(fresh, s);
	if (fresh->missed == 0 || w->watch_count == 0) {
		replace_with(w, fresh);
		return w->missed;
	}
	/* Perhaps there is no room for both. Then nobody knows what happens in between. */
	certificate_watch_free(fresh);
	empty = certificate_watch_new();
	if (!empty)
		return 1;
	replace_with(w, empty);
	add_all(w, s);
	w->changed_ms = clock_mono_ms();
	w->validation_changed = true;
	return w->missed;
}

int
certificate_watch_fd(const struct certificate_watch *w)
{
	return w->fd;
}

static void
note(struct certificate_watch *w, const struct inotify_event *event, struct arena *scratch)
{
	const struct directory *d = NULL;

	if (event->mask & IN_Q_OVERFLOW) {
		w->changed_ms = clock_mono_ms();
		w->validation_changed = true;
		return;
	}
	if (event->wd >= 0 && (size_t)event->wd < w->watch_count && event->len > 0)
		d = w->by_watch[event->wd];
	for (; d; d = d->next) {
		struct span name = span_str(event->name);
		struct span path = arena_printf(scratch, SPAN_FMT "/" SPAN_FMT,
		    SPAN_ARG(d->path.n > 1 ? d->path : span_of("", 0)), SPAN_ARG(name));

		if (w->validation.n > 0 && span_eq(d->path, w->validation) &&
		    !(event->mask & IN_CREATE))
			w->validation_changed = true;
		if (span_map_get(&w->places, path))
			w->changed_ms = clock_mono_ms();
	}
}

void
certificate_watch_read(struct certificate_watch *w)
{
	struct arena *scratch = arena_new(0);
	char bytes[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;

	while ((n = read(w->fd, bytes, sizeof(bytes))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(bytes + at);

			note(w, event, scratch);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
		arena_reset(scratch);
	}
	arena_free(scratch);
}

int64_t
certificate_watch_due_ms(const struct certificate_watch *w)
{
	return w->changed_ms ? w->changed_ms + CERTIFICATE_QUIET_MS : 0;
}

void
certificate_watch_forget(struct certificate_watch *w)
{
	w->changed_ms = 0;
}

bool
certificate_watch_take_validation(struct certificate_watch *w)
{
	bool changed = w->validation_changed;

	w->validation_changed = false;
	return changed;
}

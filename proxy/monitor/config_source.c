/* SPDX-License-Identifier: ISC */
/*
 * config_source: the two places a configuration is loaded from: the disk, and a bundle.
 *
 * Both answer in the bundle's terms (a kind, a name, bytes). The disk asks the system once per name, keeps the
 * answer for the life of the source and records it in the bundle, failures to resolve included: the worker's
 * load sees exactly what the monitor's load saw.
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "proxy/config/span_map.h"
#include "proxy/monitor/bundle.h"
#include "proxy/monitor/file_identity.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <netdb.h>
#include <netinet/in.h>

#define CONFIG_FILE_MAX (64 << 20)
#define LIST_MAX (16 << 20)

struct source {
	struct config_source api;    /* first: config_source_free casts back */
	const struct bundle *bundle; /* to read from; NULL: the disk */

	struct arena *arena;
	struct bundle_writer *writer;
	const struct bundle *previous;
	bool frozen;                              /* previous is all that counts */
	struct span_map answers[BUNDLE_IDENTITY]; /* by kind: name -> struct span */
};

static struct source *
source_of(struct config_source *src)
{
	return (struct source *)src;
}

static bool
find(struct source *s, enum bundle_kind kind, struct span name, struct span *bytes)
{
	const struct span *answer;

	if (s->bundle)
		return bundle_find(s->bundle, kind, name, bytes);
	answer = span_map_get(&s->answers[kind], name);
	if (answer)
		*bytes = *answer;
	return answer != NULL;
}

static struct span
record(struct source *s, enum bundle_kind kind, struct span name, struct span bytes)
{
	struct span *answer = arena_alloc(s->arena, sizeof(*answer));

	*answer = arena_dup(s->arena, bytes);
	(void)span_map_add(&s->answers[kind], arena_dup(s->arena, name), answer);
	bundle_writer_add(s->writer, kind, name, bytes);
	return *answer;
}

/* "a\0b\0" as spans; they lie in bytes. */
static void
split_list(struct span bytes, struct arena *arena, struct span **items, size_t *count)
{
	struct span item, rest = bytes;
	size_t n = 0;

	for (size_t i = 0; i < bytes.n; i++)
		n += bytes.p[i] == '\0';
	*items = arena_array(arena, n, sizeof(**items));
	*count = n;
	for (size_t i = 0; i < n && span_split(&rest, '\0', &item); i++)
		(*items)[i] = item;
}

/* What previous has, recorded once more. */
static bool
thaw(struct source *s, enum bundle_kind kind, struct span name, struct span *bytes)
{
	if (!s->frozen || !bundle_find(s->previous, kind, name, bytes))
		return false;
	*bytes = record(s, kind, name, *bytes);
	file_identity_carry(s->writer, s->previous, kind, name);
	return true;
}

static int
disk_read(struct source *s, struct span path, struct span *text, struct err *e)
{
	struct file_identity id, after;
	char *name = mem_dup_span(path);
	struct buf content;
	bool known = file_identity_read(AT_FDCWD, name, &id) == 0;
	int rc = -1;

	buf_init(&content, CONFIG_FILE_MAX);
	if (known && file_identity_reuse(s->previous, BUNDLE_FILE, path, &id, 1, text)) {
		file_identity_record(s->writer, BUNDLE_FILE, path, &id, 1);
		*text = record(s, BUNDLE_FILE, path, *text);
		rc = 0;
		goto out;
	}
	if (file_read(name, &content, e) < 0)
		goto out;
	if (known && file_identity_read(AT_FDCWD, name, &after) == 0 &&
	    file_identity_equal(&id, &after))
		file_identity_record(s->writer, BUNDLE_FILE, path, &id, 1);
	*text = record(s, BUNDLE_FILE, path, buf_span(&content));
	rc = 0;
out:
	buf_release(&content);
	free(name);
	return rc;
}

static int
source_read(struct config_source *src, struct span path, struct span *text, struct err *e)
{
	struct source *s = source_of(src);

	if (find(s, BUNDLE_FILE, path, text) || thaw(s, BUNDLE_FILE, path, text))
		return 0;
	if (!s->bundle && !s->frozen)
		return disk_read(s, path, text, e);
	return err_set(e, ERR_NOINPUT, SPAN_FMT " is not in the bundle", SPAN_ARG(path));
}

static int
disk_glob(struct source *s, struct span pattern, struct span *list, struct err *e)
{
	char *name = mem_dup_span(pattern);
	struct buf paths;
	glob_t found;
	int rc = glob(name, 0, NULL, &found);

	buf_init(&paths, LIST_MAX);
	if (rc == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *path = found.gl_pathv[i];

			(void)buf_add(&paths, span_of(path, strlen(path) + 1));
		}
		globfree(&found);
	}
	if ((rc != 0 && rc != GLOB_NOMATCH) || paths.full) {
		rc = err_set(e, ERR_IO, "cannot list %s", name);
	} else {
		*list = record(s, BUNDLE_GLOB, pattern, buf_span(&paths));
		rc = 0;
	}
	buf_release(&paths);
	free(name);
	return rc;
}

static int
source_glob(struct config_source *src, struct span pattern, struct arena *arena,
    struct span **paths, size_t *count, struct err *e)
{
	struct source *s = source_of(src);
	struct span list;

	if (!find(s, BUNDLE_GLOB, pattern, &list)) {
		if (thaw(s, BUNDLE_GLOB, pattern, &list)) {
			split_list(list, arena, paths, count);
			return 0;
		}
		if (s->bundle || s->frozen)
			return err_set(e, ERR_NOINPUT, SPAN_FMT " is not in the bundle",
			    SPAN_ARG(pattern));
		if (disk_glob(s, pattern, &list, e) < 0)
			return -1;
	}
	split_list(list, arena, paths, count);
	return 0;
}

/* Append the address as text and a NUL, once. */
static void
add_address(struct buf *list, const struct sockaddr *sa)
{
	char text[INET6_ADDRSTRLEN + 1] = "";
	const void *bytes;
	size_t n;

	if (sa->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	else if (sa->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	else
		return;
	if (!inet_ntop(sa->sa_family, bytes, text, INET6_ADDRSTRLEN))
		return;
	n = strlen(text) + 1;
	for (size_t at = 0; at < list->len; at += strlen(list->p + at) + 1) {
		if (strcmp(list->p + at, text) == 0)
			return;
	}
	(void)buf_add(list, span_of(text, n));
}

/* A name that does not resolve is an empty list: no reason to stop, and the worker must see the same. */
static struct span
disk_resolve(struct source *s, struct span host)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char *name = mem_dup_span(host);
	struct buf list;
	struct span answer;

	buf_init(&list, LIST_MAX);
	if (getaddrinfo(name, NULL, &hints, &found) == 0) {
		for (const struct addrinfo *ai = found; ai; ai = ai->ai_next)
			add_address(&list, ai->ai_addr);
		freeaddrinfo(found);
	}
	answer = buf_span(&list);
	if (answer.n == 0 && s->previous)
		(void)bundle_find(s->previous, BUNDLE_HOST, host, &answer);
	answer = record(s, BUNDLE_HOST, host, answer);
	buf_release(&list);
	free(name);
	return answer;
}

static int
source_resolve(struct config_source *src, struct span host, struct arena *arena,
    struct span **addrs, size_t *count, struct err *e)
{
	struct source *s = source_of(src);
	struct span list;

	if (!find(s, BUNDLE_HOST, host, &list)) {
		if (s->bundle)
			return err_set(e, ERR_NOINPUT, SPAN_FMT " is not in the bundle",
			    SPAN_ARG(host));
		if (!thaw(s, BUNDLE_HOST, host, &list))
			list = disk_resolve(s, host);
	}
	if (list.n == 0)
		return err_set(e, ERR_UNAVAILABLE, "host not found: " SPAN_FMT, SPAN_ARG(host));
	split_list(list, arena, addrs, count);
	return 0;
}

static struct source *
source_new(void)
{
	struct source *s = mem_zalloc(sizeof(*s));

	s->api.read = source_read;
	s->api.glob = source_glob;
	s->api.resolve = source_resolve;
	return s;
}

struct config_source *
bundle_source_new(const struct bundle *b)
{
	struct source *s = source_new();

	s->bundle = b;
	return &s->api;
}

struct config_source *
disk_source_new(struct bundle_writer *w, const struct bundle *previous)
{
	struct source *s = source_new();

	s->arena = arena_new(0);
	for (size_t i = 0; i < BUNDLE_IDENTITY; i++)
		span_map_init(&s->answers[i], s->arena);
	s->writer = w;
	s->previous = previous;
	return &s->api;
}

struct config_source *
frozen_source_new(struct bundle_writer *w, const struct bundle *previous)
{
	struct config_source *src = disk_source_new(w, previous);

	source_of(src)->frozen = true;
	return src;
}

void
config_source_free(struct config_source *src)
{
	struct source *s;

	if (!src)
		return;
	s = source_of(src);
	arena_free(s->arena);
	free(s);
}

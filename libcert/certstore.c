/* SPDX-License-Identifier: ISC */
/*
 * The certificate store's paths, lists, locks and reading. What changes it is in certstore_publish.c.
 */
#include "libcert/certstore.h"

#include "base/file.h"
#include "base/mem.h"
#include "libcert/certstore_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CERTSTORE_NAME_MAX 200

const char *const certstore_part_names[CERTSTORE_PARTS] = {
	[CERTSTORE_CERT] = "cert",
	[CERTSTORE_CHAIN] = "chain",
	[CERTSTORE_FULLCHAIN] = "fullchain",
	[CERTSTORE_PRIVKEY] = "privkey",
};

int
certstore_open(const char *dir, struct certstore **store, struct err *e)
{
	char cwd[PATH_MAX];
	char *path;
	size_t len;

	if (dir[0] == '\0')
		return err_set(e, ERR_USAGE, "the certificate store needs a directory");
	if (dir[0] == '/') {
		path = mem_strdup(dir);
	} else {
		/* Renewal confs hold absolute paths. */
		if (!getcwd(cwd, sizeof(cwd)))
			return err_set_errno(e, errno, "cannot tell the current directory");
		path = file_join(cwd, dir);
	}
	for (len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
	*store = mem_zalloc(sizeof(**store));
	(*store)->dir = path;
	return 0;
}

void
certstore_close(struct certstore *store)
{
	if (!store)
		return;
	free(store->dir);
	free(store);
}

const char *
certstore_dir(const struct certstore *store)
{
	return store->dir;
}

bool
certstore_name_ok(struct span name)
{
	if (name.n == 0 || name.n > CERTSTORE_NAME_MAX || name.p[0] == '.')
		return false;
	/* certbot keeps a file of that name in live/. */
	if (span_eq_nocase(name, SPAN("README")))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c < 0x20 || c == 0x7f || c == '/')
			return false;
	}
	return true;
}

static int
name_check(const char *name, struct err *e)
{
	if (certstore_name_ok(span_str(name)))
		return 0;
	err_set(e, ERR_USAGE, "\"%s\" is not usable as the name of a certificate", name);
	return err_hint(e,
	    "a file name without slash, not starting with a dot, of at most %d bytes",
	    CERTSTORE_NAME_MAX);
}

/* ---- paths ---- */

char *
certstore_path(const struct certstore *store, const char *name, enum certstore_part part)
{
	return mem_printf("%s/live/%s/%s.pem", store->dir, name, certstore_part_names[part]);
}

char *
certstore_private_path(struct certstore *store, const char *sub, struct err *e)
{
	char *top = file_join(store->dir, "gatehouse"), *path = file_join(top, sub), *dir;
	int rc = file_make_dirs(store->dir, 0755, e);

	if (rc == 0)
		rc = file_make_dirs(top, 0700, e);
	dir = mem_dup_span(span_of(path, (size_t)(strrchr(path, '/') - path)));
	if (rc == 0)
		rc = file_make_dirs(dir, 0700, e);
	free(dir);
	free(top);
	if (rc < 0) {
		free(path);
		return NULL;
	}
	return path;
}

/* ---- lists ---- */

struct name_list {
	struct arena *arena;
	char **names;
	size_t count, room;
};

static void
name_add(struct name_list *list, struct span name)
{
	if (!certstore_name_ok(name))
		return;
	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 64;
		list->names = mem_realloc_array(list->names, list->room, sizeof(*list->names));
	}
	list->names[list->count++] = arena_strdup(list->arena, name);
}

static bool
is_directory(int dirfd, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
		return entry->d_type == DT_DIR;
	return fstatat(dirfd, entry->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* sub: "renewal" (files, suffix ".conf") or "live" (directories, no suffix). */
static int
names_from(const struct certstore *store, const char *sub, struct span suffix,
    struct name_list *list, struct err *e)
{
	char *path = file_join(store->dir, sub);
	DIR *dir = opendir(path);
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		if (errno != ENOENT)
			rc = err_set_errno(e, errno, "cannot list %s", path);
		free(path);
		return rc;
	}
	while (errno = 0, (entry = readdir(dir))) {
		struct span name = span_str(entry->d_name);

		if (!span_ends(name, suffix) || (suffix.n == 0 && !is_directory(dirfd(dir), entry)))
			continue;
		name.n -= suffix.n;
		name_add(list, name);
	}
	if (errno != 0)
		rc = err_set_errno(e, errno, "cannot list %s", path);
	closedir(dir);
	free(path);
	return rc;
}

static int
name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
certstore_list(struct certstore *store, struct arena *arena, struct span **names, size_t *count,
    struct err *e)
{
	struct name_list list = { .arena = arena };
	int rc = -1;

	if (names_from(store, "renewal", SPAN(".conf"), &list, e) < 0 ||
	    names_from(store, "live", SPAN(""), &list, e) < 0)
		goto out;
	if (list.count > 0)
		qsort(list.names, list.count, sizeof(*list.names), name_compare);
	*names = arena_array(arena, list.count ? list.count : 1, sizeof(**names));
	*count = 0;
	for (size_t i = 0; i < list.count; i++) {
		if (i == 0 || strcmp(list.names[i - 1], list.names[i]) != 0)
			(*names)[(*count)++] = span_str(list.names[i]);
	}
	rc = 0;
out:
	free(list.names);
	return rc;
}

void
certstore_offer(const char *dir, struct buf *out)
{
	struct arena *arena = arena_new(0);
	struct certstore *store = NULL;
	struct span *names;
	size_t count = 0;

	if (certstore_open(dir, &store, NULL) == 0 &&
	    certstore_list(store, arena, &names, &count, NULL) < 0)
		count = 0;
	for (size_t i = 0; i < count; i++)
		buf_printf(out, SPAN_FMT "\n", SPAN_ARG(names[i]));
	certstore_close(store);
	arena_free(arena);
}

/* ---- locks and reading ---- */

int
certstore_lock(struct certstore *store, const char *name, bool wait, struct err *e)
{
	char *sub, *path;
	int fd = -1;

	if (name_check(name, e) < 0)
		return -1;
	sub = mem_printf("locks/%s", name);
	path = certstore_private_path(store, sub, e);
	if (path) {
		fd = file_lock(path, wait, e);
		if (fd < 0)
			err_wrap(e, "cannot lock certificate %s", name);
	}
	free(path);
	free(sub);
	return fd;
}

int
certstore_read(struct certstore *store, const char *name, enum certstore_part part, struct buf *out,
    struct err *e)
{
	char *path;
	int rc;

	if (name_check(name, e) < 0)
		return -1;
	path = certstore_path(store, name, part);
	rc = file_read(path, out, e);
	free(path);
	return rc;
}

/* ---- lineage ---- */

static int
open_dir(const char *path, int *fd, struct err *e)
{
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0 && errno != ENOENT)
		return err_set_errno(e, errno, "cannot open directory %s", path);
	return 0;
}

/* Directories a first publish finds missing; each is on disk before something in it relies on it. */
static int
make_dirs(const struct certstore *store, const char *archive, const char *live, struct err *e)
{
	char *top = file_join(store->dir, "archive");
	char *child = file_join(top, archive);
	int rc = 0;

	if (!file_exists(child) || !file_exists(live)) {
		rc = file_make_dirs(store->dir, 0755, e);
		if (rc == 0)
			rc = file_make_dirs(top, 0700, e);
		if (rc == 0)
			rc = file_make_dirs(live, 0700, e);
		if (rc == 0)
			rc = file_make_dirs(child, 0755, e);
		if (rc == 0)
			rc = file_sync_dir(top, e);
		if (rc == 0)
			rc = file_sync_dir(store->dir, e);
	}
	free(child);
	free(top);
	return rc;
}

int
lineage_open(struct certstore *store, const char *name, bool make, struct lineage *l, struct err *e)
{
	char *live = file_join(store->dir, "live");
	char *archive = mem_printf("%s/archive/%s", store->dir, name);
	int rc = -1;

	*l = (struct lineage){ .store = store, .name = name, .archive_fd = -1, .live_fd = -1 };
	if (name_check(name, e) < 0)
		goto out;
	l->next = mem_printf(".%s.next", name);
	if (make && make_dirs(store, name, live, e) < 0)
		goto out;
	if (open_dir(archive, &l->archive_fd, e) < 0 || open_dir(live, &l->live_fd, e) < 0)
		goto out;
	rc = 0;
out:
	free(archive);
	free(live);
	if (rc < 0)
		lineage_release(l);
	return rc;
}

void
lineage_release(struct lineage *l)
{
	if (l->archive_fd >= 0)
		close(l->archive_fd);
	if (l->live_fd >= 0)
		close(l->live_fd);
	free(l->next);
	*l = (struct lineage){ .archive_fd = -1, .live_fd = -1 };
}

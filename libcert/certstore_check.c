/* SPDX-License-Identifier: ISC */
/*
 * certstore_check: per lineage under its lock when something is to be mended, then the tree as a whole.
 */
#include "libcert/certstore_check.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libcert/certstore_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OTHERS 07
#define REPORT_MAX ((size_t)16 * 1024 * 1024)

struct checking {
	struct certstore *store;
	struct arena *arena;
	bool repair;
	struct certstore_finding *list;
	size_t count, room;
};

/* ---- findings -------------------------------------------------------------------------------- */

static struct certstore_finding *add(struct checking *k, const char *word, const char *where,
    enum certstore_mend mend, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static struct certstore_finding *
add(struct checking *k, const char *word, const char *where, enum certstore_mend mend,
    const char *fmt, ...)
{
	struct certstore_finding *f;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (k->count == k->room) {
		size_t room = k->room ? 2 * k->room : 16;
		struct certstore_finding *more = arena_array(k->arena, room, sizeof(*more));

		if (k->count)
			memcpy(more, k->list, k->count * sizeof(*more));
		k->list = more;
		k->room = room;
	}
	f = &k->list[k->count++];
	*f = (struct certstore_finding){ .word = word,
		.where = arena_strdup(k->arena, span_str(where)),
		.text = arena_strdup(k->arena, span_str(text)),
		.mend = mend };
	return f;
}

/* How a repair of f went; e is emptied. */
static void
settle(struct checking *k, struct certstore_finding *f, int rc, struct err *e)
{
	f->mend = rc == 0 ? CERTSTORE_MENDED : CERTSTORE_NOT_MENDED;
	if (rc < 0)
		f->text = arena_printf(k->arena, "%s; %s", f->text, err_text(e)).p;
	err_reset(e);
}

/* A mode that lets in whom it should not; bits are what has to go. */
static void
check_mode(struct checking *k, const char *word, const char *path, const char *what, mode_t bits)
{
	struct certstore_finding *f;
	struct err e = ERR_INIT;
	struct stat st;

	if (lstat(path, &st) < 0 || S_ISLNK(st.st_mode) || !(st.st_mode & bits))
		return;
	f = add(k, word, path, CERTSTORE_CAN_MEND, "%s has mode %04o", what,
	    (unsigned)(st.st_mode & 07777));
	if (!k->repair)
		return;
	if (chmod(path, st.st_mode & 07777 & ~bits) < 0)
		settle(k, f, err_set_errno(&e, errno, "cannot change it"), &e);
	else
		settle(k, f, 0, &e);
}

/* ---- one lineage ----------------------------------------------------------------------------- */

static bool
is_there(const struct checking *k, const char *sub_dir, const char *name)
{
	char *path, *sub;
	struct stat st;
	bool found;

	sub = mem_printf("%s%s", sub_dir, name);
	path = file_join(k->store->dir, sub);
	found = lstat(path, &st) == 0;
	free(path);
	free(sub);
	return found;
}

/* The newest whole version of the archive; 0 when there is none. */
static unsigned
newest_whole(const struct lineage *l)
{
	unsigned highest = 0;

	if (l->archive_fd < 0 || version_highest(l, &highest, NULL) < 0)
		return 0;
	for (unsigned number = highest; number > 0; number--) {
		struct version v;

		if (version_load(l, number, &v, NULL) == 0) {
			version_release(&v);
			return number;
		}
	}
	return 0;
}

/* live/NAME does not lead to a whole version: point it at the newest that is. */
static void
relink(struct checking *k, const struct lineage *l, const char *why)
{
	unsigned best = newest_whole(l);
	struct certstore_finding *f;
	struct err e = ERR_INIT;
	int rc;

	if (best == 0) {
		add(k, "broken", l->name, CERTSTORE_BY_HAND,
		    "%s, and no version in archive/%s is whole: issue it again", why, l->name);
		return;
	}
	f = add(k, "broken", l->name, CERTSTORE_CAN_MEND, "%s; version %u is whole", why, best);
	if (!k->repair)
		return;
	rc = live_switch(l, best, &e);
	if (rc == 0)
		rc = live_settle(l, &e);
	settle(k, f, rc, &e);
}

static void
check_live(struct checking *k, const struct lineage *l)
{
	struct err e = ERR_INIT;
	struct links links;
	struct version v;
	int number;

	if (links_read(l, l->name, &links, &e) < 0) {
		add(k, "foreign", l->name, CERTSTORE_BY_HAND, "%s%s%s", err_text(&e),
		    e.hint ? "; " : "", e.hint ? e.hint : "");
		err_release(&e);
		return;
	}
	number = links_number(&links);
	if (number < 0) {
		relink(k, l, "its links lead to several versions, or some are missing");
	} else if (number == 0 && newest_whole(l)) {
		relink(k, l, "nothing is live");
	} else if (number > 0 && version_load(l, (unsigned)number, &v, &e) < 0) {
		relink(k, l, err_text(&e));
	} else if (number > 0) {
		version_release(&v);
	}
	err_release(&e);
}

/* A publication that was cut short, or the directory it built. */
static void
check_journal(struct checking *k, const struct lineage *l)
{
	char *next = mem_printf("live/%s", l->next);
	bool cut = is_there(k, "gatehouse/publish/", l->name) || is_there(k, next, "");
	struct certstore_finding *f;
	struct err e = ERR_INIT;

	free(next);
	if (!cut)
		return;
	f = add(k, "interrupted", l->name, CERTSTORE_CAN_MEND,
	    "a publication was cut short; the next renewal, or --repair, finishes it or takes it "
	    "back");
	if (k->repair)
		settle(k, f, certstore_recover(k->store, l->name, &e), &e);
}

static void
check_keys(struct checking *k, const struct lineage *l)
{
	char *dir = mem_printf("%s/archive/%s", k->store->dir, l->name);
	DIR *listing = opendir(dir);
	struct dirent *entry;

	while (listing && (entry = readdir(listing))) {
		char *path = file_join(dir, entry->d_name);

		if (span_starts(span_str(entry->d_name), SPAN("privkey")))
			check_mode(k, "exposed-key", path, "a private key", OTHERS | S_IWGRP);
		free(path);
	}
	if (listing)
		closedir(listing);
	free(dir);
}

static void
check_conf(struct checking *k, const char *name)
{
	char *conf = mem_printf("renewal/%s.conf", name);

	if (!is_there(k, conf, ""))
		add(k, "unmanaged", name, CERTSTORE_BY_HAND,
		    "there is no renewal/%s.conf: nobody renews it", name);
	free(conf);
}

static void
check_lineage(struct checking *k, const char *name)
{
	struct err e = ERR_INIT;
	struct lineage l;
	int lock = -1;

	if (k->repair) {
		lock = certstore_lock(k->store, name, false, &e);
		if (lock < 0) {
			add(k, "busy", name, CERTSTORE_BY_HAND, "not looked at: %s", err_text(&e));
			err_release(&e);
			return;
		}
	}
	if (lineage_open(k->store, name, false, &l, &e) < 0) {
		add(k, "broken", name, CERTSTORE_BY_HAND, "%s", err_text(&e));
	} else {
		check_journal(k, &l);
		check_live(k, &l);
		check_keys(k, &l);
		check_conf(k, name);
		lineage_release(&l);
	}
	if (lock >= 0)
		close(lock);
	err_release(&e);
}

/* ---- the tree -------------------------------------------------------------------------------- */

/* Versions that neither a link nor a configuration knows of. */
static void
check_orphans(struct checking *k)
{
	char *dir = file_join(k->store->dir, "archive");
	DIR *listing = opendir(dir);
	struct dirent *entry;

	while (listing && (entry = readdir(listing))) {
		const char *name = entry->d_name;
		char *conf;

		if (!certstore_name_ok(span_str(name)))
			continue;
		conf = mem_printf("renewal/%s.conf", name);
		if (!is_there(k, "live/", name) && !is_there(k, conf, ""))
			add(k, "orphan", name, CERTSTORE_BY_HAND,
			    "archive/%s belongs to no certificate: remove it if you know why",
			    name);
		free(conf);
	}
	if (listing)
		closedir(listing);
	free(dir);
}

/* Files of writers that were killed, by the name file_write_atomic gives them. */
static bool
is_temporary(const char *name)
{
	const char *at = strstr(name, ".tmp.");

	return at && strlen(at + 5) == 16 && strspn(at + 5, "0123456789abcdef") == 16;
}

static void
check_files(struct checking *k, const char *sub, int depth)
{
	char *dir = file_join(k->store->dir, sub);
	bool accounts = span_starts(span_str(sub), SPAN("accounts"));
	bool ours = span_starts(span_str(sub), SPAN("gatehouse"));
	DIR *listing = depth > 0 ? opendir(dir) : NULL;
	struct dirent *entry;

	while (listing && (entry = readdir(listing))) {
		char *path = file_join(dir, entry->d_name);
		struct certstore_finding *f;
		struct err e = ERR_INIT;
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    lstat(path, &st) < 0) {
			/* nothing to look at */
		} else if (S_ISDIR(st.st_mode)) {
			char *below = file_join(sub, entry->d_name);

			check_files(k, below, depth - 1);
			free(below);
		} else if (S_ISREG(st.st_mode) && is_temporary(entry->d_name)) {
			f = add(k, "leftover", path, CERTSTORE_CAN_MEND,
			    "a writer that was killed left it");
			if (k->repair && unlink(path) < 0)
				settle(k, f, err_set_errno(&e, errno, "cannot remove it"), &e);
			else if (k->repair)
				settle(k, f, 0, &e);
		} else if (accounts && strcmp(entry->d_name, "private_key.json") == 0) {
			check_mode(k, "exposed-key", path, "an account's key", OTHERS | 070);
		} else if (ours) {
			check_mode(k, "exposed-key", path, "a file that may hold a key",
			    OTHERS | 070);
		}
		free(path);
	}
	if (listing)
		closedir(listing);
	free(dir);
}

static void
check_directories(struct checking *k)
{
	static const char *const names[] = { "", "archive", "live", "renewal", "accounts",
		"gatehouse", "renewal-hooks" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = file_join(k->store->dir, names[i]);

		check_mode(k, "writable", path, "a directory of the store", S_IWOTH);
		free(path);
	}
}

int
certstore_check(struct certstore *store, bool repair, struct arena *arena,
    struct certstore_finding **list, size_t *count, struct err *e)
{
	struct checking k = { .store = store, .arena = arena, .repair = repair };
	struct span *names;
	size_t name_count;

	if (certstore_list(store, arena, &names, &name_count, e) < 0)
		return -1;
	for (size_t i = 0; i < name_count; i++)
		check_lineage(&k, names[i].p);
	check_orphans(&k);
	check_files(&k, "accounts", 8);
	check_files(&k, "gatehouse", 4);
	check_files(&k, "renewal", 1);
	check_directories(&k);
	*list = k.list;
	*count = k.count;
	return 0;
}

/* ---- telling --------------------------------------------------------------------------------- */

static const char *
mend_word(enum certstore_mend mend)
{
	static const char *const words[] = {
		[CERTSTORE_BY_HAND] = "by-hand",
		[CERTSTORE_CAN_MEND] = "repairable",
		[CERTSTORE_MENDED] = "repaired",
		[CERTSTORE_NOT_MENDED] = "not-repaired",
	};

	return words[mend];
}

static void
print_json(const struct certstore_finding *list, size_t count, FILE *out)
{
	struct buf json;

	buf_init(&json, REPORT_MAX);
	buf_add_str(&json, "{\"schema\":1,\"findings\":[");
	for (size_t i = 0; i < count; i++) {
		const char *const words[] = { "finding", list[i].word, "where", list[i].where,
			"state", mend_word(list[i].mend), "text", list[i].text };

		buf_add_str(&json, i ? ",{" : "{");
		for (size_t j = 0; j < 8; j += 2) {
			buf_printf(&json, "%s\"%s\":\"", j ? "," : "", words[j]);
			encode_json(&json, span_str(words[j + 1]));
			buf_add_char(&json, '"');
		}
		buf_add_char(&json, '}');
	}
	buf_add_str(&json, "]}\n");
	fwrite(json.p, 1, json.len, out);
	buf_release(&json);
}

void
certstore_check_print(const struct certstore_finding *list, size_t count, bool json, FILE *out)
{
	static const char *const ends[] = {
		[CERTSTORE_BY_HAND] = "",
		[CERTSTORE_CAN_MEND] = " (--repair mends it)",
		[CERTSTORE_MENDED] = " (repaired)",
		[CERTSTORE_NOT_MENDED] = " (not repaired)",
	};

	if (json) {
		print_json(list, count, out);
		return;
	}
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s: %s: %s%s\n", list[i].where, list[i].word, list[i].text,
		    ends[list[i].mend]);
	if (count == 0)
		fputs("the store is in order\n", out);
}

bool
certstore_check_clean(const struct certstore_finding *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].mend != CERTSTORE_MENDED)
			return false;
	}
	return true;
}

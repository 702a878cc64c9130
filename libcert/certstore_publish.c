/* SPDX-License-Identifier: ISC */
/*
 * publish and recover: the order of things.
 *
 *	check the new version        nothing on disk has changed
 *	journal: N                   gatehouse/publish/NAME, a symbolic link
 *	archive/NAME/...N.pem        written, flushed; nothing links to them
 *	live/NAME                    switched by one rename (certstore_live.c), flushed
 *	the old directory            cleared away
 *	journal removed
 *
 * An error before the switch undoes what was done. A crash anywhere leaves the journal; whoever
 * holds the lock next finishes version N if it is whole and fit, else removes it. Without a journal
 * an archived version above the live one is somebody else's (certbot's) and is left alone.
 */
#include "base/file.h"
#include "base/mem.h"
#include "libcert/certstore_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define JOURNAL_MAX 32

/*
 * ---- the journal: a symbolic link to the number, there in one call and never half ----
 *
 * It need not be flushed: a power cut that takes it takes with it no more than the knowledge whose the files are that
 * nothing links to, or that live/.NAME.next is to be cleared away, which is done without it.
 */

static char *
journal_path(const struct lineage *l)
{
	return mem_printf("%s/gatehouse/publish/%s", l->store->dir, l->name);
}

static int
journal_write(const struct lineage *l, unsigned number, struct err *e)
{
	char *sub = mem_printf("publish/%s", l->name), *text = mem_printf("%u", number);
	char *path = certstore_private_path(l->store, sub, e);
	int rc = path ? 0 : -1;

	certstore_step("journal");
	if (path && symlink(text, path) < 0)
		rc = err_set_errno(e, errno, "cannot make %s", path);
	free(path);
	free(text);
	free(sub);
	return rc;
}

/* *number 0: nothing was under way. */
static int
journal_read(const struct lineage *l, unsigned *number, struct err *e)
{
	char *path = journal_path(l), text[JOURNAL_MAX];
	ssize_t len = readlink(path, text, sizeof(text));
	uint64_t value;
	int rc = 0;

	*number = 0;
	if (len < 0 && errno != ENOENT && errno != ENOTDIR && errno != EINVAL)
		rc = err_set_errno(e, errno, "cannot read %s", path);
	else if (len >= 0 || errno == EINVAL) {
		if (len < 0 ||
		    span_to_u64(span_of(text, (size_t)len), CERTSTORE_NUMBER_MAX, &value) < 0 ||
		    value == 0)
			rc = err_set(e, ERR_DATA, "%s is not a link to a version's number", path);
		else
			*number = (unsigned)value;
	}
	free(path);
	return rc;
}

static int
journal_remove(const struct lineage *l, struct err *e)
{
	char *path = journal_path(l);
	int rc = 0;

	certstore_step("forget");
	if (unlink(path) < 0 && errno != ENOENT)
		rc = err_set_errno(e, errno, "cannot remove %s", path);
	free(path);
	return rc;
}

/* ---- recover ---- */

/* The live leaf, for comparison; NULL when there is none or none that can be read. */
static X509 *
live_leaf(const struct lineage *l, int number)
{
	return number > 0 ? version_leaf(l, (unsigned)number) : NULL;
}

/* Is what was written of version number good enough to go live after all? */
static bool
can_finish(const struct lineage *l, unsigned number, int live)
{
	struct version v;
	X509 *before;
	bool fit;

	if (version_load(l, number, &v, NULL) < 0)
		return false;
	before = live_leaf(l, live);
	fit = version_check(&v, NULL, 0, before, NULL) == 0;
	X509_free(before);
	version_release(&v);
	return fit;
}

/* Take back a version that did not go live. What a link still holds stays. */
static int
roll_back(const struct lineage *l, unsigned number, struct err *e)
{
	struct links links;

	if (links_read(l, l->name, &links, e) < 0)
		return -1;
	certstore_step("roll-back");
	if (links_hold(&links, number))
		return err_set(e, ERR_IO, "live/%s points at several versions", l->name);
	if (version_remove(l, number, e) < 0 || live_settle(l, e) < 0)
		return -1;
	return journal_remove(l, e);
}

/* Links at several versions: somebody died while they were swung one by one. The newest whole one wins. */
static int
mend(const struct lineage *l, const struct links *links, struct err *e)
{
	unsigned best = 0;

	for (int part = 0; part < CERTSTORE_PARTS; part++) {
		unsigned number = links->number[part];
		struct version v;

		if (number <= best || version_load(l, number, &v, NULL) < 0)
			continue;
		version_release(&v);
		best = number;
	}
	if (best == 0) {
		err_set(e, ERR_DATA,
		    "live/%s points at several versions, none of which is whole in archive/%s",
		    l->name, l->name);
		return err_hint(e, "move live/%s away and issue the certificate again", l->name);
	}
	if (live_switch(l, best, e) < 0)
		return -1;
	return live_settle(l, e);
}

/* What a crash left of publishing version number. */
static int
finish(const struct lineage *l, unsigned number, struct err *e)
{
	struct links links;
	int live, rc = 0;

	if (links_read(l, l->name, &links, e) < 0)
		return -1;
	live = links_number(&links);
	if (live < 0)
		rc = mend(l, &links, e);
	else if (live != (int)number && can_finish(l, number, live))
		rc = live_switch(l, number, e);
	else if (live != (int)number)
		return roll_back(l, number, e);
	certstore_step("settle");
	if (rc == 0)
		rc = live_settle(l, e);
	return rc < 0 ? -1 : journal_remove(l, e);
}

static int
lineage_recover(const struct lineage *l, struct err *e)
{
	struct links links;
	unsigned number;

	if (journal_read(l, &number, e) < 0)
		return -1;
	if (number > 0 && l->archive_fd >= 0 && l->live_fd >= 0)
		return finish(l, number, e);
	if (number > 0)
		return journal_remove(l, e);
	if (live_clear(l, e) < 0 || links_read(l, l->name, &links, e) < 0)
		return -1;
	return links_number(&links) < 0 ? mend(l, &links, e) : 0;
}

int
certstore_recover(struct certstore *store, const char *name, struct err *e)
{
	struct lineage l;
	int rc;

	if (lineage_open(store, name, false, &l, e) < 0)
		return err_wrap(e, "cannot recover certificate %s", name);
	rc = lineage_recover(&l, e);
	if (rc < 0)
		err_wrap(e, "cannot recover certificate %s", name);
	lineage_release(&l);
	return rc;
}

/* ---- publish ---- */

/* What a new version comes after. */
struct place {
	unsigned number; /* of the new version */
	unsigned like;   /* the live version, whose key's owner and mode are kept; 0 for none */
	X509 *leaf;      /* its leaf, or NULL */
};

static int
place_find(const struct lineage *l, struct place *place, struct err *e)
{
	struct links links;
	unsigned highest;
	int live;

	*place = (struct place){ 0 };
	if (links_read(l, l->name, &links, e) < 0 || version_highest(l, &highest, e) < 0)
		return -1;
	live = links_number(&links);
	place->like = live > 0 ? (unsigned)live : 0;
	place->leaf = live_leaf(l, live);
	place->number = (highest > place->like ? highest : place->like) + 1;
	if (place->number <= CERTSTORE_NUMBER_MAX)
		return 0;
	X509_free(place->leaf);
	place->leaf = NULL;
	return err_set(e, ERR_DATA, "archive/%s has a version numbered %u", l->name, highest);
}

/* Write and switch; on an error before the switch, undo. */
static int
place_version(const struct lineage *l, const struct version *v, const struct place *place,
    struct err *e)
{
	if (journal_write(l, place->number, e) < 0 ||
	    version_write(l, place->number, v, place->like, e) < 0 ||
	    live_switch(l, place->number, e) < 0) {
		/* What cannot be undone now, the journal has the next run undo. */
		(void)roll_back(l, place->number, NULL);
		return -1;
	}
	/* It is live: what is left to clear away, the journal has the next run clear if we cannot. */
	certstore_step("settle");
	if (live_clear(l, NULL) == 0)
		(void)journal_remove(l, NULL);
	return (int)place->number;
}

static int
publish(const struct lineage *l, const struct version *v, const struct span *names, size_t count,
    struct err *e)
{
	struct place place;
	int number = -1;

	if (lineage_recover(l, e) < 0 || place_find(l, &place, e) < 0)
		return -1;
	if (version_check(v, names, count, place.leaf, e) == 0)
		number = place_version(l, v, &place, e);
	X509_free(place.leaf);
	return number;
}

int
certstore_publish(struct certstore *store, const char *name,
    const struct certstore_version *version, const struct span *names, size_t name_count,
    struct err *e)
{
	struct version v = { 0 };
	struct lineage l;
	int number = -1;

	certstore_step("publish");
	/* Before anything is made on disk for it. */
	if (version_parse(version, &v, e) < 0 || version_check(&v, names, name_count, NULL, e) < 0)
		goto out;
	if (lineage_open(store, name, true, &l, e) < 0)
		goto out;
	number = publish(&l, &v, names, name_count, e);
	lineage_release(&l);
out:
	version_release(&v);
	if (number < 0)
		err_wrap(e, "cannot publish certificate %s", name);
	return number;
}

int
certstore_live_number(struct certstore *store, const char *name, struct err *e)
{
	struct lineage l;
	struct links links;
	struct version v;
	int number = -1;

	if (lineage_open(store, name, false, &l, e) < 0)
		return -1;
	if (links_read(&l, name, &links, e) < 0)
		goto out;
	number = links_number(&links);
	if (number < 0)
		err_set(e, ERR_DATA, "live/%s points at several versions", name);
	else if (number > 0 && version_load(&l, (unsigned)number, &v, e) < 0)
		number = -1;
	else if (number > 0)
		version_release(&v);
out:
	lineage_release(&l);
	return number;
}

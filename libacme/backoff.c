/* SPDX-License-Identifier: ISC */
/*
 * backoff: one small file per lineage that fails; there is none for those that do not.
 */
#include "libacme/backoff.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/acme_json.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX ((size_t)64 * 1024)
#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)
/* Failures that need no pause after them. */
#define FREE_FAILURES (BACKOFF_PER_HOUR - 1)
/* Latest time that is believed: a clock that was wrong must not stop renewals for years. */
#define HOLD_MAX (366 * DAY)

void
backoff_release(struct backoff *b)
{
	free(b->problem);
	*b = (struct backoff){ .problem = NULL };
}

/* ---- reading --------------------------------------------------------------------------------- */

static int64_t
get_time(const cJSON *item, int64_t latest)
{
	double value = cJSON_IsNumber(item) ? item->valuedouble : 0;

	return value > 0 && value <= (double)latest ? (int64_t)value : 0;
}

static cJSON *
read_file(const char *path)
{
	cJSON *doc = NULL;
	struct buf json;

	buf_init(&json, FILE_MAX);
	if (file_read(path, &json, NULL) == 0)
		(void)!acme_json_parse(buf_span(&json), path, &doc, NULL);
	buf_release(&json);
	return doc;
}

static void
read_attempts(const cJSON *doc, int64_t now, int64_t out[BACKOFF_PER_HOUR])
{
	const cJSON *list = acme_json_array(doc, "attempts");
	size_t n = 0;

	for (const cJSON *item = list ? list->child : NULL; item && n < BACKOFF_PER_HOUR;
	     item = item->next) {
		/* One that lies in the future was made by another clock. */
		if (get_time(item, now))
			out[n++] = get_time(item, now);
	}
}

static void
read_doc(const cJSON *doc, int64_t now, struct backoff *b)
{
	const cJSON *failures = cJSON_GetObjectItemCaseSensitive(doc, "failures");
	const char *problem = acme_json_string(doc, "problem");

	b->failures = (unsigned)get_time(failures, 1000000);
	b->next_try = get_time(cJSON_GetObjectItemCaseSensitive(doc, "next_try"), now + DAY);
	b->open = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(doc, "open"));
	b->hold_until =
	    get_time(cJSON_GetObjectItemCaseSensitive(doc, "hold_until"), now + HOLD_MAX);
	b->problem = problem ? mem_strdup(problem) : NULL;
	read_attempts(doc, now, b->attempts);
}

static char *
file_of(const struct certstore *store, const char *name)
{
	return mem_printf("%s/gatehouse/backoff/%s.json", certstore_dir(store), name);
}

bool
backoff_load(struct certstore *store, const char *name, struct backoff *b)
{
	char *path = file_of(store, name);
	cJSON *doc = file_exists(path) ? read_file(path) : NULL;

	*b = (struct backoff){ .problem = NULL };
	if (doc)
		read_doc(doc, clock_wall(), b);
	cJSON_Delete(doc);
	free(path);
	return b->failures > 0 || b->hold_until > 0;
}

/* ---- may it be tried? ------------------------------------------------------------------------ */

static bool
shares_name(const cJSON *doc, const struct span *names, size_t count)
{
	const cJSON *list = acme_json_array(doc, "names");

	for (const cJSON *item = list ? list->child : NULL; item; item = item->next) {
		for (size_t i = 0; i < count; i++) {
			if (cJSON_IsString(item) &&
			    span_eq_nocase(span_str(item->valuestring), names[i]))
				return true;
		}
	}
	return false;
}

/* Newest first; the oldest falls off. */
static void
insert_attempt(int64_t list[BACKOFF_PER_HOUR], int64_t when)
{
	size_t at = BACKOFF_PER_HOUR - 1;

	if (when <= list[at])
		return;
	for (; at > 0 && list[at - 1] < when; at--)
		list[at] = list[at - 1];
	list[at] = when;
}

/* The last attempts at any of these names, by all lineages that fail. */
static void
collect_attempts(struct certstore *store, const struct span *names, size_t count,
    int64_t out[BACKOFF_PER_HOUR])
{
	char *dir = mem_printf("%s/gatehouse/backoff", certstore_dir(store));
	DIR *listing = opendir(dir);
	int64_t now = clock_wall();
	struct dirent *entry;

	while (listing && (entry = readdir(listing))) {
		int64_t attempts[BACKOFF_PER_HOUR] = { 0 };
		char *path = file_join(dir, entry->d_name);
		cJSON *doc =
		    span_ends(span_str(entry->d_name), SPAN(".json")) ? read_file(path) : NULL;

		if (doc && shares_name(doc, names, count))
			read_attempts(doc, now, attempts);
		for (size_t i = 0; i < BACKOFF_PER_HOUR; i++)
			insert_attempt(out, attempts[i]);
		cJSON_Delete(doc);
		free(path);
	}
	if (listing)
		closedir(listing);
	free(dir);
}

static int
refuse(const struct backoff *b, int64_t until, const char *why, struct err *e)
{
	err_set(e, ERR_TEMPFAIL, "%s%s%s", why, b->problem ? "; the last failure: " : "",
	    b->problem ? b->problem : "");
	if (e)
		e->retry_at = until;
	return -1;
}

int
backoff_check(struct certstore *store, const char *name, const struct span *names, size_t count,
    bool by_hand, struct err *e)
{
	int64_t recent[BACKOFF_PER_HOUR] = { 0 }, now = clock_wall(), oldest, until = 0;
	struct backoff b;
	char why[100];
	int rc = 0;

	backoff_load(store, name, &b);
	collect_attempts(store, names, count, recent);
	oldest = recent[BACKOFF_PER_HOUR - 1];
	if (oldest && oldest + HOUR > now) {
		until = oldest + HOUR;
		snprintf(why, sizeof(why), "not tried: it has failed %d times within an hour",
		    BACKOFF_PER_HOUR);
	}
	if (!by_hand && b.next_try > now && b.next_try > until) {
		until = b.next_try;
		snprintf(why, sizeof(why), "not tried: it has failed %u times in a row",
		    b.failures);
	}
	if (b.hold_until > now && b.hold_until >= until) {
		until = b.hold_until;
		snprintf(why, sizeof(why), "not tried: the CA asked for a pause");
	}
	if (until)
		rc = refuse(&b, until, why, e);
	if (until && until == b.next_try)
		err_hint(e,
		    "once the reason is gone, acme-renew --cert-name %s --force-renewal tries at "
		    "once",
		    name);
	backoff_release(&b);
	return rc;
}

/* ---- remembering ----------------------------------------------------------------------------- */

static void
save(struct certstore *store, const char *name, const struct span *names, size_t count,
    const struct backoff *b)
{
	char *sub = mem_printf("backoff/%s.json", name);
	char *path = certstore_private_path(store, sub, NULL);
	struct buf json;

	buf_init(&json, FILE_MAX);
	buf_printf(&json, "{\"schema\":1,\"failures\":%u,\"next_try\":%lld,\"hold_until\":%lld,",
	    b->failures, (long long)b->next_try, (long long)b->hold_until);
	buf_printf(&json, "\"open\":%s,\"attempts\":[", b->open ? "true" : "false");
	for (size_t i = 0; i < BACKOFF_PER_HOUR && b->attempts[i]; i++)
		buf_printf(&json, "%s%lld", i ? "," : "", (long long)b->attempts[i]);
	buf_add_str(&json, "],\"names\":[");
	for (size_t i = 0; i < count; i++) {
		buf_add_str(&json, i ? ",\"" : "\"");
		encode_json(&json, names[i]);
		buf_add_char(&json, '"');
	}
	buf_add_str(&json, "],\"problem\":\"");
	encode_json(&json, span_str(b->problem ? b->problem : ""));
	buf_add_str(&json, "\"}\n");
	if (path && !json.full)
		(void)!file_write_unflushed(path, buf_span(&json), 0600, NULL);
	buf_release(&json);
	free(path);
	free(sub);
}

static int64_t
pause_after(unsigned failures)
{
	int64_t pause = HOUR;

	if (failures <= FREE_FAILURES)
		return 0;
	for (unsigned i = FREE_FAILURES + 1; i < failures && pause < DAY; i++)
		pause *= 2;
	return pause < DAY ? pause : DAY;
}

static void
add_failure(struct backoff *b, int64_t now)
{
	b->failures++;
	insert_attempt(b->attempts, now);
	b->next_try = pause_after(b->failures) ? now + pause_after(b->failures) : 0;
}

static void
set_problem(struct backoff *b, const char *text)
{
	free(b->problem);
	b->problem = mem_strdup(text);
}

void
backoff_attempt(struct certstore *store, const char *name, const struct span *names, size_t count)
{
	struct backoff b;

	backoff_load(store, name, &b);
	add_failure(&b, clock_wall());
	b.open = true;
	set_problem(&b, "the run was cut short while the CA was looking");
	save(store, name, names, count, &b);
	backoff_release(&b);
}

void
backoff_failed(struct certstore *store, const char *name, const struct span *names, size_t count,
    const struct err *e, bool counts)
{
	int64_t now = clock_wall();
	struct backoff b;

	backoff_load(store, name, &b);
	if (counts || b.open || e->retry_at > now) {
		if (counts && !b.open)
			add_failure(&b, now);
		b.open = false;
		b.hold_until = e->retry_at > now ? e->retry_at : 0;
		set_problem(&b, err_text(e));
		save(store, name, names, count, &b);
	}
	backoff_release(&b);
}

void
backoff_settle(struct certstore *store, const char *name)
{
	struct backoff b;

	if (backoff_load(store, name, &b) && b.open)
		backoff_succeeded(store, name);
	backoff_release(&b);
}

void
backoff_succeeded(struct certstore *store, const char *name)
{
	char *path = file_of(store, name);

	unlink(path);
	free(path);
}

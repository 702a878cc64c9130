/* SPDX-License-Identifier: ISC */
/*
 * edition: from files on disk to something workers can be given.
 */
#include "proxy/monitor/edition.h"

#include "base/mem.h"
#include "proxy/monitor/file_identity.h"
#include "proxy/monitor/listener.h"
#include "proxy/monitor/log_files.h"
#include "proxy/monitor/privileges.h"
#include "proxy/monitor/staple_pack.h"
#include "proxy/monitor/temp_paths.h"
#include "proxy/monitor/zone.h"
#include "proxy/tls/tls_settings.h"

#include <errno.h>
#include <unistd.h>

#define BIND_PAUSE_US 500000

/* Tell e as one of the edition's mistakes; e is released. Returns -1. */
static int
complain(struct edition *ed, const struct config_file *file, unsigned line, struct err *e)
{
	diagnostic_add(&ed->diagnostics, DIAG_EMERG, file, line, "%s", err_text(e));
	if (e->hint)
		diagnostic_hint(&ed->diagnostics, "%s", e->hint);
	err_release(e);
	return -1;
}

/* As it was, whatever the disk says by now. */
static bool
pack_old(struct edition *ed, const struct bundle *previous, enum bundle_kind kind, struct span path)
{
	struct span bytes;

	if (!ed->renewal || !bundle_find(previous, kind, path, &bytes))
		return false;
	bundle_writer_add(ed->writer, kind, path, bytes);
	file_identity_carry(ed->writer, previous, kind, path);
	return true;
}

static void
pack_files(struct edition *ed, const struct snapshot *s, const struct bundle *previous)
{
	struct err e = ERR_INIT;

	certificate_pack(ed->writer, previous, s, &ed->certificates);
	for (size_t i = 0; i < s->certificate_count; i++) {
		const struct certificate_ref *ref = s->certificates[i];

		if (ref->staple.n > 0 &&
		    staple_pack(ed->writer, previous, ref, &ed->certificates.changed, &e) < 0) {
			diagnostic_add(&ed->diagnostics, DIAG_WARN, ref->file, ref->line,
			    "\"ssl_stapling\" has nothing to show for \"" SPAN_FMT "\": %s",
			    SPAN_ARG(ref->cert_path), err_text(&e));
			if (e.hint)
				diagnostic_hint(&ed->diagnostics, "%s", e.hint);
			err_release(&e);
		}
	}
	for (size_t i = 0; i < s->dhparam_count; i++) {
		if (!pack_old(ed, previous, BUNDLE_DHPARAM, s->dhparams[i]) &&
		    dhparam_pack(ed->writer, previous, s->dhparams[i], &e) < 0)
			complain(ed, NULL, 0, &e);
	}
	for (size_t i = 0; i < s->ticket_key_file_count; i++) {
		if (!pack_old(ed, previous, BUNDLE_TICKET_KEY, s->ticket_key_files[i]) &&
		    ticket_key_pack(ed->writer, s->ticket_key_files[i], &e) < 0)
			complain(ed, NULL, 0, &e);
	}
}

static struct edition *
read_edition(const struct snapshot_options *options, uint64_t number,
    const struct edition *previous, bool renewal)
{
	const struct bundle *old = previous ? previous->bundle : NULL;
	struct edition *ed = mem_zalloc(sizeof(*ed));

	ed->number = number;
	ed->bundle_fd = -1;
	ed->arena = arena_new(0);
	diagnostics_init(&ed->diagnostics, ed->arena);
	certificate_report_init(&ed->certificates, ed->arena);
	ed->writer = bundle_writer_new();
	ed->renewal = ed->certificates.watched_only = renewal;
	ed->source =
	    renewal ? frozen_source_new(ed->writer, old) : disk_source_new(ed->writer, old);
	ed->snapshot = snapshot_load_or_show(ed->source, options, &ed->diagnostics, &ed->refused);
	if (!ed->snapshot)
		return ed;
	ed->snapshot->generation = number;
	tls_settings_check(ed->snapshot, &ed->diagnostics);
	pack_files(ed, ed->snapshot, old);
	return ed;
}

struct edition *
edition_read(const struct snapshot_options *options, uint64_t number,
    const struct edition *previous)
{
	return read_edition(options, number, previous, false);
}

struct edition *
edition_renew(const struct snapshot_options *options, uint64_t number,
    const struct edition *previous)
{
	return read_edition(options, number, previous, true);
}

static void
note_resource(struct edition *ed, enum bundle_kind kind, struct span name, struct resource *r)
{
	bundle_writer_add(ed->writer, kind, name, span_of(&r->id, sizeof(r->id)));
	ed->resources[ed->resource_count++] = r;
}

/*
 * One round over the listeners that are not open yet. Returns how many found their address in use; on the last
 * round, and for anything else that is wrong, a diagnostic says so.
 */
static size_t
open_listeners(struct edition *ed, bool *opened, bool last)
{
	size_t busy_count = 0;

	for (size_t i = 0; i < ed->snapshot->listener_count; i++) {
		const struct listener *l = &ed->snapshot->listeners[i];
		struct err e = ERR_INIT;
		struct resource *r;
		bool busy;

		if (opened[i])
			continue;
		r = listener_open(ed->table, l, &busy, &e);
		opened[i] = r || !busy;
		busy_count += busy;
		if (r)
			note_resource(ed, BUNDLE_LISTENER, l->address.text, r);
		else if (!busy || last)
			complain(ed, NULL, 0, &e);
		err_release(&e);
	}
	return busy_count;
}

static void
open_logs(struct edition *ed, int stderr_fd)
{
	for (size_t i = 0; i < ed->snapshot->log_file_count; i++) {
		struct span path = ed->snapshot->log_files[i]->path;
		struct err e = ERR_INIT;
		struct resource *r = log_files_open(ed->table, path, stderr_fd, &e);

		if (r)
			note_resource(ed, BUNDLE_LOG, path, r);
		else
			complain(ed, NULL, 0, &e);
	}
}

static void
open_zones(struct edition *ed)
{
	for (size_t i = 0; i < ed->snapshot->zone_count; i++) {
		const struct zone_spec *z = ed->snapshot->zones[i];
		struct err e = ERR_INIT;
		struct resource *r = zone_open(ed->table, z, &e);

		if (r)
			note_resource(ed, BUNDLE_ZONE, z->name, r);
		else
			complain(ed, NULL, 0, &e);
	}
}

void
edition_open(struct edition *ed, struct resource_table *table, int stderr_fd, unsigned tries)
{
	const struct snapshot *s = ed->snapshot;
	bool *opened = mem_zalloc(s->listener_count * sizeof(*opened));

	ed->table = table;
	ed->resources = mem_realloc_array(NULL,
	    s->listener_count + s->log_file_count + s->zone_count, sizeof(*ed->resources));
	open_logs(ed, stderr_fd);
	temp_paths_make(s, &ed->diagnostics);
	open_zones(ed);
	for (; tries > 0 && open_listeners(ed, opened, tries == 1) > 0; tries--) {
		if (tries > 1)
			usleep(BIND_PAUSE_US);
	}
	free(opened);
}

static void
add_option(struct edition *ed, const char *name, struct span value)
{
	bundle_writer_add(ed->writer, BUNDLE_OPTIONS, span_str(name), value);
}

int
edition_seal(struct edition *ed, const struct snapshot_options *options)
{
	struct span number = arena_printf(ed->arena, "%llu", (unsigned long long)ed->number);
	struct err e = ERR_INIT;

	add_option(ed, "prefix", options->prefix);
	add_option(ed, "conf", options->conf_path);
	add_option(ed, "error_log", options->error_log);
	add_option(ed, "globals", options->globals);
	add_option(ed, "generation", number);
	ed->bundle_fd = bundle_writer_seal(ed->writer, &e);
	if (ed->bundle_fd < 0 || bundle_open(ed->bundle_fd, &ed->bundle, &e) < 0)
		return complain(ed, NULL, 0, &e);
	bundle_writer_free(ed->writer);
	ed->writer = NULL;
	return 0;
}

void
edition_close_listeners(struct edition *ed)
{
	size_t kept = 0;

	for (size_t i = 0; i < ed->resource_count; i++) {
		if (ed->resources[i]->kind == RESOURCE_LISTENER)
			resource_unref(ed->table, ed->resources[i]);
		else
			ed->resources[kept++] = ed->resources[i];
	}
	ed->resource_count = kept;
}

void
edition_free(struct edition *ed)
{
	if (!ed)
		return;
	for (size_t i = 0; i < ed->resource_count; i++)
		resource_unref(ed->table, ed->resources[i]);
	free(ed->resources);
	bundle_close(ed->bundle);
	if (ed->bundle_fd >= 0)
		close(ed->bundle_fd);
	if (ed->snapshot)
		snapshot_free(ed->snapshot);
	config_source_free(ed->source);
	bundle_writer_free(ed->writer);
	arena_free(ed->arena);
	free(ed);
}

static void
try_log(struct edition *ed, struct span path)
{
	char *name = mem_dup_span(path);
	struct err e = ERR_INIT;
	int fd;

	if (!span_eq(path, SPAN("stderr"))) {
		fd = log_file_open(name, &e);
		if (fd < 0)
			complain(ed, NULL, 0, &e);
		else
			close(fd);
	}
	free(name);
}

static void
try_user(struct edition *ed, const struct main_settings *m)
{
	const struct node *named = m->user_node;
	struct privileges who;
	struct err e = ERR_INIT;

	if (privileges_find(&who, m->user, m->group, &e) < 0)
		complain(ed, named ? named->file : NULL, named ? named->line : 0, &e);
	privileges_release(&who);
}

void
edition_try(struct edition *ed)
{
	const struct snapshot *s = ed->snapshot;
	struct err e = ERR_INIT;

	if (!s) {
		pack_files(ed, ed->refused, NULL);
		try_user(ed, &ed->refused->main);
		return;
	}
	for (size_t i = 0; i < s->log_file_count; i++)
		try_log(ed, s->log_files[i]->path);
	for (size_t i = 0; i < s->listener_count; i++) {
		if (listener_try(&s->listeners[i], &e) < 0)
			complain(ed, NULL, 0, &e);
	}
	try_user(ed, &s->main);
}

int
edition_log_fd(const struct edition *ed, const struct log_file *file)
{
	for (size_t i = 0; i < ed->resource_count; i++) {
		const struct resource *r = ed->resources[i];

		if (r->kind == RESOURCE_LOG && span_eq(span_str(r->name), file->path))
			return r->fd;
	}
	return -1;
}

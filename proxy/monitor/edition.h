/* SPDX-License-Identifier: ISC */
/*
 * edition: one generation of the configuration as the monitor holds it: read, checked, sealed, with its descriptors.
 *
 *	edition_read    configuration and every file it names, into a snapshot and a bundle being written
 *	edition_open    sockets bound, logs opened: those of earlier editions are shared
 *	edition_seal    ids noted in the bundle, the bundle sealed
 *
 * Nothing that runs changes until the monitor commits an edition; freeing one that was not committed undoes all it did.
 * What is wrong is in its diagnostics. (A worker's side of the same generation is struct generation.)
 */
#ifndef PROXY_MONITOR_EDITION_H
#define PROXY_MONITOR_EDITION_H

#include "proxy/config/snapshot.h"
#include "proxy/monitor/bundle.h"
#include "proxy/monitor/certificate_pack.h"
#include "proxy/monitor/resource.h"

struct edition {
	uint64_t number;
	struct arena *arena;
	struct diagnostics diagnostics;
	struct certificate_report certificates;
	struct snapshot *snapshot;      /* NULL: refused */
	const struct snapshot *refused; /* then what there is of it: snapshot_load_or_show() */
	bool renewal;                   /* only its certificates were read */
	int bundle_fd;                  /* -1 until sealed */
	struct bundle *bundle;          /* the monitor's own view of it */
	struct resource **resources;
	size_t resource_count;

	struct config_source *source;
	struct bundle_writer *writer;
	struct resource_table *table;
};

/* previous: the edition in service, or NULL; it must stay until edition_seal. Never NULL. */
struct edition *edition_read(const struct snapshot_options *options, uint64_t number,
    const struct edition *previous);
/*
 * The configuration of previous as it was read then, with the certificates that are on disk now; certificates.changed of
 * them are others.
 */
struct edition *edition_renew(const struct snapshot_options *options, uint64_t number,
    const struct edition *previous);
/* stderr_fd: what "stderr" logs to. tries: how often, half a second apart, an address in use is tried. */
void edition_open(struct edition *ed, struct resource_table *table, int stderr_fd, unsigned tries);
/* Returns 0, or -1 with one more diagnostic. */
int edition_seal(struct edition *ed, const struct snapshot_options *options)
    __attribute__((warn_unused_result));
/* Stop listening; its other resources stay. */
void edition_close_listeners(struct edition *ed);
/* Takes NULL. Closes what no other edition uses. */
void edition_free(struct edition *ed);

/*
 * For -t, instead of opening: could its addresses be bound, its logs be written, its user be become? Of one that was
 * refused: are its files and its user there?
 */
void edition_try(struct edition *ed);

/* The descriptor of a log file of its snapshot. */
int edition_log_fd(const struct edition *ed, const struct log_file *file);

#endif

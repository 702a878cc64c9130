/* SPDX-License-Identifier: ISC */
/*
 * offload: work that has to wait for the disk, done by a few threads beside the acme_http loop, which goes on meanwhile.
 *
 * Disks flush many files at once in hardly more time than one.
 */
#ifndef LIBACME_OFFLOAD_H
#define LIBACME_OFFLOAD_H

#include "libacme/watch.h"

struct offload;

/* The threads are started as work comes. watches: the loop's; keeps it turning while there is work. */
struct offload *offload_new(struct watch_set *watches);
/* Work that was begun is waited for, what was not is dropped; nothing is told. Takes NULL. */
void offload_free(struct offload *o);

/*
 * Call work(arg) in a thread, then done(arg) in the loop. work shares nothing with the loop that either of them changes meanwhile. A loop that
 * is told to stop does not stop it.
 */
void offload_run(struct offload *o, void (*work)(void *arg), void (*done)(void *arg), void *arg);

#endif

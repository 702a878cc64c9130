/* SPDX-License-Identifier: ISC */
/*
 * session_cache: TLS sessions by ID, in memory that several processes may share.
 *
 *	pages of 4 KiB, found by the ID (which is random); in each a few sessions, oldest first
 *
 * All zero is an empty cache. Nobody ever waits for anybody: a reader copies a page and looks whether it changed
 * meanwhile, a writer that finds another at work drops its session, and a page whose writer died is emptied by the next. What
 * comes out is checked for its form and no more: the sessions of a worker that was taken over are for whoever
 * resumes them to distrust, as with any cache that processes share.
 */
#ifndef PROXY_TLS_SESSION_CACHE_H
#define PROXY_TLS_SESSION_CACHE_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define SESSION_CACHE_PAGE 4096
#define SESSION_ID_MAX 32
/* A longer session (a client's certificate and chain are in it) is not kept. */
#define SESSION_BYTES_MAX 4000

struct session_cache {
	void *memory; /* borrowed; aligned to 8 bytes */
	size_t pages;
};

/* Over size bytes of memory. */
struct session_cache session_cache_over(void *memory, size_t size);
/* Keep it until expires_s (any clock, the same for all calls). Older sessions of its page make room. */
void session_cache_add(const struct session_cache *c, struct span id, struct span session,
    int64_t now_s, int64_t expires_s);
/* A copy into out, whose length is returned; 0 = not there. */
size_t session_cache_find(const struct session_cache *c, struct span id, int64_t now_s,
    unsigned char out[SESSION_BYTES_MAX]);

#endif

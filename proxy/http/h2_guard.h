/* SPDX-License-Identifier: ISC */
/*
 * h2_guard: what an HTTP/2 client may cost beyond the requests it lets us answer.
 *
 * Each kind of abuse has a count that rises with every such frame and falls with time and with honest work; so a
 * long-lived connection never runs up against it, and a flood does at once. Pure: the clock is the caller's. Functions that
 * return text return NULL, or why the connection has to end (GOAWAY with ENHANCE_YOUR_CALM).
 */
#ifndef PROXY_HTTP_H2_GUARD_H
#define PROXY_HTTP_H2_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Streams the client took back before they were answered (CVE-2023-44487). */
#define H2_RESETS_MAX 500
/* Streams it made us reset (CVE-2025-8671). */
#define H2_PROVOKED_MAX 100
/* Frames that ask for no work: SETTINGS, PING, PRIORITY, empty DATA, WINDOW_UPDATE, ... */
#define H2_IDLE_FRAMES_MAX 1000
/* Of one header block behind its HEADERS frame (CVE-2024-27316). */
#define H2_CONTINUATIONS_MAX 30
#define H2_CONTINUATION_BYTES_MAX 16384

struct h2_guard {
	int64_t eased_ms; /* loop clock */
	unsigned resets, provoked, idle_frames;
	unsigned continuations;
	size_t continuation_bytes;
	uint64_t bytes, payload; /* read in all; of that, header blocks and bodies */
};

const char *h2_guard_reset(struct h2_guard *g, int64_t now_ms);
const char *h2_guard_provoked(struct h2_guard *g, int64_t now_ms);
const char *h2_guard_idle_frame(struct h2_guard *g, int64_t now_ms);
/* A header block begins; a frame continues it. */
void h2_guard_headers(struct h2_guard *g, size_t n);
const char *h2_guard_continuation(struct h2_guard *g, size_t n);
/* A DATA frame of n bytes came; there was more than padding in it. */
void h2_guard_body(struct h2_guard *g, size_t n);
void h2_guard_used_data(struct h2_guard *g);
/* n bytes were read, whatever they were. */
const char *h2_guard_read(struct h2_guard *g, size_t n);
/* A DATA frame went out: the client will answer with window updates. */
void h2_guard_sent_data(struct h2_guard *g);
/* A response went out whole. */
void h2_guard_answered(struct h2_guard *g);

#endif

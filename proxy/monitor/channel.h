/* SPDX-License-Identifier: ISC */
/*
 * channel: what monitor and worker say to each other, over a SOCK_SEQPACKET pair.
 *
 * Monitor to worker:
 *	RESOURCE id (+fd)   here is, or from now on replaces, the descriptor with this id (listener or log file)
 *	BUNDLE gen (+fd)    the sealed bundle of generation gen; answered by ADOPTED or REFUSED
 *	DRAIN               stop accepting, finish what is under way, then exit
 *	STOP                exit now
 *	STATUS              bring what you count up to date (worker/counters.h); answered by COUNTED
 *	VALIDATION (+fd)    from now on these are the certificates that answer acme-tls/1: a sealed bundle
 *	PEER n id + text    from now on this server of an upstream gets no new requests (id 1), or does again (0); answered
 *	                    by PEER_SET n. text: the upstream, a NUL, the address or (if it is resolved at run time) name
 *	LIST id             answered by ROWS until LISTED
 * Worker to monitor:
 *	ADOPTED gen, REFUSED gen + text, COUNTED, PEER_SET n, ROWS id + text,
 *	LISTED id
 *
 * The worker never asks for anything. The monitor checks every length of what a worker says: a worker may have been
 * taken over.
 */
#ifndef PROXY_MONITOR_CHANNEL_H
#define PROXY_MONITOR_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum channel_kind {
	CHANNEL_RESOURCE = 1,
	CHANNEL_BUNDLE,
	CHANNEL_DRAIN,
	CHANNEL_STOP,
	CHANNEL_STATUS,
	CHANNEL_VALIDATION,
	CHANNEL_ADOPTED,
	CHANNEL_REFUSED,
	CHANNEL_COUNTED,
	CHANNEL_PEER,
	CHANNEL_PEER_SET,
	CHANNEL_LIST,   /* id: enum channel_list */
	CHANNEL_ROWS,   /* the same id; text */
	CHANNEL_LISTED, /* that was all; generation 1: some were left out */
};

/* What a worker can be asked to list (worker/listing.h). */
enum channel_list { CHANNEL_LIST_CONNECTIONS, CHANNEL_LIST_UPSTREAMS, CHANNEL_LIST_COUNT };

#define CHANNEL_TEXT_MAX 1024

struct channel_message {
	uint32_t kind;
	uint32_t id; /* resource id */
	uint64_t generation;
	uint32_t text_length; /* bytes of text used; no NUL behind */
	char text[CHANNEL_TEXT_MAX];
};

/* Both take EINTR upon themselves. send: 0 or -1 with errno; only text_length bytes of the text go. fd = -1: none. */
int channel_send(int sock, const struct channel_message *m, int fd);
/* 1 a message (*fd received or -1, close-on-exec), 0 the peer is gone, -1 errno (EAGAIN). Malformed: -1 EPROTO; no descriptor free: -1 EMFILE. */
int channel_recv(int sock, struct channel_message *m, int *fd);

#endif

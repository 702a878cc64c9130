/* SPDX-License-Identifier: ISC */
/* fuzz_real_ip: lists of addresses from clients, by fields, recursive or not: only a trusted proxy's word counts. */
#include "proxy/config/cidr.h"
#include "proxy/http/real_ip.h"

#include <arpa/inet.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(fact) ((fact) ? (void)0 : abort())

/* Each line is a field; the first byte says whether the search goes on behind trusted ones. */
static void
find(struct span in, bool recursive, struct arena *arena)
{
	struct cidr trusted[2];
	struct real_ip settings = { .trusted = trusted,
		.trusted_count = 2,
		.header = SPAN_INIT("x_forwarded_for"),
		.recursive = recursive };
	struct location_settings location = { .real_ip = &settings };
	struct sockaddr_in remote = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001) };
	struct client client = { .remote = (struct sockaddr *)&remote };
	struct request r = { .settings = &location };
	struct span line;

	MUST(cidr_parse(SPAN("10.0.0.0/8"), &trusted[0]) == CIDR_OK);
	MUST(cidr_parse(SPAN("fd00::/8"), &trusted[1]) == CIDR_OK);
	r.client = &client;
	r.arena = arena;
	header_list_init(&r.headers, arena);
	while (span_split(&in, '\n', &line))
		header_add(&r.headers, HEADER_X_FORWARDED_FOR, SPAN("X-Forwarded-For"), line);
	real_ip_find(&r);
	MUST(!r.remote || r.remote->sa_family == AF_INET || r.remote->sa_family == AF_INET6);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct cidr c;

	(void)cidr_parse(span_of(data, size), &c);
	if (size > 0)
		find(span_of(data + 1, size - 1), data[0] & 1, arena);
	arena_free(arena);
	return 0;
}

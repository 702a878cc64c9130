/* SPDX-License-Identifier: ISC */
/*
 * fuzz_client_hello: a TLS client's first message from any bytes.
 *
 * What is accepted has a name fit for a log, and what was found lies within the bytes.
 */
#include "proxy/net/client_hello.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(fact) ((fact) ? (void)0 : abort())

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size + 1);
	struct client_hello hello;
	struct arena *arena = arena_new(0);

	memcpy(bytes, data, size);
	if (client_hello_parse(bytes, size, &hello) == PARSE_OK) {
		MUST(hello.server_name.n <= 255 && hello.alpn.n <= size);
		for (size_t i = 0; i < hello.server_name.n; i++)
			MUST(hello.server_name.p[i] > 0x20 && hello.server_name.p[i] < 0x7f);
		MUST(client_hello_alpn(&hello, arena).n <= hello.alpn.n);
	} else {
		MUST(hello.server_name.n == 0 && hello.alpn.n == 0);
	}
	free(bytes);
	arena_free(arena);
	return 0;
}

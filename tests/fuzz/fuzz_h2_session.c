/* SPDX-License-Identifier: ISC */
/*
 * fuzz_h2_session: an HTTP/2 connection, from its first frame behind the preface to its end, with handlers and an upstream
 * behind it. The first byte says in what pieces the bytes come.
 *
 * Whatever came, nothing is left of it but the worker.
 */
#include "tests/unit/proxy/proxy_world.h"

#include <signal.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(fact) ((fact) ? (void)0 : abort())

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
static const char config[] =
    "server { listen 127.0.0.1:1 http2; client_max_body_size 100; large_client_header_buffers 1 512;"
    " location / { return 200 hello; } location /p { proxy_pass http://BACKEND; }"
    " location /u { proxy_pass http://BACKEND; proxy_request_buffering off; } }";

static void
answer(struct proxy_world *w)
{
	static const char response[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				       "3\r\nabc\r\n0\r\nx: y\r\n\r\n";
	static const char tunnel[] =
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc";
	char head[2048];
	int fd;

	while ((fd = accept4(w->backend, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		ssize_t n = read(fd, head, sizeof(head));

		if (n > 0 && memmem(head, (size_t)n, "\r\nUpgrade: ", 11))
			(void)!write(fd, tunnel, sizeof(tunnel) - 1);
		else
			(void)!write(fd, response, sizeof(response) - 1);
		world_turns(w, 2);
		close(fd);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct proxy_world *w;
	size_t step = size > 0 && data[0] ? data[0] * (size_t)8 : 2048;
	int fd;

	if (!w) {
		/* As in a worker; else the search ends at the first connection that is closed on it, without a word. */
		signal(SIGPIPE, SIG_IGN);
		w = proxy_world_new(config);
	}
	fd = proxy_world_connect(w);
	(void)!write(fd, preface, sizeof(preface));
	for (size_t at = 1; at < size; at += step) {
		size_t n = size - at < step ? size - at : step;

		(void)!write(fd, data + at, n);
		world_turns(w, 3);
		while (take(fd, NULL, 0) > 0)
			;
		if (step < 256)
			answer(w);
	}
	answer(w);
	world_turns(w, 3);
	close(fd);
	world_turns(w, 4);
	if (w->worker.clients)
		world_pass(w, 200000);
	MUST(!w->worker.clients && w->worker.counters->connections == 0);
	MUST(bufpool_borrowed(w->worker.pool) == 0);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * A TLS handshake without blocking for longer than the caller allows, and nothing more.
 */
#include "libcert/served.h"

#include "base/clock.h"
#include "base/mem.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* "[::1]:443" -> "::1", "443"; both on the heap. */
static int
split_address(const char *address, char **host, char **port, struct err *e)
{
	const char *colon = strrchr(address, ':');
	struct span h = span_of(address, colon ? (size_t)(colon - address) : 0);
	uint64_t number;

	if (h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = span_of(h.p + 1, h.n - 2);
	else if (span_find(h, ':') >= 0 || span_find(h, '[') >= 0)
		h.n = 0;
	if (h.n == 0 || span_to_u64(span_str(colon + 1), 65535, &number) < 0 || number == 0) {
		err_set(e, ERR_USAGE, "\"%s\" is not an address with a port", address);
		return err_hint(e, "write HOST:PORT, 192.0.2.1:443 or [2001:db8::1]:443");
	}
	*host = mem_dup_span(h);
	*port = mem_strdup(colon + 1);
	return 0;
}

char *
served_address_host(const char *address, struct err *e)
{
	char *host, *port;

	if (split_address(address, &host, &port, e) < 0)
		return NULL;
	free(port);
	return host;
}

int
served_address_check(const char *address, struct err *e)
{
	char *host = served_address_host(address, e);

	free(host);
	return host ? 0 : -1;
}

/* Wait for events on fd; 0, or -1 with errno (ETIMEDOUT). */
static int
wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline_ms - clock_mono_ms();
		int n;

		if (left <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		n = poll(&p, 1, (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -1;
	}
}

/* One address; the descriptor or -1 with errno. */
static int
connect_one(const struct addrinfo *ai, int64_t deadline_ms)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int failure = 0;
	socklen_t n = sizeof(failure);

	if (fd < 0)
		return -1;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0) {
		if (errno != EINPROGRESS || wait_for(fd, POLLOUT, deadline_ms) < 0)
			failure = errno;
		else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &n) < 0)
			failure = errno;
	}
	if (failure) {
		close(fd);
		errno = failure;
		return -1;
	}
	return fd;
}

static int
connect_to(const char *address, int64_t deadline_ms, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char *host, *port;
	int fd = -1, rc;

	if (split_address(address, &host, &port, e) < 0)
		return -1;
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc != 0) {
		err_set(e, ERR_UNAVAILABLE, "%s: %s", address, gai_strerror(rc));
	} else {
		for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next)
			fd = connect_one(ai, deadline_ms);
		if (fd < 0) {
			err_set_errno(e, errno, "nothing answers at %s", address);
			if (e)
				e->kind = ERR_UNAVAILABLE;
		}
		freeaddrinfo(list);
	}
	free(host);
	free(port);
	return fd;
}

/* An IP literal is not said (RFC 6066 3). */
static int
set_server_name(SSL *ssl, struct span name)
{
	char *text = span_starts(name, SPAN("*."))
			 ? mem_printf("wildcard.%.*s", SPAN_ARG(span_after(name, 2)))
			 : mem_dup_span(name);
	unsigned char ip[16];
	int rc = 1;

	if (inet_pton(AF_INET, text, ip) != 1 && inet_pton(AF_INET6, text, ip) != 1)
		rc = (int)SSL_set_tlsext_host_name(ssl, text);
	free(text);
	return rc;
}

static int
handshake(SSL *ssl, int fd, int64_t deadline_ms)
{
	for (;;) {
		int rc = SSL_connect(ssl), why;

		if (rc == 1)
			return 0;
		why = SSL_get_error(ssl, rc);
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			return -1;
		if (wait_for(fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_ms) < 0)
			return -1;
	}
}

/* Every version and strength that OpenSSL still has: a weak server is to be seen, not refused. */
static SSL_CTX *
make_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx) {
		SSL_CTX_set_security_level(ctx, 0);
		(void)SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	}
	return ctx;
}

/* What the server sent; the peer's chain holds the leaf too on a client's side. */
static STACK_OF(X509) *
take_chain(const SSL *ssl)
{
	STACK_OF(X509) *sent = SSL_get_peer_cert_chain(ssl);

	return sent && sk_X509_num(sent) > 0 ? X509_chain_up_ref(sent) : NULL;
}

int
served_chain(const char *address, struct span name, int64_t timeout_ms, STACK_OF(X509) **certs,
    struct err *e)
{
	int64_t deadline_ms = clock_mono_ms() + timeout_ms;
	SSL_CTX *ctx = NULL;
	SSL *ssl = NULL;
	int rc = -1, fd;

	*certs = NULL;
	fd = connect_to(address, deadline_ms, e);
	if (fd < 0)
		return -1;
	ERR_clear_error();
	ctx = make_context();
	ssl = ctx ? SSL_new(ctx) : NULL;
	if (!ssl || SSL_set_fd(ssl, fd) != 1 || set_server_name(ssl, name) != 1) {
		err_set_openssl(e, ERR_BUG, "cannot prepare a TLS connection");
		goto out;
	}
	if (handshake(ssl, fd, deadline_ms) < 0) {
		err_set_openssl(e, ERR_UNAVAILABLE, "no TLS with %s for the name %.*s", address,
		    SPAN_ARG(name));
		goto out;
	}
	*certs = take_chain(ssl);
	if (!*certs) {
		err_set(e, ERR_UNAVAILABLE, "%s shows no certificate", address);
		goto out;
	}
	SSL_shutdown(ssl);
	rc = 0;
out:
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	ERR_clear_error();
	return rc;
}

int
served_leaf(const char *address, struct span name, int64_t timeout_ms, X509 **leaf, struct err *e)
{
	STACK_OF(X509) *certs = NULL;

	*leaf = NULL;
	if (served_chain(address, name, timeout_ms, &certs, e) < 0)
		return -1;
	*leaf = sk_X509_shift(certs);
	sk_X509_pop_free(certs, X509_free);
	return 0;
}

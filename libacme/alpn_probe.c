/* SPDX-License-Identifier: ISC */
/*
 * alpn_probe: connect, handshake, look at the certificate, close.
 */
#include "libacme/alpn_probe.h"

#include "base/clock.h"
#include "base/mem.h"
#include "libcert/served.h"
#include "libcert/validation_cert.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_MS 10000

struct probing {
	struct acme_http *http;
	struct alpn_probe probe;
	char *address, *server, *key_auth;
	struct watch watch;
	SSL_CTX *ctx;
	SSL *ssl;
	bool connected;
	enum alpn_result result;
	char why[200];
};

/* From a timer, so that done never runs inside alpn_probe. */
static void
finish(void *arg)
{
	struct probing *p = arg;

	p->probe.done(p->probe.arg, p->result, p->why);
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	if (p->watch.fd >= 0)
		close(p->watch.fd);
	free(p->address);
	free(p->server);
	free(p->key_auth);
	free(p);
}

static void
end(struct probing *p, enum alpn_result result, const char *why)
{
	p->result = result;
	snprintf(p->why, sizeof(p->why), "%s", why);
	watch_end(acme_http_watches(p->http), &p->watch);
	acme_http_after(p->http, 0, finish, p);
}

static void
judge(struct probing *p)
{
	X509 *cert = SSL_get1_peer_certificate(p->ssl);
	const unsigned char *protocol = NULL;
	unsigned len = 0;

	SSL_get0_alpn_selected(p->ssl, &protocol, &len);
	if (!span_eq(span_of(protocol, len), SPAN(VALIDATION_CERT_ALPN)))
		end(p, ALPN_WRONG, "it does not speak \"" VALIDATION_CERT_ALPN "\"");
	else if (!cert || !validation_cert_proves(cert, span_str(p->key_auth)))
		end(p, ALPN_WRONG, "it shows another certificate than the challenge's");
	else
		end(p, ALPN_RIGHT, "");
	X509_free(cert);
}

static void
shake(struct probing *p)
{
	int rc, why;
	unsigned long code;

	ERR_clear_error();
	rc = SSL_connect(p->ssl);
	why = SSL_get_error(p->ssl, rc);
	if (rc == 1) {
		judge(p);
	} else if (why == SSL_ERROR_WANT_READ) {
		p->watch.events = POLLIN;
	} else if (why == SSL_ERROR_WANT_WRITE) {
		p->watch.events = POLLOUT;
	} else {
		code = ERR_peek_error();
		end(p, ALPN_WRONG,
		    code && ERR_reason_error_string(code) ? ERR_reason_error_string(code)
							  : "it closes the connection");
	}
	ERR_clear_error();
}

static void
on_ready(void *arg, short revents)
{
	struct probing *p = arg;
	int failure = 0;
	socklen_t n = sizeof(failure);

	if (!revents) {
		end(p, p->connected ? ALPN_WRONG : ALPN_UNREACHABLE,
		    acme_http_stopped(p->http) ? "interrupted" : "it does not answer in time");
		return;
	}
	if (!p->connected) {
		if (getsockopt(p->watch.fd, SOL_SOCKET, SO_ERROR, &failure, &n) < 0 || failure) {
			end(p, ALPN_UNREACHABLE, strerror(failure ? failure : errno));
			return;
		}
		p->connected = true;
	}
	shake(p);
}

static bool
prepare_tls(struct probing *p)
{
	static const unsigned char protocol[] = VALIDATION_CERT_ALPN_WIRE;

	p->ctx = SSL_CTX_new(TLS_client_method());
	p->ssl = p->ctx ? SSL_new(p->ctx) : NULL;
	/* Unlike OpenSSL's others this one returns 0 for success. */
	return p->ssl && SSL_set_fd(p->ssl, p->watch.fd) == 1 &&
	       SSL_set_alpn_protos(p->ssl, protocol, sizeof(protocol) - 1) == 0 &&
	       SSL_set_tlsext_host_name(p->ssl, p->server) == 1;
}

static bool
open_socket(struct probing *p)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	char *host = served_address_host(p->address, NULL);
	const char *port = strrchr(p->address, ':');
	struct addrinfo *list = NULL;
	bool ok = false;

	if (host && port && getaddrinfo(host, port + 1, &hints, &list) == 0) {
		p->watch.fd =
		    socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		ok = p->watch.fd >= 0 &&
		     (connect(p->watch.fd, list->ai_addr, list->ai_addrlen) == 0 ||
			 errno == EINPROGRESS);
		freeaddrinfo(list);
	}
	free(host);
	return ok;
}

void
alpn_probe(struct acme_http *http, const struct alpn_probe *probe)
{
	struct probing *p = mem_zalloc(sizeof(*p));

	p->http = http;
	p->probe = *probe;
	p->address = mem_strdup(probe->address);
	p->server = mem_strdup(probe->server);
	p->key_auth = mem_strdup(probe->key_auth);
	p->watch = (struct watch){ .fd = -1,
		.events = POLLOUT,
		.deadline_ms = clock_mono_ms() + LIMIT_MS,
		.ready = on_ready,
		.arg = p };
	if (!open_socket(p))
		end(p, ALPN_UNREACHABLE, strerror(errno));
	else if (!prepare_tls(p))
		end(p, ALPN_UNREACHABLE, "cannot prepare a TLS connection");
	else
		watch_begin(acme_http_watches(http), &p->watch);
}

/* SPDX-License-Identifier: ISC */
/*
 * dns_ask: a channel per question, so that each can go to servers of its own.
 */
#include "libacme/dns_ask.h"

#include "base/clock.h"
#include "base/mem.h"
#include "libcert/served.h"

#include <ares.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define TIMEOUT_MS 2000
#define TRIES 2
#define VALUES_MAX 64

struct ask_socket {
	struct ask_socket *next;
	struct asking *asking;
	struct watch watch;
};

struct asking {
	struct acme_http *http;
	struct dns_question question;
	ares_channel channel;
	struct ask_socket *sockets;
	struct watch timer;
	char *name, *values[VALUES_MAX];
	struct dns_answer answer;
	bool over;
};

static void
global_init(void)
{
	ares_library_init(ARES_LIB_INIT_ALL);
}

/* "192.0.2.1", "[2001:db8::1]:53" in the form ares_set_servers_ports_csv reads. */
static char *
server_text(const char *server)
{
	struct in6_addr v6;

	return inet_pton(AF_INET6, server, &v6) == 1 ? mem_printf("[%s]", server)
						     : mem_strdup(server);
}

int
dns_server_check(const char *server, struct err *e)
{
	unsigned char address[16];
	char *host = NULL;
	int rc = -1;

	if (inet_pton(AF_INET, server, address) == 1 || inet_pton(AF_INET6, server, address) == 1)
		return 0;
	host = served_address_host(server, NULL);
	if (host &&
	    (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1))
		rc = 0;
	else
		err_set(e, ERR_USAGE, "\"%s\" is no address of a name server", server);
	if (rc < 0)
		err_hint(e, "write ADDRESS or ADDRESS:PORT, 192.0.2.1 or [2001:db8::1]:53");
	free(host);
	return rc;
}

unsigned
dns_server_port(const char *server)
{
	unsigned char address[16];
	const char *colon = server ? strrchr(server, ':') : NULL;
	uint64_t port;

	if (!colon || inet_pton(AF_INET6, server, address) == 1 ||
	    span_to_u64(span_str(colon + 1), 65535, &port) < 0 || port == 0)
		return NAMESERVER_PORT;
	return (unsigned)port;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* From a timer: the channel must not go while it is on the stack. */
static void
asking_finish(void *arg)
{
	struct asking *a = arg;
	struct watch_set *set = acme_http_watches(a->http);

	ares_destroy(a->channel);
	while (a->sockets) {
		struct ask_socket *s = a->sockets;

		a->sockets = s->next;
		watch_end(set, &s->watch);
		free(s);
	}
	watch_end(set, &a->timer);
	a->question.done(a->question.arg, &a->answer);
	for (size_t i = 0; i < a->answer.count; i++)
		free(a->values[i]);
	free(a->name);
	free(a);
}

static void
asking_over(struct asking *a)
{
	if (a->over)
		return;
	a->over = true;
	acme_http_after(a->http, 0, asking_finish, a);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void
add_value(struct asking *a, struct span value)
{
	if (a->answer.count < VALUES_MAX)
		a->values[a->answer.count++] = mem_dup_span(value);
}

static int
read_addresses(struct asking *a, const unsigned char *reply, int len)
{
	struct ares_addrttl v4[VALUES_MAX];
	struct ares_addr6ttl v6[VALUES_MAX];
	bool six = a->question.type == DNS_AAAA;
	int count = VALUES_MAX;
	int rc = six ? ares_parse_aaaa_reply(reply, len, NULL, v6, &count)
		     : ares_parse_a_reply(reply, len, NULL, v4, &count);
	char text[INET6_ADDRSTRLEN];

	for (int i = 0; rc == ARES_SUCCESS && i < count; i++) {
		if (inet_ntop(six ? AF_INET6 : AF_INET,
			six ? (const void *)&v6[i].ip6addr : (const void *)&v4[i].ipaddr, text,
			sizeof(text)))
			add_value(a, span_str(text));
	}
	return rc;
}

/* The strings of one record are one value (RFC 7208 3.3 says it for SPF, and CAs do it). */
static int
read_texts(struct asking *a, const unsigned char *reply, int len)
{
	struct ares_txt_ext *list = NULL;
	int rc = ares_parse_txt_reply_ext(reply, len, &list);
	struct buf text;

	buf_init(&text, 65536);
	for (struct ares_txt_ext *t = list; t; t = t->next) {
		if (t->record_start && t != list) {
			add_value(a, buf_span(&text));
			buf_reset(&text);
		}
		buf_add(&text, span_of(t->txt, t->length));
	}
	if (list)
		add_value(a, buf_span(&text));
	buf_release(&text);
	if (list)
		ares_free_data(list);
	return rc;
}

static int
read_servers(struct asking *a, const unsigned char *reply, int len)
{
	struct hostent *host = NULL;
	int rc = ares_parse_ns_reply(reply, len, &host);

	for (char **p = host ? host->h_aliases : NULL; p && *p; p++)
		add_value(a, span_str(*p));
	if (host)
		ares_free_hostent(host);
	return rc;
}

/* c-ares has no parser for an alias alone. */
static int
read_alias(struct asking *a, const unsigned char *reply, int len)
{
	char target[NS_MAXDNAME];
	ns_msg message;
	ns_rr rr;

	if (ns_initparse(reply, len, &message) < 0)
		return ARES_EBADRESP;
	for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
		if (ns_parserr(&message, ns_s_an, i, &rr) == 0 && ns_rr_type(rr) == ns_t_cname &&
		    dn_expand(reply, reply + len, ns_rr_rdata(rr), target, sizeof(target)) > 0) {
			add_value(a, span_str(target));
			return ARES_SUCCESS;
		}
	}
	return ARES_ENODATA;
}

static enum dns_result
result_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return DNS_FOUND;
	case ARES_ENODATA:
		return DNS_NO_DATA;
	case ARES_ENOTFOUND:
		return DNS_NO_NAME;
	default:
		return DNS_UNKNOWN;
	}
}

static void
on_reply(void *arg, int status, int timeouts, unsigned char *reply, int len)
{
	struct asking *a = arg;

	if (status == ARES_EDESTRUCTION || a->over)
		return;
	if (status == ARES_SUCCESS) {
		switch (a->question.type) {
		case DNS_A:
		case DNS_AAAA:
			status = read_addresses(a, reply, len);
			break;
		case DNS_TXT:
			status = read_texts(a, reply, len);
			break;
		case DNS_NS:
			status = read_servers(a, reply, len);
			break;
		case DNS_CNAME:
			status = read_alias(a, reply, len);
			break;
		}
	}
	a->answer.result = result_of(status);
	if (a->answer.result == DNS_FOUND && a->answer.count == 0)
		a->answer.result = DNS_NO_DATA;
	a->answer.why = ares_strerror(status);
	asking_over(a);
}

/* ---- sockets and time ------------------------------------------------------------------------ */

static void
set_timer(struct asking *a)
{
	struct timeval tv, *left = ares_timeout(a->channel, NULL, &tv);

	a->timer.deadline_ms =
	    clock_mono_ms() +
	    (left ? (int64_t)left->tv_sec * 1000 + left->tv_usec / 1000 + 1 : TIMEOUT_MS);
}

static void
on_socket(void *arg, short revents)
{
	struct ask_socket *s = arg;
	struct asking *a = s->asking;
	ares_socket_t fd = s->watch.fd;

	if (a->over || !revents)
		return;
	ares_process_fd(a->channel, revents & (POLLIN | POLLERR | POLLHUP) ? fd : ARES_SOCKET_BAD,
	    revents & POLLOUT ? fd : ARES_SOCKET_BAD);
	set_timer(a);
}

static void
on_timer(void *arg, short revents)
{
	struct asking *a = arg;

	if (a->over)
		return;
	if (acme_http_stopped(a->http)) {
		a->answer.why = "interrupted";
		asking_over(a);
		return;
	}
	ares_process_fd(a->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(a);
}

/* c-ares has opened, wants otherwise, or has closed a socket. */
static void
on_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct asking *a = arg;
	struct ask_socket **at = &a->sockets, *s;

	while (*at && (*at)->watch.fd != fd)
		at = &(*at)->next;
	s = *at;
	if (!readable && !writable) {
		if (s) {
			*at = s->next;
			watch_end(acme_http_watches(a->http), &s->watch);
			free(s);
		}
		return;
	}
	if (!s) {
		s = *at = mem_zalloc(sizeof(*s));
		s->asking = a;
		s->watch = (struct watch){ .fd = fd, .ready = on_socket, .arg = s };
		watch_begin(acme_http_watches(a->http), &s->watch);
	}
	s->watch.events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int
open_channel(struct asking *a)
{
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = TIMEOUT_MS,
		.tries = TRIES,
		.sock_state_cb = on_state,
		.sock_state_cb_data = a,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
	int rc = ares_init_options(&a->channel, &options, mask);
	char *server;

	if (rc != ARES_SUCCESS || !a->question.server)
		return rc;
	server = server_text(a->question.server);
	rc = ares_set_servers_ports_csv(a->channel, server);
	free(server);
	return rc;
}

void
dns_ask(struct acme_http *http, const struct dns_question *question)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct asking *a = mem_zalloc(sizeof(*a));
	int rc;

	pthread_once(&once, global_init);
	a->http = http;
	a->question = *question;
	a->name = mem_strdup(question->name);
	a->answer = (struct dns_answer){ .result = DNS_UNKNOWN, .values = a->values, .why = "" };
	rc = open_channel(a);
	a->timer = (struct watch){ .fd = -1, .ready = on_timer, .arg = a };
	watch_begin(acme_http_watches(http), &a->timer);
	if (rc != ARES_SUCCESS) {
		a->answer.why = ares_strerror(rc);
		asking_over(a);
		return;
	}
	ares_query(a->channel, a->name, ns_c_in, (int)a->question.type, on_reply, a);
	set_timer(a);
}

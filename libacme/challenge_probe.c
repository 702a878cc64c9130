/* SPDX-License-Identifier: ISC */
/*
 * challenge_probe: look up, then fetch from one address after the other, the first wrong answer ends it.
 */
#include "libacme/challenge_probe.h"

#include "base/mem.h"
#include "libacme/dns_ask.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_TIMEOUT_MS 10000
/* A key authorization is at most 43 + 1 + 43 bytes; some servers add a line end. */
#define PROBE_MAX ((size_t)16 * 1024)
/* More addresses than this are not looked at. */
#define ADDRESSES_MAX 8

struct probing {
	struct challenge_probe probe;
	const struct challenge *challenge;
	struct acme_http *http;
	char *url, *address, *dns_server, *local, *wrong, *advice;
	char *found[ADDRESSES_MAX + 1]; /* "ADDRESS:80", then local */
	size_t count, next;
	bool reached; /* one of them answered right */
};

static void probe_next(struct probing *p);

static void
probe_finish(struct probing *p, struct err *e)
{
	p->probe.done(p->probe.arg, e);
	for (size_t i = 0; i < p->count; i++)
		free(p->found[i]);
	free(p->url);
	free(p->address);
	free(p->dns_server);
	free(p->local);
	free(p->wrong);
	free(p->advice);
	free(p);
}

/* ---- addresses ------------------------------------------------------------------------------- */

struct looking {
	struct acme_http *http;
	char *name, *dns_server, *values[2 * ADDRESSES_MAX];
	struct dns_answer answer;
	char why[80];
	bool second;
	void (*done)(void *arg, const struct dns_answer *answer);
	void *arg;
};

static void look_for(struct looking *l, enum dns_type type);

static void
look_finish(void *arg)
{
	struct looking *l = arg;

	l->done(l->arg, &l->answer);
	for (size_t i = 0; i < l->answer.count; i++)
		free(l->values[i]);
	free(l->name);
	free(l->dns_server);
	free(l);
}

static void
on_looked(void *arg, const struct dns_answer *answer)
{
	struct looking *l = arg;

	for (size_t i = 0; i < answer->count && l->answer.count < 2 * ADDRESSES_MAX; i++)
		l->values[l->answer.count++] = mem_strdup(answer->values[i]);
	/* Of two answers the one that says more: found, unknown, and only then that there is nothing. */
	if (answer->result == DNS_FOUND || !l->second ||
	    (l->answer.result != DNS_FOUND && answer->result == DNS_UNKNOWN)) {
		l->answer.result = answer->result;
		snprintf(l->why, sizeof(l->why), "%s", answer->why);
	}
	if (l->second) {
		look_finish(l);
	} else {
		l->second = true;
		look_for(l, DNS_A);
	}
}

static void
look_for(struct looking *l, enum dns_type type)
{
	struct dns_question question = {
		.server = l->dns_server,
		.name = l->name,
		.type = type,
		.done = on_looked,
		.arg = l,
	};

	dns_ask(l->http, &question);
}

static bool
is_address(const char *name)
{
	unsigned char address[16];

	return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

void
challenge_addresses(struct acme_http *http, const char *dns_server, struct span name,
    void (*done)(void *arg, const struct dns_answer *answer), void *arg)
{
	struct looking *l = mem_zalloc(sizeof(*l));

	l->http = http;
	l->name = mem_dup_span(name);
	l->dns_server = dns_server ? mem_strdup(dns_server) : NULL;
	l->done = done;
	l->arg = arg;
	l->answer.values = l->values;
	l->answer.why = l->why;
	if (is_address(l->name)) {
		l->values[l->answer.count++] = mem_strdup(l->name);
		l->answer.result = DNS_FOUND;
		acme_http_after(http, 0, look_finish, l);
	} else {
		look_for(l, DNS_AAAA);
	}
}

int
challenge_no_address(struct span name, const struct dns_answer *answer, struct err *e)
{
	if (answer->result == DNS_NO_NAME)
		err_set(e, ERR_CONFIG, "%.*s does not exist in the DNS", SPAN_ARG(name));
	else
		err_set(e, ERR_CONFIG, "%.*s has no address in the DNS", SPAN_ARG(name));
	return err_hint(e, "give it an A or AAAA record that leads to this machine; the CA was not "
			   "asked yet. --no-preflight skips this check");
}

/* ---- fetching -------------------------------------------------------------------------------- */

static bool
is_right(const struct probing *p, const struct acme_reply *reply)
{
	/* RFC 8555 8.3: trailing white space is the server's to ignore. */
	return reply->status == 200 &&
	       span_eq(span_trim(reply->body), span_str(p->challenge->key_auth));
}

static void
probe_wrong(struct probing *p, struct err *e)
{
	err_wrap(e, "%s", p->wrong);
	err_hint(e, "%s; the CA was not asked yet. --no-preflight skips this check", p->advice);
	probe_finish(p, e);
}

static void
probe_done(void *arg, const struct acme_reply *reply, struct err *why)
{
	struct probing *p = arg;
	struct err e = ERR_INIT;

	if (reply && is_right(p, reply)) {
		p->reached = true;
		probe_next(p);
	} else if (reply) {
		if (reply->status == 200)
			err_set(&e, ERR_NOINPUT,
			    "%s shows something else than the challenge file (asked at %s)", p->url,
			    reply->peer);
		else
			err_set(&e, ERR_CONFIG, "%s answers with status %d (asked at %s)", p->url,
			    reply->status, reply->peer);
		probe_wrong(p, &e);
	} else if (why->kind == ERR_CONFIG) {
		/* Redirects without end, or to where no CA follows. */
		probe_wrong(p, why);
	} else if (acme_http_stopped(p->http)) {
		probe_finish(p, why);
	} else if (p->address) {
		/* An address given by hand must answer. */
		err_wrap(why, "the check before asking the CA failed");
		err_hint(why, "correct --preflight, or skip the check with --no-preflight");
		probe_finish(p, why);
	} else {
		probe_next(p);
	}
	err_release(&e);
}

static void
probe_send(struct probing *p, const char *connect_to)
{
	struct acme_fetch fetch = {
		.method = ACME_GET,
		.url = p->url,
		.max = PROBE_MAX,
		.timeout_ms = PROBE_TIMEOUT_MS,
		.probe = true,
		.connect_to = connect_to,
		.done = probe_done,
		.arg = p,
	};

	acme_http_start(p->http, &fetch);
}

/* The next address, and this machine itself if none of them could be reached. */
static void
probe_next(struct probing *p)
{
	const char *to = NULL;

	if (!p->address && p->next < p->count) {
		to = p->found[p->next++];
	} else if (!p->address && !p->reached && p->local) {
		to = p->found[p->count++] = p->local;
		p->next = p->count;
		p->local = NULL;
	}
	if (to)
		probe_send(p, to);
	else
		probe_finish(p, NULL);
}

/* /etc/hosts and the like: a CA of a private network may know what no name server knows. */
static bool
is_known_here(struct span name)
{
	struct addrinfo *list = NULL;
	char *text = mem_dup_span(name);
	bool known = getaddrinfo(text, "80", NULL, &list) == 0;

	if (list)
		freeaddrinfo(list);
	free(text);
	return known;
}

static void
on_addresses(void *arg, const struct dns_answer *answer)
{
	struct probing *p = arg;
	struct err e = ERR_INIT;
	bool none = answer->result == DNS_NO_NAME || answer->result == DNS_NO_DATA;

	if (none && !p->dns_server && is_known_here(p->challenge->name)) {
		probe_send(p, NULL);
		return;
	}
	if (none) {
		challenge_no_address(p->challenge->name, answer, &e);
		probe_finish(p, &e);
		err_release(&e);
		return;
	}
	for (size_t i = 0; i < answer->count && p->count < ADDRESSES_MAX; i++) {
		const char *value = answer->values[i];

		p->found[p->count++] = mem_printf(strchr(value, ':') ? "[%s]:80" : "%s:80", value);
	}
	probe_next(p);
}

static char *
copy(const char *text)
{
	return text ? mem_strdup(text) : NULL;
}

void
challenge_probe(const struct challenge_probe *probe, const struct challenge *c,
    struct acme_http *http)
{
	struct probing *p = mem_zalloc(sizeof(*p));
	bool v6 = span_find(c->name, ':') >= 0;

	p->probe = *probe;
	p->address = copy(probe->address);
	p->dns_server = copy(probe->dns_server);
	p->local = copy(probe->local);
	p->wrong = copy(probe->wrong);
	p->advice = copy(probe->advice);
	p->challenge = c;
	p->http = http;
	p->url = mem_printf("http://%s%.*s%s/.well-known/acme-challenge/%s", v6 ? "[" : "",
	    SPAN_ARG(c->name), v6 ? "]" : "", c->token);
	if (p->address)
		probe_send(p, p->address);
	else
		challenge_addresses(http, p->dns_server, c->name, on_addresses, p);
}

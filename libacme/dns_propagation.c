/* SPDX-License-Identifier: ISC */
/*
 * dns_propagation:
 *
 *	alias? -> name servers of the name, its parent ... -> their addresses -> ask each until it shows the value
 *
 * One question at a time: there are few, and the last step is repeated anyway.
 */
#include "libacme/dns_propagation.h"

#include "base/clock.h"
#include "base/mem.h"
#include "libacme/dns_ask.h"

#include <stdlib.h>
#include <string.h>

#define ALIASES_MAX 8
#define SERVERS_MAX 16
#define AGAIN_FIRST_MS 250
#define AGAIN_LAST_MS 5000

struct waiting {
	struct acme_http *http;
	struct dns_propagation wait;
	char *server, *value;
	char *name;       /* where the record is: behind the aliases */
	const char *zone; /* within name: whose name servers are asked for */
	unsigned aliases;
	char *hosts[SERVERS_MAX], *addresses[SERVERS_MAX];
	size_t host_count, host_next, address_count, address_next;
	bool six;         /* asking for IPv6 addresses of the host */
	bool by_resolver; /* nobody authoritative can be asked */
	bool answered;    /* somebody has in this round */
	char *missing;    /* who did not show it in this round */
	int64_t until_ms, pause_ms;
};

static void find_alias(struct waiting *w);
static void find_servers(struct waiting *w);
static void find_address(struct waiting *w);
static void ask_next(void *arg);

static void
finish(struct waiting *w, struct err *e)
{
	w->wait.done(w->wait.arg, e);
	for (size_t i = 0; i < w->host_count; i++)
		free(w->hosts[i]);
	for (size_t i = 0; i < w->address_count; i++)
		free(w->addresses[i]);
	free(w->missing);
	free(w->server);
	free(w->value);
	free(w->name);
	free(w);
}

/* True when it is over because the loop was told to stop. */
static bool
stopped(struct waiting *w)
{
	struct err e = ERR_INIT;

	if (!acme_http_stopped(w->http))
		return false;
	err_set(&e, ERR_TEMPFAIL, "interrupted");
	finish(w, &e);
	err_release(&e);
	return true;
}

static void
ask(struct waiting *w, const char *server, const char *name, enum dns_type type,
    void (*done)(void *arg, const struct dns_answer *answer))
{
	struct dns_question question = {
		.server = server, .name = name, .type = type, .done = done, .arg = w
	};

	dns_ask(w->http, &question);
}

/* ---- whom to ask ----------------------------------------------------------------------------- */

static void
begin_asking(struct waiting *w)
{
	w->by_resolver = w->address_count == 0;
	ask_next(w);
}

static void
on_alias(void *arg, const struct dns_answer *answer)
{
	struct waiting *w = arg;

	if (stopped(w))
		return;
	if (answer->result == DNS_FOUND && w->aliases++ < ALIASES_MAX) {
		free(w->name);
		w->name = mem_strdup(answer->values[0]);
		find_alias(w);
		return;
	}
	w->zone = w->name;
	find_servers(w);
}

static void
find_alias(struct waiting *w)
{
	ask(w, w->server, w->name, DNS_CNAME, on_alias);
}

static void
on_servers(void *arg, const struct dns_answer *answer)
{
	struct waiting *w = arg;
	const char *dot;

	if (stopped(w))
		return;
	if (answer->result == DNS_FOUND) {
		for (size_t i = 0; i < answer->count && w->host_count < SERVERS_MAX; i++)
			w->hosts[w->host_count++] = mem_strdup(answer->values[i]);
		find_address(w);
		return;
	}
	dot = strchr(w->zone, '.');
	if (answer->result == DNS_UNKNOWN || !dot || !dot[1]) {
		begin_asking(w);
		return;
	}
	w->zone = dot + 1;
	find_servers(w);
}

static void
find_servers(struct waiting *w)
{
	ask(w, w->server, w->zone, DNS_NS, on_servers);
}

static void
on_address(void *arg, const struct dns_answer *answer)
{
	struct waiting *w = arg;
	unsigned port = dns_server_port(w->server);

	if (stopped(w))
		return;
	for (size_t i = 0; i < answer->count && w->address_count < SERVERS_MAX; i++)
		w->addresses[w->address_count++] =
		    mem_printf(w->six ? "[%s]:%u" : "%s:%u", answer->values[i], port);
	if (w->six)
		w->host_next++;
	w->six = !w->six;
	find_address(w);
}

static void
find_address(struct waiting *w)
{
	if (w->host_next < w->host_count)
		ask(w, w->server, w->hosts[w->host_next], w->six ? DNS_AAAA : DNS_A, on_address);
	else
		begin_asking(w);
}

/* ---- asking them ----------------------------------------------------------------------------- */

static void
give_up(struct waiting *w)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_CONFIG, "%s does not show the TXT record of %s after %lld s", w->missing,
	    w->name, (long long)(w->wait.patience_ms / 1000));
	err_hint(&e, "see what the hook does, or give its DNS more time with "
		     "--dns-propagation-seconds; the CA was not asked yet. --no-preflight skips "
		     "this check");
	finish(w, &e);
	err_release(&e);
}

static void
end_round(struct waiting *w)
{
	/* Servers that do not answer from here may answer the CA; but somebody should have. */
	if (!w->missing && !w->answered && !w->by_resolver) {
		w->by_resolver = true;
		w->address_next = 0;
		ask_next(w);
	} else if (!w->missing) {
		finish(w, NULL);
	} else if (clock_mono_ms() >= w->until_ms) {
		give_up(w);
	} else {
		w->address_next = 0;
		w->answered = false;
		free(w->missing);
		w->missing = NULL;
		acme_http_after(w->http, w->pause_ms, ask_next, w);
		w->pause_ms = w->pause_ms * 2 < AGAIN_LAST_MS ? w->pause_ms * 2 : AGAIN_LAST_MS;
	}
}

static bool
shows(const struct dns_answer *answer, const char *value)
{
	for (size_t i = 0; i < answer->count; i++) {
		if (strcmp(answer->values[i], value) == 0)
			return true;
	}
	return false;
}

static const char *
server_at(const struct waiting *w)
{
	return w->by_resolver ? w->server : w->addresses[w->address_next];
}

static void
on_text(void *arg, const struct dns_answer *answer)
{
	struct waiting *w = arg;
	const char *who = server_at(w);

	if (stopped(w))
		return;
	if (answer->result != DNS_UNKNOWN) {
		w->answered = true;
		if (!w->missing && !shows(answer, w->value))
			w->missing =
			    mem_printf("the name server %s", who ? who : "of this machine");
	}
	w->address_next++;
	if (w->by_resolver || w->address_next == w->address_count || w->missing)
		end_round(w);
	else
		ask_next(w);
}

static void
ask_next(void *arg)
{
	struct waiting *w = arg;

	if (!stopped(w))
		ask(w, server_at(w), w->name, DNS_TXT, on_text);
}

void
dns_propagation(struct acme_http *http, const struct dns_propagation *wait)
{
	struct waiting *w = mem_zalloc(sizeof(*w));

	w->http = http;
	w->wait = *wait;
	w->server = wait->server ? mem_strdup(wait->server) : NULL;
	w->name = mem_strdup(wait->name);
	w->value = mem_strdup(wait->value);
	w->until_ms = clock_mono_ms() + wait->patience_ms;
	w->pause_ms = AGAIN_FIRST_MS;
	find_alias(w);
}

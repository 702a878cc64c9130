/* SPDX-License-Identifier: ISC */
/*
 * responder: what is on show, and the port while anything is.
 *
 * A port that is taken is tried again for a while: another run of ours may have it for the moments its own challenges
 * take.
 */
#include "libacme/responder.h"

#include "base/clock.h"
#include "base/mem.h"
#include "libacme/responder_internal.h"

#include <stdlib.h>
#include <string.h>

#define TRY_AGAIN_MS 200
#define PORT_PATIENCE_MS 5000
/* For a server name that another order shows: as long as that order may take. */
#define TURN_PATIENCE_MS 240000

struct responder {
	struct responder *next;
	struct acme_http *http;
	enum responder_kind kind;
	char *address;
	unsigned port;
	struct listener *listener; /* NULL while nothing is on show */
	struct shown *shown;
};

struct responder_set {
	struct acme_http *http;
	struct responder *first;
};

struct responder_set *
responder_set_new(struct acme_http *http)
{
	struct responder_set *set = mem_zalloc(sizeof(*set));

	set->http = http;
	return set;
}

static void
shown_free(struct shown *s)
{
	validation_cert_release(&s->validation);
	free(s->key);
	free(s->key_auth);
	free(s);
}

void
responder_set_free(struct responder_set *set)
{
	struct responder *r;
	struct shown *s;

	if (!set)
		return;
	while ((r = set->first)) {
		set->first = r->next;
		listener_close(r->listener);
		while ((s = r->shown)) {
			r->shown = s->next;
			shown_free(s);
		}
		free(r->address);
		free(r);
	}
	free(set);
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

struct responder *
responder_get(struct responder_set *set, enum responder_kind kind, const char *address,
    unsigned port)
{
	struct responder *r = set->first;

	while (r && !(r->kind == kind && r->port == port && same(r->address, address)))
		r = r->next;
	if (r)
		return r;
	r = mem_zalloc(sizeof(*r));
	r->http = set->http;
	r->kind = kind;
	r->address = address ? mem_strdup(address) : NULL;
	r->port = port;
	r->next = set->first;
	set->first = r;
	return r;
}

const struct shown *
responder_find(const struct responder *r, struct span key)
{
	const struct shown *s = r->shown;

	while (s && !span_eq(span_str(s->key), key))
		s = s->next;
	return s;
}

/* ---- showing --------------------------------------------------------------------------------- */

struct showing {
	struct responder *responder;
	struct shown *shown;
	char *name;
	int64_t begun_ms;
	void (*done)(void *arg, struct err *e);
	void *arg;
};

static int
open_port(struct responder *r, struct err *e)
{
	const struct responder_protocol *protocol =
	    r->kind == RESPONDER_HTTP ? &responder_http : &responder_alpn;
	struct listener_options options = {
		.address = r->address,
		.port = r->port,
		.conn_size = protocol->conn_size,
		.ready = protocol->ready,
		.release = protocol->release,
		.arg = r,
	};

	if (!r->listener)
		r->listener = listener_open(r->http, &options, e);
	return r->listener ? 0 : -1;
}

static void
showing_finish(struct showing *s, struct err *e)
{
	if (e)
		shown_free(s->shown);
	s->done(s->arg, e);
	free(s->name);
	free(s);
}

static void
show_try(void *arg)
{
	struct showing *s = arg;
	struct responder *r = s->responder;
	int64_t waited = clock_mono_ms() - s->begun_ms;
	struct err e = ERR_INIT;
	bool again = false;

	if (acme_http_stopped(r->http)) {
		err_set(&e, ERR_TEMPFAIL, "interrupted");
	} else if (responder_find(r, span_str(s->shown->key))) {
		again = waited < TURN_PATIENCE_MS;
		err_set(&e, ERR_TEMPFAIL, "another order proves %s all the time", s->name);
	} else if (open_port(r, &e) < 0) {
		again = e.kind == ERR_TEMPFAIL && waited < PORT_PATIENCE_MS;
	} else if (r->kind == RESPONDER_HTTP ||
		   validation_cert_make(span_str(s->name), span_str(s->shown->key_auth),
		       &s->shown->validation, &e) == 0) {
		s->shown->next = r->shown;
		r->shown = s->shown;
	}
	if (again)
		acme_http_after(r->http, TRY_AGAIN_MS, show_try, s);
	else
		showing_finish(s, e.kind != ERR_NONE ? &e : NULL);
	err_release(&e);
}

void
responder_show(struct responder *r, const char *key, struct span name, const char *key_auth,
    void (*done)(void *arg, struct err *e), void *arg)
{
	struct showing *s = mem_zalloc(sizeof(*s));

	s->responder = r;
	s->shown = mem_zalloc(sizeof(*s->shown));
	s->shown->key = mem_strdup(key);
	s->shown->key_auth = mem_strdup(key_auth);
	s->name = mem_dup_span(name);
	s->begun_ms = clock_mono_ms();
	s->done = done;
	s->arg = arg;
	acme_http_after(r->http, 0, show_try, s);
}

static void
close_port(void *arg)
{
	struct responder *r = arg;

	if (r->shown)
		return;
	listener_close(r->listener);
	r->listener = NULL;
}

void
responder_hide(struct responder *r, const char *key, const char *key_auth)
{
	for (struct shown **at = &r->shown; *at; at = &(*at)->next) {
		struct shown *s = *at;

		if (strcmp(s->key, key) != 0 || strcmp(s->key_auth, key_auth) != 0)
			continue;
		*at = s->next;
		shown_free(s);
		break;
	}
	/* From the loop: a connection's callback may be on the stack. */
	if (!r->shown && r->listener)
		acme_http_after(r->http, 0, close_port, r);
}

/* SPDX-License-Identifier: ISC */
/*
 * challenge_standalone: the responder's port shows it; the check asks where the name leads.
 */
#include "libacme/challenge_standalone.h"

#include "base/mem.h"
#include "libacme/challenge_probe.h"

#include <stdlib.h>
#include <string.h>

struct standalone_solver {
	struct solver solver;
	struct standalone_options options;
	struct responder *responder;
};

static void
standalone_present(struct solver *s, const struct challenge *c,
    void (*done)(void *arg, struct err *e), void *arg)
{
	struct standalone_solver *a = (struct standalone_solver *)s;

	responder_show(a->responder, c->token, c->name, c->key_auth, done, arg);
}

static void
standalone_cleanup(struct solver *s, const struct challenge *c)
{
	struct standalone_solver *a = (struct standalone_solver *)s;

	responder_hide(a->responder, c->token, c->key_auth);
}

static void
standalone_check(struct solver *s, const struct challenge *c, struct acme_http *http,
    void (*done)(void *arg, struct err *e), void *arg)
{
	struct standalone_solver *a = (struct standalone_solver *)s;
	char *wrong = mem_printf("port 80 of %.*s does not lead to this machine's port %u",
	    SPAN_ARG(c->name), a->options.port);
	struct challenge_probe probe = {
		.address = a->options.preflight,
		.dns_server = a->options.dns_server,
		.wrong = wrong,
		.advice = "check where its DNS and the router before this machine lead",
		.done = done,
		.arg = arg,
	};

	challenge_probe(&probe, c, http);
	free(wrong);
}

static void
standalone_free(struct solver *s)
{
	free(s);
}

struct solver *
challenge_standalone_new(const struct standalone_options *options)
{
	struct standalone_solver *a = mem_zalloc(sizeof(*a));

	a->options = *options;
	a->responder =
	    responder_get(options->responders, RESPONDER_HTTP, options->address, options->port);
	a->solver.type = "http-01";
	a->solver.present = standalone_present;
	a->solver.cleanup = standalone_cleanup;
	a->solver.free = standalone_free;
	if (!options->preflight || strcmp(options->preflight, "none") != 0)
		a->solver.check = standalone_check;
	return &a->solver;
}

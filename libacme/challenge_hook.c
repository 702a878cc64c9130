/* SPDX-License-Identifier: ISC */
/*
 * challenge_hook: environment and arguments; the queue runs them. Cleaning up goes on after the order, and after a request
 * to stop, so that a call holds all it needs.
 */
#include "libacme/challenge_hook.h"

#include "base/mem.h"
#include "libacme/challenge_probe.h"
#include "libacme/dns_propagation.h"

#include <stdlib.h>
#include <string.h>

#define ENV_MAX 8
#define NAMES_TEXT_MAX ((size_t)64 * 1024)

/* What the auth hook of a challenge printed, for its cleanup hook. */
struct printed {
	struct printed *next;
	char *token, *output;
	size_t remaining;
};

struct hook_solver {
	struct solver solver;
	struct challenge_hook_options options;
	struct printed *printed;
};

/* The certificate's names without wildcard labels, as certbot tells them. */
static char *
all_domains(const struct hook_solver *h)
{
	struct buf b;
	char *text;

	buf_init(&b, NAMES_TEXT_MAX);
	buf_add_str(&b, "CERTBOT_ALL_DOMAINS=");
	for (size_t i = 0; i < h->options.name_count; i++) {
		struct span name = h->options.names[i];

		if (span_starts(name, SPAN("*.")))
			name = span_after(name, 2);
		buf_printf(&b, "%s%.*s", i ? "," : "", SPAN_ARG(name));
	}
	text = mem_strdup(buf_str(&b));
	buf_release(&b);
	return text;
}

/* What is to be shown: the digest in the DNS, the key authorization by HTTP. */
static char *
value_of(const struct hook_solver *h, const struct challenge *c)
{
	return h->options.dns ? challenge_dns_value(c->key_auth) : mem_strdup(c->key_auth);
}

static void
call_certbot(struct hook_solver *h, const struct challenge *c, struct hook_call *call,
    const struct printed *printed)
{
	char *value = value_of(h, c);
	char *owned[ENV_MAX] = { NULL };
	size_t n = 0;

	owned[n++] = mem_printf("CERTBOT_DOMAIN=%.*s", SPAN_ARG(c->name));
	owned[n++] = mem_printf("CERTBOT_VALIDATION=%s", value);
	owned[n++] = all_domains(h);
	owned[n++] = mem_printf("CERTBOT_REMAINING_CHALLENGES=%zu",
	    printed ? printed->remaining : c->remaining);
	if (!h->options.dns)
		owned[n++] = mem_printf("CERTBOT_TOKEN=%s", c->token);
	if (printed)
		owned[n++] = mem_printf("CERTBOT_AUTH_OUTPUT=%s", printed->output);
	call->env = (const char *const *)owned;
	hook_queue_add(h->options.queue, call);
	for (size_t i = 0; i < n; i++)
		free(owned[i]);
	free(value);
}

static void
call_dehydrated(struct hook_solver *h, const struct challenge *c, const char *operation,
    struct hook_call *call)
{
	char *domain = mem_dup_span(c->name), *value = value_of(h, c);
	const char *const arguments[] = { operation, domain, c->token, value, NULL };

	call->command = h->options.dehydrated;
	call->arguments = arguments;
	hook_queue_add(h->options.queue, call);
	free(domain);
	free(value);
}

/* ---- presenting ------------------------------------------------------------------------------ */

struct presenting {
	struct hook_solver *solver;
	const struct challenge *challenge;
	void (*done)(void *arg, struct err *e);
	void *arg;
};

static void
on_presented(void *arg, struct err *e, struct span output)
{
	struct presenting *p = arg;
	struct printed *printed = mem_zalloc(sizeof(*printed));

	printed->token = mem_strdup(p->challenge->token);
	printed->output = mem_dup_span(output);
	printed->remaining = p->challenge->remaining;
	printed->next = p->solver->printed;
	p->solver->printed = printed;
	p->done(p->arg, e);
	free(p);
}

static void
hook_present(struct solver *s, const struct challenge *c, void (*done)(void *arg, struct err *e),
    void *arg)
{
	struct hook_solver *h = (struct hook_solver *)s;
	struct presenting *p = mem_zalloc(sizeof(*p));
	struct hook_call call = {
		.kind = "auth hook", .command = h->options.auth, .done = on_presented, .arg = p
	};

	p->solver = h;
	p->challenge = c;
	p->done = done;
	p->arg = arg;
	if (h->options.dehydrated)
		call_dehydrated(h, c, "deploy_challenge", &call);
	else
		call_certbot(h, c, &call, NULL);
}

static void
hook_cleanup(struct solver *s, const struct challenge *c)
{
	struct hook_solver *h = (struct hook_solver *)s;
	struct printed **at = &h->printed, *printed;
	struct hook_call call = {
		.kind = "cleanup hook", .command = h->options.cleanup, .always = true
	};

	while (*at && strcmp((*at)->token, c->token) != 0)
		at = &(*at)->next;
	printed = *at;
	if (h->options.dehydrated)
		call_dehydrated(h, c, "clean_challenge", &call);
	else if (h->options.cleanup)
		call_certbot(h, c, &call, printed);
	if (!printed)
		return;
	*at = printed->next;
	free(printed->token);
	free(printed->output);
	free(printed);
}

/* ---- the check ------------------------------------------------------------------------------- */

static void
check_dns(struct hook_solver *h, const struct challenge *c, struct acme_http *http,
    void (*done)(void *arg, struct err *e), void *arg)
{
	char *name = mem_printf("_acme-challenge.%.*s", SPAN_ARG(c->name)), *value = value_of(h, c);
	struct dns_propagation wait = {
		.name = name,
		.value = value,
		.server = h->options.dns_server,
		.patience_ms = (int64_t)h->options.propagation_s * 1000,
		.done = done,
		.arg = arg,
	};

	dns_propagation(http, &wait);
	free(name);
	free(value);
}

static void
hook_check(struct solver *s, const struct challenge *c, struct acme_http *http,
    void (*done)(void *arg, struct err *e), void *arg)
{
	struct hook_solver *h = (struct hook_solver *)s;
	char *wrong;

	if (h->options.dns) {
		check_dns(h, c, http, done, arg);
		return;
	}
	wrong = mem_printf("%.*s does not show what the hook was given", SPAN_ARG(c->name));
	challenge_probe(&(struct challenge_probe){ .address = h->options.preflight,
			    .dns_server = h->options.dns_server,
			    .wrong = wrong,
			    .advice = "see what the hook does with CERTBOT_TOKEN and "
				      "CERTBOT_VALIDATION, and where the name's DNS leads",
			    .done = done,
			    .arg = arg },
	    c, http);
	free(wrong);
}

static void
hook_free(struct solver *s)
{
	struct hook_solver *h = (struct hook_solver *)s;
	struct printed *p;

	while ((p = h->printed)) {
		h->printed = p->next;
		free(p->token);
		free(p->output);
		free(p);
	}
	free(h);
}

struct solver *
challenge_hook_new(const struct challenge_hook_options *options)
{
	struct hook_solver *h = mem_zalloc(sizeof(*h));

	h->options = *options;
	h->solver.type = options->dns ? "dns-01" : "http-01";
	h->solver.present = hook_present;
	h->solver.cleanup = hook_cleanup;
	h->solver.free = hook_free;
	if (!options->preflight || strcmp(options->preflight, "none") != 0)
		h->solver.check = hook_check;
	return &h->solver;
}

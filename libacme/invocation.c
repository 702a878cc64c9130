/* SPDX-License-Identifier: ISC */
/*
 * invocation: what the programs share; it speaks to people on stderr, as they do.
 */
#include "libacme/invocation.h"

#include "libacme/acme.h"
#include "libacme/interrupt.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct cli_option invocation_options[] = {
	{ "config-dir", 0, "DIR", "the store (default: " CERTSTORE_DIRECTORY ")", 0,
	    CLI_TEXT(struct invocation, config_dir) },
	{ "non-interactive", 'n', NULL, "never ask", 0,
	    CLI_SWITCH(struct invocation, ask_nothing) },
	{ "quiet", 'q', NULL, "print nothing unless something failed", 0,
	    CLI_SWITCH(struct invocation, quiet) },
	{ "verbose", 'v', NULL,
	    "also tell every request to a CA, and what is done with the answers", 0,
	    CLI_SWITCH(struct invocation, verbose) },
	{ "json", 0, NULL, "print the result as JSON", 0, CLI_SWITCH(struct invocation, json) },
	{ 0 },
};

void
invocation_offer(void *ctx, const char *option, struct buf *out)
{
	const struct invocation *call = ctx;

	if (!option)
		return;
	if (strcmp(option, "cert-name") == 0)
		certstore_offer(call->config_dir, out);
	else if (strcmp(option, "server") == 0)
		acme_server_offer(out);
}

void
invocation_tell(const struct invocation *call, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	narrate_v(call->verbose ? &cli_narrator : NULL, fmt, ap);
	va_end(ap);
}

static void
tell_exchange(void *arg, const struct acme_exchange *x)
{
	const struct invocation *call = arg;

	if (x->status)
		invocation_tell(call, "%s %s: %d in %lld ms", x->method, x->url, x->status,
		    (long long)x->took_ms);
	else
		invocation_tell(call, "%s %s: no answer after %lld ms", x->method, x->url,
		    (long long)x->took_ms);
}

int
invocation_open(struct invocation *call, struct err *e)
{
	if (certstore_open(call->config_dir, &call->store, e) < 0)
		return -1;
	call->http = acme_http_new(interrupt_watch());
	if (call->verbose)
		acme_http_observe(call->http, tell_exchange, call);
	return 0;
}

void
invocation_close(struct invocation *call)
{
	if (call->http) {
		struct acme_http_counts counts = acme_http_counts(call->http);

		invocation_tell(call, "%lu requests over %lu connections", counts.requests,
		    counts.connections);
	}
	acme_http_free(call->http);
	certstore_close(call->store);
	call->http = NULL;
	call->store = NULL;
}

bool
invocation_confirm(const struct invocation *call, const char *question)
{
	return !call->ask_nothing && cli_confirm(question);
}

bool
invocation_agree(const struct invocation *call, const char *terms)
{
	if (!call->ask_nothing && isatty(STDIN_FILENO) == 1)
		fprintf(stderr, "\nThe CA's terms of service: %s\n", terms);
	return invocation_confirm(call, "Do you agree?");
}

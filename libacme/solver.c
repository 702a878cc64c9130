/* SPDX-License-Identifier: ISC */
/*
 * solver: one maker per way of proving.
 */
#include "libacme/solver.h"

#include "base/mem.h"
#include "libacme/challenge_alpn.h"
#include "libacme/challenge_hook.h"
#include "libacme/challenge_http.h"
#include "libacme/challenge_standalone.h"
#include "libacme/csr.h"
#include "libcert/validation_cert.h"

#include <stdlib.h>
#include <string.h>

#define HTTP_PORT 80
#define TLS_ALPN_PORT 443
#define PROPAGATION_S 120

struct solver_shared {
	struct acme_http *http;
	struct responder_set *responders;
	struct hook_queue *hooks;
};

struct solver_shared *
solver_shared_new(struct acme_http *http)
{
	struct solver_shared *shared = mem_zalloc(sizeof(*shared));

	shared->http = http;
	shared->responders = responder_set_new(http);
	shared->hooks = hook_queue_new(http);
	return shared;
}

void
solver_shared_free(struct solver_shared *shared)
{
	if (!shared)
		return;
	responder_set_free(shared->responders);
	hook_queue_free(shared->hooks);
	free(shared);
}

static bool
has_wildcard(const struct span *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (span_starts(names[i], SPAN("*.")))
			return true;
	}
	return false;
}

/* "http-01", "dns-01" or "tls-alpn-01". */
static const char *
challenge_of(const struct renewal *how, const struct span *names, size_t count)
{
	if (how->solver == RENEWAL_TINYPROXYD)
		return "tls-alpn-01";
	if (how->challenge)
		return how->challenge;
	if (how->solver == RENEWAL_MANUAL && (how->dns_hook || has_wildcard(names, count)))
		return "dns-01";
	return "http-01";
}

static const char *
solver_word(enum renewal_solver solver)
{
	static const char *const words[] = {
		[RENEWAL_WEBROOT] = "a web root",
		[RENEWAL_STANDALONE] = "--standalone",
		[RENEWAL_MANUAL] = "a hook",
		[RENEWAL_TINYPROXYD] = "tinyproxyd",
	};

	return words[solver];
}

static bool
can_do(const struct renewal *how, const char *challenge)
{
	switch (how->solver) {
	case RENEWAL_WEBROOT:
		return strcmp(challenge, "http-01") == 0;
	case RENEWAL_STANDALONE:
		return strcmp(challenge, "dns-01") != 0;
	case RENEWAL_MANUAL:
		return strcmp(challenge, "tls-alpn-01") != 0;
	case RENEWAL_TINYPROXYD:
		return strcmp(challenge, "tls-alpn-01") == 0;
	}
	return false;
}

static int
check_hook(const struct renewal *how, struct err *e)
{
	if (how->auth_hook || how->dns_hook)
		return 0;
	err_set(e, ERR_USAGE, "names are to be proved by hand, and no hook is given that does it");
	return err_hint(e,
	    "--manual-auth-hook PROGRAM (called as certbot calls it) or --dns-hook PROGRAM (as "
	    "dehydrated calls it)");
}

static int
check_roots(const struct renewal *how, const struct span *names, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		const char *dir = renewal_webroot(how, names[i]);

		if (!dir) {
			err_set(e, ERR_USAGE, "no web root is known for %.*s", SPAN_ARG(names[i]));
			return err_hint(e, "put -w DIR before -d NAME");
		}
		if (challenge_webroot_check(dir, e) < 0)
			return -1;
	}
	return 0;
}

static int
check_names(const char *challenge, const struct span *names, size_t count, struct err *e)
{
	bool dns = strcmp(challenge, "dns-01") == 0;

	for (size_t i = 0; i < count; i++) {
		if (!dns && span_starts(names[i], SPAN("*."))) {
			err_set(e, ERR_USAGE, "the wildcard %.*s can only be proved by dns-01",
			    SPAN_ARG(names[i]));
			return err_hint(e, "--dns-hook PROGRAM or --manual-auth-hook PROGRAM, see "
					   "acme-issue(1)");
		}
		if (dns && csr_name_is_ip(names[i]))
			return err_set(e, ERR_USAGE, "the address %.*s cannot be proved by dns-01",
			    SPAN_ARG(names[i]));
	}
	return 0;
}

int
solver_check(const struct renewal *how, const struct span *names, size_t count, struct err *e)
{
	const char *challenge = challenge_of(how, names, count);

	if (!can_do(how, challenge))
		return err_set(e, ERR_USAGE, "%s cannot prove names by %s",
		    solver_word(how->solver), challenge);
	if (check_names(challenge, names, count, e) < 0)
		return -1;
	if (how->solver == RENEWAL_MANUAL)
		return check_hook(how, e);
	if (how->solver == RENEWAL_WEBROOT)
		return check_roots(how, names, count, e);
	return 0;
}

/* ---- makers ---------------------------------------------------------------------------------- */

static unsigned
number(const char *text, unsigned usual)
{
	uint64_t value;

	return text && span_to_u64(span_str(text), 86400, &value) == 0 ? (unsigned)value : usual;
}

static struct solver *
make_webroot(const struct renewal *how, const struct span *names, size_t count, struct arena *arena)
{
	struct webroot *roots = arena_array(arena, count + 1, sizeof(*roots));

	for (size_t i = 0; i < count; i++) {
		roots[i].name = arena_strdup(arena, names[i]);
		roots[i].dir = renewal_webroot(how, names[i]);
	}
	return challenge_webroot_new(&(struct webroot_options){ .roots = roots,
	    .count = count,
	    .preflight = how->preflight,
	    .dns_server = how->dns_server });
}

static struct solver *
make_standalone(struct solver_shared *shared, const struct renewal *how)
{
	return challenge_standalone_new(&(struct standalone_options){
	    .responders = shared->responders,
	    .address = how->http_address,
	    .port = number(how->http_port, HTTP_PORT),
	    .preflight = how->preflight,
	    .dns_server = how->dns_server });
}

static struct solver *
make_alpn(struct solver_shared *shared, struct certstore *store, const struct renewal *how,
    struct arena *arena)
{
	struct alpn_options options = {
		.http = shared->http,
		.responders = shared->responders,
		.address = how->http_address,
		.port = number(how->tls_alpn_port, TLS_ALPN_PORT),
		.preflight = how->preflight,
		.dns_server = how->dns_server,
	};

	if (how->solver == RENEWAL_TINYPROXYD)
		options.dir =
		    arena_printf(arena, "%s/%s", certstore_dir(store), VALIDATION_CERT_SUBDIR).p;
	return challenge_alpn_new(&options);
}

static struct solver *
make_hook(struct solver_shared *shared, const struct renewal *how, bool dns,
    const struct span *names, size_t count)
{
	return challenge_hook_new(&(struct challenge_hook_options){ .queue = shared->hooks,
	    .dns = dns,
	    .auth = how->auth_hook,
	    .cleanup = how->cleanup_hook,
	    .dehydrated = how->dns_hook,
	    .names = names,
	    .name_count = count,
	    .preflight = how->preflight,
	    .dns_server = how->dns_server,
	    .propagation_s = number(how->propagation, PROPAGATION_S) });
}

struct solver *
solver_new(struct solver_shared *shared, struct certstore *store, const struct renewal *how,
    const struct span *names, size_t count, struct arena *arena, struct err *e)
{
	const char *challenge = challenge_of(how, names, count);

	if (solver_check(how, names, count, e) < 0)
		return NULL;
	if (how->solver == RENEWAL_WEBROOT)
		return make_webroot(how, names, count, arena);
	if (how->solver == RENEWAL_MANUAL)
		return make_hook(shared, how, strcmp(challenge, "dns-01") == 0, names, count);
	if (strcmp(challenge, "tls-alpn-01") == 0)
		return make_alpn(shared, store, how, arena);
	return make_standalone(shared, how);
}

/* SPDX-License-Identifier: ISC */
/*
 * challenge_alpn: a server name shows one certificate at a time, so whoever shows it holds the kernel's lock of that
 * name: DIR/.SERVER.lock. A killed run's lock is free at once; its file is replaced by the next.
 *
 * The check makes the handshake that the CA will make, at each address of the name. A tinyproxyd takes a moment to
 * see a new file, so a wrong answer is looked at again for a while.
 */
#include "libacme/challenge_alpn.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/alpn_probe.h"
#include "libacme/challenge_probe.h"
#include "libacme/dns_ask.h"
#include "libcert/validation_cert.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRY_AGAIN_MS 200
#define TURN_PATIENCE_MS 240000
#define SHOW_PATIENCE_MS 10000
#define ADDRESSES_MAX 8

/* A certificate that is handed over. */
struct handed {
	struct handed *next;
	char *token;
	struct validation_cert validation;
	int lock;
};

struct alpn_solver {
	struct solver solver;
	struct alpn_options options;
	struct responder *responder; /* NULL: by dir */
	struct handed *handed;
};

/* ---- by the store's directory ---------------------------------------------------------------- */

struct handing {
	struct alpn_solver *solver;
	struct handed *handed;
	struct span name;
	int64_t begun_ms;
	void (*done)(void *arg, struct err *e);
	void *arg;
};

static void
handed_free(struct handed *h)
{
	validation_cert_release(&h->validation);
	free(h->token);
	if (h->lock >= 0)
		close(h->lock);
	free(h);
}

static int
lock_server(const char *dir, const char *server, struct err *e)
{
	char *path = mem_printf("%s/.%s.lock", dir, server);
	int fd = file_make_dirs(dir, 0700, e) < 0 ? -1 : file_lock(path, false, e);

	free(path);
	return fd;
}

static void
hand_try(void *arg)
{
	struct handing *t = arg;
	struct handed *h = t->handed;
	const char *dir = t->solver->options.dir;
	struct acme_http *http = t->solver->options.http;
	struct err e = ERR_INIT;

	if (acme_http_stopped(http))
		err_set(&e, ERR_TEMPFAIL, "interrupted");
	else
		h->lock = lock_server(dir, h->validation.server, &e);
	if (h->lock < 0 && e.kind == ERR_TEMPFAIL && !acme_http_stopped(http) &&
	    clock_mono_ms() - t->begun_ms < TURN_PATIENCE_MS) {
		acme_http_after(http, TRY_AGAIN_MS, hand_try, t);
		err_release(&e);
		return;
	}
	if (h->lock >= 0 && validation_cert_write(dir, &h->validation, &e) == 0) {
		h->next = t->solver->handed;
		t->solver->handed = h;
		t->done(t->arg, NULL);
	} else {
		err_wrap(&e, "cannot hand the validation certificate of %.*s over",
		    SPAN_ARG(t->name));
		handed_free(h);
		t->done(t->arg, &e);
	}
	free(t);
	err_release(&e);
}

static void
hand_over(struct alpn_solver *a, const struct challenge *c, void (*done)(void *arg, struct err *e),
    void *arg)
{
	struct handing *t = mem_zalloc(sizeof(*t));
	struct err e = ERR_INIT;

	t->solver = a;
	t->handed = mem_zalloc(sizeof(*t->handed));
	t->handed->token = mem_strdup(c->token);
	t->handed->lock = -1;
	t->name = c->name;
	t->begun_ms = clock_mono_ms();
	t->done = done;
	t->arg = arg;
	if (validation_cert_make(c->name, span_str(c->key_auth), &t->handed->validation, &e) == 0) {
		acme_http_after(a->options.http, 0, hand_try, t);
		return;
	}
	handed_free(t->handed);
	free(t);
	done(arg, &e);
	err_release(&e);
}

/* What a killed run left: its file proves this key authorization, and nobody holds the lock. */
static void
sweep(const char *dir, const struct challenge *c)
{
	struct validation_cert v = { .key = NULL }, there;
	char *path;
	struct buf pem;
	int lock;

	if (validation_cert_server(c->name, v.server, NULL) < 0)
		return;
	path = mem_printf("%s/%s%s", dir, v.server, VALIDATION_CERT_SUFFIX);
	lock = file_exists(path) ? lock_server(dir, v.server, NULL) : -1;
	buf_init_secret(&pem, VALIDATION_CERT_FILE_MAX);
	if (lock >= 0 && file_read(path, &pem, NULL) == 0 &&
	    (validation_cert_parse(buf_span(&pem), &there, NULL) < 0 ||
		validation_cert_proves(there.cert, span_str(c->key_auth)))) {
		unlink(path);
		validation_cert_release(&there);
	}
	file_sweep(path);
	if (lock >= 0)
		close(lock);
	buf_release(&pem);
	free(path);
}

static void
take_back(struct alpn_solver *a, const struct challenge *c)
{
	struct handed **at = &a->handed, *h;

	while (*at && strcmp((*at)->token, c->token) != 0)
		at = &(*at)->next;
	h = *at;
	if (!h) {
		sweep(a->options.dir, c);
		return;
	}
	*at = h->next;
	validation_cert_remove(a->options.dir, &h->validation);
	handed_free(h);
}

/* ---- the solver ------------------------------------------------------------------------------ */

static void
alpn_present(struct solver *s, const struct challenge *c, void (*done)(void *arg, struct err *e),
    void *arg)
{
	struct alpn_solver *a = (struct alpn_solver *)s;
	char server[VALIDATION_CERT_SERVER_MAX + 1];
	struct err e = ERR_INIT;

	if (!a->responder)
		hand_over(a, c, done, arg);
	else if (validation_cert_server(c->name, server, &e) == 0)
		responder_show(a->responder, server, c->name, c->key_auth, done, arg);
	else
		done(arg, &e);
	err_release(&e);
}

static void
alpn_cleanup(struct solver *s, const struct challenge *c)
{
	struct alpn_solver *a = (struct alpn_solver *)s;
	char server[VALIDATION_CERT_SERVER_MAX + 1];

	if (!a->responder)
		take_back(a, c);
	else if (validation_cert_server(c->name, server, NULL) == 0)
		responder_hide(a->responder, server, c->key_auth);
}

/* ---- the check before the CA's --------------------------------------------------------------- */

struct checking {
	struct alpn_solver *solver;
	const struct challenge *challenge;
	struct acme_http *http;
	void (*done)(void *arg, struct err *e);
	void *arg;
	char server[VALIDATION_CERT_SERVER_MAX + 1];
	char *found[ADDRESSES_MAX + 1]; /* "ADDRESS:443", or the one of --preflight */
	size_t count, next;
	int64_t until_ms;
	bool by_hand, reached, local;
};

static void check_next(void *arg);

static void
check_finish(struct checking *k, struct err *e)
{
	k->done(k->arg, e);
	for (size_t i = 0; i < k->count; i++)
		free(k->found[i]);
	free(k);
}

static void
check_wrong(struct checking *k, const char *at, const char *why)
{
	bool proxy = !k->solver->responder;
	struct err e = ERR_INIT;

	err_set(&e, ERR_CONFIG, "%s does not show the validation certificate of %.*s: %s", at,
	    SPAN_ARG(k->challenge->name), why);
	if (proxy)
		err_hint(&e,
		    "tinyproxyd shows what is in %s when \"acme_tls_alpn\" in its configuration "
		    "names the store; the CA was not asked yet. --no-preflight skips this check",
		    k->solver->options.dir);
	else
		err_hint(&e, "check where the name's DNS leads; the CA was not asked yet. "
			     "--no-preflight skips this check");
	check_finish(k, &e);
	err_release(&e);
}

static void
on_probed(void *arg, enum alpn_result result, const char *why)
{
	struct checking *k = arg;
	const char *at = k->found[k->next - 1];
	struct err e = ERR_INIT;

	if (acme_http_stopped(k->http)) {
		err_set(&e, ERR_TEMPFAIL, "interrupted");
		check_finish(k, &e);
	} else if (result == ALPN_RIGHT) {
		k->reached = true;
		check_next(k);
	} else if (result == ALPN_WRONG && !k->solver->responder && clock_mono_ms() < k->until_ms) {
		k->next--;
		acme_http_after(k->http, TRY_AGAIN_MS, check_next, k);
	} else if (result == ALPN_WRONG || k->by_hand) {
		check_wrong(k, at, why);
	} else {
		check_next(k);
	}
	err_release(&e);
}

static void
check_next(void *arg)
{
	struct checking *k = arg;
	struct alpn_probe probe = {
		.server = k->server, .key_auth = k->challenge->key_auth, .done = on_probed, .arg = k
	};

	/* None could be reached from here: at least tinyproxyd on this machine must show it. */
	if (k->next == k->count && !k->reached && !k->local && !k->by_hand) {
		k->local = true;
		if (!k->solver->responder)
			k->found[k->count++] = mem_strdup("127.0.0.1:443");
	}
	if (k->next == k->count) {
		check_finish(k, NULL);
		return;
	}
	probe.address = k->found[k->next++];
	alpn_probe(k->http, &probe);
}

static void
on_addresses(void *arg, const struct dns_answer *answer)
{
	struct checking *k = arg;
	struct err e = ERR_INIT;

	if (answer->result == DNS_NO_NAME || answer->result == DNS_NO_DATA) {
		challenge_no_address(k->challenge->name, answer, &e);
		check_finish(k, &e);
		err_release(&e);
		return;
	}
	for (size_t i = 0; i < answer->count && k->count < ADDRESSES_MAX; i++)
		k->found[k->count++] =
		    mem_printf(strchr(answer->values[i], ':') ? "[%s]:443" : "%s:443",
			answer->values[i]);
	check_next(k);
}

static void
alpn_check(struct solver *s, const struct challenge *c, struct acme_http *http,
    void (*done)(void *arg, struct err *e), void *arg)
{
	struct alpn_solver *a = (struct alpn_solver *)s;
	struct checking *k = mem_zalloc(sizeof(*k));
	struct err e = ERR_INIT;

	k->solver = a;
	k->challenge = c;
	k->http = http;
	k->done = done;
	k->arg = arg;
	k->until_ms = clock_mono_ms() + SHOW_PATIENCE_MS;
	if (validation_cert_server(c->name, k->server, &e) < 0) {
		check_finish(k, &e);
	} else if (a->options.preflight) {
		k->by_hand = true;
		k->found[k->count++] = mem_strdup(a->options.preflight);
		acme_http_after(http, 0, check_next, k);
	} else {
		challenge_addresses(http, a->options.dns_server, c->name, on_addresses, k);
	}
	err_release(&e);
}

static void
alpn_free(struct solver *s)
{
	struct alpn_solver *a = (struct alpn_solver *)s;
	struct handed *h;

	while ((h = a->handed)) {
		a->handed = h->next;
		validation_cert_remove(a->options.dir, &h->validation);
		handed_free(h);
	}
	free(a);
}

struct solver *
challenge_alpn_new(const struct alpn_options *options)
{
	struct alpn_solver *a = mem_zalloc(sizeof(*a));

	a->options = *options;
	if (!options->dir)
		a->responder = responder_get(options->responders, RESPONDER_ALPN, options->address,
		    options->port);
	a->solver.type = "tls-alpn-01";
	a->solver.present = alpn_present;
	a->solver.cleanup = alpn_cleanup;
	a->solver.free = alpn_free;
	if (!options->preflight || strcmp(options->preflight, "none") != 0)
		a->solver.check = alpn_check;
	return &a->solver;
}

/* SPDX-License-Identifier: ISC */
/*
 * order_prove: authorizations, challenges on show, validation and why it failed (RFC 8555 7.5, 8).
 *
 * While the CA looks, only the order is polled: one request, however many names it has. The
 * authorizations are asked again only when it turns invalid.
 */
#include "base/mem.h"
#include "libacme/order_internal.h"
#include "libcert/certstore.h"

/* How often an order is made anew to get rid of what the CA remembers. */
#define GIVE_UP_ROUNDS 10

/* ---- why it failed --------------------------------------------------------------------------- */

static void
on_explained(void *arg, const struct acme_answer *answer)
{
	struct order *o = arg;
	struct authz a = { .url = NULL };
	struct err e = ERR_INIT;

	if (!answer->error &&
	    authz_read(&a, answer->reply->body, o->req.solver->type, o->thumbprint, o->arena,
		NULL) == 0 &&
	    a.status == AUTHZ_INVALID)
		authz_failure(answer->reply->body, &e);
	if (e.kind != ERR_NONE && o->failure.kind != ERR_NONE) {
		/* Several names failed: all of them are told. */
		char *first = mem_strdup(err_text(&e));

		err_wrap(&o->failure, "%s; also", first);
		free(first);
		err_reset(&e);
	}
	if (order_collect(o, e.kind != ERR_NONE ? &e : NULL)) {
		order_fail_for_good(o, o->failure.kind != ERR_NONE ? &o->failure : &o->verdict);
	}
	err_release(&e);
}

static void
fetch_reasons(struct order *o)
{
	order_move(o, ORDER_EXPLAINING);
	for (size_t i = 0; i < o->authz_count; i++)
		order_post(o, o->authz[i].url, SPAN(""), "cannot fetch an authorization",
		    on_explained, o);
}

void
order_explain(struct order *o, const cJSON *error)
{
	struct acme_problem problem = { 0 };

	if (error) {
		acme_problem_read(error, &problem);
		acme_problem_error(&problem, 0, "the CA gave the order up", &o->verdict);
		acme_problem_release(&problem);
	} else {
		err_set(&o->verdict, ERR_PARTIAL,
		    "the CA called the order invalid without a reason");
	}
	if (o->state == ORDER_VALIDATING)
		fetch_reasons(o);
	else
		order_fail_for_good(o, &o->verdict);
}

/* ---- proving control (RFC 8555 7.5) ---------------------------------------------------------- */

static void
order_validate(struct order *o)
{
	order_move(o, ORDER_VALIDATING);
	order_poll(o, -1);
}

static void
on_answered(void *arg, const struct acme_answer *answer)
{
	struct order *o = arg;
	/* Lost, or no longer pending by now: the order tells how it stands. */
	bool harmless =
	    answer->lost || (answer->problem && acme_problem_is(answer->problem, "malformed"));
	bool stopped = acme_http_stopped(acme_transport(o->req.ca));

	if (!order_collect(o, answer->error && (!harmless || stopped) ? answer->error : NULL))
		return;
	if (o->failure.kind != ERR_NONE)
		order_fail(o, &o->failure);
	else
		order_validate(o);
}

static void
order_answer(struct order *o)
{
	size_t sent = 0;

	order_move(o, ORDER_ANSWERING);
	certstore_step("order.answer");
	for (size_t i = 0; i < o->authz_count; i++) {
		struct authz *a = &o->authz[i];

		if (!a->presented || a->answered)
			continue;
		order_post_again(o, a->challenge.url, SPAN("{}"), "cannot answer a challenge",
		    on_answered, o);
		sent++;
	}
	if (sent == 0)
		order_validate(o);
}

static void
on_checked(void *arg, struct err *e)
{
	struct order *o = arg;

	if (!order_collect(o, e))
		return;
	if (o->failure.kind != ERR_NONE)
		order_fail(o, &o->failure);
	else
		order_answer(o);
}

/* All are on show: see whether they are. */
static void
order_check(struct order *o)
{
	struct solver *solver = o->req.solver;

	if (!solver->check) {
		order_answer(o);
		return;
	}
	for (size_t i = 0; i < o->authz_count; i++) {
		if (o->authz[i].presented)
			o->waiting++;
	}
	for (size_t i = 0; i < o->authz_count; i++) {
		if (o->authz[i].presented)
			solver->check(solver, &o->authz[i].challenge, acme_transport(o->req.ca),
			    on_checked, o);
	}
}

static void present_next(struct order *o);

static void
on_presented(void *arg, struct err *e)
{
	struct order *o = arg;

	o->waiting--;
	if (e) {
		order_fail(o, e);
		return;
	}
	certstore_step("order.presented");
	present_next(o);
}

/* One after the other: solvers may run programs that want it so. */
static void
present_next(struct order *o)
{
	struct solver *solver = o->req.solver;

	for (size_t i = 0; i < o->authz_count; i++) {
		struct authz *a = &o->authz[i];

		if (a->status != AUTHZ_PENDING || a->presented)
			continue;
		a->presented = true;
		order_file_mark_shown(&o->file, a->challenge.token);
		o->waiting++;
		solver->present(solver, &a->challenge, on_presented, o);
		return;
	}
	order_check(o);
}

/* What is to be shown is remembered before it is, so that a killed run leaves nothing for good. */
static int
remember_shown(struct order *o, struct err *e)
{
	struct solver *solver = o->req.solver;
	size_t left = 0;

	for (size_t i = o->authz_count; i-- > 0;) {
		struct authz *a = &o->authz[i];

		if (a->status != AUTHZ_PENDING)
			continue;
		if (!a->challenge.url) {
			err_set(e, ERR_CONFIG, "the CA offers no %s challenge for %s%.*s",
			    solver->type, a->wildcard ? "*." : "", SPAN_ARG(a->challenge.name));
			return err_hint(e, "a wildcard needs dns-01");
		}
		a->challenge.remaining = left++;
		order_file_add_shown(&o->file, a->challenge.name, solver->type, a->challenge.token);
	}
	certstore_step("order.present");
	return order_file_save(o->req.file, &o->file, e);
}

static void
order_present(struct order *o)
{
	struct err e = ERR_INIT;

	order_move(o, ORDER_PRESENTING);
	if (remember_shown(o, &e) < 0)
		order_fail(o, &e);
	else
		present_next(o);
	err_release(&e);
}

static void
on_given_up(void *arg, const struct acme_answer *answer)
{
	struct order *o = arg;

	if (!order_collect(o, answer->error))
		return;
	if (o->failure.kind != ERR_NONE)
		order_fail(o, &o->failure);
	else
		order_create(o);
}

/*
 * Authorizations that hold already are deactivated (RFC 8555 7.5.2), and the order made anew; which may meet others
 * that the CA remembers, but not for ever.
 */
static void
order_give_up_proofs(struct order *o)
{
	if (++o->rounds == GIVE_UP_ROUNDS)
		o->req.revalidate = false;
	for (size_t i = 0; i < o->authz_count; i++) {
		if (o->authz[i].status == AUTHZ_VALID)
			order_post(o, o->authz[i].url, SPAN("{\"status\":\"deactivated\"}"),
			    "cannot give an authorization up", on_given_up, o);
	}
}

/* All authorizations are here. */
static void
order_authorized(struct order *o)
{
	size_t pending = 0, invalid = 0;

	if (o->failure.kind != ERR_NONE) {
		order_fail(o, &o->failure);
		return;
	}
	for (size_t i = 0; i < o->authz_count; i++) {
		pending += o->authz[i].status == AUTHZ_PENDING;
		invalid += o->authz[i].status == AUTHZ_INVALID;
	}
	if (o->req.revalidate && pending + invalid < o->authz_count) {
		order_give_up_proofs(o);
	} else if (invalid) {
		err_set(&o->verdict, ERR_PARTIAL, "the CA sent an order that cannot succeed");
		fetch_reasons(o);
	} else if (pending)
		order_present(o);
	else
		order_validate(o);
}

struct authz_arg {
	struct order *order;
	struct authz *authz;
};

static void
on_authz(void *arg, const struct acme_answer *answer)
{
	struct authz_arg *at = arg;
	struct order *o = at->order;
	struct err e = ERR_INIT;
	bool bad = answer->error != NULL;

	if (bad) {
		err_move(&e, answer->error);
	} else if (authz_read(at->authz, answer->reply->body, o->req.solver->type, o->thumbprint,
		       o->arena, &e) < 0) {
		bad = true;
		e.kind = ERR_UNAVAILABLE;
	}
	if (order_collect(o, bad ? &e : NULL))
		order_authorized(o);
	err_release(&e);
}

void
order_authorize(struct order *o)
{
	order_move(o, ORDER_AUTHORIZING);
	for (size_t i = 0; i < o->authz_count; i++) {
		struct authz_arg *at = arena_zalloc(o->arena, sizeof(*at));

		at->order = o;
		at->authz = &o->authz[i];
		order_post(o, o->authz[i].url, SPAN(""), "cannot fetch an authorization", on_authz,
		    at);
	}
}

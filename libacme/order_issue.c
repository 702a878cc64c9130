/* SPDX-License-Identifier: ISC */
/*
 * order_issue: polling and the certificate request (RFC 8555 7.4).
 */
#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "libacme/csr.h"
#include "libacme/order_internal.h"
#include "libcert/certstore.h"

#define FINALIZE_MAX 3
/* Pauses between polls when the CA does not say how long: doubled from the first to the last. */
#define POLL_FIRST_MS 20
#define POLL_LAST_MS 5000
/* How long the CA may take to look, and to sign. */
#define POLL_LIMIT_MS 180000

/* ---- polling --------------------------------------------------------------------------------- */

static void
on_order(void *arg, const struct acme_answer *answer)
{
	struct order *o = arg;

	o->waiting--;
	if (answer->error)
		order_fail(o, answer->error);
	else
		order_follow(o, answer);
}

static void
poll_now(void *arg)
{
	struct order *o = arg;

	o->waiting--;
	order_post(o, o->file.url, SPAN(""), "cannot ask how the order stands", on_order, o);
}

void
order_poll(struct order *o, int64_t retry_after_ms)
{
	struct err e = ERR_INIT;
	int64_t now = clock_mono_ms(), pause;

	if (o->poll_ms == 0) {
		o->poll_ms = POLL_FIRST_MS;
		o->poll_until = now + POLL_LIMIT_MS;
	}
	if (now + retry_after_ms > o->poll_until) {
		err_set(&e, ERR_TEMPFAIL,
		    "the CA has not finished %s; the next run takes the order up again",
		    order_state_name(o->state));
		if (retry_after_ms > 0)
			e.retry_at = clock_wall() + retry_after_ms / 1000;
		order_fail(o, &e);
		err_release(&e);
		return;
	}
	pause = retry_after_ms > o->poll_ms ? retry_after_ms : o->poll_ms;
	o->waiting++;
	acme_http_after(acme_transport(o->req.ca), pause, poll_now, o);
	o->poll_ms = o->poll_ms * 2 < POLL_LAST_MS ? o->poll_ms * 2 : POLL_LAST_MS;
}

/* ---- finalizing (RFC 8555 7.4) --------------------------------------------------------------- */

static void
on_finalized(void *arg, const struct acme_answer *answer)
{
	struct order *o = arg;
	bool lost = answer->lost || (answer->reply && answer->reply->status >= 500 &&
					answer->error && answer->error->retry_at == 0);

	o->waiting--;
	if (!answer->error) {
		order_follow(o, answer);
	} else if (lost && !acme_http_stopped(acme_transport(o->req.ca))) {
		/* It may have arrived, and been acted upon: the order tells. */
		o->finalize_unsure = true;
		order_move(o, ORDER_ISSUING);
		order_poll(o, -1);
	} else if (answer->problem && acme_problem_is(answer->problem, "orderNotReady")) {
		order_move(o, ORDER_VALIDATING);
		order_poll(o, answer->reply->retry_after_ms);
	} else {
		order_fail(o, answer->error);
	}
}

static int
add_request(const struct order *o, struct buf *csr, struct err *e)
{
	if (o->req.csr.n == 0)
		return csr_build(o->file.key, o->req.names, o->req.name_count, o->req.must_staple,
		    csr, e);
	if (buf_add(csr, o->req.csr) < 0)
		return err_set(e, ERR_DATA, "the certificate request is too large");
	return 0;
}

static void
send_request(struct order *o)
{
	struct err e = ERR_INIT;
	struct buf csr, json;

	buf_init(&csr, ORDER_PAYLOAD_MAX);
	buf_init(&json, ORDER_PAYLOAD_MAX);
	if (add_request(o, &csr, &e) == 0) {
		buf_add_str(&json, "{\"csr\":\"");
		encode_base64url(&json, buf_span(&csr));
		buf_add_str(&json, "\"}");
		certstore_step("order.finalize");
		order_post(o, o->finalize, buf_span(&json),
		    "the CA refused the certificate request", on_finalized, o);
	} else {
		order_fail(o, &e);
	}
	buf_release(&json);
	buf_release(&csr);
	err_release(&e);
}

static void
flush_file(void *arg)
{
	struct order *o = arg;

	(void)!file_flush(o->req.file, &o->failure);
}

static void
on_flushed(void *arg)
{
	struct order *o = arg;

	o->waiting--;
	if (o->failure.kind != ERR_NONE)
		order_fail(o, &o->failure);
	else
		send_request(o);
}

void
order_finalize(struct order *o)
{
	struct err e = ERR_INIT;

	order_cleanup(o);
	if (++o->finalized > FINALIZE_MAX) {
		err_set(&e, ERR_UNAVAILABLE, "the CA calls the order ready but never finishes it");
		order_fail(o, &e);
		err_release(&e);
		return;
	}
	o->finalize_unsure = false;
	order_move(o, ORDER_FINALIZING);
	/* From here on the key must outlive everything. */
	o->waiting++;
	offload_run(acme_http_offload(acme_transport(o->req.ca)), flush_file, on_flushed, o);
}

/* SPDX-License-Identifier: ISC */
/*
 * order_chain: the certificate is downloaded with its chain; where another chain is wished for, the alternates that the CA offers
 * (RFC 8555 7.4.2, Link rel="alternate") are looked at one by one. The CA's own choice stays when none fits.
 */
#include "libacme/order_internal.h"
#include "libcert/certstore.h"
#include "libcert/x509info.h"

#include <openssl/x509.h>

static void fetch_alternate(struct order *o);

static void
order_done(struct order *o)
{
	order_move(o, ORDER_DONE);
	o->req.done(o->req.arg, o, NULL);
}

/* Is the topmost certificate issued by that common name? (So certbot has it: the root is not sent.) */
static bool
chain_ends_at(struct span pem, const char *common_name)
{
	STACK_OF(X509) *certs = NULL;
	const X509_NAME *issuer;
	char name[256] = "";

	if (x509info_parse_pem(pem, &certs, NULL) < 0)
		return false;
	issuer = X509_get_issuer_name(sk_X509_value(certs, sk_X509_num(certs) - 1));
	X509_NAME_get_text_by_NID(issuer, NID_commonName, name, sizeof(name));
	sk_X509_pop_free(certs, X509_free);
	return strcmp(name, common_name) == 0;
}

static void
on_alternate(void *arg, const struct acme_answer *answer)
{
	struct order *o = arg;

	o->waiting--;
	if (!answer->error && answer->reply->body.n <= o->fullchain.max &&
	    chain_ends_at(answer->reply->body, o->req.preferred_chain)) {
		buf_reset(&o->fullchain);
		buf_add(&o->fullchain, answer->reply->body);
		order_done(o);
		return;
	}
	if (answer->error && acme_http_stopped(acme_transport(o->req.ca))) {
		/* The certificate is not lost: the next run downloads it again. */
		order_fail(o, answer->error);
		return;
	}
	fetch_alternate(o);
}

static void
fetch_alternate(struct order *o)
{
	if (o->alternate_next == o->alternate_count) {
		order_done(o);
		return;
	}
	order_post(o, o->alternates[o->alternate_next++], SPAN(""), "cannot download another chain",
	    on_alternate, o);
}

static void
on_certificate(void *arg, const struct acme_answer *answer)
{
	const struct acme_reply *reply = answer->reply;
	struct order *o = arg;
	struct err e = ERR_INIT;

	o->waiting--;
	if (answer->error) {
		order_fail(o, answer->error);
		return;
	}
	if (buf_add(&o->fullchain, reply->body) < 0) {
		err_set(&e, ERR_UNAVAILABLE, "the CA sent a chain larger than %zu bytes",
		    o->fullchain.max);
		order_fail(o, &e);
		err_release(&e);
		return;
	}
	if (!o->req.preferred_chain || chain_ends_at(reply->body, o->req.preferred_chain)) {
		order_done(o);
		return;
	}
	o->alternates = arena_array(o->arena, reply->alternate_count + 1, sizeof(*o->alternates));
	for (size_t i = 0; i < reply->alternate_count; i++)
		o->alternates[i] = arena_strdup(o->arena, span_str(reply->alternates[i]));
	o->alternate_count = reply->alternate_count;
	fetch_alternate(o);
}

void
order_download(struct order *o)
{
	order_move(o, ORDER_DOWNLOADING);
	certstore_step("order.download");
	order_post(o, o->certificate, SPAN(""), "cannot download the certificate", on_certificate,
	    o);
}

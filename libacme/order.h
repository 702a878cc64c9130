/* SPDX-License-Identifier: ISC */
/*
 * order: one certificate on its way, from names to PEM (RFC 8555 7.4), as a state machine on the acme_http loop.
 *
 * Any number of orders run side by side. What a crash must not lose is on disk before it matters (order_file): an order that
 * was cut short anywhere is taken up again by the next order_start with the same file, CA, account and names.
 */
#ifndef LIBACME_ORDER_H
#define LIBACME_ORDER_H

#include "libacme/acme.h"
#include "libacme/challenge.h"
#include "libcert/pkey.h"

enum order_state {
	ORDER_IDLE,
	ORDER_RESUMING,    /* asking for the order of an earlier run */
	ORDER_CREATING,    /* newOrder sent */
	ORDER_AUTHORIZING, /* fetching what is to be proved */
	ORDER_PRESENTING,  /* challenges put on show and looked at ourselves */
	ORDER_ANSWERING,   /* telling the CA to look */
	ORDER_VALIDATING,  /* waiting for the CA to have looked */
	ORDER_EXPLAINING,  /* validation failed: fetching why */
	ORDER_FINALIZING,  /* CSR sent */
	ORDER_ISSUING,     /* waiting for the certificate */
	ORDER_DOWNLOADING,
	ORDER_DONE,
	ORDER_FAILED,
};

/* A person's words for what is being done: "validating". */
const char *order_state_name(enum order_state state);

struct order;

struct order_request {
	struct acme *ca; /* opened, with an account; borrowed, like everything here */
	const struct span *names;
	size_t name_count;
	struct pkey_spec key_spec; /* for a new key */
	EVP_PKEY *key;             /* use this one instead; or NULL */
	struct span csr; /* DER: a request of somebody else's key; key and key_spec do not count */
	bool revalidate; /* give up what the CA took for proved before: prove it now */
	struct solver *solver;
	const char *file; /* path of the order_file */
	/* What kind of certificate; each may be NULL. */
	const char *required_profile;  /* refused if the CA does not have it */
	const char *preferred_profile; /* if the CA has it */
	const char *preferred_chain;   /* common name of who issued a chain's last certificate */
	const char *replaces;          /* id of the certificate before (ari.h) */
	bool must_staple;              /* TLS feature status_request (RFC 7633) */
	/* Each new state; may be NULL. */
	void (*progress)(void *arg, enum order_state state);
	/* Called once; e NULL: order_fullchain and order_key hold the result. */
	void (*done)(void *arg, struct order *order, struct err *e);
	void *arg;
};

struct order *order_new(const struct order_request *request);
void order_start(struct order *order);
/* Not while under way. Takes NULL. The file stays: remove it once the result is safe. */
void order_free(struct order *order);

/* After a failure: had the CA been asked in earnest, so that it costs of its limits? Not by what we found out ourselves, or were told to stop. */
bool order_was_asked(const struct order *order);

/* PEM as the CA sent it, leaf first. */
struct span order_fullchain(const struct order *order);
EVP_PKEY *order_key(const struct order *order);

#endif

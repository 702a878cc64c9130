/* SPDX-License-Identifier: ISC */
/*
 * renewal: how a lineage is renewed: what DIR/renewal/NAME.conf says, in our terms.
 *
 * The file is certbot's: certbot's keys in [renewalparams], ours in a section [gatehouse] that certbot
 * carries along. A setting that we would have to honour and cannot is refused by name.
 */
#ifndef LIBACME_RENEWAL_H
#define LIBACME_RENEWAL_H

#include "base/arena.h"
#include "base/err.h"
#include "libacme/challenge_http.h"
#include "libcert/certstore.h"
#include "libcert/pkey.h"

/* How names are proved; certbot's authenticators, and one of ours. */
enum renewal_solver {
	RENEWAL_WEBROOT,    /* files below a web root */
	RENEWAL_STANDALONE, /* a little server of our own */
	RENEWAL_MANUAL,     /* hooks */
	RENEWAL_TINYPROXYD, /* tls-alpn-01, shown by a running tinyproxyd */
};

/* Strings live in the arena they were read into (or with whoever set them); NULL = not set. */
struct renewal {
	const char *server;  /* directory URL */
	const char *account; /* account id */
	enum renewal_solver solver;
	const char *challenge; /* "http-01" ...; NULL = what the solver usually does */
	const char *http_address, *http_port; /* standalone */
	const char *auth_hook, *cleanup_hook; /* manual, called as certbot calls them */
	struct webroot *roots;
	size_t root_count;
	const char *webroot; /* for names that have no root of their own */
	struct pkey_spec key;
	bool reuse_key;
	bool must_staple;
	const char *preferred_chain, *preferred_profile, *required_profile; /* order.h */
	bool off;                                                           /* autorenew = False */
	const char *pre_hook, *post_hook, *deploy_hook;
	/* [gatehouse] */
	const char *fallback_servers; /* directory URLs, separated by commas: when server cannot */
	const char *ca_file;          /* roots for the CA's own TLS certificate */
	const char *reload;           /* deploy.h */
	const char *verify;           /* deploy.h */
	const char *preflight;        /* challenge_http.h */
	const char *tls_alpn_port;
	const char *dns_hook;    /* manual, called as dehydrated calls it */
	const char *dns_server;  /* whom checks ask (dns_ask.h) */
	const char *propagation; /* seconds for all name servers to show a record */
};

/* ERR_NOINPUT when there is no such file; ERR_CONFIG with its path for what cannot be honoured. */
int renewal_load(struct certstore *store, const char *name, struct arena *arena, struct renewal *r,
    struct err *e) __attribute__((warn_unused_result));
/* Unknown keys and comments of an existing file stay. */
int renewal_save(struct certstore *store, const char *name, const struct renewal *r, struct err *e)
    __attribute__((warn_unused_result));

/* The web root for a name, from roots and webroot; NULL when there is none. */
const char *renewal_webroot(const struct renewal *r, struct span name);

/* "http", "http-01", "dns", "tls-alpn-01" ... as a challenge's whole name; NULL when there is none such. */
const char *renewal_challenge(const char *word);

#endif

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

/* Strings live in the arena they were read into (or with whoever set them); NULL = not set. */
struct renewal {
	const char *server;  /* directory URL */
	const char *account; /* account id */
	struct webroot *roots;
	size_t root_count;
	const char *webroot; /* for names that have no root of their own */
	struct pkey_spec key;
	bool reuse_key;
	bool off; /* autorenew = False */
	const char *pre_hook, *post_hook, *deploy_hook;
	/* [gatehouse] */
	const char *ca_file;   /* roots for the CA's own TLS certificate */
	const char *reload;    /* deploy.h */
	const char *verify;    /* deploy.h */
	const char *preflight; /* challenge_http.h */
};

/* ERR_NOINPUT when there is no such file; ERR_CONFIG with its path for what cannot be honoured. */
int renewal_load(struct certstore *store, const char *name, struct arena *arena, struct renewal *r,
    struct err *e) __attribute__((warn_unused_result));
/* Unknown keys and comments of an existing file stay. */
int renewal_save(struct certstore *store, const char *name, const struct renewal *r, struct err *e)
    __attribute__((warn_unused_result));

/* The web roots for exactly these names, from roots and webroot; in the arena. */
const struct webroot *renewal_webroots(const struct renewal *r, const struct span *names,
    size_t count, struct arena *arena);

#endif

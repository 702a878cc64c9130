/* SPDX-License-Identifier: ISC */
/*
 * issue: the whole job for one lineage, and for many at once:
 *
 *	decide -> order -> check and publish -> fetch what is stapled -> reload -> look at the wire
 *
 * The caller makes a struct issue per lineage (issue_new), fills in what is asked, has issue_decide say what is to be
 * done, and hands all of them to issue_run. Every failure stays with its lineage; the others go on.
 */
#ifndef LIBACME_ISSUE_H
#define LIBACME_ISSUE_H

#include "libacme/account.h"
#include "libacme/ari.h"
#include "libacme/csr.h"
#include "libacme/issued.h"
#include "libacme/order.h"
#include "libacme/renewal.h"
#include "libacme/solver.h"

#include <stdint.h>

enum issue_outcome {
	ISSUE_UNDECIDED,
	ISSUE_KEPT,         /* nothing was due */
	ISSUE_OFF,          /* autorenew = False */
	ISSUE_BUSY,         /* another process works on it */
	ISSUE_ISSUED,       /* new version live, and deployed */
	ISSUE_DEPLOYED,     /* no new version; what was not deployed now is */
	ISSUE_NOT_DEPLOYED, /* live, but not (seen to be) served: error says why */
	ISSUE_TRIED,        /* a trial that succeeded: nothing has changed */
	ISSUE_FAILED,       /* nothing new: error says why */
};

struct issue_options;

struct issue {
	/* Asked: set before issue_decide. */
	struct certstore *store;
	const char *name;
	struct renewal how;
	const struct span *names; /* NULL: those of the live version */
	size_t name_count;
	bool force;           /* order even if nothing is due */
	bool wants_key;       /* a live key of another kind than how.key makes it due */
	bool save;            /* write how to the renewal configuration */
	bool directory_hooks; /* also run renewal-hooks/deploy */
	bool by_hand;         /* somebody waits for it: pauses between failures are shorter */
	bool dry;             /* a trial: prove and order, throw the certificate away */
	/* A request of somebody else's: the result goes to these files, not into the store. */
	struct csr csr;
	const char *cert_path, *chain_path, *fullchain_path;
	bool overwrite;
	bool changed; /* names asked for differ on purpose from the live ones: due */

	/* Found and done. */
	enum issue_outcome outcome;
	struct err error;
	struct arena *arena;
	struct issued live; /* not_after 0: nothing live */
	struct ari ari;     /* what the CA says about it */
	bool looked;        /* both are loaded already */
	bool order_wanted, deploy_wanted;
	bool stapled;   /* its responder has been asked, if there is one and it was time */
	bool restapled; /* a new OCSP response lies beside it, unknown to the server yet */

	/* Private to issue.c, issue_run.c and issue_publish.c. */
	bool tried; /* the hooks before it have run: so must those after it, whatever comes of it */
	/* Under which name what fails is remembered (backoff.h); NULL: a trial. */
	const char *attempts;
	int lock;
	/* Once it has fallen back on another CA: how's own, and what is left of its list. */
	const char *home_server, *home_account, *more_servers;
	struct acme *ca;
	struct solver *solver;
	struct order *order;
	EVP_PKEY *key; /* of the live version, to be reused */
	char *order_file;
	char *verify; /* where it has to be seen, or NULL */
	const struct issue_options *options;
	void (*done)(void *arg, struct issue *job);
	void *done_arg;
};

struct issue *issue_new(struct certstore *store, const char *name);
/* Takes NULL. */
void issue_free(struct issue *job);
/* Make it a trial, at the CA's trial server where one is known; how->server is set. */
void issue_make_trial(struct issue *job);
/*
 * Before issue_decide, if wished: loads what is live. Returns true when the CA should be asked whether it
 * wants it renewed (ari_ask).
 */
bool issue_look(struct issue *job);
/* Sets order_wanted and deploy_wanted, or the outcome if there is nothing to do (KEPT, OFF, BUSY, FAILED). Takes the lineage's lock if there is. */
void issue_decide(struct issue *job);
/*
 * Is plainly nothing to be done, nor to be asked of the CA? Then the outcome is KEPT, without the certificate being read (live stays
 * empty). For runs over thousands of lineages that have nothing to tell of those.
 */
bool issue_pass_by(struct issue *job);

/*
 * Fetch OCSP responses for what is live, where they are missing or growing old, but for jobs whose order is still to come. issue_run does
 * it, too, for those that it was not done for. Runs the loop.
 */
void issue_staple(struct issue *const *jobs, size_t count, const struct issue_options *options);
/* Let go of what weighs most until issue_run needs it again, for runs over thousands of lineages. */
void issue_rest(struct issue *job);
/* For a job that was KEPT: write what was asked for its renewal all the same. A failure becomes the outcome. */
void issue_keep_settings(struct issue *job);

struct issue_options {
	struct acme_http *http;
	unsigned jobs; /* orders at once */
	struct account_new account;
	/* What happens: job NULL = to the run as a whole. May be NULL. */
	void (*say)(void *arg, const struct issue *job, const char *text);
	void *arg;
	struct solver_shared *solvers; /* issue_run's own */
};

/*
 * Carry out what issue_decide wanted; afterwards every job has an outcome. Returns 0, or -1 with e (a failed pre or post
 * hook) while the outcomes stand as they are.
 */
int issue_run(struct issue *const *jobs, size_t count, const struct issue_options *options,
    struct err *e) __attribute__((warn_unused_result));

/* 0 if all went well; the failures' common exit code, or 1 if they differ or others succeeded. */
int issue_exit_code(struct issue *const *jobs, size_t count);

/* issue.c, for issue_run.c and issue_publish.c: */
void issue_fail(struct issue *job, struct err *e);
/* Read what is live, and what the CA says about it; nothing live is no failure. why may be NULL. */
int issue_load_live(struct issue *job, struct err *why) __attribute__((warn_unused_result));
/* After issue_rest: the same, unless nothing was live. */
int issue_wake(struct issue *job, struct err *e) __attribute__((warn_unused_result));
/* Start the order on job->ca; done is called once, when it is over: published, or failed. */
void issue_start(struct issue *job, const struct issue_options *options,
    void (*done)(void *arg, struct issue *job), void *arg);
/* After publishing: hooks, then the wire; reload_error: why reloading failed, or NULL. */
void issue_deploy(struct issue *job, const struct err *reload_error);

/* issue_publish.c, for issue.c: */
void issue_say(const struct issue *job, const char *text);
/* The order's done: publishes, or fails, and has job->done called. */
void issue_ordered(void *arg, struct order *order, struct err *e);

/* issue_fallback.c, for issue_run.c: the order is over, what it held is not needed any more. */
void issue_forget_order(struct issue *job);
/* Have the failed job ordered at its next CA; false: there is none, or it is not the CA's fault. */
bool issue_fall_back(struct issue *job);
/* Make accounts at the CAs of its renewals that have none yet, while somebody is there to agree to their terms. */
void issue_register(struct issue *job, const struct issue_options *options);

/* issue_apart.c, for issue.c: jobs whose certificate does not go into the store. */
bool issue_is_apart(const struct issue *job);
int issue_decide_apart(struct issue *job, struct err *e) __attribute__((warn_unused_result));
int issue_finish_apart(struct issue *job, struct err *e) __attribute__((warn_unused_result));

#endif

/* SPDX-License-Identifier: ISC */
/*
 * order_internal: what the files of the order's state machine share: order.c (moves, the order object,
 * creating and resuming), order_prove.c (authorizations and challenges), order_issue.c (polling, finalizing),
 * order_chain.c (the certificate and its chains).
 */
#ifndef LIBACME_ORDER_INTERNAL_H
#define LIBACME_ORDER_INTERNAL_H

#include "base/arena.h"
#include "libacme/authz.h"
#include "libacme/jwk.h"
#include "libacme/order.h"
#include "libacme/order_file.h"

#include <cjson/cJSON.h>

#define ORDER_PAYLOAD_MAX ((size_t)128 * 1024)

struct order {
	struct order_request req;
	enum order_state state, failed_in;
	struct arena *arena;
	struct order_file file;
	struct authz *authz;
	size_t authz_count;
	size_t waiting;     /* answers or checks still to come in this state */
	struct err failure; /* the first failure while others are waited for */
	/* The order object's own reason, told if no authorization has a better one. */
	struct err verdict;
	char thumbprint[JWK_THUMBPRINT_LEN + 1];
	char *finalize, *certificate; /* URLs, in the arena */
	int64_t poll_ms, poll_until;
	unsigned finalized;   /* how many times the CSR was sent */
	unsigned rounds;      /* orders made anew for revalidate */
	bool finalize_unsure; /* its reply was lost */
	struct buf fullchain;
	char **alternates; /* URLs of other chains, in the arena */
	size_t alternate_count, alternate_next;
};

/* order.c */
void order_move(struct order *o, enum order_state to);
/* Ends it; the file stays. e is moved from. */
void order_fail(struct order *o, struct err *e);
/* The same, and the CA's order is dead: the next run needs a new one. */
void order_fail_for_good(struct order *o, struct err *e);
void order_cleanup(struct order *o);
/* A new order at the CA; what was known of another is forgotten. */
void order_create(struct order *o);
/* A request whose payload is empty is POST-as-GET and is repeated when lost. Counts in waiting. */
void order_post(struct order *o, const char *url, struct span payload, const char *what,
    void (*done)(void *arg, const struct acme_answer *answer), void *arg);
/* The same for a payload that may come twice without harm. */
void order_post_again(struct order *o, const char *url, struct span payload, const char *what,
    void (*done)(void *arg, const struct acme_answer *answer), void *arg);
/* One of several things that are waited for has come; true when it was the last. */
bool order_collect(struct order *o, struct err *failure);
/* Decide by the order object in answer what comes next. */
void order_follow(struct order *o, const struct acme_answer *answer);

/* order_prove.c */
void order_authorize(struct order *o);
/* The order is invalid; error: its "error" member or NULL. */
void order_explain(struct order *o, const cJSON *error);

/* order_issue.c */
/* Ask for the order after a pause; retry_after_ms -1 = the CA does not say. */
void order_poll(struct order *o, int64_t retry_after_ms);
void order_finalize(struct order *o);

/* order_chain.c */
void order_download(struct order *o);

#endif

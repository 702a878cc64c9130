/* SPDX-License-Identifier: ISC */
/*
 * trust: whether this machine's clients trust a CA, and making them do so or not.
 *
 * Three kinds of store: the system's own (update-ca-certificates), NSS databases (Chromium and its kin, each
 * profile of Firefox) and Java's. After every change the store is asked again: what is told is what it then said.
 */
#ifndef LIBCERT_TRUST_H
#define LIBCERT_TRUST_H

#include "base/arena.h"
#include "base/err.h"
#include "base/narrator.h"

#include <openssl/x509.h>

#include <stdbool.h>

enum trust_action { TRUST_INSTALL, TRUST_UNINSTALL, TRUST_STATUS };

/* Bits of a set. */
enum trust_store { TRUST_SYSTEM = 1, TRUST_NSS = 2, TRUST_JAVA = 4, TRUST_ALL = 7 };

enum trust_state {
	TRUST_ABSENT, /* no such store on this machine */
	TRUST_TRUSTED,
	TRUST_UNTRUSTED,
	TRUST_FAILED, /* could not be asked or changed */
};

/* One store; strings in the arena. */
struct trust_outcome {
	enum trust_store store;
	enum trust_state state;
	struct span path;   /* of the store */
	struct span reason; /* why it failed, or is absent; fit for a terminal */
};

/* Everything is borrowed. */
struct trust_request {
	enum trust_action action;
	unsigned stores; /* of enum trust_store */
	X509 *ca;
	const char *ca_path; /* its PEM file */
	struct arena *arena;
	const struct narrator *narrator; /* hears of every program that is run; or NULL */
};

/* Works on every store of those kinds, whatever becomes of the others. */
void trust_run(const struct trust_request *request, struct trust_outcome **outcomes, size_t *count);
/* Did each of them reach what action wants (for status: is it trusted by all), and is there any at all? */
bool trust_reached(enum trust_action action, const struct trust_outcome *outcomes, size_t count);

/* "install", "uninstall", "status" */
int trust_action_parse(struct span word, enum trust_action *action, struct err *e)
    __attribute__((warn_unused_result));
/* "system,nss,java" */
int trust_stores_parse(struct span words, unsigned *set, struct err *e)
    __attribute__((warn_unused_result));
const char *trust_store_word(enum trust_store store);
/* "trusted", "not trusted", "absent", "failed" */
const char *trust_state_word(enum trust_state state);

#endif

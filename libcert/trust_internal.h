/* SPDX-License-Identifier: ISC */
/*
 * trust_internal: what trust.c and the kinds of store share. Nobody else includes it.
 *
 *	trust_system.c  update-ca-certificates
 *	trust_nss.c     certutil on the databases of browsers
 *	trust_java.c    keytool
 */
#ifndef LIBCERT_TRUST_INTERNAL_H
#define LIBCERT_TRUST_INTERNAL_H

#include "base/buf.h"
#include "libcert/trust.h"

/* One run. */
struct trust_run {
	const struct trust_request *request; /* borrowed */
	struct span pem;                     /* the CA */
	char label[32]; /* "gatehouse-1A2B3C4D", by its fingerprint: a file's name, an alias */
	struct trust_outcome *outcomes;
	size_t count, room;
};

void trust_system(struct trust_run *run);
void trust_nss(struct trust_run *run);
void trust_java(struct trust_run *run);

void trust_tell(struct trust_run *run, enum trust_store store, enum trust_state state,
    const char *path, const char *reason);
/* The error is the reason; it is released. */
void trust_tell_failed(struct trust_run *run, enum trust_store store, const char *path,
    struct err *e);

/* Is it in PATH? */
bool trust_has_program(const char *name);
/* 0 when it ended well; else e says how it did not, in the last of its own words. input and env may be empty. */
int trust_command(const struct trust_run *run, const char *const *argv, struct span input,
    const char *const *env, struct buf *out, struct err *e) __attribute__((warn_unused_result));

#endif

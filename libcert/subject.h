/* SPDX-License-Identifier: ISC */
/*
 * subject: distinguished names as people type them.
 */
#ifndef LIBCERT_SUBJECT_H
#define LIBCERT_SUBJECT_H

#include "base/err.h"

#include <openssl/x509.h>

#include <stdio.h>

/*
 * openssl's "/C=DE/O=Example/CN=a.example": backslash escapes, '+' joins one more value to an RDN,
 * empty values are left out, bytes are UTF-8. Free with X509_NAME_free.
 */
int subject_parse(struct span text, X509_NAME **subject, struct err *e)
    __attribute__((warn_unused_result));
/* One more RDN; field is a short or long name ("CN", "organizationName"). Empty: nothing is added. */
int subject_add(X509_NAME *subject, const char *field, struct span value, struct err *e)
    __attribute__((warn_unused_result));
/*
 * The questions openssl made classic, from country to e-mail address: asked on out, answered by lines
 * of in; a blank answer leaves its field out, one that will not do is asked for again. ERR_USAGE when
 * in ends first. A common name is always there.
 */
int subject_ask(FILE *in, FILE *out, X509_NAME **subject, struct err *e)
    __attribute__((warn_unused_result));
/* The first common name as UTF-8 on the heap; NULL when there is none. */
char *subject_common_name(const X509_NAME *subject);

#endif

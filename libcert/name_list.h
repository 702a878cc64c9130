/* SPDX-License-Identifier: ISC */
/*
 * name_list: the names that one certificate is for, in order, none twice; typed, or read from a certificate.
 */
#ifndef LIBCERT_NAME_LIST_H
#define LIBCERT_NAME_LIST_H

#include "libcert/name.h"

#include <openssl/x509v3.h>

#define NAME_LIST_MAX 100

/* Starts zeroed. */
struct name_list {
	struct name *items;
	size_t count;
};

void name_list_release(struct name_list *list);

/* As name_parse reads it; given twice it counts once. */
int name_list_add(struct name_list *list, struct span text, struct err *e)
    __attribute__((warn_unused_result));
/* subjectAltName's content; NULL has none. Refuses, with the reason, what name_parse would, and other types. */
int name_list_add_san(struct name_list *list, const GENERAL_NAMES *san, struct err *e)
    __attribute__((warn_unused_result));
bool name_list_has(const struct name_list *list, enum name_kind kind);

/* names as subjectAltName's content; NULL: out of memory. */
GENERAL_NAMES *name_list_encode(const struct name *names, size_t count);

#endif

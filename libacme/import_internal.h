/* SPDX-License-Identifier: ISC */
/*
 * import_internal: what the readers share.
 */
#ifndef LIBACME_IMPORT_INTERNAL_H
#define LIBACME_IMPORT_INTERNAL_H

#include "libacme/import.h"

/* New, zeroed rows; pointers to earlier rows stay good until the next call of the same. */
struct import_account *import_add_account(struct import *in);
struct import_lineage *import_add_lineage(struct import *in, const char *name);
/* Read a key file (PEM or JWK) into the account; what is wrong becomes its problem. */
void import_load_key(struct import *in, struct import_account *account, const char *path);

/* DIR/NAME in the arena; fmt makes a path below. */
const char *import_path(struct import *in, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A whole small file, NUL-terminated in the arena; NULL if it cannot be read. */
const char *import_text(struct import *in, const char *path);
/* Names in a directory, sorted, none hidden. */
size_t import_list(struct import *in, const char *dir, const char ***names);

/* The value of the last NAME=... in a file of shell assignments, unquoted; empty if there is none. No expansion. */
struct span import_shell_value(struct span text, const char *name, char *out, size_t size);
const char *import_shell(struct import *in, const char *text, const char *name);

int import_read_certbot(const struct import_options *options, struct import *in, struct err *e);
int import_read_dehydrated(const struct import_options *options, struct import *in, struct err *e);
int import_read_acmesh(const struct import_options *options, struct import *in, struct err *e);
int import_read_uacme(const struct import_options *options, struct import *in, struct err *e);
int import_read_lego(const struct import_options *options, struct import *in, struct err *e);

#endif

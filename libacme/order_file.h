/* SPDX-License-Identifier: ISC */
/*
 * order_file: what must survive a crash of an order under way: its URL, its key, which challenges are
 * on show. One JSON file, 0600, replaced whole.
 */
#ifndef LIBACME_ORDER_FILE_H
#define LIBACME_ORDER_FILE_H

#include "base/err.h"
#include "base/span.h"

#include <openssl/evp.h>

#include <stdbool.h>
#include <stddef.h>

/* A challenge that is or was on show: enough for a solver to clean up. */
struct order_shown {
	char *name, *type, *token;
	bool marked; /* a solver has begun to show it; always so for those of an earlier run */
};

struct order_file {
	char *server, *account, *url;
	char **names;
	size_t name_count;
	EVP_PKEY *key; /* NULL: the request is somebody else's */
	struct order_shown *shown;
	size_t shown_count;
};

void order_file_release(struct order_file *file);
/* ERR_NOINPUT when there is none; ERR_DATA when it is no such file. */
int order_file_load(const char *path, struct order_file *file, struct err *e)
    __attribute__((warn_unused_result));
/* A power cut may still lose it, as long as file_flush(path) has not been called. */
int order_file_save(const char *path, const struct order_file *file, struct err *e)
    __attribute__((warn_unused_result));
/* Quiet if there is none. */
void order_file_remove(const char *path);

void order_file_set_names(struct order_file *file, const struct span *names, size_t count);
void order_file_add_shown(struct order_file *file, struct span name, const char *type,
    const char *token);
void order_file_mark_shown(struct order_file *file, const char *token);
void order_file_clear_shown(struct order_file *file);
/* Are these its names, in any order? */
bool order_file_has_names(const struct order_file *file, const struct span *names, size_t count);

#endif

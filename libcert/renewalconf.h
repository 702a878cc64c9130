/* SPDX-License-Identifier: ISC */
/*
 * renewalconf: renewal/NAME.conf in certbot's format (ConfigObj: keys, [section], [[subsection]]), read and written
 * so that what we do not know, comments included, stays as it was.
 */
#ifndef LIBCERT_RENEWALCONF_H
#define LIBCERT_RENEWALCONF_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

struct renewalconf;

struct renewalconf *renewalconf_new(void);
void renewalconf_free(struct renewalconf *conf);
/* file is for messages only. */
int renewalconf_parse(struct renewalconf *conf, struct span text, const char *file, struct err *e)
    __attribute__((warn_unused_result));
int renewalconf_load(struct renewalconf *conf, const char *path, struct err *e)
    __attribute__((warn_unused_result));
/* Atomic, mode of the file that was there or 0644. */
int renewalconf_save(const struct renewalconf *conf, const char *path, struct err *e)
    __attribute__((warn_unused_result));
int renewalconf_format(const struct renewalconf *conf, struct buf *out);

/*
 * section: "" = before any section, "renewalparams", "renewalparams/webroot_map" ([[webroot_map]]). Values are
 * unquoted; of a list ("webroot_path = /var/www,") the bare text. NULL when the key is missing; the string lives
 * until the next set or free.
 */
const char *renewalconf_get(const struct renewalconf *conf, const char *section, const char *key);
/* Elements of a list by index, unquoted; a plain value is a list of one. NULL past the end. */
const char *renewalconf_item(const struct renewalconf *conf, const char *section, const char *key,
    size_t index);
/* Keys of a section by index; NULL past the end. */
const char *renewalconf_key(const struct renewalconf *conf, const char *section, size_t index);
/*
 * Set or add (section made as needed), quoted where ConfigObj needs it; value NULL removes. Returns 0, or -1 with
 * nothing changed for a value that no quoting can carry (both kinds of triple quotes in one).
 */
int renewalconf_set(struct renewalconf *conf, const char *section, const char *key,
    const char *value);
/* The same as a list, one element included ("webroot_path = /var/www,"), as certbot wants webroot_path and pref_challs. */
int renewalconf_set_list(struct renewalconf *conf, const char *section, const char *key,
    const char *const *items, size_t count);

#endif

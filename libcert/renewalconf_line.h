/* SPDX-License-Identifier: ISC */
/*
 * renewalconf_line: one line of a renewal configuration, in ConfigObj's grammar. Private to renewalconf.
 */
#ifndef LIBCERT_RENEWALCONF_LINE_H
#define LIBCERT_RENEWALCONF_LINE_H

#include "base/err.h"

#include <stdbool.h>

enum renewalconf_kind { LINE_OTHER, LINE_SECTION, LINE_ENTRY };

/* Strings are on the heap and owned by the line. */
struct renewalconf_line {
	enum renewalconf_kind kind;
	unsigned depth; /* of a section: how many brackets */
	char *raw; /* as in the file, without its newline; holds newlines inside triple quotes */
	char *section; /* path; filled in by renewalconf */
	char *key;     /* of an entry; name of a section */
	char *value;   /* unquoted; of a list the bare text */
	char **items;  /* elements of a list, or the one value */
	size_t item_count;
	size_t value_at, value_len; /* where the value sits in raw, quotes included */
};

void renewalconf_line_release(struct renewalconf_line *line);

/*
 * Reads the line that text begins with; *taken counts its bytes, newline included. On -1 the line
 * still has to be released.
 */
int renewalconf_line_parse(struct span text, size_t *taken, struct renewalconf_line *line,
    struct err *e) __attribute__((warn_unused_result));

/* A new entry without a value. */
void renewalconf_line_init(struct renewalconf_line *line, const char *section, const char *key);

/*
 * Replace the value by one (list = false) or count items. What stood around it, a comment too,
 * stays. -1 if no quoting can carry a value; the line is as it was.
 */
int renewalconf_line_set(struct renewalconf_line *line, const char *const *items, size_t count,
    bool list) __attribute__((warn_unused_result));

#endif

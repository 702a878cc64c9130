/* SPDX-License-Identifier: ISC */
/*
 * matcher: regular expressions (PCRE2), compiled at load, and what one leaves behind when it
 * matched.
 *
 * A matcher is the memory that the expressions of one snapshot match in, and the limits that keep
 * a path made by a stranger from holding up a worker. It is not for two threads at once.
 */
#ifndef PROXY_CONFIG_MATCHER_H
#define PROXY_CONFIG_MATCHER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

struct matcher;
struct defined_variable; /* variable.h */

/* A named group; the loader sets the variable. */
struct regex_name {
	struct span name;
	unsigned group;
	const struct defined_variable *variable;
};

struct regex {
	struct span pattern; /* as written, without "~" */
	struct matcher *matcher;
	struct pcre2_real_code_8 *code;
	unsigned groups; /* numbered, without the whole */
	struct regex_name *names;
	unsigned name_count;
};

/* What $1 and so on stand for: offsets into the subject, begin and end in pairs. */
struct captures {
	struct span subject;
	const size_t *offsets;
	unsigned count; /* pairs, the whole included; 0 = nothing was captured */
};

enum regex_result { REGEX_NO_MATCH, REGEX_MATCH, REGEX_FAILED };

/* Ends with the arena, as its expressions do. */
struct matcher *matcher_new(struct arena *arena);
/* NULL with e set: where and why the pattern is wrong. */
struct regex *regex_compile(struct matcher *m, struct span pattern, bool ignore_case,
    struct err *e);
/*
 * found may be NULL; it is set on a match only, its offsets in arena, and lives as long as that
 * and the subject. REGEX_FAILED: a limit was met.
 */
enum regex_result regex_match(const struct regex *re, struct span subject, struct arena *arena,
    struct captures *found);
/* Group n; empty without p when it took no part. */
struct span captures_get(const struct captures *c, unsigned n);

#endif

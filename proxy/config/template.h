/* SPDX-License-Identifier: ISC */
/*
 * template: a directive's value with $variables in it, compiled at load.
 *
 * "http://$host$request_uri" becomes a list of literals and variable
 * references. The variables themselves belong to the traffic (http, later stream): a table of
 * getters given at compile time.
 */
#ifndef PROXY_CONFIG_TEMPLATE_H
#define PROXY_CONFIG_TEMPLATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>

/*
 * One row of a variable table. A name ending in '_' with prefix = true stands for a family
 * ($http_NAME): arg is then the rest of the name. get() yields a span that lives as long as the
 * subject's arena (the subject is a struct request for http), empty when there is no value.
 */
struct variable {
	struct span name;
	bool prefix;
	struct span (*get)(void *subject, struct span arg);
};

struct variable_table {
	const struct variable *rows;
	size_t count;
};

/* Exact rows first, then prefixes. NULL if unknown. */
const struct variable *variable_find(const struct variable_table *t, struct span name,
    struct span *arg);

struct template_part {
	struct span text;           /* the literal, or the variable's argument */
	const struct variable *var; /* NULL = literal */
};

/* To clang-format the name is a word of C++. */
/* clang-format off */
struct template {
	struct span source; /* as written */
	struct template_part *parts;
	size_t count; /* 0 = empty; literal when every part is */
	/* Evaluates to `source`, whatever the subject: parts[0].text or empty. */
	bool literal;
};
/* clang-format on */

/*
 * "$name", "${name}"; "$" before anything else is an error as in nginx ('invalid variable name').
 * An unknown variable is an error with a hint. Returns NULL with e set.
 */
struct template *template_compile(const struct variable_table *t, struct span text,
    struct arena *arena, struct err *e);
/* A template that says text whatever the subject. */
struct template *template_literal(struct span text, struct arena *arena);
/* The value, in arena (a literal is returned without copying). */
struct span template_eval(const struct template *t, void *subject, struct arena *arena);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * template: a directive's value with $variables in it, compiled at load.
 *
 * "http://$host$request_uri" becomes a list of literals and variable
 * references (variable.h).
 */
#ifndef PROXY_CONFIG_TEMPLATE_H
#define PROXY_CONFIG_TEMPLATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "proxy/config/variable.h"

#include <stdbool.h>

struct template_part {
	struct span text;           /* the literal, or the variable's argument */
	const struct variable *var; /* NULL = literal or capture */
	unsigned capture;           /* $1 to $9; 0 = none */
};

/* To clang-format the name is a word of C++. */
/* clang-format off */
struct template {
	struct span source; /* as written */
	struct template_part *parts;
	size_t count; /* 0 = empty; literal when every part is */
	/* Evaluates to `source`, whatever the subject: parts[0].text or empty. */
	bool literal;
	struct variable_store *(*store)(void *subject); /* where captures are */
};
/* clang-format on */

/*
 * "$name", "${name}", and "$1" to "$9" where t has a store; "$" before anything else is an error as
 * in nginx ('invalid variable name'). A name that t does not know is an error with a hint, unless
 * the configuration may still define it. Returns NULL with e set.
 */
struct template *template_compile(const struct variable_table *t, struct span text,
    struct arena *arena, struct err *e);
/* A template that says text whatever the subject. */
struct template *template_literal(struct span text, struct arena *arena);
/* The value, in arena (a literal is returned without copying). */
struct span template_eval(const struct template *t, void *subject, struct arena *arena);
/* The value of one part, which varies when it is no literal. */
struct span template_part_value(const struct template *t, const struct template_part *part,
    void *subject);
static inline bool
template_part_varies(const struct template_part *part)
{
	return part->var || part->capture;
}
/* template_eval, where each capture is what becomes of it in capture(). */
struct span template_eval_captures(const struct template *t, void *subject, struct arena *arena,
    struct span (*capture)(void *subject, struct span value));
/* The same with a NUL behind it, for the system. */
struct span template_eval_string(const struct template *t, void *subject, struct arena *arena);

#endif

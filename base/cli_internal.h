/* SPDX-License-Identifier: ISC */
/*
 * cli_internal: what cli.c, cli_complete.c, cli_help.c and cli_paste.c share. Nobody else includes it.
 */
#ifndef BASE_CLI_INTERNAL_H
#define BASE_CLI_INTERNAL_H

#include "base/buf.h"
#include "base/cli.h"
#include "base/span.h"

/* The row that o stands for: itself, the first of a table that follows, or NULL at the end. */
static inline const struct cli_option *
cli_row(const struct cli_option *o)
{
	while (o && !o->name && !o->letter)
		o = o->then;
	return o;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): it declares o */
#define CLI_FOREACH(o, program)                                                     \
	for (const struct cli_option *o = cli_row((program)->options); (o) != NULL; \
	     (o) = cli_row((o) + 1))
/* NOLINTEND(bugprone-macro-parentheses) */

/* NULL if there is none. single_dash: only those that may be written with one dash. */
const struct cli_option *cli_find_long(const struct cli_program *p, struct span name,
    bool single_dash);
const struct cli_option *cli_find_letter(const struct cli_program *p, char letter);

/* To stdout; -1 with e set when that fails. */
int cli_print_help(const struct cli_program *p, struct err *e);
int cli_print_version(const struct cli_program *p, struct err *e);
/* What could stand next: cli_complete's lines. */
int cli_print_words(const struct cli_program *p, const struct cli_option *waiting, void *ctx,
    struct err *e);
/* waiting: the option whose argument it would be, or NULL. */
void cli_complete(const struct cli_program *p, const struct cli_option *waiting, void *ctx,
    struct buf *out);

/* --help and --version, as far as the program's table has no such spelling of its own. */
#define CLI_BUILTINS 2
struct cli_option cli_builtin(const struct cli_program *p, size_t i);

/*
 * Refuse an option or operand that starts with a typographic dash or has a typographic
 * quote anywhere. A value may have them inside (O=L’Oréal), but not as its first character.
 */
int cli_check_word(const struct cli_program *p, const char *word, struct err *e);
int cli_check_value(const struct cli_program *p, const char *value, struct err *e);

#endif

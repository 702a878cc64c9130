/* SPDX-License-Identifier: ISC */
/*
 * cli_complete: the words that could stand next on a command line, for shells to offer.
 *
 *	PROGRAM --completion-words WORD...     WORD...: what stands there already, without the one being typed
 *
 * A line for each: spellings of options and the program's own candidates, or what the argument of the last option can be. What
 * its name in the table lists in lower case ("install|remove|status") is offered as it is; names of files and directories are
 * left to the shell, by a line ":files" or ":dirs".
 */
#include "base/buf.h"
#include "base/cli_internal.h"

#include <string.h>

static void
add_spellings(struct buf *out, const struct cli_option *o)
{
	if (o->flags & CLI_HIDDEN)
		return;
	if (o->letter)
		buf_printf(out, "-%c\n", o->letter);
	if (o->name && (o->flags & CLI_SINGLE_DASH))
		buf_printf(out, "-%s\n", o->name);
	if (o->name)
		buf_printf(out, "--%s\n", o->name);
}

static bool
is_literal(struct span word)
{
	for (size_t i = 0; i < word.n; i++) {
		if ((word.p[i] < 'a' || word.p[i] > 'z') && (word.p[i] < '0' || word.p[i] > '9') &&
		    word.p[i] != '-' && word.p[i] != '.')
			return false;
	}
	return word.n > 0;
}

/* What an argument that is called so can be. */
static void
add_argument(struct buf *out, const char *arg)
{
	static const struct span files[] = { SPAN_INIT("FILE"), SPAN_INIT("PATH"),
		SPAN_INIT("SOCKET"), SPAN_INIT("PROGRAM"), SPAN_INIT("COMMAND") };
	struct span rest = span_str(arg), word;
	bool any = false;

	while (span_split(&rest, '|', &word)) {
		if (is_literal(word))
			buf_printf(out, SPAN_FMT "\n", SPAN_ARG(word));
		if (span_eq(word, SPAN("DIR")))
			buf_add_str(out, ":dirs\n");
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
			any |= span_eq(word, files[i]);
	}
	if (any)
		buf_add_str(out, ":files\n");
}

void
cli_complete(const struct cli_program *p, const struct cli_option *waiting, void *ctx,
    struct buf *out)
{
	if (waiting) {
		add_argument(out, waiting->arg);
	} else {
		CLI_FOREACH(o, p)
			add_spellings(out, o);
		for (size_t i = 0; i < CLI_BUILTINS; i++) {
			struct cli_option o = cli_builtin(p, i);

			add_spellings(out, &o);
		}
	}
	if (p->candidates)
		p->candidates(ctx, waiting ? waiting->name : NULL, out);
}

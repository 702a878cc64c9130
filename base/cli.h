/* SPDX-License-Identifier: ISC */
/*
 * cli: command lines from a table: parsing, --help, --version, completion words, "did you mean".
 *
 * A program describes its options once; everything a user sees about them comes
 * from that table. GNU long ("--days 30", "--days=30") and short ("-q", "-d a", "-da") spellings,
 * and single-dash long ones ("-days 30") for options marked CLI_SINGLE_DASH. Typographic dashes and
 * quotes pasted from web pages are named as such, with the right spelling.
 */
#ifndef BASE_CLI_H
#define BASE_CLI_H

#include "base/buf.h"
#include "base/err.h"
#include "base/narrator.h"

#include <stdbool.h>
#include <stddef.h>

enum cli_flag {
	CLI_SINGLE_DASH = 1 << 0, /* "-name" works as well as "--name" */
	CLI_HIDDEN = 1 << 1,      /* an accepted alias: not in --help */
};

struct cli_option {
	const char *name; /* long name without dashes, or NULL */
	char letter;      /* short letter, or 0 */
	const char *arg;  /* name of its argument in help ("FILE"), NULL = a switch */
	const char *help; /* one sentence */
	unsigned flags;
	/*
	 * Called in order of appearance; value is NULL for a switch. Returns 0, or -1 with e set;
	 * an ERR_USAGE text gets the option's spelling put before it. NULL: the row ends with one of the macros below.
	 */
	int (*set)(void *ctx, const char *value, struct err *e);
	enum cli_sets {
		CLI_SETS_NOTHING,
		CLI_SETS_BOOL,
		CLI_SETS_TEXT,
		CLI_SETS_PATH,
		CLI_SETS_NUMBER
	} sets;
	size_t at; /* of the member of *ctx that it sets */
	unsigned least, most;
	const char *fixed; /* what a switch sets a text to */
	unsigned group;    /* the program's own bit for options that belong together; 0 = none */
	const struct cli_option *then; /* last row, which has no name: the table goes on there */
};

/*
 * The end of a row that calls nobody: what it does to a member of the context, whose type is checked. CLI_TEXT borrows
 * the word from argv, CLI_PATH the same unless it is empty, CLI_FIXED sets such a member to the same words each time;
 * CLI_NUMBER refuses what is no number from least to most; CLI_IGNORED takes what others need to be told.
 */
/* clang-format off */
#define CLI_SWITCH(context, member) \
	.sets = CLI_SETS_BOOL, \
	.at = _Generic(((context *)0)->member, bool: offsetof(context, member))
#define CLI_STRING(kind, context, member) \
	.sets = (kind), \
	.at = _Generic(((context *)0)->member, const char *: offsetof(context, member))
#define CLI_NUMBER(context, member, from, to) \
	.sets = CLI_SETS_NUMBER, .least = (from), .most = (to), \
	.at = _Generic(((context *)0)->member, unsigned: offsetof(context, member))
/* clang-format on */
#define CLI_TEXT(context, member) CLI_STRING(CLI_SETS_TEXT, context, member)
#define CLI_PATH(context, member) CLI_STRING(CLI_SETS_PATH, context, member)
#define CLI_FIXED(context, member, words) CLI_TEXT(context, member), .fixed = (words)
#define CLI_IGNORED .sets = CLI_SETS_NOTHING

/* For messages about an option: err_set(e, ERR_USAGE, CLI_FMT " needs --ca", CLI_ARG(option)). */
#define CLI_FMT "%s%s"
#define CLI_ARG(option) ((option)->flags & CLI_SINGLE_DASH ? "-" : "--"), (option)->name

struct cli_program {
	const char *name;
	const char *usage;                /* "[options] NAME..." ; several lines allowed */
	const char *summary;              /* one sentence */
	const char *examples;             /* lines, each "command\n    what it does" */
	const char *details;              /* exit codes, files; may be NULL */
	const struct cli_option *options; /* ends with a row without a name */
	/* A word that is no option; NULL = none allowed. */
	int (*operand)(void *ctx, const char *word, struct err *e);
	/* Hears of each option of a group, after it was set; NULL = nobody asks. */
	void (*note)(void *ctx, const struct cli_option *option);
	/*
	 * For shells that complete words: append, a line each, what the argument of that option can be, or with option NULL what can
	 * stand as an operand; ctx knows the words before it. ":files" and ":dirs" stand for the shell's own. NULL = only what the
	 * table itself says.
	 */
	void (*candidates)(void *ctx, const char *option, struct buf *out);
};

enum cli_result { CLI_OK, CLI_DONE, CLI_ERROR };

/*
 * Parses argv. -h/--help, --version, and --completion-words (hidden; see cli_complete.c) print
 * to stdout and give CLI_DONE: exit 0. CLI_ERROR: e is set (ERR_USAGE). "--" ends options.
 */
enum cli_result cli_parse(const struct cli_program *p, int argc, char *const *argv, void *ctx,
    struct err *e);

/*
 * A program's whole main: parses, calls work, prints e. work returns an exit code, or -1 with e set; whatever e is then, 0 and -1
 * become its kind's code. What cannot be written to stdout is an error, too.
 */
int cli_main(const struct cli_program *p, int argc, char *const *argv, void *ctx,
    int (*work)(void *ctx, struct err *e));

/* Says each step on stderr: for --verbose. */
extern const struct narrator cli_narrator;

/* Asked on the terminal; no when there is none. */
bool cli_confirm(const char *question);

/* The running program's name for messages; set by cli_parse (default: "gatehouse"). */
const char *cli_program_name(void);
void cli_set_program_name(const char *name);

/* Progress may be drawn: stderr is a terminal whose lines can be written over. */
bool cli_stderr_tty(void);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * cli: from argv to calls of the table's setters.
 *
 * What is printed about a table (--help, completion words) is in cli_help.c;
 * what a typographic dash or quote should have been, in cli_paste.c.
 */
#include "base/cli.h"

#include "base/cli_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program_name = "gatehouse";

const char *
cli_program_name(void)
{
	return program_name;
}

void
cli_set_program_name(const char *name)
{
	program_name = name;
}

bool
cli_stderr_tty(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) == 1 && term && *term && strcmp(term, "dumb") != 0;
}

/* Where parsing stands. */
struct parse {
	const struct cli_program *program;
	char *const *next; /* words to come */
	void *ctx;
	struct err *e;
};

const struct cli_option *
cli_find_long(const struct cli_program *p, struct span name, bool single_dash)
{
	CLI_FOREACH(o, p) {
		if (o->name && (!single_dash || (o->flags & CLI_SINGLE_DASH)) &&
		    span_eq(span_str(o->name), name))
			return o;
	}
	return NULL;
}

const struct cli_option *
cli_find_letter(const struct cli_program *p, char letter)
{
	CLI_FOREACH(o, p) {
		if (o->letter && o->letter == letter)
			return o;
	}
	return NULL;
}

/* Whether word is, letter for letter, an option of this program. */
static bool
is_spelling(const struct cli_program *p, const char *word)
{
	struct span s = span_str(word);

	if (span_eq(s, SPAN("--")) || span_eq(s, SPAN("--help")) || span_eq(s, SPAN("--version")))
		return true;
	if (span_starts(s, SPAN("--")))
		return cli_find_long(p, span_after(s, 2), false) != NULL;
	if (s.n < 2 || s.p[0] != '-')
		return false;
	return cli_find_long(p, span_after(s, 1), true) || (s.n == 2 && cli_find_letter(p, s.p[1]));
}

/* The known long name nearest to a mistyped one, or NULL. */
static const char *
nearest(const struct cli_program *p, struct span name)
{
	static const char *const builtin[] = { "help", "version" };
	size_t best = name.n / 3 + 2;
	const char *found = NULL;

	if (best > 4)
		best = 4;
	CLI_FOREACH(o, p) {
		size_t d = o->name ? span_distance(name, span_str(o->name), best) : best;

		if (d < best) {
			best = d;
			found = o->name;
		}
	}
	for (size_t i = 0; i < 2; i++) {
		size_t d = span_distance(name, span_str(builtin[i]), best);

		if (d < best) {
			best = d;
			found = builtin[i];
		}
	}
	return found;
}

static int usage(const struct parse *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int
usage(const struct parse *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(s->e, ERR_USAGE, fmt, ap);
	va_end(ap);
	return err_hint(s->e, "try '%s --help'", s->program->name);
}

/* name: what was looked up, without its dashes; one letter is no clue. */
static int
hint_nearest(const struct parse *s, struct span name, bool single_dash)
{
	const char *near = name.n > 1 ? nearest(s->program, name) : NULL;
	bool single = near && single_dash && cli_find_long(s->program, span_str(near), true);

	if (near)
		err_hint(s->e, "did you mean %s%s?", single ? "-" : "--", near);
	return -1;
}

static int
set_number(const struct cli_option *o, unsigned *member, const char *value, struct err *e)
{
	uint64_t number;

	if (span_to_u64(span_str(value), o->most, &number) < 0 || number < o->least)
		return err_set(e, ERR_USAGE, "\"%s\" is not a number from %u to %u", value,
		    o->least, o->most);
	*member = (unsigned)number;
	return 0;
}

static int
set(const struct cli_option *o, void *ctx, const char *value, struct err *e)
{
	char *member = (char *)ctx + o->at;

	if (o->set)
		return o->set(ctx, value, e);
	switch (o->sets) {
	case CLI_SETS_NOTHING:
		break;
	case CLI_SETS_BOOL:
		*(bool *)member = true;
		break;
	case CLI_SETS_PATH:
		*(const char **)member = value;
		return *value ? 0 : err_set(e, ERR_USAGE, "an empty file name");
	case CLI_SETS_TEXT:
		*(const char **)member = o->arg ? value : o->fixed;
		break;
	case CLI_SETS_NUMBER:
		return set_number(o, (unsigned *)member, value, e);
	}
	return 0;
}

/* Have it set; a complaint is told with the option as it was typed. */
static int
apply(const struct parse *s, const struct cli_option *o, struct span typed, const char *value)
{
	struct err inner = ERR_INIT;

	if (set(o, s->ctx, value, &inner) == 0) {
		if (o->group && s->program->note)
			s->program->note(s->ctx, o);
		err_release(&inner);
		return 0;
	}
	if (inner.kind == ERR_NONE)
		err_set(&inner, ERR_USAGE, "cannot be used");
	if (inner.kind == ERR_USAGE)
		err_wrap(&inner, SPAN_FMT, SPAN_ARG(typed));
	err_move(s->e, &inner);
	return -1;
}

/* An option that was found; inline_value is what followed it in the same word, or NULL. */
static int
take_option(struct parse *s, const struct cli_option *o, struct span typed,
    const char *inline_value)
{
	const char *value = inline_value;

	if (!o->arg && value)
		return usage(s, "option " SPAN_FMT " takes no value", SPAN_ARG(typed));
	if (o->arg && !value) {
		value = *s->next;
		if (!value)
			return usage(s, "option " SPAN_FMT " needs %s", SPAN_ARG(typed), o->arg);
		if (is_spelling(s->program, value))
			return usage(s, "option " SPAN_FMT " needs %s, but %s follows",
			    SPAN_ARG(typed), o->arg, value);
		s->next++;
	}
	if (value && cli_check_value(s->program, value, s->e) < 0)
		return -1;
	return apply(s, o, typed, value);
}

/* "name" and "value" of "name=value"; value is NULL without "=". */
static struct span
split_value(const char *word, const char **value)
{
	const char *equals = strchr(word, '=');

	*value = equals ? equals + 1 : NULL;
	return equals ? span_of(word, (size_t)(equals - word)) : span_str(word);
}

/* "-qv", "-d NAME", "-dNAME". */
static int
take_letters(struct parse *s, const char *word)
{
	for (const char *at = word + 1; *at; at++) {
		const struct cli_option *o = cli_find_letter(s->program, *at);
		char typed[3] = { '-', *at, '\0' };

		if (!o && at > word + 1 && *at == '=')
			return usage(s, "option -%c takes no value", at[-1]);
		if (!o) {
			if (at == word + 1)
				usage(s, "unknown option %s", word);
			else
				usage(s, "unknown option -%c in %s", *at, word);
			return hint_nearest(s, span_str(word + 1), true);
		}
		if (o->arg && at[1] == '=')
			return usage(s, "write -%c %s without the =", *at, at + 2);
		if (o->arg)
			return take_option(s, o, span_str(typed), at[1] ? at + 1 : NULL);
		if (take_option(s, o, span_str(typed), NULL) < 0)
			return -1;
	}
	return 0;
}

static int
take_dashed(struct parse *s, const char *word)
{
	bool single = word[1] != '-';
	const struct cli_option *o;
	const char *value;
	struct span name = split_value(word + (single ? 1 : 2), &value);
	struct span typed = span_of(word, (size_t)(name.p + name.n - word));

	o = cli_find_long(s->program, name, single);
	if (o)
		return take_option(s, o, typed, value);
	if (single)
		return take_letters(s, word);
	usage(s, "unknown option " SPAN_FMT, SPAN_ARG(typed));
	return hint_nearest(s, name, false);
}

static int
take_operand(const struct parse *s, const char *word)
{
	if (!s->program->operand)
		return usage(s, "unexpected argument '%s'", word);
	if (s->program->operand(s->ctx, word, s->e) == 0)
		return 0;
	if (s->e && s->e->kind == ERR_NONE)
		usage(s, "'%s' cannot be used", word);
	return -1;
}

/* The option that word is, all of it, and whose argument the next word would be; or NULL. */
static const struct cli_option *
waiting_option(const struct cli_program *p, const char *word)
{
	struct span s = span_str(word);
	const struct cli_option *o = NULL;

	if (span_starts(s, SPAN("--")))
		o = cli_find_long(p, span_after(s, 2), false);
	else if (s.n == 2 && s.p[0] == '-')
		o = cli_find_letter(p, s.p[1]);
	else if (s.n > 2 && s.p[0] == '-')
		o = cli_find_long(p, span_after(s, 1), true);
	return o && o->arg ? o : NULL;
}

/* Take what stands on the line so far, right or wrong, and print what could come next. */
static int
complete(const struct parse *line)
{
	const struct cli_option *waiting = NULL;
	struct err why = ERR_INIT;
	struct parse s = *line;

	s.e = &why;
	while (*s.next) {
		const char *word = *s.next++;

		if (!*s.next)
			waiting = waiting_option(s.program, word);
		if (!waiting && word[0] == '-' && word[1])
			(void)take_dashed(&s, word);
		else if (!waiting && s.program->operand)
			(void)s.program->operand(s.ctx, word, &why);
		err_reset(&why);
	}
	err_release(&why);
	return cli_print_words(s.program, waiting, s.ctx, line->e);
}

/* --help, -h, --version, --completion-words, unless the table has its own. */
static bool
take_builtin(const struct parse *s, const char *word, enum cli_result *result)
{
	int rc;

	if (word[1] == '-' ? cli_find_long(s->program, span_str(word + 2), false)
			   : cli_find_letter(s->program, word[1]))
		return false;
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		rc = cli_print_help(s->program, s->e);
	else if (strcmp(word, "--version") == 0)
		rc = cli_print_version(s->program, s->e);
	else if (strcmp(word, "--completion-words") == 0)
		rc = complete(s);
	else
		return false;
	*result = rc < 0 ? CLI_ERROR : CLI_DONE;
	return true;
}

enum cli_result
cli_parse(const struct cli_program *p, int argc, char *const *argv, void *ctx, struct err *e)
{
	struct parse s = { .program = p, .next = argv, .ctx = ctx, .e = e };
	bool options = true;
	int rc = 0;

	cli_set_program_name(p->name);
	if (argc > 0)
		s.next++;
	while (rc == 0 && *s.next) {
		const char *word = *s.next++;
		bool dashed = options && word[0] == '-' && word[1];
		enum cli_result done;

		if (options && strcmp(word, "--") == 0) {
			options = false;
			continue;
		}
		if (dashed && take_builtin(&s, word, &done))
			return done;
		if (options && cli_check_word(p, word, e) < 0)
			rc = -1;
		else if (dashed)
			rc = take_dashed(&s, word);
		else
			rc = take_operand(&s, word);
	}
	return rc < 0 ? CLI_ERROR : CLI_OK;
}

int
cli_main(const struct cli_program *p, int argc, char *const *argv, void *ctx,
    int (*work)(void *ctx, struct err *e))
{
	struct err e = ERR_INIT;
	int code = 0;

	if (cli_parse(p, argc, argv, ctx, &e) == CLI_OK)
		code = work(ctx, &e);
	if ((fflush(stdout) != 0 || ferror(stdout)) && e.kind == ERR_NONE)
		err_set(&e, ERR_IO, "cannot write to standard output");
	if (e.kind != ERR_NONE)
		err_print(&e);
	if (code <= 0)
		code = err_exit_code(e.kind);
	err_release(&e);
	return code;
}

static void
say(void *arg, const char *text)
{
	fprintf(stderr, "%s: %s\n", program_name, text);
}

const struct narrator cli_narrator = { .say = say };

bool
cli_confirm(const char *question)
{
	char answer[16];

	if (isatty(STDIN_FILENO) != 1)
		return false;
	fprintf(stderr, "%s [y/N] ", question);
	return fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y');
}

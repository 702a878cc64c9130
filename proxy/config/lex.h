/* SPDX-License-Identifier: ISC */
/*
 * lex: configuration text into words, semicolons and braces, by nginx's rules.
 *
 * A word ends at a blank, ";" or "{"; "#" opens a comment only where a word could begin; "${"
 * inside a word belongs to the word; a backslash takes the next character along, in quotes as
 * well. Pure: nothing is allocated but by lex_value() and nothing is logged. Lines are counted
 * from 1.
 */
#ifndef PROXY_CONFIG_LEX_H
#define PROXY_CONFIG_LEX_H

#include "base/arena.h"
#include "base/span.h"

enum lex_kind {
	LEX_WORD,
	LEX_SEMICOLON,
	LEX_OPEN,  /* { */
	LEX_CLOSE, /* } where a word could begin */
	LEX_END,
	LEX_BAD_AFTER_QUOTE, /* a word touches the quote before it; raw is its first character */
	LEX_BAD_UNCLOSED,    /* a quote without its end; line is where it opened */
	LEX_BAD_BYTE,        /* NUL */
};

struct token {
	enum lex_kind kind;
	struct span raw; /* its bytes; of a word: without its quotes, escapes as written */
	unsigned line;   /* where it begins */
	char quote;      /* of a word: '"', '\'' or 0 */
};

struct lexer {
	struct span rest;
	unsigned line;
	bool after_quote;
};

void lex_init(struct lexer *lx, struct span text);
/*
 * After LEX_END and LEX_BAD_UNCLOSED every further token is LEX_END; other bad tokens are passed
 * over.
 */
struct token lex_next(struct lexer *lx);
/*
 * The word with its escapes undone (\" \' \\ \t \r \n; any other backslash stays); a copy only if
 * there are some.
 */
struct span lex_value(struct span raw, struct arena *arena);

#endif

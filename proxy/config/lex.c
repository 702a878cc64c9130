/* SPDX-License-Identifier: ISC */
/*
 * lex: the tokenizer of configuration text.
 *
 * nginx's reader is a state machine over single bytes; what it accepts is a handful of rules, and
 * here each rule is a function: skip what separates words, then scan one word.
 */
#include "proxy/config/lex.h"

void
lex_init(struct lexer *lx, struct span text)
{
	*lx = (struct lexer){ .rest = text, .line = 1 };
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
advance(struct lexer *lx)
{
	if (lx->rest.p[0] == '\n')
		lx->line++;
	lx->rest = span_after(lx->rest, 1);
}

/*
 * Blanks and comments. A comment directly behind a quoted word is no comment: the quote must end
 * first.
 */
static void
skip_blanks(struct lexer *lx)
{
	while (lx->rest.n > 0) {
		char c = lx->rest.p[0];

		if (is_blank(c)) {
			lx->after_quote = false;
			advance(lx);
		} else if (c == '#' && !lx->after_quote) {
			ptrdiff_t end = span_find(lx->rest, '\n');

			lx->rest = span_after(lx->rest, end < 0 ? lx->rest.n : (size_t)end);
		} else {
			return;
		}
	}
}

/* The rest is behind the opening quote. */
static struct token
quoted_word(struct lexer *lx, char quote)
{
	struct token t = { .kind = LEX_WORD, .line = lx->line, .quote = quote };
	const char *start = lx->rest.p;

	while (lx->rest.n > 0) {
		char c = lx->rest.p[0];

		if (c == quote) {
			t.raw = span_of(start, (size_t)(lx->rest.p - start));
			advance(lx);
			lx->after_quote = true;
			return t;
		}
		if (c == '\0')
			break;
		advance(lx);
		if (c == '\\' && lx->rest.n > 0 && lx->rest.p[0] != '\0')
			advance(lx);
	}
	t.kind = lx->rest.n > 0 ? LEX_BAD_BYTE : LEX_BAD_UNCLOSED;
	if (lx->rest.n > 0)
		advance(lx);
	return t;
}

static struct token
plain_word(struct lexer *lx)
{
	struct token t = { .kind = LEX_WORD, .line = lx->line };
	const char *start = lx->rest.p;
	bool after_dollar = false;

	while (lx->rest.n > 0) {
		char c = lx->rest.p[0];

		if (is_blank(c) || c == ';' || c == '\0' || (c == '{' && !after_dollar))
			break;
		after_dollar = c == '$' || (c == '{' && after_dollar);
		advance(lx);
		if (c == '\\' && lx->rest.n > 0 && lx->rest.p[0] != '\0')
			advance(lx);
	}
	t.raw = span_of(start, (size_t)(lx->rest.p - start));
	return t;
}

struct token
lex_next(struct lexer *lx)
{
	struct token t = { .line = lx->line };
	char c;

	skip_blanks(lx);
	t.line = lx->line;
	if (lx->rest.n == 0) {
		t.kind = LEX_END;
		return t;
	}
	c = lx->rest.p[0];
	if (c == ';' || c == '{' || (c == '}' && !lx->after_quote)) {
		t.kind = c == ';' ? LEX_SEMICOLON : c == '{' ? LEX_OPEN : LEX_CLOSE;
		t.raw = span_of(lx->rest.p, 1);
		lx->after_quote = false;
		advance(lx);
		return t;
	}
	if (c == '\0') {
		t.kind = LEX_BAD_BYTE;
		advance(lx);
		return t;
	}
	if (lx->after_quote) {
		/* nginx lets a ")" follow, for "if ($a = "b")". */
		lx->after_quote = false;
		if (c != ')') {
			t.kind = LEX_BAD_AFTER_QUOTE;
			t.raw = span_of(lx->rest.p, 1);
			return t;
		}
	}
	if (c == '"' || c == '\'') {
		advance(lx);
		return quoted_word(lx, c);
	}
	return plain_word(lx);
}

/* The character that backslash and c stand for, or 0 when the backslash stays. */
static char
unescaped(char c)
{
	switch (c) {
	case '"':
	case '\'':
	case '\\':
		return c;
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'n':
		return '\n';
	default:
		return 0;
	}
}

struct span
lex_value(struct span raw, struct arena *arena)
{
	char *out;
	size_t n = 0;

	if (span_find(raw, '\\') < 0)
		return raw;
	out = arena_bytes(arena, raw.n);
	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i] == '\\' && i + 1 < raw.n ? unescaped(raw.p[i + 1]) : 0;

		if (c)
			i++;
		out[n++] = c ? c : raw.p[i];
	}
	return span_of(out, n);
}

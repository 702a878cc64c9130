/* SPDX-License-Identifier: ISC */
/*
 * batch: words of lines.
 */
#include "libacme/batch.h"

#include "base/mem.h"

/*
 * Take the next word off *rest into out (as long as *rest at least), without its quotes. 1 a word, 0 none is left, -1 a quote
 * is not closed.
 */
static int
next_word(struct span *rest, char *out, size_t *n)
{
	struct span s = *rest;
	char quote = '\0';
	bool begun = false;

	*n = 0;
	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s = span_after(s, 1);
	for (; s.n; s = span_after(s, 1)) {
		char c = *s.p;

		if (!quote && (c == ' ' || c == '\t' || (c == '#' && !begun)))
			break;
		begun = true;
		if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? '\0' : c;
			continue;
		}
		if (quote == '"' && c == '\\' && s.n > 1 && (s.p[1] == '"' || s.p[1] == '\\')) {
			s = span_after(s, 1);
			c = *s.p;
		}
		out[(*n)++] = c;
	}
	*rest = !begun && s.n && *s.p == '#' ? SPAN("") : s;
	return quote ? -1 : begun;
}

static int
split_line(struct span text, const char *program, struct arena *arena, struct batch_line *line,
    struct err *e)
{
	char *words[BATCH_WORDS_MAX];
	char *word = arena_bytes(arena, text.n + 1);
	int count = 0, got;
	size_t n;

	words[count++] = arena_strdup(arena, span_str(program));
	while ((got = next_word(&text, word, &n)) > 0) {
		if (count == BATCH_WORDS_MAX - 1)
			return err_set(e, ERR_USAGE, "more than %d words", BATCH_WORDS_MAX - 2);
		words[count++] = arena_strdup(arena, span_of(word, n));
	}
	if (got < 0)
		return err_set(e, ERR_USAGE, "a quote is not closed");
	line->words = arena_array(arena, (size_t)count + 1, sizeof(*line->words));
	memcpy(line->words, words, (size_t)count * sizeof(*words));
	line->word_count = count;
	return 0;
}

int
batch_parse(struct span text, const char *file, const char *program, struct arena *arena,
    struct batch_line **lines, size_t *count, struct err *e)
{
	struct batch_line *list = NULL;
	unsigned number = 0;
	struct span piece;
	int rc = 0;

	*count = 0;
	if (memchr(text.p ? text.p : "", '\0', text.n))
		rc = err_set(e, ERR_USAGE, "%s holds a NUL byte", file);
	while (rc == 0 && span_split(&text, '\n', &piece)) {
		struct batch_line line = { .number = ++number };

		if (number > BATCH_LINES_MAX)
			rc = err_set(e, ERR_USAGE, "%s has more than %d lines", file,
			    BATCH_LINES_MAX);
		else
			rc = split_line(span_trim(piece), program, arena, &line, e);
		if (rc < 0)
			err_at(e, file, number);
		if (rc < 0 || line.word_count == 1)
			continue;
		list = mem_realloc_array(list, *count + 1, sizeof(*list));
		list[(*count)++] = line;
	}
	*lines = arena_array(arena, *count + 1, sizeof(**lines));
	if (*count)
		memcpy(*lines, list, *count * sizeof(*list));
	free(list);
	return rc;
}

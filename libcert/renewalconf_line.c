/* SPDX-License-Identifier: ISC */
/*
 * One line of a renewal configuration: `key = value`, `[section]`, comment or blank.
 *
 * ConfigObj's rules: a value is bare, '...', "...", or ended by the same three quotes it began with
 * (then it may hold newlines); commas make it a list, "a," is a list of one and "," an empty one; a
 * bare value ends at "#". What ConfigObj resolves by backtracking through stray quotes is refused.
 */
#include "libcert/renewalconf_line.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>

#define LINE_VALUE_MAX (64 * 1024)

static void
items_clear(struct renewalconf_line *line)
{
	for (size_t i = 0; i < line->item_count; i++)
		free(line->items[i]);
	free(line->items);
	line->items = NULL;
	line->item_count = 0;
}

void
renewalconf_line_release(struct renewalconf_line *line)
{
	items_clear(line);
	free(line->raw);
	free(line->section);
	free(line->key);
	free(line->value);
	*line = (struct renewalconf_line){ 0 };
}

static void
item_add(struct renewalconf_line *line, struct span item)
{
	line->items = mem_realloc_array(line->items, line->item_count + 1, sizeof(*line->items));
	line->items[line->item_count++] = mem_dup_span(item);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static size_t
skip_blanks(struct span s, size_t at)
{
	while (at < s.n && is_blank(s.p[at]))
		at++;
	return at;
}

/* Nothing but blanks, or a comment? */
static bool
at_end(struct span s, size_t at)
{
	at = skip_blanks(s, at);
	return at == s.n || s.p[at] == '#';
}

/* The index of the quote that closes the one at `at`, or s.n. */
static size_t
closing_quote(struct span s, size_t at)
{
	ptrdiff_t len = span_find(span_after(s, at + 1), s.p[at]);

	return len < 0 ? s.n : at + 1 + (size_t)len;
}

static int
parse_section(struct span s, size_t at, struct renewalconf_line *line, struct err *e)
{
	unsigned closed = 0;
	size_t end;

	for (; at < s.n && (s.p[at] == '[' || is_blank(s.p[at])); at++)
		line->depth += s.p[at] == '[';
	if (at < s.n && (s.p[at] == '"' || s.p[at] == '\'')) {
		end = closing_quote(s, at);
		if (end == s.n)
			return err_set(e, ERR_CONFIG, "a section's name lacks its closing quote");
		line->key = mem_dup_span(span_of(s.p + at + 1, end - at - 1));
		at = end + 1;
	} else {
		for (end = at; end < s.n && s.p[end] != ']'; end++)
			continue;
		line->key = mem_dup_span(span_trim(span_of(s.p + at, end - at)));
		at = end;
	}
	for (; at < s.n && (s.p[at] == ']' || is_blank(s.p[at])); at++)
		closed += s.p[at] == ']';
	if (closed != line->depth || !at_end(s, at))
		return err_set(e, ERR_CONFIG, "a section's brackets do not pair up");
	if (line->key[0] == '\0')
		return err_set(e, ERR_CONFIG, "a section without a name");
	line->kind = LINE_SECTION;
	return 0;
}

/* One element at *at; *at moves behind it. */
static int
parse_item(struct span s, size_t *at, struct renewalconf_line *line, struct err *e)
{
	size_t start = *at, end;

	if (s.p[start] == '"' || s.p[start] == '\'') {
		end = closing_quote(s, start);
		if (end == s.n)
			return err_set(e, ERR_CONFIG, "the value lacks its closing quote");
		item_add(line, span_of(s.p + start + 1, end - start - 1));
		*at = end + 1;
		return 0;
	}
	for (end = start; end < s.n && s.p[end] != ',' && s.p[end] != '#'; end++)
		continue;
	while (end > start && is_blank(s.p[end - 1]))
		end--;
	item_add(line, span_of(s.p + start, end - start));
	*at = end;
	return 0;
}

/* A value on one line, from `at` to the end of s. */
static int
parse_plain(struct span s, size_t at, struct renewalconf_line *line, struct err *e)
{
	size_t end = at;
	bool list = false;

	line->value_at = at;
	if (at < s.n && s.p[at] == ',' && at_end(s, at + 1)) {
		list = true;
		end = at + 1;
	}
	while (!at_end(s, end)) {
		at = skip_blanks(s, end);
		if (s.p[at] == ',')
			return err_set(e, ERR_CONFIG, "an empty element between commas");
		if (parse_item(s, &at, line, e) < 0)
			return -1;
		end = at;
		at = skip_blanks(s, at);
		if (at < s.n && s.p[at] == ',') {
			list = true;
			end = at + 1;
		} else if (!at_end(s, at)) {
			return err_set(e, ERR_CONFIG, "text after the closing quote");
		}
	}
	line->value_len = end - line->value_at;
	if (list) {
		line->value = mem_dup_span(span_of(s.p + line->value_at, line->value_len));
		return 0;
	}
	if (line->item_count == 0)
		item_add(line, SPAN(""));
	line->value = mem_strdup(line->items[0]);
	return 0;
}

/*
 * A value in triple quotes at text.p[at], over as many lines as it takes. The quotes that close it
 * are the first with nothing but a comment behind them. *end: where its last line ends.
 */
static int
parse_triple(struct span text, size_t at, size_t *end, struct renewalconf_line *line, struct err *e)
{
	struct span quotes = span_of(text.p + at, 3);

	for (size_t i = at + 3; i + 3 <= text.n; i++) {
		const char *newline;
		size_t stop;

		if (!span_eq(span_of(text.p + i, 3), quotes))
			continue;
		newline = memchr(text.p + i, '\n', text.n - i);
		stop = newline ? (size_t)(newline - text.p) : text.n;
		if (!at_end(span_of(text.p, stop), i + 3))
			continue;
		line->value_at = at;
		line->value_len = i + 3 - at;
		item_add(line, span_of(text.p + at + 3, i - at - 3));
		line->value = mem_strdup(line->items[0]);
		*end = stop;
		return 0;
	}
	return err_set(e, ERR_CONFIG, "the value lacks its closing triple quotes");
}

/* `key = value`; s is the first line of text. */
static int
parse_entry(struct span text, struct span s, size_t at, size_t *end, struct renewalconf_line *line,
    struct err *e)
{
	size_t stop, equals;

	if (s.p[at] == '"' || s.p[at] == '\'') {
		stop = closing_quote(s, at);
		equals = stop == s.n ? s.n : skip_blanks(s, stop + 1);
		at++;
	} else {
		for (equals = at; equals < s.n && s.p[equals] != '='; equals++)
			continue;
		for (stop = equals; stop > at && is_blank(s.p[stop - 1]); stop--)
			continue;
	}
	if (equals == s.n || s.p[equals] != '=' || stop == at)
		return err_set(e, ERR_CONFIG, "neither \"key = value\" nor \"[section]\"");
	line->kind = LINE_ENTRY;
	line->key = mem_dup_span(span_of(s.p + at, stop - at));
	at = skip_blanks(s, equals + 1);
	if (s.n - at >= 3 && (s.p[at] == '"' || s.p[at] == '\'') && s.p[at] == s.p[at + 1] &&
	    s.p[at] == s.p[at + 2])
		return parse_triple(text, at, end, line, e);
	return parse_plain(s, at, line, e);
}

int
renewalconf_line_parse(struct span text, size_t *taken, struct renewalconf_line *line,
    struct err *e)
{
	const char *newline = memchr(text.p, '\n', text.n);
	struct span s = span_of(text.p, newline ? (size_t)(newline - text.p) : text.n);
	size_t at = skip_blanks(s, 0), end = s.n;
	int rc = 0;

	*line = (struct renewalconf_line){ .kind = LINE_OTHER };
	if (!at_end(s, at))
		rc = s.p[at] == '[' ? parse_section(s, at, line, e)
				    : parse_entry(text, s, at, &end, line, e);
	line->raw = mem_dup_span(span_of(text.p, end));
	*taken = end < text.n ? end + 1 : end;
	return rc;
}

void
renewalconf_line_init(struct renewalconf_line *line, const char *section, const char *key)
{
	bool bare = key[strcspn(key, "'\"=#[], \t")] == '\0';
	const char *quote = bare ? "" : strchr(key, '"') ? "'" : "\"";

	*line = (struct renewalconf_line){
		.kind = LINE_ENTRY,
		.raw = mem_printf("%s%s%s = ", quote, key, quote),
		.section = mem_strdup(section),
		.key = mem_strdup(key),
	};
	line->value_at = strlen(line->raw);
}

/* ConfigObj's choice of quotes; NULL when none fits. */
static const char *
quotes_for(const char *value, bool list)
{
	bool single = strchr(value, '\'') != NULL, twice = strchr(value, '"') != NULL;
	size_t len = strlen(value);

	if (strchr(value, '\n') || strchr(value, '\r') || (single && twice)) {
		if (list)
			return NULL;
		if (!strstr(value, "\"\"\""))
			return "\"\"\"";
		return strstr(value, "'''") ? NULL : "'''";
	}
	if (len > 0 && !strpbrk(value, ",#") && !strchr(" \t'\"\v", value[0]) &&
	    !strchr(" \t'\"\v", value[len - 1]))
		return "";
	return twice ? "'" : "\"";
}

static int
format_value(struct buf *out, const char *const *items, size_t count, bool list)
{
	for (size_t i = 0; i < count; i++) {
		const char *quotes = quotes_for(items[i], list);

		if (!quotes ||
		    buf_printf(out, "%s%s%s%s", i > 0 ? ", " : "", quotes, items[i], quotes) < 0)
			return -1;
	}
	if (list && count < 2)
		return buf_add_char(out, ',');
	return 0;
}

int
renewalconf_line_set(struct renewalconf_line *line, const char *const *items, size_t count,
    bool list)
{
	struct buf text;
	const char *before = line->raw, *behind = line->raw + line->value_at + line->value_len;
	bool gap = line->value_at > 0 && before[line->value_at - 1] == '=';
	char *raw;

	buf_init(&text, LINE_VALUE_MAX);
	if (format_value(&text, items, count, list) < 0) {
		buf_release(&text);
		return -1;
	}
	raw = mem_printf("%.*s%s%s%s", (int)line->value_at, before, gap ? " " : "", buf_str(&text),
	    behind);
	line->value_at += gap;
	line->value_len = text.len;
	free(line->raw);
	line->raw = raw;
	free(line->value);
	line->value = mem_strdup(list ? buf_str(&text) : items[0]);
	buf_release(&text);
	items_clear(line);
	for (size_t i = 0; i < count; i++)
		item_add(line, span_str(items[i]));
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * syntax: tokens into a tree, includes spliced in where they stand.
 *
 * Each file is read and parsed once, however often it is included: a second include gets copies of
 * the file's top-level nodes, which share words and children. What is found broken is reported and
 * left out, and reading goes on behind it.
 */
#include "proxy/config/syntax.h"

#include "base/mem.h"
#include "proxy/config/lex.h"
#include "proxy/config/span_map.h"

#include <stdlib.h>

#define INCLUDE_DEPTH_MAX 20
#define BLOCK_DEPTH_MAX 64

struct source_file {
	struct config_file file;
	struct node *children;
	bool open; /* being parsed: an include of it is a loop */
};

struct parser {
	struct config_source *src;
	struct arena *arena;
	struct diagnostics *diags;
	struct span directory; /* of the main file, with its slash */
	struct span_map by_path;
	struct config_file **tail;
	unsigned file_count;
	unsigned depth;     /* of includes */
	struct word *words; /* of the directive being read; heap */
	size_t word_count, word_space;
};

/* One file being parsed. */
struct reader {
	struct parser *parser;
	const struct config_file *file;
	struct lexer lexer;
	unsigned depth; /* of blocks */
	bool ended;     /* the reason for its early end has been told */
	/* A block that seems to have borrowed the "}" of the one around it. */
	const struct node *suspect;
};

/* A list under construction. */
struct node_list {
	struct node *first, **tail;
};

static struct node *read_block(struct reader *r, const struct node *block);
static struct source_file *read_file(struct parser *p, struct span path,
    const struct config_file *from, unsigned line);

#define complain(r, line, ...) \
	diagnostic_add((r)->parser->diags, DIAG_EMERG, (r)->file, (line), __VA_ARGS__)

static void
list_add(struct node_list *l, struct node *n)
{
	*l->tail = n;
	l->tail = &n->next;
}

static bool
has_wildcard(struct span s)
{
	return span_find(s, '*') >= 0 || span_find(s, '?') >= 0 || span_find(s, '[') >= 0;
}

/* "a:3 includes b:1 includes a" */
static void
hint_at_loop(struct reader *r, struct span path, unsigned line)
{
	struct parser *p = r->parser;
	struct span text = arena_printf(p->arena, SPAN_FMT, SPAN_ARG(path));

	for (const struct config_file *f = r->file; f; f = f->included_from) {
		text = arena_printf(p->arena, SPAN_FMT ":%u includes " SPAN_FMT, SPAN_ARG(f->path),
		    line, SPAN_ARG(text));
		if (span_eq(f->path, path))
			break;
		line = f->included_line;
	}
	diagnostic_hint(p->diags, SPAN_FMT, SPAN_ARG(text));
}

static void
include_file(struct reader *r, struct span path, unsigned line, struct node_list *into)
{
	struct source_file *f = span_map_get(&r->parser->by_path, path);

	if (f && f->open) {
		complain(r, line, "\"" SPAN_FMT "\" includes itself", SPAN_ARG(path));
		hint_at_loop(r, path, line);
		return;
	}
	if (!f)
		f = read_file(r->parser, path, r->file, line);
	for (const struct node *n = f ? f->children : NULL; n; n = n->next) {
		struct node *copy = arena_alloc(r->parser->arena, sizeof(*copy));

		*copy = *n;
		copy->next = NULL;
		list_add(into, copy);
	}
}

static void
include(struct reader *r, const struct node *n, struct node_list *into)
{
	struct parser *p = r->parser;
	struct err e = ERR_INIT;
	struct span path, *matches = NULL;
	size_t count = 0;

	if (n->word_count != 2 || n->words[1].text.n == 0) {
		complain(r, n->line, "invalid number of arguments in \"include\" directive");
		return;
	}
	path = n->words[1].text;
	if (path.p[0] != '/')
		path = arena_printf(p->arena, SPAN_FMT SPAN_FMT, SPAN_ARG(p->directory),
		    SPAN_ARG(path));
	if (p->depth >= INCLUDE_DEPTH_MAX) {
		complain(r, n->line, "files include each other more than %d deep",
		    INCLUDE_DEPTH_MAX);
		return;
	}
	if (!has_wildcard(path)) {
		include_file(r, path, n->line, into);
		return;
	}
	if (p->src->glob(p->src, path, p->arena, &matches, &count, &e) < 0)
		complain(r, n->line, "%s", err_text(&e));
	for (size_t i = 0; i < count; i++)
		include_file(r, matches[i], n->line, into);
	err_release(&e);
}

static void
keep_word(struct parser *p, const struct token *t)
{
	if (p->word_count == p->word_space) {
		p->word_space = p->word_space ? p->word_space * 2 : 16;
		p->words = mem_realloc_array(p->words, p->word_space, sizeof(*p->words));
	}
	p->words[p->word_count++] = (struct word){
		.text = lex_value(t->raw, p->arena),
		.line = t->line,
		.quoted = t->quote != 0,
	};
}

/*
 * Words into the parser's list, up to the token that ends them. *sound: nothing in them was
 * broken.
 */
static struct token
read_words(struct reader *r, bool *sound)
{
	*sound = true;
	r->parser->word_count = 0;
	for (;;) {
		struct token t = lex_next(&r->lexer);

		switch (t.kind) {
		case LEX_WORD:
			keep_word(r->parser, &t);
			continue;
		case LEX_BAD_AFTER_QUOTE:
			complain(r, t.line, "unexpected \"" SPAN_FMT "\"", SPAN_ARG(t.raw));
			diagnostic_hint(r->parser->diags,
			    "a blank or \";\" must follow the quote before it");
			break;
		case LEX_BAD_UNCLOSED:
			complain(r, r->lexer.line,
			    "unexpected end of file, expecting \";\" or \"}\"");
			diagnostic_hint(r->parser->diags, "the %c opened in line %u is not closed",
			    t.quote, t.line);
			r->ended = true;
			break;
		case LEX_BAD_BYTE:
			complain(r, t.line, "unexpected NUL byte");
			break;
		default:
			return t;
		}
		*sound = false;
	}
}

static struct node *
node_new(struct reader *r)
{
	struct parser *p = r->parser;
	struct node *n = arena_zalloc(p->arena, sizeof(*n));

	n->file = r->file;
	n->line = p->words[0].line;
	n->end_line = r->lexer.line;
	n->word_count = (unsigned)p->word_count;
	n->words = arena_array(p->arena, p->word_count, sizeof(*n->words));
	memcpy(n->words, p->words, p->word_count * sizeof(*n->words));
	return n;
}

/* Pass over a block that is nested too deeply; its "{" is behind us. */
static void
skip_block(struct reader *r)
{
	unsigned open = 1;

	while (open > 0) {
		struct token t = lex_next(&r->lexer);

		if (t.kind == LEX_END)
			return;
		open += t.kind == LEX_OPEN;
		open -= t.kind == LEX_CLOSE;
	}
}

static void
read_children(struct reader *r, struct node *n)
{
	if (r->depth >= BLOCK_DEPTH_MAX) {
		complain(r, n->line, "blocks are nested more than %d deep", BLOCK_DEPTH_MAX);
		skip_block(r);
		return;
	}
	r->depth++;
	n->is_block = true;
	n->children = read_block(r, n);
	n->end_line = r->lexer.line;
	r->depth--;
}

static void
read_open(struct reader *r, bool sound, unsigned line, struct node_list *into)
{
	struct node nameless = { .file = r->file, .line = line };
	struct node *n = r->parser->word_count > 0 ? node_new(r) : &nameless;

	if (n == &nameless && sound)
		complain(r, line, "unexpected \"{\"");
	read_children(r, n);
	if (!sound || n == &nameless)
		return;
	if (span_eq(n->words[0].text, SPAN("include")))
		complain(r, n->line, "directive \"include\" is not terminated by \";\"");
	else
		list_add(into, n);
}

/* What ended the words was ";" or a "}" that came too early. */
static void
read_simple(struct reader *r, bool sound, struct node_list *into)
{
	struct node *n;

	if (!sound || r->parser->word_count == 0)
		return;
	n = node_new(r);
	if (span_eq(n->words[0].text, SPAN("include")))
		include(r, n, into);
	else
		list_add(into, n);
}

/* How far p stands from the start of its line with only blanks before it; -1 if there is more. */
static ptrdiff_t
indent_of(const struct reader *r, const char *p)
{
	const char *start = r->file->text.p, *at = p;

	if (at < start || at > start + r->file->text.n)
		return -1;
	while (at > start && (at[-1] == ' ' || at[-1] == '\t'))
		at--;
	return at == start || at[-1] == '\n' ? p - at : -1;
}

/* A "}" that stands further left than what it closes was written for an outer block. */
static void
note_close(struct reader *r, const struct node *block, const char *brace)
{
	ptrdiff_t opened, closed;

	if (r->suspect || !block || block->word_count == 0)
		return;
	opened = indent_of(r, block->words[0].text.p);
	closed = indent_of(r, brace);
	if (closed >= 0 && closed < opened)
		r->suspect = block;
}

static void
read_end(struct reader *r, const struct node *block, unsigned line)
{
	bool command_line = r->file->path.n == 0;

	if (r->ended)
		return;
	r->ended = true;
	if (r->parser->word_count > 0) {
		complain(r, line, "%s",
		    command_line ? "unexpected end of parameter, expecting \";\""
				 : "unexpected end of file, expecting \";\" or \"}\"");
		diagnostic_hint(r->parser->diags, "is a \";\" missing at the end of line %u?",
		    r->parser->words[r->parser->word_count - 1].line);
	} else if (block) {
		if (r->suspect)
			block = r->suspect;
		complain(r, line, "unexpected end of %s, expecting \"}\"",
		    command_line ? "parameter" : "file");
		if (block->word_count > 0)
			diagnostic_hint(r->parser->diags,
			    "the block \"" SPAN_FMT "\" opened in line %u is not closed",
			    SPAN_ARG(block->words[0].text), block->line);
	}
}

/* Directives up to the end of the block, or of the file when block is NULL. */
static struct node *
read_block(struct reader *r, const struct node *block)
{
	struct node_list list = { NULL, &list.first };

	for (;;) {
		bool sound;
		struct token t = read_words(r, &sound);
		size_t words = r->parser->word_count;

		switch (t.kind) {
		case LEX_SEMICOLON:
			if (words == 0 && sound)
				complain(r, t.line, "unexpected \";\"");
			read_simple(r, sound, &list);
			break;
		case LEX_OPEN:
			read_open(r, sound, t.line, &list);
			break;
		case LEX_CLOSE:
			if ((words > 0 && sound) || !block)
				complain(r, t.line, "unexpected \"}\"");
			if (words > 0 && sound)
				diagnostic_hint(r->parser->diags,
				    "is a \";\" missing at the end of line %u?",
				    r->parser->words[words - 1].line);
			note_close(r, block, t.raw.p);
			read_simple(r, sound, &list);
			if (block)
				return list.first;
			break;
		default: /* LEX_END */
			read_end(r, block, t.line);
			return list.first;
		}
	}
}

/* NULL when it cannot be read. */
static struct source_file *
read_file(struct parser *p, struct span path, const struct config_file *from, unsigned line)
{
	struct source_file *f;
	struct err e = ERR_INIT;
	struct span text;

	if (p->src->read(p->src, path, &text, &e) < 0) {
		diagnostic_add(p->diags, DIAG_EMERG, from, line, "%s", err_text(&e));
		err_release(&e);
		return NULL;
	}
	f = arena_zalloc(p->arena, sizeof(*f));
	f->file = (struct config_file){
		.path = arena_dup(p->arena, path),
		.text = arena_dup(p->arena, text),
		.included_from = from,
		.included_line = line,
		.number = ++p->file_count,
	};
	span_map_add(&p->by_path, f->file.path, f);
	*p->tail = &f->file;
	p->tail = &f->file.next;

	struct reader r = { .parser = p, .file = &f->file };
	lex_init(&r.lexer, f->file.text);
	f->open = true;
	p->depth++;
	f->children = read_block(&r, NULL);
	p->depth--;
	f->open = false;
	return f;
}

static struct node *
read_globals(struct parser *p, struct span globals)
{
	struct config_file *file = arena_zalloc(p->arena, sizeof(*file));
	struct reader r = { .parser = p, .file = file };

	file->text = arena_dup(p->arena, globals);
	lex_init(&r.lexer, file->text);
	return read_block(&r, NULL);
}

static struct span
directory_of(struct span path)
{
	while (path.n > 0 && path.p[path.n - 1] != '/')
		path.n--;
	return path;
}

struct node *
syntax_parse(struct config_source *src, struct span path, struct span globals, struct arena *arena,
    struct diagnostics *diags, struct config_file **files)
{
	struct parser p = {
		.src = src,
		.arena = arena,
		.diags = diags,
		.directory = directory_of(path),
		.tail = files,
	};
	struct node *first, **tail = &first;
	struct source_file *main_file;

	*files = NULL;
	span_map_init(&p.by_path, arena);
	first = read_globals(&p, globals);
	while (*tail)
		tail = &(*tail)->next;
	main_file = read_file(&p, path, NULL, 0);
	*tail = main_file ? main_file->children : NULL;
	free(p.words);
	return first;
}

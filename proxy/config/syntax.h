/* SPDX-License-Identifier: ISC */
/*
 * syntax: configuration text as a tree of directives, before anything is given a meaning.
 *
 *	file -> lex (words, braces, semicolons; file and line each) -> tree, includes spliced in
 *
 * All mistakes go to the diagnostics; the tree is usable for what was sound, so that one run names
 * every mistake.
 */
#ifndef PROXY_CONFIG_SYNTAX_H
#define PROXY_CONFIG_SYNTAX_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "proxy/config/diagnostic.h"

#include <stdbool.h>

/* One configuration file as it was read. */
struct config_file {
	struct span path; /* as opened: absolute */
	struct span text;
	const struct config_file *included_from; /* NULL for the main file and -g */
	unsigned included_line;
	unsigned number;          /* in order of reading, from 1; 0 for -g */
	struct config_file *next; /* in order of first reading */
};

/* A word: its value with quotes and escapes undone, and where it stood. */
struct word {
	struct span text;
	unsigned line;
	bool quoted; /* "..." or '...': never a keyword, may be empty */
};

/* One directive; words[0] is its name. */
struct node {
	const struct config_file *file;
	unsigned line, end_line;
	struct word *words;
	unsigned word_count;
	bool is_block;
	struct node *children; /* of a block, in order */
	struct node *next;
};

/*
 * Where configuration text, include lists and host addresses come from: the disk (monitor:
 * everything read is recorded for the bundle) or the bundle (worker). Paths handed in are
 * absolute.
 */
struct config_source {
	/* Text of the file; the span lives as long as the source. */
	int (*read)(struct config_source *src, struct span path, struct span *text, struct err *e);
	/* Sorted matches of a pattern, in arena. No match is no error. */
	int (*glob)(struct config_source *src, struct span pattern, struct arena *arena,
	    struct span **paths, size_t *count, struct err *e);
	/*
	 * Addresses of a host name (IPv4 and IPv6 as "a.b.c.d" / "::1" texts), in arena; none
	 * found: ERR_UNAVAILABLE.
	 */
	int (*resolve)(struct config_source *src, struct span host, struct arena *arena,
	    struct span **addrs, size_t *count, struct err *e);
};

/*
 * Parse the file at path (and what it includes) after the -g directives (may be empty). prefix:
 * where relative includes of the main context resolve is the directory of path (config.md).
 * Returns the children of the main context; *files receives the list of files.
 */
struct node *syntax_parse(struct config_source *src, struct span path, struct span globals,
    struct arena *arena, struct diagnostics *diags, struct config_file **files);

#endif

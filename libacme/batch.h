/* SPDX-License-Identifier: ISC */
/*
 * batch: a file of command lines, one a line, as words.
 *
 *	# comment
 *	-d a.example -d www.a.example -w /srv/a
 *	-d b.example -w "/srv/b site" --key-type rsa --cert-name b
 *
 * Blanks divide words; '...' keeps everything, "..." all but \" and \\; there is nothing else of a shell's.
 */
#ifndef LIBACME_BATCH_H
#define LIBACME_BATCH_H

#include "base/arena.h"
#include "base/err.h"

/* More lines than this are refused. */
#define BATCH_LINES_MAX 10000
#define BATCH_WORDS_MAX 512

struct batch_line {
	unsigned number;
	char **words; /* NULL behind the last; words[0] is program */
	int word_count;
};

/* Lines without words are left out. Everything lives in the arena; file is for messages. */
int batch_parse(struct span text, const char *file, const char *program, struct arena *arena,
    struct batch_line **lines, size_t *count, struct err *e) __attribute__((warn_unused_result));

#endif

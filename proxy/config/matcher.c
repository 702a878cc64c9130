/* SPDX-License-Identifier: ISC */
/*
 * matcher: see matcher.h.
 *
 * Code is compiled to the machine's where the process may make memory executable. A sandboxed
 * worker may not: what it loads later runs in PCRE2's interpreter, under the same limits.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "proxy/config/matcher.h"

#include "base/mem.h"

#include <pcre2.h>

#include <stdlib.h>

/*
 * For one match: steps (some milliseconds at the most), nesting, and KiB of heap, those of the
 * interpreter only.
 */
#define STEPS_MAX 200000
#define DEPTH_MAX 20000
#define HEAP_MAX_KIB 4096
#define JIT_STACK_FIRST (32 * 1024)
#define JIT_STACK_MAX (512 * 1024)
#define PATTERN_MAX 16384
/* Pairs of offsets: more groups are not counted. */
#define GROUPS_MAX 64

struct matcher {
	struct arena *arena;
	pcre2_general_context *memory;
	pcre2_compile_context *compile;
	pcre2_match_context *match;
	pcre2_match_data *data;
	pcre2_jit_stack *stack;
};

static void *
allocate(size_t n, void *unused)
{
	return mem_alloc(n);
}

static void
release(void *p, void *unused)
{
	free(p);
}

static void
free_matcher(void *arg)
{
	struct matcher *m = arg;

	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->match);
	pcre2_compile_context_free(m->compile);
	pcre2_jit_stack_free(m->stack);
	pcre2_general_context_free(m->memory);
}

struct matcher *
matcher_new(struct arena *arena)
{
	struct matcher *m = arena_zalloc(arena, sizeof(*m));

	m->arena = arena;
	/* Never out of memory: none of these is NULL. */
	m->memory = pcre2_general_context_create(allocate, release, NULL);
	m->compile = pcre2_compile_context_create(m->memory);
	m->match = pcre2_match_context_create(m->memory);
	m->data = pcre2_match_data_create(GROUPS_MAX, m->memory);
	pcre2_set_max_pattern_length(m->compile, PATTERN_MAX);
	pcre2_set_match_limit(m->match, STEPS_MAX);
	pcre2_set_depth_limit(m->match, DEPTH_MAX);
	pcre2_set_heap_limit(m->match, HEAP_MAX_KIB);
	/* Without one, compiled code has what little it sets aside on ours. */
	m->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MAX, m->memory);
	if (m->stack)
		pcre2_jit_stack_assign(m->match, NULL, m->stack);
	arena_on_free(arena, free_matcher, m);
	return m;
}

static void
free_code(void *arg)
{
	pcre2_code_free(arg);
}

/* PCRE2's table: per name two bytes of group number, then the name and NUL. */
static void
read_names(struct regex *re)
{
	uint32_t count = 0, size = 0;
	PCRE2_SPTR row = NULL;

	pcre2_pattern_info(re->code, PCRE2_INFO_NAMECOUNT, &count);
	pcre2_pattern_info(re->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(re->code, PCRE2_INFO_NAMETABLE, &row);
	re->name_count = count;
	re->names = arena_array(re->matcher->arena, count, sizeof(*re->names));
	for (uint32_t i = 0; i < count; i++, row += size) {
		re->names[i].group = (unsigned)row[0] << 8 | row[1];
		re->names[i].name = arena_dup(re->matcher->arena, span_str((const char *)row + 2));
	}
}

struct regex *
regex_compile(struct matcher *m, struct span pattern, bool ignore_case, struct err *e)
{
	struct regex *re = arena_zalloc(m->arena, sizeof(*re));
	uint32_t groups = 0;
	size_t at = 0;
	int code;

	re->pattern = pattern;
	re->matcher = m;
	re->code = pcre2_compile((PCRE2_SPTR)(pattern.p ? pattern.p : ""), pattern.n,
	    ignore_case ? PCRE2_CASELESS : 0, &code, &at, m->compile);
	if (!re->code) {
		char why[160];

		(void)pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
		err_set(e, ERR_CONFIG,
		    "pcre2_compile() failed: %s in \"" SPAN_FMT "\" at \"" SPAN_FMT "\"", why,
		    SPAN_ARG(pattern), SPAN_ARG(span_after(pattern, at)));
		return NULL;
	}
	arena_on_free(m->arena, free_code, re->code);
	(void)pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);
	pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	re->groups = groups;
	read_names(re);
	return re;
}

static void
copy_captures(const struct regex *re, struct span subject, unsigned count, struct arena *arena,
    struct captures *found)
{
	const size_t *ovector = pcre2_get_ovector_pointer(re->matcher->data);
	size_t *offsets = arena_array(arena, count, 2 * sizeof(*offsets));

	for (unsigned i = 0; i < 2 * count; i++)
		offsets[i] = ovector[i];
	*found = (struct captures){ subject, offsets, count };
}

enum regex_result
regex_match(const struct regex *re, struct span subject, struct arena *arena,
    struct captures *found)
{
	const struct matcher *m = re->matcher;
	int rc = pcre2_match(re->code, (PCRE2_SPTR)(subject.p ? subject.p : ""), subject.n, 0, 0,
	    m->data, m->match);

	if (rc == PCRE2_ERROR_NOMATCH)
		return REGEX_NO_MATCH;
	if (rc < 0)
		return REGEX_FAILED;
	if (!found)
		return REGEX_MATCH;
	if (rc == 0 || rc > GROUPS_MAX)
		rc = GROUPS_MAX;
	if (re->groups > 0)
		copy_captures(re, subject, (unsigned)rc, arena, found);
	else
		*found = (struct captures){ .subject = subject };
	return REGEX_MATCH;
}

struct span
captures_get(const struct captures *c, unsigned n)
{
	/* \K can put an end before its beginning. */
	if (n >= c->count || c->offsets[2 * n] > c->offsets[2 * n + 1] ||
	    c->offsets[2 * n + 1] > c->subject.n)
		return span_of(NULL, 0);
	return span_of(c->subject.p + c->offsets[2 * n], c->offsets[2 * n + 1] - c->offsets[2 * n]);
}

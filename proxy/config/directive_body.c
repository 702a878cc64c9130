/* SPDX-License-Identifier: ISC */
/*
 * directive_body: where bodies are kept while they wait: client_body_*, and the temp paths that proxy_temp_path
 * shares.
 */
#include "proxy/config/loader.h"

#define DEFAULT_PREFIX GATEHOUSE_SYSCONFDIR "/"
#define CACHE_DIRECTORY "/var/cache/tinyproxyd/"

struct temp_path
temp_path_default(struct loader *l, struct span name)
{
	/* Configuration that lives in the system's place finds a read-only tree there. */
	struct span base = span_starts(l->options->prefix, SPAN(DEFAULT_PREFIX))
			       ? SPAN(CACHE_DIRECTORY)
			       : l->options->prefix;

	return (struct temp_path){
		.path = arena_printf(l->arena, SPAN_FMT SPAN_FMT, SPAN_ARG(base), SPAN_ARG(name)),
		.is_default = true,
	};
}

/* ..._temp_path PATH [LEVEL1 [LEVEL2 [LEVEL3]]] */
int
directive_set_temp_path(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	struct temp_path *t =
	    (struct temp_path *)((char *)scope_settings(l, s, d->group) + d->offset);
	struct span path = n->words[1].text;
	uint64_t digits, all = 0;

	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (path.n == 0)
		return loader_fail(l, n, "invalid value");
	*t = (struct temp_path){ .path = loader_path(l, path) };
	while (t->path.n > 1 && t->path.p[t->path.n - 1] == '/')
		t->path.n--;
	for (unsigned i = 2; i < n->word_count; i++) {
		if (span_to_u64(n->words[i].text, 3, &digits) < 0 || digits == 0 ||
		    (all += digits) > 9) {
			loader_word_error(l, n, &n->words[i], "invalid value \"" SPAN_FMT "\"",
			    SPAN_ARG(n->words[i].text));
			diagnostic_hint(l->diags,
			    "each level of directories has 1, 2 or 3 digits in its names");
			return -1;
		}
		t->levels[i - 2] = (unsigned char)digits;
	}
	return 0;
}

void
loader_use_temp_path(struct loader *l, const struct temp_path *path)
{
	struct snapshot *s = l->snapshot;

	for (size_t i = 0; i < s->temp_path_count; i++) {
		if (span_eq(s->temp_paths[i]->path, path->path))
			return;
	}
	LOADER_APPEND(l->arena, s->temp_paths, s->temp_path_count, path);
}

static const struct directive_choice in_file[] = {
	{ SPAN_INIT("on"), BODY_IN_FILE_ON },
	{ SPAN_INIT("off"), BODY_IN_FILE_OFF },
	{ SPAN_INIT("clean"), BODY_IN_FILE_CLEAN },
	{ SPAN_INIT(""), 0 },
};
static const struct directive_range body_buffer = { 1, 1 << 30 };

static const struct directive rows[] = {
	{ SPAN_INIT("client_body_buffer_size"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = directive_set_size, LOCATION_FIELD(size_t, body.buffer_size), &body_buffer },
	{ SPAN_INIT("client_body_in_file_only"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = directive_set_choice, LOCATION_FIELD(unsigned, body.in_file), in_file },
	{ SPAN_INIT("client_body_in_single_buffer"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = directive_set_flag, LOCATION_FIELD(bool, body.in_single_buffer) },
	{ SPAN_INIT("client_body_temp_path"), CONTEXT_HTTP_ALL, 1, 4, 0,
	    .set = directive_set_temp_path, LOCATION_FIELD(struct temp_path, body.temp_path) },
};
const struct directive_table directive_body_table = { rows, sizeof(rows) / sizeof(rows[0]) };

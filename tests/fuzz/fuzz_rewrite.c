/* SPDX-License-Identifier: ISC */
/* Location, Refresh and Set-Cookie of an upstream, as proxy_redirect, proxy_cookie_domain and proxy_cookie_path take them apart. */
#include "proxy/upstream/upstream_rewrite.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct field_rewrite
rule(const char *from, const char *to, struct arena *arena)
{
	return (struct field_rewrite){
		.prefix = template_literal(span_str(from), arena),
		.to = template_literal(span_str(to), arena),
	};
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum header_id ids[] = { HEADER_LOCATION, HEADER_REFRESH, HEADER_SET_COOKIE };
	struct arena *arena = arena_new(0);
	struct field_rewrite url = rule("http://b/", "/", arena),
			     domain = rule("b", "a\r\n", arena), path = rule("/", "/two/", arena);
	struct location_settings settings = {
		.proxy = { .redirects = &url, .cookie_domains = &domain, .cookie_paths = &path },
	};
	struct location location = { .proxy = NULL };
	struct request r = { .arena = arena, .settings = &settings, .location = &location };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		const struct header h = { .id = ids[i], .value = span_of(data, size) };
		struct span value = upstream_rewrite_field(&r, &h);

		/* What the configuration puts in can end no line. */
		for (size_t k = 0; value.p != h.value.p && k < value.n; k++) {
			if (value.p[k] == '\r' && !memchr(data, '\r', size))
				abort();
		}
	}
	arena_free(arena);
	return 0;
}

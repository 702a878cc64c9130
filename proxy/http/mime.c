/* SPDX-License-Identifier: ISC */
/* mime: see mime.h. */
#include "proxy/http/mime.h"

struct span
mime_extension(struct span uri)
{
	for (size_t i = uri.n; i-- > 2;) {
		if (uri.p[i] == '/')
			break;
		if (uri.p[i] == '.' && uri.p[i - 1] != '/')
			return span_after(uri, i + 1);
	}
	return span_of(NULL, 0);
}

static int
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : (unsigned char)c;
}

/* Order of a, any case, against b, which is in lower case: bytes first, then length. */
static int
compare(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++) {
		int d = lower(a.p[i]) - (unsigned char)b.p[i];

		if (d != 0)
			return d;
	}
	return (a.n > b.n) - (a.n < b.n);
}

struct span
mime_type_of(const struct location_settings *settings, struct span uri)
{
	struct span extension = mime_extension(uri);
	size_t low = 0, high = extension.n > 0 ? settings->type_count : 0;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int d = compare(extension, settings->types[middle].extension);

		if (d == 0)
			return settings->types[middle].type;
		if (d > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return settings->default_type;
}

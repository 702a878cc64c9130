/* SPDX-License-Identifier: ISC */
/* uri_encode: see uri_encode.h. */
#include "proxy/http/uri_encode.h"

#include "proxy/http/http1_lex.h"

static bool
stands_for_itself(char c, enum uri_encoding encoding)
{
	if (encoding == URI_ENCODE_CONTROLS)
		return (unsigned char)c > ' ' && c != 0x7f;
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	if (c == '&' || c == '+' || c == ';')
		return encoding != URI_ENCODE_ARGS;
	return c != '\0' && strchr("-._~/!$'()*,=:@[]", c);
}

struct span
uri_encode(struct span text, enum uri_encoding encoding, struct arena *arena)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t escapes = 0;
	char *out, *at;

	for (size_t i = 0; i < text.n; i++)
		escapes += !stands_for_itself(text.p[i], encoding);
	if (escapes == 0)
		return text;
	out = at = arena_bytes(arena, text.n + 2 * escapes);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (stands_for_itself(text.p[i], encoding)) {
			*at++ = text.p[i];
			continue;
		}
		*at++ = '%';
		*at++ = digits[c >> 4];
		*at++ = digits[c & 15];
	}
	return span_of(out, (size_t)(at - out));
}

/* The visible byte of the escape at s, if it is one that redirects need not write as such. */
static bool
needless_escape(struct span s, char *byte)
{
	int high, low;

	if (s.n < 3 || s.p[0] != '%')
		return false;
	high = lex_hex(s.p[1]);
	low = lex_hex(s.p[2]);
	if (high < 0 || low < 0)
		return false;
	*byte = (char)(high << 4 | low);
	return *byte > '%' && *byte < 0x7f;
}

struct span
uri_decode_redirect(struct span target, struct arena *arena)
{
	char *out = arena_bytes(arena, target.n), *at = out;
	char byte;

	while (target.n > 0 && target.p[0] != '?') {
		if (needless_escape(target, &byte)) {
			*at++ = byte;
			target = span_after(target, 3);
			if (byte == '?')
				break;
			continue;
		}
		*at++ = target.p[0];
		target = span_after(target, 1);
	}
	if (target.n > 0)
		at = mempcpy(at, target.p, target.n);
	return span_of(out, (size_t)(at - out));
}

/* SPDX-License-Identifier: ISC */
/*
 * encode: base64, base64url, hex, percent-encoding, JSON strings.
 *
 * RFC 4648 sections 4, 5 and 8; RFC 3986 2.1; RFC 8259 section 7.
 */
#include "base/encode.h"

static const char alphabet_std[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char hex_lower[] = "0123456789abcdef";
static const char hex_upper[] = "0123456789ABCDEF";

static int
base64(struct buf *out, struct span in, const char *alphabet, bool pad)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t tail = in.n % 3;
	char *to, *start;

	if (in.n > out->max) {
		out->full = true;
		return -1;
	}
	start = to = buf_reserve(out, in.n / 3 * 4 + (tail ? (pad ? 4 : tail + 1) : 0));
	if (!to)
		return -1;
	for (size_t i = 0; i + 3 <= in.n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];

		*to++ = alphabet[v >> 18];
		*to++ = alphabet[v >> 12 & 63];
		*to++ = alphabet[v >> 6 & 63];
		*to++ = alphabet[v & 63];
	}
	if (tail) {
		uint32_t v = (uint32_t)p[in.n - tail] << 16;

		if (tail == 2)
			v |= (uint32_t)p[in.n - 1] << 8;
		*to++ = alphabet[v >> 18];
		*to++ = alphabet[v >> 12 & 63];
		if (tail == 2)
			*to++ = alphabet[v >> 6 & 63];
		else if (pad)
			*to++ = '=';
		if (pad)
			*to++ = '=';
	}
	out->len += (size_t)(to - start);
	return 0;
}

int
encode_base64(struct buf *out, struct span in)
{
	return base64(out, in, alphabet_std, true);
}

int
encode_base64url(struct buf *out, struct span in)
{
	return base64(out, in, alphabet_url, false);
}

int
encode_hex(struct buf *out, struct span in)
{
	char *to = in.n > out->max ? NULL : buf_reserve(out, in.n * 2);

	if (!to) {
		out->full = true;
		return -1;
	}
	for (size_t i = 0; i < in.n; i++) {
		*to++ = hex_lower[(unsigned char)in.p[i] >> 4];
		*to++ = hex_lower[(unsigned char)in.p[i] & 15];
	}
	out->len += in.n * 2;
	return 0;
}

int
encode_hex_colon(struct buf *out, struct span in)
{
	size_t n = in.n ? in.n * 3 - 1 : 0;
	char *to = in.n > out->max ? NULL : buf_reserve(out, n);

	if (!to) {
		out->full = true;
		return -1;
	}
	for (size_t i = 0; i < in.n; i++) {
		if (i)
			*to++ = ':';
		*to++ = hex_upper[(unsigned char)in.p[i] >> 4];
		*to++ = hex_upper[(unsigned char)in.p[i] & 15];
	}
	out->len += n;
	return 0;
}

/* RFC 3986 2.3. */
static bool
is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

/* An encoder that fails half way takes back what it wrote. */
static int
undo(struct buf *out, size_t len)
{
	out->len = len;
	return -1;
}

int
encode_percent(struct buf *out, struct span in, const char *keep)
{
	size_t before = out->len;

	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		char hex[] = { '%', hex_upper[c >> 4], hex_upper[c & 15] };
		bool plain = is_unreserved(in.p[i]) || (keep && c && strchr(keep, c));

		if (buf_add(out, plain ? span_of(in.p + i, 1) : span_of(hex, sizeof(hex))) < 0)
			return undo(out, before);
	}
	return 0;
}

/* The letter of a two-byte escape, or 0. */
static char
json_letter(char c)
{
	switch (c) {
	case '"':
	case '\\':
		return c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return 0;
	}
}

int
encode_json(struct buf *out, struct span in)
{
	size_t before = out->len, from = 0;

	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		char letter = json_letter(in.p[i]);
		char two[] = { '\\', letter };
		char six[] = { '\\', 'u', '0', '0', hex_lower[c >> 4], hex_lower[c & 15] };

		if (!letter && c >= 0x20 && c != 0x7f)
			continue;
		if (buf_add(out, span_of(in.p + from, i - from)) < 0 ||
		    buf_add(out, letter ? span_of(two, sizeof(two)) : span_of(six, sizeof(six))) <
			0)
			return undo(out, before);
		from = i + 1;
	}
	if (in.n && buf_add(out, span_after(in, from)) < 0)
		return undo(out, before);
	return 0;
}

/* Characters that would move, turn or hide what stands around them. */
static bool
is_unseen(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == '\\' || c == 0xad || c == 0x61c ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	       (c >= 0xe0000 && c <= 0xe0fff);
}

/* Length of the UTF-8 character that s (not empty) begins with (RFC 3629); 0 when it is broken. */
static size_t
utf8_read(struct span s, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = p[0] < 0x80       ? 1
		   : p[0] >> 5 == 6  ? 2
		   : p[0] >> 4 == 14 ? 3
		   : p[0] >> 3 == 30 ? 4
				     : 0;

	if (n == 0 || n > s.n)
		return 0;
	*c = n == 1 ? p[0] : p[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return 0;
	return n;
}

int
encode_visible(struct buf *out, struct span in)
{
	while (in.n > 0) {
		uint32_t c = 0;
		size_t n = utf8_read(in, &c);
		bool plain = n > 0 && !is_unseen(c);

		n = n ? n : 1;
		if (plain) {
			buf_add(out, span_of(in.p, n));
		} else {
			for (size_t i = 0; i < n; i++)
				buf_printf(out, "\\x%02X", (unsigned)(unsigned char)in.p[i]);
		}
		in = span_after(in, n);
	}
	return out->full ? -1 : 0;
}

/* The value of one base64 digit, or -1; c62 and c63 are the alphabet's last two. */
static int
base64_digit(char c, char c62, char c63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == c62)
		return 62;
	if (c == c63)
		return 63;
	return -1;
}

/* Digits only, padding already taken off. */
static int
unbase64(struct buf *out, struct span in, char c62, char c63)
{
	uint32_t v = 0;
	char *to, *start;

	if (in.n % 4 == 1)
		return -1;
	start = to = buf_reserve(out, in.n / 4 * 3 + (in.n % 4 ? in.n % 4 - 1 : 0));
	if (!to)
		return -1;
	for (size_t i = 0; i < in.n; i++) {
		int digit = base64_digit(in.p[i], c62, c63);

		if (digit < 0)
			return -1;
		v = v << 6 | (uint32_t)digit;
		if (i % 4 == 3) {
			*to++ = (char)(v >> 16);
			*to++ = (char)(v >> 8);
			*to++ = (char)v;
			v = 0;
		}
	}
	/* RFC 4648 3.5: bits that carry nothing must be zero, or one value has many spellings. */
	if (in.n % 4 == 2) {
		if (v & 15)
			return -1;
		*to++ = (char)(v >> 4);
	} else if (in.n % 4 == 3) {
		if (v & 3)
			return -1;
		*to++ = (char)(v >> 10);
		*to++ = (char)(v >> 2);
	}
	out->len += (size_t)(to - start);
	return 0;
}

int
decode_base64(struct buf *out, struct span in)
{
	if (in.n % 4 != 0)
		return -1;
	if (in.n && in.p[in.n - 1] == '=')
		in.n -= in.p[in.n - 2] == '=' ? 2 : 1;
	return unbase64(out, in, '+', '/');
}

int
decode_base64url(struct buf *out, struct span in)
{
	return unbase64(out, in, '-', '_');
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
decode_hex(struct buf *out, struct span in)
{
	char *to;

	if (in.n % 2 != 0)
		return -1;
	to = buf_reserve(out, in.n / 2);
	if (!to)
		return -1;
	for (size_t i = 0; i < in.n; i += 2) {
		int high = hex_digit(in.p[i]), low = hex_digit(in.p[i + 1]);

		if (high < 0 || low < 0)
			return -1;
		*to++ = (char)(high << 4 | low);
	}
	out->len += in.n / 2;
	return 0;
}

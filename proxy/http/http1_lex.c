/* SPDX-License-Identifier: ISC */
/*
 * http1_lex: one table for the byte classes, one fast walk over text.
 *
 * Every byte of a head is looked at twice: by lex_text() while it arrives and again when the head
 * is cut into lines, so lex_text() takes sixteen or eight at a time. Classes are looked up only for
 * the few bytes of names, targets and hosts.
 */
#include "proxy/http/http1_lex.h"

#include <endian.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define PUNCT_TOKEN (LEX_TOKEN | LEX_TARGET)
#define PUNCT_BOTH (LEX_TOKEN | LEX_TARGET | LEX_HOST)
#define PUNCT_HOST (LEX_TARGET | LEX_HOST)
#define LETTER (LEX_FIELD | LEX_TOKEN | LEX_TARGET | LEX_HOST)

const unsigned char lex_classes[256] = {
	['A' ... 'Z'] = LETTER | LEX_METHOD,
	['a' ... 'z'] = LETTER | LEX_SMALL,
	['0' ... '9'] = LETTER | LEX_SMALL,
	['-'] = LETTER | LEX_SMALL | LEX_METHOD,
	['_'] = PUNCT_BOTH | LEX_METHOD,
	['!'] = PUNCT_BOTH,
	['$'] = PUNCT_BOTH,
	['&'] = PUNCT_BOTH,
	['\''] = PUNCT_BOTH,
	['*'] = PUNCT_BOTH,
	['+'] = PUNCT_BOTH,
	['.'] = PUNCT_BOTH,
	['~'] = PUNCT_BOTH,
	['#'] = PUNCT_TOKEN,
	['%'] = PUNCT_TOKEN,
	['^'] = PUNCT_TOKEN,
	['`'] = PUNCT_TOKEN,
	['|'] = PUNCT_TOKEN,
	['('] = PUNCT_HOST,
	[')'] = PUNCT_HOST,
	[';'] = PUNCT_HOST,
	['='] = PUNCT_HOST,
	['"'] = LEX_TARGET,
	[','] = LEX_TARGET,
	['/'] = LEX_TARGET,
	[':'] = LEX_TARGET,
	['<'] = LEX_TARGET,
	['>'] = LEX_TARGET,
	['?'] = LEX_TARGET,
	['@'] = LEX_TARGET,
	['['] = LEX_TARGET,
	['\\'] = LEX_TARGET,
	[']'] = LEX_TARGET,
	['{'] = LEX_TARGET,
	['}'] = LEX_TARGET,
};

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/*
 * The high bit of every byte that is below 0x20 or is 0x7f; the lowest such bit is exact (a borrow
 * can only spoil bytes above it).
 */
static inline uint64_t
suspects(uint64_t eight)
{
	uint64_t del = eight ^ EACH(0x7f);

	return (((eight - EACH(0x20)) & ~eight) | ((del - EACH(1)) & ~del)) & EACH(0x80);
}

static inline bool
is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

#ifdef __SSE2__
/* A bit for each of the 16 bytes at p that is a control byte. */
static inline unsigned
controls_of_16(const char *p)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)p);
	__m128i below = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
	__m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
	__m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, below), del));
}
#endif

size_t
lex_text(struct span s)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; s.n - i >= 16; i += 16) {
		unsigned hits = controls_of_16(s.p + i);

		if (hits)
			return i + (size_t)__builtin_ctz(hits);
	}
#endif
	while (s.n - i >= 8) {
		uint64_t eight, hits;

		memcpy(&eight, s.p + i, 8);
		hits = suspects(le64toh(eight));
		if (!hits) {
			i += 8;
			continue;
		}
		i += (size_t)__builtin_ctzll(hits) / 8;
		if (s.p[i] != '\t')
			return i;
		i++;
	}
	while (i < s.n && !is_control(s.p[i]))
		i++;
	return i;
}

const char *
lex_control_reason(char c)
{
	if (c == '\n')
		return "a line ends in LF without CR";
	if (c == '\r')
		return "CR without LF";
	if (c == '\0')
		return "NUL byte";
	return "control byte";
}

void
lex_squeeze(struct lex_squeezed *s, char c)
{
	if (!lex_is(c, LEX_FIELD) || c == '-' || s->n > sizeof(s->letters))
		return;
	if (s->n < sizeof(s->letters))
		s->letters[s->n] = lex_lower(c);
	s->n++;
}

bool
lex_squeezed_frames(const struct lex_squeezed *s)
{
	static const struct span names[] = {
		SPAN_INIT("contentlength"),
		SPAN_INIT("transferencoding"),
		SPAN_INIT("host"),
		SPAN_INIT("connection"),
		SPAN_INIT("te"),
		SPAN_INIT("trailer"),
		SPAN_INIT("upgrade"),
	};

	if (s->n > sizeof(s->letters))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_eq(span_of(s->letters, s->n), names[i]))
			return true;
	}
	return false;
}

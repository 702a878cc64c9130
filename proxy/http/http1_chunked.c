/* SPDX-License-Identifier: ISC */
/*
 * http1_chunked: the chunked coding taken apart, strictly (RFC 9112 7.1).
 *
 *	SIZE -> [BLANK] -> [EXT...] -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE
 *	                                  \ 0 -> LINE -> NAME -> VALUE -> VALUE_LF -> LINE
 *	                                            \ CR -> END_LF -> DONE
 *
 * Everything around the data goes byte by byte through one small machine, so input may be cut
 * anywhere. The data itself is handed out in runs and never looked at.
 */
#include "proxy/http/http1_internal.h"
#include "proxy/http/http1_lex.h"

#define SIZE_DIGITS_MAX 15       /* 2^60: nothing overflows, nobody needs more */
#define EXTENSION_BYTES_MAX 4096 /* above what the data so far makes up for */
#define TRAILER_BYTES_MAX 8192

enum chunk_state {
	CHUNK_SIZE,
	CHUNK_BLANK,     /* behind the size; only ';' may follow */
	CHUNK_EXT_START, /* behind ';' */
	CHUNK_EXT,
	CHUNK_QUOTED,
	CHUNK_QUOTED_PAIR,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	TRAILER_LINE,
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_VALUE_LF,
	TRAILER_END_LF,
	CHUNKS_DONE,
	CHUNKS_BROKEN,
};

static const char *
size_digit(struct http1_chunked *c, char byte)
{
	int digit = lex_hex(byte);

	if (digit >= 0) {
		if (++c->digits > SIZE_DIGITS_MAX)
			return "a chunk size with too many digits";
		c->left = c->left << 4 | (unsigned)digit;
		return NULL;
	}
	if (c->digits == 0)
		return "a chunk without a size";
	if (byte == '\r')
		c->state = CHUNK_SIZE_LF;
	else if (byte == ';')
		c->state = CHUNK_EXT_START;
	else if (lex_is_blank(byte))
		c->state = CHUNK_BLANK;
	else
		return "an invalid byte in a chunk size";
	return NULL;
}

/* One byte of ";name=value"; what it says is of no interest, where it ends is. */
static const char *
extension_byte(struct http1_chunked *c, char byte)
{
	if (++c->extension_bytes > EXTENSION_BYTES_MAX)
		return "chunk extensions are too large";
	switch (c->state) {
	case CHUNK_BLANK:
		if (byte == ';')
			c->state = CHUNK_EXT_START;
		else if (!lex_is_blank(byte))
			return "a blank behind a chunk size";
		return NULL;
	case CHUNK_EXT_START:
		if (lex_is(byte, LEX_TOKEN))
			c->state = CHUNK_EXT;
		else if (!lex_is_blank(byte))
			return "a chunk extension without a name";
		return NULL;
	case CHUNK_QUOTED_PAIR:
		c->state = CHUNK_QUOTED;
		break;
	case CHUNK_QUOTED:
		if (byte == '"')
			c->state = CHUNK_EXT;
		else if (byte == '\\')
			c->state = CHUNK_QUOTED_PAIR;
		break;
	default: /* CHUNK_EXT */
		if (byte == '\r') {
			c->state = CHUNK_SIZE_LF;
			return NULL;
		}
		if (byte == '"')
			c->state = CHUNK_QUOTED;
		else if (byte == ';')
			c->state = CHUNK_EXT_START;
		break;
	}
	return lex_text(span_of(&byte, 1)) ? NULL : "a control byte in a chunk extension";
}

static void
size_known(struct http1_chunked *c)
{
	c->digits = 0;
	c->state = c->left ? CHUNK_DATA : TRAILER_LINE;
	if (c->extension_bytes > c->left)
		c->extension_bytes -= (unsigned)c->left;
	else
		c->extension_bytes = 0;
}

static const char *
frame_byte(struct http1_chunked *c, char byte)
{
	switch (c->state) {
	case CHUNK_SIZE:
		return size_digit(c, byte);
	case CHUNK_SIZE_LF:
		if (byte != '\n')
			return "CR without LF behind a chunk size";
		size_known(c);
		return NULL;
	case CHUNK_DATA_CR:
		c->state = CHUNK_DATA_LF;
		return byte == '\r' ? NULL : "chunk data without CRLF behind it";
	case CHUNK_DATA_LF:
		c->state = CHUNK_SIZE;
		return byte == '\n' ? NULL : "chunk data without CRLF behind it";
	default:
		return extension_byte(c, byte);
	}
}

static const char *
trailer_name_byte(struct http1_chunked *c, char byte)
{
	if (lex_is(byte, LEX_TOKEN)) {
		c->state = TRAILER_NAME;
		lex_squeeze(&c->name, byte);
		return NULL;
	}
	if (byte != ':' || c->state == TRAILER_LINE)
		return "an invalid byte in a trailer field's name";
	if (lex_squeezed_frames(&c->name))
		return "a framing field in the trailer";
	c->name = (struct lex_squeezed){ 0 };
	c->state = TRAILER_VALUE;
	return NULL;
}

static const char *
trailer_byte(struct http1_chunked *c, char byte)
{
	if (++c->trailer_bytes > TRAILER_BYTES_MAX)
		return "the trailer is too large";
	switch (c->state) {
	case TRAILER_LINE:
		if (byte == '\r') {
			c->state = TRAILER_END_LF;
			return NULL;
		}
		return trailer_name_byte(c, byte);
	case TRAILER_NAME:
		return trailer_name_byte(c, byte);
	case TRAILER_VALUE:
		if (byte == '\r')
			c->state = TRAILER_VALUE_LF;
		else if (lex_text(span_of(&byte, 1)) == 0)
			return lex_control_reason(byte);
		return NULL;
	case TRAILER_VALUE_LF:
		c->state = TRAILER_LINE;
		return byte == '\n' ? NULL : lex_control_reason('\r');
	default: /* TRAILER_END_LF */
		c->state = CHUNKS_DONE;
		return byte == '\n' ? NULL : lex_control_reason('\r');
	}
}

static struct span
take_data(struct http1_chunked *c, struct span bytes)
{
	size_t n = bytes.n < c->left ? bytes.n : (size_t)c->left;

	c->left -= n;
	if (c->left == 0)
		c->state = CHUNK_DATA_CR;
	return span_of(bytes.p, n);
}

enum parse_result
http1_chunked_read(struct http1_chunked *c, struct span bytes, size_t *used, struct span *data,
    struct buf *trailer, const char **why)
{
	const char *reason = NULL;
	size_t i = 0;

	*data = span_of(NULL, 0);
	while (!reason && i < bytes.n && c->state != CHUNK_DATA && c->state < CHUNKS_DONE) {
		char byte = bytes.p[i++];

		if (c->state < TRAILER_LINE) {
			reason = frame_byte(c, byte);
			continue;
		}
		/* All but the empty line at the end. */
		if (trailer && !(c->state == TRAILER_LINE && byte == '\r') &&
		    c->state != TRAILER_END_LF && buf_add_char(trailer, byte) < 0)
			reason = "the trailer is too large";
		else
			reason = trailer_byte(c, byte);
	}
	*used = i;
	if (reason) {
		c->state = CHUNKS_BROKEN;
		return parse_bad(why, reason);
	}
	if (c->state == CHUNKS_BROKEN)
		return parse_bad(why, "reading on behind a broken chunk");
	if (c->state == CHUNK_DATA) {
		*data = take_data(c, span_after(bytes, i));
		*used += data->n;
	}
	return c->state == CHUNKS_DONE ? PARSE_OK : PARSE_MORE;
}

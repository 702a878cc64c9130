/* SPDX-License-Identifier: ISC */
/*
 * encode: bytes as text and back: base64, base64url (RFC 4648, no padding), hex, percent, JSON strings.
 *
 * Encoders append to a buf and return its result. Decoders are strict: they
 * refuse blanks, wrong padding and non-zero trailing bits, and return -1 with
 * the buffer's content as it was.
 */
#ifndef BASE_ENCODE_H
#define BASE_ENCODE_H

#include "base/buf.h"

int encode_base64(struct buf *out, struct span in);
int encode_base64url(struct buf *out, struct span in);
/* Lower case. */
int encode_hex(struct buf *out, struct span in);
/* "AA:BB", upper case, as openssl prints fingerprints. */
int encode_hex_colon(struct buf *out, struct span in);
/* RFC 3986: everything but unreserved and the bytes in keep becomes %XX. */
int encode_percent(struct buf *out, struct span in, const char *keep);
/* The inside of a JSON string: quotes, backslash, control bytes escaped; bytes >= 0x80 pass. */
int encode_json(struct buf *out, struct span in);
/*
 * For a terminal or a line of a report: UTF-8 passes, but control characters (C1 too), what turns or hides text (bidi
 * controls, zero widths, line separators), backslash and broken UTF-8 become \xHH, byte by byte.
 */
int encode_visible(struct buf *out, struct span in);

int decode_base64(struct buf *out, struct span in) __attribute__((warn_unused_result));
int decode_base64url(struct buf *out, struct span in) __attribute__((warn_unused_result));
int decode_hex(struct buf *out, struct span in) __attribute__((warn_unused_result));

#endif

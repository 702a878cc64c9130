/* SPDX-License-Identifier: ISC */
/*
 * uri_encode: decoded paths and captures, put back into URLs and request targets.
 */
#ifndef PROXY_HTTP_URI_ENCODE_H
#define PROXY_HTTP_URI_ENCODE_H

#include "base/arena.h"

enum uri_encoding {
	URI_ENCODE_PATH, /* nginx's NGX_ESCAPE_URI */
	URI_ENCODE_ARGS, /* the same, and "&", "+" and ";": NGX_ESCAPE_ARGS */
	/* Only what would end a target or its line: for one that is encoded already. */
	URI_ENCODE_CONTROLS,
};

struct span uri_encode(struct span text, enum uri_encoding encoding, struct arena *arena);
/*
 * Undo in the path of a redirect's target what needs no escape: %XX of visible bytes above "%", to the first "?"
 * (nginx's NGX_UNESCAPE_REDIRECT).
 */
struct span uri_decode_redirect(struct span target, struct arena *arena);

#endif

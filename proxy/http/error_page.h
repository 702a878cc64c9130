/* SPDX-License-Identifier: ISC */
/*
 * error_page: reason phrases and the small built-in pages.
 *
 * Phrases, titles and layout are nginx's, so that a client sees the same bytes but for the signature.
 */
#ifndef PROXY_HTTP_ERROR_PAGE_H
#define PROXY_HTTP_ERROR_PAGE_H

#include "base/arena.h"
#include "base/span.h"

#include <stdbool.h>

/* Causes with a page of their own that the client sees as 400: what fails is told apart inside only. */
enum {
	STATUS_HEADER_TOO_LARGE = 494,
	STATUS_CERTIFICATE_ERROR = 495,
	STATUS_NO_CERTIFICATE = 496,
	STATUS_PLAIN_TO_TLS = 497,
};

/* The code for the status line, for $status and the log: 400 for 494 to 497, else itself. */
unsigned error_page_wire_status(unsigned status);

/* "Not Found"; nginx's phrases; empty for codes without one. */
struct span error_page_reason(unsigned status);

/*
 * "<html>..." for 3xx (301, 302, 303, 307, 308), 4xx, 5xx; as nginx's, with our own signature ("tinyproxyd", with
 * /version when tokens). Empty when the code has none: then the response has no body and no
 * Content-Type either.
 */
struct span error_page_body(unsigned status, bool tokens, struct arena *arena);

/* The same signature as the page's, for the Server field. */
struct span error_page_signature(bool tokens);

#endif

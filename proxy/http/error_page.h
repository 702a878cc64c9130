/* SPDX-License-Identifier: ISC */
/*
 * error_page: reason phrases and the small built-in pages.
 */
#ifndef PROXY_HTTP_ERROR_PAGE_H
#define PROXY_HTTP_ERROR_PAGE_H

#include "proxy/http/request.h"

/* "Not Found"; nginx's phrases; empty for codes without one. */
struct span error_page_reason(unsigned status);
/* "<html>..." for 3xx (301, 302, 303, 307, 308), 4xx, 5xx; as nginx's, with our own signature ("tinyproxyd", with /version when tokens); empty if there is none. */
struct span error_page_body(unsigned status, bool tokens, struct arena *arena);

#endif

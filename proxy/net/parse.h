/* SPDX-License-Identifier: ISC */
/*
 * parse: what a resumable parser of outside bytes answers.
 */
#ifndef PROXY_NET_PARSE_H
#define PROXY_NET_PARSE_H

/* Understood; sound so far but not whole: call again with more; never going to be right. */
enum parse_result { PARSE_OK, PARSE_MORE, PARSE_BAD };

#endif

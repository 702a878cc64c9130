/* SPDX-License-Identifier: ISC */
/*
 * address: the parts of a socket address as text and number.
 *
 * A struct sockaddr here is as long as its family's struct, with zeros behind a unix path: that of a struct address, or
 * a copy made here. One that is not known is AF_UNSPEC.
 */
#ifndef PROXY_NET_ADDRESS_H
#define PROXY_NET_ADDRESS_H

#include "base/arena.h"
#include "proxy/config/snapshot.h"

/* Copies of two that the kernel gave, in one piece: free() the first. */
struct sockaddr *address_dup_two(const struct sockaddr *first, socklen_t first_len,
    const struct sockaddr *second, socklen_t second_len, const struct sockaddr **second_copy);
/* Of the family's struct. */
socklen_t address_size(const struct sockaddr *sa);

/* 0 for unix sockets and addresses that are not known. */
unsigned address_port(const struct sockaddr *sa);
/* "127.0.0.1"; "::1", in brackets where a URL wants them; "unix:" and the path, if any; empty when not known. */
struct span address_host(const struct sockaddr *sa, bool brackets, struct arena *arena);
/* 4 or 16 bytes in network order; the path of a unix socket; empty when not known. Points into sa. */
struct span address_binary(const struct sockaddr *sa);
/* 0.0.0.0, [::] */
bool address_is_wildcard(const struct sockaddr *sa);
/* 127.0.0.0/8, [::1] */
bool address_is_loopback(const struct sockaddr *sa);
/* "127.0.0.1:80", "[::1]:80", "unix:" without its path; in out. */
#define ADDRESS_TEXT 48
struct span address_text(const struct sockaddr *sa, char out[ADDRESS_TEXT]);
/* The same host at another port. a is of IPv4 or IPv6; without text. */
struct address address_with_port(const struct address *a, uint16_t port);

#endif

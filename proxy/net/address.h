/* SPDX-License-Identifier: ISC */
/*
 * address: the parts of a socket address as text and number.
 */
#ifndef PROXY_NET_ADDRESS_H
#define PROXY_NET_ADDRESS_H

#include "base/arena.h"
#include "proxy/config/snapshot.h"

/* 0 for unix sockets and addresses that are not known. */
unsigned address_port(const struct address *a);
/* "127.0.0.1"; "::1", in brackets where a URL wants them; "unix:" and the path, if any; empty when not known. */
struct span address_host(const struct address *a, bool brackets, struct arena *arena);
/* 4 or 16 bytes in network order; the path of a unix socket; empty when not known. Points into a. */
struct span address_binary(const struct address *a);
/* 0.0.0.0, [::] */
bool address_is_wildcard(const struct address *a);
/* 127.0.0.0/8, [::1] */
bool address_is_loopback(const struct address *a);
/* The same host at another port. a is of IPv4 or IPv6; without text. */
struct address address_with_port(const struct address *a, uint16_t port);

#endif

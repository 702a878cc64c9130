/* SPDX-License-Identifier: ISC */
/*
 * listener: the sockets of a snapshot's listen directives, bound once and kept across reloads.
 */
#ifndef PROXY_MONITOR_LISTENER_H
#define PROXY_MONITOR_LISTENER_H

#include "base/err.h"
#include "proxy/config/snapshot.h"
#include "proxy/monitor/resource.h"

/*
 * The socket for l, from the table when it has one, else bound and listening. Returns NULL with e set in nginx's words
 * ("bind() to 0.0.0.0:80 failed (98: Address already in use)") and a hint that names the holder if it can be found;
 * *busy tells that trying again later may help.
 */
struct resource *listener_open(struct resource_table *t, const struct listener *l, bool *busy,
    struct err *e);

/* Could it be bound? An address in use is fine: most likely by the running tinyproxyd. For -t. */
int listener_try(const struct listener *l, struct err *e) __attribute__((warn_unused_result));

/*
 * A listening unix socket at path with this mode. A socket file that nobody listens on any more is replaced;
 * anything else in the way is EADDRINUSE. Returns the descriptor or -1 with errno.
 */
int unix_socket_listen(const char *path, mode_t mode, int backlog)
    __attribute__((warn_unused_result));

#endif

/* SPDX-License-Identifier: ISC */
/*
 * socket_holder: which process listens on a TCP port, for an error message that helps.
 */
#ifndef PROXY_MONITOR_SOCKET_HOLDER_H
#define PROXY_MONITOR_SOCKET_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* "nginx (pid 123)" into out; false when /proc does not tell. sa: AF_INET or AF_INET6. */
bool socket_holder_find(const struct sockaddr *sa, char *out, size_t size);

#endif

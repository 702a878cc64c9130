/* SPDX-License-Identifier: ISC */
/*
 * control: the monitor's unix socket: one line of JSON in, one line of JSON out, closed.
 *
 *	{"cmd":"reload"}   {"schema":1,"ok":true,"generation":7,...}
 *	{"cmd":"status"}   {"schema":1,"ok":false,"errors":[{"text":"...","file":"...","line":12,"hint":"..."}]}
 *
 * Only the monitor's own user and root are answered. Requests are bounded in size and time, clients in number. An answer
 * may take as long as the work: a request gets a ticket, and whoever holds that ticket is answered when it is done.
 */
#ifndef PROXY_MONITOR_CONTROL_H
#define PROXY_MONITOR_CONTROL_H

#include "base/buf.h"
#include "base/err.h"
#include "proxy/config/snapshot.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#define CONTROL_SOCKET_DEFAULT GATEHOUSE_RUNSTATEDIR "/tinyproxyd/ctl.sock"
#define CONTROL_REQUEST_MAX 4096
#define CONTROL_ANSWER_MAX (64 << 20)
#define CONTROL_CLIENTS 16

enum control_command {
	CONTROL_RELOAD,
	CONTROL_STATUS,
	CONTROL_CERTS,
	CONTROL_CONNECTIONS,
	CONTROL_UPSTREAMS,
	CONTROL_DRAIN,
	CONTROL_UNDRAIN,
};

struct control_request {
	enum control_command command;
	char *upstream, *server; /* of drain and undrain; upstream NULL = in each that has it */
};

/*
 * Where the socket is: where "control_socket" says; if it says nothing, beside the pid file, ".ctl" for ".pid"; with a
 * default pid file CONTROL_SOCKET_DEFAULT. The caller frees.
 */
char *control_path(const struct main_settings *settings);

/* A request line without its newline. On success the request is to be released. */
int control_parse(struct span line, struct control_request *request, struct err *e)
    __attribute__((warn_unused_result));
void control_request_release(struct control_request *request);

struct control;

/* The ticket on which the request is answered. Called from control_ready; must not call back. */
struct control_handler {
	uint64_t (*request)(void *ctx, const struct control_request *request);
	void *ctx;
};

struct control *control_new(const char *path, const struct control_handler *handler, struct err *e);
/* Listen at path instead; clients stay. On failure nothing has changed. */
int control_move(struct control *c, const char *path, struct err *e)
    __attribute__((warn_unused_result));
/* Removes the socket file if it is still ours. Takes NULL. */
void control_free(struct control *c);
const char *control_socket_path(const struct control *c);

/* What to wait for: up to CONTROL_CLIENTS + 1 entries; returns how many. */
size_t control_poll(const struct control *c, struct pollfd *fds);
/* By when control_ready wants to be called whatever happens; 0 = never. */
int64_t control_deadline_ms(const struct control *c);
/* After poll(2), with the entries of control_poll. */
void control_ready(struct control *c, const struct pollfd *fds, size_t count);

/* Everybody with this ticket gets the answer: one line, its newline added here. */
void control_answer(struct control *c, uint64_t ticket, struct span answer);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * control: a handful of clients in a fixed table, each read, waiting or written to.
 *
 *	FREE --accept--> READING --request--> WAITING --answer--> WRITING --sent--> FREE
 *
 * The monitor polls; nothing here blocks, and no client is freed while it is looked at.
 */
#include "proxy/monitor/control.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "proxy/monitor/listener.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUEST_MS 10000 /* to send the request in, and to read the answer in */

enum client_state { CLIENT_FREE, CLIENT_READING, CLIENT_WAITING, CLIENT_WRITING };

struct client {
	enum client_state state;
	int fd;
	int64_t deadline_ms;
	uint64_t ticket;
	struct buf in, out;
};

struct control {
	int fd;
	char *path;
	struct stat identity; /* of the socket file */
	struct control_handler handler;
	struct client clients[CONTROL_CLIENTS];
};

char *
control_path(const struct main_settings *settings)
{
	struct span pid_path = settings->pid;

	if (settings->control_socket.n)
		return mem_dup_span(settings->control_socket);
	if (span_eq(pid_path, SPAN(GATEHOUSE_RUNSTATEDIR "/tinyproxyd/tinyproxyd.pid")))
		return mem_strdup(CONTROL_SOCKET_DEFAULT);
	if (span_ends(pid_path, SPAN(".pid")))
		pid_path.n -= 4;
	return mem_printf(SPAN_FMT ".ctl", SPAN_ARG(pid_path));
}

void
control_request_release(struct control_request *request)
{
	free(request->upstream);
	free(request->server);
	*request = (struct control_request){ 0 };
}

/* Which server of which upstream. */
static int
parse_server(const cJSON *json, struct control_request *request, struct err *e)
{
	const cJSON *upstream = cJSON_GetObjectItemCaseSensitive(json, "upstream");
	const cJSON *server = cJSON_GetObjectItemCaseSensitive(json, "server");

	if (!cJSON_IsString(server))
		return err_set(e, ERR_DATA, "the request has no \"server\"");
	if (upstream && !cJSON_IsString(upstream))
		return err_set(e, ERR_DATA, "\"upstream\" of the request is not a string");
	request->server = mem_strdup(server->valuestring);
	request->upstream = upstream ? mem_strdup(upstream->valuestring) : NULL;
	return 0;
}

int
control_parse(struct span line, struct control_request *request, struct err *e)
{
	static const char *const names[] = {
		[CONTROL_RELOAD] = "reload",
		[CONTROL_STATUS] = "status",
		[CONTROL_CERTS] = "certs",
		[CONTROL_CONNECTIONS] = "connections",
		[CONTROL_UPSTREAMS] = "upstreams",
		[CONTROL_DRAIN] = "drain",
		[CONTROL_UNDRAIN] = "undrain",
	};
	const char *end = NULL;
	const cJSON *cmd;
	cJSON *json;
	int rc = -1;

	json = line.n ? cJSON_ParseWithLengthOpts(line.p, line.n, &end, false) : NULL;
	if (!json || !cJSON_IsObject(json) ||
	    span_trim(span_after(line, (size_t)(end - line.p))).n != 0) {
		err_set(e, ERR_DATA, "the request is not a JSON object");
		goto out;
	}
	cmd = cJSON_GetObjectItemCaseSensitive(json, "cmd");
	if (!cJSON_IsString(cmd)) {
		err_set(e, ERR_DATA, "the request has no \"cmd\"");
		goto out;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(cmd->valuestring, names[i]) == 0) {
			*request = (struct control_request){ .command = (enum control_command)i };
			rc = i >= CONTROL_DRAIN ? parse_server(json, request, e) : 0;
			goto out;
		}
	}
	err_set(e, ERR_DATA, "unknown command \"%.64s\"", cmd->valuestring);
	err_hint(e, "known: reload, status, certs, connections, upstreams, drain, undrain");
out:
	cJSON_Delete(json);
	return rc;
}

/* The directory of the default socket is made when it is missing: nobody else does. */
static int
make_default_directory(const char *path, struct err *e)
{
	if (strcmp(path, CONTROL_SOCKET_DEFAULT) != 0)
		return 0;
	return file_make_dirs(GATEHOUSE_RUNSTATEDIR "/tinyproxyd", 0755, e);
}

static int
listen_at(struct control *c, const char *path, struct err *e)
{
	int fd;

	if (make_default_directory(path, e) < 0)
		return -1;
	fd = unix_socket_listen(path, 0600, CONTROL_CLIENTS);
	if (fd < 0) {
		int why = errno;

		err_set_errno(e, why, "cannot listen on the control socket %s", path);
		if (why == EADDRINUSE)
			err_hint(e, "another tinyproxyd with the same pid file is running");
		return -1;
	}
	c->fd = fd;
	c->path = mem_strdup(path);
	(void)stat(path, &c->identity);
	return 0;
}

static void
stop_listening(struct control *c)
{
	struct stat now;

	if (stat(c->path, &now) == 0 && now.st_dev == c->identity.st_dev &&
	    now.st_ino == c->identity.st_ino)
		(void)unlink(c->path);
	close(c->fd);
	free(c->path);
}

struct control *
control_new(const char *path, const struct control_handler *handler, struct err *e)
{
	struct control *c = mem_zalloc(sizeof(*c));

	if (listen_at(c, path, e) < 0) {
		free(c);
		return NULL;
	}
	c->handler = *handler;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		buf_init(&c->clients[i].in, CONTROL_REQUEST_MAX);
		buf_init(&c->clients[i].out, CONTROL_ANSWER_MAX);
	}
	return c;
}

int
control_move(struct control *c, const char *path, struct err *e)
{
	struct control old = *c;

	if (listen_at(c, path, e) < 0)
		return -1;
	stop_listening(&old);
	return 0;
}

static void
client_close(struct client *cl)
{
	close(cl->fd);
	buf_release(&cl->in);
	buf_release(&cl->out);
	cl->state = CLIENT_FREE;
}

void
control_free(struct control *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->clients[i].state != CLIENT_FREE)
			client_close(&c->clients[i]);
	}
	stop_listening(c);
	free(c);
}

const char *
control_socket_path(const struct control *c)
{
	return c->path;
}

static void
client_write(struct client *cl)
{
	while (cl->out.len > 0) {
		ssize_t n = send(cl->fd, cl->out.p, cl->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;
		buf_consume(&cl->out, (size_t)n);
	}
	client_close(cl);
}

static void
client_answer(struct client *cl, struct span answer)
{
	(void)buf_add(&cl->out, answer);
	(void)buf_add_char(&cl->out, '\n');
	cl->state = CLIENT_WRITING;
	cl->deadline_ms = clock_mono_ms() + REQUEST_MS;
	client_write(cl);
}

static void
client_refuse(struct client *cl, const struct err *e)
{
	struct buf answer;

	buf_init(&answer, CONTROL_REQUEST_MAX);
	(void)buf_add_str(&answer, "{\"schema\":1,\"ok\":false,\"errors\":[{\"text\":\"");
	(void)encode_json(&answer, span_str(err_text(e)));
	if (e->hint) {
		(void)buf_add_str(&answer, "\",\"hint\":\"");
		(void)encode_json(&answer, span_str(e->hint));
	}
	(void)buf_add_str(&answer, "\"}]}");
	client_answer(cl, buf_span(&answer));
	buf_release(&answer);
}

static void
client_request(struct control *c, struct client *cl, struct span line)
{
	struct control_request request;
	struct err e = ERR_INIT;

	if (control_parse(line, &request, &e) < 0) {
		client_refuse(cl, &e);
		err_release(&e);
		return;
	}
	cl->state = CLIENT_WAITING;
	cl->deadline_ms = 0;
	cl->ticket = c->handler.request(c->handler.ctx, &request);
	control_request_release(&request);
}

static void
client_read(struct control *c, struct client *cl)
{
	char *room = buf_reserve(&cl->in, 512);
	struct err e = ERR_INIT;
	ptrdiff_t end;
	ssize_t n;

	if (!room) {
		err_set(&e, ERR_DATA, "the request is longer than %d bytes", CONTROL_REQUEST_MAX);
		client_refuse(cl, &e);
		err_release(&e);
		return;
	}
	n = recv(cl->fd, room, 512, MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		client_close(cl);
		return;
	}
	cl->in.len += (size_t)n;
	end = span_find(buf_span(&cl->in), '\n');
	if (end >= 0)
		client_request(c, cl, span_of(cl->in.p, (size_t)end));
}

/* A waiting client says nothing more; what it sends is dropped, and when it goes it is forgotten. */
static void
client_watch(struct client *cl)
{
	char dropped[256];
	ssize_t n = recv(cl->fd, dropped, sizeof(dropped), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		client_close(cl);
}

static bool
peer_allowed(int fd)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return false;
	return cred.uid == 0 || cred.uid == geteuid();
}

static void
accept_client(struct control *c)
{
	struct client *cl = c->clients;
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!peer_allowed(fd)) {
		close(fd);
		return;
	}
	/* control_poll does not ask for new ones when the table is full. */
	while (cl < c->clients + CONTROL_CLIENTS && cl->state != CLIENT_FREE)
		cl++;
	if (cl == c->clients + CONTROL_CLIENTS) {
		close(fd);
		return;
	}
	cl->state = CLIENT_READING;
	cl->fd = fd;
	cl->deadline_ms = clock_mono_ms() + REQUEST_MS;
}

size_t
control_poll(const struct control *c, struct pollfd *fds)
{
	size_t n = 0;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		const struct client *cl = &c->clients[i];

		if (cl->state != CLIENT_FREE)
			fds[n++] = (struct pollfd){
				.fd = cl->fd,
				.events = cl->state == CLIENT_WRITING ? POLLOUT : POLLIN,
			};
	}
	if (n < CONTROL_CLIENTS)
		fds[n++] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
	return n;
}

int64_t
control_deadline_ms(const struct control *c)
{
	int64_t first = 0;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		const struct client *cl = &c->clients[i];

		if (cl->state != CLIENT_FREE && cl->deadline_ms &&
		    (!first || cl->deadline_ms < first))
			first = cl->deadline_ms;
	}
	return first;
}

static void
client_ready(struct control *c, struct client *cl)
{
	switch (cl->state) {
	case CLIENT_READING:
		client_read(c, cl);
		break;
	case CLIENT_WAITING:
		client_watch(cl);
		break;
	case CLIENT_WRITING:
		client_write(cl);
		break;
	case CLIENT_FREE:
		break;
	}
}

void
control_ready(struct control *c, const struct pollfd *fds, size_t count)
{
	int64_t now = clock_mono_ms();

	for (size_t k = 0; k < count; k++) {
		if (!fds[k].revents)
			continue;
		if (fds[k].fd == c->fd) {
			accept_client(c);
			continue;
		}
		for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
			if (c->clients[i].state != CLIENT_FREE && c->clients[i].fd == fds[k].fd) {
				client_ready(c, &c->clients[i]);
				break;
			}
		}
	}
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *cl = &c->clients[i];

		if (cl->state != CLIENT_FREE && cl->deadline_ms && now >= cl->deadline_ms)
			client_close(cl);
	}
}

void
control_answer(struct control *c, uint64_t ticket, struct span answer)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *cl = &c->clients[i];

		if (cl->state == CLIENT_WAITING && cl->ticket == ticket)
			client_answer(cl, answer);
	}
}

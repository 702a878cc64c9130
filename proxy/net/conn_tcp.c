/* SPDX-License-Identifier: ISC */
/* conn_tcp: see conn_tcp.h. */
#include "proxy/net/conn_tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static void
set_option(const struct conn *c, int option, int value)
{
	setsockopt(c->watch.fd, IPPROTO_TCP, option, &value, sizeof(value));
}

void
conn_before_write(struct conn *c)
{
	if (!c->nodelay_later || c->bytes_out == 0)
		return;
	c->nodelay_later = 0;
	set_option(c, TCP_NODELAY, 1);
}

void
conn_release_ack(struct conn *c)
{
	if (!c->ack_held)
		return;
	c->ack_held = 0;
	set_option(c, TCP_QUICKACK, 1);
}

void
conn_push(struct conn *c)
{
	c->unpushed = 0;
	set_option(c, TCP_CORK, 0);
}

void
conn_push_end(struct conn *c)
{
	if (!c->unpushed)
		return;
	c->unpushed = 0;
	shutdown(c->watch.fd, SHUT_WR);
}

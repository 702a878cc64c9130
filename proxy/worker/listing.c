/* SPDX-License-Identifier: ISC */
/* listing: see listing.h. */
#include "proxy/worker/listing.h"

#include "proxy/http/client_conn.h"
#include "proxy/net/address.h"
#include "proxy/upstream/upstream_report.h"
#include "proxy/worker/listen_slot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Of a request line. */
#define FIELD_MAX 200

struct listing {
	int sock;
	unsigned messages;
	bool full, failed;
	struct channel_message m;
};

static void
send_rows(struct listing *l)
{
	if (l->m.text_length == 0 || l->full)
		return;
	if (l->messages == LISTING_MESSAGES_MAX || channel_send(l->sock, &l->m, -1) < 0) {
		l->full = true;
		l->failed = l->messages < LISTING_MESSAGES_MAX && errno != EAGAIN;
	}
	l->messages++;
	l->m.text_length = 0;
}

/* Control bytes would end a field or a row. */
static void
add_row(struct listing *l, char *row, int n)
{
	if (n <= 0 || n >= CHANNEL_TEXT_MAX)
		return;
	for (int i = 0; i + 1 < n; i++) {
		if (((unsigned char)row[i] < ' ' && row[i] != '\t') || row[i] == 0x7f)
			row[i] = '?';
	}
	if (l->m.text_length + (size_t)n > CHANNEL_TEXT_MAX)
		send_rows(l);
	memcpy(l->m.text + l->m.text_length, row, (size_t)n);
	l->m.text_length += (uint32_t)n;
}

static struct span
request_line(const struct client_conn *cc)
{
	const struct request *r = cc->wire->next_request(cc, NULL);
	struct span line = r ? r->request_line : span_of(NULL, 0);

	if (line.n > FIELD_MAX)
		line.n = FIELD_MAX;
	return line;
}

static void
add_connection(struct listing *l, const struct client_conn *cc, int64_t now_ms)
{
	const struct client *c = &cc->client;
	const char *doing = cc->conn.handshaking ? " while SSL handshaking" : cc->wire->doing(cc);
	struct span request = request_line(cc);
	char line[FIELD_MAX + 1], row[CHANNEL_TEXT_MAX], client[ADDRESS_TEXT];
	int n;

	/* A tab in it would be a field of its own. */
	for (size_t i = 0; i < request.n; i++)
		line[i] = request.p[i] == '\t' ? ' ' : request.p[i];
	n = snprintf(row, sizeof(row),
	    "%llu\t" SPAN_FMT "\t" SPAN_FMT "\t%s\t%d\t%u\t%lld\t%llu\t%llu\t%s\t%.*s\n",
	    (unsigned long long)c->number, SPAN_ARG(address_text(c->remote, client)),
	    SPAN_ARG(c->slot->listener->address.text),
	    cc->wire == &http1_wire ? "HTTP/1.1" : "HTTP/2", conn_is_tls(&cc->conn), c->requests,
	    (long long)(now_ms - c->started_ms), (unsigned long long)cc->conn.bytes_in,
	    (unsigned long long)cc->conn.bytes_out,
	    strncmp(doing, " while ", 7) == 0 ? doing + 7 : doing, (int)request.n, line);
	add_row(l, row, n);
}

static void
add_peer(void *ctx, const struct upstream_report *p)
{
	char row[CHANNEL_TEXT_MAX];
	int n = snprintf(row, sizeof(row), SPAN_FMT "\t" SPAN_FMT "\t%s\t%u\t%u\t%u\t%u\n",
	    SPAN_ARG(p->group), SPAN_ARG(p->peer), p->state, p->weight, p->fails, p->max_fails,
	    p->connections);

	add_row(ctx, row, n);
}

int
listing_send(struct worker *w, int sock, uint32_t what)
{
	struct listing l = { .sock = sock, .m = { .kind = CHANNEL_ROWS, .id = what } };
	int64_t now_ms = loop_now_ms(w->loop);

	if (what == CHANNEL_LIST_CONNECTIONS) {
		for (const struct client_conn *cc = w->clients; cc; cc = cc->next)
			add_connection(&l, cc, now_ms);
	} else if (w->generation) {
		upstream_report_each(w->generation, now_ms, add_peer, &l);
	}
	send_rows(&l);
	l.m = (struct channel_message){ .kind = CHANNEL_LISTED, .id = what, .generation = l.full };
	return l.failed || channel_send(sock, &l.m, -1) < 0 ? -1 : 0;
}

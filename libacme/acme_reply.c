/* SPDX-License-Identifier: ISC */
/*
 * acme_reply: header fields, one after another; the last of a name counts, but of Link every one.
 */
#include "libacme/acme_reply.h"

#include "base/clock.h"
#include "base/mem.h"
#include "libacme/acme_json.h"
#include "libacme/acme_link.h"

#include <stdlib.h>

#define NONCE_MAX 256
#define ALTERNATES_MAX 16
#define RETRY_AFTER_MAX ((uint64_t)366 * 86400)

void
acme_reply_reset(struct acme_reply *reply)
{
	for (size_t i = 0; i < reply->alternate_count; i++)
		free(reply->alternates[i]);
	free(reply->alternates);
	free(reply->nonce);
	free(reply->location);
	free(reply->retry_after);
	*reply = (struct acme_reply){ .retry_after_ms = -1, .peer = "" };
}

/* RFC 8555 6.5.1: a nonce is base64url. */
bool
acme_reply_nonce_ok(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '-' || c == '_'))
			return false;
	}
	return s.n > 0 && s.n <= NONCE_MAX;
}

/* RFC 9110 10.2.3: seconds, or a date, which is the server's clock's: counted from its Date, if it sent one. */
static int64_t
delay_ms(const struct acme_reply *reply)
{
	struct span value = span_str(reply->retry_after ? reply->retry_after : "");
	uint64_t seconds;
	int64_t wall;

	if (span_to_u64(value, RETRY_AFTER_MAX, &seconds) == 0)
		return (int64_t)seconds * 1000;
	if (clock_parse_http(value, &wall) == 0) {
		int64_t delay = wall - (reply->date ? reply->date : clock_wall());

		return delay > (int64_t)RETRY_AFTER_MAX ? (int64_t)RETRY_AFTER_MAX * 1000
		       : delay > 0                      ? delay * 1000
							: 0;
	}
	return -1;
}

void
acme_reply_read_delay(struct acme_reply *reply)
{
	reply->retry_after_ms = delay_ms(reply);
}

static void
read_links(struct acme_reply *reply, struct span value)
{
	struct span url, relation;

	while (acme_link_next(&value, &url, &relation)) {
		char *copy;

		if (!span_eq_nocase(relation, SPAN("alternate")) ||
		    reply->alternate_count == ALTERNATES_MAX)
			continue;
		copy = mem_dup_span(url);
		if (!acme_url_ok(copy)) {
			free(copy);
			continue;
		}
		reply->alternates = mem_realloc_array(reply->alternates, reply->alternate_count + 1,
		    sizeof(*reply->alternates));
		reply->alternates[reply->alternate_count++] = copy;
	}
}

void
acme_reply_read_field(struct acme_reply *reply, struct span name, struct span value)
{
	if (span_eq_nocase(name, SPAN("replay-nonce"))) {
		free(reply->nonce);
		reply->nonce = acme_reply_nonce_ok(value) ? mem_dup_span(value) : NULL;
	} else if (span_eq_nocase(name, SPAN("location"))) {
		free(reply->location);
		reply->location = mem_dup_span(value);
		if (!acme_url_ok(reply->location)) {
			free(reply->location);
			reply->location = NULL;
		}
	} else if (span_eq_nocase(name, SPAN("retry-after"))) {
		free(reply->retry_after);
		reply->retry_after = mem_dup_span(value);
	} else if (span_eq_nocase(name, SPAN("link"))) {
		read_links(reply, value);
	} else if (span_eq_nocase(name, SPAN("date"))) {
		if (clock_parse_http(value, &reply->date) < 0)
			reply->date = 0;
	}
}

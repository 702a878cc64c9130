/* SPDX-License-Identifier: ISC */
/* response_fields: see response_fields.h. */
#include "proxy/http/response_fields.h"

#include "base/clock.h"
#include "proxy/config/expires.h"
#include "proxy/worker/worker_state.h"

/* nginx adds to these only, unless "always" was given. */
static bool
is_safe_status(unsigned status)
{
	switch (status) {
	case 200:
	case 201:
	case 204:
	case 206:
	case 301:
	case 302:
	case 303:
	case 304:
	case 307:
	case 308:
		return true;
	default:
		return false;
	}
}

/* In the place of the first of this name, if there is one, the others going; else at the end. */
static void
set_field(struct header_list *l, struct span name, struct span value)
{
	bool placed = false;

	for (unsigned i = 0; i < l->count; i++) {
		struct header *h = &l->rows[i];

		if (h->hidden || !span_eq_nocase(h->name, name))
			continue;
		h->hidden = placed;
		h->id = HEADER_OTHER;
		h->value = value;
		placed = true;
	}
	if (!placed)
		header_add(l, HEADER_OTHER, name, value);
}

/* ---- expires ---------------------------------------------------------------------------------- */

/* When the local clock shows this time of day next. */
static int64_t
next_time_of_day(int64_t now, int64_t time_s)
{
	struct clock_date d;
	int64_t midnight;

	clock_local(now, &d);
	midnight = now - (d.hour * 3600 + d.minute * 60 + d.second);
	return midnight + time_s > now ? midnight + time_s : midnight + 24 * 60 * 60 + time_s;
}

static void
set_expires(struct request *r, int64_t at, bool fresh, int64_t max_age)
{
	char date[CLOCK_HTTP_LEN + 1];
	struct span control = SPAN("no-cache");

	clock_format_http(at, date);
	if (fresh)
		control = arena_printf(r->arena, "max-age=%lld", (long long)max_age);
	set_field(&r->response.headers, SPAN("Expires"),
	    arena_dup(r->arena, span_of(date, CLOCK_HTTP_LEN)));
	set_field(&r->response.headers, SPAN("Cache-Control"), control);
}

static void
add_expires(struct request *r, struct expires e)
{
	int64_t now = loop_wall_ms(r->client->worker->loop) / 1000, at;

	switch (e.kind) {
	case EXPIRES_OFF:
		return;
	case EXPIRES_EPOCH:
		set_expires(r, 1, false, 0);
		return;
	case EXPIRES_MAX:
		/* Thu, 31 Dec 2037 23:55:55 GMT */
		set_expires(r, 2145916555, true, 315360000);
		return;
	case EXPIRES_DAILY:
		at = next_time_of_day(now, e.time_s);
		break;
	case EXPIRES_MODIFIED:
		at = (r->response.last_modified >= 0 && e.time_s != 0 ? r->response.last_modified
								      : now) +
		     e.time_s;
		break;
	case EXPIRES_ACCESS:
	default:
		at = now + e.time_s;
		break;
	}
	set_expires(r, at, at >= now && e.time_s >= 0, at - now);
}

static void
expires_of(struct request *r, const struct expires *setting)
{
	struct expires e = *setting;

	if (e.value && expires_parse(template_eval(e.value, r, r->arena), e.modified, &e) != NULL)
		return;
	add_expires(r, e);
}

/* ---- add_header --------------------------------------------------------------------------------- */

/* There is one of these; an empty value takes it away. */
static bool
is_single(enum header_id id)
{
	return id == HEADER_LAST_MODIFIED || id == HEADER_ETAG;
}

static void
add_header(struct request *r, const struct header_field *f)
{
	struct span value = header_safe_value(template_eval(f->value, r, r->arena), r->arena);
	enum header_id id = header_identify(f->name);

	if (id == HEADER_LAST_MODIFIED)
		r->response.last_modified = -1;
	if (value.n == 0 && is_single(id))
		header_hide_name(&r->response.headers, f->name);
	else if (value.n > 0 && is_single(id))
		set_field(&r->response.headers, f->name, value);
	else if (value.n > 0)
		/* None has a place of its own among the fields, but some are left out over HTTP/2. */
		header_add(&r->response.headers, header_is_of_connection(id) ? id : HEADER_OTHER,
		    f->name, value);
}

void
response_fields_add(struct request *r)
{
	bool safe = is_safe_status(r->response.status);

	if (r->response.fields_added)
		return;
	r->response.fields_added = true;
	if (r->settings->expires && safe)
		expires_of(r, r->settings->expires);
	for (const struct header_field *f = r->settings->add_headers; f; f = f->next) {
		if (f->always || safe)
			add_header(r, f);
	}
}

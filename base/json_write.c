/* SPDX-License-Identifier: ISC */
/*
 * JSON, member by member.
 */
#include "base/json_write.h"

#include "base/clock.h"
#include "base/encode.h"

static void
begin(struct json_write *w, const char *key)
{
	if (w->next)
		buf_add_char(w->out, ',');
	w->next = true;
	if (key)
		buf_printf(w->out, "\"%s\":", key);
}

void
json_open(struct json_write *w, const char *key, char bracket)
{
	begin(w, key);
	buf_add_char(w->out, bracket);
	w->next = false;
}

void
json_close(struct json_write *w, char bracket)
{
	buf_add_char(w->out, bracket);
	w->next = true;
}

void
json_text(struct json_write *w, const char *key, struct span value)
{
	begin(w, key);
	buf_add_char(w->out, '"');
	encode_json(w->out, value);
	buf_add_char(w->out, '"');
}

void
json_number(struct json_write *w, const char *key, int64_t value)
{
	begin(w, key);
	buf_printf(w->out, "%lld", (long long)value);
}

void
json_bool(struct json_write *w, const char *key, bool value)
{
	begin(w, key);
	buf_add_str(w->out, value ? "true" : "false");
}

void
json_time(struct json_write *w, const char *key, int64_t wall)
{
	char when[CLOCK_RFC3339_LEN + 1];

	clock_format_rfc3339(wall, when);
	json_text(w, key, span_str(when));
}

/* SPDX-License-Identifier: ISC */
/*
 * directive_proxy_buffer: how much of a response waits for a slow client, and where.
 *
 * The sizes depend on each other; they are checked once a location has all of its own (nginx's rules and words).
 */
#include "proxy/config/loader.h"
#include "proxy/config/value.h"

static struct proxy_settings *
change(struct loader *l, struct scope *s, const struct node *n)
{
	struct proxy_settings *p = &scope_location_settings(l, s)->proxy;

	p->sizes_node = n;
	return p;
}

/* proxy_buffers NUMBER SIZE */
static int
set_buffers(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct proxy_settings *p = change(l, s, n);
	uint64_t count, size;

	if (span_to_u64(n->words[1].text, 65536, &count) < 0 || count == 0 ||
	    value_parse_size(n->words[2].text, 16 << 20, &size) < 0 || size == 0)
		return loader_fail(l, n, "invalid value");
	if (count < 2)
		return loader_error(l, n, "there must be at least 2 \"proxy_buffers\"");
	p->buffer_count = (unsigned)count;
	p->one_buffer_size = size;
	p->buffers_size = count * size;
	return 0;
}

static int
set_busy_size(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	change(l, s, n);
	return directive_set_size(l, s, d, n);
}

static int
set_temp_write_size(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	change(l, s, n);
	return directive_set_size(l, s, d, n);
}

static int
set_max_temp_size(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	change(l, s, n);
	return directive_set_offset(l, s, d, n);
}

static const char least[] = "must be equal to or greater than the maximum of the value of "
			    "\"proxy_buffer_size\" and one of the \"proxy_buffers\"";

void
loader_check_buffers(struct loader *l, const struct proxy_settings *p)
{
	size_t one = p->buffer_size > p->one_buffer_size ? p->buffer_size : p->one_buffer_size;

	if (!p->sizes_node)
		return;
	if (p->busy_size && p->busy_size < one)
		loader_error(l, p->sizes_node, "\"proxy_busy_buffers_size\" %s", least);
	else if (p->busy_size && p->busy_size > p->buffers_size - p->one_buffer_size)
		loader_error(l, p->sizes_node,
		    "\"proxy_busy_buffers_size\" must be less than the size of all \"proxy_buffers\" minus one buffer");
	if (p->temp_write_size && p->temp_write_size < one)
		loader_error(l, p->sizes_node, "\"proxy_temp_file_write_size\" %s", least);
	if (p->max_temp_size && p->max_temp_size < one)
		loader_error(l, p->sizes_node,
		    "\"proxy_max_temp_file_size\" must be equal to zero to disable temporary files usage or %s",
		    least + sizeof("must ") - 1);
}

static const struct directive rows[] = {
	{ SPAN_INIT("proxy_buffering"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_flag,
	    LOCATION_FIELD(bool, proxy.buffering) },
	{ SPAN_INIT("proxy_buffers"), CONTEXT_HTTP_ALL, 2, 2, 0, .set = set_buffers },
	{ SPAN_INIT("proxy_busy_buffers_size"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = set_busy_size,
	    LOCATION_FIELD(size_t, proxy.busy_size) },
	{ SPAN_INIT("proxy_temp_file_write_size"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = set_temp_write_size, LOCATION_FIELD(size_t, proxy.temp_write_size) },
	{ SPAN_INIT("proxy_max_temp_file_size"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = set_max_temp_size, LOCATION_FIELD(uint64_t, proxy.max_temp_size) },
	{ SPAN_INIT("proxy_temp_path"), CONTEXT_HTTP_ALL, 1, 4, 0, .set = directive_set_temp_path,
	    LOCATION_FIELD(struct temp_path, proxy.temp_path) },
	{ SPAN_INIT("proxy_limit_rate"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_offset,
	    LOCATION_FIELD(uint64_t, proxy.limit_rate) },
};
const struct directive_table directive_proxy_buffer_table = { rows,
	sizeof(rows) / sizeof(rows[0]) };

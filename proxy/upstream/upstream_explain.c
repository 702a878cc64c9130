/* SPDX-License-Identifier: ISC */
/* upstream_explain: see upstream_explain.h. */
#include "proxy/upstream/upstream_explain.h"

#include "proxy/upstream/upstream_exchange.h"
#include "proxy/upstream/upstream_group.h"

int
upstream_explain(struct request *r, struct conn *sink, struct upstream_explanation *out)
{
	struct upstream_http u = { .r = r, .settings = &r->settings->proxy };
	struct span parts[3];

	if (upstream_target_find(r, &u.target) < 0 || upstream_request_prepare(&u) < 0)
		return -1;
	upstream_message_request(r, &u.request, sink);
	parts[0] = u.target.tls ? SPAN("https://") : SPAN("http://");
	parts[1] = u.target.group ? span_str(u.target.group->name) : u.target.host;
	parts[2] = u.target.uri;
	parts[1] = arena_dup(r->arena, parts[1]);
	out->group = r->location->proxy->upstream;
	if (u.target.group)
		upstream_group_unref(u.target.group);
	out->url = arena_concat(r->arena, parts, 3);
	return 0;
}

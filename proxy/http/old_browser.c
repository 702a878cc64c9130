/* SPDX-License-Identifier: ISC */
/* old_browser: see old_browser.h. */
#include "proxy/http/old_browser.h"

static ptrdiff_t
find(struct span s, struct span what)
{
	const char *at = s.n > 0 ? memmem(s.p, s.n, what.p, what.n) : NULL;

	return at ? at - s.p : -1;
}

static bool
has(struct span s, struct span what)
{
	return find(s, what) >= 0;
}

/* "MSIE 4.x" to "MSIE 6.x", but not with its second service pack, nor Opera, which calls itself so. */
static bool
is_msie6(struct span agent)
{
	ptrdiff_t at = find(agent, SPAN("MSIE "));
	struct span version;

	if (at < 0 || has(agent, SPAN("Opera")))
		return false;
	version = span_after(agent, (size_t)at + 5);
	if (version.n < 3 || version.p[1] != '.')
		return false;
	return version.p[0] == '4' || version.p[0] == '5' ||
	       (version.p[0] == '6' && !has(version, SPAN("SV1")));
}

static bool
is_safari(struct span agent)
{
	return !has(agent, SPAN("MSIE ")) && !has(agent, SPAN("Opera")) &&
	       !has(agent, SPAN("Gecko/")) && !has(agent, SPAN("Chrome/")) &&
	       has(agent, SPAN("Safari/")) && has(agent, SPAN("Mac OS X"));
}

bool
old_browser_keeps_badly(const struct request *r)
{
	const unsigned which = r->settings->keepalive_disable;
	const struct header *agent = header_find(&r->headers, HEADER_USER_AGENT);

	if (!which || !agent)
		return false;
	return ((which & OLD_BROWSER_MSIE6) && span_eq(r->method, SPAN("POST")) &&
		   is_msie6(agent->value)) ||
	       ((which & OLD_BROWSER_SAFARI) && is_safari(agent->value));
}

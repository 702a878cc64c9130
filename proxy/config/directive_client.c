/* SPDX-License-Identifier: ISC */
/*
 * directive_client: how long, how fast and how politely clients are served: keep-alive, closing,
 * rates, socket options.
 */
#include "proxy/config/loader.h"

static const struct directive_choice lingering[] = {
	{ SPAN_INIT("off"), LINGERING_OFF },
	{ SPAN_INIT("on"), LINGERING_ON },
	{ SPAN_INIT("always"), LINGERING_ALWAYS },
	{ SPAN_INIT(""), 0 },
};

static const struct directive_choice browsers[] = {
	{ SPAN_INIT("none"), OLD_BROWSER_NONE },
	{ SPAN_INIT("msie6"), OLD_BROWSER_MSIE6 },
	{ SPAN_INIT("safari"), OLD_BROWSER_SAFARI },
	{ SPAN_INIT(""), 0 },
};

static const struct directive_choice modified_since[] = {
	{ SPAN_INIT("off"), MODIFIED_SINCE_OFF },
	{ SPAN_INIT("exact"), MODIFIED_SINCE_EXACT },
	{ SPAN_INIT("before"), MODIFIED_SINCE_BEFORE },
	{ SPAN_INIT(""), 0 },
};

#define DURATION(name, member)                                                              \
	{                                                                                   \
		SPAN_INIT(name), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_duration,  \
							    LOCATION_FIELD(int64_t, member) \
	}
#define FLAG(name, member)                                                               \
	{                                                                                \
		SPAN_INIT(name), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_flag,   \
							    LOCATION_FIELD(bool, member) \
	}
#define RATE(name, member)                                                                     \
	{                                                                                      \
		SPAN_INIT(name), CONTEXT_HTTP_ALL | CONTEXT_LOCATION_IF, 1, 1, 0,              \
		    .set = directive_set_rate, LOCATION_FIELD(const struct template *, member) \
	}

static const struct directive rows[] = {
	{ SPAN_INIT("max_headers"), CONTEXT_HTTP_SERVER, 1, 1, 0, .set = directive_set_number,
	    SERVER_FIELD(unsigned, max_headers), &directive_positive },
	DURATION("keepalive_time", keepalive_time_ms),
	{ SPAN_INIT("keepalive_disable"), CONTEXT_HTTP_ALL, 1, 2, DIRECTIVE_MANY,
	    .set = directive_set_choices, LOCATION_FIELD(unsigned, keepalive_disable), browsers },
	{ SPAN_INIT("lingering_close"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_choice,
	    LOCATION_FIELD(unsigned, lingering_close), lingering },
	DURATION("lingering_time", lingering_time_ms),
	DURATION("lingering_timeout", lingering_timeout_ms),
	RATE("limit_rate", limit_rate),
	RATE("limit_rate_after", limit_rate_after),
	{ SPAN_INIT("sendfile"), CONTEXT_HTTP_ALL | CONTEXT_LOCATION_IF, 1, 1, 0,
	    .set = directive_set_flag, LOCATION_FIELD(bool, sendfile) },
	FLAG("tcp_nopush", tcp_nopush),
	FLAG("tcp_nodelay", tcp_nodelay),
	FLAG("reset_timedout_connection", reset_timedout_connection),
	FLAG("chunked_transfer_encoding", chunked),
	FLAG("etag", etag),
	FLAG("log_not_found", log_not_found),
	{ SPAN_INIT("if_modified_since"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_choice,
	    LOCATION_FIELD(unsigned, if_modified_since), modified_since },
};
const struct directive_table directive_client_table = { rows, sizeof(rows) / sizeof(rows[0]) };

/* SPDX-License-Identifier: ISC */
/*
 * proxy_settings: what proxy_* and client_body_* directives say, as a part of a location's settings.
 */
#ifndef PROXY_CONFIG_PROXY_SETTINGS_H
#define PROXY_CONFIG_PROXY_SETTINGS_H

#include "proxy/config/template.h"
#include "proxy/config/tls_spec.h"

struct address;
struct node;
struct regex;
struct upstream_spec;

struct header_field {
	struct span name;
	const struct template *value;
	bool always;
	struct header_field *next;
};

/* A list of header names. */
struct header_name {
	struct span name;
	const struct header_name *next;
};

/* A directory for files that last as long as a request: PATH [LEVEL...]. */
struct temp_path {
	struct span path;        /* absolute, without a last slash */
	unsigned char levels[3]; /* digits of each level of directories below it; 0 = none */
	bool is_default;         /* nobody chose it: one that cannot be made is a warning */
};

/* What becomes of a request's body before a handler wants it. */
enum body_in_file { BODY_IN_FILE_OFF, BODY_IN_FILE_CLEAN, BODY_IN_FILE_ON };

struct body_settings {
	size_t buffer_size; /* client_body_buffer_size: 16k; larger bodies go to a file */
	unsigned in_file;   /* enum body_in_file */
	bool in_single_buffer;
	struct temp_path temp_path;
};

/* One replacement in a field of the response: proxy_redirect, proxy_cookie_domain, proxy_cookie_path. */
struct field_rewrite {
	const struct template *prefix; /* what it begins with (a cookie's domain: is); or */
	const struct regex *regex;     /* what it matches */
	const struct template *to;
	struct field_rewrite *next;
};

/* What proxy_cookie_flags adds to a cookie, or takes away: a set of these. */
enum cookie_flag {
	COOKIE_SECURE = 1 << 0,
	COOKIE_NO_SECURE = 1 << 1,
	COOKIE_HTTPONLY = 1 << 2,
	COOKIE_NO_HTTPONLY = 1 << 3,
	COOKIE_STRICT = 1 << 4, /* SameSite's values */
	COOKIE_LAX = 1 << 5,
	COOKIE_NONE = 1 << 6,
	COOKIE_NO_SAMESITE = 1 << 7,
};
/* 0: none of them, any case. */
unsigned cookie_flag_of(struct span text);

/* One proxy_cookie_flags. */
struct cookie_flags {
	const struct template *name; /* what the cookie's name is, any case; or */
	const struct regex *regex;   /* what it matches */
	const struct template *flags[3];
	unsigned flag_count;
	struct cookie_flags *next;
};

/* Why a request goes to the next server of its group: a set of these. */
enum next_upstream {
	NEXT_ERROR = 1 << 0,
	NEXT_TIMEOUT = 1 << 1,
	NEXT_INVALID_HEADER = 1 << 2,
	NEXT_HTTP_500 = 1 << 3,
	NEXT_HTTP_502 = 1 << 4,
	NEXT_HTTP_503 = 1 << 5,
	NEXT_HTTP_504 = 1 << 6,
	NEXT_HTTP_403 = 1 << 7,
	NEXT_HTTP_404 = 1 << 8,
	NEXT_HTTP_429 = 1 << 9,
	NEXT_NON_IDEMPOTENT = 1 << 10,
	NEXT_OFF = 1 << 11, /* alone */
};

/* Fields of a response that have an effect here unless proxy_ignore_headers names them: a set of these. */
enum accel_header {
	ACCEL_REDIRECT = 1 << 0,
	ACCEL_EXPIRES = 1 << 1,
	ACCEL_LIMIT_RATE = 1 << 2,
	ACCEL_BUFFERING = 1 << 3,
	ACCEL_CHARSET = 1 << 4,
	ACCEL_CACHE =
	    1 << 5, /* Expires, Cache-Control, Set-Cookie, Vary: for a cache that is off */
};

struct proxy_settings {
	int64_t connect_timeout_ms, send_timeout_ms, read_timeout_ms; /* 60 s each */
	int64_t tunnel_timeout_ms;        /* 0 = 1 h, or read_timeout_ms if that is longer */
	size_t buffer_size;               /* 4k: the response head must fit */
	struct header_field *set_headers; /* this level's list replaces the inherited one */
	const struct template *method;    /* NULL = the client's */
	const struct template *body;      /* proxy_set_body; NULL = the client's */
	bool pass_request_headers, pass_request_body, request_buffering;
	bool http_1_0; /* proxy_http_version 1.0; default 1.1 with keep-alive */
	bool intercept_errors, ignore_client_abort, socket_keepalive;

	/* Response */
	bool buffering;
	size_t buffers_size;    /* of all proxy_buffers: 8 of 4k */
	size_t one_buffer_size; /* 4k */
	unsigned buffer_count;  /* 8 */
	size_t busy_size;       /* 0 = no bound but the connection's own */
	const struct node
	    *sizes_node;        /* the last directive about sizes, for messages; NULL = none */
	uint64_t max_temp_size; /* 1g; 0 = no file */
	size_t temp_write_size; /* 0 = by the others */
	struct temp_path temp_path;
	uint64_t limit_rate;                                   /* bytes a second; 0 = none */
	const struct header_name *hide_headers, *pass_headers; /* ask proxy_settings_hide() */
	bool redirect_off;
	const struct field_rewrite *redirects, *cookie_domains, *cookie_paths;
	const struct cookie_flags *cookie_flags;
	unsigned ignore; /* set of enum accel_header */

	/* Which server, from where, and how often */
	const struct template *bind; /* proxy_bind; NULL = off */
	unsigned proxy_protocol;     /* version of the PROXY header that is sent; 0 = none */
	unsigned next_upstream;      /* set of enum next_upstream */
	unsigned next_upstream_tries;
	int64_t next_upstream_timeout_ms;
	const struct resolver_spec *resolver; /* NULL = none */
	int64_t resolver_timeout_ms;

	struct upstream_tls_settings tls;
};

/*
 * Is the response header name kept from the client? By proxy_pass_header and proxy_hide_header; otherwise: what holds
 * where neither names it.
 */
bool proxy_settings_hide(const struct proxy_settings *p, struct span name, bool otherwise);

/* proxy_pass; not inherited. */
struct proxy_target {
	bool tls;
	/* With variables: upstream, host, port and URI come from each request. */
	const struct template *url;
	struct span literal_url;              /* as written, without variables */
	const struct upstream_spec *upstream; /* of a literal host: an implicit group */
	/* Instead of a group, of a target that was found for one request. */
	const struct address *addresses;
	size_t address_count;
	struct span host_header; /* $proxy_host: "backend" or "127.0.0.1:8080" */
	struct span port;
	bool has_uri;
	struct span uri; /* replaces the location's prefix when has_uri */
	/* proxy_redirect default: from the URL as written to the location. */
	const struct field_rewrite *default_redirect;
};

#endif

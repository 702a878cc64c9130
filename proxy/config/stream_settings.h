/* SPDX-License-Identifier: ISC */
/*
 * stream_settings: what stream servers are told that http servers are not.
 *
 * A stream server is a struct server (names, certificates, TLS settings, logs, access rules) with
 * one of these: struct server's stream is not NULL.
 */
#ifndef PROXY_CONFIG_STREAM_SETTINGS_H
#define PROXY_CONFIG_STREAM_SETTINGS_H

#include "proxy/config/template.h"

struct upstream_spec;

/* Of stream and server level (nginx, ngx_stream_core_module, ngx_stream_proxy_module). */
struct stream_settings {
	int64_t proxy_header_timeout_ms; /* 30 s: proxy_protocol_timeout */
	int64_t handshake_timeout_ms;    /* 60 s */
	int64_t preread_timeout_ms;      /* 30 s */
	size_t preread_buffer_size;      /* 16k */
	bool ssl_preread;
	bool tcp_nodelay;           /* on */
	int64_t connect_timeout_ms; /* 60 s */
	int64_t timeout_ms;         /* 10 min between two reads or writes on either side */
	bool half_close;
	size_t buffer_size;               /* 16k */
	bool next_upstream;               /* on */
	unsigned next_upstream_tries;     /* 0 = as many as there are */
	int64_t next_upstream_timeout_ms; /* 0 = no bound */
	bool proxy_ssl;                   /* TLS to the upstream, as proxy_settings' tls says */
	/* ssl_alpn, as ALPN lists it (RFC 7301, 3.1); empty = none is spoken of. */
	struct span alpn;
	const struct template *upload_rate, *download_rate; /* bytes a second; NULL = no bound */
};

/* What a stream server does with a connection: one of ret, pass and proxy. */
struct stream_server {
	const struct stream_settings *settings;
	const struct template *ret;           /* return: the bytes to send */
	const struct template *pass;          /* pass: address of one of our own listeners */
	const struct template *proxy;         /* proxy_pass as written */
	const struct upstream_spec *upstream; /* what it names, if it has no variables */
};

#endif

/* SPDX-License-Identifier: ISC */
/*
 * nginx_only: see nginx_only.h.
 *
 * Where leaving a line out would let in what it keeps out, the hint says so: nobody should only delete it.
 */
#include "proxy/config/nginx_only.h"

#include <stdbool.h>
#include <stddef.h>

static const char needless[] = "nothing here needs it: delete the line";
static const char unchanged[] =
    "bodies are passed on as the service made them: let it do this, or delete the line";
static const char http_only[] =
    "services are reached by HTTP only: give this one an HTTP port and use proxy_pass";
static const char no_cache[] = "responses are never cached: delete the line";
static const char not_limited[] =
    "requests are not limited in rate or number here: let the service do it; without this line they are let through";
static const char not_authenticated[] =
    "requests are not authenticated here: let the service do it, or let in by certificate (ssl_verify_client) or "
    "address (allow, deny); without this line they are let through";
static const char not_listed[] = "directories are not listed: name a file by index";
static const char http3[] =
    "clients are served by HTTP/2 and HTTP/1.1: delete the line, and an Alt-Svc that promises h3";
static const char by_crl[] = "client certificates are checked against ssl_crl";
static const char tcp_only[] = "only TCP is passed on: leave this server to another proxy";
static const char absent[] =
    "nginx has it, tinyproxyd does not: let the service do it, or delete the line";

/* By name, or by the beginning of a family of names, which ends in '_'. */
static const struct {
	struct span name;
	const char *hint;
} rows[] = {
	{ SPAN_INIT("stub_status"), "use status or metrics instead" },
	{ SPAN_INIT("mail"), "a stream server passes mail protocols through" },
	{ SPAN_INIT("http3"), http3 },
	{ SPAN_INIT("http3_"), http3 },
	{ SPAN_INIT("quic_"), http3 },
	{ SPAN_INIT("proxy_ssl_conf_command"), absent },
	{ SPAN_INIT("ssl_ocsp"), by_crl },
	{ SPAN_INIT("ssl_ocsp_"), by_crl },

	{ SPAN_INIT("proxy_requests"), tcp_only },
	{ SPAN_INIT("proxy_responses"), tcp_only },

	{ SPAN_INIT("gzip"), unchanged },
	{ SPAN_INIT("gzip_static"), unchanged },
	{ SPAN_INIT("gunzip"), unchanged },
	{ SPAN_INIT("gunzip_"), unchanged },
	{ SPAN_INIT("brotli"), unchanged },
	{ SPAN_INIT("brotli_"), unchanged },
	{ SPAN_INIT("ssi"), unchanged },
	{ SPAN_INIT("ssi_"), unchanged },
	{ SPAN_INIT("sub_filter"), unchanged },
	{ SPAN_INIT("sub_filter_"), unchanged },
	{ SPAN_INIT("charset"), unchanged },
	{ SPAN_INIT("charset_"), unchanged },
	{ SPAN_INIT("source_charset"), unchanged },
	{ SPAN_INIT("override_charset"), unchanged },
	{ SPAN_INIT("add_before_body"), unchanged },
	{ SPAN_INIT("add_after_body"), unchanged },
	{ SPAN_INIT("image_filter"), unchanged },
	{ SPAN_INIT("image_filter_"), unchanged },
	{ SPAN_INIT("xslt_"), unchanged },

	{ SPAN_INIT("fastcgi_"), http_only },
	{ SPAN_INIT("uwsgi_"), http_only },
	{ SPAN_INIT("scgi_"), http_only },
	{ SPAN_INIT("grpc_"), http_only },
	{ SPAN_INIT("memcached_"), http_only },

	{ SPAN_INIT("auth_"), not_authenticated },
	{ SPAN_INIT("valid_referers"), not_authenticated },
	{ SPAN_INIT("secure_link"), not_authenticated },
	{ SPAN_INIT("secure_link_"), not_authenticated },
	{ SPAN_INIT("limit_req"), not_limited },
	{ SPAN_INIT("limit_req_"), not_limited },
	{ SPAN_INIT("limit_conn"), not_limited },
	{ SPAN_INIT("limit_conn_"), not_limited },
	{ SPAN_INIT("disable_symlinks"),
	    "symbolic links are followed here: see to it that there are none, then delete the line" },

	{ SPAN_INIT("proxy_cache_"), no_cache },
	{ SPAN_INIT("proxy_store"), no_cache },
	{ SPAN_INIT("proxy_store_"), no_cache },
	{ SPAN_INIT("slice"), no_cache },
	{ SPAN_INIT("open_file_cache"), needless },
	{ SPAN_INIT("open_file_cache_"), needless },
	{ SPAN_INIT("open_log_file_cache"), needless },
	{ SPAN_INIT("autoindex"), not_listed },
	{ SPAN_INIT("autoindex_"), not_listed },
	{ SPAN_INIT("random_index"), not_listed },
	{ SPAN_INIT("geo"), "use allow and deny, or map of $remote_addr" },
	{ SPAN_INIT("geoip_"), absent },
	{ SPAN_INIT("split_clients"), absent },

	{ SPAN_INIT("aio"), needless },
	{ SPAN_INIT("aio_write"), needless },
	{ SPAN_INIT("directio"), needless },
	{ SPAN_INIT("directio_"), needless },
	{ SPAN_INIT("thread_pool"), needless },
	{ SPAN_INIT("output_buffers"), needless },
	{ SPAN_INIT("postpone_output"), needless },
	{ SPAN_INIT("sendfile_max_chunk"), needless },
	{ SPAN_INIT("timer_resolution"), needless },
	{ SPAN_INIT("lock_file"), needless },
	{ SPAN_INIT("worker_cpu_affinity"), needless },
	{ SPAN_INIT("worker_aio_requests"), needless },
	{ SPAN_INIT("ssl_engine"), absent },

	{ SPAN_INIT("add_trailer"), absent },
	{ SPAN_INIT("dav_"), absent },
	{ SPAN_INIT("empty_gif"), absent },
	{ SPAN_INIT("env"), absent },
	{ SPAN_INIT("js_"), absent },
	{ SPAN_INIT("lua_"), absent },
	{ SPAN_INIT("master_process"), absent },
	{ SPAN_INIT("max_ranges"), absent },
	{ SPAN_INIT("mirror"), absent },
	{ SPAN_INIT("mirror_"), absent },
	{ SPAN_INIT("more_set_headers"), "use add_header and proxy_hide_header" },
	{ SPAN_INIT("more_clear_headers"), "use proxy_hide_header" },
	{ SPAN_INIT("mp4"), absent },
	{ SPAN_INIT("perl"), absent },
	{ SPAN_INIT("perl_"), absent },
	{ SPAN_INIT("proxy_force_ranges"), absent },
	{ SPAN_INIT("userid"), absent },
	{ SPAN_INIT("userid_"), absent },
	{ SPAN_INIT("worker_priority"), absent },
	{ SPAN_INIT("working_directory"), absent },
};

static bool
is_of(struct span name, struct span row)
{
	return row.p[row.n - 1] == '_' ? span_starts(name, row) : span_eq(name, row);
}

const char *
nginx_only_hint(struct span name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (is_of(name, rows[i].name))
			return rows[i].hint;
	}
	return NULL;
}

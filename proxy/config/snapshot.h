/* SPDX-License-Identifier: ISC */
/*
 * snapshot: one whole configuration, immutable, ready to serve from.
 *
 *	snapshot -> listeners -> endpoints -> servers -> locations
 *	         -> upstreams, log files, certificates
 *
 * Built from a config_source by snapshot_load(): in the monitor to validate, in each worker to
 * serve; both from the same bytes. Everything lives in its arena. Nothing in it changes after
 * load, and nothing in it is a descriptor: listeners and log files are matched to descriptors by
 * index.
 *
 * Inheritance: a block starts with its parent's settings (after all the parent's own directives,
 * whatever their order) and copies them on its first change; so a pointer shared with the parent
 * costs nothing.
 */
#ifndef PROXY_CONFIG_SNAPSHOT_H
#define PROXY_CONFIG_SNAPSHOT_H

#include "base/arena.h"
#include "base/log.h"
#include "proxy/config/access_rule.h"
#include "proxy/config/diagnostic.h"
#include "proxy/config/proxy_settings.h"
#include "proxy/config/rewrite.h"
#include "proxy/config/stream_settings.h"
#include "proxy/config/syntax.h"
#include "proxy/config/template.h"
#include "proxy/config/tls_spec.h"
#include "proxy/config/upstream_spec.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct server_name_index; /* route.h */
struct span_map;          /* span_map.h */
struct location_index;    /* route.h */
struct host_map;          /* host_map.h */

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	} u;
	socklen_t len;
	struct span text; /* "127.0.0.1:80", "[::1]:80", "unix:/path" */
};

/* A file that access_log or error_log writes to; one per path. */
struct log_file {
	struct span path;   /* absolute, or "stderr" */
	unsigned index;     /* in snapshot->log_files */
	size_t buffer_size; /* of access_log buffer=; 0 = what a turn brings */
	int64_t flush_ms;   /* the longest a line waits in the buffer; 0 = until it is full */
};

struct error_log {
	const struct log_file *file;
	enum log_level level;
	unsigned index;               /* in snapshot->error_logs */
	const struct error_log *next; /* another of the same block */
};

/*
 * How the values of variables are written: \xHH, as in a JSON string, or as they are (nginx,
 * log_format).
 */
enum log_escape { LOG_ESCAPE_DEFAULT, LOG_ESCAPE_JSON, LOG_ESCAPE_NONE };

struct access_log {
	const struct log_file *file;      /* NULL: the path differs from request to request */
	const struct template *path;      /* then; absolute */
	const struct template *condition; /* if=: empty and "0" are no; NULL = always */
	const struct template *format;
	enum log_escape escape;
	struct access_log *next;
};

/* acme_webroot: where tokens are, and for which hosts. */
struct acme_webroot {
	struct span path;       /* absolute, without a last slash */
	struct host_map *hosts; /* NULL = all */
	uint16_t forward_port;  /* of services behind a tunnel; 0 = not forwarded */
	const struct acme_webroot *next;
};

/* Settings of http and server level only. */
struct server_settings {
	struct tls_settings tls;
	int64_t client_header_timeout_ms;                           /* 60 s */
	unsigned max_headers;                                       /* 1000 */
	size_t client_header_buffer_size;                           /* 1k */
	size_t large_header_buffer_count, large_header_buffer_size; /* 4, 8k */
	const struct acme_webroot *acme_webroots;
	bool merge_slashes, underscores_in_headers, ignore_invalid_headers;
	bool http2;
	unsigned http2_max_concurrent_streams; /* 128 */
	size_t http2_body_preread_size;        /* 64k: a stream's first window */
};

struct mime_type {
	struct span extension, type;
};

enum lingering_close { LINGERING_OFF, LINGERING_ON, LINGERING_ALWAYS };
/* Their keep-alive is broken: MSIE 6 after a POST, Safari on macOS. */
enum old_browser { OLD_BROWSER_NONE, OLD_BROWSER_MSIE6 = 1, OLD_BROWSER_SAFARI = 2 };
enum if_modified_since { MODIFIED_SINCE_OFF, MODIFIED_SINCE_EXACT, MODIFIED_SINCE_BEFORE };

/* expires [modified] TIME | @TIME | epoch | max | off */
enum expires_kind {
	EXPIRES_OFF,
	EXPIRES_ACCESS,   /* time after now */
	EXPIRES_MODIFIED, /* time after Last-Modified */
	EXPIRES_DAILY,    /* at time of day, local */
	EXPIRES_EPOCH,
	EXPIRES_MAX,
};
struct expires {
	enum expires_kind kind;
	int64_t time_s;
	const struct template *value; /* to be parsed for each response; NULL = the above holds */
	bool modified;                /* stood before the value */
};

/* Whose word about the client's address is taken, and where it is found. */
struct real_ip {
	const struct cidr *trusted; /* cidr.h */
	size_t trusted_count;
	struct span header;  /* as a variable names it: "x_real_ip"; default */
	bool proxy_protocol; /* the connection's PROXY header says it, not a field */
	bool recursive;
};

#define ALIAS_WHOLE SIZE_MAX

/* root or alias: where files are. */
struct document_root {
	/* Absolute unless it begins with a variable; a root has no last slash: "/" is empty. */
	const struct template *path;
	/* 0 = root; else alias: so many bytes of the path it replaces; ALIAS_WHOLE: all of it. */
	size_t alias;
};

/* error_page CODE... [=[CODE]] URI: one per code. */
struct error_target {
	unsigned status;
	int answer; /* the status to answer with; 0 = the target's ("="); -1 = as it is */
	const struct template *uri;
	struct error_target *next;
};

/* Settings of http, server and location level. */
struct location_settings {
	const struct document_root *root;
	const struct template **index;
	size_t index_count;
	const struct error_target *error_pages;
	const struct access_rule *access; /* allow, deny */
	bool absolute_redirect, server_name_in_redirect, port_in_redirect;
	const struct mime_type *types; /* sorted by extension, lower case */
	size_t type_count;
	struct span default_type;
	int64_t client_body_timeout_ms, send_timeout_ms, keepalive_timeout_ms;
	int64_t keepalive_header_ms; /* "Keep-Alive: timeout=" in responses; 0 = no such header */
	unsigned keepalive_requests;
	int64_t keepalive_time_ms;  /* 1 h: an older connection closes after its next response */
	unsigned keepalive_disable; /* set of enum old_browser */
	unsigned lingering_close;   /* enum lingering_close */
	int64_t lingering_time_ms, lingering_timeout_ms;      /* 30 s, 5 s */
	const struct template *limit_rate, *limit_rate_after; /* bytes a second; NULL = none */
	bool sendfile, tcp_nopush, tcp_nodelay, reset_timedout_connection;
	bool etag, log_not_found;
	bool chunked;                  /* chunked_transfer_encoding */
	bool recursive_error_pages;    /* an error page's own errors have error pages */
	unsigned if_modified_since;    /* enum if_modified_since */
	const struct expires *expires; /* NULL = off */
	const struct real_ip *real_ip; /* NULL = nobody is trusted */
	uint64_t client_max_body_size; /* 0 = no limit */
	struct body_settings body;
	bool server_tokens;
	size_t http2_chunk_size; /* 8k: DATA frames are no longer */
	struct header_field *add_headers;
	struct access_log *access_logs; /* NULL = off */
	const struct error_log *error_log;
	struct proxy_settings proxy;
};

/* try_files: the first that is there, else the last. */
struct try_files {
	const struct template **files;
	bool *directories; /* it ended in "/", which is cut off */
	size_t count;
	const struct template *uri; /* when none is there: a path or @named; NULL = status */
	unsigned status;
};

/* limit_except METHOD... { }: what holds for the other methods. */
struct limit_except {
	const struct span *methods;
	size_t method_count;
	const struct location *location;
};

enum location_kind {
	LOCATION_PREFIX,
	LOCATION_EXACT,
	LOCATION_REGEX,
	LOCATION_NAMED,
	LOCATION_BRANCH, /* the block of an if or limit_except: path is that of the location */
};

/* status, metrics: a location that tells what the workers have counted. */
enum location_report { REPORT_NONE, REPORT_STATUS, REPORT_METRICS };

struct location {
	enum location_kind kind;
	bool no_regex; /* "^~" */
	bool internal;
	enum location_report report;
	struct span path; /* without modifier; of a regex, the pattern */
	const struct regex *regex;
	const struct location_settings *settings;
	const struct rewrite_step *rewrite;
	const struct proxy_target *proxy; /* NULL = static files from settings->root */
	const struct try_files *try_files;
	const struct limit_except *limit_except;
	const struct location_index *locations; /* inside this one; NULL = none */
	const struct node *node;
};

struct server {
	struct span *names;                /* lower case, as written; "~..." as it is */
	const struct regex **name_regexes; /* beside them; NULL for a name or wildcard */
	size_t name_count;
	const struct server_settings *settings;
	/* What locations inherit; serves requests that no location matches. */
	const struct location_settings *location_settings;
	const struct rewrite_step *rewrite;
	struct location root_location; /* the implicit one: no location matched */
	const struct location_index *locations;
	const struct certificate_ref **certificates;
	size_t certificate_count;
	const struct stream_server *stream; /* NULL = of http */
	const struct node *node;
	unsigned index;
};

/* What listen says about its socket; 0 = the kernel's own choice. */
struct socket_options {
	int backlog;                     /* 511 */
	int receive_buffer, send_buffer; /* bytes */
	int keepalive;                   /* 1 = so_keepalive on, -1 = off */
	int keepalive_idle_s, keepalive_interval_s, keepalive_count;
	bool deferred;  /* wake up only once there are data */
	bool reuseport; /* a socket for each worker; the kernel shares out */
};
/* For $server_name and redirects: without the dot that stands for "and all below". */
static inline struct span
server_first_name(const struct server *server)
{
	return span_starts(server->names[0], SPAN(".")) ? span_after(server->names[0], 1)
							: server->names[0];
}

/* One address:port as it stands in listen directives, with the servers that share it. */
struct endpoint {
	struct address address;
	const struct server *default_server;
	const struct server_name_index *names;
	bool stream; /* its servers are stream's */
	bool tls, proxy_protocol;
	bool http2; /* "listen ... http2", for all its servers */
};

/*
 * One socket to bind. A wildcard address takes the connections of the specific ones on its port as
 * well (Linux cannot bind both): then endpoints has several entries, told apart by the local
 * address.
 */
struct listener {
	struct address address;
	struct socket_options options; /* with the defaults filled in */
	unsigned sockets;              /* 1, or with reuseport one for each worker */
	bool ipv6only;
	unsigned index; /* in snapshot->listeners */
	struct endpoint *endpoints;
	size_t endpoint_count;
};

struct main_settings {
	bool daemon;
	struct span pid;            /* absolute path */
	struct span control_socket; /* absolute path; empty: beside the pid file */
	struct span user, group;
	const struct node *user_node; /* where they are named; NULL = nowhere */
	unsigned worker_processes;    /* auto is resolved */
	unsigned worker_connections;
	uint64_t worker_rlimit_nofile;      /* 0 = leave */
	int64_t worker_shutdown_timeout_ms; /* 0 = none */
	const struct error_log *error_log;
};

struct snapshot {
	struct arena *arena;
	uint64_t generation;
	struct main_settings main;
	struct config_file *files;
	struct node *tree;
	struct server **servers;
	size_t server_count;
	struct listener *listeners;
	size_t listener_count;
	struct upstream_spec **upstreams;
	size_t upstream_count;
	struct log_file **log_files;
	size_t log_file_count;
	const struct error_log **error_logs;
	size_t error_log_count;
	/* Directories with logs whose names hold variables: workers write there. */
	struct span *log_trees;
	size_t log_tree_count;
	struct certificate_ref **certificates;
	size_t certificate_count;
	struct span *dhparams; /* distinct paths */
	size_t dhparam_count;
	struct span acme_store;        /* directory of validation certificates; empty = none */
	struct span *ticket_key_files; /* distinct paths */
	size_t ticket_key_file_count;
	struct zone_spec **zones;
	size_t zone_count;
	/* What workers must be able to read: every root and alias, as far as it holds no variable. */
	struct span *trees;
	size_t tree_count;
	const struct temp_path **temp_paths; /* those in use: where workers may make files */
	size_t temp_path_count;
	const struct span_map *upstream_names; /* ask snapshot_upstream() */
	const struct span_map *stream_upstream_names;
	struct span prefix; /* relative paths with variables are below it; ends in "/" */
	/* Of the configuration's own, http's and stream's: struct variable_store. */
	unsigned variable_count, stream_variable_count;
};

struct snapshot_options {
	struct span prefix;    /* -p, absolute, ends in "/" */
	struct span conf_path; /* -c, absolute */
	struct span error_log; /* -e: where the default error log goes */
	struct span globals;   /* -g */
	const struct variable_table *http_variables, *stream_variables;
};

/*
 * Load. On any error returns NULL with every mistake in diags (whose arena the caller owns).
 * Warnings alone do not fail. Free with snapshot_free.
 */
struct snapshot *snapshot_load(struct config_source *src, const struct snapshot_options *options,
    struct diagnostics *diags);
/*
 * The same; what came of a configuration with mistakes is *refused, else NULL: the files and the user it names can be
 * looked at, nothing more, while the arena of diags lives.
 */
struct snapshot *snapshot_load_or_show(struct config_source *src,
    const struct snapshot_options *options, struct diagnostics *diags,
    const struct snapshot **refused);
void snapshot_free(struct snapshot *s);
/* The group of this name (lower case), or that a literal "host:port" stands for; NULL if there is none. */
const struct upstream_spec *snapshot_upstream(const struct snapshot *s, struct span name);
/* The same of the stream block. */
const struct upstream_spec *snapshot_stream_upstream(const struct snapshot *s, struct span name);

#endif

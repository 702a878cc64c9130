/* SPDX-License-Identifier: ISC */
/*
 * loader: the work of turning the tree into a snapshot; private to proxy/config.
 *
 * A scope is a block being loaded: first all its simple directives, in order, then the blocks
 * inside it, each in a scope of its own that begins with the settings its parent ended up with.
 * Settings are shared with the parent until the first change in the scope.
 */
#ifndef PROXY_CONFIG_LOADER_H
#define PROXY_CONFIG_LOADER_H

#include "proxy/config/directive.h"
#include "proxy/config/map.h"
#include "proxy/config/snapshot.h"
#include "proxy/config/span_map.h"

struct host_port;
struct ssl_ctx_st;

/* A listen directive. */
struct listen {
	struct server *server;
	struct address address;
	const struct node *node; /* the server's when it has no listen directive */
	bool ssl, proxy_protocol, http2, default_server;
	struct socket_options options;
	bool options_said;
	int ipv6only; /* -1 = not said */
	struct listen *next;
};

/* A path as some directive named it. */
struct named_path {
	struct span path;
	const struct node *node;
	struct named_path *next;
};

/* A "$name" that the configuration had not defined when it was read. */
struct mention {
	const struct defined_variable *variable;
	const struct node *node;
	unsigned line;
};

struct log_format {
	bool ours; /* nginx has none of this name: a configuration may make its own */
	struct template *format;
	enum log_escape escape;
};

struct scope {
	unsigned context; /* one of enum context */
	const struct node *node;
	struct main_settings *main;
	struct server_settings *server_settings;
	struct location_settings *location_settings;
	struct stream_settings *stream_settings;
	bool owns_stream_settings;
	bool owns_server_settings, owns_location_settings;
	struct server *server;
	struct location *location;
	struct location_index *locations; /* of the server */
	struct stream_server *stream_server;
	struct upstream_spec *upstream;
	struct listen *listens, **listens_tail;             /* of a server */
	struct named_path *certificates, *certificate_keys; /* newest first */
	bool ssl;                                           /* "ssl on" */
	const struct node *ssl_node;                        /* in this server block, or NULL */
	bool owns_access;             /* allow, deny: the inherited list was left */
	const struct node *path_node; /* root or alias, whichever came first in this scope */
	/* Steps of this block as they were loaded: the ifs come after all others. */
	struct rewrite_step *steps, **steps_tail, *branches, **branches_tail;
	/*
	 * Of the directive being set: it is the first of its name in this scope, so it replaces
	 * what was inherited.
	 */
	bool first;
	unsigned char seen[DIRECTIVE_MAX / 8];
};

struct loader {
	struct snapshot *snapshot;
	struct arena *arena;   /* the snapshot's */
	struct arena *scratch; /* what is of no use after the load */
	struct config_source *source;
	const struct snapshot_options *options;
	struct diagnostics *diags;
	struct directive_index directives;
	struct span conf_directory; /* with its slash */
	struct span_map log_files, log_formats, certificates, dhparams, upstreams, ciphers,
	    ticket_keys, zones;
	struct listen **listens; /* of all servers, in order */
	size_t listen_count;
	struct ssl_ctx_st *tls; /* for checking cipher lists; made on first use */
	struct matcher *matcher;
	/* The http variables with those the configuration defines. */
	struct variable_table variables;
	struct variable_definitions definitions;
	struct mention *mentions;
	size_t mention_count;
};

#define loader_error(l, n, ...) \
	diagnostic_add((l)->diags, DIAG_EMERG, (n)->file, (n)->line, __VA_ARGS__)
#define loader_warn(l, n, ...) \
	diagnostic_add((l)->diags, DIAG_WARN, (n)->file, (n)->line, __VA_ARGS__)
#define loader_note(l, n, ...) \
	diagnostic_add((l)->diags, DIAG_NOTE, (n)->file, (n)->line, __VA_ARGS__)
/* At a word of the directive, which may stand lines below its name. */
#define loader_word_error(l, n, w, ...) \
	diagnostic_add((l)->diags, DIAG_EMERG, (n)->file, (w)->line, __VA_ARGS__)
/* '"name" directive what' */
int loader_fail(struct loader *l, const struct node *n, const char *what);
/*
 * 'invalid parameter "word"', naming what is not supported yet if nginx knows it (a NULL-ended
 * list, or NULL).
 */
int loader_bad_parameter(struct loader *l, const struct node *n, const struct word *w,
    const char *const *known);

/* Room for one more behind count elements: the array, moved when it must be. */
void *loader_room(struct arena *arena, void *array, size_t count, size_t size);
#define LOADER_APPEND(arena, array, count, element)                          \
	((array) = loader_room((arena), (array), (count), sizeof(*(array))), \
	    (array)[(count)++] = (element))

/* A word that may hold variables; NULL when it is wrong (told). */
struct template *loader_template(struct loader *l, const struct node *n, const struct word *w);
/* The same of text out of the word. */
struct template *loader_template_of(struct loader *l, const struct node *n, const struct word *w,
    struct span text);
/* A pattern of the word; its named groups are defined. NULL when it is wrong (told). */
struct regex *loader_regex(struct loader *l, const struct node *n, const struct word *w,
    struct span pattern, bool ignore_case);
/* "$name" of w is defined by map, or (NULL) set. NULL when it cannot be (told). */
const struct variable *loader_define(struct loader *l, const struct node *n, const struct word *w,
    const struct map *map);
/* Tell of each name that was mentioned and never defined. */
void loader_check_mentions(struct loader *l);
/* -1 and told when the word holds a "$" or a NUL. */
int loader_check_literal(struct loader *l, const struct node *n, const struct word *w);
/*
 * Absolute: by the prefix (content, logs, pid), or by the configuration file's directory
 * (certificates).
 */
struct span loader_path(struct loader *l, struct span path);
struct span loader_conf_path(struct loader *l, struct span path);

/* A copy in ASCII lower case. */
struct span loader_lower(struct loader *l, struct span s);

struct log_file *loader_log_file(struct loader *l, struct span path);
/* The log files of settings that something serves with become the snapshot's. */
void loader_use_logs(struct loader *l, const struct location_settings *settings);
/* The same of all that settings of http name: files that bodies go to, too; sizes must agree. */
void loader_use_settings(struct loader *l, const struct location_settings *settings);
void loader_use_error_logs(struct loader *l, const struct error_log *log);

/* Load the block's directives: the simple ones, then the blocks. */
void scope_load_simple(struct loader *l, struct scope *s, const struct node *children);
void scope_load_blocks(struct loader *l, struct scope *s, const struct node *children);
/* The scope of a block inside parent. */
void scope_init(struct scope *s, const struct scope *parent, unsigned context,
    const struct node *n);
/* The settings of a group, for changing: copied from the parent's on the first change. */
void *scope_settings(struct loader *l, struct scope *s, enum settings_group group);
struct server_settings *scope_server_settings(struct loader *l, struct scope *s);
struct location_settings *scope_location_settings(struct loader *l, struct scope *s);
struct stream_settings *scope_stream_settings(struct loader *l, struct scope *s);

/*
 * Defaults of every setting (directive_main.c, directive_http.c, directive_log.c,
 * directive_upstream.c).
 */
void main_settings_init(struct loader *l, struct main_settings *m);
void server_settings_init(struct loader *l, struct server_settings *s);
void location_settings_init(struct loader *l, struct location_settings *s);
int log_formats_init(struct loader *l);
const struct error_log *error_log_default(struct loader *l);
struct access_log *access_log_default(struct loader *l);
const struct document_root *document_root_default(struct loader *l);
struct upstream_spec *upstream_new(struct loader *l, struct span name, const struct node *n);

/* listen: a server without one listens on *:80 (directive_listen.c). */
struct listen *listen_default(struct loader *l, struct server *server, const struct node *n);
/* A block's steps in the order they stand (directive_rewrite.c). */
struct rewrite_step *rewrite_finish(struct scope *s, const struct node *children);
/* A server without a name has the empty one (directive_server.c). */
void server_names_finish(struct loader *l, struct server *server);
/* Pair the server's certificates and keys (directive_tls.c). */
void tls_finish_server(struct loader *l, struct scope *s);
/* Is there what checks clients' certificates, where they are asked for? (directive_tls_client.c) */
void tls_check_verify(struct loader *l, const struct tls_settings *tls, const struct node *server);
/* Defaults of proxy_ssl_*, and what a location or stream server that speaks TLS needs of them (directive_proxy_ssl.c). */
void upstream_tls_settings_init(struct upstream_tls_settings *t);
void upstream_tls_use(struct loader *l, const struct node *n,
    const struct upstream_tls_settings *t);
void upstream_tls_finish(struct loader *l, const struct location *location);
/* The one of this pair of files (directive_tls.c). */
struct certificate_ref *loader_certificate(struct loader *l, const struct named_path *cert,
    const struct named_path *key, struct span password_file);
/* SSL_CTX for asking the library what it knows; NULL when it cannot be had. */
struct ssl_ctx_st *loader_tls(struct loader *l);
/*
 * The zone of this name; size 0: one that is declared elsewhere already. NULL, and told, when there is none or it
 * has another size.
 */
const struct zone_spec *loader_zone(struct loader *l, const struct node *n, struct span name,
    size_t size);
/*
 * The addresses of an upstream server (directive_upstream.c). A name that does not resolve is a
 * warning: start-up never waits for it.
 */
void upstream_resolve(struct loader *l, const struct node *n, struct upstream_server *server,
    const struct host_port *hp);
/* What a group takes from the http block around it, once all of that is known. */
void upstreams_finish(struct loader *l, const struct proxy_settings *defaults, size_t from);
struct upstream_server upstream_server_default(struct span name);
/*
 * What a literal address names: a defined group, else one made for it. default_port 0: it must say
 * one. NULL when it is wrong (told). hp, as far as it is no defined group: the address taken apart.
 */
struct upstream_spec *loader_upstream(struct loader *l, const struct node *n, struct span text,
    uint16_t default_port, struct host_port *hp);
/*
 * Header fields the configuration writes (directive_header.c). NAME VALUE of n, to the end of the
 * list.
 */
int loader_add_header(struct loader *l, const struct node *n, struct header_field **list,
    bool always);
/* A default ..._temp_path, by its last part (directive_body.c), and one that something serves with. */
struct temp_path temp_path_default(struct loader *l, struct span name);
/* Do the sizes of proxy_buffers and its kin fit together (directive_proxy_buffer.c)? */
void loader_check_buffers(struct loader *l, const struct proxy_settings *p);
void loader_use_temp_path(struct loader *l, const struct temp_path *path);
int loader_check_header_name(struct loader *l, const struct node *n, const struct word *w);
/* Listeners and endpoints out of all listens (endpoint.c). */
void endpoint_build(struct loader *l);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * directive: the tables of everything a configuration may say, and how a block is given its
 * meaning.
 *
 * One row per directive: its name, the contexts it may stand in, how many arguments it takes, and
 * the function that sets it. The checks that are the same for all (unknown, misplaced, duplicate,
 * wrong count, missing ";" or "{"), the hints and the lists of names come from the table; a setter
 * sees only what passed them. Two directives of one name in different contexts ("server") are two
 * rows.
 *
 * Adding one: a row in the table of its noun (directive_<noun>.c), and a setter unless one of
 * those below does.
 */
#ifndef PROXY_CONFIG_DIRECTIVE_H
#define PROXY_CONFIG_DIRECTIVE_H

#include "base/arena.h"
#include "base/span.h"
#include "proxy/config/syntax.h"

#include <stddef.h>

struct loader; /* loader.h */
struct scope;  /* loader.h */

/* A set of them says where a directive may stand; one of them, where we are. */
enum context {
	CONTEXT_MAIN = 1 << 0,
	CONTEXT_EVENTS = 1 << 1,
	CONTEXT_HTTP = 1 << 2,
	CONTEXT_SERVER = 1 << 3,
	CONTEXT_LOCATION = 1 << 4,
	CONTEXT_UPSTREAM = 1 << 5,
	CONTEXT_SERVER_IF = 1 << 6,
	CONTEXT_LOCATION_IF = 1 << 7,
	CONTEXT_LIMIT_EXCEPT = 1 << 8,
	CONTEXT_STREAM = 1 << 9,
	CONTEXT_STREAM_SERVER = 1 << 10,
	CONTEXT_STREAM_UPSTREAM = 1 << 11,
};
#define CONTEXT_HTTP_SERVER (CONTEXT_HTTP | CONTEXT_SERVER)
#define CONTEXT_HTTP_ALL (CONTEXT_HTTP | CONTEXT_SERVER | CONTEXT_LOCATION)
#define CONTEXT_STREAM_ALL (CONTEXT_STREAM | CONTEXT_STREAM_SERVER)
#define CONTEXT_TLS (CONTEXT_HTTP_SERVER | CONTEXT_STREAM_ALL)
/* Where set, if, rewrite, break and return may stand. */
#define CONTEXT_REWRITE \
	(CONTEXT_SERVER | CONTEXT_SERVER_IF | CONTEXT_LOCATION | CONTEXT_LOCATION_IF)

enum directive_flag {
	DIRECTIVE_BLOCK = 1 << 0, /* "{" follows, not ";" */
	DIRECTIVE_MANY = 1 << 1,  /* may stand several times in a block */
	/*
	 * A block that the other blocks beside it refer to or inherit: loaded together with the
	 * simple directives.
	 */
	DIRECTIVE_DEFINES = 1 << 2,
};

#define DIRECTIVE_ARGS_ANY 255

/* The struct that a row's field lies in; the scope hands it out for changing. */
enum settings_group {
	SETTINGS_NONE,
	SETTINGS_MAIN,
	SETTINGS_SERVER,
	SETTINGS_LOCATION,
	SETTINGS_UPSTREAM,
	SETTINGS_STREAM,
};

struct directive {
	struct span name;
	unsigned contexts; /* set of enum context */
	unsigned char min_args, max_args;
	unsigned char flags; /* set of enum directive_flag */
	/* Returns 0, or -1 with the reason in the loader's diagnostics. */
	int (*set)(struct loader *l, struct scope *s, const struct directive *d,
	    const struct node *n);
	enum settings_group group; /* for the generic setters */
	size_t offset;
	const void *detail; /* what the setter says it is */
};

/* The fields behind .set of a generic setter; a wrong type does not compile. */
#define FIELD_OFFSET(type, of, member)                                                        \
	(offsetof(of, member) +                                                               \
	    0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((of *)0)->member), type) \
				? 1                                                           \
				: -1]))
#define MAIN_FIELD(type, m) \
	.group = SETTINGS_MAIN, .offset = FIELD_OFFSET(type, struct main_settings, m)
#define SERVER_FIELD(type, m) \
	.group = SETTINGS_SERVER, .offset = FIELD_OFFSET(type, struct server_settings, m)
#define LOCATION_FIELD(type, m) \
	.group = SETTINGS_LOCATION, .offset = FIELD_OFFSET(type, struct location_settings, m)
#define UPSTREAM_FIELD(type, m) \
	.group = SETTINGS_UPSTREAM, .offset = FIELD_OFFSET(type, struct upstream_spec, m)
#define STREAM_FIELD(type, m) \
	.group = SETTINGS_STREAM, .offset = FIELD_OFFSET(type, struct stream_settings, m)

struct directive_table {
	const struct directive *rows;
	size_t count;
};
extern const struct directive_table directive_main_table, directive_http_table,
    directive_http2_table, directive_log_table, directive_server_table, directive_listen_table,
    directive_location_table, directive_header_table, directive_proxy_table,
    directive_proxy_pass_table, directive_proxy_rewrite_table, directive_proxy_buffer_table,
    directive_body_table, directive_tls_table, directive_tls_client_table,
    directive_tls_handshake_table, directive_tls_session_table, directive_upstream_table,
    directive_balance_table, directive_resolver_table, directive_off_table, directive_client_table,
    directive_real_ip_table, directive_expires_table, directive_stream_table,
    directive_proxy_ssl_table;

/* Those of locations and rewriting. */
extern const struct directive_table directive_content_table, directive_rewrite_table,
    directive_map_table, directive_access_table, directive_acme_table;

/* All rows, sorted by name. */
struct directive_index {
	const struct directive **rows;
	size_t count;
};
#define DIRECTIVE_MAX 512

void directive_index_init(struct directive_index *ix, struct arena *arena);
/* The position of the row with this name in this context; -1: none. */
ptrdiff_t directive_find(const struct directive_index *ix, struct span name, unsigned context);
/* "http, server, location", in arena. */
struct span context_names(unsigned set, struct arena *arena);

/* Generic setters. */
int directive_set_flag(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/* A positive number into an unsigned. detail: NULL or a struct directive_range. */
int directive_set_number(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/* The same into a uint64_t. */
int directive_set_count(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/* Into a size_t; detail as above. */
int directive_set_size(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/* Into a uint64_t, with "g". */
int directive_set_offset(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/*
 * Into an int64_t of milliseconds. detail: NULL, or directive_seconds: units of nginx's times in
 * seconds.
 */
int directive_set_duration(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/* A word without variables into a span. */
int directive_set_word(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/* A path without variables, made absolute by the prefix, into a span. */
int directive_set_path(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/* Words of detail, whose values are bits, into an unsigned. */
int directive_set_choices(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/* PATH and levels of directories into a struct temp_path (directive_body.c). */
int directive_set_temp_path(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/* A word that may hold variables into a const struct template *. */
int directive_set_template(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/* The same for a size, or a value that becomes one. */
int directive_set_rate(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/* Versions into an unsigned set of enum tls_protocol (directive_tls_handshake.c). */
int directive_set_tls_protocols(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/* A cipher list that OpenSSL takes, into a span (the same). */
int directive_set_tls_ciphers(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
/* A file of certificates, or by directive_crls revocation lists, into a struct tls_text (directive_tls_client.c). */
int directive_set_tls_text(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);
extern const char directive_crls[];
/* One word of detail, a list of struct directive_choice, into an unsigned. */
int directive_set_choice(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n);

/* "on" or "off" as the first argument; 0, or -1 and told. */
int directive_parse_flag(struct loader *l, const struct node *n, bool *on);

struct directive_range {
	uint64_t min, max;
};
extern const struct directive_range directive_positive; /* 1 and up */
extern const char directive_seconds[];

struct directive_choice {
	struct span name; /* empty: the end of the list */
	unsigned value;
};
/* 0 and *value, or -1 with 'invalid value "x" in "d" directive' and the nearest name. */
int directive_choose(struct loader *l, const struct node *n, const struct word *w,
    const struct directive_choice *choices, unsigned *value);

#endif

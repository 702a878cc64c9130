/* SPDX-License-Identifier: ISC */
/*
 * variable: what "$name" may stand for, and the values a configuration gives to names of its own.
 *
 *	a table of getters        $host, $http_NAME: the traffic's (http, stream)
 *	names that are defined    $x of "set $x", "map ... $x" and "(?<x>...)"; found in the
 *	                          configuration in any order, so a name may be used before it is defined
 *	a store per subject       what those are for one request, and the captures $1 to $9
 *
 * A subject is whatever the table's getters take: a struct request for http.
 */
#ifndef PROXY_CONFIG_VARIABLE_H
#define PROXY_CONFIG_VARIABLE_H

#include "proxy/config/matcher.h"
#include "proxy/config/span_map.h"

struct map;        /* map.h */
struct suggestion; /* proxy/config/suggest.h */
struct variable_definitions;

/*
 * One row of a variable table. A name ending in '_' with prefix = true stands for a family
 * ($http_NAME): arg is then the rest of the name. get() yields a span that lives as long as the
 * subject's arena, empty when there is no value.
 */
struct variable {
	struct span name;
	bool prefix;
	struct span (*get)(void *subject, struct span arg);
	/* For "set": NULL when the value is not for the configuration to change. */
	void (*set)(void *subject, struct span value);
	const struct defined_variable *defined; /* then get is NULL */
};

#define VARIABLE(name_, get_)                           \
	{                                               \
		.name = SPAN_INIT(name_), .get = (get_) \
	}
#define VARIABLE_SETTABLE(name_, get_, set_)                           \
	{                                                              \
		.name = SPAN_INIT(name_), .get = (get_), .set = (set_) \
	}
#define VARIABLE_FAMILY(name_, get_)                                    \
	{                                                               \
		.name = SPAN_INIT(name_), .prefix = true, .get = (get_) \
	}

struct variable_table {
	const struct variable *rows;
	size_t count;
	const struct variable_table *shared; /* whose rows are this table's too; NULL = none */
	/* Where the subject keeps the values of defined names. NULL: none can be defined. */
	struct variable_store *(*store)(void *subject);
	/* Told when a name of "set" is used before it was set; may be NULL. */
	void (*unset)(void *subject, struct span name);
	struct variable_definitions *definitions; /* of the configuration being loaded; or NULL */
};

/* A name of the configuration's own. */
struct defined_variable {
	struct variable variable;
	unsigned index;        /* in the store */
	const struct map *map; /* NULL: set, or a named group */
	struct variable_store *(*store)(void *subject);
	void (*unset)(void *subject, struct span name);
	bool is_set; /* by "set" somewhere: then it has a value, if an empty one, everywhere */
	bool is_defined;
	const struct variable *family; /* what it is when it stays undefined: $http_x */
	struct span rest;              /* of its name */
};

/* All of them, while a configuration is loaded. */
struct variable_definitions {
	struct arena *arena; /* the snapshot's */
	struct span_map names;
	struct defined_variable **all; /* in order of their first mention */
	size_t count;
};

void variable_definitions_init(struct variable_definitions *d, struct arena *arena);

/* Rows only, exact before families. NULL if unknown. */
const struct variable *variable_find(const struct variable_table *t, struct span name,
    struct span *arg);
/* The rows' names but for families, to a search for the nearest one. */
void variable_offer(const struct variable_table *t, struct suggestion *s);
/*
 * What a mention of name is: a row of the table, or a name that the configuration defines or has
 * still to define. NULL if the table has no definitions and knows no such name.
 */
const struct variable *variable_mention(const struct variable_table *t, struct span name,
    struct span *arg);
/*
 * name is being defined: by a map, by a named group, or by "set", which may also name a row that has
 * set(). NULL: the name is the table's own and not to be redefined.
 */
const struct defined_variable *variable_define_map(const struct variable_table *t, struct span name,
    const struct map *map);
const struct defined_variable *variable_define_group(const struct variable_table *t,
    struct span name);
const struct variable *variable_define_set(const struct variable_table *t, struct span name);

/* ---- while serving ----------------------------------------------------------------------------- */

enum variable_state { VARIABLE_UNSET, VARIABLE_SET, VARIABLE_BUSY };

struct variable_slot {
	enum variable_state state;
	struct span value;
};

/* Embedded in the subject. */
struct variable_store {
	struct arena *arena;         /* the subject's */
	unsigned count;              /* of defined names in the configuration */
	struct variable_slot *slots; /* made at the first change */
	struct captures captures;    /* of the expression that matched last */
};

void variable_store_init(struct variable_store *s, struct arena *arena, unsigned count);
/* Match, and on success keep the captures and named groups for what is evaluated later. */
enum regex_result variable_store_match(struct variable_store *s, const struct regex *re,
    struct span subject);

struct span variable_value(const struct variable *v, void *subject, struct span arg);
void variable_assign(const struct variable *v, void *subject, struct span value);

#endif

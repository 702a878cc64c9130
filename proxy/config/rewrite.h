/* SPDX-License-Identifier: ISC */
/*
 * rewrite: the steps that set, if, rewrite, break and return make of a server or location.
 *
 * They run in the order they stand. An if holds steps of its own, and in a location the block it
 * turns the request over to: what it says replaces the location's settings from there on.
 */
#ifndef PROXY_CONFIG_REWRITE_H
#define PROXY_CONFIG_REWRITE_H

#include "proxy/config/template.h"

struct location;
struct node;

/* return CODE [TEXT|URL] */
struct return_action {
	unsigned status;
	const struct template *text; /* body, or Location for 301 302 303 307 308; NULL = none */
};

enum condition_kind {
	CONDITION_TRUE, /* neither empty nor "0" */
	CONDITION_EQUAL,
	CONDITION_MATCH,
	CONDITION_FILE,       /* -f */
	CONDITION_DIRECTORY,  /* -d */
	CONDITION_EXISTS,     /* -e */
	CONDITION_EXECUTABLE, /* -x */
};

struct condition {
	enum condition_kind kind;
	bool negated;
	const struct template *subject; /* "$name", or the path */
	const struct template *text;    /* to be equal to */
	const struct regex *regex;
};

enum rewrite_flag { REWRITE_FLAG_NONE, REWRITE_FLAG_LAST, REWRITE_FLAG_BREAK };

/* rewrite REGEX REPLACEMENT [FLAG] */
struct rewrite_rule {
	const struct regex *regex;
	const struct template *path, *args; /* before and after "?"; args NULL = no "?" */
	bool keep_args;                     /* the request's are added */
	unsigned status;                    /* 301, 302; 0 = the path is rewritten */
	enum rewrite_flag flag;
};

enum rewrite_kind { REWRITE_SET, REWRITE_IF, REWRITE_RULE, REWRITE_BREAK, REWRITE_RETURN };

struct rewrite_step {
	enum rewrite_kind kind;
	union {
		struct {
			const struct variable *variable;
			const struct template *value;
		} set;
		struct {
			struct condition condition;
			struct rewrite_step *steps;
			const struct location *location; /* NULL at server level */
		} branch;
		struct rewrite_rule rule;
		struct return_action ret;
	} u;
	const struct node *node;
	struct rewrite_step *next;
};

#endif

/* SPDX-License-Identifier: ISC */
/*
 * control_answer: what came back over the control socket, shown to a person.
 */
#ifndef PROXY_MONITOR_CONTROL_ANSWER_H
#define PROXY_MONITOR_CONTROL_ANSWER_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdio.h>

struct control_answer;

/* -1: not an answer of a tinyproxyd we understand. */
int control_answer_parse(struct span text, struct control_answer **answer, struct err *e)
    __attribute__((warn_unused_result));
void control_answer_free(struct control_answer *a);
bool control_answer_ok(const struct control_answer *a);
/* Errors that are the configuration's (they have a file), not the machinery's. */
bool control_answer_blames_config(const struct control_answer *a);

/* Errors, warnings and certificate problems, a line each with "prefix" before it, hints indented. */
void control_answer_print_mistakes(const struct control_answer *a, const char *prefix, FILE *out);
/* One line about a reload that succeeded. */
void control_answer_print_reload(const struct control_answer *a, FILE *out);
/* control_print.c: each as a table; the status as metrics, and as what has changed since an earlier one. */
void control_answer_print_connections(const struct control_answer *a, FILE *out);
void control_answer_print_upstreams(const struct control_answer *a, FILE *out);
void control_answer_print_drain(const struct control_answer *a, FILE *out);
void control_answer_print_certs(const struct control_answer *a, FILE *out);
void control_answer_print_metrics(const struct control_answer *a, FILE *out);
void control_answer_print_rates(const struct control_answer *before, const struct control_answer *a,
    double seconds, FILE *out);
/* The status as a table. */
void control_answer_print_status(const struct control_answer *a, FILE *out);

#endif

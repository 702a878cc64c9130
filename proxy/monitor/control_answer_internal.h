/* SPDX-License-Identifier: ISC */
/*
 * control_answer_internal: the inside of an answer, for the files that print it.
 */
#ifndef PROXY_MONITOR_CONTROL_ANSWER_INTERNAL_H
#define PROXY_MONITOR_CONTROL_ANSWER_INTERNAL_H

#include "proxy/monitor/control_answer.h"

#include <cjson/cJSON.h>

struct control_answer {
	cJSON *json;
};

/* A member that is missing reads as "-" or 0. */
const char *answer_text(const cJSON *object, const char *name);
double answer_number(const cJSON *object, const char *name);

#endif

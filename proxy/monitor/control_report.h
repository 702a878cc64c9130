/* SPDX-License-Identifier: ISC */
/*
 * control_report: what the files that write the control socket's answers share.
 */
#ifndef PROXY_MONITOR_CONTROL_REPORT_H
#define PROXY_MONITOR_CONTROL_REPORT_H

#include "proxy/monitor/monitor_state.h"

#include <cjson/cJSON.h>

/* An answer begun: schema and ok. */
cJSON *report_new(bool ok);
/* Sends and frees. */
void report_send(struct monitor *m, uint64_t ticket, cJSON *report);
void report_add_text(cJSON *object, const char *name, struct span text);
void report_add_number(cJSON *object, const char *name, uint64_t n);
/* "problems": not only this reload's: what is wrong with the certificates in service now. */
void report_add_certificates(cJSON *report, const struct certificate_report *certificates);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * interrupt: SIGINT, SIGTERM and SIGHUP as a flag, so that challenges are cleaned up before the end.
 */
#ifndef LIBACME_INTERRUPT_H
#define LIBACME_INTERRUPT_H

#include <signal.h>

/* For acme_http_new. A second signal ends the process at once. SIGPIPE is ignored from here on. */
const volatile sig_atomic_t *interrupt_watch(void);

#endif

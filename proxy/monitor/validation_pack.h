/* SPDX-License-Identifier: ISC */
/*
 * validation_pack: the validation certificates of an ACME client (libcert/validation_cert.h) as a bundle for the workers.
 */
#ifndef PROXY_MONITOR_VALIDATION_PACK_H
#define PROXY_MONITOR_VALIDATION_PACK_H

#include "base/err.h"
#include "base/span.h"

/*
 * A sealed bundle with a BUNDLE_CERTIFICATE entry for each server name there is a file for; what is no
 * validation certificate is left out and, the first of them, told in skipped. The directory is made when it is missing. A
 * descriptor, or -1.
 */
int validation_pack(struct span directory, struct err *skipped, struct err *e)
    __attribute__((warn_unused_result));

#endif

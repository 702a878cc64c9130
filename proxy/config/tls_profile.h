/* SPDX-License-Identifier: ISC */
/*
 * tls_profile: Mozilla's server side TLS guidelines, as lines of configuration.
 */
#ifndef PROXY_CONFIG_TLS_PROFILE_H
#define PROXY_CONFIG_TLS_PROFILE_H

#include "base/span.h"

/* The directives of "modern", "intermediate" or "old"; NULL for any other name. Its first line says of when it is. */
const char *tls_profile_text(struct span name);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * staple_pack: the OCSP response for a certificate, read from its file, checked and packed into the bundle.
 */
#ifndef PROXY_MONITOR_STAPLE_PACK_H
#define PROXY_MONITOR_STAPLE_PACK_H

#include "proxy/config/tls_spec.h"
#include "proxy/monitor/bundle.h"

/*
 * It must be about this certificate and hold now, and be signed rightly where ref asks for that. *changed counts up
 * when previous (or NULL) has another. -1: there is none to show, e says why.
 */
int staple_pack(struct bundle_writer *w, const struct bundle *previous,
    const struct certificate_ref *ref, size_t *changed, struct err *e)
    __attribute__((warn_unused_result));

#endif

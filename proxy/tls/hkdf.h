/* SPDX-License-Identifier: ISC */
/* hkdf: what TLS 1.3 derives its keys by (RFC 5869, and HKDF-Expand-Label of RFC 8446, 7.1), over OpenSSL's HMAC. */
#ifndef PROXY_TLS_HKDF_H
#define PROXY_TLS_HKDF_H

#include "base/span.h"

#include <stdbool.h>

#define HKDF_HASH_MAX 48
#define HKDF_LABEL_PREFIX "tls13 "
#define HKDF_LABEL_MAX 255 /* with the prefix */

enum hkdf_hash { HKDF_SHA256, HKDF_SHA384, HKDF_HASHES };

/* Bytes of a hash, and so of a secret. */
size_t hkdf_size(enum hkdf_hash h);
/* The hash of nothing. NULL: OpenSSL failed. */
const unsigned char *hkdf_empty(enum hkdf_hash h);
/* All: false when OpenSSL failed. salt and key may be empty, never NULL. */
bool hkdf_extract(enum hkdf_hash h, struct span salt, struct span key, unsigned char *out)
    __attribute__((warn_unused_result));
/* At most one hash's worth: all that TLS asks for but exporters. False, too, for more, and for a label that is too long. */
bool hkdf_expand_label(enum hkdf_hash h, struct span secret, struct span label, struct span context,
    unsigned char *out, size_t n) __attribute__((warn_unused_result));
/* What OpenSSL's contexts keep of the last secret. */
void hkdf_forget(void);

#endif

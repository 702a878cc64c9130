/* SPDX-License-Identifier: ISC */
/*
 * x509glance: a certificate's dates and fingerprint without decoding it, for who has thousands of them to pass by.
 *
 * Nothing is verified, and only the plain encodings that CAs use are understood; who does not get an answer, or acts upon
 * one, reads the certificate by x509info.
 */
#ifndef LIBCERT_X509GLANCE_H
#define LIBCERT_X509GLANCE_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct x509glance {
	int64_t not_before, not_after; /* wall clock seconds */
	unsigned char sha256[32];      /* of the DER */
	bool ocsp;                     /* an OCSP responder is named in it */
};

/* The first certificate of a PEM text. -1: not understood. */
int x509glance_pem(struct span pem, struct x509glance *glance) __attribute__((warn_unused_result));

#endif

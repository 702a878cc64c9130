/* SPDX-License-Identifier: ISC */
/*
 * acme_challenge: tokens of http-01 (RFC 8555, 8.3), answered before anything else is looked at: from a directory, or by the
 * service that has the name's TLS connections passed on to it (stream, ssl_preread) and so its own certificate.
 */
#ifndef PROXY_HTTP_ACME_CHALLENGE_H
#define PROXY_HTTP_ACME_CHALLENGE_H

#include "proxy/http/request.h"

/* The path all of them are below, as certificate authorities ask and clients write. */
#define ACME_CHALLENGE_PATH "/.well-known/acme-challenge/"

/* Is it the path of a token (RFC 8555, 8.3: base64url letters only)? */
bool acme_challenge_is_token(struct span uri);
/* true: the request is for a token that is there, or another service's, and is answered. false: it goes on as any other. */
bool acme_challenge_answer(struct request *r);

#endif

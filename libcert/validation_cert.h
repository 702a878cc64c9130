/* SPDX-License-Identifier: ISC */
/*
 * validation_cert: the certificate that proves a name by tls-alpn-01 (RFC 8737, RFC 8738 6), and the directory through
 * which an ACME client hands it to the server of port 443. Shared ground of libacme, which writes, and the proxy, which
 * answers.
 *
 *	STORE/gatehouse/acme-tls/             0700; whoever comes first makes it
 *	STORE/gatehouse/acme-tls/SERVER.pem   0600; private key, then one certificate, both PEM
 *
 * SERVER is what the CA says in SNI, lower case: "a.example", or "1.2.0.192.in-addr.arpa" for an IP address. A file
 * appears by rename, whole, and goes by unlink; names with a leading dot or without ".pem" (a writer's temporary files) are
 * not looked at. The server shows SERVER.pem to a ClientHello with this SNI that offers "acme-tls/1" and nothing
 * else in ALPN, selects that protocol, and closes after the handshake. Without a file of that name the handshake fails. Nothing
 * needs a reload: the writer connects itself and waits until what it wrote is shown, before the CA is told.
 */
#ifndef LIBCERT_VALIDATION_CERT_H
#define LIBCERT_VALIDATION_CERT_H

#include "base/err.h"
#include "base/span.h"

#include <openssl/x509.h>

#include <stdbool.h>

/* Below the store's directory. */
#define VALIDATION_CERT_SUBDIR "gatehouse/acme-tls"
#define VALIDATION_CERT_SUFFIX ".pem"
#define VALIDATION_CERT_ALPN "acme-tls/1"
/* The protocol as a ClientHello carries it: a length and the name. */
#define VALIDATION_CERT_ALPN_WIRE "\x0a" VALIDATION_CERT_ALPN
/* No file is larger. */
#define VALIDATION_CERT_FILE_MAX ((size_t)16 * 1024)
#define VALIDATION_CERT_SERVER_MAX 253

struct validation_cert {
	char server[VALIDATION_CERT_SERVER_MAX + 1]; /* the SNI that asks for it */
	EVP_PKEY *key;
	X509 *cert;
};

void validation_cert_release(struct validation_cert *v);

/* The SNI for a name to prove: a DNS name as it is, an IP address as its reverse name. */
int validation_cert_server(struct span name, char out[VALIDATION_CERT_SERVER_MAX + 1],
    struct err *e) __attribute__((warn_unused_result));

/* A fresh P-256 key and a self-signed certificate, good for a day, for name and the challenge's key authorization. */
int validation_cert_make(struct span name, struct span key_auth, struct validation_cert *v,
    struct err *e) __attribute__((warn_unused_result));

/* dir is the whole path and is made when it is missing. An older file of that name is replaced. */
int validation_cert_write(const char *dir, const struct validation_cert *v, struct err *e)
    __attribute__((warn_unused_result));
/* Quiet if it is gone already, or is not v's any more. */
void validation_cert_remove(const char *dir, const struct validation_cert *v);

/*
 * The content of a file. Refuses (ERR_DATA) what is no validation certificate: it has exactly one name, an acmeIdentifier
 * that is critical, a key that belongs to it, and has not ended; so that no server can be made to show any other
 * certificate by this way.
 */
int validation_cert_parse(struct span pem, struct validation_cert *v, struct err *e)
    __attribute__((warn_unused_result));

/* Does cert, seen on the wire, prove key_auth? */
bool validation_cert_proves(X509 *cert, struct span key_auth);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * tls_spec: what the configuration says about TLS, as servers hold it.
 *
 * Texts of files (CAs, revocation lists) are in it, read through the configuration's source, so that the monitor's
 * and the workers' loads see the same bytes; keys never are: they travel in the bundle alone.
 */
#ifndef PROXY_CONFIG_TLS_SPEC_H
#define PROXY_CONFIG_TLS_SPEC_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_file;
struct node;
struct template;
struct tls_settings;

/* A certificate and key as named in the configuration (several per server: RSA + ECDSA). */
struct certificate_ref {
	struct span cert_path, key_path; /* absolute */
	struct span password_file;       /* for the key; absolute or empty. The monitor's alone */
	bool serves;                     /* shown to clients, not only to upstreams */
	const struct tls_settings *tls;  /* of the first server that shows it; NULL = none */
	struct span staple;              /* file of an OCSP response, absolute; empty = none */
	bool staple_is_named;            /* by ssl_stapling_file */
	struct span staple_trust; /* PEM of CAs to check its signature by; p NULL = unchecked */
	bool watch;               /* picked up by itself when it changes on disk */
	unsigned index;           /* in snapshot->certificates; one per distinct pair */
	const struct config_file *file;
	unsigned line;
};

enum tls_protocol { TLS_PROTO_1_0 = 1, TLS_PROTO_1_1 = 2, TLS_PROTO_1_2 = 4, TLS_PROTO_1_3 = 8 };

/* ssl_verify_client */
enum tls_verify {
	TLS_VERIFY_OFF,
	TLS_VERIFY_ON,             /* required, signed by a CA of ours */
	TLS_VERIFY_OPTIONAL,       /* asked for; if sent it must be good */
	TLS_VERIFY_OPTIONAL_NO_CA, /* asked for; who signed it is for others to judge */
};

/* ssl_conf_command NAME VALUE, in order. */
struct tls_command {
	struct span name, value;
	const struct tls_command *next;
};

struct tls_text {
	struct span path; /* absolute or empty */
	struct span text; /* PEM */
};

/* Memory that all workers share, made by the monitor and kept over reloads: by name and size. */
struct zone_spec {
	struct span name;
	size_t size;
	unsigned index; /* in snapshot->zones */
};

/* ssl_session_cache */
struct tls_session_store {
	bool off;                     /* clients are told that nothing is resumed by ID */
	unsigned builtin;             /* sessions kept by each worker for itself; 0 = none */
	const struct zone_spec *zone; /* shared by all; NULL = none */
};

struct tls_path {
	struct span path;
	const struct tls_path *next;
};

/* Equal settings share one SSL_CTX: compare by value. */
struct tls_settings {
	unsigned protocols;  /* set of tls_protocol; default 1.2 + 1.3 */
	struct span ciphers; /* OpenSSL list; default "HIGH:!aNULL:!MD5" */
	/* OpenSSL list of those the library knows; preferred first; empty = ours. */
	struct span groups;
	struct span dhparam;       /* path or empty */
	struct span password_file; /* of keys named in the same block or below */
	const struct tls_command *commands;
	size_t buffer_size; /* of a record sent at most; 16k */
	bool prefer_server_ciphers;
	bool reject_handshake;
	bool stapling, stapling_verify;
	struct span stapling_file; /* absolute; empty: the certificate's path and ".ocsp" */
	bool watch;                /* ssl_certificate_watch: of no concern to handshakes */
	bool early_data;

	/* Sessions */
	int64_t session_timeout_ms; /* 5 min */
	struct tls_session_store store;
	bool tickets;
	const struct tls_path *ticket_keys; /* the first encrypts; NULL = our own rotating ones */

	/* Clients' certificates */
	unsigned verify; /* enum tls_verify */
	unsigned verify_depth;
	struct tls_text client_ca, trusted_ca, crl;
};

/* proxy_ssl_*: how TLS is spoken to upstreams. Equal ones share one SSL_CTX in a worker. */
struct upstream_tls_settings {
	unsigned protocols;          /* set of tls_protocol; default 1.2 + 1.3 */
	struct span ciphers;         /* OpenSSL list; "DEFAULT" */
	const struct template *name; /* to verify and to send; NULL = $proxy_host's */
	bool server_name;            /* send it (SNI) */
	bool verify, session_reuse;  /* off, on */
	unsigned verify_depth;       /* 1 */
	struct tls_text trusted_ca, crl;
	struct span cert_path, key_path; /* absolute; empty = none is shown */
	struct span password_file;       /* for the key; the monitor's alone */
	const struct node *cert_node;    /* that named the certificate */
};

#endif

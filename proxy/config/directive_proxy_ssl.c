/* SPDX-License-Identifier: ISC */
/*
 * directive_proxy_ssl: TLS to upstreams, of http and stream.
 *
 * Texts of CAs and revocation lists become part of the configuration; the certificate and key shown to upstreams
 * travel in the bundle beside those of servers.
 */
#include "proxy/config/loader.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

void
upstream_tls_settings_init(struct upstream_tls_settings *t)
{
	*t = (struct upstream_tls_settings){
		.protocols = TLS_PROTO_1_2 | TLS_PROTO_1_3,
		.ciphers = SPAN("DEFAULT"),
		.verify_depth = 1,
		.session_reuse = true,
	};
}

/* Above security level 0, OpenSSL 3 fails each handshake of TLS 1.0 and 1.1. */
static bool
has_usable_protocol(const struct loader *l, const struct upstream_tls_settings *t)
{
	SSL_CTX *ctx;
	bool usable;

	if (t->protocols & (TLS_PROTO_1_2 | TLS_PROTO_1_3))
		return true;
	ctx = SSL_CTX_new(TLS_client_method());
	usable = ctx && SSL_CTX_set_cipher_list(ctx, arena_strdup(l->scratch, t->ciphers)) == 1 &&
		 SSL_CTX_get_security_level(ctx) == 0;
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return usable;
}

void
upstream_tls_use(struct loader *l, const struct node *n, const struct upstream_tls_settings *t)
{
	const struct named_path cert = { .path = t->cert_path, .node = t->cert_node };
	const struct named_path key = { .path = t->key_path, .node = t->cert_node };

	if (t->verify && t->trusted_ca.text.n == 0 && t->trusted_ca.path.n == 0)
		loader_error(l, n, "no \"proxy_ssl_trusted_certificate\" for \"proxy_ssl_verify\"");
	if (!has_usable_protocol(l, t)) {
		loader_error(l, n, "TLS 1.0 and 1.1 need OpenSSL's security level 0");
		diagnostic_hint(l->diags,
		    "add TLSv1.2 and TLSv1.3 to proxy_ssl_protocols, or \"@SECLEVEL=0\" to proxy_ssl_ciphers");
	}
	if (cert.path.n == 0)
		return;
	if (key.path.n == 0)
		loader_error(l, cert.node,
		    "no \"proxy_ssl_certificate_key\" is defined for certificate \"" SPAN_FMT "\"",
		    SPAN_ARG(cert.path));
	else
		(void)loader_certificate(l, &cert, &key, t->password_file);
}

void
upstream_tls_finish(struct loader *l, const struct location *location)
{
	const struct proxy_target *target = location->proxy;

	/* What variables come to may be either. */
	if (target && (target->tls || target->url))
		upstream_tls_use(l, location->node, &location->settings->proxy.tls);
}

/* A file's path, made absolute; empty: none, whatever stands further up. */
static int
set_file(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct upstream_tls_settings *t = &scope_location_settings(l, s)->proxy.tls;
	struct span text = n->words[1].text;

	if (loader_check_literal(l, n, &n->words[1]) < 0) {
		diagnostic_hint(l->diags,
		    "worker processes open no files: name each file, in a location of its own");
		return -1;
	}
	if (span_starts(text, SPAN("data:")) || span_starts(text, SPAN("engine:")) ||
	    span_starts(text, SPAN("store:")))
		return loader_error(l, n,
		    "\"" SPAN_FMT "\" in \"" SPAN_FMT "\" is not supported: a path is",
		    SPAN_ARG(text), SPAN_ARG(n->words[0].text));
	if (span_eq(d->name, SPAN("proxy_ssl_certificate")))
		t->cert_node = n;
	*(struct span *)(void *)((char *)scope_settings(l, s, d->group) + d->offset) =
	    text.n > 0 ? loader_conf_path(l, text) : text;
	return 0;
}

#define ALL (CONTEXT_HTTP_ALL | CONTEXT_STREAM_ALL)

static const struct directive rows[] = {
	{ SPAN_INIT("proxy_ssl_name"), ALL, 1, 1, 0, .set = directive_set_template,
	    LOCATION_FIELD(const struct template *, proxy.tls.name) },
	{ SPAN_INIT("proxy_ssl_server_name"), ALL, 1, 1, 0, .set = directive_set_flag,
	    LOCATION_FIELD(bool, proxy.tls.server_name) },
	{ SPAN_INIT("proxy_ssl_verify"), ALL, 1, 1, 0, .set = directive_set_flag,
	    LOCATION_FIELD(bool, proxy.tls.verify) },
	{ SPAN_INIT("proxy_ssl_verify_depth"), ALL, 1, 1, 0, .set = directive_set_number,
	    LOCATION_FIELD(unsigned, proxy.tls.verify_depth) },
	{ SPAN_INIT("proxy_ssl_trusted_certificate"), ALL, 1, 1, 0, .set = directive_set_tls_text,
	    LOCATION_FIELD(struct tls_text, proxy.tls.trusted_ca) },
	{ SPAN_INIT("proxy_ssl_crl"), ALL, 1, 1, 0, .set = directive_set_tls_text,
	    LOCATION_FIELD(struct tls_text, proxy.tls.crl), directive_crls },
	{ SPAN_INIT("proxy_ssl_certificate"), ALL, 1, 1, 0, .set = set_file,
	    LOCATION_FIELD(struct span, proxy.tls.cert_path) },
	{ SPAN_INIT("proxy_ssl_certificate_key"), ALL, 1, 1, 0, .set = set_file,
	    LOCATION_FIELD(struct span, proxy.tls.key_path) },
	{ SPAN_INIT("proxy_ssl_password_file"), ALL, 1, 1, 0, .set = set_file,
	    LOCATION_FIELD(struct span, proxy.tls.password_file) },
	{ SPAN_INIT("proxy_ssl_protocols"), ALL, 1, DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY,
	    .set = directive_set_tls_protocols, LOCATION_FIELD(unsigned, proxy.tls.protocols) },
	{ SPAN_INIT("proxy_ssl_ciphers"), ALL, 1, 1, 0, .set = directive_set_tls_ciphers,
	    LOCATION_FIELD(struct span, proxy.tls.ciphers) },
	{ SPAN_INIT("proxy_ssl_session_reuse"), ALL, 1, 1, 0, .set = directive_set_flag,
	    LOCATION_FIELD(bool, proxy.tls.session_reuse) },
};
const struct directive_table directive_proxy_ssl_table = { rows, sizeof(rows) / sizeof(rows[0]) };

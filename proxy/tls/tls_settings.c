/* SPDX-License-Identifier: ISC */
/* tls_settings: see tls_settings.h. */
#include "proxy/tls/tls_settings.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "libcert/dh.h"
#include "proxy/config/tls_command.h"
#include "proxy/tls/client_trust.h"
#include "proxy/tls/key_schedule.h"
#include "proxy/tls/record.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <limits.h>
#include <stdio.h>

/* Preferred first. One name that a library does not know would make it refuse the whole list. */
static const char *const groups[] = { "X25519MLKEM768", "X25519", "P-256", "P-384", "P-521" };

/* AES-128 is strong enough and cheaper; where clients choose, they do. */
#define SUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS_MAX 128
#define DH_FILE_MAX 65536
#define EARLY_DATA_MAX 16384

struct protocol {
	unsigned bit;
	int version;
	uint64_t off; /* option that switches it off */
};

static const struct protocol protocols[] = {
	{ TLS_PROTO_1_0, TLS1_VERSION, SSL_OP_NO_TLSv1 },
	{ TLS_PROTO_1_1, TLS1_1_VERSION, SSL_OP_NO_TLSv1_1 },
	{ TLS_PROTO_1_2, TLS1_2_VERSION, SSL_OP_NO_TLSv1_2 },
	{ TLS_PROTO_1_3, TLS1_3_VERSION, SSL_OP_NO_TLSv1_3 },
};

#define PROTOCOL_COUNT (sizeof(protocols) / sizeof(protocols[0]))

static void
add_field(struct buf *out, struct span s)
{
	buf_printf(out, " %zu:", s.n);
	buf_add(out, s);
}

void
tls_settings_digest(const struct tls_settings *s, struct span dh,
    unsigned char digest[TLS_SETTINGS_DIGEST])
{
	struct buf all;

	buf_init(&all, SIZE_MAX / 2);
	buf_printf(&all, "%u %d %d %d %lld %zu %d %u %d %u %u ", s->protocols,
	    s->prefer_server_ciphers, s->reject_handshake, s->early_data,
	    (long long)s->session_timeout_ms, s->buffer_size, s->store.off, s->store.builtin,
	    s->tickets, s->verify, s->verify_depth);
	add_field(&all, s->ciphers);
	add_field(&all, s->groups);
	add_field(&all, dh);
	add_field(&all, s->client_ca.text);
	add_field(&all, s->trusted_ca.text);
	add_field(&all, s->crl.text);
	if (s->store.zone)
		buf_printf(&all, " zone %zu %.*s", s->store.zone->size, (int)s->store.zone->name.n,
		    s->store.zone->name.p);
	for (const struct tls_command *c = s->commands; c; c = c->next) {
		add_field(&all, c->name);
		add_field(&all, c->value);
	}
	if (EVP_Digest(all.p, all.len, digest, NULL, EVP_sha256(), NULL) != 1)
		abort();
	buf_release(&all);
}

/* Of ours, those the library knows. Asked once per process, the same from then on. */
static const char *
default_groups(void)
{
	static char list[GROUPS_MAX];
	SSL_CTX *ctx;
	size_t n = 0;

	if (list[0])
		return list;
	ctx = SSL_CTX_new(TLS_server_method());
	for (size_t i = 0; ctx && i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (SSL_CTX_set1_groups_list(ctx, groups[i]) == 1)
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ":" : "",
			    groups[i]);
	}
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return list;
}

static void
set_groups(SSL_CTX *ctx, const struct tls_settings *s)
{
	char *own = s->groups.n > 0 ? mem_dup_span(s->groups) : NULL;

	SSL_CTX_set1_groups_list(ctx, own ? own : default_groups());
	free(own);
}

int
tls_settings_set_ciphers(SSL_CTX *ctx, struct span ciphers, struct err *e)
{
	char *list = mem_dup_span(ciphers);
	int ok = SSL_CTX_set_cipher_list(ctx, list);

	free(list);
	if (ok != 1)
		return err_set_openssl(e, ERR_CONFIG, "no usable cipher in \"" SPAN_FMT "\"",
		    SPAN_ARG(ciphers));
	return 0;
}

/*
 * Above security level 0, OpenSSL 3 accepts TLS 1.0 and 1.1 in the settings and fails each such handshake with an
 * internal error. Without them there, the client is told that its version is too old.
 */
static unsigned
usable_protocols(SSL_CTX *ctx, unsigned set)
{
	if (SSL_CTX_get_security_level(ctx) > 0)
		set &= ~(unsigned)(TLS_PROTO_1_0 | TLS_PROTO_1_1);
	return set;
}

int
tls_settings_set_protocols(SSL_CTX *ctx, unsigned asked, struct err *e)
{
	unsigned set = usable_protocols(ctx, asked);
	int lowest = 0, highest = 0;

	for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
		if (!(set & protocols[i].bit)) {
			SSL_CTX_set_options(ctx, protocols[i].off);
			continue;
		}
		SSL_CTX_clear_options(ctx, protocols[i].off);
		if (!lowest)
			lowest = protocols[i].version;
		highest = protocols[i].version;
	}
	if (!lowest) {
		err_set(e, ERR_CONFIG, "TLS 1.0 and 1.1 need OpenSSL's security level 0");
		return err_hint(e,
		    "add TLSv1.2 and TLSv1.3 to ssl_protocols, or \"@SECLEVEL=0\" to ssl_ciphers");
	}
	SSL_CTX_set_min_proto_version(ctx, lowest);
	SSL_CTX_set_max_proto_version(ctx, highest);
	return 0;
}

static int
use_dh_take(SSL_CTX *ctx, EVP_PKEY *params, struct err *e)
{
	if (SSL_CTX_set0_tmp_dh_pkey(ctx, params) == 1)
		return 0;
	EVP_PKEY_free(params);
	err_set_openssl(e, ERR_DATA, "cannot use the DH parameters");
	return err_hint(e, "make new ones of 2048 bits or more with \"dhparam\"");
}

static int
set_dh(SSL_CTX *ctx, struct span dh, struct err *e)
{
	const unsigned char *p = (const unsigned char *)dh.p;
	EVP_PKEY *params;

	if (dh.n == 0)
		return 0;
	params = dh.n <= LONG_MAX ? d2i_KeyParams(EVP_PKEY_DH, NULL, &p, (long)dh.n) : NULL;
	if (!params)
		return err_set_openssl(e, ERR_DATA, "cannot parse the DH parameters");
	return use_dh_take(ctx, params, e);
}

static void
set_fixed(SSL_CTX *ctx, const struct tls_settings *s)
{
	int64_t timeout = s->session_timeout_ms / 1000;

	/* A missing close_notify is harmless: requests say where they end. */
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (s->prefer_server_ciphers)
		SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	else
		SSL_CTX_clear_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				  SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_num_tickets(ctx, 1);
	/*
	 * Our own caches hold the sessions (session_cache.h). Without one the mode stays on, because some old clients
	 * fail where no ID is offered.
	 */
	SSL_CTX_set_session_cache_mode(ctx, s->store.off ? SSL_SESS_CACHE_OFF
							 : SSL_SESS_CACHE_SERVER |
							       SSL_SESS_CACHE_NO_INTERNAL |
							       SSL_SESS_CACHE_NO_AUTO_CLEAR);
	if (!s->tickets)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	/* Replays of early data are the backend's to judge: $ssl_early_data tells it (RFC 8470). */
	if (s->early_data) {
		SSL_CTX_set_options(ctx, SSL_OP_NO_ANTI_REPLAY);
		SSL_CTX_set_max_early_data(ctx, EARLY_DATA_MAX);
	}
	SSL_CTX_set_timeout(ctx, (long)(timeout < LONG_MAX ? timeout : LONG_MAX));
	SSL_CTX_set_max_send_fragment(ctx, (long)tls_settings_record(s));
	set_groups(ctx, s);
	SSL_CTX_set_ciphersuites(ctx, SUITES);
}

/* OpenSSL's protection takes only what is in its own cache, which is no worker's but one: nothing would be resumed. */
static int
check_replay(const SSL_CTX *ctx, const struct tls_settings *s, struct err *e)
{
	if (!s->early_data || (SSL_CTX_get_options(ctx) & SSL_OP_NO_ANTI_REPLAY))
		return 0;
	err_set(e, ERR_CONFIG, "\"AntiReplay\" is not supported with \"ssl_early_data\"");
	return err_hint(e,
	    "replays are the backend's to judge: tell it by \"proxy_set_header Early-Data $ssl_early_data\"");
}

SSL_CTX *
tls_settings_context(const struct tls_settings *s, struct span dh, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(NULL, key_schedule_properties(), TLS_server_method());

	if (!ctx) {
		err_set_openssl(e, ERR_UNAVAILABLE, "cannot make a TLS context");
		return NULL;
	}
	set_fixed(ctx, s);
	if (tls_settings_set_ciphers(ctx, s->ciphers, e) < 0 ||
	    tls_settings_set_protocols(ctx, s->protocols, e) < 0 || set_dh(ctx, dh, e) < 0 ||
	    client_trust_set(ctx, s, e) < 0 || tls_command_run(s->commands, ctx, NULL, e) < 0 ||
	    check_replay(ctx, s, e) < 0) {
		SSL_CTX_free(ctx);
		ctx = NULL;
	}
	ERR_clear_error();
	return ctx;
}

int
tls_settings_try_chain(SSL_CTX *ctx, STACK_OF(X509) *chain, struct err *e)
{
	bool ok = SSL_CTX_use_certificate(ctx, sk_X509_value(chain, 0)) == 1;
	int rc = 0;

	for (int i = 1; ok && i < sk_X509_num(chain); i++)
		ok = SSL_CTX_add1_chain_cert(ctx, sk_X509_value(chain, i)) == 1;
	if (!ok)
		rc = err_set_openssl(e, ERR_DATA, "OpenSSL refuses it");
	SSL_CTX_clear_chain_certs(ctx);
	ERR_clear_error();
	return rc;
}

void
tls_settings_apply(SSL *ssl, SSL_CTX *ctx, const struct tls_settings *s)
{
	uint64_t options = SSL_CTX_get_options(ctx);
	char *own;

	SSL_clear_options(ssl, SSL_get_options(ssl) & ~options);
	SSL_set_options(ssl, options);
	SSL_set_min_proto_version(ssl, (int)SSL_CTX_get_min_proto_version(ctx));
	SSL_set_max_proto_version(ssl, (int)SSL_CTX_get_max_proto_version(ctx));
	SSL_set_max_send_fragment(ssl, (long)tls_settings_record(s));
	SSL_set_verify(ssl, SSL_CTX_get_verify_mode(ctx), SSL_CTX_get_verify_callback(ctx));
	SSL_set_verify_depth(ssl, SSL_CTX_get_verify_depth(ctx));
	SSL_set_max_early_data(ssl, SSL_CTX_get_max_early_data(ctx));
	SSL_set_recv_max_early_data(ssl, SSL_CTX_get_recv_max_early_data(ctx));
	own = s->groups.n > 0 ? mem_dup_span(s->groups) : NULL;
	SSL_set1_groups_list(ssl, own ? own : default_groups());
	free(own);
	/* A command on ciphers adds to the suites of TLS 1.3 that the SSL has of its first SSL_CTX. */
	if (s->commands)
		SSL_set_ciphersuites(ssl, SUITES);
	/* The load has seen them succeed. */
	(void)!tls_command_run(s->commands, NULL, ssl, NULL);
	ERR_clear_error();
}

size_t
tls_settings_record(const struct tls_settings *s)
{
	return s->buffer_size < RECORD_TEXT_MAX ? s->buffer_size : RECORD_TEXT_MAX;
}

bool
tls_settings_pad(const struct tls_settings *s)
{
	for (const struct tls_command *c = s->commands; c; c = c->next) {
		if (span_eq_nocase(c->name, SPAN("RecordPadding")))
			return true;
	}
	return false;
}

bool
tls_settings_legacy_is_off(const struct tls_settings *s)
{
	SSL_CTX *ctx;
	bool off;

	if (!(s->protocols & (TLS_PROTO_1_0 | TLS_PROTO_1_1)))
		return false;
	ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx)
		return false;
	off = tls_settings_set_ciphers(ctx, s->ciphers, NULL) == 0 &&
	      usable_protocols(ctx, s->protocols) != s->protocols;
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return off;
}

/* Are the DH parameters good enough? When they cannot be had at all, whoever packs them says why. */
static int
check_dh(SSL_CTX *ctx, struct span path, struct err *e)
{
	char *name = mem_dup_span(path);
	EVP_PKEY *params = NULL;
	struct buf pem;
	int rc = 0;

	buf_init(&pem, DH_FILE_MAX);
	if (file_read(name, &pem, NULL) == 0 && dh_parse_pem(buf_span(&pem), &params, NULL) == 0)
		rc = use_dh_take(ctx, params, e);
	if (rc < 0)
		err_wrap(e, "\"%s\"", name);
	buf_release(&pem);
	free(name);
	return rc;
}

static void
check_server(const struct server *server, struct diagnostics *diags)
{
	const struct tls_settings *tls = &server->settings->tls;
	const struct config_file *file = server->node ? server->node->file : NULL;
	unsigned line = server->node ? server->node->line : 0;
	struct err e = ERR_INIT;
	SSL_CTX *ctx = tls_settings_context(tls, span_of(NULL, 0), &e);

	if (!ctx || (tls->dhparam.n > 0 && check_dh(ctx, tls->dhparam, &e) < 0)) {
		diagnostic_add(diags, DIAG_EMERG, file, line, "%s", err_text(&e));
		if (e.hint)
			diagnostic_hint(diags, "%s", e.hint);
	} else if (tls_settings_legacy_is_off(tls)) {
		diagnostic_add(diags, DIAG_WARN, file, line,
		    "TLSv1 and TLSv1.1 in \"ssl_protocols\" stay off: OpenSSL's security level forbids them");
		diagnostic_hint(diags, "take them out, or add \":@SECLEVEL=0\" to \"ssl_ciphers\"");
	}
	SSL_CTX_free(ctx);
	err_release(&e);
}

void
tls_settings_check(const struct snapshot *s, struct diagnostics *diags)
{
	const struct server_settings *last = NULL;

	for (size_t i = 0; i < s->server_count; i++) {
		const struct server *server = s->servers[i];

		/* Inherited settings are the same object. */
		if ((server->certificate_count == 0 && !server->settings->tls.reject_handshake) ||
		    server->settings == last)
			continue;
		last = server->settings;
		check_server(server, diags);
	}
}

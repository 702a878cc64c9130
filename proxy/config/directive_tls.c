/* SPDX-License-Identifier: ISC */
/*
 * directive_tls: certificates and TLS settings of servers.
 *
 * Certificates and keys are two lists, each inherited whole unless a block has its own; the n-th
 * certificate belongs to the n-th key. Whether the files are there and fit is the monitor's to
 * say.
 */
#include "proxy/config/loader.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static int
add_path(struct loader *l, struct scope *s, const struct node *n, struct named_path **list)
{
	struct named_path *p = arena_zalloc(l->scratch, sizeof(*p));
	struct span text = n->words[1].text;

	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (span_starts(text, SPAN("data:")) || span_starts(text, SPAN("engine:")) ||
	    span_starts(text, SPAN("store:")))
		return loader_error(l, n,
		    "\"" SPAN_FMT "\" in \"" SPAN_FMT "\" is not supported: a path is",
		    SPAN_ARG(text), SPAN_ARG(n->words[0].text));
	if (text.n == 0)
		return loader_fail(l, n, "invalid value");
	p->path = loader_conf_path(l, text);
	p->node = n;
	if (!s->first) {
		while (*list)
			list = &(*list)->next;
	}
	*list = p;
	return 0;
}

static int
set_certificate(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	return add_path(l, s, n, &s->certificates);
}

static int
set_certificate_key(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	return add_path(l, s, n, &s->certificate_keys);
}

/* One per distinct pair of files. */
static const struct certificate_ref *
certificate_ref(struct loader *l, const struct named_path *cert, const struct named_path *key)
{
	struct span both = arena_printf(l->scratch, SPAN_FMT "\n" SPAN_FMT, SPAN_ARG(cert->path),
	    SPAN_ARG(key->path));
	struct certificate_ref *ref = span_map_get(&l->certificates, both);
	struct snapshot *s = l->snapshot;

	if (ref)
		return ref;
	ref = arena_zalloc(l->arena, sizeof(*ref));
	ref->cert_path = cert->path;
	ref->key_path = key->path;
	ref->index = (unsigned)s->certificate_count;
	ref->file = cert->node->file;
	ref->line = cert->node->line;
	span_map_add(&l->certificates, both, ref);
	LOADER_APPEND(l->arena, s->certificates, s->certificate_count, ref);
	return ref;
}

void
tls_finish_server(struct loader *l, struct scope *s)
{
	struct server *server = s->server;
	const struct named_path *key = s->certificate_keys;
	struct span dhparam = s->server_settings->tls.dhparam;

	for (const struct named_path *cert = s->certificates; cert; cert = cert->next) {
		if (!key)
			loader_error(l, cert->node,
			    "no \"ssl_certificate_key\" is defined for certificate \"" SPAN_FMT
			    "\"",
			    SPAN_ARG(cert->path));
		LOADER_APPEND(l->arena, server->certificates, server->certificate_count,
		    certificate_ref(l, cert, key ? key : cert));
		key = key ? key->next : NULL;
	}
	if (key)
		loader_error(l, key->node,
		    "no \"ssl_certificate\" is defined for key \"" SPAN_FMT "\"",
		    SPAN_ARG(key->path));
	if (dhparam.n > 0 && !span_map_add(&l->dhparams, dhparam, server))
		LOADER_APPEND(l->arena, l->snapshot->dhparams, l->snapshot->dhparam_count, dhparam);
}

/* ssl on|off, the old spelling of "listen ... ssl". */
static int
set_ssl(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	if (directive_parse_flag(l, n, &s->ssl) < 0)
		return -1;
	if (s->ssl && s->context == CONTEXT_SERVER) {
		s->ssl_node = n; /* take_listens() tells what to write instead */
		return 0;
	}
	loader_warn(l, n,
	    "the \"ssl\" directive is deprecated, use the \"listen ... ssl\" directive instead");
	if (s->ssl)
		diagnostic_hint(l->diags,
		    "write \"ssl\" behind the address of each listen, and drop \"ssl on;\"");
	return 0;
}

static int
set_protocols(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	static const struct directive_choice protocols[] = {
		{ SPAN_INIT("TLSv1"), TLS_PROTO_1_0 },
		{ SPAN_INIT("TLSv1.1"), TLS_PROTO_1_1 },
		{ SPAN_INIT("TLSv1.2"), TLS_PROTO_1_2 },
		{ SPAN_INIT("TLSv1.3"), TLS_PROTO_1_3 },
		{ SPAN_INIT(""), 0 },
	};
	unsigned set = 0, one;

	for (unsigned i = 1; i < n->word_count; i++) {
		const struct word *w = &n->words[i];

		if (span_eq_nocase(w->text, SPAN("SSLv2")) ||
		    span_eq_nocase(w->text, SPAN("SSLv3")))
			return loader_word_error(l, n, w,
			    "\"" SPAN_FMT "\" is broken and not supported", SPAN_ARG(w->text));
		if (directive_choose(l, n, w, protocols, &one) < 0)
			return -1;
		if (set & one)
			loader_warn(l, n, "duplicate value \"" SPAN_FMT "\"", SPAN_ARG(w->text));
		set |= one;
	}
	scope_server_settings(l, s)->tls.protocols = set;
	return 0;
}

/* What OpenSSL makes of the list, asked once per distinct one. */
static bool
are_ciphers_sound(struct loader *l, struct span list)
{
	static const char sound, broken;
	const char *verdict = span_map_get(&l->ciphers, list);

	if (!verdict) {
		if (!l->tls)
			l->tls = SSL_CTX_new(TLS_server_method());
		verdict =
		    l->tls && SSL_CTX_set_cipher_list(l->tls, arena_strdup(l->scratch, list)) == 1
			? &sound
			: &broken;
		ERR_clear_error();
		span_map_add(&l->ciphers, list, (void *)(uintptr_t)verdict);
	}
	return verdict == &sound;
}

static int
set_ciphers(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct span list = n->words[1].text;

	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (!are_ciphers_sound(l, list)) {
		loader_error(l, n, "no cipher of \"" SPAN_FMT "\" is known", SPAN_ARG(list));
		diagnostic_hint(l->diags,
		    "it is an OpenSSL cipher list; \"openssl ciphers\" shows what is known");
		return -1;
	}
	scope_server_settings(l, s)->tls.ciphers = list;
	return 0;
}

static int
set_dhparam(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (n->words[1].text.n == 0)
		return loader_fail(l, n, "invalid value");
	scope_server_settings(l, s)->tls.dhparam = loader_conf_path(l, n->words[1].text);
	return 0;
}

static const struct directive rows[] = {
	{ SPAN_INIT("ssl"), CONTEXT_HTTP_SERVER, 1, 1, 0, .set = set_ssl },
	{ SPAN_INIT("ssl_certificate"), CONTEXT_HTTP_SERVER, 1, 1, DIRECTIVE_MANY,
	    .set = set_certificate },
	{ SPAN_INIT("ssl_certificate_key"), CONTEXT_HTTP_SERVER, 1, 1, DIRECTIVE_MANY,
	    .set = set_certificate_key },
	{ SPAN_INIT("ssl_protocols"), CONTEXT_HTTP_SERVER, 1, DIRECTIVE_ARGS_ANY, 0,
	    .set = set_protocols },
	{ SPAN_INIT("ssl_ciphers"), CONTEXT_HTTP_SERVER, 1, 1, 0, .set = set_ciphers },
	{ SPAN_INIT("ssl_prefer_server_ciphers"), CONTEXT_HTTP_SERVER, 1, 1, 0,
	    .set = directive_set_flag, SERVER_FIELD(bool, tls.prefer_server_ciphers) },
	{ SPAN_INIT("ssl_dhparam"), CONTEXT_HTTP_SERVER, 1, 1, 0, .set = set_dhparam },
	{ SPAN_INIT("ssl_session_timeout"), CONTEXT_HTTP_SERVER, 1, 1, 0,
	    .set = directive_set_duration, SERVER_FIELD(int64_t, tls.session_timeout_ms),
	    directive_seconds },
};
const struct directive_table directive_tls_table = { rows, sizeof(rows) / sizeof(rows[0]) };

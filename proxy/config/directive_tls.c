/* SPDX-License-Identifier: ISC */
/*
 * directive_tls: certificates of servers.
 *
 * Certificates and keys are two lists, each inherited whole unless a block has its own; the n-th
 * certificate belongs to the n-th key. Whether the files are there and fit is the monitor's to
 * say.
 */
#include "libcert/validation_cert.h"
#include "proxy/config/loader.h"

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

/* Read by the monitor only: workers get decrypted keys. */
static int
set_password_file(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (n->words[1].text.n == 0)
		return loader_fail(l, n, "invalid value");
	scope_server_settings(l, s)->tls.password_file = loader_conf_path(l, n->words[1].text);
	return 0;
}

/* One per distinct pair of files. */
struct certificate_ref *
loader_certificate(struct loader *l, const struct named_path *cert, const struct named_path *key,
    struct span password_file)
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
	ref->password_file = password_file;
	ref->index = (unsigned)s->certificate_count;
	ref->file = cert->node->file;
	ref->line = cert->node->line;
	span_map_add(&l->certificates, both, ref);
	LOADER_APPEND(l->arena, s->certificates, s->certificate_count, ref);
	return ref;
}

/* Of servers that show the same certificate, the first that names a file has its way, and one that verifies. */
static void
find_staple(struct loader *l, struct certificate_ref *ref, const struct tls_settings *tls)
{
	if (tls->stapling_file.n > 0 && !ref->staple_is_named) {
		ref->staple = tls->stapling_file;
		ref->staple_is_named = true;
	} else if (ref->staple.n == 0) {
		ref->staple = arena_printf(l->arena, SPAN_FMT ".ocsp", SPAN_ARG(ref->cert_path));
	}
	if (tls->stapling_verify && !ref->staple_trust.p)
		ref->staple_trust = tls->trusted_ca.text.n > 0 ? tls->trusted_ca.text : SPAN("");
}

void
tls_finish_server(struct loader *l, struct scope *s)
{
	struct server *server = s->server;
	const struct named_path *key = s->certificate_keys;
	const struct tls_settings *tls = &s->server_settings->tls;

	for (const struct named_path *cert = s->certificates; cert; cert = cert->next) {
		if (!key)
			loader_error(l, cert->node,
			    "no \"ssl_certificate_key\" is defined for certificate \"" SPAN_FMT
			    "\"",
			    SPAN_ARG(cert->path));
		struct certificate_ref *ref =
		    loader_certificate(l, cert, key ? key : cert, tls->password_file);

		ref->serves = true;
		if (!ref->tls)
			ref->tls = tls;
		ref->watch |= tls->watch;
		if (tls->stapling)
			find_staple(l, ref, tls);
		LOADER_APPEND(l->arena, server->certificates, server->certificate_count, ref);
		key = key ? key->next : NULL;
	}
	if (key)
		loader_error(l, key->node,
		    "no \"ssl_certificate\" is defined for key \"" SPAN_FMT "\"",
		    SPAN_ARG(key->path));
	if (tls->dhparam.n > 0 && !span_map_add(&l->dhparams, tls->dhparam, server))
		LOADER_APPEND(l->arena, l->snapshot->dhparams, l->snapshot->dhparam_count,
		    tls->dhparam);
	for (const struct tls_path *p = tls->ticket_keys; p; p = p->next) {
		if (!span_map_add(&l->ticket_keys, p->path, server))
			LOADER_APPEND(l->arena, l->snapshot->ticket_key_files,
			    l->snapshot->ticket_key_file_count, p->path);
	}
	if (server->certificate_count > 0 || tls->reject_handshake)
		tls_check_verify(l, tls, s->node);
}

/* acme_tls_alpn STORE: ours */
static int
set_acme_tls_alpn(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	struct span path = n->words[1].text;

	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (path.n == 0)
		return loader_fail(l, n, "invalid value");
	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	l->snapshot->acme_store = arena_printf(l->arena, SPAN_FMT "/" VALIDATION_CERT_SUBDIR,
	    SPAN_ARG(loader_conf_path(l, path)));
	return 0;
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

static const struct directive rows[] = {
	{ SPAN_INIT("ssl"), CONTEXT_HTTP_SERVER, 1, 1, 0, .set = set_ssl },
	{ SPAN_INIT("ssl_certificate"), CONTEXT_TLS, 1, 1, DIRECTIVE_MANY, .set = set_certificate },
	{ SPAN_INIT("ssl_certificate_key"), CONTEXT_TLS, 1, 1, DIRECTIVE_MANY,
	    .set = set_certificate_key },
	{ SPAN_INIT("ssl_certificate_watch"), CONTEXT_TLS, 1, 1, 0, .set = directive_set_flag,
	    SERVER_FIELD(bool, tls.watch) },
	{ SPAN_INIT("acme_tls_alpn"), CONTEXT_HTTP, 1, 1, 0, .set = set_acme_tls_alpn },
	{ SPAN_INIT("ssl_password_file"), CONTEXT_TLS, 1, 1, 0, .set = set_password_file },
};
const struct directive_table directive_tls_table = { rows, sizeof(rows) / sizeof(rows[0]) };

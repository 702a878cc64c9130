/* SPDX-License-Identifier: ISC */
/*
 * directive_tls_client: certificates of clients: whether they are asked for, and who is trusted; and what clients are
 * shown of ours (stapling).
 *
 * The files' texts become part of the configuration, read when it is: an unreadable one is a mistake in it, as a host whose
 * clients can no longer be checked must not be served as if they were.
 */
#include "proxy/config/loader.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* Certificates or, with crls, revocation lists in PEM; other blocks are passed over. */
static size_t
count_pem(struct span text, bool crls)
{
	BIO *in = BIO_new_mem_buf(text.p, (int)text.n);
	STACK_OF(X509_INFO) *all = in ? PEM_X509_INFO_read_bio(in, NULL, NULL, NULL) : NULL;
	size_t count = 0;

	for (int i = 0; i < sk_X509_INFO_num(all); i++) {
		const X509_INFO *info = sk_X509_INFO_value(all, i);

		count += crls ? info->crl != NULL : info->x509 != NULL;
	}
	sk_X509_INFO_pop_free(all, X509_INFO_free);
	BIO_free(in);
	ERR_clear_error();
	return count;
}

int
directive_set_tls_text(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	struct tls_text *t = (void *)((char *)scope_settings(l, s, d->group) + d->offset);
	bool crls = d->detail != NULL;
	struct err e = ERR_INIT;
	int rc = 0;

	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	*t = (struct tls_text){ 0 };
	if (n->words[1].text.n == 0)
		return 0; /* none, whatever stands further up */
	t->path = loader_conf_path(l, n->words[1].text);
	if (l->source->read(l->source, t->path, &t->text, &e) < 0)
		rc = loader_error(l, n, "cannot load %s: %s",
		    crls ? "revocation lists" : "certificates", err_text(&e));
	else if (count_pem(t->text, crls) == 0)
		rc = loader_error(l, n, "no %s in PEM in \"" SPAN_FMT "\"",
		    crls ? "revocation list" : "certificate", SPAN_ARG(t->path));
	err_release(&e);
	return rc;
}

void
tls_check_verify(struct loader *l, const struct tls_settings *tls, const struct node *server)
{
	if ((tls->verify != TLS_VERIFY_ON && tls->verify != TLS_VERIFY_OPTIONAL) ||
	    tls->client_ca.text.n > 0 || tls->trusted_ca.text.n > 0)
		return;
	if (tls->client_ca.path.n > 0 || tls->trusted_ca.path.n > 0)
		return; /* told */
	loader_error(l, server,
	    "no \"ssl_client_certificate\" or \"ssl_trusted_certificate\" for \"ssl_verify_client\"");
}

/* ---- stapling ------------------------------------------------------------------------------------- */

static int
set_stapling_file(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	struct span path = n->words[1].text;

	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	scope_server_settings(l, s)->tls.stapling_file =
	    path.n > 0 ? loader_conf_path(l, path) : path;
	return 0;
}

/* Whoever fetches responses is told the address; that is never us. */
static int
refuse_responder(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	loader_error(l, n,
	    "\"ssl_stapling_responder\" is not supported: OCSP responses are taken from files");
	diagnostic_hint(l->diags,
	    "acme-renew fetches them from the responder each certificate names; have \"openssl ocsp -url ... "
	    "-respout FILE\" fetch others into ssl_stapling_file, or beside the certificate as CERTIFICATE.ocsp");
	return -1;
}

static const struct directive_choice verify_choices[] = {
	{ SPAN_INIT("off"), TLS_VERIFY_OFF },
	{ SPAN_INIT("on"), TLS_VERIFY_ON },
	{ SPAN_INIT("optional"), TLS_VERIFY_OPTIONAL },
	{ SPAN_INIT("optional_no_ca"), TLS_VERIFY_OPTIONAL_NO_CA },
	{ SPAN_INIT(""), 0 },
};

const char directive_crls[] = "crl";

static const struct directive rows[] = {
	{ SPAN_INIT("ssl_client_certificate"), CONTEXT_TLS, 1, 1, 0, .set = directive_set_tls_text,
	    SERVER_FIELD(struct tls_text, tls.client_ca) },
	{ SPAN_INIT("ssl_trusted_certificate"), CONTEXT_TLS, 1, 1, 0, .set = directive_set_tls_text,
	    SERVER_FIELD(struct tls_text, tls.trusted_ca) },
	{ SPAN_INIT("ssl_crl"), CONTEXT_TLS, 1, 1, 0, .set = directive_set_tls_text,
	    SERVER_FIELD(struct tls_text, tls.crl), directive_crls },
	{ SPAN_INIT("ssl_verify_client"), CONTEXT_TLS, 1, 1, 0, .set = directive_set_choice,
	    SERVER_FIELD(unsigned, tls.verify), verify_choices },
	{ SPAN_INIT("ssl_stapling"), CONTEXT_TLS, 1, 1, 0, .set = directive_set_flag,
	    SERVER_FIELD(bool, tls.stapling) },
	{ SPAN_INIT("ssl_stapling_file"), CONTEXT_TLS, 1, 1, 0, .set = set_stapling_file },
	{ SPAN_INIT("ssl_stapling_verify"), CONTEXT_TLS, 1, 1, 0, .set = directive_set_flag,
	    SERVER_FIELD(bool, tls.stapling_verify) },
	{ SPAN_INIT("ssl_stapling_responder"), CONTEXT_TLS, 1, 1, 0, .set = refuse_responder },
	{ SPAN_INIT("ssl_verify_depth"), CONTEXT_TLS, 1, 1, 0, .set = directive_set_number,
	    SERVER_FIELD(unsigned, tls.verify_depth) },
};
const struct directive_table directive_tls_client_table = { rows, sizeof(rows) / sizeof(rows[0]) };

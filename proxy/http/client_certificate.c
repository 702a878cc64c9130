/* SPDX-License-Identifier: ISC */
/* client_certificate: see client_certificate.h. The order of the checks is nginx's. */
#include "proxy/http/client_certificate.h"

#include "proxy/http/error_page.h"
#include "proxy/tls/client_trust.h"
#include "proxy/tls/tls_context.h"
#include "proxy/tls/tls_facts.h"
#include "proxy/worker/worker_state.h"

#include <openssl/x509_vfy.h>

unsigned
client_certificate_check(struct request *r)
{
	const struct tls_settings *tls = &r->server->settings->tls;
	const struct tls_facts *facts = r->client->tls.facts;
	struct span sni;

	if (r->client->plain_to_tls) {
		request_log(r, LOG_LEVEL_INFO, "client sent plain HTTP request to HTTPS port");
		return STATUS_PLAIN_TO_TLS;
	}
	if (!facts || tls->verify == TLS_VERIFY_OFF)
		return 0;
	sni = tls_server_name(r->client);
	if (sni.n > 0 && !span_eq(sni, r->host)) {
		request_log(r, LOG_LEVEL_INFO,
		    "client attempted to request the server name different from the one that was negotiated");
		return 421;
	}
	tls_client_judge(&r->traffic, r->server);
	if (r->verdict != X509_V_OK &&
	    !(tls->verify == TLS_VERIFY_OPTIONAL_NO_CA && client_trust_is_about_ca(r->verdict))) {
		request_log(r, LOG_LEVEL_INFO, "client SSL certificate verify error: (%ld:%s)",
		    r->verdict, X509_verify_cert_error_string(r->verdict));
		return STATUS_CERTIFICATE_ERROR;
	}
	if (tls->verify == TLS_VERIFY_ON && !facts->certificate) {
		request_log(r, LOG_LEVEL_INFO, "client sent no required SSL certificate");
		return STATUS_NO_CERTIFICATE;
	}
	return 0;
}

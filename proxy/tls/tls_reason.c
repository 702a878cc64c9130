/* SPDX-License-Identifier: ISC */
/* tls_reason: see tls_reason.h. */
#include "proxy/tls/tls_reason.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* OpenSSL's reasons that say little to whoever reads the log. */
static const struct {
	int reason;
	const char *words;
} reasons[] = {
	{ SSL_R_HTTP_REQUEST, "peer sent plain HTTP to a TLS port" },
	{ SSL_R_HTTPS_PROXY_REQUEST, "peer sent a plain CONNECT to a TLS port" },
	{ SSL_R_WRONG_VERSION_NUMBER, "peer does not speak TLS" },
	{ SSL_R_BAD_RECORD_TYPE, "peer does not speak TLS" },
	{ SSL_R_UNKNOWN_PROTOCOL, "peer offers SSL 2.0 and nothing later" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "peer offers only TLS versions that are off" },
	{ SSL_R_VERSION_TOO_LOW, "peer offers only TLS versions that are off" },
	{ SSL_R_INAPPROPRIATE_FALLBACK, "peer fell back to an older TLS version for no reason" },
	{ SSL_R_NO_SHARED_CIPHER, "peer has no cipher in common with us and our keys" },
	{ SSL_R_NO_SUITABLE_GROUPS, "peer has no key exchange group in common with us" },
	{ SSL_R_NO_SHARED_GROUPS, "peer has no key exchange group in common with us" },
	{ SSL_R_NO_SUITABLE_KEY_SHARE, "peer has no key exchange group in common with us" },
	{ SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "peer accepts no signature our keys can make" },
	{ SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, "peer accepts no signature our keys can make" },
	{ SSL_R_NO_APPLICATION_PROTOCOL, "peer offers (ALPN) no protocol that is spoken here" },
	{ SSL_R_CALLBACK_FAILED, "handshake refused" },
	{ SSL_R_CERT_CB_ERROR, "no certificate can be used" },
	{ ERR_R_ASN1_LIB, "peer sent a certificate that cannot be parsed" },
	{ SSL_R_WRONG_CURVE, "peer's certificate is on a curve that is off" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, "peer does not know the CA of our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "peer does not accept our certificate" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "peer does not accept our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "peer finds our certificate out of date" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "peer finds our certificate revoked" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "peer finds nothing in common with us" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "peer does not speak any TLS version of ours" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "peer demands a certificate of us" },
	{ SSL_R_TLSV1_UNRECOGNIZED_NAME, "peer knows no server of the name we asked for" },
};

const char *
tls_reason_of(unsigned long code)
{
	const char *text = ERR_reason_error_string(code);

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (ERR_GET_REASON(code) == reasons[i].reason)
			return reasons[i].words;
	}
	return text ? text : "TLS protocol error";
}

const char *
tls_reason_of_alert(unsigned description)
{
	return tls_reason_of(ERR_PACK(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + description));
}

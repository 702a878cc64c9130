/* SPDX-License-Identifier: ISC */
/*
 * tls_profile: data. A newer edition can be had without a newer program: the same lines in a file of one's own, named in
 * ssl_profile.
 */
#include "proxy/config/tls_profile.h"

#include <stddef.h>

static const struct profile {
	struct span name;
	const char *text;
} profiles[] = {
	{ SPAN_INIT("modern"), "# Mozilla's guidelines 6.0 of 2026-04-06, modern\n"
			       "ssl_protocols TLSv1.3;\n"
			       "ssl_ecdh_curve X25519MLKEM768:X25519:prime256v1:secp384r1;\n"
			       "ssl_prefer_server_ciphers off;\n" },
	{ SPAN_INIT("intermediate"),
	    "# Mozilla's guidelines 6.0 of 2026-04-06, intermediate\n"
	    "ssl_protocols TLSv1.2 TLSv1.3;\n"
	    "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
	    ":ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
	    ":ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;\n"
	    "ssl_ecdh_curve X25519MLKEM768:X25519:prime256v1:secp384r1;\n"
	    "ssl_prefer_server_ciphers off;\n" },
	{ SPAN_INIT("old"),
	    "# Mozilla's guidelines 5.8, old; TLS 1.0 and 1.1 need OpenSSL's security level 0\n"
	    "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;\n"
	    "ssl_ciphers @SECLEVEL=0:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
	    ":ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
	    ":ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
	    ":DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305"
	    ":ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA"
	    ":ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384"
	    ":ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA256"
	    ":DHE-RSA-AES256-SHA256:AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA256"
	    ":AES256-SHA256:AES128-SHA:AES256-SHA:DES-CBC3-SHA;\n"
	    "ssl_ecdh_curve X25519:prime256v1:secp384r1;\n"
	    "ssl_prefer_server_ciphers on;\n" },
};

const char *
tls_profile_text(struct span name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		if (span_eq(profiles[i].name, name))
			return profiles[i].text;
	}
	return NULL;
}

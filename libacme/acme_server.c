/* SPDX-License-Identifier: ISC */
/*
 * acme_server: the CAs that have a name here, and their trial CAs.
 */
#include "base/buf.h"
#include "libacme/acme.h"
#include "libacme/acme_json.h"

const char ACME_SERVER_DEFAULT[] = "letsencrypt";
const char ACME_SERVER_STAGING[] = "letsencrypt-staging";

static const struct known_server {
	const char *name, *url;
	const char *staging; /* name of the CA for trials, or NULL */
} known_servers[] = {
	{ "letsencrypt", "https://acme-v02.api.letsencrypt.org/directory", "letsencrypt-staging" },
	{ "letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory",
	    "letsencrypt-staging" },
	{ "zerossl", "https://acme.zerossl.com/v2/DV90", NULL },
	{ "google", "https://dv.acme-v02.api.pki.goog/directory", "google-staging" },
	{ "google-staging", "https://dv.acme-v02.test-api.pki.goog/directory", "google-staging" },
	{ "buypass", "https://api.buypass.com/acme/directory", "buypass-staging" },
	{ "buypass-staging", "https://api.test4.buypass.no/acme/directory", "buypass-staging" },
	{ "sslcom", "https://acme.ssl.com/sslcom-dv-ecc", NULL },
	{ "sslcom-rsa", "https://acme.ssl.com/sslcom-dv-rsa", NULL },
	{ "actalis", "https://acme-api.actalis.com/acme/directory", NULL },
};

#define COUNT (sizeof(known_servers) / sizeof(known_servers[0]))

static const struct known_server *
find_name(const char *name)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (strcmp(known_servers[i].name, name) == 0)
			return &known_servers[i];
	}
	return NULL;
}

const char *
acme_server_url(const char *server, struct err *e)
{
	const struct known_server *known = find_name(server);
	struct buf names;

	if (known)
		return known->url;
	if (acme_url_ok(server))
		return server;
	buf_init(&names, 1024);
	for (size_t i = 0; i < COUNT; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", known_servers[i].name);
	err_set(e, ERR_USAGE, "\"%s\" is neither an https:// URL nor a known CA", server);
	err_hint(e, "known CAs: %s", buf_str(&names));
	buf_release(&names);
	return NULL;
}

void
acme_server_offer(struct buf *out)
{
	for (size_t i = 0; i < COUNT; i++)
		buf_printf(out, "%s\n", known_servers[i].name);
}

const char *
acme_server_trial(const char *url)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (strcmp(known_servers[i].url, url) == 0 && known_servers[i].staging)
			return find_name(known_servers[i].staging)->url;
	}
	return url;
}

bool
acme_server_is_trial(const char *url)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (strcmp(known_servers[i].url, url) == 0)
			return known_servers[i].staging &&
			       strcmp(known_servers[i].staging, known_servers[i].name) == 0;
	}
	return false;
}

/* SPDX-License-Identifier: ISC */
/*
 * asked: what acme-issue's user wants, collected option by option, and made into a struct issue
 * against what the store holds already.
 *
 * Web roots go with names as certbot has it: a root holds for the names that follow it; a single root holds for all.
 */
#ifndef LIBACME_ASKED_H
#define LIBACME_ASKED_H

#include "libacme/issue.h"

#include <stdbool.h>

struct asked_name {
	char *name;  /* canonical */
	size_t root; /* index of the web root before it; ASKED_NO_ROOT = none */
};
#define ASKED_NO_ROOT ((size_t)-1)

struct asked {
	struct asked_name *names;
	size_t name_count;
	char **roots;
	size_t root_count;
	/* Borrowed; NULL = not given: as the lineage has it, else the default. */
	const char *cert_name, *server, *account, *key_type, *curve, *rsa_bits;
	const char *challenge, *http_address, *http_port, *tls_alpn_port;
	const char *auth_hook, *cleanup_hook, *dns_hook, *dns_server, *propagation;
	bool standalone, manual, tinyproxyd; /* ways of proving besides web roots */
	const char *pre_hook, *post_hook, *deploy_hook, *ca_file, *reload, *verify, *preflight;
	int reuse_key; /* 1, 0; -1 = not given */
	const char *preferred_chain, *preferred_profile, *required_profile;
	const char *csr; /* a request of somebody else's key, and where the certificate goes */
	const char *cert_path, *chain_path, *fullchain_path;
	bool overwrite;
	bool dry; /* a trial, at the CA's trial server if it has one */
	bool must_staple;
	bool expand, force;
};

void asked_init(struct asked *asked);
void asked_release(struct asked *asked);
/* The same wishes, to be added to. */
void asked_copy(const struct asked *from, struct asked *to);

/* "a.example,b.example"; a name given twice counts once. */
int asked_add_names(struct asked *asked, const char *value, struct err *e)
    __attribute__((warn_unused_result));
/* Must be a directory; kept as an absolute path. */
int asked_add_webroot(struct asked *asked, const char *dir, struct err *e)
    __attribute__((warn_unused_result));

/*
 * The job (issue_free). Refuses what is incomplete or contradictory, and a change of an existing lineage's names that was
 * not asked for (--expand, --cert-name).
 */
int asked_make(const struct asked *asked, struct certstore *store, struct issue **job,
    struct err *e) __attribute__((warn_unused_result));

#endif

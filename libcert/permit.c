/* SPDX-License-Identifier: ISC */
/*
 * Name constraints of a CA.
 *
 * A constraint binds only names of its own kind: a CA that may issue for example.com would still be free to issue
 * for any address. So the other kinds are closed as well: excluded from the root of the DNS or the whole address
 * space on; e-mail and URI, whose exclusion clients do not agree on, by permitting a host that cannot exist.
 */
#include "libcert/permit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "libcert/name.h"

#include <openssl/err.h>

#include <arpa/inet.h>
#include <stdlib.h>

#define DESCRIPTION_MAX ((size_t)64 * 1024)
/* RFC 2606: never a host. */
#define NOBODY "invalid"

void
permit_release(struct permit *permit)
{
	free(permit->domain);
	*permit = (struct permit){ 0 };
}

static int
set_network(const struct name *address, unsigned prefix, struct span text, struct permit *permit,
    struct err *e)
{
	size_t n = address->ip_len;

	permit->subnet_len = 2 * n;
	for (size_t i = 0; i < n; i++) {
		unsigned bits = prefix > 8 * i ? prefix - 8 * (unsigned)i : 0;
		unsigned char mask = bits >= 8 ? 0xff : (unsigned char)(0xff00 >> bits);

		permit->subnet[i] = address->ip[i];
		permit->subnet[n + i] = mask;
		if (address->ip[i] & ~mask) {
			err_set(e, ERR_USAGE, "\"" SPAN_FMT "\": bits are set behind the first %u",
			    SPAN_ARG(text), prefix);
			return err_hint(e,
			    "a network is written with its first address, as in 10.0.0.0/8");
		}
	}
	return 0;
}

static int
parse_network(struct span text, struct permit *permit, struct err *e)
{
	ptrdiff_t slash = span_find(text, '/');
	struct span address = span_of(text.p, slash >= 0 ? (size_t)slash : text.n);
	char *prefixed = mem_printf("IP:" SPAN_FMT, SPAN_ARG(address));
	struct name name;
	uint64_t prefix;
	int rc = name_parse(span_str(prefixed), &name, e);

	free(prefixed);
	if (rc < 0)
		return -1;
	prefix = 8 * name.ip_len;
	if (slash >= 0 && span_to_u64(span_after(text, address.n + 1), prefix, &prefix) < 0)
		rc = err_set(e, ERR_USAGE, "\"" SPAN_FMT "\": the length of a prefix is 0 to %zu",
		    SPAN_ARG(text), 8 * name.ip_len);
	else
		rc = set_network(&name, (unsigned)prefix, text, permit, e);
	name_release(&name);
	return rc;
}

static int
parse_domain(struct span text, struct permit *permit, struct err *e)
{
	struct span bare = text;
	struct name name;
	char *prefixed;
	int rc;

	if (span_starts(bare, SPAN("*.")))
		bare = span_after(bare, 2);
	else if (span_starts(bare, SPAN(".")))
		bare = span_after(bare, 1);
	prefixed = mem_printf("DNS:" SPAN_FMT, SPAN_ARG(bare));
	rc = name_parse(span_str(prefixed), &name, e);
	free(prefixed);
	if (rc < 0)
		return -1;
	permit->domain = mem_strdup(name.text);
	name_release(&name);
	return 0;
}

int
permit_parse(struct span text, struct permit *permit, struct err *e)
{
	struct name name;
	bool address;
	int rc;

	*permit = (struct permit){ 0 };
	address = name_parse(text, &name, NULL) == 0 && name.kind == NAME_IP;
	name_release(&name);
	rc = address || span_find(text, '/') >= 0 ? parse_network(text, permit, e)
						  : parse_domain(text, permit, e);
	if (rc < 0)
		permit_release(permit);
	return rc;
}

/* ---- the extension ---- */

static int
add_subtree(STACK_OF(GENERAL_SUBTREE) **trees, int type, const void *bytes, size_t n)
{
	GENERAL_SUBTREE *tree = GENERAL_SUBTREE_new();
	ASN1_STRING *value = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

	if (!*trees)
		*trees = sk_GENERAL_SUBTREE_new_null();
	if (!tree || !value || !*trees || ASN1_STRING_set(value, bytes, (int)n) != 1 ||
	    sk_GENERAL_SUBTREE_push(*trees, tree) <= 0) {
		ASN1_STRING_free(value);
		GENERAL_SUBTREE_free(tree);
		return -1;
	}
	GENERAL_NAME_set0_value(tree->base, type, value);
	return 0;
}

/* A host itself, and with a dot before it all hosts below (e-mail and URI tell the two apart). */
static int
permit_hosts(NAME_CONSTRAINTS *constraints, const char *domain)
{
	char *below = mem_printf(".%s", domain);
	int rc = 0;

	for (int i = 0; rc == 0 && i < 2; i++) {
		int type = i ? GEN_URI : GEN_EMAIL;

		rc = add_subtree(&constraints->permittedSubtrees, type, domain, strlen(domain));
		if (rc == 0)
			rc = add_subtree(&constraints->permittedSubtrees, type, below,
			    strlen(below));
	}
	free(below);
	return rc;
}

static int
permit_one(NAME_CONSTRAINTS *constraints, const struct permit *permit)
{
	if (!permit->domain)
		return add_subtree(&constraints->permittedSubtrees, GEN_IPADD, permit->subnet,
		    permit->subnet_len);
	if (add_subtree(&constraints->permittedSubtrees, GEN_DNS, permit->domain,
		strlen(permit->domain)) < 0)
		return -1;
	return permit_hosts(constraints, permit->domain);
}

static int
close_others(NAME_CONSTRAINTS *constraints, bool domains, bool networks)
{
	static const unsigned char everything[32] = { 0 };

	if (!domains && (add_subtree(&constraints->excludedSubtrees, GEN_DNS, "", 0) < 0 ||
			    permit_hosts(constraints, NOBODY) < 0))
		return -1;
	if (!networks &&
	    (add_subtree(&constraints->excludedSubtrees, GEN_IPADD, everything, 8) < 0 ||
		add_subtree(&constraints->excludedSubtrees, GEN_IPADD, everything, 32) < 0))
		return -1;
	return 0;
}

NAME_CONSTRAINTS *
permit_encode(const struct permit *permits, size_t count)
{
	NAME_CONSTRAINTS *constraints = NAME_CONSTRAINTS_new();
	bool domains = false, networks = false;
	int rc = constraints ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		domains |= permits[i].domain != NULL;
		networks |= permits[i].domain == NULL;
		rc = permit_one(constraints, &permits[i]);
	}
	if (rc < 0 || close_others(constraints, domains, networks) < 0) {
		NAME_CONSTRAINTS_free(constraints);
		return NULL;
	}
	return constraints;
}

/* ---- reading it ---- */

/* "10.0.0.0/8"; a mask with holes is written out. */
static void
describe_network(const ASN1_OCTET_STRING *value, struct buf *out)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(value);
	size_t n = (size_t)ASN1_STRING_length(value) / 2;
	int family = n == 4 ? AF_INET : AF_INET6;
	char text[INET6_ADDRSTRLEN], mask[INET6_ADDRSTRLEN];
	unsigned prefix = 0, bits = 0;

	if ((n != 4 && n != 16) || !inet_ntop(family, bytes, text, sizeof(text)) ||
	    !inet_ntop(family, bytes + n, mask, sizeof(mask)))
		return;
	for (size_t i = 0; i < 8 * n; i++) {
		bool set = bytes[n + i / 8] & (0x80 >> (i % 8));

		bits += set;
		if (set && prefix == i)
			prefix++;
	}
	buf_printf(out, "%s%s/", out->len ? ", " : "", text);
	if (bits == prefix)
		buf_printf(out, "%u", prefix);
	else
		buf_add_str(out, mask);
}

char *
permit_describe(X509 *issuer)
{
	NAME_CONSTRAINTS *constraints = X509_get_ext_d2i(issuer, NID_name_constraints, NULL, NULL);
	struct buf out;
	char *text;

	if (!constraints)
		return NULL;
	buf_init(&out, DESCRIPTION_MAX);
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(constraints->permittedSubtrees); i++) {
		const GENERAL_NAME *base =
		    sk_GENERAL_SUBTREE_value(constraints->permittedSubtrees, i)->base;

		if (base->type == GEN_DNS)
			buf_printf(&out, "%s%.*s", out.len ? ", " : "",
			    ASN1_STRING_length(base->d.dNSName),
			    (const char *)ASN1_STRING_get0_data(base->d.dNSName));
		else if (base->type == GEN_IPADD)
			describe_network(base->d.iPAddress, &out);
	}
	if (out.len == 0)
		buf_add_str(&out, "nobody by DNS name or address");
	NAME_CONSTRAINTS_free(constraints);
	buf_str(&out);
	text = buf_detach(&out, NULL);
	buf_release(&out);
	return text;
}

int
permit_check(X509 *issuer, X509 *cert, struct err *e)
{
	NAME_CONSTRAINTS *constraints = X509_get_ext_d2i(issuer, NID_name_constraints, NULL, NULL);
	int why = X509_V_OK;
	char *may;

	/* Has OpenSSL look for the names of a certificate that it did not read but made. */
	(void)X509_get_extension_flags(cert);
	if (constraints)
		why = NAME_CONSTRAINTS_check(cert, constraints);
	NAME_CONSTRAINTS_free(constraints);
	ERR_clear_error();
	if (why == X509_V_OK)
		return 0;
	may = permit_describe(issuer);
	err_set(e, ERR_DATA, "the CA may not issue for these names: %s",
	    X509_verify_cert_error_string(why));
	err_hint(e, "it was made with --permit: %s", may);
	free(may);
	return -1;
}

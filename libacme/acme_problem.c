/* SPDX-License-Identifier: ISC */
/*
 * acme_problem: problem documents. The texts of a CA reach terminals and logs, so
 * control bytes are replaced when they are read, and lengths are bounded.
 */
#include "libacme/acme_problem.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "libacme/acme_json.h"

static const char URN[] = "urn:ietf:params:acme:error:";

/* Longest piece of a CA's prose that is passed on. */
#define TEXT_MAX 1000

/* RFC 8555 6.7, RFC 8739, RFC 9773, and the profiles draft. */
static const struct problem_row {
	const char *type;
	enum acme_retry retry;
	enum err_kind kind;
	const char *advice;
} problems[] = {
	{ "accountDoesNotExist", ACME_RETRY_NO, ERR_CONFIG,
	    "the CA does not know this account: choose another with --account, or register anew "
	    "(acme-issue --agree-tos) after moving the old one out of accounts/" },
	{ "alreadyReplaced", ACME_RETRY_NO, ERR_PARTIAL, NULL },
	{ "alreadyRevoked", ACME_RETRY_NO, ERR_DATA, NULL },
	{ "badCSR", ACME_RETRY_NO, ERR_DATA,
	    "the CA refuses this kind of key or name; try --key-type ecdsa --elliptic-curve secp256r1" },
	{ "badNonce", ACME_RETRY_NONCE, ERR_UNAVAILABLE,
	    "the CA refused every anti-replay nonce it gave out itself; try again later" },
	{ "badPublicKey", ACME_RETRY_NO, ERR_DATA, "the CA refuses this kind of account key" },
	{ "badRevocationReason", ACME_RETRY_NO, ERR_DATA, NULL },
	{ "badSignatureAlgorithm", ACME_RETRY_NO, ERR_DATA,
	    "the CA refuses this kind of account key" },
	{ "caa", ACME_RETRY_NO, ERR_PARTIAL,
	    "a CAA record in the name's DNS allows other CAs only: add this CA to it" },
	{ "compound", ACME_RETRY_NO, ERR_PARTIAL, NULL },
	{ "connection", ACME_RETRY_NO, ERR_PARTIAL,
	    "the CA could not connect to the name's address: check firewall, port forwarding and "
	    "that port 80 answers from outside" },
	{ "dns", ACME_RETRY_NO, ERR_PARTIAL,
	    "the CA could not look the name up: check its A and AAAA records and DNSSEC" },
	{ "externalAccountRequired", ACME_RETRY_NO, ERR_CONFIG,
	    "this CA takes only accounts that are bound to an account of its web site" },
	{ "incorrectResponse", ACME_RETRY_NO, ERR_PARTIAL,
	    "another server or file answered: check the web root and the name's DNS" },
	{ "invalidContact", ACME_RETRY_NO, ERR_DATA,
	    "give an address the CA accepts with --email" },
	{ "invalidProfile", ACME_RETRY_NO, ERR_CONFIG, NULL },
	{ "malformed", ACME_RETRY_NO, ERR_DATA, NULL },
	{ "orderNotReady", ACME_RETRY_LATER, ERR_UNAVAILABLE, NULL },
	{ "rateLimited", ACME_RETRY_LATER, ERR_TEMPFAIL,
	    "wait until then; asking more often prolongs the limit (use --staging for trials)" },
	{ "rejectedIdentifier", ACME_RETRY_NO, ERR_DATA,
	    "the CA's policy forbids a certificate for this name: check its spelling" },
	{ "serverInternal", ACME_RETRY_LATER, ERR_UNAVAILABLE,
	    "trouble at the CA itself; try again later" },
	{ "tls", ACME_RETRY_NO, ERR_PARTIAL, "the CA met a TLS failure at the name's address" },
	{ "unauthorized", ACME_RETRY_NO, ERR_PARTIAL,
	    "the CA did not find the challenge file: check the web root, the name's A and AAAA "
	    "records and redirects" },
	{ "unsupportedContact", ACME_RETRY_NO, ERR_DATA,
	    "give an address the CA accepts with --email" },
	{ "unsupportedIdentifier", ACME_RETRY_NO, ERR_DATA,
	    "this CA makes no certificates for this type of name" },
	{ "userActionRequired", ACME_RETRY_NO, ERR_CONFIG,
	    "open the address that the CA names, do what it asks, then run again" },
};

static const struct problem_row *
find_row(const char *type)
{
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
		if (strcmp(problems[i].type, type) == 0)
			return &problems[i];
	}
	return NULL;
}

static char *
clean_text(const char *text)
{
	struct span s = span_str(text ? text : "");
	char *copy;

	if (s.n > TEXT_MAX)
		s.n = TEXT_MAX;
	copy = mem_dup_span(s);
	for (char *c = copy; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	}
	return copy;
}

static void
read_one(const cJSON *object, struct acme_problem *p)
{
	const char *type = acme_json_string(object, "type");
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(object, "status");

	*p = (struct acme_problem){ 0 };
	if (type && strncmp(type, URN, sizeof(URN) - 1) == 0)
		type += sizeof(URN) - 1;
	p->type = clean_text(type);
	p->detail = clean_text(acme_json_string(object, "detail"));
	if (cJSON_IsNumber(status) && status->valuedouble >= 100 && status->valuedouble <= 599)
		p->status = (int)status->valuedouble;
}

void
acme_problem_read(const cJSON *object, struct acme_problem *p)
{
	const cJSON *list = acme_json_array(object, "subproblems");

	read_one(object, p);
	for (const cJSON *item = list ? list->child : NULL; item; item = item->next) {
		const cJSON *identifier = acme_json_object(item, "identifier");
		struct acme_problem *sub;

		if (!cJSON_IsObject(item) || p->sub_count == ACME_SUBPROBLEMS_MAX)
			continue;
		p->sub = mem_realloc_array(p->sub, p->sub_count + 1, sizeof(*p->sub));
		sub = &p->sub[p->sub_count++];
		read_one(item, sub);
		if (identifier && acme_json_string(identifier, "value"))
			sub->name = clean_text(acme_json_string(identifier, "value"));
	}
}

int
acme_problem_parse(struct span text, struct acme_problem *p, struct err *e)
{
	cJSON *doc;

	*p = (struct acme_problem){ 0 };
	if (acme_json_parse(text, "the CA's error document", &doc, e) < 0)
		return -1;
	acme_problem_read(doc, p);
	cJSON_Delete(doc);
	return 0;
}

void
acme_problem_release(struct acme_problem *p)
{
	for (size_t i = 0; i < p->sub_count; i++)
		acme_problem_release(&p->sub[i]);
	free(p->sub);
	free(p->type);
	free(p->detail);
	free(p->name);
	*p = (struct acme_problem){ 0 };
}

enum acme_retry
acme_problem_retry(const struct acme_problem *p)
{
	const struct problem_row *row = find_row(p->type);

	if (row)
		return row->retry;
	return p->status >= 500 ? ACME_RETRY_LATER : ACME_RETRY_NO;
}

bool
acme_problem_is(const struct acme_problem *p, const char *type)
{
	return strcmp(p->type, type) == 0;
}

int
acme_problem_error(const struct acme_problem *p, int64_t retry_at, const char *text, struct err *e)
{
	const struct problem_row *row = find_row(p->type);
	enum err_kind kind = row ? row->kind : p->status >= 500 ? ERR_UNAVAILABLE : ERR_PARTIAL;
	const char *type = *p->type ? p->type : "no type";
	struct buf b;

	buf_init(&b, (size_t)64 * 1024);
	buf_printf(&b, "%s: %s (%s)", text, *p->detail ? p->detail : "no explanation", type);
	for (size_t i = 0; i < p->sub_count; i++) {
		const struct acme_problem *sub = &p->sub[i];

		buf_printf(&b, "; %s: %s (%s)", sub->name ? sub->name : "?", sub->detail,
		    sub->type);
	}
	if (retry_at > 0) {
		char when[CLOCK_RFC3339_LEN + 1];

		clock_format_rfc3339(retry_at, when);
		buf_printf(&b, "; try again after %s", when);
	}
	err_set(e, kind, "%s", buf_str(&b));
	buf_release(&b);
	if (row && row->advice)
		err_hint(e, "%s", row->advice);
	if (e)
		e->retry_at = retry_at;
	return -1;
}

/* SPDX-License-Identifier: ISC */
/*
 * Names for certificates: kind inferred, canonical form, refusals that say why.
 *
 * DNS names: RFC 1035 lengths, letters, digits, hyphens and underscores; a wildcard is the whole first
 * label (RFC 9525 6.3) over at least two more. IDN by libidn2 (IDNA2008 with UTS #46 mapping).
 */
#include "libcert/name.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <stdlib.h>

#define NAME_TEXT_MAX 1024
#define NAME_DNS_MAX 253
#define NAME_LABEL_MAX 63
#define NAME_LOCAL_MAX 64

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void
lower(char *text)
{
	for (; *text; text++) {
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
	}
}

static int
refuse(struct span text, struct err *e, const char *why)
{
	return err_set(e, ERR_USAGE, "\"" SPAN_FMT "\": %s", SPAN_ARG(text), why);
}

/* ---- DNS ---- */

static int
label_check(struct span label, struct span whole, struct err *e)
{
	if (label.n == 0)
		return refuse(whole, e, "an empty label between dots");
	if (label.n > NAME_LABEL_MAX)
		return err_set(e, ERR_USAGE,
		    "\"" SPAN_FMT "\": the label \"" SPAN_FMT "\" is longer than %d bytes",
		    SPAN_ARG(whole), SPAN_ARG(label), NAME_LABEL_MAX);
	for (size_t i = 0; i < label.n; i++) {
		char c = label.p[i];

		if (c == '*')
			return refuse(whole, e,
			    "a wildcard is the whole first label: *.example.com");
		if (!is_letter(c) && !is_digit(c) && c != '-' && c != '_')
			return err_set(e, ERR_USAGE,
			    "\"" SPAN_FMT "\": '%c' is not allowed in a DNS name", SPAN_ARG(whole),
			    c);
	}
	if (label.p[0] == '-' || label.p[label.n - 1] == '-')
		return refuse(whole, e, "a label starts or ends with a hyphen");
	return 0;
}

/* ASCII, in its final form but for case; without a wildcard's "*.". */
static int
host_check(struct span host, struct span whole, struct err *e)
{
	struct span rest = host, label = { 0 };
	bool numeric = true;

	if (host.n == 0)
		return refuse(whole, e, "an empty DNS name");
	if (host.n > NAME_DNS_MAX)
		return refuse(whole, e, "longer than the 253 bytes of a DNS name");
	if (host.p[host.n - 1] == '.')
		return refuse(whole, e, "an empty label between dots");
	while (span_split(&rest, '.', &label)) {
		if (label_check(label, whole, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < label.n; i++)
		numeric = numeric && is_digit(label.p[i]);
	if (numeric)
		return refuse(whole, e, "ends in a number, but is not an IPv4 address");
	return 0;
}

static bool
is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	}
	return true;
}

/* U-labels become A-labels, A-labels are checked. The result is freed with idn2_free. */
static int
host_to_ascii(struct span host, struct span whole, char **ascii, struct err *e)
{
	char *copy = mem_dup_span(host);
	int rc = idn2_to_ascii_8z(copy, ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

	free(copy);
	if (rc == IDN2_OK)
		return 0;
	*ascii = NULL;
	return err_set(e, ERR_USAGE, "\"" SPAN_FMT "\": not a valid internationalized name: %s",
	    SPAN_ARG(whole), idn2_strerror(rc));
}

static bool
has_a_label(struct span host)
{
	struct span label;

	while (span_split(&host, '.', &label)) {
		if (label.n >= 4 && span_eq_nocase(span_of(label.p, 4), SPAN("xn--")))
			return true;
	}
	return false;
}

/* host on the heap in canonical form, or NULL. */
static char *
host_canonical(struct span host, struct span whole, struct err *e)
{
	char *ascii = NULL, *out = NULL;

	if (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	if (!is_ascii(host) || has_a_label(host)) {
		if (host_to_ascii(host, whole, &ascii, e) < 0)
			return NULL;
		host = span_str(ascii);
	}
	if (host_check(host, whole, e) == 0) {
		out = mem_dup_span(host);
		lower(out);
	}
	idn2_free(ascii);
	return out;
}

static int
parse_dns(struct span text, struct name *name, struct err *e)
{
	struct span host = text;
	char *canonical;

	name->kind = NAME_DNS;
	name->wildcard = span_starts(text, SPAN("*."));
	if (name->wildcard)
		host = span_after(text, 2);
	canonical = host_canonical(host, text, e);
	if (!canonical)
		return -1;
	if (name->wildcard && !strchr(canonical, '.')) {
		free(canonical);
		return refuse(text, e, "no client accepts a wildcard over a top-level domain");
	}
	name->text = name->wildcard ? mem_printf("*.%s", canonical) : mem_strdup(canonical);
	free(canonical);
	if (strlen(name->text) > NAME_DNS_MAX)
		return refuse(text, e, "longer than the 253 bytes of a DNS name");
	return 0;
}

/* ---- IP ---- */

/* 0 done, -1 not an address. */
static int
parse_ip(struct span text, struct name *name)
{
	char literal[INET6_ADDRSTRLEN], canonical[INET6_ADDRSTRLEN];
	int family;

	if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
		text = span_of(text.p + 1, text.n - 2);
	if (text.n == 0 || text.n >= sizeof(literal))
		return -1;
	memcpy(literal, text.p, text.n);
	literal[text.n] = '\0';
	family = strchr(literal, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, literal, name->ip) != 1 ||
	    !inet_ntop(family, name->ip, canonical, sizeof(canonical)))
		return -1;
	name->kind = NAME_IP;
	name->ip_len = family == AF_INET ? 4 : 16;
	name->text = mem_strdup(canonical);
	return 0;
}

/* ---- e-mail and URI ---- */

/* RFC 5321 dot-atom @ domain; what is rarer no client compares. */
static int
parse_email(struct span text, struct name *name, struct err *e)
{
	static const char also[] = "!#$%&'*+-/=?^_`{|}~.";
	ptrdiff_t at = span_find(text, '@');
	struct span local;
	char *host;

	if (at < 0)
		return refuse(text, e, "an e-mail address has an @");
	local = span_of(text.p, (size_t)at);
	if (local.n == 0 || local.n > NAME_LOCAL_MAX)
		return refuse(text, e, "the part before @ has 1 to 64 bytes");
	if (local.p[0] == '.' || local.p[local.n - 1] == '.')
		return refuse(text, e, "a dot at an end of the part before @");
	for (size_t i = 0; i < local.n; i++) {
		if (!is_letter(local.p[i]) && !is_digit(local.p[i]) && !strchr(also, local.p[i]))
			return refuse(text, e,
			    "the part before @ may hold letters, digits, dots and !#$%&'*+-/=?^_`{|}~");
		if (i > 0 && local.p[i] == '.' && local.p[i - 1] == '.')
			return refuse(text, e, "two dots in a row before @");
	}
	host = host_canonical(span_after(text, local.n + 1), text, e);
	if (!host)
		return -1;
	name->kind = NAME_EMAIL;
	name->text = mem_printf(SPAN_FMT "@%s", SPAN_ARG(local), host);
	free(host);
	return 0;
}

/* The length of "scheme" before a colon (RFC 3986 3.1), or 0. */
static size_t
scheme_length(struct span text)
{
	size_t n = 0;

	if (text.n == 0 || !is_letter(text.p[0]))
		return 0;
	while (n < text.n && (is_letter(text.p[n]) || is_digit(text.p[n]) ||
				 (text.p[n] && strchr("+-.", text.p[n]))))
		n++;
	return n < text.n && text.p[n] == ':' ? n : 0;
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int
parse_uri(struct span text, struct name *name, struct err *e)
{
	size_t scheme = scheme_length(text);

	if (scheme == 0 || scheme + 1 == text.n)
		return refuse(text, e, "not a URI: scheme:rest");
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c))
			return refuse(text, e,
			    "a URI holds visible ASCII; write other bytes as %XX");
		if (c == '%' &&
		    (i + 2 >= text.n || !is_hex(text.p[i + 1]) || !is_hex(text.p[i + 2])))
			return refuse(text, e, "a % without two hexadecimal digits");
	}
	name->kind = NAME_URI;
	name->text = mem_dup_span(text);
	for (size_t i = 0; i < scheme; i++) {
		if (name->text[i] >= 'A' && name->text[i] <= 'Z')
			name->text[i] = (char)(name->text[i] - 'A' + 'a');
	}
	return 0;
}

/* ---- which of them ---- */

static int
refuse_address(struct span text, struct err *e)
{
	if (span_find(text, '/') >= 0)
		return refuse(text, e, "a certificate holds single addresses, not networks");
	if (span_find(text, '%') >= 0)
		return refuse(text, e, "an address in a certificate has no zone");
	return refuse(text, e, "not an IP address");
}

/* "example.com:443", "10.0.0.1:443", "[::1]:443" */
static bool
has_port(struct span text)
{
	struct span rest = text, piece = { 0 };
	size_t pieces = 0;

	if (text.p[0] == '[')
		return memmem(text.p, text.n, "]:", 2) != NULL;
	for (; span_split(&rest, ':', &piece); pieces++)
		continue;
	if (pieces != 2)
		return false;
	for (size_t i = 0; i < piece.n; i++) {
		if (!is_digit(piece.p[i]))
			return false;
	}
	return true;
}

static int
parse_web_address(struct span text, size_t scheme, struct err *e)
{
	struct span host = span_after(text, scheme + 3);
	size_t n = 0;

	while (n < host.n && !strchr("/:?#", host.p[n]))
		n++;
	refuse(text, e, "a web address; a server's certificate holds its host name");
	return err_hint(e, "write %.*s, or URI:" SPAN_FMT " if you mean the URI", (int)n, host.p,
	    SPAN_ARG(text));
}

static bool
looks_like_ip(struct span text)
{
	struct span v4 = text;
	ptrdiff_t slash = span_find(text, '/');
	size_t colons = 0;

	for (size_t i = 0; i < text.n; i++)
		colons += text.p[i] == ':';
	if (colons > 1)
		return true;
	if (slash > 0)
		v4.n = (size_t)slash;
	for (size_t i = 0; i < v4.n; i++) {
		if (!is_digit(v4.p[i]) && v4.p[i] != '.')
			return false;
	}
	return v4.n > 0 && is_digit(v4.p[0]);
}

static int
infer(struct span text, struct name *name, struct err *e)
{
	size_t scheme = scheme_length(text);
	struct span word = span_of(text.p, scheme);

	if (parse_ip(text, name) == 0)
		return 0;
	if (scheme > 0 && span_starts(span_after(text, scheme), SPAN("://"))) {
		if (span_eq_nocase(word, SPAN("https")) || span_eq_nocase(word, SPAN("http")))
			return parse_web_address(text, scheme, e);
		return parse_uri(text, name, e);
	}
	if (span_eq_nocase(word, SPAN("urn")))
		return parse_uri(text, name, e);
	if (has_port(text))
		return refuse(text, e, "a certificate holds names without a port");
	if (looks_like_ip(text))
		return refuse_address(text, e);
	return span_find(text, '@') >= 0 ? parse_email(text, name, e) : parse_dns(text, name, e);
}

static int
parse_kind(struct span text, struct name *name, struct err *e)
{
	ptrdiff_t colon = span_find(text, ':');
	struct span word = span_of(text.p, colon > 0 ? (size_t)colon : 0);
	struct span rest = colon > 0 ? span_after(text, word.n + 1) : text;

	if (span_eq_nocase(word, SPAN("DNS")))
		return parse_dns(rest, name, e);
	if (span_eq_nocase(word, SPAN("IP")))
		return parse_ip(rest, name) < 0 ? refuse_address(rest, e) : 0;
	if (span_eq_nocase(word, SPAN("email")))
		return parse_email(rest, name, e);
	if (span_eq_nocase(word, SPAN("URI")))
		return parse_uri(rest, name, e);
	return infer(text, name, e);
}

int
name_parse(struct span text, struct name *name, struct err *e)
{
	*name = (struct name){ 0 };
	if (text.n == 0)
		return err_set(e, ERR_USAGE, "an empty name");
	if (text.n > NAME_TEXT_MAX)
		return err_set(e, ERR_USAGE, "a name longer than %d bytes", NAME_TEXT_MAX);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c <= ' ' || c == 0x7f)
			return err_set(e, ERR_USAGE, "a name holds %s (0x%02x at byte %zu)",
			    c == ' ' ? "a blank" : "a control byte", c, i + 1);
	}
	if (parse_kind(text, name, e) < 0) {
		name_release(name);
		return -1;
	}
	return 0;
}

void
name_release(struct name *name)
{
	free(name->text);
	*name = (struct name){ 0 };
}

const char *
name_kind_word(enum name_kind kind)
{
	static const char *const words[] = { "DNS", "IP", "email", "URI" };

	return words[kind];
}

size_t
name_ip_literal(struct span text, unsigned char ip[16])
{
	char literal[INET6_ADDRSTRLEN];

	if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
		text = span_of(text.p + 1, text.n - 2);
	if (text.n == 0 || text.n >= sizeof(literal) || memchr(text.p, '\0', text.n))
		return 0;
	memcpy(literal, text.p, text.n);
	literal[text.n] = '\0';
	if (inet_pton(AF_INET, literal, ip) == 1)
		return 4;
	return inet_pton(AF_INET6, literal, ip) == 1 ? 16 : 0;
}

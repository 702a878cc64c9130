/* SPDX-License-Identifier: ISC */
/*
 * Distinguished names: openssl's "/C=DE/CN=a.example" and single fields, as X509_NAME.
 */
#include "libcert/subject.h"

#include "base/buf.h"
#include "base/mem.h"

#include <openssl/asn1.h>
#include <openssl/err.h>

static int
field_refused(const char *field, struct span value, struct err *e)
{
	unsigned long why = ERR_peek_last_error();
	int reason = ERR_GET_LIB(why) == ERR_LIB_ASN1 ? ERR_GET_REASON(why) : 0;

	ERR_clear_error();
	if (reason == ASN1_R_STRING_TOO_LONG)
		return err_set(e, ERR_USAGE, "the subject's %s \"" SPAN_FMT "\" is too long", field,
		    SPAN_ARG(value));
	if (reason == ASN1_R_STRING_TOO_SHORT)
		return err_set(e, ERR_USAGE, "the subject's %s \"" SPAN_FMT "\" is too short",
		    field, SPAN_ARG(value));
	return err_set(e, ERR_USAGE, "the subject's %s cannot be \"" SPAN_FMT "\"", field,
	    SPAN_ARG(value));
}

/* join: one more value of the RDN before. */
static int
entry_add(X509_NAME *subject, const char *field, struct span value, bool join, struct err *e)
{
	int nid = OBJ_txt2nid(field);

	if (nid == NID_undef) {
		ERR_clear_error();
		err_set(e, ERR_USAGE, "\"%s\" is no field of a subject", field);
		return err_hint(e, "the usual ones: C, ST, L, O, OU, CN, emailAddress");
	}
	if (value.n == 0)
		return 0;
	if (X509_NAME_add_entry_by_NID(subject, nid, MBSTRING_UTF8, (const unsigned char *)value.p,
		(int)value.n, -1, join ? -1 : 0) != 1)
		return field_refused(field, value, e);
	return 0;
}

int
subject_add(X509_NAME *subject, const char *field, struct span value, struct err *e)
{
	return entry_add(subject, field, value, false, e);
}

/* Bytes up to an unescaped one of stops, unescaped into out; what is left stays in *text. */
static void
take_unescaped(struct span *text, const char *stops, struct buf *out)
{
	size_t i;

	buf_reset(out);
	for (i = 0; i < text->n && !strchr(stops, text->p[i]); i++) {
		if (text->p[i] == '\\' && i + 1 < text->n)
			i++;
		buf_add_char(out, text->p[i]);
	}
	*text = span_after(*text, i);
}

static int
parse_entries(struct span text, X509_NAME *subject, struct buf *field, struct buf *value,
    struct err *e)
{
	while (text.n > 0) {
		bool join = text.p[0] == '+';

		text = span_after(text, 1);
		if (text.n == 0)
			break;
		take_unescaped(&text, "=/+", field);
		if (text.n == 0 || text.p[0] != '=')
			return err_set(e, ERR_USAGE, "no \"=\" after \"%s\" in the subject",
			    buf_str(field));
		text = span_after(text, 1);
		take_unescaped(&text, "/+", value);
		if (entry_add(subject, buf_str(field), buf_span(value), join, e) < 0)
			return -1;
	}
	return 0;
}

int
subject_parse(struct span text, X509_NAME **subject, struct err *e)
{
	X509_NAME *made;
	struct buf field, value;
	int rc;

	if (text.n == 0 || text.p[0] != '/' || memchr(text.p, '\0', text.n)) {
		err_set(e, ERR_USAGE, "a subject starts with a slash");
		return err_hint(e, "as in /C=DE/O=Example/CN=a.example");
	}
	made = X509_NAME_new();
	if (!made)
		return err_set_openssl(e, ERR_BUG, "cannot make a subject");
	buf_init(&field, text.n + 1);
	buf_init(&value, text.n + 1);
	rc = parse_entries(text, made, &field, &value, e);
	buf_release(&field);
	buf_release(&value);
	if (rc < 0)
		X509_NAME_free(made);
	else
		*subject = made;
	return rc;
}

char *
subject_common_name(const X509_NAME *subject)
{
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	char *name = NULL;
	int len;

	if (at < 0)
		return NULL;
	len =
	    ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (len >= 0 && !memchr(utf8, '\0', (size_t)len))
		name = mem_dup_span(span_of(utf8, (size_t)len));
	OPENSSL_free(utf8);
	return name;
}

/* SPDX-License-Identifier: ISC */
/*
 * Names of a certificate, and their form in it.
 */
#include "libcert/name_list.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <stdlib.h>

void
name_list_release(struct name_list *list)
{
	while (list->count > 0)
		name_release(&list->items[--list->count]);
	free(list->items);
	*list = (struct name_list){ 0 };
}

static bool
holds(const struct name_list *list, const struct name *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].kind == name->kind &&
		    strcmp(list->items[i].text, name->text) == 0)
			return true;
	}
	return false;
}

int
name_list_add(struct name_list *list, struct span text, struct err *e)
{
	struct name name;

	if (list->count == NAME_LIST_MAX)
		return err_set(e, ERR_USAGE, "more than %d names", NAME_LIST_MAX);
	if (name_parse(text, &name, e) < 0)
		return -1;
	if (holds(list, &name)) {
		name_release(&name);
		return 0;
	}
	list->items = mem_realloc_array(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = name;
	return 0;
}

bool
name_list_has(const struct name_list *list, enum name_kind kind)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].kind == kind)
			return true;
	}
	return false;
}

static int
add_prefixed(struct name_list *list, const char *prefix, const ASN1_STRING *value, struct err *e)
{
	int len = ASN1_STRING_length(value);
	const unsigned char *bytes = ASN1_STRING_get0_data(value);
	char *text;
	int rc;

	/* The rest of what a name must not hold is name_parse's business; a NUL would end text early. */
	if (len < 0 || memchr(bytes, '\0', (size_t)len))
		return err_set(e, ERR_DATA, "a name holds a NUL byte");
	text = mem_printf("%s%.*s", prefix, len, (const char *)bytes);
	rc = name_list_add(list, span_str(text), e);
	free(text);
	return rc;
}

static int
add_ip(struct name_list *list, const ASN1_OCTET_STRING *value, struct err *e)
{
	int len = ASN1_STRING_length(value);
	char text[INET6_ADDRSTRLEN];

	if ((len != 4 && len != 16) || !inet_ntop(len == 4 ? AF_INET : AF_INET6,
					   ASN1_STRING_get0_data(value), text, sizeof(text)))
		return err_set(e, ERR_DATA, "an IP address of %d bytes", len);
	return name_list_add(list, span_str(text), e);
}

int
name_list_add_san(struct name_list *list, const GENERAL_NAMES *san, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < sk_GENERAL_NAME_num(san); i++) {
		const GENERAL_NAME *general = sk_GENERAL_NAME_value(san, i);

		switch (general->type) {
		case GEN_DNS:
			rc = add_prefixed(list, "DNS:", general->d.dNSName, e);
			break;
		case GEN_EMAIL:
			rc = add_prefixed(list, "email:", general->d.rfc822Name, e);
			break;
		case GEN_URI:
			rc = add_prefixed(list, "URI:", general->d.uniformResourceIdentifier, e);
			break;
		case GEN_IPADD:
			rc = add_ip(list, general->d.iPAddress, e);
			break;
		default:
			rc = err_set(e, ERR_DATA,
			    "a name that is no DNS name, address, e-mail or URI");
		}
	}
	return rc;
}

static GENERAL_NAME *
general_name(const struct name *name)
{
	static const int types[] = {
		[NAME_DNS] = GEN_DNS,
		[NAME_IP] = GEN_IPADD,
		[NAME_EMAIL] = GEN_EMAIL,
		[NAME_URI] = GEN_URI,
	};
	GENERAL_NAME *general = GENERAL_NAME_new();
	ASN1_STRING *value = name->kind == NAME_IP ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
	const void *bytes = name->kind == NAME_IP ? (const void *)name->ip : name->text;
	size_t len = name->kind == NAME_IP ? name->ip_len : strlen(name->text);

	if (!general || !value || ASN1_STRING_set(value, bytes, (int)len) != 1) {
		ASN1_STRING_free(value);
		GENERAL_NAME_free(general);
		return NULL;
	}
	GENERAL_NAME_set0_value(general, types[name->kind], value);
	return general;
}

GENERAL_NAMES *
name_list_encode(const struct name *names, size_t count)
{
	GENERAL_NAMES *san = GENERAL_NAMES_new();

	for (size_t i = 0; san && i < count; i++) {
		GENERAL_NAME *general = general_name(&names[i]);

		if (!general || sk_GENERAL_NAME_push(san, general) <= 0) {
			GENERAL_NAME_free(general);
			GENERAL_NAMES_free(san);
			return NULL;
		}
	}
	return san;
}

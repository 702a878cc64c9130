/* SPDX-License-Identifier: ISC */
/*
 * What options of mkcert-selfsigned say, read.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "libcert/mint.h"

#include <stdlib.h>

int
mint_parse_days(struct span text, int64_t *days, struct err *e)
{
	uint64_t number;

	if (span_to_u64(text, MINT_DAYS_MAX, &number) < 0 || number == 0)
		return err_set(e, ERR_USAGE,
		    "\"" SPAN_FMT "\" is not a number of days from 1 to %d", SPAN_ARG(text),
		    MINT_DAYS_MAX);
	*days = (int64_t)number;
	return 0;
}

int
mint_parse_not_after(struct span text, int64_t *not_after, struct err *e)
{
	char *end_of_day = mem_printf(SPAN_FMT "T23:59:59Z", SPAN_ARG(text));
	int rc = 0;

	if (clock_parse_rfc3339(text, not_after) < 0 &&
	    clock_parse_rfc3339(span_str(end_of_day), not_after) < 0) {
		rc = err_set(e, ERR_USAGE, "\"" SPAN_FMT "\" is not a date", SPAN_ARG(text));
		err_hint(e, "as in 2027-01-31 or 2027-01-31T12:00:00Z");
	}
	free(end_of_day);
	return rc;
}

int
mint_parse_key_mode(struct span text, mode_t *mode, struct err *e)
{
	unsigned long bits = 0;
	bool octal = text.n >= 1 && text.n <= 4;

	for (size_t i = 0; octal && i < text.n; i++) {
		octal = text.p[i] >= '0' && text.p[i] <= '7';
		bits = bits * 8 + (unsigned long)(text.p[i] - '0');
	}
	*mode = (mode_t)bits;
	/* Its owner reads and writes it, nobody executes it, others have no business with it. */
	if (octal && (bits | 0060) == 0660)
		return 0;
	err_set(e, ERR_USAGE, "\"" SPAN_FMT "\" is no mode for a private key", SPAN_ARG(text));
	return err_hint(e, "0600 for its owner alone, 0640 for the group as well");
}

int
mint_parse_pkeyopt(struct span text, struct pkey_spec *spec, struct err *e)
{
	static const struct {
		struct span option;
		const char *family;
	} known[] = { { SPAN_INIT("ec_paramgen_curve:"), "ec" },
		{ SPAN_INIT("rsa_keygen_bits:"), "rsa" } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char *words;
		int rc;

		if (!span_starts(text, known[i].option))
			continue;
		text = span_after(text, known[i].option.n);
		words = mem_printf("%s:" SPAN_FMT, known[i].family, SPAN_ARG(text));
		rc = pkey_spec_parse(span_str(words), spec, e);
		free(words);
		return rc;
	}
	return err_set(e, ERR_USAGE,
	    "\"" SPAN_FMT "\" is neither ec_paramgen_curve:CURVE nor rsa_keygen_bits:N",
	    SPAN_ARG(text));
}

int
mint_parse_addext(struct span text, struct name_list *names, struct err *e)
{
	static const struct span key = SPAN_INIT("subjectAltName=");
	struct span name;

	if (!span_starts(text, key)) {
		err_set(e, ERR_USAGE, "only subjectAltName can be added, not \"" SPAN_FMT "\"",
		    SPAN_ARG(text));
		return err_hint(e,
		    "the other extensions of a server's certificate are there already");
	}
	text = span_after(text, key.n);
	while (span_split(&text, ',', &name)) {
		if (name_list_add(names, span_trim(name), e) < 0)
			return -1;
	}
	return 0;
}

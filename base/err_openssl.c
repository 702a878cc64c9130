/* SPDX-License-Identifier: ISC */
/*
 * err_openssl: OpenSSL's error queue as one reason for a person.
 *
 * In a file of its own, so that a program without OpenSSL need not link it.
 */
#include "base/err.h"
#include "base/mem.h"

#include <openssl/err.h>

#include <stdlib.h>

/* Reasons that only say that something failed further down. */
static bool
is_vague(unsigned long code)
{
	int reason = ERR_GET_REASON(code);

	return reason == ERR_R_UNSUPPORTED || reason == ERR_R_INTERNAL_ERROR;
}

static char *
describe(unsigned long code, const char *data, int flags)
{
	const char *reason = ERR_reason_error_string(code);
	bool has_data = (flags & ERR_TXT_STRING) && data && *data;

	if (ERR_SYSTEM_ERROR(code))
		reason = strerror(ERR_GET_REASON(code));
	if (!reason)
		return mem_printf("OpenSSL error %08lX", code);
	return mem_printf("%s%s%s%s", reason, has_data ? " (" : "", has_data ? data : "",
	    has_data ? ")" : "");
}

int
err_set_openssl(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	char *best = NULL;
	bool settled = false;
	unsigned long code;
	const char *data;
	va_list ap;
	int flags;

	/* The first entry is the innermost, the cause; what follows only says who passed it on. */
	while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags))) {
		if (settled || (best && is_vague(code)))
			continue;
		free(best);
		best = describe(code, data, flags);
		settled = !is_vague(code);
	}
	va_start(ap, fmt);
	err_vset(e, kind, fmt, ap);
	va_end(ap);
	if (e && best) {
		char *text = mem_printf("%s: %s", e->text, best);

		free(e->text);
		e->text = text;
	}
	free(best);
	return -1;
}

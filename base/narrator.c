/* SPDX-License-Identifier: ISC */
/*
 * narrator: made into text only when somebody listens.
 */
#include "base/narrator.h"

#include "base/mem.h"

#include <stdlib.h>

void
narrate_v(const struct narrator *narrator, const char *fmt, va_list ap)
{
	char *text;

	if (!narrator)
		return;
	text = mem_vprintf(fmt, ap);
	narrator->say(narrator->arg, text);
	free(text);
}

void
narrate(const struct narrator *narrator, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	narrate_v(narrator, fmt, ap);
	va_end(ap);
}

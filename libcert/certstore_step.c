/* SPDX-License-Identifier: ISC */
/*
 * Where tests kill the process: between any two steps whose order keeps the store whole.
 *
 * Only debug and sanitized builds honour GATEHOUSE_KILL_AT; an installed program does not.
 */
#include "libcert/certstore.h"

#ifdef GATEHOUSE_TEST_STEPS

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

void
certstore_step(const char *step)
{
	static _Atomic uint64_t count;
	const char *at = getenv("GATEHOUSE_KILL_AT");
	uint64_t number, now = ++count;

	if (!at)
		return;
	if (strcmp(at, step) == 0 ||
	    (span_to_u64(span_str(at), UINT64_MAX, &number) == 0 && number == now))
		kill(getpid(), SIGKILL);
}

#else

void
certstore_step(const char *step)
{
}

#endif

/* SPDX-License-Identifier: ISC */
/*
 * interrupt: one flag, set once; the handler then steps aside.
 */
#include "libacme/interrupt.h"

#include <stddef.h>

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
	interrupted = 1;
}

const volatile sig_atomic_t *
interrupt_watch(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	return &interrupted;
}

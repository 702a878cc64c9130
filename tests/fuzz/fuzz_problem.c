/* SPDX-License-Identifier: ISC */
/* Problem documents: whatever a CA writes, the sentence made of it holds no control byte. */
#include "libacme/acme_problem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acme_problem problem;
	struct err e = ERR_INIT;

	if (acme_problem_parse(span_of(data, size), &problem, NULL) == 0) {
		acme_problem_error(&problem, 0, "it failed", &e);
		for (const char *c = err_text(&e); *c; c++) {
			if ((unsigned char)*c < ' ')
				__builtin_trap();
		}
		(void)acme_problem_retry(&problem);
	}
	acme_problem_release(&problem);
	err_release(&e);
	return 0;
}

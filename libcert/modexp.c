/* SPDX-License-Identifier: ISC */
/* Which kernels there are, and which of them this CPU runs. */
#include "libcert/modexp.h"

#include "libcert/modexp_fma.h"
#include "libcert/modexp_ifma.h"
#include "libcert/modexp_word.h"

#include <stddef.h>
#include <string.h>

const struct modexp_kernel *const modexp_kernels[] = {
	&modexp_ifma,
	&modexp_fma,
	&modexp_word,
	NULL,
};

const struct modexp_kernel *
modexp_best(void)
{
	const struct modexp_kernel *const *kernel = modexp_kernels;

	while (!(*kernel)->supported())
		kernel++;
	return *kernel;
}

const struct modexp_kernel *
modexp_find(const char *name)
{
	for (const struct modexp_kernel *const *kernel = modexp_kernels; *kernel; kernel++)
		if (strcmp((*kernel)->name, name) == 0)
			return (*kernel)->supported() ? *kernel : NULL;
	return NULL;
}

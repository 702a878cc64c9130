/* SPDX-License-Identifier: ISC */
/* zone: see zone.h. */
#include "proxy/monitor/zone.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

struct resource *
zone_open(struct resource_table *t, const struct zone_spec *spec, struct err *e)
{
	char *name = mem_printf("%zu " SPAN_FMT, spec->size, SPAN_ARG(spec->name));
	struct resource *r = resource_find(t, RESOURCE_ZONE, span_str(name));
	int fd;

	if (r)
		goto out;
	fd = memfd_create("tinyproxyd-zone", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* No worker can cut it off under the others' feet. */
	if (fd < 0 || ftruncate(fd, (off_t)spec->size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		err_set_errno(e, errno, "cannot make the zone \"" SPAN_FMT "\"",
		    SPAN_ARG(spec->name));
		if (fd >= 0)
			close(fd);
		goto out;
	}
	r = resource_add(t, RESOURCE_ZONE, span_str(name), fd);
out:
	free(name);
	return r;
}

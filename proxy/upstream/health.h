/* SPDX-License-Identifier: ISC */
/*
 * health: active checks of peers (health_check): a request now and then, whose answer decides whether clients' requests
 * go there.
 *
 * Where workers share the group's state (zone) each check is made by one of them, else each makes its own.
 */
#ifndef PROXY_UPSTREAM_HEALTH_H
#define PROXY_UPSTREAM_HEALTH_H

#include "proxy/upstream/upstream.h"

struct health_prober;

/* One for each place of the group, which must outlive them. */
struct health_prober *health_probers_new(struct worker *w, struct upstream_group *g,
    const struct health_check_spec *spec);
/* Takes NULL. Ends the checks that are under way. */
void health_probers_free(struct health_prober *first);

#endif

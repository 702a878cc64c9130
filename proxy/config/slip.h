/* SPDX-License-Identifier: ISC */
/*
 * slip: mistakes that come from pasting out of tutorials, told by name and with the cure: quotes and
 * dashes that typesetting made, comments of other languages, the shell's prompt.
 */
#ifndef PROXY_CONFIG_SLIP_H
#define PROXY_CONFIG_SLIP_H

#include "proxy/config/loader.h"

/*
 * Looked for before a directive is given a meaning. true: what it is was told, and it has none.
 * Typographic quotes are told, but a block that has them is gone through all the same.
 */
bool slip_tell(struct loader *l, const struct node *n);
/* The newest diagnostic is about n and has no hint yet: is one of n's words the reason? */
void slip_hint(struct loader *l, const struct node *n);
#endif

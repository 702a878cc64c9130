/* SPDX-License-Identifier: ISC */
/*
 * ari_internal: what ari.c (answers and what is kept of them) and ari_ask.c (asking) share.
 */
#ifndef LIBACME_ARI_INTERNAL_H
#define LIBACME_ARI_INTERNAL_H

#include "libacme/ari.h"

/* Quiet: who cannot keep it asks again next time. */
void ari_save(struct certstore *store, const char *name, const unsigned char sha256[32],
    const struct ari *ari);
/* Draw the instant; for the window of before it stays. */
void ari_choose(struct ari *ari, const struct ari *before);

#endif

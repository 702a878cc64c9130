/* SPDX-License-Identifier: ISC */
/*
 * account_report: what acme-account prints: the store's accounts, and what a CA says about one.
 */
#ifndef LIBACME_ACCOUNT_REPORT_H
#define LIBACME_ACCOUNT_REPORT_H

#include "libacme/account.h"
#include "libacme/import.h"

#include <stdio.h>

/* Accounts that are in the store; json: {"schema":1,"accounts":[...]}. */
void account_report_list(const struct account_entry *entries, size_t count, bool json, FILE *out);

/* One account; doc: the account object (RFC 8555 7.1.2) or NULL. word: what was done to it ("registered"). */
void account_report_one(const char *word, const char *server, const struct account *account,
    const cJSON *doc, bool json, FILE *out);

/* What import_apply made of it. */
void account_report_import(const struct import *in, bool json, FILE *out);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * What clang's analyzer cannot see from another file: the err setters return -1. Without it, every
 * "return err_set(...)" looks to it as if it might have succeeded. Included by scripts/lint only.
 */
#ifndef SCRIPTS_LINT_ANALYZER_H
#define SCRIPTS_LINT_ANALYZER_H

#include "base/err.h"

#define err_set(...) ((void)err_set(__VA_ARGS__), -1)
#define err_vset(...) ((void)err_vset(__VA_ARGS__), -1)
#define err_set_errno(...) ((void)err_set_errno(__VA_ARGS__), -1)
#define err_set_openssl(...) ((void)err_set_openssl(__VA_ARGS__), -1)
#define err_wrap(...) ((void)err_wrap(__VA_ARGS__), -1)
#define err_hint(...) ((void)err_hint(__VA_ARGS__), -1)
#define err_at(...) ((void)err_at(__VA_ARGS__), -1)

#endif

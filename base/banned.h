/* SPDX-License-Identifier: ISC */
/*
 * Functions this tree never calls, made into compile errors. The Makefile includes this file
 * before every source, so nobody needs to remember it; the system headers that declare the
 * functions come first, so only our own calls meet the macros.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(func, instead) sorry_##func##_is_banned_use_##instead

/* No bound on what they write: memcpy with a checked length, snprintf, or a struct buf. */
#undef strcpy
#define strcpy(d, s) BANNED(strcpy, memcpy_or_buf)
#undef strcat
#define strcat(d, s) BANNED(strcat, buf)
#undef strncpy
#define strncpy(d, s, n) BANNED(strncpy, memcpy_or_buf)
#undef strncat
#define strncat(d, s, n) BANNED(strncat, buf)
#undef sprintf
#define sprintf(...) BANNED(sprintf, snprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf, vsnprintf)
#undef gets
#define gets(s) BANNED(gets, getline)

/* Hidden state between calls, or a result shared by all callers. */
#undef strtok
#define strtok(s, d) BANNED(strtok, strtok_r)
#undef gmtime
#define gmtime(t) BANNED(gmtime, gmtime_r)
#undef localtime
#define localtime(t) BANNED(localtime, localtime_r)
#undef ctime
#define ctime(t) BANNED(ctime, strftime)
#undef asctime
#define asctime(t) BANNED(asctime, strftime)

/* No way to tell a bad number from zero. */
#undef atoi
#define atoi(s) BANNED(atoi, strtol)
#undef atol
#define atol(s) BANNED(atol, strtol)
#undef atoll
#define atoll(s) BANNED(atoll, strtoll)

/* Predictable. */
#undef rand
#define rand() BANNED(rand, RAND_bytes)
#undef srand
#define srand(x) BANNED(srand, RAND_bytes)

/* Unbounded stack; a name that can be raced for. */
#undef alloca
#define alloca(n) BANNED(alloca, malloc)
#undef mktemp
#define mktemp(t) BANNED(mktemp, mkstemp)
#undef tmpnam
#define tmpnam(t) BANNED(tmpnam, mkstemp)

#endif

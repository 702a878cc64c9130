/* SPDX-License-Identifier: ISC */
/*
 * sandbox: the order matters: capabilities and limits first, seccomp last, as it forbids all of the others.
 */
#include "proxy/worker/sandbox.h"

#include "proxy/worker/sandbox_calls.h"
#include "proxy/worker/sandbox_files.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof(none));
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, none) < 0)
		return err_set_errno(e, errno, "cannot give up capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set_errno(e, errno, "cannot set no_new_privs");
	return 0;
}

static int
forbid_core_dumps(struct err *e)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_set_errno(e, errno, "cannot forbid core dumps");
	/* Changing user made the process undumpable already; the leak check needs to look into it. */
	if (prctl(PR_SET_DUMPABLE, SANDBOX_SANITIZED, 0, 0, 0) < 0)
		return err_set_errno(e, errno, "cannot forbid tracing");
	return 0;
}

int
sandbox_enter(const struct snapshot *s, const struct log *log, struct err *e)
{
	if (drop_capabilities(e) < 0 || forbid_core_dumps(e) < 0)
		return -1;
	if (sandbox_files_enter(s, log, e) < 0)
		return -1;
	if (SANDBOX_SANITIZED) {
		log_msg(log, LOG_LEVEL_NOTICE,
		    "sandbox: built with a sanitizer, so system calls are not filtered and /proc can be read");
		return 0;
	}
	return sandbox_calls_enter(log, e);
}

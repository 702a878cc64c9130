/* SPDX-License-Identifier: ISC */
/*
 * sandbox_calls: three lists.
 *
 * Calls a worker needs are allowed. Calls only an attacker would try end the process, so that the attempt shows
 * in the log. All others fail with EPERM, or ENOSYS where the C library then takes another way. Sockets
 * can be made for IP and unix only; memory cannot be made executable.
 */
#include "proxy/worker/sandbox_calls.h"

#include <seccomp.h>

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALL(name) SCMP_SYS(name)

static const int allowed[] = {
	/* connections */
	CALL(accept4),
	CALL(connect),
	CALL(bind), /* proxy_bind */
	CALL(getpeername),
	CALL(getsockname),
	CALL(getsockopt),
	CALL(setsockopt),
	CALL(shutdown),
	CALL(recvfrom),
	CALL(recvmsg),
	CALL(recvmmsg),
	CALL(sendto),
	CALL(sendmsg),
	CALL(sendmmsg),
	CALL(sendfile),
	CALL(sendfile64),
	CALL(splice),
	CALL(socketpair),
	/* reading and writing what is open; opening is for Landlock to judge */
	CALL(read),
	CALL(readv),
	CALL(pread64),
	CALL(preadv),
	CALL(write),
	CALL(writev),
	CALL(pwrite64),
	CALL(pwritev),
	CALL(lseek),
	CALL(_llseek),
	CALL(open),
	CALL(openat),
	CALL(openat2),
	CALL(close),
	CALL(close_range),
	CALL(fstat),
	CALL(fstat64),
	CALL(newfstatat),
	CALL(fstatat64),
	CALL(stat),
	CALL(stat64),
	CALL(lstat),
	CALL(lstat64),
	CALL(statx),
	CALL(fstatfs),
	CALL(fstatfs64),
	CALL(faccessat),
	CALL(faccessat2),
	CALL(access),
	CALL(readlink),
	CALL(readlinkat),
	CALL(getdents64),
	CALL(fadvise64),
	CALL(readahead),
	/* temp files: where, Landlock says */
	CALL(mkdir),
	CALL(mkdirat),
	CALL(unlink),
	CALL(unlinkat),
	CALL(ftruncate),
	CALL(fsync),
	CALL(fdatasync),
	CALL(fcntl),
	CALL(fcntl64),
	CALL(dup),
	CALL(dup2),
	CALL(dup3),
	CALL(pipe2),
	/* waiting */
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_wait),
	CALL(epoll_pwait),
	CALL(epoll_pwait2),
	CALL(poll),
	CALL(ppoll),
	CALL(select),
	CALL(pselect6),
	CALL(eventfd2),
	CALL(timerfd_create),
	CALL(timerfd_settime),
	CALL(timerfd_gettime),
	CALL(signalfd4),
	/* time */
	CALL(clock_gettime),
	CALL(clock_gettime64),
	CALL(clock_getres),
	CALL(clock_nanosleep),
	CALL(nanosleep),
	CALL(gettimeofday),
	CALL(time),
	CALL(times),
	CALL(getrusage),
	/* memory; mmap and mprotect have a rule of their own */
	CALL(munmap),
	CALL(mremap),
	CALL(madvise),
	CALL(brk),
	CALL(mlock),
	CALL(mlock2),
	CALL(munlock),
	CALL(mincore),
	CALL(membarrier),
	/* the process itself */
	CALL(exit),
	CALL(exit_group),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(sigreturn),
	CALL(sigaltstack),
	CALL(restart_syscall),
	CALL(getpid),
	CALL(gettid),
	CALL(getppid),
	CALL(getuid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getegid),
	CALL(getrandom),
	CALL(futex),
	CALL(futex_time64),
	CALL(sched_yield),
	CALL(sched_getaffinity),
	CALL(set_robust_list),
	CALL(set_tid_address),
	CALL(rseq),
	CALL(getrlimit),
	CALL(prlimit64),
	CALL(uname),
	CALL(sysinfo),
	CALL(getcpu),
};

static const int deadly[] = {
	CALL(execve),
	CALL(execveat),
	CALL(fork),
	CALL(vfork),
	CALL(ptrace),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(pidfd_getfd),
	CALL(kexec_load),
	CALL(kexec_file_load),
	CALL(init_module),
	CALL(finit_module),
	CALL(delete_module),
	CALL(mount),
	CALL(umount2),
	CALL(pivot_root),
	CALL(chroot),
	CALL(move_mount),
	CALL(open_tree),
	CALL(fsopen),
	CALL(unshare),
	CALL(setns),
	CALL(bpf),
	CALL(perf_event_open),
	CALL(userfaultfd),
	CALL(io_uring_setup),
	CALL(io_uring_enter),
	CALL(io_uring_register),
	CALL(keyctl),
	CALL(add_key),
	CALL(request_key),
	CALL(setuid),
	CALL(setgid),
	CALL(setreuid),
	CALL(setregid),
	CALL(setresuid),
	CALL(setresgid),
	CALL(setgroups),
	CALL(capset),
	CALL(personality),
	CALL(reboot),
	CALL(swapon),
	CALL(swapoff),
	CALL(iopl),
	CALL(ioperm),
	CALL(acct),
	CALL(settimeofday),
	CALL(clock_settime),
	CALL(sethostname),
};

/* The C library asks for these and has another way when they are not there. */
static const int absent[] = { CALL(clone3) };

static int
add_list(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int rc = seccomp_rule_add(filter, action, calls[i], 0);

		/* EDOM, EINVAL: this architecture does not have the call. */
		if (rc < 0 && rc != -EDOM && rc != -EINVAL)
			return rc;
	}
	return 0;
}

#define ADD_LIST(filter, action, list) \
	add_list(filter, action, list, sizeof(list) / sizeof((list)[0]))

/* A call that is fine when (argument & mask) == value. */
struct condition {
	int call;
	unsigned argument;
	uint64_t mask, value;
};

#define EXACTLY UINT64_MAX

static const struct condition conditions[] = {
	{ CALL(socket), 0, EXACTLY, AF_INET }, { CALL(socket), 0, EXACTLY, AF_INET6 },
	{ CALL(socket), 0, EXACTLY, AF_UNIX }, { CALL(ioctl), 1, EXACTLY, FIONBIO },
	{ CALL(ioctl), 1, EXACTLY, FIONREAD }, { CALL(mmap), 2, PROT_EXEC, 0 },
	{ CALL(mprotect), 2, PROT_EXEC, 0 },
	{ CALL(prctl), 0, EXACTLY, 0x53564d41 }, /* PR_SET_VMA: allocators name their mappings */
};

static int
add_condition(scmp_filter_ctx filter, const struct condition *c)
{
	const struct scmp_arg_cmp cmp = {
		.arg = c->argument,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = c->mask,
		.datum_b = c->value,
	};

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, c->call, 1, &cmp);
}

static int
add_conditions(scmp_filter_ctx filter)
{
	/* abort(3) signals its own process, and that must not fail. */
	const struct condition abort_self = { CALL(tgkill), 0, EXACTLY, (uint64_t)getpid() };
	int rc = add_condition(filter, &abort_self);

	for (size_t i = 0; rc == 0 && i < sizeof(conditions) / sizeof(conditions[0]); i++)
		rc = add_condition(filter, &conditions[i]);
	return rc;
}

int
sandbox_calls_enter(const struct log *log, struct err *e)
{
	scmp_filter_ctx filter;
	int rc;

	if (prctl(PR_GET_SECCOMP) < 0 && errno == EINVAL) {
		log_msg(log, LOG_LEVEL_NOTICE,
		    "sandbox: this kernel has no seccomp: workers' system calls are not filtered");
		return 0;
	}
	filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return err_set(e, ERR_BUG, "seccomp_init failed");
	rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */
	if (rc == 0)
		rc = ADD_LIST(filter, SCMP_ACT_ALLOW, allowed);
	if (rc == 0)
		rc = add_conditions(filter);
	if (rc == 0)
		rc = ADD_LIST(filter, SCMP_ACT_KILL_PROCESS, deadly);
	if (rc == 0)
		rc = ADD_LIST(filter, SCMP_ACT_ERRNO(ENOSYS), absent);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	if (rc < 0)
		return err_set_errno(e, -rc, "cannot filter system calls");
	return 0;
}

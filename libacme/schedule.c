/* SPDX-License-Identifier: ISC */
/*
 * schedule: the files' texts are those of scripts/acme-renew.{service,timer}; a test holds them together.
 *
 * A moment of its own for each machine keeps all machines of the world from asking a CA at once: systemd has
 * FixedRandomDelay for it; for cron it is made from the machine's id.
 */
#include "libacme/schedule.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/proc.h"

#include <openssl/sha.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define MARK "# Made by acme-renew --schedule install"
#define TEXT_MAX ((size_t)16 * 1024)
#define SYSTEMCTL_TIMEOUT_MS 30000
#define TIMER "acme-renew.timer"

#define UNIT_DIR "/etc/systemd/system"
#define SERVICE_FILE UNIT_DIR "/acme-renew.service"
#define TIMER_FILE UNIT_DIR "/" TIMER
#define CRON_DIR "/etc/cron.d"
#define CRON_FILE CRON_DIR "/acme-renew"

static const char service_before[] = "[Unit]\n"
				     "Description=Renew ACME certificates that are due\n"
				     "Documentation=man:acme-renew(1)\n"
				     "After=network-online.target nss-lookup.target\n"
				     "Wants=network-online.target\n"
				     "\n"
				     "[Service]\n"
				     "Type=oneshot\n"
				     "ExecStart=";
static const char service_after[] =
    "# An order can wait for its CA; a run that takes longer than this is stuck.\n"
    "TimeoutStartSec=1h\n"
    "# 75: a rate limit or a lock held; the next run takes it up again.\n"
    "SuccessExitStatus=75\n"
    "Nice=10\n"
    "# Deploy hooks run in here and may do what an administrator may: only what no hook needs is closed.\n"
    "ProtectClock=yes\n"
    "ProtectControlGroups=yes\n"
    "ProtectKernelLogs=yes\n"
    "ProtectKernelModules=yes\n"
    "ProtectKernelTunables=yes\n"
    "RestrictRealtime=yes\n"
    "LockPersonality=yes\n"
    "SystemCallArchitectures=native\n";
static const char timer_text[] =
    "[Unit]\n"
    "Description=Look every six hours for ACME certificates that are due\n"
    "Documentation=man:acme-renew(1)\n"
    "\n"
    "[Timer]\n"
    "OnCalendar=00/6:00\n"
    "# Each machine keeps its own moment within the six hours: no CA is asked by everybody at once.\n"
    "RandomizedDelaySec=6h\n"
    "FixedRandomDelay=yes\n"
    "Persistent=yes\n"
    "\n"
    "[Install]\n"
    "WantedBy=timers.target\n";

static char *
below(const struct schedule *s, const char *path)
{
	return mem_printf("%s%s", s->root, path);
}

static bool
there(const struct schedule *s, const char *path)
{
	char *whole = below(s, path);
	bool found = file_exists(whole);

	free(whole);
	return found;
}

/* As sd_booted(3) decides it. */
static bool
has_systemd(const struct schedule *s)
{
	return there(s, "/run/systemd/system");
}

/* ---- texts ----------------------------------------------------------------------------------- */

static bool
needs_quotes(const char *word)
{
	return strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
			    "/._-+:@,") != strlen(word);
}

/* A word of ExecStart or of cron's shell; what neither could carry is refused. */
static int
add_word(struct buf *text, const char *word, struct err *e)
{
	if (strpbrk(word, "'\"\\%$\n"))
		return err_set(e, ERR_USAGE, "the path %s cannot be written into a schedule", word);
	buf_printf(text, needs_quotes(word) ? "'%s'" : "%s", word);
	return 0;
}

static int
add_command(const struct schedule *s, struct buf *text, struct err *e)
{
	if (add_word(text, s->program, e) < 0)
		return -1;
	buf_add_str(text, " -q");
	if (!s->config_dir)
		return 0;
	buf_add_str(text, " --config-dir ");
	return add_word(text, s->config_dir, e);
}

static int
make_service(const struct schedule *s, struct buf *text, struct err *e)
{
	buf_add_str(text, MARK "\n");
	buf_add_str(text, service_before);
	if (add_command(s, text, e) < 0)
		return -1;
	buf_add_char(text, '\n');
	buf_add_str(text, service_after);
	return 0;
}

static int
make_timer(const struct schedule *s, struct buf *text, struct err *e)
{
	buf_add_str(text, MARK "\n");
	buf_add_str(text, timer_text);
	return 0;
}

/* Minutes within six hours; always the same on one machine. */
static unsigned
own_moment(const struct schedule *s)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char *path = below(s, "/etc/machine-id");
	struct buf id;

	buf_init(&id, 4096);
	if (file_read(path, &id, NULL) == 0)
		SHA256((const unsigned char *)id.p, id.len, digest);
	else if (getrandom(digest, 4, 0) != 4)
		memset(digest, 1, 4);
	buf_release(&id);
	free(path);
	return (digest[0] * 256U + digest[1]) % 360;
}

static int
make_cron(const struct schedule *s, struct buf *text, struct err *e)
{
	unsigned moment = own_moment(s);

	buf_printf(text,
	    MARK "\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
		 "%u %u-23/6 * * * root ",
	    moment % 60, moment / 60);
	if (add_command(s, text, e) < 0)
		return -1;
	buf_add_char(text, '\n');
	return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

static const struct file {
	const char *path;
	int (*make)(const struct schedule *s, struct buf *text, struct err *e);
	bool systemd;
} files[] = {
	{ SERVICE_FILE, make_service, true },
	{ TIMER_FILE, make_timer, true },
	{ CRON_FILE, make_cron, false },
};
#define FILE_COUNT (sizeof(files) / sizeof(files[0]))

/* Is there a file, and did we make it? Somebody else's: -1. */
static int
is_ours(const char *path, bool *ours, struct err *e)
{
	struct buf text;

	*ours = false;
	if (!file_exists(path))
		return 0;
	buf_init(&text, TEXT_MAX);
	if (file_read(path, &text, NULL) == 0)
		*ours = span_starts(buf_span(&text), SPAN(MARK));
	buf_release(&text);
	if (*ours)
		return 0;
	err_set(e, ERR_CANTCREATE, "%s is there, and was made by somebody else", path);
	return err_hint(e, "look what it is for, and move it away");
}

static int
write_file(const struct schedule *s, const struct file *f, struct buf *out, struct err *e)
{
	char *path = below(s, f->path), *slash = strrchr(path, '/'), *dir;
	struct buf text;
	bool ours;
	int rc = -1;

	dir = mem_dup_span(span_of(path, (size_t)(slash - path)));
	buf_init(&text, TEXT_MAX);
	if (is_ours(path, &ours, e) == 0 && f->make(s, &text, e) == 0 &&
	    file_make_dirs(dir, 0755, e) == 0 &&
	    file_write_atomic(path, buf_span(&text), 0644, e) == 0) {
		buf_printf(out, "wrote %s\n", path);
		rc = 0;
	}
	buf_release(&text);
	free(dir);
	free(path);
	return rc;
}

static int
remove_file(const struct schedule *s, const struct file *f, struct buf *out, struct err *e)
{
	char *path = below(s, f->path);
	bool ours;
	int rc = is_ours(path, &ours, e);

	if (rc == 0 && ours) {
		if (unlink(path) < 0)
			rc = err_set_errno(e, errno, "cannot remove %s", path);
		else
			buf_printf(out, "removed %s\n", path);
	}
	free(path);
	return rc;
}

/* ---- systemd --------------------------------------------------------------------------------- */

/* Its exit code in *status; said, if not NULL, gets what it printed. */
static int
systemctl(const char *const *arguments, struct buf *said, int *status, struct err *e)
{
	const char *argv[8] = { "systemctl" };
	struct proc_request request = { .argv = argv, .timeout_ms = SYSTEMCTL_TIMEOUT_MS };
	struct buf out;
	size_t n = 1;
	int rc;

	while (arguments[n - 1] && n < 7) {
		argv[n] = arguments[n - 1];
		n++;
	}
	buf_init(&out, TEXT_MAX);
	request.out = &out;
	rc = proc_run(&request, status, e);
	if (rc == 0 && said)
		buf_add(said, span_trim(buf_span(&out)));
	else if (rc == 0 && *status != 0)
		rc = err_set(e, ERR_UNAVAILABLE, "systemctl %s failed: %.*s", arguments[0],
		    SPAN_ARG(span_trim(buf_span(&out))));
	buf_release(&out);
	return rc;
}

static int
start_timer(struct buf *out, struct err *e)
{
	static const char *const reload[] = { "daemon-reload", NULL };
	static const char *const enable[] = { "enable", "--now", TIMER, NULL };
	int status;

	if (systemctl(reload, NULL, &status, e) < 0 || systemctl(enable, NULL, &status, e) < 0)
		return -1;
	buf_add_str(out, "enabled and started " TIMER "\n");
	return 0;
}

static int
stop_timer(struct buf *out, struct err *e)
{
	static const char *const disable[] = { "disable", "--now", TIMER, NULL };
	int status;

	if (systemctl(disable, NULL, &status, e) < 0)
		return -1;
	buf_add_str(out, "stopped and disabled " TIMER "\n");
	return 0;
}

/* The packaged units, if that is how we were installed: they only have to be enabled. */
static bool
has_packaged_timer(const struct schedule *s)
{
	return there(s, "/usr/local/lib/systemd/system/" TIMER) ||
	       there(s, "/usr/lib/systemd/system/" TIMER) || there(s, "/lib/systemd/system/" TIMER);
}

int
schedule_install(const struct schedule *s, struct buf *out, struct err *e)
{
	bool systemd = has_systemd(s);
	bool packaged = systemd && has_packaged_timer(s) && !s->config_dir;

	if (!systemd && !there(s, CRON_DIR)) {
		err_set(e, ERR_UNAVAILABLE, "there is neither systemd nor %s%s", s->root, CRON_DIR);
		return err_hint(e, "have \"%s -q\" run every six hours by what this machine has",
		    s->program);
	}
	for (size_t i = 0; i < FILE_COUNT && !packaged; i++) {
		if (files[i].systemd == systemd && write_file(s, &files[i], out, e) < 0)
			return -1;
	}
	if (!systemd || *s->root)
		return 0;
	return start_timer(out, e);
}

int
schedule_remove(const struct schedule *s, struct buf *out, struct err *e)
{
	static const char *const reload[] = { "daemon-reload", NULL };
	bool live = has_systemd(s) && !*s->root;
	int status;

	if (live && (there(s, TIMER_FILE) || has_packaged_timer(s)) && stop_timer(out, e) < 0)
		return -1;
	for (size_t i = 0; i < FILE_COUNT; i++) {
		if (remove_file(s, &files[i], out, e) < 0)
			return -1;
	}
	if (live && systemctl(reload, NULL, &status, e) < 0)
		return -1;
	if (out->len == 0)
		buf_add_str(out, "nothing was scheduled\n");
	return 0;
}

/* ---- status ---------------------------------------------------------------------------------- */

static int
timer_status(bool *active, struct buf *out, struct err *e)
{
	static const char *const ask[] = { "is-active", TIMER, NULL };
	static const char *const when[] = { "show", "-p", "NextElapseUSecRealtime", "--value",
		TIMER, NULL };
	struct buf said;
	int status, rc;

	buf_init(&said, TEXT_MAX);
	rc = systemctl(ask, &said, &status, e);
	*active = rc == 0 && status == 0;
	buf_printf(out, TIMER " is %s\n", buf_str(&said));
	buf_reset(&said);
	if (*active && systemctl(when, &said, &status, NULL) == 0 && said.len)
		buf_printf(out, "next run: %s\n", buf_str(&said));
	buf_release(&said);
	return rc;
}

static void
cron_status(const struct schedule *s, struct buf *out)
{
	char *path = below(s, CRON_FILE);
	struct span rest, line;
	struct buf text;

	buf_init(&text, TEXT_MAX);
	if (file_read(path, &text, NULL) < 0)
		buf_reset(&text);
	rest = buf_span(&text);
	while (span_split(&rest, '\n', &line)) {
		if (line.n && line.p[0] >= '0' && line.p[0] <= '9')
			buf_printf(out, "%s: %.*s\n", path, SPAN_ARG(line));
	}
	buf_release(&text);
	free(path);
}

int
schedule_status(const struct schedule *s, bool *active, struct buf *out, struct err *e)
{
	bool timer = there(s, TIMER_FILE) || has_packaged_timer(s);

	*active = false;
	if (has_systemd(s) && timer) {
		if (!*s->root)
			return timer_status(active, out, e);
		*active = there(s, TIMER_FILE);
		buf_printf(out, "%s is there\n", TIMER);
	} else if (there(s, CRON_FILE)) {
		*active = true;
		cron_status(s, out);
	} else {
		buf_add_str(out, "renewal is not scheduled: acme-renew --schedule install\n");
	}
	return 0;
}

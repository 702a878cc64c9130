/* SPDX-License-Identifier: ISC */
/*
 * instance: configuration -> pid file -> process or control socket.
 */
#include "proxy/monitor/instance.h"

#include "base/mem.h"
#include "proxy/monitor/control.h"
#include "proxy/monitor/control_answer.h"
#include "proxy/monitor/control_client.h"
#include "proxy/monitor/pid_file.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define RELOAD_WAIT_MS 300000

static const struct order {
	const char *word;
	int signal;
} orders[] = {
	[INSTANCE_STOP] = { "stop", SIGTERM },
	[INSTANCE_QUIT] = { "quit", SIGQUIT },
	[INSTANCE_REOPEN] = { "reopen", SIGUSR1 },
	[INSTANCE_RELOAD] = { "reload", SIGHUP },
};

int
instance_order_parse(const char *word, enum instance_order *order)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (strcmp(orders[i].word, word) == 0) {
			*order = (enum instance_order)i;
			return 0;
		}
	}
	return -1;
}

/* Where an instance with this configuration is to be found. */
struct whereabouts {
	char *pid_path, *control_path; /* owned */
};

/* -1: the configuration is wrong (announced). */
static int
find_instance(const struct monitor_options *options, struct whereabouts *at)
{
	struct arena *arena = arena_new(0);
	struct bundle_writer *unused = bundle_writer_new();
	struct config_source *disk = disk_source_new(unused, NULL);
	struct diagnostics diags;
	struct snapshot *s;

	diagnostics_init(&diags, arena);
	s = snapshot_load(disk, &options->config, &diags);
	announce_diagnostics(&options->announcer, &diags);
	if (s) {
		at->pid_path = mem_dup_span(s->main.pid);
		at->control_path = control_path(&s->main);
		snapshot_free(s);
	}
	config_source_free(disk);
	bundle_writer_free(unused);
	arena_free(arena);
	return s ? 0 : -1;
}

static int
send_signal(const struct monitor_options *options, const char *pid_path, int number)
{
	struct err e = ERR_INIT;
	pid_t pid;

	if (pid_file_read(pid_path, &pid, &e) < 0) {
		announce_err(&options->announcer, LOG_LEVEL_ERROR, &e);
		err_release(&e);
		return 1;
	}
	if (kill(pid, number) < 0) {
		announce(&options->announcer, LOG_LEVEL_ALERT, "kill(%d, %d) failed (%d: %s)",
		    (int)pid, number, errno, strerror(errno));
		return 1;
	}
	return 0;
}

/* 0, 1, or -1: nobody to ask. */
static int
reload_by_control(const struct monitor_options *options, const char *path)
{
	struct control_answer *answer = NULL;
	struct err e = ERR_INIT;
	struct buf text;
	int rc = 1;

	buf_init(&text, CONTROL_ANSWER_MAX);
	if (control_call(path, SPAN("{\"cmd\":\"reload\"}"), RELOAD_WAIT_MS, &text, &e) < 0 ||
	    control_answer_parse(buf_span(&text), &answer, &e) < 0) {
		if (e.kind == ERR_UNAVAILABLE && text.len == 0)
			rc = -1;
		else
			announce_err(&options->announcer, LOG_LEVEL_ERROR, &e);
	} else {
		control_answer_print_mistakes(answer, "tinyproxyd", stderr);
		rc = control_answer_ok(answer) ? 0 : 1;
	}
	control_answer_free(answer);
	buf_release(&text);
	err_release(&e);
	return rc;
}

int
instance_command(const struct monitor_options *options, enum instance_order order)
{
	struct whereabouts at = { 0 };
	int rc = -1;

	if (find_instance(options, &at) < 0)
		return 1;
	if (order == INSTANCE_RELOAD)
		rc = reload_by_control(options, at.control_path);
	if (rc < 0)
		rc = send_signal(options, at.pid_path, orders[order].signal);
	free(at.control_path);
	free(at.pid_path);
	return rc;
}

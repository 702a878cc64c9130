/* SPDX-License-Identifier: ISC */
/*
 * tinyproxyctl: ask the running tinyproxyd, or tell it to reload, over its control socket.
 */
#include "base/cli.h"
#include "base/mem.h"
#include "proxy/monitor/control.h"
#include "proxy/monitor/control_answer.h"
#include "proxy/monitor/control_client.h"

#include <stdio.h>
#include <string.h>

#define WAIT_MS 300000

struct command {
	const char *socket;
	const struct verb *verb;
	bool json, quiet;
};

static const struct verb {
	const char *name;
	struct span request;
	void (*print)(const struct control_answer *a, FILE *out);
} verbs[] = {
	{ "status", SPAN_INIT("{\"cmd\":\"status\"}"), control_answer_print_status },
	{ "reload", SPAN_INIT("{\"cmd\":\"reload\"}"), control_answer_print_reload },
};

static int
set_socket(void *ctx, const char *value, struct err *e)
{
	((struct command *)ctx)->socket = value;
	return 0;
}

static int
set_json(void *ctx, const char *value, struct err *e)
{
	((struct command *)ctx)->json = true;
	return 0;
}

static int
set_quiet(void *ctx, const char *value, struct err *e)
{
	((struct command *)ctx)->quiet = true;
	return 0;
}

static int
set_verb(void *ctx, const char *word, struct err *e)
{
	struct command *c = ctx;

	if (c->verb)
		return err_set(e, ERR_USAGE, "one command at a time: \"%s\" is one too many", word);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, word) == 0)
			c->verb = &verbs[i];
	}
	if (c->verb)
		return 0;
	err_set(e, ERR_USAGE, "unknown command \"%s\"", word);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (span_distance(span_str(word), span_str(verbs[i].name), 2) <= 2)
			return err_hint(e, "did you mean \"%s\"?", verbs[i].name);
	}
	return err_hint(e, "commands: status, reload");
}

static const struct cli_option options[] = {
	{ "socket", 's', "PATH", "control socket (default: " CONTROL_SOCKET_DEFAULT ")", 0,
	    set_socket },
	{ "json", 0, NULL, "print the answer as it came: one line of JSON", 0, set_json },
	{ "quiet", 'q', NULL, "print nothing unless something failed", 0, set_quiet },
	{ 0 },
};

static const struct cli_program program = {
	.name = "tinyproxyctl",
	.usage = "[options] status\n[options] reload",
	.summary = "Look at the running tinyproxyd, or make it reload its configuration.",
	.examples =
	    "tinyproxyctl status\n"
	    "    generation, workers, listeners, and what is wrong with certificates\n"
	    "tinyproxyctl reload\n"
	    "    reload; returns when every worker serves the new configuration, or says why not",
	.details =
	    "The socket is where \"control_socket\" of the configuration says; with \"pid FILE.pid\" and no\n"
	    "such line it is FILE.ctl.\n"
	    "Exit status: 0 done, 64 usage, 69 not running, 70 failed inside, 75 no answer in time,\n"
	    "77 not permitted, 78 the configuration is wrong (the old one stays in service).",
	.options = options,
	.operand = set_verb,
};

/* Show what came; returns the exit status. */
static int
show(const struct command *c, struct span text, const struct control_answer *answer)
{
	bool ok = control_answer_ok(answer);

	if (!c->json && !(c->quiet && ok)) {
		if (ok)
			c->verb->print(answer, stdout);
		if (!ok || strcmp(c->verb->name, "reload") == 0)
			control_answer_print_mistakes(answer, "tinyproxyctl", stderr);
	} else if (c->json) {
		printf(SPAN_FMT "\n", SPAN_ARG(text));
	}
	if (fflush(stdout) != 0)
		return err_exit_code(ERR_IO);
	if (ok)
		return 0;
	return err_exit_code(control_answer_blames_config(answer) ? ERR_CONFIG : ERR_BUG);
}

static int
run(const struct command *c, struct err *e)
{
	struct control_answer *answer = NULL;
	struct buf text;
	int status;

	buf_init(&text, CONTROL_ANSWER_MAX);
	if (control_call(c->socket, c->verb->request, WAIT_MS, &text, e) < 0 ||
	    control_answer_parse(buf_span(&text), &answer, e) < 0)
		status = err_exit_code(e->kind);
	else
		status = show(c, buf_span(&text), answer);
	control_answer_free(answer);
	buf_release(&text);
	return status;
}

int
main(int argc, char **argv)
{
	struct command c = { .socket = CONTROL_SOCKET_DEFAULT };
	struct err e = ERR_INIT;
	int status = 0;

	switch (cli_parse(&program, argc, argv, &c, &e)) {
	case CLI_DONE:
		break;
	case CLI_ERROR:
		status = err_exit_code(e.kind);
		break;
	case CLI_OK:
		if (c.verb) {
			status = run(&c, &e);
		} else {
			err_set(&e, ERR_USAGE, "no command given");
			err_hint(&e, "commands: status, reload");
			status = err_exit_code(e.kind);
		}
		break;
	}
	if (e.kind != ERR_NONE)
		err_print(&e);
	err_release(&e);
	return status;
}

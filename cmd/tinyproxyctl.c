/* SPDX-License-Identifier: ISC */
/*
 * tinyproxyctl: ask the running tinyproxyd, or tell it to reload, over its control socket.
 */
#include "base/cli.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/mem.h"
#include "proxy/monitor/control.h"
#include "proxy/monitor/control_answer.h"
#include "proxy/monitor/control_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 300000

struct command {
	const char *socket;
	const struct verb *verb;
	bool json, quiet, verbose;
	unsigned count;       /* of top; 0 = for ever */
	const char *words[2]; /* after a verb that names a server: [UPSTREAM] SERVER */
	size_t word_count;
};

static const struct verb {
	const char *name;
	struct span request;
	void (*print)(const struct control_answer *a, FILE *out);
	bool names_server;
} verbs[] = {
	{ "status", SPAN_INIT("{\"cmd\":\"status\"}"), control_answer_print_status, false },
	{ "reload", SPAN_INIT("{\"cmd\":\"reload\"}"), control_answer_print_reload, false },
	{ "certs", SPAN_INIT("{\"cmd\":\"certs\"}"), control_answer_print_certs, false },
	{ "connections", SPAN_INIT("{\"cmd\":\"connections\"}"), control_answer_print_connections,
	    false },
	{ "upstreams", SPAN_INIT("{\"cmd\":\"upstreams\"}"), control_answer_print_upstreams,
	    false },
	{ "metrics", SPAN_INIT("{\"cmd\":\"status\"}"), control_answer_print_metrics, false },
	{ "drain", SPAN_INIT("drain"), control_answer_print_drain, true },
	{ "undrain", SPAN_INIT("undrain"), control_answer_print_drain, true },
	{ "top", SPAN_INIT("{\"cmd\":\"status\"}"), NULL, false },
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))
#define COMMANDS "status, reload, certs, connections, upstreams, drain, undrain, metrics, top"

static int
set_verb(void *ctx, const char *word, struct err *e)
{
	struct command *c = ctx;

	if (c->verb && c->verb->names_server) {
		if (c->word_count == sizeof(c->words) / sizeof(c->words[0]))
			return err_set(e, ERR_USAGE,
			    "%s takes [UPSTREAM] SERVER: \"%s\" is one too many", c->verb->name,
			    word);
		c->words[c->word_count++] = word;
		return 0;
	}
	if (c->verb)
		return err_set(e, ERR_USAGE, "one command at a time: \"%s\" is one too many", word);
	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (strcmp(verbs[i].name, word) == 0)
			c->verb = &verbs[i];
	}
	if (c->verb)
		return 0;
	err_set(e, ERR_USAGE, "unknown command \"%s\"", word);
	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (span_distance(span_str(word), span_str(verbs[i].name), 2) <= 2)
			return err_hint(e, "did you mean \"%s\"?", verbs[i].name);
	}
	return err_hint(e, "commands: " COMMANDS);
}

static const struct cli_option options[] = {
	{ "socket", 's', "PATH", "control socket (default: " CONTROL_SOCKET_DEFAULT ")", 0,
	    CLI_TEXT(struct command, socket) },
	{ "json", 0, NULL, "print the answer as it came: one line of JSON", 0,
	    CLI_SWITCH(struct command, json) },
	{ "count", 'n', "NUMBER", "with top: so many lines, then end", 0,
	    CLI_NUMBER(struct command, count, 0, 1000000) },
	{ "quiet", 'q', NULL, "print nothing unless something failed", 0,
	    CLI_SWITCH(struct command, quiet) },
	{ "verbose", 'v', NULL, "also tell what is sent where, and how long the answer takes", 0,
	    CLI_SWITCH(struct command, verbose) },
	{ 0 },
};

static void
offer(void *ctx, const char *option, struct buf *out)
{
	const struct command *c = ctx;

	for (size_t i = 0; !option && !c->verb && i < VERB_COUNT; i++)
		buf_printf(out, "%s\n", verbs[i].name);
}

static const struct cli_program program = {
	.name = "tinyproxyctl",
	.usage = "[options] status | reload | certs | connections | upstreams | metrics | top\n"
		 "[options] drain | undrain [UPSTREAM] SERVER",
	.summary = "Look at the running tinyproxyd, or make it reload its configuration.",
	.examples =
	    "tinyproxyctl status\n"
	    "    generation, workers, listeners, and what is wrong with certificates\n"
	    "tinyproxyctl certs\n"
	    "    the certificates in service, their names and ends\n"
	    "tinyproxyctl connections; tinyproxyctl upstreams\n"
	    "    clients and what they are doing; servers as each worker sees them\n"
	    "tinyproxyctl drain app 10.0.0.7:8080\n"
	    "    no new requests to this server; \"undrain\" when it is back\n"
	    "tinyproxyctl top\n"
	    "    what happens each second; --count says how often\n"
	    "tinyproxyctl metrics >/var/lib/node_exporter/tinyproxyd.prom\n"
	    "    counters in the format of Prometheus\n"
	    "tinyproxyctl reload\n"
	    "    reload; returns when every worker serves the new configuration, or says why not",
	.details =
	    "The socket is where \"control_socket\" of the configuration says; with \"pid FILE.pid\" and no\n"
	    "such line it is FILE.ctl.\n"
	    "Exit status: 0 done, 64 usage, 69 not running, 70 failed inside, 75 no answer in time,\n"
	    "77 not permitted, 78 the configuration is wrong (the old one stays in service).",
	.options = options,
	.operand = set_verb,
	.candidates = offer,
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

/* The line to send. */
static char *
request_of(const struct command *c)
{
	static const char *const members[] = { "upstream", "server" };
	struct buf line;

	buf_init(&line, CONTROL_REQUEST_MAX);
	if (!c->verb->names_server) {
		(void)buf_add(&line, c->verb->request);
		return buf_detach(&line, NULL);
	}
	buf_printf(&line, "{\"cmd\":\"" SPAN_FMT "\"", SPAN_ARG(c->verb->request));
	for (size_t i = 0; i < c->word_count; i++) {
		buf_printf(&line, ",\"%s\":\"", members[2 - c->word_count + i]);
		(void)encode_json(&line, span_str(c->words[i]));
		(void)buf_add_char(&line, '"');
	}
	(void)buf_add_char(&line, '}');
	return buf_detach(&line, NULL);
}

/* 0, or the exit status with e set. */
static int
ask(const struct command *c, struct buf *text, struct control_answer **answer, struct err *e)
{
	const struct narrator *narrator = c->verbose ? &cli_narrator : NULL;
	char *request = request_of(c);
	int64_t since = clock_mono_ms();
	int status = 0;

	narrate(narrator, "to %s: %s", c->socket, request);
	buf_reset(text);
	if (control_call(c->socket, span_str(request), WAIT_MS, text, e) < 0 ||
	    control_answer_parse(buf_span(text), answer, e) < 0)
		status = err_exit_code(e->kind);
	else
		narrate(narrator, "%zu bytes of answer in %lld ms", text->len,
		    (long long)(clock_mono_ms() - since));
	free(request);
	return status;
}

/* A line each second, of what has changed since the one before. */
static int
watch(const struct command *c, struct err *e)
{
	struct control_answer *before = NULL, *now = NULL;
	int64_t before_ms = 0, now_ms;
	struct buf text;
	int status = 0;

	buf_init(&text, CONTROL_ANSWER_MAX);
	for (unsigned i = 0; status == 0 && (c->count == 0 || i <= c->count); i++) {
		status = ask(c, &text, &now, e);
		now_ms = clock_mono_ms();
		if (status == 0 && before)
			control_answer_print_rates(before, now, (double)(now_ms - before_ms) / 1000,
			    stdout);
		if (fflush(stdout) != 0)
			status = err_exit_code(ERR_IO);
		control_answer_free(before);
		before = now;
		before_ms = now_ms;
		now = NULL;
		if (status == 0 && (c->count == 0 || i < c->count))
			sleep(1);
	}
	control_answer_free(before);
	buf_release(&text);
	return status;
}

static int
work(void *ctx, struct err *e)
{
	const struct command *c = ctx;
	struct control_answer *answer = NULL;
	struct buf text;
	int status;

	if (!c->verb) {
		err_set(e, ERR_USAGE, "no command given");
		return err_hint(e, "commands: " COMMANDS);
	}
	if (c->verb->names_server && c->word_count == 0) {
		err_set(e, ERR_USAGE, "%s which server?", c->verb->name);
		return err_hint(e,
		    "tinyproxyctl %s [UPSTREAM] SERVER; \"tinyproxyctl upstreams\" shows them",
		    c->verb->name);
	}
	if (!c->verb->print && !c->json)
		return watch(c, e);
	buf_init(&text, CONTROL_ANSWER_MAX);
	status = ask(c, &text, &answer, e);
	if (status == 0)
		status = show(c, buf_span(&text), answer);
	control_answer_free(answer);
	buf_release(&text);
	return status;
}

int
main(int argc, char **argv)
{
	struct command c = { .socket = CONTROL_SOCKET_DEFAULT };

	return cli_main(&program, argc, argv, &c, work);
}

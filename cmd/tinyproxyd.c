/* SPDX-License-Identifier: ISC */
/*
 * tinyproxyd: the proxy's command line, nginx's: -p -c -e -g -t -T -q -v -V -s.
 *
 * Safe with descriptors 0 to 2 closed: they are opened on /dev/null before anything else could take their numbers.
 */
#include "base/cli.h"
#include "base/mem.h"
#include "proxy/http/request.h"
#include "proxy/monitor/config_test.h"
#include "proxy/monitor/instance.h"
#include "proxy/monitor/log_files.h"
#include "proxy/monitor/monitor.h"
#include "proxy/monitor/quick_start.h"
#include "proxy/stream/stream_session.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PREFIX GATEHOUSE_SYSCONFDIR "/tinyproxyd/"
#define DEFAULT_CONF "tinyproxyd.conf" /* in the prefix */
#define NGINX_VERSION "1.31.4"         /* whose configuration language is spoken */

struct command {
	const char *prefix, *conf, *error_log, *globals;
	bool test, dump, quiet, version, build;
	char **argv;
	const char *explain;
	struct quick_start quick;
	bool has_order;
	enum instance_order order;
};

static int
set_dump(void *ctx, const char *value, struct err *e)
{
	((struct command *)ctx)->test = true;
	((struct command *)ctx)->dump = true;
	return 0;
}

static int
set_build(void *ctx, const char *value, struct err *e)
{
	((struct command *)ctx)->version = true;
	((struct command *)ctx)->build = true;
	return 0;
}

static int
set_explain(void *ctx, const char *value, struct err *e)
{
	((struct command *)ctx)->test = true;
	((struct command *)ctx)->explain = value;
	return 0;
}

static int
set_order(void *ctx, const char *value, struct err *e)
{
	struct command *c = ctx;

	c->has_order = true;
	if (instance_order_parse(value, &c->order) < 0)
		return err_set(e, ERR_USAGE, "\"%s\" is not one of reload, quit, stop, reopen",
		    value);
	return 0;
}

static const struct cli_option options[] = {
	{ "conf", 'c', "FILE", "configuration (default: " DEFAULT_PREFIX DEFAULT_CONF ")", 0,
	    CLI_TEXT(struct command, conf) },
	{ "prefix", 'p', "DIR", "what relative paths start at (default: " DEFAULT_PREFIX ")", 0,
	    CLI_TEXT(struct command, prefix) },
	{ "error-log", 'e', "FILE",
	    "error log until the configuration names one, or \"stderr\" (default: " GATEHOUSE_LOGDIR
	    "/error.log)",
	    0, CLI_TEXT(struct command, error_log) },
	{ "global", 'g', "DIRECTIVES", "directives to put before the configuration", 0,
	    CLI_TEXT(struct command, globals) },
	{ "test", 't', NULL, "check the configuration and its certificates, then exit", 0,
	    CLI_SWITCH(struct command, test) },
	{ "dump", 'T', NULL, "the same, and print every configuration file", 0, .set = set_dump },
	{ "explain", 0, "URL",
	    "with -t: which server and location such a request gets, and what the upstream would see",
	    0, .set = set_explain },
	{ "from", 0, "[ADDR:]PORT", "with --to: serve TLS here, with no configuration file at all",
	    0, CLI_TEXT(struct command, quick.from) },
	{ "to", 0, "HOST:PORT", "with --from: the service that requests are passed on to", 0,
	    CLI_TEXT(struct command, quick.to) },
	{ "cert", 0, "FILE", "with --from: its certificate (default: a self-signed one)", 0,
	    CLI_TEXT(struct command, quick.cert) },
	{ "key", 0, "FILE", "with --cert: the certificate's key", 0,
	    CLI_TEXT(struct command, quick.key) },
	{ "quiet", 'q', NULL, "with -t: say only what is wrong", 0,
	    CLI_SWITCH(struct command, quiet) },
	{ "signal", 's', "reload|quit|stop|reopen", "tell the running tinyproxyd", 0,
	    .set = set_order },
	{ NULL, 'v', NULL, "print the version", 0, CLI_SWITCH(struct command, version) },
	{ NULL, 'V', NULL, "print the version and what is built in", 0, .set = set_build },
	{ 0 },
};

static const struct cli_program program = {
	.name = "tinyproxyd",
	.usage = "[-p DIR] [-c FILE] [-e FILE] [-g DIRECTIVES] [-t | -T | -s ORDER] [-q]\n"
		 "-t --explain URL [-cpeg ...]\n"
		 "--from [ADDR:]PORT --to HOST:PORT [--cert FILE --key FILE]",
	.summary = "Serve and proxy HTTP and HTTPS as an nginx-style configuration says.",
	.examples = "tinyproxyd --from 8443 --to 127.0.0.1:8080\n"
		    "    TLS in front of a service at once, with a self-signed certificate\n"
		    "tinyproxyd -t --explain https://www.example.com/app/x\n"
		    "    who would answer that, and how\n"
		    "tinyproxyd -t\n"
		    "    check the configuration and every certificate it names\n"
		    "tinyproxyd\n"
		    "    start; returns when every socket listens and all workers are up\n"
		    "tinyproxyd -g 'daemon off;'\n"
		    "    the same in the foreground\n"
		    "tinyproxyd -s reload\n"
		    "    reload and wait until every worker serves the new configuration",
	.details =
	    "Signals: HUP reload, QUIT finish and end, TERM and INT end at once, USR1 reopen logs,\n"
	    "USR2 start a new binary beside this one, WINCH end this one's workers.\n"
	    "Exit status: 0 done, 1 failed (the reason is on stderr and in the error log).",
	.options = options,
};

/* Whatever is opened later must not become somebody's stdout. */
static void
fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int
print_version(const struct command *c)
{
	fprintf(stderr, "tinyproxyd version: tinyproxyd/%s\n", GATEHOUSE_VERSION);
	if (!c->build)
		return 0;
	fprintf(stderr, "nginx version: nginx/%s\n", NGINX_VERSION);
	fprintf(stderr, "built with %s\n", OpenSSL_version(OPENSSL_VERSION));
	fprintf(stderr, "TLS SNI support enabled\n");
	fprintf(stderr,
	    "configure arguments: --with-http_ssl_module --with-http_v2_module"
	    " --with-http_realip_module --with-stream --with-stream_ssl_module"
	    " --with-stream_ssl_preread_module --with-stream_realip_module --without-http-cache --without-http_auth_basic_module"
	    " --without-http_autoindex_module --without-http_browser_module"
	    " --without-http_charset_module --without-http_empty_gif_module"
	    " --without-http_fastcgi_module --without-http_geo_module"
	    " --without-http_grpc_module --without-http_gzip_module"
	    " --without-http_limit_conn_module --without-http_limit_req_module"
	    " --without-http_memcached_module --without-http_mirror_module"
	    " --without-http_referer_module --without-http_scgi_module"
	    " --without-http_split_clients_module --without-http_ssi_module"
	    " --without-http_userid_module --without-http_uwsgi_module\n");
	return 0;
}

/* Absolute, from base if it is not; base ends in "/". The caller frees. */
static char *
absolute(const char *base, const char *path)
{
	return path[0] == '/' ? mem_strdup(path) : mem_printf("%s%s", base, path);
}

/* With a last slash. The caller frees. */
static char *
find_prefix(const char *given)
{
	char *here, *prefix;
	size_t n = strlen(given);

	if (given[0] == '/' && given[n - 1] == '/')
		return mem_strdup(given);
	if (given[0] == '/')
		return mem_printf("%s/", given);
	here = getcwd(NULL, 0);
	prefix =
	    mem_printf("%s/%s%s", here ? here : "", given, n > 0 && given[n - 1] == '/' ? "" : "/");
	free(here);
	return prefix;
}

/* -1 and a word on stderr when it cannot be had: that alone stops nothing. */
static int
open_error_log(const char *path)
{
	struct err e = ERR_INIT;
	int fd = log_file_open(path, &e);

	if (fd < 0)
		fprintf(stderr, "tinyproxyd: [alert] could not open error log file: %s\n",
		    err_text(&e));
	err_release(&e);
	return fd;
}

/* By the path we were started from: what lies there when a new binary is asked for is the new one. */
static const char *
find_executable(char path[PATH_MAX], const char *name)
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (n <= 0)
		return name;
	path[n] = '\0';
	return path;
}

static int
run(const struct command *c)
{
	char *prefix = find_prefix(c->prefix), *conf = absolute(prefix, c->conf);
	bool to_stderr = strcmp(c->error_log, "stderr") == 0;
	char *log = to_stderr ? mem_strdup("stderr") : absolute(prefix, c->error_log);
	struct monitor_options o = {
		.config = {
			.prefix = span_str(prefix),
			.conf_path = span_str(conf),
			.error_log = span_str(log),
			.globals = span_str(c->globals),
			.http_variables = &http_variables,
			.stream_variables = &stream_variables,
		},
		.announcer = { .log = { .level = LOG_LEVEL_NOTICE }, .terminal = !to_stderr },
		.stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3),
	};
	char executable[PATH_MAX];
	const struct config_test test = {
		.dump = c->dump,
		.quiet = c->quiet,
		.explain = c->explain,
	};
	int rc;

	o.executable = find_executable(executable, c->argv[0]);
	o.argv = c->argv;
	o.announcer.log.fd = to_stderr ? STDERR_FILENO : open_error_log(log);
	if (c->test)
		rc = config_test_run(&o, &test);
	else if (c->has_order)
		rc = instance_command(&o, c->order);
	else
		rc = monitor_run(&o);
	free(log);
	free(conf);
	free(prefix);
	return rc;
}

/* With a configuration that exists for this run only. */
static int
run_quick(struct command *c, struct err *e)
{
	int rc = 1;

	if (quick_start_prepare(&c->quick, e) < 0) {
		err_print(e);
		err_release(e);
	} else {
		c->prefix = c->quick.directory;
		c->conf = QUICK_START_CONF;
		c->error_log = "stderr";
		fprintf(stderr, "tinyproxyd: https on %s, passed on to %s%s\n", c->quick.from,
		    c->quick.to, c->quick.cert ? "" : "; the certificate is self-signed");
		rc = run(c);
	}
	quick_start_release(&c->quick);
	return rc;
}

int
main(int argc, char **argv)
{
	struct command c = {
		.prefix = DEFAULT_PREFIX,
		.conf = DEFAULT_CONF,
		.error_log = GATEHOUSE_LOGDIR "/error.log",
		.globals = "",
		.argv = argv,
	};
	struct err e = ERR_INIT;

	fill_standard_descriptors();
	switch (cli_parse(&program, argc, argv, &c, &e)) {
	case CLI_OK:
		if (c.version)
			return print_version(&c);
		if (c.quick.from || c.quick.to)
			return run_quick(&c, &e);
		return run(&c);
	case CLI_DONE:
		return 0;
	case CLI_ERROR:
		break;
	}
	err_print(&e);
	err_release(&e);
	return 1;
}

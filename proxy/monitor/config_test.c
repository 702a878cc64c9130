/* SPDX-License-Identifier: ISC */
/*
 * config_test: the first half of a start, and a verdict in nginx's words.
 */
#include "proxy/monitor/config_test.h"

#include "proxy/config/span_map.h"
#include "proxy/worker/explain.h"

#include <stdio.h>
#include <unistd.h>

#define EXPLANATION_MAX ((size_t)1 << 20)

static void
say(const struct config_test *test, struct span conf, const char *before, const char *after)
{
	if (!test->quiet)
		fprintf(stderr, "tinyproxyd: %s" SPAN_FMT " %s\n", before, SPAN_ARG(conf), after);
}

static void
dump(const struct edition *ed)
{
	struct span_map seen;

	span_map_init(&seen, ed->arena);
	for (const struct config_file *f = ed->snapshot->files; f; f = f->next) {
		if (f->path.n == 0 || span_map_add(&seen, f->path, (void *)(uintptr_t)f))
			continue;
		printf("# configuration file " SPAN_FMT ":\n", SPAN_ARG(f->path));
		(void)fwrite(f->text.p, 1, f->text.n, stdout);
		putchar('\n');
	}
}

static bool
explain(const struct edition *ed, const char *url)
{
	const struct log log = { .fd = STDERR_FILENO, .level = LOG_LEVEL_ERROR };
	struct err e = ERR_INIT;
	struct buf text;
	int rc;

	buf_init(&text, EXPLANATION_MAX);
	rc = explain_url(ed->snapshot, span_str(url), &log, &text, &e);
	if (text.len > 0)
		(void)fwrite(text.p, 1, text.len, stdout);
	if (rc < 0)
		err_print(&e);
	err_release(&e);
	buf_release(&text);
	return rc == 0;
}

int
config_test_run(const struct monitor_options *options, const struct config_test *test)
{
	const struct config_test loud = { 0 };
	struct span conf = options->config.conf_path;
	struct edition *ed = edition_read(&options->config, 0, NULL);
	struct announcer announcer = options->announcer;
	bool ok;

	announcer.notes = !test->quiet;
	if (ed->snapshot)
		say(test, conf, "the configuration file ", "syntax is ok");
	edition_try(ed);
	announce_diagnostics(&announcer, &ed->diagnostics);
	announce_certificates(&announcer, &ed->certificates);
	ok = ed->snapshot && ed->diagnostics.errors == 0 && !ed->certificates.first;
	say(ok ? test : &loud, conf, "configuration file ",
	    ok ? "test is successful" : "test failed");
	if (ok && test->dump)
		dump(ed);
	if (ok && test->explain)
		ok = explain(ed, test->explain);
	if (fflush(stdout) != 0)
		ok = false;
	edition_free(ed);
	return ok ? 0 : 1;
}

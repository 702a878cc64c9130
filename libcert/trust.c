/* SPDX-License-Identifier: ISC */
/*
 * Trust in a CA: one run over all stores.
 */
#include "base/encode.h"
#include "base/mem.h"
#include "base/proc.h"
#include "libcert/trust_internal.h"
#include "libcert/x509info.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PEM_MAX ((size_t)256 * 1024)
#define REASON_MAX 1024
#define COMMAND_MS 120000

static const struct {
	struct span word;
	enum trust_store store;
	void (*work)(struct trust_run *run);
} stores[] = {
	/* The system's first: on Debian it feeds Java's. */
	{ SPAN_INIT("system"), TRUST_SYSTEM, trust_system },
	{ SPAN_INIT("nss"), TRUST_NSS, trust_nss },
	{ SPAN_INIT("java"), TRUST_JAVA, trust_java },
};

#define STORES (sizeof(stores) / sizeof(stores[0]))

const char *
trust_store_word(enum trust_store store)
{
	for (size_t i = 0; i < STORES; i++) {
		if (stores[i].store == store)
			return stores[i].word.p;
	}
	return "all";
}

const char *
trust_state_word(enum trust_state state)
{
	static const char *const words[] = { "absent", "trusted", "not trusted", "failed" };

	return words[state];
}

int
trust_action_parse(struct span word, enum trust_action *action, struct err *e)
{
	static const struct span words[] = { SPAN_INIT("install"), SPAN_INIT("uninstall"),
		SPAN_INIT("status") };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (span_eq(word, words[i])) {
			*action = (enum trust_action)i;
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, "\"" SPAN_FMT "\" is none of install, uninstall and status",
	    SPAN_ARG(word));
}

static unsigned
store_parse(struct span word)
{
	for (size_t i = 0; i < STORES; i++) {
		if (span_eq(word, stores[i].word))
			return stores[i].store;
	}
	return 0;
}

int
trust_stores_parse(struct span words, unsigned *set, struct err *e)
{
	struct span word;

	*set = 0;
	while (span_split(&words, ',', &word)) {
		unsigned store = store_parse(word);

		if (!store)
			return err_set(e, ERR_USAGE,
			    "\"" SPAN_FMT "\" is no store: system, nss, java", SPAN_ARG(word));
		*set |= store;
	}
	return *set ? 0 : err_set(e, ERR_USAGE, "no store: system, nss, java");
}

/* ---- telling ---- */

void
trust_tell(struct trust_run *run, enum trust_store store, enum trust_state state, const char *path,
    const char *reason)
{
	struct arena *arena = run->request->arena;
	struct trust_outcome *outcome;
	struct buf visible;

	if (run->count == run->room) {
		size_t room = run->room ? 2 * run->room : 8;
		struct trust_outcome *grown = arena_array(arena, room, sizeof(*grown));

		if (run->count > 0)
			memcpy(grown, run->outcomes, run->count * sizeof(*grown));
		run->outcomes = grown;
		run->room = room;
	}
	outcome = &run->outcomes[run->count++];
	*outcome = (struct trust_outcome){ .store = store, .state = state };
	buf_init(&visible, (size_t)4 * REASON_MAX);
	encode_visible(&visible, span_str(reason ? reason : ""));
	outcome->reason = arena_dup(arena, buf_span(&visible));
	buf_reset(&visible);
	encode_visible(&visible, span_str(path));
	outcome->path = arena_dup(arena, buf_span(&visible));
	buf_release(&visible);
}

void
trust_tell_failed(struct trust_run *run, enum trust_store store, const char *path, struct err *e)
{
	trust_tell(run, store, TRUST_FAILED, path, err_text(e));
	err_release(e);
}

/* ---- other programs ---- */

bool
trust_has_program(const char *name)
{
	struct span path = span_str(getenv("PATH")), dir;

	while (span_split(&path, ':', &dir)) {
		char *file = mem_printf(SPAN_FMT "/%s", SPAN_ARG(dir), name);
		bool found = dir.n > 0 && access(file, X_OK) == 0;

		free(file);
		if (found)
			return true;
	}
	return false;
}

/* What a program said last; programs that fail say why at the end. */
static struct span
last_line(struct span text)
{
	struct span last = { 0 }, line;

	while (span_split(&text, '\n', &line)) {
		line = span_trim(line);
		if (line.n > 0)
			last = line;
	}
	if (last.n > REASON_MAX)
		last.n = REASON_MAX;
	return last;
}

static void
narrate_command(const struct trust_run *run, const char *const *argv)
{
	struct buf line;

	buf_init(&line, (size_t)64 * 1024);
	for (size_t i = 0; argv[i]; i++)
		buf_printf(&line, "%s%s", i ? " " : "", argv[i]);
	narrate(run->request->narrator, "running %s", buf_str(&line));
	buf_release(&line);
}

int
trust_command(const struct trust_run *run, const char *const *argv, struct span input,
    const char *const *env, struct buf *out, struct err *e)
{
	struct proc_request request = {
		.argv = argv, .env = env, .input = input, .timeout_ms = COMMAND_MS, .out = out
	};
	struct span said;
	int status;

	narrate_command(run, argv);
	if (proc_run(&request, &status, e) < 0)
		return -1;
	if (status == 0)
		return 0;
	said = last_line(buf_span(out));
	if (said.n == 0)
		return err_set(e, ERR_UNAVAILABLE, "%s failed with %d", argv[0], status);
	return err_set(e, ERR_UNAVAILABLE, "%s: " SPAN_FMT, argv[0], SPAN_ARG(said));
}

/* ---- the run ---- */

void
trust_run(const struct trust_request *request, struct trust_outcome **outcomes, size_t *count)
{
	struct trust_run run = { .request = request };
	unsigned char print[32];
	struct buf pem;

	x509info_sha256(request->ca, print);
	snprintf(run.label, sizeof(run.label), "gatehouse-%02X%02X%02X%02X", print[0], print[1],
	    print[2], print[3]);
	buf_init(&pem, PEM_MAX);
	if (x509info_format_pem(request->ca, &pem, NULL) == 0) {
		run.pem = buf_span(&pem);
		for (size_t i = 0; i < STORES; i++) {
			if (request->stores & stores[i].store)
				stores[i].work(&run);
		}
	}
	buf_release(&pem);
	*outcomes = run.outcomes;
	*count = run.count;
}

bool
trust_reached(enum trust_action action, const struct trust_outcome *outcomes, size_t count)
{
	enum trust_state wanted = action == TRUST_UNINSTALL ? TRUST_UNTRUSTED : TRUST_TRUSTED;
	size_t present = 0;

	for (size_t i = 0; i < count; i++) {
		if (outcomes[i].state == TRUST_ABSENT)
			continue;
		if (outcomes[i].state != wanted)
			return false;
		present++;
	}
	return present > 0 || action == TRUST_UNINSTALL;
}

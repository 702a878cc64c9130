/* SPDX-License-Identifier: ISC */
/*
 * hook: run what the administrator put beside a renewal. The output is shown only on failure,
 * its end, because that is where the reason stands.
 */
#include "libacme/hook.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/proc.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOOK_TIMEOUT_MS 300000
#define OUTPUT_MAX ((size_t)64 * 1024)
#define OUTPUT_SHOWN ((size_t)500)

static char *
join_names(const char *variable, const struct span *names, size_t count)
{
	struct buf b;
	char *text;

	buf_init(&b, (size_t)64 * 1024);
	buf_printf(&b, "%s=", variable);
	for (size_t i = 0; i < count; i++)
		buf_printf(&b, "%s%.*s", i ? " " : "", SPAN_ARG(names[i]));
	text = mem_strdup(buf_str(&b));
	buf_release(&b);
	return text;
}

static struct span
last_lines(struct buf *out)
{
	struct span s = span_trim(buf_span(out));

	return s.n > OUTPUT_SHOWN ? span_after(s, s.n - OUTPUT_SHOWN) : s;
}

bool
hook_is_path(const char *command)
{
	struct stat st;

	return command[0] == '/' && stat(command, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(command, X_OK) == 0;
}

int
hook_failed(const char *kind, const char *command, int status, struct buf *errors, struct buf *out,
    struct err *e)
{
	struct span said = errors ? last_lines(errors) : span_of(NULL, 0);

	if (said.n == 0)
		said = last_lines(out);
	err_set(e, ERR_PARTIAL, "the %s %s ended with exit code %d", kind, command, status);
	if (said.n)
		err_hint(e, "it said: %.*s", SPAN_ARG(said));
	return -1;
}

int
hook_run(const char *kind, const char *command, const struct hook_context *context, struct err *e)
{
	const char *env[4] = { NULL };
	const char *argv[2] = { command, NULL };
	char *owned[3] = { NULL };
	struct proc_request request = { .env = env, .timeout_ms = HOOK_TIMEOUT_MS };
	struct buf out;
	size_t n = 0;
	int rc, status = 0;

	if (hook_is_path(command))
		request.argv = argv;
	else
		request.shell = command;

	if (context->lineage)
		owned[n++] = mem_printf("RENEWED_LINEAGE=%s", context->lineage);
	if (context->name_count)
		owned[n++] = join_names("RENEWED_DOMAINS", context->names, context->name_count);
	if (context->failed_count)
		owned[n++] = join_names("FAILED_DOMAINS", context->failed, context->failed_count);
	for (size_t i = 0; i < n; i++)
		env[i] = owned[i];
	buf_init(&out, OUTPUT_MAX);
	request.out = &out;
	rc = proc_run(&request, &status, e);
	if (rc < 0)
		err_wrap(e, "the %s %s failed", kind, command);
	else if (status != 0)
		rc = hook_failed(kind, command, status, NULL, &out, e);
	buf_release(&out);
	for (size_t i = 0; i < n; i++)
		free(owned[i]);
	return rc;
}

/* ---- directories of hooks -------------------------------------------------------------------- */

static int
compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* As certbot: an executable file, and no editor's backup copy. */
static bool
is_hook(const char *path)
{
	return !span_ends(span_str(path), SPAN("~")) && hook_is_path(path);
}

int
hook_run_directory(const struct certstore *store, const char *kind, const char *skip,
    const struct hook_context *context, struct err *e)
{
	char *dir = mem_printf("%s/renewal-hooks/%s", certstore_dir(store), kind);
	char *what = mem_printf("%s hook", kind);
	struct err failure = ERR_INIT;
	struct dirent **entries = NULL;
	int count = scandir(dir, &entries, NULL, compare_names), rc = 0;

	if (count < 0 && errno != ENOENT)
		rc = err_set_errno(e, errno, "cannot list %s", dir);
	for (int i = 0; i < count; i++) {
		char *path = file_join(dir, entries[i]->d_name);

		if (is_hook(path) && !(skip && strcmp(skip, path) == 0) &&
		    hook_run(what, path, context, &failure) < 0 && rc == 0) {
			err_move(e, &failure);
			rc = -1;
		}
		err_release(&failure);
		free(path);
		free(entries[i]);
	}
	free(entries);
	free(what);
	free(dir);
	return rc;
}

/* SPDX-License-Identifier: ISC */
/* try_files: see try_files.h. */
#include "proxy/http/try_files.h"

#include "proxy/http/file_path.h"
#include "proxy/http/internal_redirect.h"

#include <errno.h>
#include <sys/stat.h>

/* What stands behind the alias in the file's name, which variables made of the whole path. */
static struct span
behind_alias(const struct request *r, const struct template *file, struct span name)
{
	size_t alias = r->settings->root->alias;

	if (file->literal || alias == 0 || alias == ALIAS_WHOLE || alias > r->uri.n ||
	    !span_starts(name, span_of(r->uri.p, alias)))
		return name;
	return span_after(name, alias);
}

static bool
is_there(struct request *r, struct span path, bool directory)
{
	struct stat st;

	if (!path.p)
		return false;
	if (stat(path.p, &st) == 0)
		return directory == !!S_ISDIR(st.st_mode);
	if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG)
		request_log(r, LOG_LEVEL_CRIT, "stat() \"" SPAN_FMT "\" failed (%d: %s)",
		    SPAN_ARG(path), errno, strerrordesc_np(errno));
	return false;
}

static void
take(struct request *r, struct span name, bool directory)
{
	size_t alias = r->settings->root->alias;
	const struct span parts[] = { span_of(r->uri.p, alias < r->uri.n ? alias : r->uri.n),
		name };

	if (alias == 0) {
		r->uri = name;
	} else if (alias != ALIAS_WHOLE) {
		r->uri = arena_concat(r->arena, parts, 2);
	} else if (!directory) {
		r->uri = name;
		r->alias_takes_uri = true;
	}
}

bool
try_files_run(struct request *r)
{
	const struct try_files *tf = r->location->try_files;
	struct span root = file_path_root(r);

	for (size_t i = 0; i < tf->count; i++) {
		struct span name = template_eval(tf->files[i], r, r->arena);

		name = behind_alias(r, tf->files[i], name);
		if (is_there(r, file_path_of(r, root, name), tf->directories[i])) {
			take(r, name, tf->directories[i]);
			return false;
		}
	}
	if (tf->uri)
		internal_redirect_to(r, template_eval(tf->uri, r, r->arena));
	else if (tf->status == 444)
		request_abort(r, "try_files without an answer");
	else
		request_fail(r, tf->status);
	return true;
}

/* SPDX-License-Identifier: ISC */
/*
 * sandbox_files: read document trees; write below the temp paths and where logs are whose names hold variables.
 *
 * A document root may hold links that lead anywhere, and a reload may bring a new root, while Landlock can only
 * ever take more away. So all of / may be read but a list of private directories, and what the snapshot names below
 * those. File permissions hold besides.
 */
#include "proxy/worker/sandbox_files.h"

#include "base/mem.h"
#include "proxy/worker/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Nothing in these is for the world; keys, secrets and devices are. */
static const struct span private_directories[] = {
	SPAN_INIT("/boot"),
	SPAN_INIT("/dev"),
	SPAN_INIT("/etc"),
	SPAN_INIT("/proc"),
	SPAN_INIT("/root"),
	SPAN_INIT("/run"),
	SPAN_INIT("/sys"),
};

/* Newer than the headers of Debian 12. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#define SCOPE_SIGNAL (1ULL << 1) /* LANDLOCK_SCOPE_SIGNAL */

/* struct landlock_ruleset_attr as of ABI 6. */
struct ruleset {
	uint64_t files, net, scoped;
};

/* Make files and append to them: no reading, no removing. */
#define WRITE_TREE (LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define READ_TREE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* Below a ..._temp_path: files, and the levels of directories that hold them. */
#define TEMP_TREE                                                                  \
	(READ_TREE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE)

/* All that each version of the interface can forbid. */
static const uint64_t file_rights[] = {
	[0] = 0,
	[1] = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	[2] = (LANDLOCK_ACCESS_FS_REFER << 1) - 1,
	[3] = (LANDLOCK_ACCESS_FS_TRUNCATE << 1) - 1,
	[4] = (LANDLOCK_ACCESS_FS_TRUNCATE << 1) - 1,
	[5] = (LANDLOCK_ACCESS_FS_IOCTL_DEV << 1) - 1,
};

#define NEWEST ((long)(sizeof(file_rights) / sizeof(file_rights[0])) - 1)

static bool
is_private(struct span path)
{
	for (size_t i = 0; i < sizeof(private_directories) / sizeof(private_directories[0]); i++) {
		struct span dir = private_directories[i];

		if (span_starts(path, dir) && (path.n == dir.n || path.p[dir.n] == '/'))
			return true;
	}
	return false;
}

/* A directory that cannot be opened cannot be read either: nothing is lost. */
static void
allow_tree(int ruleset, struct span path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };
	char *name = mem_dup_span(path);

	rule.parent_fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(name);
	if (rule.parent_fd < 0)
		return;
	(void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

static int
allow_public(int ruleset, struct err *e)
{
	struct dirent *en;
	DIR *root = opendir("/");

	if (!root)
		return err_set_errno(e, errno, "cannot list /");
	while ((en = readdir(root))) {
		char *path;

		if (en->d_name[0] == '.')
			continue;
		path = mem_printf("/%s", en->d_name);
		if (!is_private(span_str(path)))
			allow_tree(ruleset, span_str(path), READ_TREE);
		free(path);
	}
	closedir(root);
	return 0;
}

/* c-ares draws the numbers of its queries from it. */
static void
allow_random(int ruleset)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE };

	rule.parent_fd = open("/dev/urandom", O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	(void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

static void
allow_named(int ruleset, const struct snapshot *s)
{
	for (size_t i = 0; i < s->tree_count; i++) {
		if (is_private(s->trees[i]))
			allow_tree(ruleset, s->trees[i], READ_TREE);
	}
	for (size_t i = 0; i < s->temp_path_count; i++)
		allow_tree(ruleset, s->temp_paths[i]->path, TEMP_TREE);
	for (size_t i = 0; i < s->log_tree_count; i++)
		allow_tree(ruleset, s->log_trees[i], WRITE_TREE);
}

int
sandbox_files_enter(const struct snapshot *s, const struct log *log, struct err *e)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset attr = { .files = file_rights[abi < 1 ? 0 : abi > NEWEST ? NEWEST : abi] };
	size_t size = sizeof(attr.files);
	int ruleset, rc;

	if (abi < 1) {
		log_msg(log, LOG_LEVEL_NOTICE,
		    "sandbox: this kernel has no Landlock (%s): workers' access to files is limited by "
		    "permissions only",
		    strerror(errno));
		return 0;
	}
	if (abi >= 6) {
		attr.scoped = SCOPE_SIGNAL;
		size = sizeof(attr);
	}
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return err_set_errno(e, errno, "landlock_create_ruleset");
	rc = allow_public(ruleset, e);
	if (rc == 0) {
		allow_named(ruleset, s);
		allow_random(ruleset);
		if (SANDBOX_SANITIZED)
			allow_tree(ruleset, SPAN("/proc"), READ_TREE);
		if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
			rc = err_set_errno(e, errno, "landlock_restrict_self");
	}
	close(ruleset);
	return rc;
}

static bool
is_below(const struct span *trees, size_t count, struct span tree)
{
	for (size_t i = 0; i < count; i++) {
		struct span known = trees[i];

		if (span_starts(tree, known) && (tree.n == known.n || tree.p[known.n] == '/'))
			return true;
	}
	return false;
}

static bool
has_temp_path(const struct snapshot *s, struct span path)
{
	for (size_t i = 0; i < s->temp_path_count; i++) {
		if (span_eq(s->temp_paths[i]->path, path))
			return true;
	}
	return false;
}

bool
sandbox_hides(const struct snapshot *started, const struct snapshot *next, struct span *tree)
{
	for (size_t i = 0; i < next->tree_count; i++) {
		*tree = next->trees[i];
		if (is_private(*tree) && !is_below(started->trees, started->tree_count, *tree))
			return true;
	}
	for (size_t i = 0; i < next->log_tree_count; i++) {
		*tree = next->log_trees[i];
		if (!is_below(started->log_trees, started->log_tree_count, *tree))
			return true;
	}
	for (size_t i = 0; i < next->temp_path_count; i++) {
		if (!has_temp_path(started, next->temp_paths[i]->path)) {
			*tree = next->temp_paths[i]->path;
			return true;
		}
	}
	return false;
}

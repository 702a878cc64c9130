/* SPDX-License-Identifier: ISC */
/* temp_paths: see temp_paths.h. */
#include "proxy/monitor/temp_paths.h"

#include "base/mem.h"
#include "proxy/monitor/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void
make_parent(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return;
	*slash = '\0';
	(void)mkdir(path, 0755);
	*slash = '/';
}

/* No link is followed: what is behind the name becomes the workers'. */
static int
take_over(const char *path, const struct privileges *who)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		rc = -1;
	else if (who->drop && st.st_uid != who->uid && fchown(fd, who->uid, (gid_t)-1) < 0)
		rc = -1;
	else if ((st.st_mode & 0700) != 0700 && fchmod(fd, (st.st_mode & 07777) | 0700) < 0)
		rc = -1;
	close(fd);
	return rc;
}

static void
make_one(const struct temp_path *t, const struct privileges *who, struct diagnostics *diags)
{
	char *path = mem_dup_span(t->path);

	if (t->is_default)
		make_parent(path);
	if ((mkdir(path, 0700) < 0 && errno != EEXIST) || take_over(path, who) < 0)
		diagnostic_add(diags, t->is_default ? DIAG_WARN : DIAG_EMERG, NULL, 0,
		    "mkdir() \"%s\" failed (%d: %s)", path, errno, strerrordesc_np(errno));
	free(path);
}

void
temp_paths_make(const struct snapshot *s, struct diagnostics *diags)
{
	struct privileges who = { .drop = false };
	struct err e = ERR_INIT;

	/* A user that does not exist is told elsewhere. */
	if (s->temp_path_count > 0 && privileges_find(&who, s->main.user, s->main.group, &e) == 0) {
		for (size_t i = 0; i < s->temp_path_count; i++)
			make_one(s->temp_paths[i], &who, diags);
	}
	privileges_release(&who);
	err_release(&e);
}

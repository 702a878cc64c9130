/* SPDX-License-Identifier: ISC */
/*
 * privileges: bounding set, groups, group, user, in that order; then a look back.
 */
#include "proxy/monitor/privileges.h"

#include "base/mem.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#define GROUPS_MAX 65536

static int
find_user(struct span name, struct passwd **pw, struct err *e)
{
	char *user = mem_dup_span(name);

	errno = 0;
	*pw = getpwnam(user);
	if (!*pw && errno) {
		err_set_errno(e, errno, "getpwnam(\"%s\") failed", user);
	} else if (!*pw) {
		err_set(e, ERR_CONFIG, "user \"%s\" does not exist", user);
		err_hint(e, "make it (useradd --system %s), or name one that there is", user);
	}
	free(user);
	return *pw ? 0 : -1;
}

static int
find_group(struct span name, const struct passwd *pw, gid_t *gid, struct err *e)
{
	char *group = name.n ? mem_dup_span(name) : mem_strdup(pw->pw_name);
	struct group *gr = getgrnam(group);
	int rc = 0;

	if (gr)
		*gid = gr->gr_gid;
	else if (strcmp(group, pw->pw_name) == 0)
		*gid = pw->pw_gid;
	else
		rc = err_set(e, ERR_CONFIG, "group \"%s\" does not exist", group);
	free(group);
	return rc;
}

int
privileges_find(struct privileges *p, struct span user, struct span group, struct err *e)
{
	struct passwd *pw;
	int room = 16;

	*p = (struct privileges){ .drop = geteuid() == 0 };
	if (!p->drop)
		return 0;
	if (find_user(user, &pw, e) < 0 || find_group(group, pw, &p->gid, e) < 0)
		return -1;
	p->uid = pw->pw_uid;
	for (;;) {
		p->group_count = room;
		p->groups = mem_realloc_array(p->groups, (size_t)room, sizeof(gid_t));
		if (getgrouplist(pw->pw_name, p->gid, p->groups, &p->group_count) >= 0)
			return 0;
		room = room < GROUPS_MAX ? room * 4 : p->group_count;
	}
}

void
privileges_release(struct privileges *p)
{
	free(p->groups);
	p->groups = NULL;
}

bool
privileges_equal(const struct privileges *a, const struct privileges *b)
{
	return a->drop == b->drop && a->uid == b->uid && a->gid == b->gid;
}

int
privileges_drop(const struct privileges *p, struct err *e)
{
	if (!p->drop)
		return 0;
	/* A second line behind no_new_privs: in a container that took CAP_SETPCAP away it may fail. */
	for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (setgroups((size_t)p->group_count, p->groups) < 0)
		return err_set_errno(e, errno, "setgroups() failed");
	if (setresgid(p->gid, p->gid, p->gid) < 0)
		return err_set_errno(e, errno, "setresgid(%u) failed", (unsigned)p->gid);
	if (setresuid(p->uid, p->uid, p->uid) < 0)
		return err_set_errno(e, errno, "setresuid(%u) failed", (unsigned)p->uid);
	if (p->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
		return err_set(e, ERR_BUG, "root could be had back");
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * NSS databases: one for Chromium and its kin, one in every profile of Firefox and Thunderbird.
 *
 * certutil asks and changes them. Whether a CA is trusted is NSS's own verdict (certutil -V), not that it is listed.
 * Chromium reads ~/.pki/nssdb, or where that is missing (as of version 120 or so) $XDG_DATA_HOME/pki/nssdb; one of
 * them is made when such a browser is installed and has not run yet.
 */
#include "base/file.h"
#include "base/mem.h"
#include "libcert/trust_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAID_MAX ((size_t)1024 * 1024)

static const char *const chromiums[] = { "chromium", "chromium-browser", "google-chrome",
	"google-chrome-stable", "microsoft-edge", "brave-browser", "vivaldi", "opera" };

/* Below the home directory. */
static const char *const profile_dirs[] = { ".mozilla/firefox", ".config/mozilla/firefox",
	".thunderbird", "snap/firefox/common/.mozilla/firefox",
	".var/app/org.mozilla.firefox/.mozilla/firefox" };

static int
certutil(const struct trust_run *run, const char *const *argv, struct span input, struct err *e)
{
	struct buf said;
	int rc;

	buf_init(&said, SAID_MAX);
	rc = trust_command(run, argv, input, NULL, &said, e);
	buf_release(&said);
	return rc;
}

/* ---- one database: db is "sql:DIR" ---- */

/* Is it there under our label? */
static int
is_listed(const struct trust_run *run, const char *db, bool *listed, struct err *e)
{
	const char *const argv[] = { "certutil", "-L", "-d", db, NULL };
	struct span label = span_str(run->label), rest, line;
	struct buf said;
	int rc;

	buf_init(&said, SAID_MAX);
	rc = trust_command(run, argv, span_of(NULL, 0), NULL, &said, e);
	rest = buf_span(&said);
	*listed = false;
	while (rc == 0 && span_split(&rest, '\n', &line))
		*listed |= span_starts(line, label) && line.n > label.n && line.p[label.n] == ' ';
	buf_release(&said);
	return rc;
}

static bool
is_valid(const struct trust_run *run, const char *db)
{
	const char *const argv[] = { "certutil", "-V", "-d", db, "-n", run->label, "-u", "L",
		NULL };

	return certutil(run, argv, span_of(NULL, 0), NULL) == 0;
}

static int
change(const struct trust_run *run, const char *db, struct err *e)
{
	const char *const add[] = { "certutil", "-A", "-d", db, "-n", run->label, "-t", "C,,",
		NULL };
	const char *const drop[] = { "certutil", "-D", "-d", db, "-n", run->label, NULL };

	return run->request->action == TRUST_INSTALL ? certutil(run, add, run->pem, e)
						     : certutil(run, drop, span_of(NULL, 0), e);
}

static int
work_on(const struct trust_run *run, const char *db, bool *trusted, struct err *e)
{
	bool install = run->request->action == TRUST_INSTALL, listed;

	if (is_listed(run, db, &listed, e) < 0)
		return -1;
	*trusted = listed && is_valid(run, db);
	if (run->request->action == TRUST_STATUS || (install ? *trusted : !listed))
		return 0;
	if (change(run, db, e) < 0 || is_listed(run, db, &listed, e) < 0)
		return -1;
	*trusted = listed && is_valid(run, db);
	if (install && !*trusted)
		return err_set(e, ERR_DATA, "it was added, but NSS does not trust it for servers");
	return 0;
}

static void
tell_about(struct trust_run *run, const char *dir)
{
	char *db = mem_printf("sql:%s", dir);
	struct err e = ERR_INIT;
	bool trusted = false;

	if (work_on(run, db, &trusted, &e) < 0)
		trust_tell_failed(run, TRUST_NSS, dir, &e);
	else
		trust_tell(run, TRUST_NSS, trusted ? TRUST_TRUSTED : TRUST_UNTRUSTED, dir, NULL);
	free(db);
}

/* ---- which databases there are ---- */

/* Paths on the heap. */
struct found {
	char **dirs;
	size_t count;
};

static void
found_release(struct found *found)
{
	while (found->count > 0)
		free(found->dirs[--found->count]);
	free(found->dirs);
}

/* Takes dir. */
static void
add_if_database(struct found *found, char *dir)
{
	char *db = file_join(dir, "cert9.db");

	if (file_exists(db)) {
		found->dirs =
		    mem_realloc_array(found->dirs, found->count + 1, sizeof(*found->dirs));
		found->dirs[found->count++] = dir;
	} else {
		free(dir);
	}
	free(db);
}

static void
find_profiles(struct found *found, const char *home, const char *below)
{
	char *dir = file_join(home, below);
	struct dirent **entries = NULL;
	int count = scandir(dir, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.')
			add_if_database(found, file_join(dir, entries[i]->d_name));
		free(entries[i]);
	}
	free(entries);
	free(dir);
}

static char *
data_home(const char *home)
{
	const char *data = getenv("XDG_DATA_HOME");

	return data && data[0] == '/' ? mem_strdup(data) : file_join(home, ".local/share");
}

static bool
has_chromium(void)
{
	for (size_t i = 0; i < sizeof(chromiums) / sizeof(chromiums[0]); i++) {
		if (trust_has_program(chromiums[i]))
			return true;
	}
	return false;
}

/* For a browser that has not run yet: ~/.pki/nssdb, which every version reads. */
static void
make_database(struct trust_run *run, struct found *found, const char *home)
{
	char *dir = file_join(home, ".pki/nssdb"), *db = mem_printf("sql:%s", dir);
	const char *const argv[] = { "certutil", "-N", "--empty-password", "-d", db, NULL };
	struct err e = ERR_INIT;

	if (file_make_dirs(dir, 0700, &e) == 0 && certutil(run, argv, span_of(NULL, 0), &e) == 0) {
		add_if_database(found, dir);
	} else {
		trust_tell_failed(run, TRUST_NSS, dir, &e);
		free(dir);
	}
	free(db);
}

static void
find_all(struct trust_run *run, struct found *found, const char *home)
{
	char *data = data_home(home);

	add_if_database(found, file_join(home, ".pki/nssdb"));
	add_if_database(found, file_join(data, "pki/nssdb"));
	add_if_database(found, file_join(home, "snap/chromium/current/.pki/nssdb"));
	if (found->count == 0 && run->request->action == TRUST_INSTALL && has_chromium() &&
	    trust_has_program("certutil"))
		make_database(run, found, home);
	for (size_t i = 0; i < sizeof(profile_dirs) / sizeof(profile_dirs[0]); i++)
		find_profiles(found, home, profile_dirs[i]);
	free(data);
}

/* Why not to work there; NULL: no reason. Files that root makes in somebody's home, that somebody cannot use. */
static const char *
home_refused(const char *home)
{
	struct stat st;

	if (stat(home, &st) < 0)
		return "no such directory (HOME)";
	return st.st_uid == geteuid()
		   ? NULL
		   : "belongs to another user: run this as that user, without sudo";
}

void
trust_nss(struct trust_run *run)
{
	const char *home = getenv("HOME");
	struct found found = { 0 };
	size_t before = run->count;

	if (!home || home[0] != '/') {
		trust_tell(run, TRUST_NSS, TRUST_ABSENT, "", "no home directory (HOME is not set)");
		return;
	}
	if (home_refused(home)) {
		trust_tell(run, TRUST_NSS, TRUST_FAILED, home, home_refused(home));
		return;
	}
	find_all(run, &found, home);
	for (size_t i = 0; i < found.count; i++) {
		if (trust_has_program("certutil"))
			tell_about(run, found.dirs[i]);
		else
			trust_tell(run, TRUST_NSS, TRUST_FAILED, found.dirs[i],
			    "certutil is not installed (package libnss3-tools)");
	}
	if (found.count == 0 && run->count == before && has_chromium())
		trust_tell(run, TRUST_NSS,
		    run->request->action == TRUST_INSTALL ? TRUST_FAILED : TRUST_UNTRUSTED, home,
		    run->request->action == TRUST_INSTALL
			? "certutil is not installed (package libnss3-tools)"
			: "no browser has a database yet");
	else if (run->count == before)
		trust_tell(run, TRUST_NSS, TRUST_ABSENT, home, "no browser has a database here");
	found_release(&found);
}

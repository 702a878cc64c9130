/* SPDX-License-Identifier: ISC */
/*
 * challenge_http: DIR/.well-known/acme-challenge/TOKEN, 0644, by rename; directories we had
 * to make are removed again once they are empty.
 */
#include "libacme/challenge_http.h"

#include "base/file.h"
#include "base/mem.h"
#include "libacme/challenge_probe.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WELL_KNOWN ".well-known"
#define CHALLENGE_DIR ".well-known/acme-challenge"
#define LOCAL_HTTP "127.0.0.1:80"

struct webroot_solver {
	struct solver solver;
	struct webroot_options options;
};

static const char *
root_of(const struct webroot_solver *w, struct span name)
{
	for (size_t i = 0; i < w->options.count; i++) {
		if (span_eq_nocase(span_str(w->options.roots[i].name), name))
			return w->options.roots[i].dir;
	}
	return NULL;
}

int
challenge_webroot_check(const char *dir, struct err *e)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return err_set_errno(e, errno, "cannot use the web root %s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_NOINPUT, "the web root %s is not a directory", dir);
	return 0;
}

/* 0755 whatever the umask says: the web server is somebody else. */
static int
make_dir(const char *root, const char *sub, struct err *e)
{
	char *path = file_join(root, sub);
	int rc = 0;

	if (mkdir(path, 0755) == 0) {
		if (chmod(path, 0755) < 0)
			rc = err_set_errno(e, errno, "cannot make %s readable", path);
	} else if (errno != EEXIST) {
		rc = err_set_errno(e, errno, "cannot make the directory %s", path);
	}
	free(path);
	return rc;
}

static int
show(struct webroot_solver *w, const struct challenge *c, struct err *e)
{
	const char *root = root_of(w, c->name);
	char *path;
	int rc;

	if (!root) {
		err_set(e, ERR_USAGE, "no web root is given for %.*s", SPAN_ARG(c->name));
		return err_hint(e, "put -w DIR before -d NAME");
	}
	if (challenge_webroot_check(root, e) < 0)
		return -1;
	if (make_dir(root, WELL_KNOWN, e) < 0 || make_dir(root, CHALLENGE_DIR, e) < 0)
		return -1;
	path = mem_printf("%s/%s/%s", root, CHALLENGE_DIR, c->token);
	rc = file_write_unflushed(path, span_str(c->key_auth), 0644, e);
	free(path);
	return rc;
}

static void
webroot_present(struct solver *s, const struct challenge *c, void (*done)(void *arg, struct err *e),
    void *arg)
{
	struct err e = ERR_INIT;

	done(arg, show((struct webroot_solver *)s, c, &e) < 0 ? &e : NULL);
	err_release(&e);
}

static void
webroot_cleanup(struct solver *s, const struct challenge *c)
{
	struct webroot_solver *w = (struct webroot_solver *)s;
	const char *root = root_of(w, c->name);
	char *path;

	if (!root)
		return;
	path = mem_printf("%s/%s/%s", root, CHALLENGE_DIR, c->token);
	unlink(path);
	file_sweep(path);
	free(path);
	/* Only empty directories go; with other challenges or files in them they stay. */
	path = file_join(root, CHALLENGE_DIR);
	if (rmdir(path) == 0) {
		free(path);
		path = file_join(root, WELL_KNOWN);
		rmdir(path);
	}
	free(path);
}

static void
webroot_probe(struct solver *s, const struct challenge *c, struct acme_http *http,
    void (*done)(void *arg, struct err *e), void *arg)
{
	struct webroot_solver *w = (struct webroot_solver *)s;
	char *wrong = mem_printf("the web root %s is not what the server of %.*s shows",
	    root_of(w, c->name), SPAN_ARG(c->name));
	struct challenge_probe probe = {
		.address = w->options.preflight,
		.dns_server = w->options.dns_server,
		.local = LOCAL_HTTP,
		.wrong = wrong,
		.advice = "give the directory that this name is served from with -w, or check "
			  "where its DNS leads",
		.done = done,
		.arg = arg,
	};

	challenge_probe(&probe, c, http);
	free(wrong);
}

static void
webroot_free(struct solver *s)
{
	free(s);
}

struct solver *
challenge_webroot_new(const struct webroot_options *options)
{
	struct webroot_solver *w = mem_zalloc(sizeof(*w));

	w->options = *options;
	w->solver.type = "http-01";
	w->solver.present = webroot_present;
	w->solver.cleanup = webroot_cleanup;
	w->solver.free = webroot_free;
	if (!options->preflight || strcmp(options->preflight, "none") != 0)
		w->solver.check = webroot_probe;
	return &w->solver;
}

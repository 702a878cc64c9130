/* SPDX-License-Identifier: ISC */
/*
 * challenge_http: DIR/.well-known/acme-challenge/TOKEN, 0644, by rename; directories we had
 * to make are removed again once they are empty.
 *
 * The check fetches the file the way the CA will. Only an answer that is wrong counts as
 * wrong: a name that does not resolve here, or an address that does not answer here
 * (a router without hairpin NAT), says nothing about what the CA sees.
 */
#include "libacme/challenge_http.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WELL_KNOWN ".well-known"
#define CHALLENGE_DIR ".well-known/acme-challenge"
#define LOCAL_HTTP "127.0.0.1:80"
#define PROBE_TIMEOUT_MS 10000
/* A key authorization is at most 43 + 1 + 43 bytes; some servers add a line end. */
#define PROBE_MAX ((size_t)16 * 1024)

struct webroot_solver {
	struct solver solver;
	struct webroot_options options;
};

bool
challenge_token_ok(const char *token)
{
	size_t n =
	    strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return n > 0 && n <= 200 && token[n] == '\0';
}

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
webroot_present(struct solver *s, const struct challenge *c, struct err *e)
{
	struct webroot_solver *w = (struct webroot_solver *)s;
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
	rc = file_write_atomic(path, span_str(c->key_auth), 0644, e);
	free(path);
	return rc;
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

/* ---- the check before the CA's --------------------------------------------------------------- */

struct probe {
	struct webroot_solver *solver;
	const struct challenge *challenge;
	struct acme_http *http;
	void (*done)(void *arg, struct err *e);
	void *arg;
	char *url;
	bool local; /* asking this machine itself, after the name's address did not answer */
};

static void probe_send(struct probe *p, const char *connect_to);

static void
probe_finish(struct probe *p, struct err *e)
{
	p->done(p->arg, e);
	free(p->url);
	free(p);
}

static bool
is_right(const struct probe *p, const struct acme_reply *reply)
{
	/* RFC 8555 8.3: trailing white space is the server's to ignore. */
	return reply->status == 200 &&
	       span_eq(span_trim(reply->body), span_str(p->challenge->key_auth));
}

static void
probe_wrong(struct probe *p, const struct acme_reply *reply)
{
	const char *root = root_of(p->solver, p->challenge->name);
	struct err e = ERR_INIT;

	if (reply->status == 200)
		err_set(&e, ERR_NOINPUT,
		    "%s shows something else than the challenge file (asked at %s)", p->url,
		    reply->peer);
	else
		err_set(&e, ERR_CONFIG, "%s answers with status %d (asked at %s)", p->url,
		    reply->status, reply->peer);
	err_wrap(&e, "the web root %s is not what the server of %.*s shows", root,
	    SPAN_ARG(p->challenge->name));
	err_hint(&e, "give the directory that this name is served from with -w, or check where its "
		     "DNS leads; the CA was not asked yet. --no-preflight skips this check");
	probe_finish(p, &e);
	err_release(&e);
}

static void
probe_done(void *arg, const struct acme_reply *reply, struct err *why)
{
	struct probe *p = arg;

	if (reply && is_right(p, reply)) {
		probe_finish(p, NULL);
	} else if (reply) {
		probe_wrong(p, reply);
	} else if (acme_http_stopped(p->http)) {
		probe_finish(p, why);
	} else if (p->solver->options.preflight) {
		/* An address given by hand must answer. */
		err_wrap(why, "the check before asking the CA failed");
		err_hint(why, "correct --preflight, or skip the check with --no-preflight");
		probe_finish(p, why);
	} else if (!p->local) {
		p->local = true;
		probe_send(p, LOCAL_HTTP);
	} else {
		probe_finish(p, NULL);
	}
}

static void
probe_send(struct probe *p, const char *connect_to)
{
	struct acme_fetch fetch = {
		.method = ACME_GET,
		.url = p->url,
		.max = PROBE_MAX,
		.timeout_ms = PROBE_TIMEOUT_MS,
		.probe = true,
		.connect_to = connect_to,
		.done = probe_done,
		.arg = p,
	};

	acme_http_start(p->http, &fetch);
}

static void
webroot_probe(struct solver *s, const struct challenge *c, struct acme_http *http,
    void (*done)(void *arg, struct err *e), void *arg)
{
	struct probe *p = mem_zalloc(sizeof(*p));
	bool v6 = span_find(c->name, ':') >= 0;

	p->solver = (struct webroot_solver *)s;
	p->challenge = c;
	p->http = http;
	p->done = done;
	p->arg = arg;
	p->url = mem_printf("http://%s%.*s%s/%s/%s", v6 ? "[" : "", SPAN_ARG(c->name),
	    v6 ? "]" : "", CHALLENGE_DIR, c->token);
	probe_send(p, p->solver->options.preflight);
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

/* SPDX-License-Identifier: ISC */
/*
 * deploy: reload by control socket or signal, and the look at what is served.
 *
 * The socket's protocol: one line {"cmd":"reload"} there, one line of JSON back, "ok" true when
 * every worker serves the new generation, else "errors" with file, line and text each.
 */
#include "libacme/deploy.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/acme_json.h"
#include "libcert/served.h"
#include "libcert/x509info.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_SOCKET GATEHOUSE_RUNSTATEDIR "/tinyproxyd/ctl.sock"
#define RELOAD_TIMEOUT_MS 60000
#define CONTROL_REPLY_MAX ((size_t)1024 * 1024)
#define WIRE_TIMEOUT_MS 3000
#define LOOK_AGAIN_MS 100
#define NOTE_MAX ((size_t)64 * 1024)
#define FINGERPRINT_MAX 128

/* Where tinyproxyd writes its pid. */
static const char *const pid_files[] = {
	GATEHOUSE_RUNSTATEDIR "/tinyproxyd/tinyproxyd.pid",
};

/* ---- reload by control socket ---------------------------------------------------------------- */

/* On failure errno says why, too. */
static int
control_connect(const char *path, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = RELOAD_TIMEOUT_MS / 1000 };
	size_t n = strlen(path);
	int fd;

	if (n >= sizeof(sa.sun_path))
		return err_set(e, ERR_USAGE, "the socket's path %s is too long", path);
	memcpy(sa.sun_path, path, n + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(e, errno, "cannot make a socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		int failure = errno;

		err_set_errno(e, failure, "cannot reach tinyproxyd at %s", path);
		close(fd);
		errno = failure;
		return -1;
	}
	return fd;
}

/* To the end of the line or of the connection. */
static int
control_read(int fd, struct buf *line, struct err *e)
{
	while (line->len == 0 || line->p[line->len - 1] != '\n') {
		char *room = buf_reserve(line, 4096);
		ssize_t n;

		if (!room)
			return err_set(e, ERR_UNAVAILABLE, "tinyproxyd's answer is too long");
		n = read(fd, room, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(e, errno, "no answer from tinyproxyd");
		if (n == 0)
			break;
		line->len += (size_t)n;
	}
	return 0;
}

/* {"ok":false,"errors":[{"file":…,"line":…,"text":…}]} as one sentence. */
static int
control_refused(const cJSON *doc, struct err *e)
{
	const cJSON *list = acme_json_array(doc, "errors");
	struct buf text;

	buf_init(&text, NOTE_MAX);
	for (const cJSON *item = list ? list->child : NULL; item; item = item->next) {
		const char *file = acme_json_string(item, "file");
		const char *what = acme_json_string(item, "text");
		const cJSON *line = cJSON_GetObjectItemCaseSensitive(item, "line");

		buf_add_str(&text, text.len ? "; " : "");
		if (file && *file && cJSON_IsNumber(line) && line->valueint > 0)
			buf_printf(&text, "%s:%d: ", file, line->valueint);
		else if (file && *file)
			buf_printf(&text, "%s: ", file);
		buf_add_str(&text, what ? what : "no reason given");
	}
	err_set(e, ERR_PARTIAL, "tinyproxyd refused to reload and serves on as before: %s",
	    text.len ? buf_str(&text) : "no reason given");
	buf_release(&text);
	return -1;
}

static int
control_reload(int fd, struct err *e)
{
	static const struct span request = SPAN_INIT("{\"cmd\":\"reload\"}\n");
	cJSON *doc = NULL;
	struct buf line;
	int rc = -1;

	buf_init(&line, CONTROL_REPLY_MAX);
	if (send(fd, request.p, request.n, MSG_NOSIGNAL) != (ssize_t)request.n) {
		err_set_errno(e, errno, "cannot ask tinyproxyd to reload");
		goto out;
	}
	if (control_read(fd, &line, e) < 0)
		goto out;
	if (acme_json_parse(buf_span(&line), "tinyproxyd's answer", &doc, e) < 0)
		goto out;
	rc = acme_json_true(doc, "ok") ? 0 : control_refused(doc, e);
out:
	cJSON_Delete(doc);
	buf_release(&line);
	return rc;
}

/* ---- reload by signal ------------------------------------------------------------------------ */

static int
read_pid(const char *path, pid_t *pid, struct err *e)
{
	struct buf text;
	uint64_t number;
	int rc = -1;

	buf_init(&text, 64);
	if (file_read(path, &text, e) == 0) {
		if (span_to_u64(span_trim(buf_span(&text)), INT32_MAX, &number) < 0 || number < 2) {
			err_set(e, ERR_DATA, "%s holds no process number", path);
		} else {
			*pid = (pid_t)number;
			rc = 0;
		}
	}
	buf_release(&text);
	return rc;
}

static int
signal_reload(const char *path, struct err *e)
{
	pid_t pid;

	if (read_pid(path, &pid, e) < 0)
		return -1;
	if (kill(pid, SIGHUP) < 0)
		return err_set_errno(e, errno, "cannot signal process %d (from %s)", (int)pid,
		    path);
	return 0;
}

/* ---- reload ---------------------------------------------------------------------------------- */

static int
reload_by_socket(const char *path, struct err *e)
{
	int fd = control_connect(path, e), rc;

	if (fd < 0)
		return -1;
	rc = control_reload(fd, e);
	close(fd);
	return rc;
}

/* A pid file that is left of a dead process is nobody to reload. */
static const char *
running_pid_file(void)
{
	for (size_t i = 0; i < sizeof(pid_files) / sizeof(pid_files[0]); i++) {
		pid_t pid;

		if (read_pid(pid_files[i], &pid, NULL) == 0 &&
		    (kill(pid, 0) == 0 || errno == EPERM))
			return pid_files[i];
	}
	return NULL;
}

/* A socket nobody listens on is as good as none; other failures to connect count. */
static int
open_usual_socket(struct err *e)
{
	int fd = control_connect(CONTROL_SOCKET, e);

	if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR))
		err_reset(e);
	return fd;
}

static int
reload_usual(bool *reloaded, struct err *e)
{
	struct err why = ERR_INIT;
	const char *pid_file;
	int rc = 0, fd = open_usual_socket(&why);

	if (fd >= 0) {
		*reloaded = true;
		rc = control_reload(fd, &why);
		close(fd);
	} else if (why.kind == ERR_NONE && (pid_file = running_pid_file())) {
		*reloaded = true;
		rc = signal_reload(pid_file, &why);
	}
	if (why.kind == ERR_NONE)
		return rc;
	err_move(e, &why);
	return -1;
}

bool
deploy_finds_proxy(void)
{
	int fd = open_usual_socket(NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || running_pid_file();
}

int
deploy_reload(const char *target, bool *reloaded, struct err *e)
{
	struct stat st;

	*reloaded = false;
	if (!target)
		return reload_usual(reloaded, e);
	if (strcmp(target, "none") == 0)
		return 0;
	if (stat(target, &st) < 0) {
		err_set_errno(e, errno, "cannot reload by %s", target);
		return err_hint(e,
		    "it should be tinyproxyd's control socket or a pid file; does it run?");
	}
	*reloaded = true;
	return S_ISSOCK(st.st_mode) ? reload_by_socket(target, e) : signal_reload(target, e);
}

/* ---- the look -------------------------------------------------------------------------------- */

bool
deploy_serves(const char *address, struct span name, X509 *leaf)
{
	X509 *served;
	bool same;

	if (served_leaf(address, name, WIRE_TIMEOUT_MS, &served, NULL) < 0)
		return false;
	same = X509_cmp(served, leaf) == 0;
	X509_free(served);
	return same;
}

static void
describe(X509 *cert, char out[FINGERPRINT_MAX])
{
	unsigned char sha256[32];
	struct buf hex;

	x509info_sha256(cert, sha256);
	buf_init(&hex, FINGERPRINT_MAX);
	encode_hex_colon(&hex, span_of(sha256, sizeof(sha256)));
	memcpy(out, buf_str(&hex), hex.len + 1);
	buf_release(&hex);
}

static int
look(const char *address, struct span name, X509 *leaf, struct err *e)
{
	char served_text[FINGERPRINT_MAX], leaf_text[FINGERPRINT_MAX];
	X509 *served;

	if (served_leaf(address, name, WIRE_TIMEOUT_MS, &served, e) < 0)
		return err_wrap(e, "the new certificate is not served");
	if (X509_cmp(served, leaf) == 0) {
		X509_free(served);
		return 0;
	}
	describe(served, served_text);
	describe(leaf, leaf_text);
	X509_free(served);
	err_set(e, ERR_PARTIAL,
	    "%s does not serve the new certificate for %.*s: served SHA-256 %s, expected %s",
	    address, SPAN_ARG(name), served_text, leaf_text);
	return err_hint(e, "does the server of this name read live/, and was it reloaded? "
			   "The next run reloads and looks again, without a new order");
}

static int
verify_at(const char *address, const struct span *names, size_t count, X509 *leaf, int64_t until_ms,
    struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		while (look(address, names[i], leaf, e) < 0) {
			if (clock_mono_ms() >= until_ms)
				return -1;
			err_reset(e);
			poll(NULL, 0, LOOK_AGAIN_MS);
		}
	}
	return 0;
}

int
deploy_verify(const char *addresses, const struct span *names, size_t count, X509 *leaf,
    int64_t patience_ms, struct err *e)
{
	int64_t until_ms = clock_mono_ms() + patience_ms;
	struct span rest = span_str(addresses), piece;
	int rc = 0;

	while (rc == 0 && span_split(&rest, ',', &piece)) {
		char *address = mem_dup_span(piece);

		rc = verify_at(address, names, count, leaf, until_ms, e);
		free(address);
	}
	return rc;
}

int
deploy_verify_check(const char *addresses, struct err *e)
{
	struct span rest = span_str(addresses), piece;
	int rc = 0;

	if (strcmp(addresses, "none") == 0)
		return 0;
	do {
		char *address;

		if (!span_split(&rest, ',', &piece))
			piece = span_of("", 0);
		address = mem_dup_span(piece);
		rc = served_address_check(address, e);
		free(address);
	} while (rc == 0 && rest.n > 0);
	return rc;
}

/* ---- the note -------------------------------------------------------------------------------- */

static char *
note_path(struct certstore *store, const char *name, struct err *e)
{
	char *sub = mem_printf("deploy/%s.json", name);
	char *path = certstore_private_path(store, sub, e);

	free(sub);
	return path;
}

void
deploy_note_release(struct deploy_note *note)
{
	free(note->verify);
	free(note->problem);
	*note = (struct deploy_note){ .verify = NULL };
}

static void
add_member(struct buf *json, const char *key, const char *value)
{
	if (!value)
		return;
	buf_printf(json, ",\"%s\":\"", key);
	encode_json(json, span_str(value));
	buf_add_char(json, '"');
}

int
deploy_note_save(struct certstore *store, const char *name, const struct deploy_note *note,
    struct err *e)
{
	char *path = note_path(store, name, e);
	struct buf json;
	int rc;

	if (!path)
		return -1;
	buf_init(&json, NOTE_MAX);
	buf_add_str(&json, "{\"schema\":1");
	add_member(&json, "verify", note->verify);
	add_member(&json, "problem", note->problem);
	buf_add_str(&json, "}\n");
	rc = file_write_atomic(path, buf_span(&json), 0600, e);
	buf_release(&json);
	free(path);
	return rc;
}

bool
deploy_note_load(struct certstore *store, const char *name, struct deploy_note *note)
{
	char *path = mem_printf("%s/gatehouse/deploy/%s.json", certstore_dir(store), name);
	bool found = file_exists(path);
	cJSON *doc = NULL;
	struct buf json;

	*note = (struct deploy_note){ .verify = NULL };
	buf_init(&json, NOTE_MAX);
	/* A note that cannot be read still says "not deployed". */
	if (found && file_read(path, &json, NULL) == 0 &&
	    acme_json_parse(buf_span(&json), path, &doc, NULL) == 0) {
		const char *verify = acme_json_string(doc, "verify");
		const char *problem = acme_json_string(doc, "problem");

		note->verify = verify ? mem_strdup(verify) : NULL;
		note->problem = problem ? mem_strdup(problem) : NULL;
	}
	cJSON_Delete(doc);
	buf_release(&json);
	free(path);
	return found;
}

void
deploy_note_remove(struct certstore *store, const char *name)
{
	char *path = mem_printf("%s/gatehouse/deploy/%s.json", certstore_dir(store), name);

	unlink(path);
	free(path);
}

/* SPDX-License-Identifier: ISC */
/*
 * static_file: the handler that answers with files: index, directory redirect, conditions, ranges.
 *
 *	start -> index?  -> internal redirect to the first index file there is
 *	      -> open, stat -> 301 for a directory, 404/403/500, else
 *	      -> conditions -> 304, 412 -> range -> 206, 416 -> head -> pieces, as the client takes them
 *
 * A body is a row of pieces: some text (the heads between several ranges), then bytes of the file. What the client did
 * not take is read again later rather than kept: a slow client costs a descriptor and no buffer.
 */
#include "proxy/http/conditional.h"
#include "proxy/http/file_path.h"
#include "proxy/http/internal_redirect.h"
#include "proxy/http/mime.h"
#include "proxy/http/range.h"
#include "proxy/http/redirect.h"
#include "proxy/http/request.h"
#include "proxy/http/response_fields.h"
#include "proxy/http/uri_encode.h"
#include "proxy/worker/worker_state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Chunks sent in one turn of the loop, so that a fast client of a large file does not hold up all others. */
#define CHUNKS_PER_TURN 8
/* Of these in one go when the kernel sends them itself. */
#define DIRECT_MAX ((size_t)64 * 1024)

/* nginx numbers its boundaries; ours are as long, and never come from a counter. */
#define BOUNDARY_DIGITS 20

struct piece {
	struct span text;
	uint64_t start, end; /* of the file, after the text */
};

struct static_file {
	struct request *request;
	struct deferred more;
	int fd;
	struct piece *pieces; /* their fields move along as they are sent */
	size_t count, current;
};

/* Conditions and ranges are for a 200, which an error page need not be. */
static bool
answers_ok(const struct request *r)
{
	return r->response.override == 0 || r->response.override == 200;
}

static bool
method_is(const struct request *r, const char *method)
{
	return span_eq(r->method, span_str(method));
}

/* The page for why a file cannot be opened, and nginx's line about it. */
static void
fail_errno(struct request *r, const char *what, struct span path, int errnum)
{
	unsigned status = 500;
	enum log_level level = LOG_LEVEL_CRIT;

	if (errnum == ENOENT || errnum == ENOTDIR || errnum == ENAMETOOLONG)
		status = 404;
	else if (errnum == EACCES || errnum == ELOOP)
		status = 403;
	if (status != 500)
		level = LOG_LEVEL_ERROR;
	if (status != 404 || r->settings->log_not_found)
		request_log(r, level, "%s \"" SPAN_FMT "\" failed (%d: %s)", what, SPAN_ARG(path),
		    errnum, strerrordesc_np(errnum));
	request_fail(r, status);
}

/* ---- sending -------------------------------------------------------------------------------- */

static void
tell_broken_file(const struct request *r, int errnum)
{
	request_log(r, errnum ? LOG_LEVEL_CRIT : LOG_LEVEL_ALERT,
	    errnum ? "reading a file being sent failed (%d: %s)"
		   : "a file was truncated while it was being sent (%d: %s)",
	    errnum, errnum ? strerrordesc_np(errnum) : "unexpected end");
}

/* Straight from the file to the socket, as send_file_chunk() but for REQUEST_NO_FILE. */
static int
send_file_direct(struct static_file *f, struct piece *p)
{
	uint64_t left = p->end - p->start;
	size_t want = left < DIRECT_MAX ? (size_t)left : DIRECT_MAX;
	ssize_t taken = request_send_file(f->request, f->fd, p->start, want);

	if (taken == REQUEST_NO_FILE)
		return REQUEST_NO_FILE;
	if (taken < 0) {
		tell_broken_file(f->request, errno);
		return -1;
	}
	p->start += (uint64_t)taken;
	return (size_t)taken == want;
}

/* Offer the next chunk of the file. 1 all of it was taken, 0 wait for the client, -1 the file failed. */
static int
send_file_chunk(struct static_file *f, struct piece *p)
{
	struct bufpool *pool = f->request->client->worker->pool;
	uint64_t left = p->end - p->start;
	struct chunk *chunk;
	size_t want = left < BUFPOOL_LARGE ? (size_t)left : BUFPOOL_LARGE;
	size_t taken;
	ssize_t n;

	chunk = bufpool_borrow(pool, want);
	do
		n = pread(f->fd, chunk->data, want, (off_t)p->start);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		tell_broken_file(f->request, n < 0 ? errno : 0);
		bufpool_return(pool, chunk);
		return -1;
	}
	taken = request_send_body(f->request, span_of(chunk->data, (size_t)n));
	bufpool_return(pool, chunk);
	p->start += taken;
	return taken == (size_t)n;
}

/* Go on until the client takes no more, all is sent, or the turn's share is used up. */
static void
send_pieces(struct static_file *f)
{
	struct request *r = f->request;
	int budget = CHUNKS_PER_TURN;
	int taken;

	while (f->current < f->count) {
		struct piece *p = &f->pieces[f->current];

		if (p->text.n > 0) {
			p->text = span_after(p->text, request_send_body(r, p->text));
			if (p->text.n > 0)
				return;
		} else if (p->start < p->end) {
			if (budget-- == 0) {
				loop_defer(r->client->worker->loop, &f->more);
				return;
			}
			taken = send_file_direct(f, p);
			if (taken == REQUEST_NO_FILE)
				taken = send_file_chunk(f, p);
			if (taken < 0)
				request_abort(r, "a static file could not be read to its end");
			if (taken <= 0)
				return;
		} else {
			f->current++;
		}
	}
	request_send_end(r);
}

static void
send_more(struct deferred *d)
{
	send_pieces((struct static_file *)((char *)d - offsetof(struct static_file, more)));
}

static void
on_writable(struct request *r)
{
	struct static_file *f = r->handler_state;

	/* Not before its own turn, if it is waiting for that. */
	if (f && !deferred_queued(&f->more))
		send_pieces(f);
}

static void
release(struct request *r)
{
	struct static_file *f = r->handler_state;

	if (!f)
		return;
	loop_undefer(r->client->worker->loop, &f->more);
	close(f->fd);
	r->handler_state = NULL;
}

/* ---- what to send ---------------------------------------------------------------------------- */

static struct span
hex(char out[16], uint64_t v)
{
	size_t at = 16;

	do
		out[--at] = "0123456789abcdef"[v & 15];
	while ((v >>= 4) != 0);
	return span_of(out + at, 16 - at);
}

/* nginx's: the date and the size, so that several machines with the same files agree. */
static struct span
make_etag(struct arena *arena, const struct stat *st)
{
	char date[16], size[16];
	const struct span parts[] = {
		SPAN_INIT("\""),
		hex(date, (uint64_t)st->st_mtime),
		SPAN_INIT("-"),
		hex(size, (uint64_t)st->st_size),
		SPAN_INIT("\""),
	};

	return arena_concat(arena, parts, 5);
}

/* "bytes 0-1/5" */
static struct span
content_range(struct arena *arena, const struct byte_range *range, uint64_t length)
{
	const struct span parts[] = {
		SPAN_INIT("bytes "),
		arena_decimal(arena, range->start),
		SPAN_INIT("-"),
		arena_decimal(arena, range->end - 1),
		SPAN_INIT("/"),
		arena_decimal(arena, length),
	};

	return arena_concat(arena, parts, 6);
}

static struct span
make_boundary(struct request *r)
{
	char digits[BOUNDARY_DIGITS];
	uint64_t v = r->client->number * UINT64_C(0x9e3779b97f4a7c15) + r->client->requests;

	memset(digits, '0', sizeof(digits));
	for (size_t at = sizeof(digits); at-- > 0 && v != 0; v /= 10)
		digits[at] = (char)('0' + v % 10);
	return arena_dup(r->arena, span_of(digits, sizeof(digits)));
}

/* RFC 9110, 14.6: each range behind a head of its own. */
static void
prepare_multipart(struct static_file *f, const struct byte_range *ranges, size_t count,
    uint64_t length)
{
	struct request *r = f->request;
	struct span boundary = make_boundary(r), type = r->response.content_type;
	uint64_t total = 0;

	f->count = count + 1;
	f->pieces = arena_array(r->arena, f->count, sizeof(*f->pieces));
	for (size_t i = 0; i < count; i++) {
		const struct span head[] = {
			SPAN_INIT("\r\n--"),
			boundary,
			type.n > 0 ? SPAN("\r\nContent-Type: ") : SPAN(""),
			type,
			SPAN_INIT("\r\nContent-Range: "),
			content_range(r->arena, &ranges[i], length),
			SPAN_INIT("\r\n\r\n"),
		};

		f->pieces[i].text = arena_concat(r->arena, head, 7);
		f->pieces[i].start = ranges[i].start;
		f->pieces[i].end = ranges[i].end;
		total += f->pieces[i].text.n + ranges[i].end - ranges[i].start;
	}
	const struct span last[] = { SPAN_INIT("\r\n--"), boundary, SPAN_INIT("--\r\n") };
	const struct span media[] = { SPAN_INIT("multipart/byteranges; boundary="), boundary };

	f->pieces[count].text = arena_concat(r->arena, last, 3);
	r->response.content_type = arena_concat(r->arena, media, 2);
	r->response.content_length = (int64_t)(total + f->pieces[count].text.n);
}

static void
prepare_single(struct static_file *f, const struct byte_range *range)
{
	f->count = 1;
	f->pieces = arena_array(f->request->arena, 1, sizeof(*f->pieces));
	f->pieces[0].start = range->start;
	f->pieces[0].end = range->end;
	f->request->response.content_length = (int64_t)(range->end - range->start);
}

/* Decide between 200, 206 and 416 (false: it is answered). */
static bool
prepare_body(struct static_file *f, uint64_t length, struct span etag)
{
	struct request *r = f->request;
	const struct header *field = header_find(&r->headers, HEADER_RANGE);
	struct byte_range whole = { 0, length }, *ranges;
	size_t count;
	enum range_result result = RANGE_NONE;

	r->response.status = 200;
	if (etag.n > 0)
		header_add(&r->response.headers, HEADER_ETAG, SPAN("ETag"), etag);
	response_fields_add(r);

	/* RFC 9110, 14.2: for GET; nginx heeds it for HEAD too. HTTP/0.9 and such never come here. */
	if (field && answers_ok(r) &&
	    conditional_range(&r->headers, r->response.last_modified, etag))
		result = range_parse(field->value, length, r->arena, &ranges, &count);
	if (result == RANGE_NOT_SATISFIABLE) {
		const struct span parts[] = { SPAN_INIT("bytes */"),
			arena_decimal(r->arena, length) };

		r->response.last_modified = -1;
		header_hide_name(&r->response.headers, SPAN("ETag"));
		header_hide_name(&r->response.headers, SPAN("Last-Modified"));
		header_add(&r->response.headers, HEADER_OTHER, SPAN("Content-Range"),
		    arena_concat(r->arena, parts, 2));
		request_fail(r, 416);
		return false;
	}
	r->response.status = result == RANGE_OK ? 206 : 200;
	if (result == RANGE_NONE) {
		if (answers_ok(r))
			header_add(&r->response.headers, HEADER_OTHER, SPAN("Accept-Ranges"),
			    SPAN("bytes"));
		prepare_single(f, &whole);
	} else if (count == 1) {
		header_add(&r->response.headers, HEADER_OTHER, SPAN("Content-Range"),
		    content_range(r->arena, ranges, length));
		prepare_single(f, ranges);
	} else {
		prepare_multipart(f, ranges, count, length);
	}
	return true;
}

static void
send_not_modified(struct request *r, struct span etag)
{
	r->response.status = 304;
	r->response.content_type = span_of(NULL, 0);
	r->response.content_length = -1;
	if (etag.n > 0)
		header_add(&r->response.headers, HEADER_ETAG, SPAN("ETag"), etag);
	request_send_head(r);
	request_send_end(r);
}

/* An open regular file (taken). */
static void
serve_file(struct request *r, int fd, const struct stat *st)
{
	struct static_file *f = arena_zalloc(r->arena, sizeof(*f));
	struct span etag = r->settings->etag ? make_etag(r->arena, st) : span_of(NULL, 0);

	f->request = r;
	f->more.run = send_more;
	f->fd = fd;
	r->handler_state = f;
	r->response.last_modified = st->st_mtime;
	/* What an X-Accel-Redirect said of it stays. */
	if (r->response.content_type.n == 0)
		r->response.content_type = mime_type_of(r->settings, r->uri);
	switch (answers_ok(r) ? conditional_check(&r->headers, r->response.last_modified, etag,
				    (enum if_modified_since)r->settings->if_modified_since)
			      : CONDITIONAL_PASS) {
	case CONDITIONAL_FAILED:
		r->response.last_modified = -1;
		request_fail(r, 412);
		return;
	case CONDITIONAL_NOT_MODIFIED:
		send_not_modified(r, etag);
		return;
	case CONDITIONAL_PASS:
		break;
	}
	if (!prepare_body(f, (uint64_t)st->st_size, etag))
		return;
	request_send_head(r);
	if (r->response.no_body)
		request_send_end(r);
	else
		send_pieces(f);
}

/* ---- finding the file ------------------------------------------------------------------------- */

static void
redirect_to_directory(struct request *r)
{
	const struct span parts[] = {
		uri_encode(r->uri, URI_ENCODE_PATH, r->arena),
		SPAN_INIT("/"),
		r->args.n > 0 ? SPAN("?") : SPAN(""),
		r->args,
	};

	redirect_send(r, 301, arena_concat(r->arena, parts, 4));
}

static void
serve_path(struct request *r, struct span path)
{
	struct stat st;
	int fd;

	/* O_NONBLOCK: a FIFO nobody writes to must not hold up the worker. */
	fd = open(path.p, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		fail_errno(r, "open()", path, errno);
		return;
	}
	if (fstat(fd, &st) < 0) {
		fail_errno(r, "fstat()", path, errno);
		close(fd);
	} else if (S_ISDIR(st.st_mode)) {
		close(fd);
		redirect_to_directory(r);
	} else if (!S_ISREG(st.st_mode)) {
		close(fd);
		request_log(r, LOG_LEVEL_CRIT, "\"" SPAN_FMT "\" is not a regular file",
		    SPAN_ARG(path));
		request_fail(r, 404);
	} else if (method_is(r, "POST")) {
		close(fd);
		request_fail(r, 405);
	} else {
		serve_file(r, fd, &st);
	}
}

/* By errno. */
static void
fail_not_found(struct request *r, struct span path)
{
	if (r->settings->log_not_found)
		request_log(r, LOG_LEVEL_ERROR, "\"" SPAN_FMT "\" is not found (%d: %s)",
		    SPAN_ARG(path), errno, strerrordesc_np(errno));
	request_fail(r, 404);
}

/* Is the directory itself there? Else it is answered. */
static bool
check_directory(struct request *r, struct span directory, struct span tried)
{
	struct stat st;

	if (stat(directory.p, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return true;
		errno = ENOTDIR;
	} else if (errno == EACCES) {
		/* Looking for the index file in it did work. */
		return true;
	}
	if (errno == ENOENT || errno == ENOTDIR) {
		fail_not_found(r, tried);
	} else {
		fail_errno(r, "stat()", directory, errno);
	}
	return false;
}

/* true when this index file settles it, one way or the other. */
static bool
try_index(struct request *r, struct span directory, struct span name, bool *checked)
{
	const struct span file[] = { directory, name }, uri[] = { r->uri, name };
	struct span path;
	struct stat st;

	if (name.n > 0 && name.p[0] == '/') {
		internal_redirect(r, name, r->args);
		return true;
	}
	if (span_find(name, '\0') >= 0)
		return false;
	path = arena_concat(r->arena, file, 2);
	if (stat(path.p, &st) == 0) {
		internal_redirect(r, arena_concat(r->arena, uri, 2), r->args);
		return true;
	}
	switch (errno) {
	case ENOENT:
		if (!*checked && !check_directory(r, directory, path))
			return true;
		*checked = true;
		return false;
	case ENOTDIR:
	case ENAMETOOLONG:
		fail_not_found(r, path);
		return true;
	case EACCES:
	case ELOOP:
		request_log(r, LOG_LEVEL_ERROR, "\"" SPAN_FMT "\" is forbidden (%d: %s)",
		    SPAN_ARG(path), errno, strerrordesc_np(errno));
		request_fail(r, 403);
		return true;
	default:
		fail_errno(r, "stat()", path, errno);
		return true;
	}
}

static void
serve_directory(struct request *r, struct span directory)
{
	bool checked = false;

	for (size_t i = 0; i < r->settings->index_count; i++) {
		if (try_index(r, directory, template_eval(r->settings->index[i], r, r->arena),
			&checked))
			return;
	}
	request_log(r, LOG_LEVEL_ERROR, "directory index of \"" SPAN_FMT "\" is forbidden",
	    SPAN_ARG(directory));
	request_fail(r, 403);
}

static void
start(struct request *r)
{
	struct span path;

	if (!method_is(r, "GET") && !method_is(r, "HEAD") && !method_is(r, "POST")) {
		request_fail(r, 405);
		return;
	}
	path = file_path_map(r);
	if (!path.p) {
		/* nginx: an alias after a rewrite is a mistake of the configuration. */
		if (!r->uri_rewritten)
			request_log(r, LOG_LEVEL_ERROR,
			    "the path leads out of the location's directory");
		request_fail(r, r->uri_rewritten ? 500 : 404);
		return;
	}
	if (r->uri.n > 0 && r->uri.p[r->uri.n - 1] == '/')
		serve_directory(r, path);
	else
		serve_path(r, path);
}

const struct handler static_file_handler = {
	.name = "static file",
	.start = start,
	.on_writable = on_writable,
	.release = release,
};

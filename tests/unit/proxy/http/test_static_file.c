/* SPDX-License-Identifier: ISC */
/* Files: what is answered, with which fields, and at what a slow client's pace. */
#include "base/file.h"
#include "tests/unit/proxy/http/fake_request.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define MTIME 1795225564 /* Sat, 21 Nov 2026 01:46:04 GMT, 0x6b00f7dc */

static char dir[UNIT_DIR_MAX];

static void
put(const char *name, const char *text, size_t n)
{
	char *path = file_join(dir, name);
	const struct timespec times[2] = { { MTIME, 0 }, { MTIME, 0 } };

	assert_int_equal(file_write_atomic(path, span_of(text, n), 0644, NULL), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	free(path);
}

static void
make_dir(const char *name, mode_t mode)
{
	char *path = file_join(dir, name);

	assert_int_equal(mkdir(path, mode), 0);
	free(path);
}

static int
set_up(void **state)
{
	static char big[300000];
	char *fifo;

	unit_make_dir(dir);
	fifo = file_join(dir, "fifo");
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 31 % 251);
	put("a.txt", "0123456789", 10);
	put("empty", "", 0);
	put("big", big, sizeof(big));
	make_dir("sub", 0755);
	put("sub/index.html", "sub", 3);
	make_dir("bare", 0755);
	make_dir("d x", 0755);
	make_dir("dirs", 0755);
	make_dir("dirs/index.html", 0755);
	assert_int_equal(mkfifo(fifo, 0644), 0);
	free(fifo);
	return 0;
}

static int
tear_down(void **state)
{
	unit_remove_dir(dir);
	return 0;
}

/* Prepared, not yet started. */
static void
prepare(struct fake *f, const char *method, const char *target)
{
	static const struct mime_type types[] = { { SPAN_INIT("html"), SPAN_INIT("text/html") },
		{ SPAN_INIT("txt"), SPAN_INIT("text/plain") } };

	fake_init(f, method, target);
	fake_root(f, dir, 0);
	f->settings.types = types;
	f->settings.type_count = COUNT(types);
	f->server.root_location = f->location;
}

static void
serve(struct fake *f)
{
	request_set_handler(&f->request, &static_file_handler);
}

static void
assert_status(const char *method, const char *target, unsigned status)
{
	struct fake f;

	prepare(&f, method, target);
	serve(&f);
	if (f.request.response.status != status)
		fail_msg("%s %s: %u, not %u", method, target, f.request.response.status, status);
	assert_true(f.ended);
	fake_release(&f);
}

static void
a_file_comes_whole(void **state)
{
	struct fake f;

	prepare(&f, "GET", "/a.txt?x");
	serve(&f);
	assert_int_equal(f.request.response.status, 200);
	assert_span(f.request.response.content_type, "text/plain");
	assert_int_equal(f.request.response.content_length, 10);
	assert_int_equal(f.request.response.last_modified, MTIME);
	assert_span(fake_sent(&f, "ETag"), "\"6b00f7dc-a\"");
	assert_span(fake_sent(&f, "Accept-Ranges"), "bytes");
	assert_span(buf_span(&f.body), "0123456789");
	assert_true(f.ended);
	fake_release(&f);

	prepare(&f, "HEAD", "/a.txt");
	serve(&f);
	assert_int_equal(f.request.response.content_length, 10);
	assert_true(f.ended);
	assert_int_equal(f.body.len, 0);
	fake_release(&f);

	prepare(&f, "GET", "/empty");
	serve(&f);
	assert_int_equal(f.request.response.content_length, 0);
	assert_true(f.ended);
	fake_release(&f);
}

static void
methods_and_kinds(void **state)
{
	assert_status("PUT", "/a.txt", 405);
	assert_status("OPTIONS", "/none", 405);
	assert_status("POST", "/a.txt", 405);
	assert_status("POST", "/none", 404);
	assert_status("DELETE", "/sub/", 405);
	assert_status("GET", "/none", 404);
	assert_status("GET", "/a.txt/", 404);
	assert_status("GET", "/a.txt/x", 404);
	assert_status("GET", "/none/", 404);
	assert_status("GET", "/bare/", 403);
	assert_status("GET", "/fifo", 404);
	assert_status("GET", "/sub", 301);
	assert_status("POST", "/sub", 301);
	assert_status("POST", "/sub/", 405);
	/* An index that is itself a directory. */
	assert_status("GET", "/dirs/", 301);
}

static void
a_directory_wants_its_slash(void **state)
{
	struct fake f;

	prepare(&f, "GET", "/sub?a=b");
	serve(&f);
	assert_span(fake_sent(&f, "Location"), "http://a.example/sub/?a=b");
	fake_release(&f);

	prepare(&f, "GET", "/d x");
	serve(&f);
	assert_span(fake_sent(&f, "Location"), "http://a.example/d%20x/");
	fake_release(&f);
}

static void
conditions_and_ranges(void **state)
{
	struct fake f;

	prepare(&f, "GET", "/a.txt");
	fake_header(&f, "If-None-Match", "\"6b00f7dc-a\"");
	serve(&f);
	assert_int_equal(f.request.response.status, 304);
	assert_int_equal(f.request.response.content_type.n, 0);
	assert_span(fake_sent(&f, "ETag"), "\"6b00f7dc-a\"");
	assert_span(fake_sent(&f, "Accept-Ranges"), "");
	assert_true(f.ended);
	fake_release(&f);

	prepare(&f, "GET", "/a.txt");
	fake_header(&f, "If-Match", "\"x\"");
	serve(&f);
	assert_int_equal(f.request.response.status, 412);
	assert_int_equal(f.request.response.last_modified, -1);
	fake_release(&f);

	prepare(&f, "GET", "/a.txt");
	fake_header(&f, "Range", "bytes=2-4");
	serve(&f);
	assert_int_equal(f.request.response.status, 206);
	assert_span(fake_sent(&f, "Content-Range"), "bytes 2-4/10");
	assert_span(fake_sent(&f, "Accept-Ranges"), "");
	assert_span(buf_span(&f.body), "234");
	fake_release(&f);

	prepare(&f, "GET", "/a.txt");
	fake_header(&f, "Range", "bytes=10-");
	serve(&f);
	assert_int_equal(f.request.response.status, 416);
	assert_span(fake_sent(&f, "Content-Range"), "bytes */10");
	assert_span(f.request.response.content_type, "text/html");
	fake_release(&f);

	prepare(&f, "GET", "/a.txt");
	fake_header(&f, "Range", "bytes=2-4");
	fake_header(&f, "If-Range", "\"other\"");
	serve(&f);
	assert_int_equal(f.request.response.status, 200);
	assert_int_equal(f.body.len, 10);
	fake_release(&f);
}

static void
several_ranges_come_in_parts(void **state)
{
	struct fake f;
	struct span type, boundary;
	char expected[512];

	prepare(&f, "GET", "/a.txt");
	fake_header(&f, "Range", "bytes=0-1,-2");
	serve(&f);
	assert_int_equal(f.request.response.status, 206);
	type = f.request.response.content_type;
	assert_true(span_starts(type, SPAN("multipart/byteranges; boundary=")));
	boundary = span_after(type, sizeof("multipart/byteranges; boundary=") - 1);
	assert_int_equal(boundary.n, 20);
	snprintf(expected, sizeof(expected),
	    "\r\n--%.*s\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
	    "\r\n--%.*s\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89"
	    "\r\n--%.*s--\r\n",
	    SPAN_ARG(boundary), SPAN_ARG(boundary), SPAN_ARG(boundary));
	assert_span(buf_span(&f.body), expected);
	assert_int_equal(f.request.response.content_length, f.body.len);
	assert_true(f.ended);
	fake_release(&f);
}

/* However little the client takes at a time, and without a buffer while it takes nothing. */
static void
a_slow_client_gets_the_same_bytes(void **state)
{
	static const size_t rooms[] = { 1000, 40000, 7 };
	struct fake f;

	for (size_t i = 0; i < COUNT(rooms); i++) {
		size_t rounds = 0;

		prepare(&f, "GET", rooms[i] == 7 ? "/a.txt" : "/big");
		if (rooms[i] == 7)
			fake_header(&f, "Range", "bytes=0-1,-2");
		f.room = rooms[i];
		serve(&f);
		while (!f.ended) {
			assert_int_equal(bufpool_borrowed(f.worker.pool), 0);
			assert_true(++rounds < 1000);
			f.room = rooms[i];
			static_file_handler.on_writable(&f.request);
			loop_turn(f.worker.loop, 0);
		}
		assert_int_equal(f.request.response.content_length, f.body.len);
		for (size_t k = 0; rooms[i] != 7 && k < f.body.len; k++)
			assert_int_equal((char)(k * 31 % 251), f.body.p[k]);
		fake_release(&f);
	}
}

/* A fast client of a large file does not keep the loop from others, however often it asks. */
static void
a_fast_client_takes_turns(void **state)
{
	struct fake f;
	size_t first;

	prepare(&f, "GET", "/big");
	serve(&f);
	assert_false(f.ended);
	first = f.body.len;
	assert_true(first > 0);
	static_file_handler.on_writable(&f.request);
	assert_int_equal(f.body.len, first);
	loop_turn(f.worker.loop, 0);
	assert_true(f.ended);
	assert_int_equal(f.body.len, 300000);
	fake_release(&f);
}

static void
a_file_that_shrinks_is_not_passed_off_as_whole(void **state)
{
	struct fake f;
	char *path = file_join(dir, "big");

	prepare(&f, "GET", "/big");
	f.room = 1000;
	serve(&f);
	assert_int_equal(truncate(path, 2000), 0);
	f.room = SIZE_MAX;
	for (int i = 0; i < 10 && !f.aborted; i++) {
		static_file_handler.on_writable(&f.request);
		loop_turn(f.worker.loop, 0);
	}
	assert_true(f.aborted);
	assert_false(f.ended);
	fake_release(&f);
	free(path);
}

static size_t
open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void
letting_go_in_the_middle_leaves_nothing(void **state)
{
	struct fake f;
	size_t before = open_descriptors(), sent;

	prepare(&f, "GET", "/big");
	serve(&f);
	assert_false(f.ended);
	sent = f.body.len;
	static_file_handler.release(&f.request);
	loop_turn(f.worker.loop, 0);
	assert_int_equal(f.body.len, sent);
	assert_false(f.ended || f.aborted);
	fake_release(&f);
	assert_int_equal(open_descriptors(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_comes_whole),
		cmocka_unit_test(methods_and_kinds),
		cmocka_unit_test(a_directory_wants_its_slash),
		cmocka_unit_test(conditions_and_ranges),
		cmocka_unit_test(several_ranges_come_in_parts),
		cmocka_unit_test(a_slow_client_gets_the_same_bytes),
		cmocka_unit_test(a_fast_client_takes_turns),
		cmocka_unit_test(letting_go_in_the_middle_leaves_nothing),
		cmocka_unit_test(a_file_that_shrinks_is_not_passed_off_as_whole),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

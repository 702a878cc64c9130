/* SPDX-License-Identifier: ISC */
/* client_hello: see client_hello.h. */
#include "proxy/net/client_hello.h"

#include <string.h>

#define RECORD_HEAD 5
#define RECORD_MAX 16384
#define MESSAGE_HEAD 4
#define RANDOM_SIZE 32
#define SESSION_ID_MAX 32
#define NAME_MAX_LENGTH 255

enum { CONTENT_HANDSHAKE = 22, HANDSHAKE_CLIENT_HELLO = 1 };
enum {
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ALPN = 16,
	EXTENSION_SUPPORTED_VERSIONS = 43,
	NAME_TYPE_HOST = 0,
};

/* ---- taking numbers and vectors off a span; false: it is too short --------------------------------- */

static bool
take_number(struct span *s, size_t bytes, unsigned *out)
{
	unsigned v = 0;

	if (s->n < bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | (unsigned char)s->p[i];
	*s = span_after(*s, bytes);
	*out = v;
	return true;
}

/* What follows its own length of so many bytes. */
static bool
take_vector(struct span *s, size_t length_bytes, struct span *out)
{
	unsigned n;

	if (!take_number(s, length_bytes, &n) || s->n < n)
		return false;
	*out = span_of(s->p, n);
	*s = span_after(*s, n);
	return true;
}

/* ---- extensions -------------------------------------------------------------------------------------- */

static bool
read_server_name(struct span body, struct client_hello *hello)
{
	struct span list, name;
	unsigned type;

	if (!take_vector(&body, 2, &list) || body.n > 0)
		return false;
	while (list.n > 0) {
		if (!take_number(&list, 1, &type) || !take_vector(&list, 2, &name))
			return false;
		if (type != NAME_TYPE_HOST)
			continue;
		if (name.n == 0 || name.n > NAME_MAX_LENGTH)
			return false;
		for (size_t i = 0; i < name.n; i++) {
			if (name.p[i] <= 0x20 || name.p[i] >= 0x7f)
				return false;
		}
		if (hello->server_name.n > 0)
			return false; /* one of each type (RFC 6066 3) */
		hello->server_name = name;
	}
	return true;
}

static bool
read_alpn(struct span body, struct client_hello *hello)
{
	struct span list, rest, name;

	if (!take_vector(&body, 2, &list) || body.n > 0)
		return false;
	for (rest = list; rest.n > 0;) {
		if (!take_vector(&rest, 1, &name) || name.n == 0)
			return false;
	}
	hello->alpn = list;
	return true;
}

/* Grease and versions to come are not names we know; the highest of the others counts. */
static bool
read_versions(struct span body, struct client_hello *hello)
{
	struct span list;
	unsigned version, highest = 0;

	if (!take_vector(&body, 1, &list) || body.n > 0)
		return false;
	while (list.n > 0) {
		if (!take_number(&list, 2, &version))
			return false;
		if (version >= 0x0300 && version <= 0x0304 && version > highest)
			highest = version;
	}
	if (highest)
		hello->version = highest;
	return true;
}

static bool
read_extensions(struct span list, struct client_hello *hello)
{
	struct span body;
	unsigned type;
	bool good = true;

	while (good && list.n > 0) {
		if (!take_number(&list, 2, &type) || !take_vector(&list, 2, &body))
			return false;
		if (type == EXTENSION_SERVER_NAME)
			good = read_server_name(body, hello);
		else if (type == EXTENSION_ALPN)
			good = read_alpn(body, hello);
		else if (type == EXTENSION_SUPPORTED_VERSIONS)
			good = read_versions(body, hello);
	}
	return good;
}

/* message: without its head. */
static bool
read_hello(struct span message, struct client_hello *hello)
{
	struct span session, ciphers, compressions, extensions;

	if (!take_number(&message, 2, &hello->version) || message.n < RANDOM_SIZE)
		return false;
	message = span_after(message, RANDOM_SIZE);
	if (!take_vector(&message, 1, &session) || session.n > SESSION_ID_MAX ||
	    !take_vector(&message, 2, &ciphers) || ciphers.n < 2 || ciphers.n % 2 != 0 ||
	    !take_vector(&message, 1, &compressions) || compressions.n < 1)
		return false;
	if (message.n == 0)
		return true;
	return take_vector(&message, 2, &extensions) && message.n == 0 &&
	       read_extensions(extensions, hello);
}

/* ---- records --------------------------------------------------------------------------------------- */

/* The handshake bytes of one record, as far as they have arrived. */
static enum parse_result
take_record(struct span *rest, struct span *body, bool *whole)
{
	size_t n;

	if (rest->n > 0 && (unsigned char)rest->p[0] != CONTENT_HANDSHAKE)
		return PARSE_BAD;
	if (rest->n > 1 && (unsigned char)rest->p[1] != 3)
		return PARSE_BAD;
	if (rest->n < RECORD_HEAD)
		return PARSE_MORE;
	n = (size_t)(unsigned char)rest->p[3] << 8 | (unsigned char)rest->p[4];
	if (n == 0 || n > RECORD_MAX)
		return PARSE_BAD;
	*rest = span_after(*rest, RECORD_HEAD);
	*whole = rest->n >= n;
	*body = span_of(rest->p, *whole ? n : rest->n);
	*rest = span_after(*rest, body->n);
	return PARSE_OK;
}

/* Length of the ClientHello with its head, once that is there; 0 = not yet. -1: it is none. */
static ptrdiff_t
message_length(const unsigned char *head, size_t n)
{
	if (n > 0 && head[0] != HANDSHAKE_CLIENT_HELLO)
		return -1;
	if (n < MESSAGE_HEAD)
		return 0;
	return MESSAGE_HEAD + (ptrdiff_t)((size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3]);
}

/*
 * Look through the records until they hold the whole message. PARSE_OK: it has *length bytes. to
 * NULL: only look; else the records' bodies are moved together there.
 */
static enum parse_result
walk_records(struct span rest, char *to, size_t *length)
{
	unsigned char head[MESSAGE_HEAD];
	size_t have = 0;
	ptrdiff_t wanted = 0;

	for (;;) {
		struct span body;
		bool whole;
		enum parse_result result = take_record(&rest, &body, &whole);

		if (result != PARSE_OK)
			return result;
		for (size_t i = 0; have + i < MESSAGE_HEAD && i < body.n; i++)
			head[have + i] = (unsigned char)body.p[i];
		if (to)
			memmove(to + have, body.p, body.n);
		have += body.n;
		wanted = message_length(head, have < MESSAGE_HEAD ? have : MESSAGE_HEAD);
		if (wanted < 0 || (size_t)wanted > CLIENT_HELLO_MAX)
			return PARSE_BAD;
		if (wanted > 0 && have >= (size_t)wanted) {
			*length = (size_t)wanted;
			return PARSE_OK;
		}
		if (!whole)
			return PARSE_MORE;
	}
}

/* SSL 2.0's frame around a hello that offers more: no extensions, so no name. */
static bool
is_version_2(const char *bytes, size_t n)
{
	return n >= 5 && ((unsigned char)bytes[0] & 0x80) && bytes[2] == 1 && bytes[3] == 3;
}

enum parse_result
client_hello_parse(char *bytes, size_t n, struct client_hello *hello)
{
	size_t length;
	enum parse_result result;

	*hello = (struct client_hello){ .version = 0 };
	if (n == 0)
		return PARSE_MORE;
	if ((unsigned char)bytes[0] & 0x80) {
		if (n < 5)
			return PARSE_MORE;
		if (!is_version_2(bytes, n))
			return PARSE_BAD;
		hello->version = 0x0300u | (unsigned char)bytes[4];
		return PARSE_OK;
	}
	result = walk_records(span_of(bytes, n), NULL, &length);
	if (result != PARSE_OK)
		return result;
	walk_records(span_of(bytes, n), bytes, &length);
	if (read_hello(span_of(bytes + MESSAGE_HEAD, length - MESSAGE_HEAD), hello))
		return PARSE_OK;
	*hello = (struct client_hello){ .version = 0 };
	return PARSE_BAD;
}

struct span
client_hello_version(const struct client_hello *hello)
{
	switch (hello->version) {
	case 0x0300:
		return SPAN("SSLv3");
	case 0x0301:
		return SPAN("TLSv1");
	case 0x0302:
		return SPAN("TLSv1.1");
	case 0x0303:
		return SPAN("TLSv1.2");
	case 0x0304:
		return SPAN("TLSv1.3");
	default:
		return SPAN("");
	}
}

struct span
client_hello_alpn(const struct client_hello *hello, struct arena *arena)
{
	char *text, *at;
	struct span list = hello->alpn, name;

	if (list.n == 0)
		return SPAN("");
	at = text = arena_bytes(arena, list.n);
	while (take_vector(&list, 1, &name)) {
		if (at > text)
			*at++ = ',';
		at = mempcpy(at, name.p, name.n);
	}
	return span_of(text, (size_t)(at - text));
}

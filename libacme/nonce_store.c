/* SPDX-License-Identifier: ISC */
/*
 * nonce_store: one small file per CA, written without ceremony: what a crash leaves of it is not understood, and nothing is lost.
 */
#include "libacme/nonce_store.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"

#include <openssl/sha.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)4096)
/* Older than this, a CA has rather forgotten it. */
#define FRESH_S 3600

static char *
path_of(const struct certstore *store, const struct acme *ca)
{
	const char *server = acme_server(ca);
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct buf id;
	char *path;

	SHA256((const unsigned char *)server, strlen(server), digest);
	buf_init(&id, 64);
	encode_hex(&id, span_of(digest, 8));
	path = mem_printf("%s/gatehouse/nonces/%s", certstore_dir(store), buf_str(&id));
	buf_release(&id);
	return path;
}

void
nonce_store_take(struct certstore *store, struct acme *ca)
{
	char *path = path_of(store, ca), *nonce;
	struct span rest, server, value;
	struct stat st;
	struct buf text;
	bool fresh = stat(path, &st) == 0 && clock_wall() - st.st_mtime < FRESH_S;

	buf_init(&text, FILE_MAX);
	if (fresh && file_read(path, &text, NULL) == 0 && unlink(path) == 0) {
		rest = buf_span(&text);
		/* The end of the last line says that it is whole. */
		if (span_ends(rest, SPAN("\n")) && span_split(&rest, '\n', &server) &&
		    span_split(&rest, '\n', &value) && rest.n == 0 &&
		    span_eq(server, span_str(acme_server(ca)))) {
			nonce = mem_dup_span(value);
			acme_put_nonce(ca, nonce);
			free(nonce);
		}
	}
	buf_release(&text);
	free(path);
}

void
nonce_store_keep(struct certstore *store, struct acme *ca)
{
	char *nonce = acme_take_nonce(ca), *path = path_of(store, ca), *text, *made = NULL;
	int fd;

	if (nonce)
		made = certstore_private_path(store, "nonces/x", NULL);
	if (made) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		text = mem_printf("%s\n%s\n", acme_server(ca), nonce);
		if (fd >= 0 && file_write_all(fd, span_str(text)) < 0)
			unlink(path);
		if (fd >= 0)
			close(fd);
		free(text);
	}
	free(made);
	free(path);
	free(nonce);
}

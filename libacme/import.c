/* SPDX-License-Identifier: ISC */
/*
 * import: which client it was, and what its readers need.
 */
#include "libacme/import.h"

#include "base/file.h"
#include "base/mem.h"
#include "libacme/account_store.h"
#include "libacme/import_internal.h"

#include <dirent.h>
#include <stdlib.h>

#define TEXT_MAX ((size_t)256 * 1024)

static const struct client {
	const char *name;
	int (*read)(const struct import_options *options, struct import *in, struct err *e);
	const char *marks[2]; /* below the directory: all of them are there */
} clients[] = {
	{ "certbot", import_read_certbot, { "renewal", "live" } },
	{ "uacme", import_read_uacme, { "private/key.pem", "private" } },
	{ "lego", import_read_lego, { "certificates", "accounts" } },
	{ "dehydrated", import_read_dehydrated, { "certs", "accounts" } },
	{ "acme.sh", import_read_acmesh, { "ca", "account.conf" } },
};

#define CLIENT_COUNT (sizeof(clients) / sizeof(clients[0]))

/* ---- for the readers ------------------------------------------------------------------------- */

static void
free_key(void *key)
{
	EVP_PKEY_free(key);
}

struct import_account *
import_add_account(struct import *in)
{
	struct import_account *grown =
	    arena_array(in->arena, in->account_count + 1, sizeof(*grown));

	if (in->account_count)
		memcpy(grown, in->accounts, in->account_count * sizeof(*grown));
	in->accounts = grown;
	return &grown[in->account_count++];
}

struct import_lineage *
import_add_lineage(struct import *in, const char *name)
{
	struct import_lineage *grown =
	    arena_array(in->arena, in->lineage_count + 1, sizeof(*grown));

	if (in->lineage_count)
		memcpy(grown, in->lineages, in->lineage_count * sizeof(*grown));
	in->lineages = grown;
	grown[in->lineage_count].name = arena_strdup(in->arena, span_str(name));
	return &grown[in->lineage_count++];
}

void
import_load_key(struct import *in, struct import_account *account, const char *path)
{
	struct err why = ERR_INIT;

	if (account_key_load(path, &account->key, &why) == 0)
		arena_on_free(in->arena, free_key, account->key);
	else
		account->problem = arena_strdup(in->arena, span_str(err_text(&why)));
	err_release(&why);
}

const char *
import_path(struct import *in, const char *fmt, ...)
{
	const char *path;
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	path = arena_strdup(in->arena, span_str(text));
	free(text);
	return path;
}

const char *
import_text(struct import *in, const char *path)
{
	const char *text = NULL;
	struct buf buf;

	buf_init(&buf, TEXT_MAX);
	if (file_read(path, &buf, NULL) == 0 && !memchr(buf_str(&buf), '\0', buf.len))
		text = arena_strdup(in->arena, buf_span(&buf));
	buf_release(&buf);
	return text;
}

size_t
import_list(struct import *in, const char *dir, const char ***names)
{
	struct dirent **list;
	int count = scandir(dir, &list, NULL, alphasort);
	size_t n = 0;

	*names = arena_array(in->arena, count > 0 ? (size_t)count : 1, sizeof(**names));
	for (int i = 0; i < count; i++) {
		if (*list[i]->d_name != '.')
			(*names)[n++] = arena_strdup(in->arena, span_str(list[i]->d_name));
		free(list[i]);
	}
	if (count >= 0)
		free(list);
	return n;
}

/* ---- shell assignments ----------------------------------------------------------------------- */

/* One value as a shell reads it, as far as a comment or a blank; what would be expanded stays as it is written. */
static size_t
read_value(struct span s, char *out, size_t size)
{
	char quote = '\0';
	size_t n = 0;

	for (; s.n && n + 1 < size; s = span_after(s, 1)) {
		char c = *s.p;

		if (quote ? c == quote : c == '\'' || c == '"') {
			quote = quote ? '\0' : c;
			continue;
		}
		if (!quote && (c == ' ' || c == '\t' || c == ';' || c == '\r'))
			break;
		if (c == '\\' && quote != '\'' && s.n > 1) {
			s = span_after(s, 1);
			c = *s.p;
		}
		out[n++] = c;
	}
	out[n] = '\0';
	return n;
}

struct span
import_shell_value(struct span text, const char *name, char *out, size_t size)
{
	struct span line, found = span_of(out, 0);

	out[0] = '\0';
	while (span_split(&text, '\n', &line)) {
		struct span key;

		line = span_trim(line);
		if (span_starts(line, SPAN("export ")))
			line = span_trim(span_after(line, 7));
		if (span_find(line, '=') <= 0)
			continue;
		span_split(&line, '=', &key);
		if (span_eq(key, span_str(name)))
			found.n = read_value(line, out, size);
	}
	return found;
}

const char *
import_shell(struct import *in, const char *text, const char *name)
{
	char *out = mem_alloc(TEXT_MAX);
	const char *value = "";

	if (text)
		value = arena_strdup(in->arena,
		    import_shell_value(span_str(text), name, out, TEXT_MAX));
	free(out);
	return value;
}

/* ---- which client ---------------------------------------------------------------------------- */

static bool
has_marks(const struct client *client, const char *dir)
{
	for (size_t i = 0; i < 2; i++) {
		char *path = file_join(dir, client->marks[i]);
		bool there = file_exists(path);

		free(path);
		if (!there)
			return false;
	}
	return true;
}

static const struct client *
find_client(const struct import_options *options, struct err *e)
{
	struct buf names;

	if (!file_exists(options->dir)) {
		err_set(e, ERR_NOINPUT, "there is no directory %s", options->dir);
		return NULL;
	}
	for (size_t i = 0; i < CLIENT_COUNT; i++) {
		if (options->from ? strcmp(clients[i].name, options->from) == 0
				  : has_marks(&clients[i], options->dir))
			return &clients[i];
	}
	buf_init(&names, 256);
	for (size_t i = 0; i < CLIENT_COUNT; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", clients[i].name);
	if (options->from)
		err_set(e, ERR_USAGE, "\"%s\" is no client that is known: %s", options->from,
		    buf_str(&names));
	else
		err_set(e, ERR_NOINPUT, "%s is no directory of %s", options->dir, buf_str(&names));
	buf_release(&names);
	return NULL;
}

int
import_read(const struct import_options *options, struct import *in, struct err *e)
{
	const struct client *client = find_client(options, e);

	if (!client)
		return -1;
	in->from = client->name;
	return client->read(options, in, e);
}

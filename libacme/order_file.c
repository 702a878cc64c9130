/* SPDX-License-Identifier: ISC */
/*
 * order_file: {"schema":1,"server":…,"account":…,"order":…,"names":[…],"key":PEM,
 * "shown":[{"name":…,"type":…,"token":…}]}. Read as strictly as what a CA sends: a file that is not
 * right is as good as none.
 */
#include "libacme/order_file.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/acme_json.h"
#include "libacme/challenge.h"
#include "libcert/pkey.h"

#include <openssl/crypto.h>

#include <unistd.h>

#define FILE_MAX ((size_t)256 * 1024)

void
order_file_clear_shown(struct order_file *file)
{
	for (size_t i = 0; i < file->shown_count; i++) {
		free(file->shown[i].name);
		free(file->shown[i].type);
		free(file->shown[i].token);
	}
	free(file->shown);
	file->shown = NULL;
	file->shown_count = 0;
}

void
order_file_release(struct order_file *file)
{
	order_file_clear_shown(file);
	for (size_t i = 0; i < file->name_count; i++)
		free(file->names[i]);
	free(file->names);
	EVP_PKEY_free(file->key);
	free(file->server);
	free(file->account);
	free(file->url);
	*file = (struct order_file){ .url = NULL };
}

static void
add_name(struct order_file *file, struct span name)
{
	file->names = mem_realloc_array(file->names, file->name_count + 1, sizeof(*file->names));
	file->names[file->name_count++] = mem_dup_span(name);
}

void
order_file_set_names(struct order_file *file, const struct span *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_name(file, names[i]);
}

void
order_file_add_shown(struct order_file *file, struct span name, const char *type, const char *token)
{
	struct order_shown *shown;

	file->shown = mem_realloc_array(file->shown, file->shown_count + 1, sizeof(*file->shown));
	shown = &file->shown[file->shown_count++];
	shown->name = mem_dup_span(name);
	shown->type = mem_strdup(type);
	shown->token = mem_strdup(token);
	shown->marked = false;
}

void
order_file_mark_shown(struct order_file *file, const char *token)
{
	for (size_t i = 0; i < file->shown_count; i++) {
		if (strcmp(file->shown[i].token, token) == 0)
			file->shown[i].marked = true;
	}
}

static bool
has_name(const struct order_file *file, struct span name)
{
	for (size_t i = 0; i < file->name_count; i++) {
		if (span_eq_nocase(span_str(file->names[i]), name))
			return true;
	}
	return false;
}

bool
order_file_has_names(const struct order_file *file, const struct span *names, size_t count)
{
	if (count != file->name_count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!has_name(file, names[i]))
			return false;
	}
	return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int
read_key(const cJSON *doc, struct order_file *file, struct err *e)
{
	char *pem = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(doc, "key"));
	int rc;

	if (!pem)
		return 0;
	rc = pkey_parse_pem(span_str(pem), NULL, &file->key, e);
	OPENSSL_cleanse(pem, strlen(pem));
	return rc;
}

static int
read_lists(const cJSON *doc, struct order_file *file, struct err *e)
{
	const cJSON *names = acme_json_array(doc, "names"), *shown = acme_json_array(doc, "shown");

	for (const cJSON *item = names ? names->child : NULL; item; item = item->next) {
		if (cJSON_IsString(item))
			add_name(file, span_str(item->valuestring));
	}
	for (const cJSON *item = shown ? shown->child : NULL; item; item = item->next) {
		const char *name = acme_json_string(item, "name");
		const char *type = acme_json_string(item, "type");
		const char *token = acme_json_string(item, "token");

		if (!name || !type || !token || !challenge_token_ok(token))
			return err_set(e, ERR_DATA, "it lists a challenge that is none");
		order_file_add_shown(file, span_str(name), type, token);
		order_file_mark_shown(file, token);
	}
	return file->name_count ? 0 : err_set(e, ERR_DATA, "it has no names");
}

static int
read_doc(const cJSON *doc, struct order_file *file, struct err *e)
{
	const char *server = acme_json_url(doc, "server"), *url = acme_json_url(doc, "order");
	const char *account = acme_json_url(doc, "account");

	if (!server || !url || !account)
		return err_set(e, ERR_DATA, "it lacks a URL");
	file->server = mem_strdup(server);
	file->account = mem_strdup(account);
	file->url = mem_strdup(url);
	if (read_lists(doc, file, e) < 0)
		return -1;
	return read_key(doc, file, e);
}

int
order_file_load(const char *path, struct order_file *file, struct err *e)
{
	cJSON *doc = NULL;
	struct buf text;
	int rc = -1;

	*file = (struct order_file){ .url = NULL };
	buf_init_secret(&text, FILE_MAX);
	if (file_read(path, &text, e) < 0)
		goto out;
	if (acme_json_parse(buf_span(&text), path, &doc, e) < 0)
		goto out;
	rc = read_doc(doc, file, e);
	if (rc < 0) {
		err_wrap(e, "%s does not remember an order", path);
		order_file_release(file);
	}
out:
	cJSON_Delete(doc);
	buf_release(&text);
	return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void
add_string(struct buf *out, const char *key, struct span value)
{
	buf_printf(out, "\"%s\":\"", key);
	encode_json(out, value);
	buf_add_char(out, '"');
}

int
order_file_save(const char *path, const struct order_file *file, struct err *e)
{
	struct buf text, pem;
	int rc = -1;

	buf_init_secret(&text, FILE_MAX);
	buf_init_secret(&pem, FILE_MAX);
	if (file->key && pkey_format_pem(file->key, &pem, e) < 0)
		goto out;
	buf_add_str(&text, "{\"schema\":1,");
	add_string(&text, "server", span_str(file->server));
	buf_add_char(&text, ',');
	add_string(&text, "account", span_str(file->account));
	buf_add_char(&text, ',');
	add_string(&text, "order", span_str(file->url));
	buf_add_str(&text, ",\"names\":[");
	for (size_t i = 0; i < file->name_count; i++) {
		buf_add_str(&text, i ? ",\"" : "\"");
		encode_json(&text, span_str(file->names[i]));
		buf_add_char(&text, '"');
	}
	buf_add_char(&text, ']');
	if (file->key) {
		buf_add_char(&text, ',');
		add_string(&text, "key", buf_span(&pem));
	}
	buf_add_str(&text, ",\"shown\":[");
	for (size_t i = 0; i < file->shown_count; i++) {
		buf_add_str(&text, i ? ",{" : "{");
		add_string(&text, "name", span_str(file->shown[i].name));
		buf_add_char(&text, ',');
		add_string(&text, "type", span_str(file->shown[i].type));
		buf_add_char(&text, ',');
		add_string(&text, "token", span_str(file->shown[i].token));
		buf_add_char(&text, '}');
	}
	buf_add_str(&text, "]}\n");
	if (text.full)
		err_set(e, ERR_BUG, "the order is too large to be remembered");
	else
		rc = file_write_unflushed(path, buf_span(&text), 0600, e);
out:
	buf_release(&pem);
	buf_release(&text);
	if (rc < 0)
		err_wrap(e, "cannot remember the order");
	return rc;
}

void
order_file_remove(const char *path)
{
	unlink(path);
}

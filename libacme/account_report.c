/* SPDX-License-Identifier: ISC */
/*
 * account_report: cJSON builds the machine's form; for people, a CA's words are made visible first.
 */
#include "libacme/account_report.h"

#include "base/encode.h"
#include "base/mem.h"
#include "libacme/acme_json.h"

#define TEXT_MAX ((size_t)64 * 1024)

static void
print_json(cJSON *root, FILE *out)
{
	char *text = cJSON_PrintUnformatted(root);

	if (text)
		fprintf(out, "%s\n", text);
	cJSON_free(text);
	cJSON_Delete(root);
}

static void
add_optional(cJSON *object, const char *key, const char *value)
{
	if (value)
		cJSON_AddStringToObject(object, key, value);
	else
		cJSON_AddNullToObject(object, key);
}

/* ---- the list -------------------------------------------------------------------------------- */

static cJSON *
entry_json(const struct account_entry *entry)
{
	cJSON *object = cJSON_CreateObject();
	cJSON *lineages = cJSON_CreateArray();

	cJSON_AddStringToObject(object, "id", entry->id);
	cJSON_AddStringToObject(object, "server", entry->server);
	add_optional(object, "url", entry->url);
	add_optional(object, "key", entry->key);
	if (entry->problem)
		cJSON_AddStringToObject(object, "problem", entry->problem);
	for (size_t i = 0; i < entry->lineage_count; i++)
		cJSON_AddItemToArray(lineages, cJSON_CreateString(entry->lineages[i]));
	cJSON_AddItemToObject(object, "lineages", lineages);
	return object;
}

static void
print_entry(const struct account_entry *entry, FILE *out)
{
	fprintf(out, "%s\n    CA          %s\n", entry->id, entry->server);
	if (entry->problem)
		fprintf(out, "    unusable    %s\n", entry->problem);
	else
		fprintf(out, "    URL         %s\n    key         %s\n",
		    entry->url ? entry->url : "not registered yet", entry->key);
	for (size_t i = 0; i < entry->lineage_count; i++)
		fprintf(out, "%s%s%s", i ? " " : "    renews      ", entry->lineages[i],
		    i + 1 == entry->lineage_count ? "\n" : "");
}

void
account_report_list(const struct account_entry *entries, size_t count, bool json, FILE *out)
{
	cJSON *root, *list;

	if (!json) {
		for (size_t i = 0; i < count; i++)
			print_entry(&entries[i], out);
		if (count == 0)
			fputs("no account\n", out);
		return;
	}
	root = cJSON_CreateObject();
	list = cJSON_CreateArray();
	cJSON_AddNumberToObject(root, "schema", 1);
	for (size_t i = 0; i < count; i++)
		cJSON_AddItemToArray(list, entry_json(&entries[i]));
	cJSON_AddItemToObject(root, "accounts", list);
	print_json(root, out);
}

/* ---- one ------------------------------------------------------------------------------------- */

static void
print_line(const char *label, const char *value, FILE *out)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	encode_visible(&text, span_str(value));
	fprintf(out, "    %-11s %s\n", label, buf_str(&text));
	buf_release(&text);
}

static void
print_object(const cJSON *doc, FILE *out)
{
	const char *status = acme_json_string(doc, "status");
	const cJSON *contacts = acme_json_array(doc, "contact");

	if (status)
		print_line("status", status, out);
	for (const cJSON *item = contacts ? contacts->child : NULL; item; item = item->next) {
		const char *value = cJSON_GetStringValue(item);

		if (value)
			print_line("contact", strncmp(value, "mailto:", 7) == 0 ? value + 7 : value,
			    out);
	}
	if (!contacts || !contacts->child)
		print_line("contact", "none", out);
}

static void
copy_member(cJSON *to, const char *key, const cJSON *doc)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(doc, key);

	if (item)
		cJSON_AddItemToObject(to, key, cJSON_Duplicate(item, true));
}

void
account_report_one(const char *word, const char *server, const struct account *account,
    const cJSON *doc, bool json, FILE *out)
{
	char key[32] = "";
	cJSON *root;

	if (account->key)
		pkey_describe(account->key, key);
	if (json) {
		root = cJSON_CreateObject();
		cJSON_AddNumberToObject(root, "schema", 1);
		cJSON_AddStringToObject(root, "outcome", word);
		cJSON_AddStringToObject(root, "id", account->id);
		cJSON_AddStringToObject(root, "server", server);
		add_optional(root, "url", account->url);
		cJSON_AddStringToObject(root, "key", key);
		copy_member(root, "status", doc);
		if (doc && !acme_json_array(doc, "contact"))
			cJSON_AddItemToObject(root, "contact", cJSON_CreateArray());
		copy_member(root, "contact", doc);
		copy_member(root, "orders", doc);
		print_json(root, out);
		return;
	}
	fprintf(out, "%s: %s\n", account->id, word);
	print_line("CA", server, out);
	print_line("URL", account->url ? account->url : "not registered", out);
	print_line("key", key, out);
	if (doc)
		print_object(doc, out);
}

/* ---- import ---------------------------------------------------------------------------------- */

static const char *const import_words[] = {
	[IMPORT_FAILED] = "failed",
	[IMPORT_TAKEN] = "taken over",
	[IMPORT_THERE] = "is there already",
};

static cJSON *
import_json(const struct import *in)
{
	cJSON *root = cJSON_CreateObject(), *accounts = cJSON_CreateArray(),
	      *lineages = cJSON_CreateArray();

	cJSON_AddNumberToObject(root, "schema", 1);
	cJSON_AddStringToObject(root, "from", in->from);
	for (size_t i = 0; i < in->account_count; i++) {
		cJSON *object = cJSON_CreateObject();

		add_optional(object, "id", in->accounts[i].id);
		add_optional(object, "server", in->accounts[i].server);
		add_optional(object, "problem", in->accounts[i].problem);
		cJSON_AddItemToArray(accounts, object);
	}
	for (size_t i = 0; i < in->lineage_count; i++) {
		cJSON *object = cJSON_CreateObject();

		cJSON_AddStringToObject(object, "name", in->lineages[i].name);
		cJSON_AddStringToObject(object, "outcome", import_words[in->lineages[i].outcome]);
		add_optional(object, "problem", in->lineages[i].problem);
		cJSON_AddItemToArray(lineages, object);
	}
	cJSON_AddItemToObject(root, "accounts", accounts);
	cJSON_AddItemToObject(root, "lineages", lineages);
	return root;
}

void
account_report_import(const struct import *in, bool json, FILE *out)
{
	if (json) {
		print_json(import_json(in), out);
		return;
	}
	for (size_t i = 0; i < in->account_count; i++) {
		const struct import_account *account = &in->accounts[i];

		fprintf(out, "account %s at %s\n", account->id ? account->id : "(unknown)",
		    account->server ? account->server : "an unknown CA");
		if (account->problem)
			print_line("failed", account->problem, out);
	}
	for (size_t i = 0; i < in->lineage_count; i++) {
		const struct import_lineage *lineage = &in->lineages[i];

		fprintf(out, "%s: %s\n", lineage->name, import_words[lineage->outcome]);
		if (lineage->outcome == IMPORT_FAILED && lineage->problem)
			print_line("because", lineage->problem, out);
	}
}

/* SPDX-License-Identifier: ISC */
/*
 * What was made, told to people and programs.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/json_write.h"
#include "libcert/mint.h"
#include "libcert/x509info.h"

#define JSON_MAX ((size_t)1024 * 1024)

static const char *
use_word(enum x509gen_use use)
{
	static const char *const words[] = {
		[X509GEN_SERVER] = "server",
		[X509GEN_CLIENT] = "client",
		[X509GEN_PEER] = "server, client",
		[X509GEN_CA] = "CA",
	};

	return words[use];
}

/* What there is to tell; strings owned. */
struct told {
	char from[CLOCK_RFC3339_LEN + 1], until[CLOCK_RFC3339_LEN + 1], key[32];
	struct buf sha256, pin, issuer;
	struct arena *arena;
	struct x509info info;
};

static void
told_init(struct told *t, const struct minted *minted)
{
	X509 *leaf = sk_X509_value(minted->certs, 0);
	unsigned char pin[32];

	*t = (struct told){ .arena = arena_new(0) };
	buf_init(&t->sha256, 128);
	buf_init(&t->pin, 128);
	buf_init(&t->issuer, 4096);
	x509info_read(leaf, t->arena, &t->info);
	x509info_pin(leaf, pin);
	clock_format_rfc3339(t->info.not_before, t->from);
	clock_format_rfc3339(t->info.not_after, t->until);
	pkey_describe(minted->key, t->key);
	encode_hex_colon(&t->sha256, span_of(t->info.sha256, 32));
	encode_base64(&t->pin, span_of(pin, 32));
	encode_visible(&t->issuer, t->info.issuer);
}

static void
told_release(struct told *t)
{
	buf_release(&t->sha256);
	buf_release(&t->pin);
	buf_release(&t->issuer);
	arena_free(t->arena);
}

static int64_t
days_of(const struct x509info *info)
{
	return (info->not_after - info->not_before) / MINT_DAY;
}

void
mint_report_warnings(const struct minted *minted, const char *program, FILE *out)
{
	bool server = minted->use == X509GEN_SERVER || minted->use == X509GEN_PEER;
	struct told t;

	told_init(&t, minted);
	if (server && !name_list_has(&minted->names, NAME_DNS) &&
	    !name_list_has(&minted->names, NAME_IP))
		fprintf(out, "%s: no host name in it: no browser will accept it for any site\n",
		    program);
	if (server && days_of(&t.info) > MINT_DAYS_APPLE)
		fprintf(out, "%s: valid for more than %d days: Apple's systems refuse it\n",
		    program, MINT_DAYS_APPLE);
	told_release(&t);
}

void
mint_report_text(const struct minted *minted, FILE *out)
{
	struct told t;

	told_init(&t, minted);
	fprintf(out, "certificate  %s\n", minted->cert_path);
	if (minted->key_path)
		fprintf(out, "key          %s (%s)\n", minted->key_path, t.key);
	if (minted->bundle_path)
		fprintf(out, "pkcs12       %s\n", minted->bundle_path);
	if (minted->use != X509GEN_SERVER)
		fprintf(out, "use          %s\n", use_word(minted->use));
	for (size_t i = 0; i < minted->names.count; i++)
		fprintf(out, "%s %s %s\n", i == 0 ? "names       " : "            ",
		    name_kind_word(minted->names.items[i].kind), minted->names.items[i].text);
	if (!t.info.self_signed)
		fprintf(out, "issuer       %s\n", buf_str(&t.issuer));
	fprintf(out, "valid        %s to %s (%lld days)\n", t.from, t.until,
	    (long long)days_of(&t.info));
	fprintf(out, "sha256       %s\n", buf_str(&t.sha256));
	fprintf(out, "pin-sha256   %s\n", buf_str(&t.pin));
	told_release(&t);
}

static void
add_names(struct json_write *w, const struct name_list *names)
{
	json_open(w, "names", '[');
	for (size_t i = 0; i < names->count; i++) {
		json_open(w, NULL, '{');
		json_text(w, "type", span_str(name_kind_word(names->items[i].kind)));
		json_text(w, "value", span_str(names->items[i].text));
		json_close(w, '}');
	}
	json_close(w, ']');
}

void
mint_report_json(const struct minted *minted, FILE *out)
{
	struct buf json;
	struct json_write w = { .out = &json };
	struct told t;

	told_init(&t, minted);
	buf_init(&json, JSON_MAX);
	json_open(&w, NULL, '{');
	json_number(&w, "schema", 1);
	json_text(&w, "certificate", span_str(minted->cert_path));
	if (minted->key_path)
		json_text(&w, "key", span_str(minted->key_path));
	if (minted->bundle_path)
		json_text(&w, "pkcs12", span_str(minted->bundle_path));
	json_text(&w, "key_type", span_str(t.key));
	json_text(&w, "use", span_str(use_word(minted->use)));
	add_names(&w, &minted->names);
	json_text(&w, "issuer", t.info.issuer);
	json_bool(&w, "self_signed", t.info.self_signed);
	json_text(&w, "serial", t.info.serial);
	json_text(&w, "not_before", span_str(t.from));
	json_text(&w, "not_after", span_str(t.until));
	json_text(&w, "sha256", buf_span(&t.sha256));
	json_text(&w, "pin_sha256", buf_span(&t.pin));
	json_close(&w, '}');
	fprintf(out, "%s\n", buf_str(&json));
	buf_release(&json);
	told_release(&t);
}

/* SPDX-License-Identifier: ISC */
/*
 * directive_tls_handshake: what servers agree on with clients: versions, ciphers, groups, and how.
 */
#include "proxy/config/lex.h"
#include "proxy/config/loader.h"
#include "proxy/config/tls_command.h"
#include "proxy/config/tls_profile.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* How the files of profiles of ours are called. */
#define PROFILE "ssl_profile "

#define WORDS_MAX 32 /* in a line of a profile */

struct ssl_ctx_st *
loader_tls(struct loader *l)
{
	if (!l->tls)
		l->tls = SSL_CTX_new(TLS_server_method());
	ERR_clear_error();
	return l->tls;
}

int
directive_set_tls_protocols(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	static const struct directive_choice protocols[] = {
		{ SPAN_INIT("TLSv1"), TLS_PROTO_1_0 },
		{ SPAN_INIT("TLSv1.1"), TLS_PROTO_1_1 },
		{ SPAN_INIT("TLSv1.2"), TLS_PROTO_1_2 },
		{ SPAN_INIT("TLSv1.3"), TLS_PROTO_1_3 },
		{ SPAN_INIT(""), 0 },
	};
	struct directive choices = *d;

	for (unsigned i = 1; i < n->word_count; i++) {
		const struct word *w = &n->words[i];

		if (span_eq_nocase(w->text, SPAN("SSLv2")) ||
		    span_eq_nocase(w->text, SPAN("SSLv3"))) {
			loader_word_error(l, n, w, "\"" SPAN_FMT "\" is broken and not supported",
			    SPAN_ARG(w->text));
			diagnostic_hint(l->diags, "leave it out: OpenSSL has it no more");
			return -1;
		}
	}
	choices.detail = protocols;
	return directive_set_choices(l, s, &choices, n);
}

/* What OpenSSL makes of the list, asked once per distinct one. */
static bool
are_ciphers_sound(struct loader *l, struct span list)
{
	static const char sound, broken;
	const char *verdict = span_map_get(&l->ciphers, list);

	if (!verdict) {
		SSL_CTX *ctx = loader_tls(l);

		verdict = ctx && SSL_CTX_set_cipher_list(ctx, arena_strdup(l->scratch, list)) == 1
			      ? &sound
			      : &broken;
		ERR_clear_error();
		span_map_add(&l->ciphers, list, (void *)(uintptr_t)verdict);
	}
	return verdict == &sound;
}

int
directive_set_tls_ciphers(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	struct span list = n->words[1].text;

	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (!are_ciphers_sound(l, list)) {
		loader_error(l, n, "no cipher of \"" SPAN_FMT "\" is known", SPAN_ARG(list));
		diagnostic_hint(l->diags,
		    "it is an OpenSSL cipher list; \"openssl ciphers\" shows what is known");
		return -1;
	}
	*(struct span *)(void *)((char *)scope_settings(l, s, d->group) + d->offset) = list;
	return 0;
}

static int
set_dhparam(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (n->words[1].text.n == 0)
		return loader_fail(l, n, "invalid value");
	scope_server_settings(l, s)->tls.dhparam = loader_conf_path(l, n->words[1].text);
	return 0;
}

/* Groups of newer libraries: left out of a list where this one lacks them, so that one configuration serves both. */
static bool
is_newer_group(struct span name)
{
	static const struct span newer[] = {
		SPAN_INIT("X25519MLKEM768"),
		SPAN_INIT("SecP256r1MLKEM768"),
		SPAN_INIT("SecP384r1MLKEM1024"),
		SPAN_INIT("MLKEM512"),
		SPAN_INIT("MLKEM768"),
		SPAN_INIT("MLKEM1024"),
	};

	for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); i++) {
		if (span_eq_nocase(newer[i], name))
			return true;
	}
	return false;
}

/*
 * One name the library does not know would make it refuse the whole list. Those it may come to know are left out, and in the
 * profiles of ours, which are for every library, without a word.
 */
static int
set_curve(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct span rest = n->words[1].text, name, list = { NULL, 0 };
	SSL_CTX *ctx = loader_tls(l);

	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (span_eq(rest, SPAN("auto"))) {
		scope_server_settings(l, s)->tls.groups = list;
		return 0;
	}
	while (span_split(&rest, ':', &name)) {
		bool known =
		    ctx && SSL_CTX_set1_groups_list(ctx, arena_strdup(l->scratch, name)) == 1;

		ERR_clear_error();
		if (!known && !is_newer_group(name)) {
			loader_error(l, n, "unknown curve \"" SPAN_FMT "\"", SPAN_ARG(name));
			diagnostic_hint(l->diags,
			    "a list is written like \"X25519:prime256v1:secp384r1\"");
			return -1;
		}
		if (!known && !span_starts(n->file->path, SPAN(PROFILE)))
			loader_warn(l, n,
			    "this OpenSSL knows no curve \"" SPAN_FMT "\": it is left out",
			    SPAN_ARG(name));
		if (known)
			list = arena_printf(l->arena, SPAN_FMT "%s" SPAN_FMT, SPAN_ARG(list),
			    list.n > 0 ? ":" : "", SPAN_ARG(name));
	}
	if (list.n == 0)
		return loader_error(l, n, "this OpenSSL knows no curve of \"" SPAN_FMT "\"",
		    SPAN_ARG(n->words[1].text));
	scope_server_settings(l, s)->tls.groups = list;
	return 0;
}

/* ssl_conf_command NAME VALUE */
static int
set_conf_command(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct tls_command *c = arena_zalloc(l->arena, sizeof(*c));
	struct tls_settings *tls = &scope_server_settings(l, s)->tls;
	struct tls_command **tail = NULL;
	struct err e = ERR_INIT;
	SSL_CTX *ctx;
	int rc;

	*c = (struct tls_command){ .name = n->words[1].text, .value = n->words[2].text };
	if (loader_check_literal(l, n, &n->words[1]) < 0 ||
	    loader_check_literal(l, n, &n->words[2]) < 0)
		return -1;
	ctx = SSL_CTX_new(TLS_server_method());
	rc = ctx ? tls_command_run(c, ctx, NULL, &e) : 0;
	SSL_CTX_free(ctx);
	if (rc < 0) {
		loader_error(l, n, "%s", err_text(&e));
		if (e.hint)
			diagnostic_hint(l->diags, "%s", e.hint);
	}
	err_release(&e);
	if (s->first)
		tls->commands = NULL;
	/* Behind those of this block; the list is this load's own. */
	tail = (struct tls_command **)(uintptr_t)&tls->commands;
	while (*tail)
		tail = (struct tls_command **)(uintptr_t) & (*tail)->next;
	*tail = c;
	return rc;
}

/* ---- ssl_profile ------------------------------------------------------------------------------ */

/* A line of a profile: a directive that is not set in this block itself. */
static int
set_profile_line(struct loader *l, struct scope *s, const struct node *line, bool *commands)
{
	static const struct span allowed[] = {
		SPAN_INIT("ssl_protocols"),
		SPAN_INIT("ssl_ciphers"),
		SPAN_INIT("ssl_ecdh_curve"),
		SPAN_INIT("ssl_prefer_server_ciphers"),
		SPAN_INIT("ssl_conf_command"),
		SPAN_INIT("ssl_session_timeout"),
		SPAN_INIT("ssl_session_tickets"),
		SPAN_INIT("ssl_buffer_size"),
		SPAN_INIT("ssl_early_data"),
	};
	struct span name = line->words[0].text;
	const struct directive *d;
	ptrdiff_t at = -1;
	bool first = s->first;
	int rc;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		if (span_eq(allowed[i], name))
			at = directive_find(&l->directives, name, s->context);
	}
	if (at < 0)
		return loader_error(l, line, "\"" SPAN_FMT "\" does not belong into a TLS profile",
		    SPAN_ARG(name));
	d = l->directives.rows[at];
	if (line->word_count - 1 < d->min_args || line->word_count - 1 > d->max_args)
		return loader_error(l, line,
		    "invalid number of arguments in \"" SPAN_FMT "\" directive", SPAN_ARG(name));
	if (s->seen[at / 8] & (1 << (at & 7)))
		return 0; /* what the block says itself counts, wherever it stands */
	s->first = !(d->flags & DIRECTIVE_MANY) || !*commands;
	*commands |= d->flags & DIRECTIVE_MANY;
	rc = d->set(l, s, d, line);
	s->first = first;
	return rc;
}

static int
set_profile_text(struct loader *l, struct scope *s, const struct config_file *file)
{
	struct word words[WORDS_MAX];
	struct node line = { .file = file, .words = words };
	bool commands = false; /* one has come: the next adds to it */
	struct lexer lx;
	int rc = 0;

	lex_init(&lx, file->text);
	for (;;) {
		struct token t = lex_next(&lx);

		if (t.kind == LEX_END && line.word_count == 0)
			return rc;
		if (t.kind == LEX_WORD && line.word_count < WORDS_MAX) {
			if (line.word_count == 0)
				line.line = t.line;
			words[line.word_count++] =
			    (struct word){ .text = lex_value(t.raw, l->arena),
				    .line = t.line,
				    .quoted = t.quote != 0 };
		} else if (t.kind == LEX_SEMICOLON && line.word_count > 0) {
			line.end_line = t.line;
			rc |= set_profile_line(l, s, &line, &commands);
			line.word_count = 0;
		} else {
			return diagnostic_add(l->diags, DIAG_EMERG, file, t.line,
			    "a TLS profile has lines like \"ssl_protocols TLSv1.3;\" only");
		}
	}
}

/* ssl_profile modern | intermediate | old | PATH */
static int
set_profile(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct span name = n->words[1].text;
	struct config_file *file = arena_zalloc(l->arena, sizeof(*file));
	const char *text = tls_profile_text(name);
	struct err e = ERR_INIT;

	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	*file = *n->file;
	if (text) {
		file->path = arena_printf(l->arena, PROFILE SPAN_FMT, SPAN_ARG(name));
		file->text = span_str(text);
		return set_profile_text(l, s, file);
	}
	if (span_find(name, '/') < 0 && span_find(name, '.') < 0) {
		loader_error(l, n, "unknown TLS profile \"" SPAN_FMT "\"", SPAN_ARG(name));
		diagnostic_hint(l->diags,
		    "there are \"modern\", \"intermediate\" and \"old\"; or give a file's path");
		return -1;
	}
	file->path = loader_conf_path(l, name);
	if (l->source->read(l->source, file->path, &file->text, &e) == 0)
		return set_profile_text(l, s, file);
	loader_error(l, n, "cannot load TLS profile: %s", err_text(&e));
	err_release(&e);
	return -1;
}

static const struct directive_range record = { 512, 16 << 20 };

static const struct directive rows[] = {
	{ SPAN_INIT("ssl_protocols"), CONTEXT_TLS, 1, DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY,
	    .set = directive_set_tls_protocols, SERVER_FIELD(unsigned, tls.protocols) },
	{ SPAN_INIT("ssl_ciphers"), CONTEXT_TLS, 1, 1, 0, .set = directive_set_tls_ciphers,
	    SERVER_FIELD(struct span, tls.ciphers) },
	{ SPAN_INIT("ssl_prefer_server_ciphers"), CONTEXT_TLS, 1, 1, 0, .set = directive_set_flag,
	    SERVER_FIELD(bool, tls.prefer_server_ciphers) },
	{ SPAN_INIT("ssl_ecdh_curve"), CONTEXT_TLS, 1, 1, 0, .set = set_curve },
	{ SPAN_INIT("ssl_dhparam"), CONTEXT_TLS, 1, 1, 0, .set = set_dhparam },
	{ SPAN_INIT("ssl_conf_command"), CONTEXT_TLS, 2, 2, DIRECTIVE_MANY,
	    .set = set_conf_command },
	{ SPAN_INIT("ssl_profile"), CONTEXT_TLS, 1, 1, 0, .set = set_profile },
	{ SPAN_INIT("ssl_buffer_size"), CONTEXT_HTTP_SERVER, 1, 1, 0, .set = directive_set_size,
	    SERVER_FIELD(size_t, tls.buffer_size), &record },
	{ SPAN_INIT("ssl_reject_handshake"), CONTEXT_TLS, 1, 1, 0, .set = directive_set_flag,
	    SERVER_FIELD(bool, tls.reject_handshake) },
};
const struct directive_table directive_tls_handshake_table = { rows,
	sizeof(rows) / sizeof(rows[0]) };

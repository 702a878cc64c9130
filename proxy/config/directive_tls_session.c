/* SPDX-License-Identifier: ISC */
/*
 * directive_tls_session: how sessions are resumed: caches, tickets and their keys.
 */
#include "proxy/config/loader.h"
#include "proxy/config/value.h"

/* OpenSSL's own default, and nginx's for "builtin". */
#define BUILTIN_SESSIONS 20480
#define BUILTIN_MAX (1 << 20)
#define ZONE_MIN (8 * 4096)
#define ZONE_MAX (1 << 30)

const struct zone_spec *
loader_zone(struct loader *l, const struct node *n, struct span name, size_t size)
{
	struct zone_spec *z = span_map_get(&l->zones, name);
	struct snapshot *s = l->snapshot;

	if (z && size && z->size != size) {
		loader_error(l, n, "the zone \"" SPAN_FMT "\" has another size already: %zu bytes",
		    SPAN_ARG(name), z->size);
		return NULL;
	}
	if (z)
		return z;
	if (!size) {
		loader_error(l, n, "no size is given for the zone \"" SPAN_FMT "\"",
		    SPAN_ARG(name));
		return NULL;
	}
	z = arena_zalloc(l->arena, sizeof(*z));
	*z = (struct zone_spec){ .name = name, .size = size, .index = (unsigned)s->zone_count };
	span_map_add(&l->zones, name, z);
	LOADER_APPEND(l->arena, s->zones, s->zone_count, z);
	return z;
}

/* shared:NAME:SIZE; without a size, one that stands elsewhere. */
static int
set_shared(struct loader *l, const struct node *n, const struct word *w,
    struct tls_session_store *store)
{
	struct span rest = span_after(w->text, sizeof("shared:") - 1);
	ptrdiff_t colon = span_find(rest, ':');
	struct span name = colon < 0 ? rest : span_of(rest.p, (size_t)colon);
	uint64_t size = 0;

	if (name.n == 0 || (colon >= 0 && value_parse_size(span_after(rest, (size_t)colon + 1),
					      ZONE_MAX, &size) < 0))
		return loader_word_error(l, n, w, "invalid session cache \"" SPAN_FMT "\"",
		    SPAN_ARG(w->text));
	if (colon >= 0 && size < ZONE_MIN) {
		loader_word_error(l, n, w, "session cache \"" SPAN_FMT "\" is too small",
		    SPAN_ARG(w->text));
		diagnostic_hint(l->diags, "32k is the least; 1m is good for some 3,000 sessions");
		return -1;
	}
	store->zone = loader_zone(l, n, name, (size_t)size);
	return store->zone ? 0 : -1;
}

static int
set_builtin(struct loader *l, const struct node *n, const struct word *w,
    struct tls_session_store *store)
{
	struct span rest = span_after(w->text, sizeof("builtin") - 1);
	uint64_t count = BUILTIN_SESSIONS;

	if (rest.n > 0 &&
	    (rest.p[0] != ':' || span_to_u64(span_after(rest, 1), BUILTIN_MAX, &count) < 0 ||
		count == 0))
		return loader_bad_parameter(l, n, w, NULL);
	store->off = false;
	store->builtin = (unsigned)count;
	return 0;
}

/* ssl_session_cache off | none | [builtin[:COUNT]] [shared:NAME:SIZE]: of several the last of each kind counts */
static int
set_cache(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct tls_session_store *said = &scope_server_settings(l, s)->tls.store, store = *said;
	int rc = 0;

	if (s->first)
		store = (struct tls_session_store){ 0 };
	for (unsigned i = 1; i < n->word_count; i++) {
		const struct word *w = &n->words[i];

		if (loader_check_literal(l, n, w) < 0) {
			rc = -1;
		} else if (span_eq(w->text, SPAN("off"))) {
			store.off = true;
		} else if (span_eq(w->text, SPAN("none"))) {
			store = (struct tls_session_store){ 0 };
		} else if (span_starts(w->text, SPAN("builtin"))) {
			rc |= set_builtin(l, n, w, &store);
		} else if (span_starts(w->text, SPAN("shared:"))) {
			rc |= set_shared(l, n, w, &store);
		} else {
			rc |= loader_bad_parameter(l, n, w, NULL);
		}
	}
	*said = store;
	return rc;
}

/* The first encrypts, all decrypt. */
static int
set_ticket_key(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct tls_settings *tls = &scope_server_settings(l, s)->tls;
	struct tls_path *p = arena_zalloc(l->arena, sizeof(*p)), **tail;

	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (n->words[1].text.n == 0)
		return loader_fail(l, n, "invalid value");
	p->path = loader_conf_path(l, n->words[1].text);
	if (s->first)
		tls->ticket_keys = NULL;
	tail = (struct tls_path **)(uintptr_t)&tls->ticket_keys;
	while (*tail)
		tail = (struct tls_path **)(uintptr_t) & (*tail)->next;
	*tail = p;
	return 0;
}

static const struct directive rows[] = {
	{ SPAN_INIT("ssl_session_cache"), CONTEXT_TLS, 1, 2, DIRECTIVE_MANY, .set = set_cache },
	{ SPAN_INIT("ssl_session_tickets"), CONTEXT_TLS, 1, 1, 0, .set = directive_set_flag,
	    SERVER_FIELD(bool, tls.tickets) },
	{ SPAN_INIT("ssl_session_ticket_key"), CONTEXT_TLS, 1, 1, DIRECTIVE_MANY,
	    .set = set_ticket_key },
	{ SPAN_INIT("ssl_early_data"), CONTEXT_HTTP_SERVER, 1, 1, 0, .set = directive_set_flag,
	    SERVER_FIELD(bool, tls.early_data) },
	{ SPAN_INIT("ssl_session_timeout"), CONTEXT_TLS, 1, 1, 0, .set = directive_set_duration,
	    SERVER_FIELD(int64_t, tls.session_timeout_ms), directive_seconds },
};
const struct directive_table directive_tls_session_table = { rows, sizeof(rows) / sizeof(rows[0]) };

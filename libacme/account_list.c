/* SPDX-License-Identifier: ISC */
/*
 * account_list: every account of the store, found by walking accounts/: the path is the CA's address. And
 * the lineages that name an account in their renewal configuration.
 */
#include "base/file.h"
#include "base/mem.h"
#include "libacme/account_store.h"
#include "libcert/pkey.h"
#include "libcert/renewalconf.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARAMS "renewalparams"
/* accounts/HOST/a/b/c: as deep as a CA's address may go. */
#define DEPTH_MAX 8

struct walk {
	struct certstore *store;
	struct arena *arena;
	struct account_entry *entries;
	size_t count;
	struct err *e;
};

static bool
is_account(const char *path, const char *name)
{
	char *key = mem_printf("%s/private_key.json", path);
	bool is = account_id_ok(name) && file_exists(key);

	free(key);
	return is;
}

/* sub: HOST/PATH, below accounts/. */
static void
add_entry(struct walk *w, const char *sub, const char *id)
{
	struct account account = { .url = NULL };
	struct account_entry *entry;
	struct err why = ERR_INIT;
	char key[32];

	w->entries = mem_realloc_array(w->entries, w->count + 1, sizeof(*w->entries));
	entry = &w->entries[w->count++];
	*entry = (struct account_entry){
		.server = arena_printf(w->arena, "https://%s", sub).p,
		.id = arena_strdup(w->arena, span_str(id)),
	};
	if (account_load(w->store, entry->server, id, &account, &why) == 0) {
		pkey_describe(account.key, key);
		entry->key = arena_strdup(w->arena, span_str(key));
		if (account.url)
			entry->url = arena_strdup(w->arena, span_str(account.url));
		account_release(&account);
	} else {
		entry->problem = arena_strdup(w->arena, span_str(err_text(&why)));
	}
	err_release(&why);
}

static int
walk_dir(struct walk *w, const char *path, const char *sub, int depth)
{
	struct dirent **list;
	int count = scandir(path, &list, NULL, alphasort), rc = 0;
	struct stat st;

	if (count < 0) {
		if (errno == ENOENT)
			return 0;
		return err_set_errno(w->e, errno, "cannot look for accounts in %s", path);
	}
	for (int i = 0; i < count; i++) {
		const char *name = list[i]->d_name;
		char *child = file_join(path, name);
		char *deeper = *sub ? mem_printf("%s/%s", sub, name) : mem_strdup(name);

		if (rc == 0 && *name != '.' && stat(child, &st) == 0 && S_ISDIR(st.st_mode)) {
			if (is_account(child, name))
				add_entry(w, sub, name);
			else if (depth < DEPTH_MAX)
				rc = walk_dir(w, child, deeper, depth + 1);
		}
		free(deeper);
		free(child);
		free(list[i]);
	}
	free(list);
	return rc;
}

/* ---- who renews with it ---------------------------------------------------------------------- */

/* As the store's path has it: without what follows the path. */
static struct span
server_key(const char *server)
{
	struct span s = span_str(server);

	s.n = strcspn(server, "?#");
	while (span_ends(s, SPAN("/")))
		s.n--;
	return s;
}

/* Does the lineage renew with that account? */
static bool
renews_with(const struct renewalconf *conf, const char *server, const char *id)
{
	const char *account = renewalconf_get(conf, PARAMS, "account");
	const char *of = renewalconf_get(conf, PARAMS, "server");

	return account && of && strcmp(account, id) == 0 &&
	       span_eq(server_key(of), server_key(server));
}

static struct renewalconf *
load_conf(const struct certstore *store, struct span name, char **path)
{
	struct renewalconf *conf = renewalconf_new();

	*path = mem_printf("%s/renewal/%.*s.conf", certstore_dir(store), SPAN_ARG(name));
	if (renewalconf_load(conf, *path, NULL) == 0)
		return conf;
	renewalconf_free(conf);
	return NULL;
}

static void
add_lineage(struct walk *w, struct span name, size_t most)
{
	char *path;
	struct renewalconf *conf = load_conf(w->store, name, &path);

	for (size_t i = 0; conf && i < w->count; i++) {
		struct account_entry *entry = &w->entries[i];

		if (!renews_with(conf, entry->server, entry->id))
			continue;
		if (!entry->lineages)
			entry->lineages = arena_array(w->arena, most, sizeof(*entry->lineages));
		entry->lineages[entry->lineage_count++] = arena_strdup(w->arena, name);
	}
	renewalconf_free(conf);
	free(path);
}

int
account_list(struct certstore *store, struct arena *arena, struct account_entry **entries,
    size_t *count, struct err *e)
{
	struct walk w = { .store = store, .arena = arena, .e = e };
	char *path = file_join(certstore_dir(store), "accounts");
	struct span *names;
	size_t name_count;
	int rc = walk_dir(&w, path, "", 0);

	*entries = NULL;
	*count = 0;
	if (rc == 0)
		rc = certstore_list(store, arena, &names, &name_count, e);
	for (size_t i = 0; rc == 0 && i < name_count; i++)
		add_lineage(&w, names[i], name_count);
	if (rc == 0 && w.count) {
		*entries = arena_array(arena, w.count, sizeof(**entries));
		memcpy(*entries, w.entries, w.count * sizeof(**entries));
		*count = w.count;
	}
	free(w.entries);
	free(path);
	return rc;
}

static int
move_lineage(struct certstore *store, struct span name, const char *server, const char *from,
    const char *to, bool *left, struct err *e)
{
	char *path;
	struct renewalconf *conf = load_conf(store, name, &path);
	bool moves = conf && renews_with(conf, server, from);
	int lock = -1, rc = 0;

	if (moves) {
		lock = certstore_lock(store, name.p, false, NULL);
		*left = *left || lock < 0;
	}
	if (lock >= 0) {
		/* Once more, now that nobody else changes it. */
		renewalconf_free(conf);
		free(path);
		conf = load_conf(store, name, &path);
		if (conf && renews_with(conf, server, from)) {
			(void)!renewalconf_set(conf, PARAMS, "account", to);
			rc = renewalconf_save(conf, path, e);
		}
		close(lock);
	}
	renewalconf_free(conf);
	free(path);
	return rc;
}

int
account_move_lineages(struct certstore *store, const char *server, const char *from, const char *to,
    bool *left, struct err *e)
{
	struct arena *arena = arena_new(0);
	struct span *names;
	size_t count;
	int rc = certstore_list(store, arena, &names, &count, e);

	*left = false;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = move_lineage(store, names[i], server, from, to, left, e);
	arena_free(arena);
	return rc;
}

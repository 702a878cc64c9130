/* SPDX-License-Identifier: ISC */
/*
 * issue_fallback: a list of CAs: when one cannot, or will not, the next is asked, in the same run. The first is asked first again by
 * the next renewal: how->server in the configuration stays as it is.
 */
#include "base/mem.h"
#include "libacme/issue.h"

/* Is it something that another CA may see differently? What is wrong with the name's own server is not. */
static bool
is_the_ca_s(const struct err *e)
{
	return e->kind == ERR_UNAVAILABLE || e->kind == ERR_TEMPFAIL || e->kind == ERR_DATA ||
	       e->kind == ERR_CONFIG;
}

void
issue_forget_order(struct issue *job)
{
	order_free(job->order);
	job->order = NULL;
	if (job->solver)
		job->solver->free(job->solver);
	job->solver = NULL;
	EVP_PKEY_free(job->key);
	job->key = NULL;
}

bool
issue_fall_back(struct issue *job)
{
	struct span rest, url;

	if (!job->home_server) {
		job->more_servers = job->how.fallback_servers;
		job->home_server = job->how.server;
		job->home_account = job->how.account;
	}
	if (job->outcome != ISSUE_FAILED || !job->more_servers || !is_the_ca_s(&job->error))
		return false;
	rest = span_str(job->more_servers);
	if (!span_split(&rest, ',', &url) || url.n == 0)
		return false;
	job->more_servers = arena_strdup(job->arena, rest);
	job->how.server = arena_strdup(job->arena, span_trim(url));
	job->how.account = NULL;
	issue_forget_order(job);
	job->ca = NULL;
	err_release(&job->error);
	job->outcome = ISSUE_UNDECIDED;
	job->order_wanted = true;
	return true;
}

static void
register_at(struct issue *job, const char *url, const struct issue_options *options)
{
	struct acme *ca = acme_new(options->http, url, job->how.ca_file);
	struct account account = { .url = NULL };
	struct err e = ERR_INIT;

	if (acme_open_wait(ca, &e) == 0 &&
	    account_use(job->store, ca, NULL, &options->account, &account, &e) == 0)
		account_release(&account);
	if (e.kind != ERR_NONE && options->say) {
		char *text = mem_printf("no account at %s for renewals: %s", url, err_text(&e));

		options->say(options->arg, job, text);
		free(text);
	}
	err_release(&e);
	acme_free(ca);
}

static void
register_if_needed(struct issue *job, const char *url, const struct issue_options *options)
{
	struct account known;
	bool registered =
	    account_load(job->store, url, NULL, &known, NULL) == 0 && known.url != NULL;

	account_release(&known);
	if (!registered && !acme_http_stopped(options->http))
		register_at(job, url, options);
}

void
issue_register(struct issue *job, const struct issue_options *options)
{
	struct span rest = span_str(job->how.fallback_servers), url;

	if (!job->home_server && !job->how.account)
		register_if_needed(job, job->how.server, options);
	while (span_split(&rest, ',', &url))
		register_if_needed(job, arena_strdup(job->arena, span_trim(url)), options);
}

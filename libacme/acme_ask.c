/* SPDX-License-Identifier: ISC */
/*
 * acme_ask: a callback that keeps what a reply says beyond its life.
 */
#include "libacme/acme_ask.h"

#include "base/mem.h"
#include "libacme/acme_json.h"

struct asking {
	struct acme_told *told;
	struct err *e;
	int rc;
};

void
acme_told_release(struct acme_told *told)
{
	cJSON_Delete(told->doc);
	free(told->location);
	free(told->problem);
	*told = (struct acme_told){ .status = 0 };
}

static void
on_answer(void *arg, const struct acme_answer *answer)
{
	struct asking *a = arg;
	struct acme_told *told = a->told;

	if (answer->reply) {
		told->status = answer->reply->status;
		if (answer->reply->location)
			told->location = mem_strdup(answer->reply->location);
	}
	if (answer->problem)
		told->problem = mem_strdup(answer->problem->type);
	if (answer->error) {
		if (a->e)
			err_move(a->e, answer->error);
		return;
	}
	/* Some replies have no body; who needs one sees that there is none. */
	(void)!acme_json_parse(answer->reply->body, "the CA's reply", &told->doc, NULL);
	a->rc = 0;
}

int
acme_ask(struct acme *ca, const struct acme_post *post, struct acme_told *told, struct err *e)
{
	struct asking asking = { .told = told, .e = e, .rc = -1 };
	struct acme_post sent = *post;

	*told = (struct acme_told){ .status = 0 };
	sent.done = on_answer;
	sent.arg = &asking;
	acme_post(ca, &sent);
	acme_http_run(acme_transport(ca));
	return asking.rc;
}

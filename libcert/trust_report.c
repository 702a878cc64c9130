/* SPDX-License-Identifier: ISC */
/*
 * The outcome of trust_run, told.
 */
#include "libcert/trust_report.h"

#include "base/json_write.h"

#define JSON_MAX ((size_t)1024 * 1024)

void
trust_report_text(const struct trust_outcome *outcomes, size_t count, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		const struct trust_outcome *o = &outcomes[i];

		fprintf(out, "%-7s %-12s " SPAN_FMT, trust_store_word(o->store),
		    trust_state_word(o->state), SPAN_ARG(o->path));
		if (o->reason.n > 0)
			fprintf(out, "%s" SPAN_FMT, o->path.n ? ": " : "", SPAN_ARG(o->reason));
		fputc('\n', out);
	}
}

void
trust_report_json(const struct trust_outcome *outcomes, size_t count, FILE *out)
{
	struct buf json;
	struct json_write w = { .out = &json };

	buf_init(&json, JSON_MAX);
	json_open(&w, NULL, '{');
	json_number(&w, "schema", 1);
	json_open(&w, "stores", '[');
	for (size_t i = 0; i < count; i++) {
		json_open(&w, NULL, '{');
		json_text(&w, "store", span_str(trust_store_word(outcomes[i].store)));
		json_text(&w, "state", span_str(trust_state_word(outcomes[i].state)));
		json_text(&w, "path", outcomes[i].path);
		if (outcomes[i].reason.n > 0)
			json_text(&w, "reason", outcomes[i].reason);
		json_close(&w, '}');
	}
	json_close(&w, ']');
	json_close(&w, '}');
	fprintf(out, "%s\n", buf_str(&json));
	buf_release(&json);
}

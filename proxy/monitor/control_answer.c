/* SPDX-License-Identifier: ISC */
/*
 * control_answer: JSON in, lines out. A member that is missing reads as 0 or "-": a newer or older tinyproxyd
 * may be at the other end.
 */
#include "base/mem.h"
#include "proxy/monitor/control_answer_internal.h"

#include <stdlib.h>

#define NUMBER_MAX 9007199254740992.0

int
control_answer_parse(struct span text, struct control_answer **answer, struct err *e)
{
	cJSON *json = text.n ? cJSON_ParseWithLength(text.p, text.n) : NULL;

	if (!cJSON_IsObject(json) || !cJSON_IsNumber(cJSON_GetObjectItem(json, "schema")) ||
	    !cJSON_IsBool(cJSON_GetObjectItem(json, "ok"))) {
		cJSON_Delete(json);
		return err_set(e, ERR_DATA, "this is not an answer of tinyproxyd");
	}
	*answer = mem_alloc(sizeof(**answer));
	(*answer)->json = json;
	return 0;
}

void
control_answer_free(struct control_answer *a)
{
	if (!a)
		return;
	cJSON_Delete(a->json);
	free(a);
}

bool
control_answer_ok(const struct control_answer *a)
{
	return cJSON_IsTrue(cJSON_GetObjectItem(a->json, "ok"));
}

const char *
answer_text(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));

	return text ? text : "-";
}

double
answer_number(const cJSON *object, const char *name)
{
	const cJSON *n = cJSON_GetObjectItem(object, name);

	/* Counters: what a double holds exactly; anything else is not ours. */
	return cJSON_IsNumber(n) && n->valuedouble >= 0 && n->valuedouble <= NUMBER_MAX
		   ? n->valuedouble
		   : 0;
}

bool
control_answer_blames_config(const struct control_answer *a)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, cJSON_GetObjectItem(a->json, "errors"))
	{
		if (cJSON_HasObjectItem(one, "file"))
			return true;
	}
	return false;
}

static void
print_list(const cJSON *list, const char *prefix, const char *level, FILE *out)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, list)
	{
		fprintf(out, "%s: [%s] %s", prefix, level, answer_text(one, "text"));
		if (cJSON_HasObjectItem(one, "file"))
			fprintf(out, " in %s:%.0f", answer_text(one, "file"),
			    answer_number(one, "line"));
		putc('\n', out);
		if (cJSON_HasObjectItem(one, "hint"))
			fprintf(out, "  %s\n", answer_text(one, "hint"));
	}
}

void
control_answer_print_mistakes(const struct control_answer *a, const char *prefix, FILE *out)
{
	print_list(cJSON_GetObjectItem(a->json, "errors"), prefix, "emerg", out);
	print_list(cJSON_GetObjectItem(a->json, "warnings"), prefix, "warn", out);
	print_list(cJSON_GetObjectItem(a->json, "problems"), prefix, "error", out);
}

void
control_answer_print_reload(const struct control_answer *a, FILE *out)
{
	fprintf(out, "generation %.0f is in service on %.0f worker%s (%.0f ms)\n",
	    answer_number(a->json, "generation"), answer_number(a->json, "workers"),
	    answer_number(a->json, "workers") == 1 ? "" : "s",
	    answer_number(a->json, "milliseconds"));
}

/* "3d 4h", "5h 6m", "7m 8s", "9s" */
static void
print_duration(double seconds, FILE *out)
{
	unsigned long s = (unsigned long)seconds;

	if (s >= 86400)
		fprintf(out, "%lud %luh", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		fprintf(out, "%luh %lum", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		fprintf(out, "%lum %lus", s / 60, s % 60);
	else
		fprintf(out, "%lus", s);
}

void
control_answer_print_status(const struct control_answer *a, FILE *out)
{
	const cJSON *one;

	fprintf(out, "tinyproxyd %s, pid %.0f, up ", answer_text(a->json, "version"),
	    answer_number(a->json, "pid"));
	print_duration(answer_number(a->json, "uptime"), out);
	fprintf(out, ", generation %.0f of %s\n", answer_number(a->json, "generation"),
	    answer_text(a->json, "configuration"));
	fprintf(out, "%.0f servers, %.0f certificates, listening on",
	    answer_number(a->json, "servers"), answer_number(a->json, "certificates"));
	cJSON_ArrayForEach(one, cJSON_GetObjectItem(a->json, "listeners"))
	{
		fprintf(out, " %s", cJSON_IsString(one) ? one->valuestring : "-");
	}
	fprintf(out, "\n\n%-8s %-9s %10s %8s %11s %9s %12s %10s\n", "WORKER", "STATE", "GENERATION",
	    "RESTARTS", "CONNECTIONS", "ACCEPTED", "REQUESTS", "HANDSHAKES");
	cJSON_ArrayForEach(one, cJSON_GetObjectItem(a->json, "workers"))
	{
		fprintf(out, "%-8.0f %-9s %10.0f %8.0f %11.0f %9.0f %12.0f %10.0f\n",
		    answer_number(one, "pid"), answer_text(one, "state"),
		    answer_number(one, "generation"), answer_number(one, "restarts"),
		    answer_number(one, "connections"), answer_number(one, "accepted"),
		    answer_number(one, "requests"), answer_number(one, "handshakes"));
	}
	if (cJSON_GetArraySize(cJSON_GetObjectItem(a->json, "problems")) > 0)
		fprintf(out, "\nCERTIFICATE PROBLEMS\n");
	cJSON_ArrayForEach(one, cJSON_GetObjectItem(a->json, "problems"))
	{
		fprintf(out, "%s (%s:%.0f)\n", answer_text(one, "text"), answer_text(one, "file"),
		    answer_number(one, "line"));
	}
}

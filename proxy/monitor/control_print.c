/* SPDX-License-Identifier: ISC */
/* control_print: answers about connections, upstreams, certificates and counters, for people and for Prometheus. */
#include "base/clock.h"
#include "proxy/monitor/control_answer_internal.h"
#include "proxy/worker/counters.h"

#include <string.h>

static const char *
yes_no(const cJSON *object, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItem(object, name)) ? "yes" : "no";
}

static void
print_whole(const struct control_answer *a, FILE *out)
{
	if (cJSON_IsFalse(cJSON_GetObjectItem(a->json, "whole")))
		fprintf(out, "... and more: a worker has too many to tell, or did not answer\n");
}

void
control_answer_print_connections(const struct control_answer *a, FILE *out)
{
	const cJSON *one;

	fprintf(out, "%-8s %-24s %-22s %-8s %-4s %8s %9s %-28s %s\n", "WORKER", "CLIENT",
	    "LISTENER", "PROTOCOL", "TLS", "REQUESTS", "AGE", "DOING", "REQUEST");
	cJSON_ArrayForEach(one, cJSON_GetObjectItem(a->json, "connections"))
	{
		fprintf(out, "%-8.0f %-24s %-22s %-8s %-4s %8.0f %8.1fs %-28s %s\n",
		    answer_number(one, "worker"), answer_text(one, "client"),
		    answer_text(one, "listener"), answer_text(one, "protocol"), yes_no(one, "tls"),
		    answer_number(one, "requests"), answer_number(one, "age_ms") / 1000,
		    answer_text(one, "doing"), answer_text(one, "request"));
	}
	print_whole(a, out);
}

void
control_answer_print_upstreams(const struct control_answer *a, FILE *out)
{
	const cJSON *one;

	fprintf(out, "%-8s %-24s %-24s %-8s %6s %6s %9s %11s\n", "WORKER", "UPSTREAM", "PEER",
	    "STATE", "WEIGHT", "FAILS", "MAX_FAILS", "CONNECTIONS");
	cJSON_ArrayForEach(one, cJSON_GetObjectItem(a->json, "upstreams"))
	{
		fprintf(out, "%-8.0f %-24s %-24s %-8s %6.0f %6.0f %9.0f %11.0f\n",
		    answer_number(one, "worker"), answer_text(one, "group"),
		    answer_text(one, "peer"), answer_text(one, "state"),
		    answer_number(one, "weight"), answer_number(one, "fails"),
		    answer_number(one, "max_fails"), answer_number(one, "connections"));
	}
	print_whole(a, out);
}

void
control_answer_print_drain(const struct control_answer *a, FILE *out)
{
	bool drained = cJSON_IsTrue(cJSON_GetObjectItem(a->json, "drained"));
	double workers = answer_number(a->json, "workers");
	const cJSON *one;

	cJSON_ArrayForEach(one, cJSON_GetObjectItem(a->json, "servers"))
	{
		fprintf(out, "%s of %s gets %s requests; %.0f worker%s acknowledged\n",
		    answer_text(one, "server"), answer_text(one, "upstream"),
		    drained ? "no new" : "new", workers, workers == 1 ? "" : "s");
	}
}

void
control_answer_print_certs(const struct control_answer *a, FILE *out)
{
	int64_t now = clock_wall();
	const cJSON *one, *name;

	fprintf(out, "%-10s %-8s %s\n", "EXPIRES", "DAYS", "CERTIFICATE (NAMES)");
	cJSON_ArrayForEach(one, cJSON_GetObjectItem(a->json, "certs"))
	{
		int64_t end = (int64_t)answer_number(one, "not_after");
		char date[CLOCK_RFC3339_LEN + 1] = "-";

		if (!cJSON_IsTrue(cJSON_GetObjectItem(one, "in_service"))) {
			fprintf(out, "%-10s %-8s %s", "-", "disabled",
			    answer_text(one, "certificate"));
		} else {
			clock_format_rfc3339(end, date);
			fprintf(out, "%-10.10s %-8lld %s", date, (long long)((end - now) / 86400),
			    answer_text(one, "certificate"));
		}
		cJSON_ArrayForEach(name, cJSON_GetObjectItem(one, "names"))
		{
			fprintf(out, " %s", cJSON_IsString(name) ? name->valuestring : "-");
		}
		putc('\n', out);
	}
	control_answer_print_mistakes(a, "tinyproxyctl", out);
}

/* ---- counters ---------------------------------------------------------------------------------------- */

static void
print_help(const char *name, const char *type, const char *help, FILE *out)
{
	fprintf(out, "# HELP tinyproxyd_%s %s\n# TYPE tinyproxyd_%s %s\n", name, help, name, type);
}

/* A line for each worker. */
static void
print_metric(const cJSON *workers, const char *name, const char *label, const char *field,
    FILE *out)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, workers)
	{
		fprintf(out, "tinyproxyd_%s{worker=\"%.0f\"%s%s} %.0f\n", name,
		    answer_number(one, "number"), label ? "," : "", label ? label : "",
		    answer_number(one, field));
	}
}

/* The exposition format of Prometheus. */
void
control_answer_print_metrics(const struct control_answer *a, FILE *out)
{
	const cJSON *workers = cJSON_GetObjectItem(a->json, "workers");
	const char *last = "";

	for (size_t i = 0; i < counter_field_count; i++) {
		const struct counter_field *f = &counter_fields[i];

		if (strcmp(last, f->metric) != 0)
			print_help(f->metric, f->gauge ? "gauge" : "counter", f->help, out);
		print_metric(workers, f->metric, f->label, f->name, out);
		last = f->metric;
	}
	print_help("worker_restarts_total", "counter", "Times a worker was started again.", out);
	print_metric(workers, "worker_restarts_total", NULL, "restarts", out);
	print_help("generation", "gauge", "The configuration in service, counted from 1.", out);
	fprintf(out, "tinyproxyd_generation %.0f\n", answer_number(a->json, "generation"));
	print_help("certificate_problems", "gauge", "Certificates that something is wrong with.",
	    out);
	fprintf(out, "tinyproxyd_certificate_problems %d\n",
	    cJSON_GetArraySize(cJSON_GetObjectItem(a->json, "problems")));
	print_help("uptime_seconds", "gauge", "Since the monitor began.", out);
	fprintf(out, "tinyproxyd_uptime_seconds %.0f\n", answer_number(a->json, "uptime"));
}

static double
sum(const struct control_answer *a, const char *field)
{
	double total = 0;
	const cJSON *one;

	cJSON_ArrayForEach(one, cJSON_GetObjectItem(a->json, "workers"))
	{
		total += answer_number(one, field);
	}
	return total;
}

void
control_answer_print_rates(const struct control_answer *before, const struct control_answer *a,
    double seconds, FILE *out)
{
	static const struct {
		const char *field, *title;
	} rates[] = { { "accepted", "connections/s" }, { "requests", "requests/s" },
		{ "handshakes", "handshakes/s" }, { "bytes_in", "bytes in/s" },
		{ "bytes_out", "bytes out/s" } };

	fprintf(out, "%.0f connections, %.0f idle", sum(a, "connections"), sum(a, "idle"));
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		double change = sum(a, rates[i].field) - sum(before, rates[i].field);

		/* A tinyproxyd that was started again counts from zero. */
		fprintf(out, ", %.0f %s", change > 0 && seconds > 0 ? change / seconds : 0,
		    rates[i].title);
	}
	putc('\n', out);
}

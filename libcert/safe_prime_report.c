/* SPDX-License-Identifier: ISC */
/*
 * What a search for a safe prime does and took. A search is compared with another by its counts: how
 * many exponentiations one takes on average, and what one of them costs. How many it took this
 * time is luck.
 */
#include "libcert/safe_prime_report.h"

#include <inttypes.h>

static double
seconds(int64_t us)
{
	return (double)us / 1e6;
}

static double
rate(uint64_t count, int64_t us)
{
	return (double)count / seconds(us);
}

static double
each_us(const struct safe_prime_stats *s)
{
	return s->exponentiations > 0 ? (double)s->test_us / (double)s->exponentiations : 0;
}

static const char *
plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

/* Luck has no memory: what is to come does not depend on what has been. */
static void
report_rates(const struct safe_prime_stats *s, struct buf *out)
{
	buf_printf(out, "%.0f candidates/s, %.0f s so far, %.0f s more expected",
	    rate(s->candidates, s->testing_us), seconds(s->elapsed_us),
	    s->expected_exponentiations / rate(s->exponentiations, s->testing_us));
}

void
safe_prime_report_progress(const struct safe_prime_stats *s, bool live, struct buf *out)
{
	buf_printf(out, "%u bits, %u thread%s: ", s->bits, s->threads, plural(s->threads));
	switch (s->phase) {
	case SAFE_PRIME_SIEVE_SMALL:
	case SAFE_PRIME_SIEVE_LARGE:
		buf_printf(out, "sieving with primes below 2^%u", s->bound_log2);
		break;
	case SAFE_PRIME_TEST:
		if (live && s->exponentiations > 0 && s->testing_us > 0)
			report_rates(s, out);
		else
			buf_printf(out, "testing, %.0f candidates expected",
			    s->expected_candidates);
		break;
	case SAFE_PRIME_CLOSE:
		buf_add_str(out, "found one, making sure");
		break;
	}
}

void
safe_prime_report_text(const struct safe_prime_stats *s, struct buf *out)
{
	buf_printf(out, "candidates       %" PRIu64 " in %u window%s, %.0f expected\n",
	    s->candidates, s->windows, plural(s->windows), s->expected_candidates);
	buf_printf(out, "exponentiations  %" PRIu64 ", %.0f expected\n", s->exponentiations,
	    s->expected_exponentiations);
	buf_printf(out, "each             %.1f us of CPU, kernel %s\n", each_us(s), s->kernel);
	buf_printf(out, "sieve            %.3f s of CPU, primes below 2^%u\n", seconds(s->sieve_us),
	    s->bound_log2);
	buf_printf(out, "closing rounds   %" PRIu64 ", %.3f s of CPU\n", s->closing,
	    seconds(s->closing_us));
	buf_printf(out, "time             %.3f s, %u thread%s\n", seconds(s->elapsed_us),
	    s->threads, plural(s->threads));
}

void
safe_prime_report_json(const struct safe_prime_stats *s, struct buf *out)
{
	buf_printf(out, "{\n\t\"schema\": 1,\n\t\"found\": %s,\n\t\"bits\": %u,\n",
	    s->found ? "true" : "false", s->bits);
	buf_printf(out, "\t\"threads\": %u,\n", s->threads);
	buf_printf(out, "\t\"kernel\": \"%s\",\n\t\"sieve_bound_log2\": %u,\n", s->kernel,
	    s->bound_log2);
	buf_printf(out, "\t\"windows\": %u,\n\t\"candidates\": %" PRIu64 ",\n", s->windows,
	    s->candidates);
	buf_printf(out, "\t\"candidates_expected\": %.0f,\n", s->expected_candidates);
	buf_printf(out, "\t\"exponentiations\": %" PRIu64 ",\n", s->exponentiations);
	buf_printf(out, "\t\"exponentiations_expected\": %.1f,\n", s->expected_exponentiations);
	buf_printf(out, "\t\"exponentiation_cpu_us\": %.2f,\n", each_us(s));
	buf_printf(out, "\t\"sieve_cpu_s\": %.6f,\n\t\"tests_cpu_s\": %.6f,\n",
	    seconds(s->sieve_us), seconds(s->test_us));
	buf_printf(out, "\t\"closing_rounds\": %" PRIu64 ",\n\t\"closing_cpu_s\": %.6f,\n",
	    s->closing, seconds(s->closing_us));
	buf_printf(out, "\t\"elapsed_s\": %.6f,\n\t\"testing_s\": %.6f\n}\n",
	    seconds(s->elapsed_us), seconds(s->testing_us));
}

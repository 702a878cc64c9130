/* SPDX-License-Identifier: ISC */
/* safe_prime_report: a search in words and numbers. */
#include "libcert/safe_prime_report.h"
#include "tests/unit/unit.h"

static const struct safe_prime_stats found = {
	.phase = SAFE_PRIME_CLOSE,
	.found = true,
	.bits = 2048,
	.threads = 2,
	.bound_log2 = 26,
	.kernel = "word",
	.windows = 1,
	.candidates = 204943,
	.exponentiations = 1600,
	.closing = 64,
	.expected_candidates = 254146.4,
	.expected_exponentiations = 1953.1,
	.sieve_us = 439000,
	.test_us = 3200000,
	.closing_us = 144000,
	.elapsed_us = 2300000,
	.testing_us = 2000000,
};

static void
assert_progress(const struct safe_prime_stats *stats, bool live, const char *text)
{
	struct buf out;

	buf_init(&out, 512);
	safe_prime_report_progress(stats, live, &out);
	assert_span(buf_span(&out), text);
	buf_release(&out);
}

static void
progress_of_each_phase(void **state)
{
	struct safe_prime_stats stats = found;

	assert_progress(&stats, true, "2048 bits, 2 threads: found one, making sure");
	stats.phase = SAFE_PRIME_SIEVE_SMALL;
	stats.threads = 1;
	assert_progress(&stats, true, "2048 bits, 1 thread: sieving with primes below 2^26");
	stats.phase = SAFE_PRIME_SIEVE_LARGE;
	assert_progress(&stats, false, "2048 bits, 1 thread: sieving with primes below 2^26");
	stats.phase = SAFE_PRIME_TEST;
	assert_progress(&stats, false, "2048 bits, 1 thread: testing, 254146 candidates expected");
	/* 204943 in 2 s; 1953 exponentiations at 800 in a second. */
	assert_progress(&stats, true,
	    "2048 bits, 1 thread: 102472 candidates/s, 2 s so far, 2 s more expected");
	stats.candidates = stats.exponentiations = 0;
	stats.testing_us = 0;
	assert_progress(&stats, true, "2048 bits, 1 thread: testing, 254146 candidates expected");
}

static void
text_for_people(void **state)
{
	struct buf out;

	buf_init(&out, 4096);
	safe_prime_report_text(&found, &out);
	assert_span(buf_span(&out), "candidates       204943 in 1 window, 254146 expected\n"
				    "exponentiations  1600, 1953 expected\n"
				    "each             2000.0 us of CPU, kernel word\n"
				    "sieve            0.439 s of CPU, primes below 2^26\n"
				    "closing rounds   64, 0.144 s of CPU\n"
				    "time             2.300 s, 2 threads\n");
	buf_release(&out);
}

static void
json_for_programs(void **state)
{
	struct safe_prime_stats stats = found;
	struct buf out;

	buf_init(&out, 4096);
	safe_prime_report_json(&stats, &out);
	assert_span(buf_span(&out),
	    "{\n\t\"schema\": 1,\n\t\"found\": true,\n\t\"bits\": 2048,\n\t\"threads\": 2,\n"
	    "\t\"kernel\": \"word\",\n\t\"sieve_bound_log2\": 26,\n\t\"windows\": 1,\n"
	    "\t\"candidates\": 204943,\n\t\"candidates_expected\": 254146,\n"
	    "\t\"exponentiations\": 1600,\n\t\"exponentiations_expected\": 1953.1,\n"
	    "\t\"exponentiation_cpu_us\": 2000.00,\n\t\"sieve_cpu_s\": 0.439000,\n"
	    "\t\"tests_cpu_s\": 3.200000,\n\t\"closing_rounds\": 64,\n"
	    "\t\"closing_cpu_s\": 0.144000,\n\t\"elapsed_s\": 2.300000,\n"
	    "\t\"testing_s\": 2.000000\n}\n");
	/* Interrupted before the first test: no division by nothing. */
	stats = (struct safe_prime_stats){ .kernel = "word" };
	buf_reset(&out);
	safe_prime_report_json(&stats, &out);
	assert_non_null(strstr(buf_str(&out), "\"exponentiation_cpu_us\": 0.00,"));
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(progress_of_each_phase),
		cmocka_unit_test(text_for_people),
		cmocka_unit_test(json_for_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* safe_prime: what is found is one, nobody can make it err, and it stops when told. */
#include "libcert/safe_prime.h"
#include "libcert/sieve.h"
#include "tests/unit/unit.h"

/* As small as allowed: a few dozen milliseconds. */
#define BITS SAFE_PRIME_BITS_MIN

static void
assert_safe_prime(const BIGNUM *p, unsigned bits)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *q = BN_new();

	assert_int_equal(BN_num_bits(p), bits);
	assert_int_equal(BN_mod_word(p, 24), 23);
	assert_int_equal(BN_check_prime(p, ctx, NULL), 1);
	assert_int_equal(BN_rshift1(q, p), 1);
	assert_int_equal(BN_check_prime(q, ctx, NULL), 1);
	BN_free(q);
	BN_CTX_free(ctx);
}

static struct safe_prime_stats
find(const struct safe_prime_request *request)
{
	struct safe_prime_stats stats;
	BIGNUM *p = BN_new();

	assert_int_equal(safe_prime_search(request, p, &stats, NULL), SAFE_PRIME_FOUND);
	assert_safe_prime(p, request->bits);
	BN_free(p);
	return stats;
}

static void
every_kernel_and_number_of_threads(void **state)
{
	for (const struct modexp_kernel *const *kernel = modexp_kernels; *kernel; kernel++) {
		if (!(*kernel)->supported())
			continue;
		for (unsigned threads = 1; threads <= 3; threads++) {
			struct safe_prime_stats stats = find(&(struct safe_prime_request){
			    .bits = BITS, .threads = threads, .kernel = *kernel });

			assert_string_equal(stats.kernel, (*kernel)->name);
			assert_int_equal(stats.threads, threads);
			assert_int_equal(stats.bits, BITS);
			assert_true(stats.found);
			assert_int_equal(stats.phase, SAFE_PRIME_CLOSE);
			assert_true(stats.closing >= 64);
			assert_true(stats.exponentiations >= 2);
			assert_true(stats.candidates >= 1);
			assert_true(stats.sieve_us > 0 && stats.test_us > 0 &&
				    stats.closing_us > 0);
		}
	}
}

static void
sizes_that_are_no_multiple_of_a_limb(void **state)
{
	find(&(struct safe_prime_request){ .bits = 520 });
	find(&(struct safe_prime_request){ .bits = 576, .bound_log2 = SIEVE_BOUND_MIN });
	find(&(struct safe_prime_request){ .bits = 1000 });
}

/* What the numbers promise is what happens: outside these bounds once in a million runs. */
static void
expectations_hold(void **state)
{
	const unsigned searches = 24;
	double candidates = 0, exponentiations = 0;

	for (unsigned i = 0; i < searches; i++) {
		struct safe_prime_stats stats = find(&(struct safe_prime_request){
		    .bits = BITS, .threads = 1, .kernel = modexp_find("word") });

		candidates += (double)stats.candidates / stats.expected_candidates;
		exponentiations += (double)stats.exponentiations / stats.expected_exponentiations;
	}
	assert_true(candidates / searches > 0.25 && candidates / searches < 2.6);
	assert_true(exponentiations / searches > 0.25 && exponentiations / searches < 2.6);
}

/* Windows that are too short for a safe prime are followed by others. */
static void
one_window_after_another(void **state)
{
	unsigned windows = 0;

	for (unsigned i = 0; i < 4; i++)
		windows += find(&(struct safe_prime_request){ .bits = BITS,
				    .threads = 2,
				    .bound_log2 = SIEVE_BOUND_MIN,
				    .window = 512 })
			       .windows;
	assert_true(windows > 4);
}

static bool
always(void)
{
	return true;
}

static int
honest_powers(const struct modexp_powers *powers, unsigned count, BN_CTX *ctx)
{
	return modexp_find("word")->powers(powers, count, ctx);
}

/* Says -1 of every q, so that each whose p is prime comes to the closing rounds. */
static int
flatter_q(const struct modexp *jobs, unsigned count, unsigned bits, BN_CTX *ctx)
{
	if ((unsigned)BN_num_bits(jobs->modulus) == bits)
		return modexp_find("word")->run(jobs, count, bits, ctx);
	return BN_copy(jobs->result, jobs->modulus) && BN_sub_word(jobs->result, 1) ? 0 : -1;
}

static void
closing_rounds_refuse_a_composite_q(void **state)
{
	static const struct modexp_kernel kernel = { "flatterer", 1, always, flatter_q,
		honest_powers };
	const unsigned searches = 8;
	uint64_t closing = 0;

	/* One in thirteen searches meets a prime q first and has nothing to refuse. */
	for (unsigned i = 0; i < searches; i++)
		closing += find(&(struct safe_prime_request){
				    .bits = BITS, .threads = 2, .kernel = &kernel })
			       .closing;
	/* Not only the 64 of the one in the end. */
	assert_true(closing > 64 * searches);
}

/* Says 1 of everything. */
static int
flatter_all(const struct modexp *jobs, unsigned count, unsigned bits, BN_CTX *ctx)
{
	return BN_one(jobs->result) ? 0 : -1;
}

static int
flatter_eight(const struct modexp *jobs, unsigned count, unsigned bits, BN_CTX *ctx)
{
	for (unsigned i = 0; i < count; i++) {
		if (!BN_one(jobs[i].result))
			return -1;
	}
	return 0;
}

static int
flatter_powers(const struct modexp_powers *powers, unsigned count, BN_CTX *ctx)
{
	for (unsigned i = 0; i < count; i++) {
		if (!BN_one(powers->results[i]))
			return -1;
	}
	return 0;
}

/* Not even when the kernel lies in the closing rounds as well. */
static void
a_composite_p_is_never_returned(void **state)
{
	static const struct modexp_kernel flatterers[] = {
		{ "flatterer", 1, always, flatter_all, honest_powers },
		{ "liar", 8, always, flatter_eight, flatter_powers },
	};
	BIGNUM *p = BN_new();
	unsigned refused = 0;

	/* One in thirteen of these q has a prime p by luck. */
	for (unsigned i = 0; i < 16; i++) {
		struct err e = ERR_INIT;

		if (safe_prime_search(&(struct safe_prime_request){ .bits = BITS,
					  .threads = 1,
					  .kernel = &flatterers[i % 2] },
			p, NULL, &e) == SAFE_PRIME_FOUND) {
			assert_safe_prime(p, BITS);
			continue;
		}
		refused++;
		assert_int_equal(e.kind, ERR_BUG);
		assert_string_equal(err_text(&e), "what was found is no safe prime");
		err_release(&e);
	}
	assert_true(refused > 8);
	BN_free(p);
}

static int
run_out_of_memory(const struct modexp *jobs, unsigned count, unsigned bits, BN_CTX *ctx)
{
	return -1;
}

static void
a_failing_kernel_ends_the_search(void **state)
{
	static const struct modexp_kernel kernel = { "failing", 1, always, run_out_of_memory,
		honest_powers };
	struct err e = ERR_INIT;
	BIGNUM *p = BN_new();

	assert_int_equal(safe_prime_search(&(struct safe_prime_request){ .bits = BITS,
					       .threads = 3,
					       .kernel = &kernel },
			     p, NULL, &e),
	    SAFE_PRIME_FAILED);
	assert_int_equal(e.kind, ERR_BUG);
	err_release(&e);
	BN_free(p);
}

struct seen {
	unsigned calls;
	struct safe_prime_stats last;
	volatile sig_atomic_t cancel;
};

static void
cancel_when_testing(void *arg, const struct safe_prime_stats *stats)
{
	struct seen *seen = arg;

	assert_true(stats->phase >= seen->last.phase);
	assert_true(stats->candidates >= seen->last.candidates);
	assert_true(stats->elapsed_us >= seen->last.elapsed_us);
	seen->calls++;
	seen->last = *stats;
	if (stats->phase == SAFE_PRIME_TEST && stats->exponentiations > 0)
		seen->cancel = 1;
}

static void
cancelled_in_the_middle(void **state)
{
	/* So large that it is not over before. */
	struct seen seen = { 0 };
	struct safe_prime_request request = { .bits = 4096,
		.threads = 2,
		.bound_log2 = 20,
		.cancel = &seen.cancel,
		.progress = cancel_when_testing,
		.arg = &seen };
	struct safe_prime_stats stats;
	BIGNUM *p = BN_new();

	assert_int_equal(safe_prime_search(&request, p, &stats, NULL), SAFE_PRIME_CANCELLED);
	assert_true(BN_is_zero(p) && !stats.found);
	assert_true(seen.calls > 0);
	assert_true(stats.exponentiations >= seen.last.exponentiations);
	BN_free(p);
}

static void
cancelled_before_it_began(void **state)
{
	volatile sig_atomic_t cancel = 1;
	BIGNUM *p = BN_new();

	assert_int_equal(safe_prime_search(&(struct safe_prime_request){ .bits = 8192,
					       .cancel = &cancel },
			     p, NULL, NULL),
	    SAFE_PRIME_CANCELLED);
	BN_free(p);
}

static void
other_sizes_are_refused(void **state)
{
	static const unsigned sizes[] = { 0, 8, 504, 511, 513, 8200, UINT32_MAX };
	BIGNUM *p = BN_new();

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct err e = ERR_INIT;

		assert_int_equal(safe_prime_search(&(struct safe_prime_request){ .bits = sizes[i] },
				     p, NULL, &e),
		    SAFE_PRIME_FAILED);
		assert_int_equal(e.kind, ERR_USAGE);
		err_release(&e);
	}
	BN_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kernel_and_number_of_threads),
		cmocka_unit_test(sizes_that_are_no_multiple_of_a_limb),
		cmocka_unit_test(expectations_hold),
		cmocka_unit_test(one_window_after_another),
		cmocka_unit_test(closing_rounds_refuse_a_composite_q),
		cmocka_unit_test(a_composite_p_is_never_returned),
		cmocka_unit_test(a_failing_kernel_ends_the_search),
		cmocka_unit_test(cancelled_in_the_middle),
		cmocka_unit_test(cancelled_before_it_began),
		cmocka_unit_test(other_sizes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

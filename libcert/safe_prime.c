/* SPDX-License-Identifier: ISC */
/*
 * The search for a safe prime.
 *
 * The search is in one phase at a time; a worker takes a task of that phase under the lock, does it
 * without, and reports under the lock. Whoever finds a phase at its end opens the next one:
 *
 *	SIEVE_SMALL -> SIEVE_LARGE -> TEST -> CLOSE -> found
 *	     ^------- window empty -------'  ^------' a round failed
 *
 * A report that comes after its phase has ended is dropped (epoch).
 *
 * A window is six times as long as one safe prime takes on average: long enough that one window does
 * in all but one of 400 searches, short enough to cost little to sieve, and that what is found is
 * hardly likelier behind a large gap.
 */
#include "libcert/safe_prime.h"

#include "base/clock.h"
#include "base/mem.h"
#include "libcert/safe_prime_test.h"
#include "libcert/sieve.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define WINDOW_PRIMES 6
/* What OpenSSL's BN_check_prime does. */
#define CLOSING_ROUNDS(bits) ((bits) > 2048 ? 128U : 64U)
#define WAKE_US 100000

struct worker {
	struct search *search;
	pthread_t thread;
	struct safe_prime_test *arithmetic;
	uint64_t pending[MODEXP_LANES_MAX]; /* candidates whose q has passed: their p is next */
	unsigned pending_count;
	unsigned window; /* that they are of */
	BIGNUM *q;       /* what the closing round is about */
};

struct search {
	const struct safe_prime_request *request;
	const struct modexp_kernel *kernel;
	struct sieve *sieve;
	BIGNUM *start; /* candidate 0's q; changes only while nobody is busy */
	pthread_mutex_t lock;
	pthread_cond_t work;  /* there may be some: for the workers */
	pthread_cond_t ended; /* for the caller */
	/* All below: under the lock. */
	struct safe_prime_stats stats;
	uint64_t epoch;      /* phases opened so far */
	uint64_t next, done; /* units of the phase */
	uint64_t candidate;  /* of the window: the next one to test */
	unsigned busy;
	bool testing; /* since testing_from */
	int64_t testing_from;
	BIGNUM *q;
	bool stop;
	struct err error;
};

struct task {
	enum safe_prime_phase phase;
	uint64_t epoch;
	uint64_t unit;
	struct safe_prime_batch batch; /* TEST */
	bool passed;                   /* CLOSE */
};

static enum safe_prime_result
fail(struct search *s, enum err_kind kind, const char *text)
{
	if (s->error.kind == ERR_NONE)
		err_set(&s->error, kind, "%s", text);
	s->stop = true;
	return SAFE_PRIME_FAILED;
}

/* ---- phases: all under the lock ---- */

static void
phase_open(struct search *s, enum safe_prime_phase phase)
{
	s->stats.phase = phase;
	s->epoch++;
	s->next = 0;
	s->done = 0;
	pthread_cond_broadcast(&s->work);
}

static int
random_bytes(unsigned char *p, size_t n)
{
	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno != EINTR)
			return -1;
		if (got > 0) {
			p += got;
			n -= (size_t)got;
		}
	}
	return 0;
}

/* A random q = 11 mod 12 with all of the window behind it of bits - 1 bits. */
static int
draw_start(struct search *s, unsigned bits)
{
	unsigned char bytes[SAFE_PRIME_BITS_MAX / 8];
	BIGNUM *end = BN_new();
	int rc = -1;

	while (end) {
		if (random_bytes(bytes, bits / 8) < 0 ||
		    !BN_bin2bn(bytes, (int)bits / 8, s->start) || !BN_rshift1(s->start, s->start) ||
		    !BN_set_bit(s->start, (int)bits - 2) ||
		    !BN_sub_word(s->start, BN_mod_word(s->start, SIEVE_STEP)) ||
		    !BN_add_word(s->start, SIEVE_STEP - 1) || !BN_copy(end, s->start) ||
		    !BN_add_word(end, sieve_length(s->sieve) * SIEVE_STEP))
			break;
		if ((unsigned)BN_num_bits(end) == bits - 1) {
			rc = 0;
			break;
		}
	}
	BN_free(end);
	return rc;
}

static void
window_open(struct search *s)
{
	if (draw_start(s, s->stats.bits) < 0 || sieve_start(s->sieve, s->start) < 0) {
		fail(s, ERR_UNAVAILABLE, "cannot draw a random start");
		return;
	}
	s->stats.windows++;
	s->candidate = 0;
	phase_open(s, SAFE_PRIME_SIEVE_SMALL);
}

/* A p that waits, then candidates the sieve has left, until the kernel is full. */
static bool
take_batch(struct search *s, struct worker *w, struct safe_prime_batch *batch)
{
	uint64_t from = s->candidate;

	if (w->window == s->stats.windows) {
		memcpy(batch->candidate, w->pending, sizeof(batch->candidate));
		batch->of_p = w->pending_count;
	}
	w->window = s->stats.windows;
	w->pending_count = 0;
	batch->count = batch->of_p;
	while (batch->count < s->kernel->lanes && sieve_next(s->sieve, &s->candidate))
		batch->candidate[batch->count++] = s->candidate++;
	s->stats.candidates += s->candidate - from;
	return batch->count > 0;
}

static bool
take_unit(struct search *s, struct task *t, uint64_t total)
{
	t->unit = s->next;
	return s->next < total && ++s->next;
}

/* A unit is as many rounds as the kernel does at once. */
static uint64_t
closing_units(const struct search *s)
{
	return (CLOSING_ROUNDS(s->stats.bits) + s->kernel->lanes - 1) / s->kernel->lanes;
}

static bool
take(struct search *s, struct worker *w, struct task *t)
{
	*t = (struct task){ .phase = s->stats.phase, .epoch = s->epoch };
	switch (t->phase) {
	case SAFE_PRIME_SIEVE_SMALL:
		return take_unit(s, t, sieve_small_units(s->sieve));
	case SAFE_PRIME_SIEVE_LARGE:
		return take_unit(s, t, sieve_large_units(s->sieve));
	case SAFE_PRIME_TEST:
		if (take_batch(s, w, &t->batch))
			return true;
		if (s->busy == 0)
			window_open(s);
		return false;
	case SAFE_PRIME_CLOSE:
		if (!BN_copy(w->q, s->q))
			fail(s, ERR_BUG, "out of memory");
		return take_unit(s, t, closing_units(s));
	}
	return false;
}

/* A q that has passed waits for its p; a p that has passed ends the tests. */
static void
report_batch(struct search *s, struct worker *w, const struct safe_prime_batch *batch, bool late)
{
	for (unsigned i = 0; i < batch->count; i++) {
		if (!batch->passed[i])
			continue;
		if (i >= batch->of_p) {
			w->pending[w->pending_count++] = batch->candidate[i];
			continue;
		}
		if (late)
			continue;
		if (!BN_set_word(s->q, batch->candidate[i]) || !BN_mul_word(s->q, SIEVE_STEP) ||
		    !BN_add(s->q, s->q, s->start))
			fail(s, ERR_BUG, "out of memory");
		phase_open(s, SAFE_PRIME_CLOSE);
		late = true;
	}
}

static void
report_sieved(struct search *s, enum safe_prime_phase phase)
{
	if (phase == SAFE_PRIME_SIEVE_SMALL) {
		if (s->done == sieve_small_units(s->sieve))
			phase_open(s, SAFE_PRIME_SIEVE_LARGE);
	} else if (s->done == sieve_large_units(s->sieve)) {
		if (!s->testing)
			s->testing_from = clock_mono_us();
		s->testing = true;
		phase_open(s, SAFE_PRIME_TEST);
	}
}

static void
report(struct search *s, struct worker *w, const struct task *t, int64_t cpu_us)
{
	bool late = t->epoch != s->epoch;

	if (!late)
		s->done++;
	switch (t->phase) {
	case SAFE_PRIME_SIEVE_SMALL:
	case SAFE_PRIME_SIEVE_LARGE:
		s->stats.sieve_us += cpu_us;
		report_sieved(s, t->phase);
		break;
	case SAFE_PRIME_TEST:
		s->stats.test_us += cpu_us;
		s->stats.exponentiations += t->batch.count;
		report_batch(s, w, &t->batch, late);
		break;
	case SAFE_PRIME_CLOSE:
		s->stats.closing_us += cpu_us;
		s->stats.closing += s->kernel->lanes;
		if (late)
			break;
		if (!t->passed)
			/* The base 2 was fooled. */
			phase_open(s, SAFE_PRIME_TEST);
		else if (s->done == closing_units(s))
			s->stop = true;
		break;
	}
}

/* ---- workers ---- */

/* Without the lock. */
static int
task_do(struct worker *w, struct task *t)
{
	switch (t->phase) {
	case SAFE_PRIME_SIEVE_SMALL:
		sieve_small(w->search->sieve, t->unit);
		return 0;
	case SAFE_PRIME_SIEVE_LARGE:
		sieve_large(w->search->sieve, t->unit);
		return 0;
	case SAFE_PRIME_TEST:
		return safe_prime_test_base_2(w->arithmetic, w->search->start, &t->batch);
	case SAFE_PRIME_CLOSE:
		return safe_prime_test_rounds(w->arithmetic, w->q, &t->passed);
	}
	return -1;
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct search *s = w->search;

	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		struct task t;
		uint64_t epoch = s->epoch;
		int64_t cpu_us;
		int rc;

		if (!take(s, w, &t)) {
			if (s->epoch == epoch && !s->stop)
				pthread_cond_wait(&s->work, &s->lock);
			continue;
		}
		s->busy++;
		pthread_mutex_unlock(&s->lock);
		cpu_us = clock_thread_us();
		rc = task_do(w, &t);
		cpu_us = clock_thread_us() - cpu_us;
		pthread_mutex_lock(&s->lock);
		s->busy--;
		if (rc < 0)
			fail(s, ERR_BUG, "OpenSSL cannot compute: out of memory?");
		else
			report(s, w, &t, cpu_us);
	}
	pthread_cond_broadcast(&s->work);
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- the search ---- */

/*
 * The part of all candidates that are safe primes: q = 11 mod 12 and p are of 2 and 3 already free,
 * which makes each 3 times as likely prime as ln says; what the other primes do to both at once is
 * the product of (1 - 2/r) / (1 - 1/r)^2.
 */
static double
safe_prime_density(unsigned bits)
{
	const double ln_2 = 0.69314718055994531, product = 0.88021;
	/* The mean of 1 / ln^2 over numbers of so many bits, very nearly. */
	double ln_p = (bits - 0.44) * ln_2, ln_q = ln_p - ln_2;

	return 9 * product / (ln_p * ln_q);
}

/*
 * Up to which prime it pays to sieve, as measured: one more bit doubles the cost of the sieve and
 * saves a twelfth of the exponentiations.
 */
static unsigned
best_bound(unsigned bits, const struct modexp_kernel *kernel)
{
	static const struct {
		unsigned bits, bound, bound_ifma;
	} best[] = {
		{ 768, 20, 20 },
		{ 1280, 23, 22 },
		{ 1792, 25, 23 },
		{ 2560, 26, 24 },
		{ 3584, 28, 26 },
		{ 5120, 29, 28 },
		{ SAFE_PRIME_BITS_MAX, 29, 29 },
	};
	unsigned i = 0;

	while (bits > best[i].bits)
		i++;
	return strcmp(kernel->name, "ifma") == 0 ? best[i].bound_ifma : best[i].bound;
}

static unsigned
processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static bool
search_init(struct search *s, const struct safe_prime_request *request)
{
	double density = safe_prime_density(request->bits);
	pthread_condattr_t attributes;

	s->request = request;
	s->kernel = request->kernel ? request->kernel : modexp_best();
	s->stats.bits = request->bits;
	s->stats.threads = request->threads ? request->threads : processors();
	s->stats.kernel = s->kernel->name;
	s->stats.bound_log2 =
	    request->bound_log2 ? request->bound_log2 : best_bound(request->bits, s->kernel);
	s->stats.expected_candidates = 1 / density;
	s->stats.expected_exponentiations = sieve_density(s->stats.bound_log2) / density;
	s->sieve = sieve_new(s->stats.bound_log2,
	    request->window ? request->window : (uint64_t)(WINDOW_PRIMES / density));
	s->start = BN_new();
	s->q = BN_new();
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	pthread_cond_init(&s->ended, &attributes);
	pthread_condattr_destroy(&attributes);
	return s->start && s->q;
}

static void
search_release(struct search *s)
{
	pthread_cond_destroy(&s->ended);
	pthread_cond_destroy(&s->work);
	pthread_mutex_destroy(&s->lock);
	sieve_free(s->sieve);
	BN_free(s->start);
	BN_free(s->q);
	err_release(&s->error);
}

static struct timespec
wake_time(void)
{
	int64_t us = clock_mono_us() + WAKE_US;

	return (struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
}

/* Until it stops by itself or is cancelled; true if cancelled. */
static bool
watch(struct search *s, int64_t begin)
{
	const struct safe_prime_request *request = s->request;
	bool cancelled = false;

	while (!s->stop) {
		struct timespec until = wake_time();

		pthread_cond_timedwait(&s->ended, &s->lock, &until);
		s->stats.elapsed_us = clock_mono_us() - begin;
		s->stats.testing_us = s->testing ? clock_mono_us() - s->testing_from : 0;
		if (!s->stop && request->cancel && *request->cancel)
			cancelled = s->stop = true;
		if (!s->stop && request->progress) {
			struct safe_prime_stats stats = s->stats;

			pthread_mutex_unlock(&s->lock);
			request->progress(request->arg, &stats);
			pthread_mutex_lock(&s->lock);
		}
	}
	pthread_cond_broadcast(&s->work);
	return cancelled;
}

/* The threads' whole life. */
static enum safe_prime_result
search_run(struct search *s, struct worker *workers, BIGNUM *p)
{
	int64_t begin = clock_mono_us();
	unsigned started = 0;
	bool cancelled, proved;

	pthread_mutex_lock(&s->lock);
	window_open(s);
	while (started < s->stats.threads && !s->stop) {
		int errnum =
		    pthread_create(&workers[started].thread, NULL, worker_main, &workers[started]);

		if (errnum != 0) {
			err_set_errno(&s->error, errnum, "cannot start a thread");
			s->stop = true;
			break;
		}
		started++;
	}
	cancelled = watch(s, begin);
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	if (s->error.kind != ERR_NONE)
		return SAFE_PRIME_FAILED;
	if (cancelled)
		return SAFE_PRIME_CANCELLED;
	if (safe_prime_test_prove(workers[0].arithmetic, s->q, p, &proved) < 0)
		return fail(s, ERR_BUG, "OpenSSL cannot compute: out of memory?");
	return proved ? SAFE_PRIME_FOUND : fail(s, ERR_BUG, "what was found is no safe prime");
}

static bool
worker_init(struct worker *w, struct search *s)
{
	w->search = s;
	w->arithmetic = safe_prime_test_new(s->kernel, s->stats.bits);
	w->q = BN_new();
	return w->arithmetic && w->q;
}

static void
worker_release(struct worker *w)
{
	safe_prime_test_free(w->arithmetic);
	BN_free(w->q);
}

enum safe_prime_result
safe_prime_search(const struct safe_prime_request *request, BIGNUM *p,
    struct safe_prime_stats *stats, struct err *e)
{
	struct search s = { .error = ERR_INIT };
	struct worker *workers;
	enum safe_prime_result result = SAFE_PRIME_FOUND;

	if (request->bits < SAFE_PRIME_BITS_MIN || request->bits > SAFE_PRIME_BITS_MAX ||
	    request->bits % 8 != 0) {
		err_set(e, ERR_USAGE, "safe primes of %u to %u bits, in steps of 8, not of %u",
		    SAFE_PRIME_BITS_MIN, SAFE_PRIME_BITS_MAX, request->bits);
		return SAFE_PRIME_FAILED;
	}
	if (!search_init(&s, request))
		result = fail(&s, ERR_BUG, "out of memory");
	workers = mem_zalloc(s.stats.threads * sizeof(*workers));
	for (unsigned i = 0; i < s.stats.threads; i++)
		if (!worker_init(&workers[i], &s))
			result = fail(&s, ERR_BUG, "out of memory");
	if (result == SAFE_PRIME_FOUND)
		result = search_run(&s, workers, p);
	for (unsigned i = 0; i < s.stats.threads; i++)
		worker_release(&workers[i]);
	free(workers);
	s.stats.found = result == SAFE_PRIME_FOUND;
	if (stats)
		*stats = s.stats;
	if (result == SAFE_PRIME_FAILED && e)
		err_move(e, &s.error);
	search_release(&s);
	return result;
}

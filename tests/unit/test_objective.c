/* Accounts of objectives: against a naive one, across files, and what is left of a budget. */
#include "policy/objective.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define SECOND UINT64_C(1000000)
#define DAY    (86400 * SECOND)
#define PERIOD (30 * DAY)
#define WALL   (UINT64_C(1790000000) * SECOND) /* some day in 2026 */

static struct account *begin(double target, uint64_t period)
{
	struct account *a = malloc(sizeof(*a));

	cr_assert_not_null(a);
	account_init(a, target, period);
	return a;
}

Test(objective, the_budget_is_the_time_that_may_be_bad_in_the_period)
{
	struct account *a = begin(0.999, PERIOD);
	struct account_burn b;

	cr_expect_float_eq(account_left(a), 1, 1e-9);
	account_burn(a, &b);
	cr_expect(isnan(b.fast) && isnan(b.slow), "nothing was measured yet");
	cr_expect_eq(account_lasts_us(a, b.fast), UINT64_MAX);

	account_add(a, DAY, ANOD_TRUE, WALL);
	account_burn(a, &b);
	cr_expect_float_eq(b.fast, 0, 1e-9);
	/* 43.2 min of 30 days: half of them */
	account_add(a, 1296 * SECOND, ANOD_FALSE, WALL);
	cr_expect_float_eq(account_left(a), 0.5, 1e-6);
	account_burn(a, &b);
	cr_expect_gt(b.fast, BURN_FAST);
	cr_expect_float_eq(b.fast, 1296. / 3600 * 1000, 10);
	cr_expect_float_eq((double) account_lasts_us(a, b.fast), 0.5 * (double) PERIOD / b.fast,
			   1e6);

	/* It is over: the short window forgets in 5 min what the long one remembers for an hour. */
	account_add(a, 400 * SECOND, ANOD_TRUE, WALL);
	account_burn(a, &b);
	cr_expect_float_eq(b.fast, 0, 1e-9);
	cr_expect_gt(b.slow, 0);

	account_add(a, 3000 * SECOND, ANOD_FALSE, WALL);
	cr_expect_lt(account_left(a), 0, "overspent, and it says so");
	cr_expect_eq(account_lasts_us(a, 1), 0);
	account_add(a, PERIOD + DAY, ANOD_TRUE, WALL);
	cr_expect_float_eq(account_left(a), 1, 1e-9, "the period has slid over it");
	free(a);
}

Test(objective, unknown_time_neither_fulfils_nor_violates_and_is_shown)
{
	struct account *a = begin(0.99, PERIOD);
	struct account_sum s;
	struct account_burn b;

	account_add(a, DAY, ANOD_DOUBT, WALL);
	account_total(a, &s);
	cr_expect_eq(s.unknown, DAY / 1000);
	cr_expect_eq(s.ok + s.bad, 0);
	cr_expect_float_eq(account_left(a), 1, 1e-9);
	account_burn(a, &b);
	cr_expect(isnan(b.slow), "a rate of nothing is none");

	free(a);
	a = begin(0, OBJECTIVE_PERIOD_DFLT);
	account_add(a, DAY, ANOD_FALSE, WALL);
	cr_expect(isnan(account_left(a)), "without a budget there is nothing to be left");
	free(a);
}

Test(objective, days_are_booked_from_midnight_to_midnight)
{
	struct account *a = begin(0.99, PERIOD);
	uint64_t midnight = WALL / DAY * DAY;
	uint32_t day = (uint32_t) (midnight / DAY);

	account_add(a, 2 * DAY, ANOD_FALSE, midnight + 3600 * SECOND);
	cr_expect_eq(a->day[day % ACCOUNT_DAYS].t.bad, 3600000);
	cr_expect_eq(a->day[(day - 1) % ACCOUNT_DAYS].t.bad, 86400000);
	cr_expect_eq(a->day[(day - 2) % ACCOUNT_DAYS].t.bad, 82800000);
	cr_expect_eq(a->day[(day - 2) % ACCOUNT_DAYS].day, day - 2);
	/* The wall clock jumps back a day and on by years: the budget does not notice. */
	account_add(a, 10 * SECOND, ANOD_TRUE, midnight - 3600 * SECOND);
	account_add(a, 10 * SECOND, ANOD_TRUE, 0);
	account_add(a, 10 * SECOND, ANOD_TRUE, midnight + 5000 * DAY);
	cr_expect_eq(a->now_us, 2 * DAY + 30 * SECOND);
	cr_expect_eq(a->day[(day - 1) % ACCOUNT_DAYS].t.ok, 10000);
	free(a);
}

/* ---- against a naive one --------------------------------------------------------------------- */

static uint64_t state;

static uint64_t draw(uint64_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

struct span {
	uint64_t from, to; /* ms */
	enum anod_tri truth;
};

/* What lies in [from, to) of all that was ever booked. */
static struct account_sum naive(const struct span *span, unsigned n, uint64_t from)
{
	struct account_sum s = { 0 };

	for (unsigned k = 0; k < n; k++) {
		uint64_t begin = span[k].from > from ? span[k].from : from;
		uint64_t ms = span[k].to > begin ? span[k].to - begin : 0;

		if (span[k].truth == ANOD_TRUE)
			s.ok += ms;
		else if (span[k].truth == ANOD_FALSE)
			s.bad += ms;
		else
			s.unknown += ms;
	}
	return s;
}

static uint64_t draw_span(uint64_t period)
{
	switch (draw(4)) {
	case 0:
		return draw(3 * SECOND);
	case 1:
		return draw(period / 500);
	case 2:
		return draw(period / 20);
	default:
		return draw(20) ? draw(SECOND) : draw(3 * period);
	}
}

static bool same_sum(const struct account_sum *a, const struct account_sum *b)
{
	return a->ok == b->ok && a->bad == b->bad && a->unknown == b->unknown;
}

/* Where the n-th newest part of a ring begins, ms. */
static uint64_t begin_of(uint64_t now_ms, uint64_t part, uint64_t n)
{
	uint64_t newest = now_ms / part;

	return newest + 1 >= n ? (newest + 1 - n) * part : 0;
}

/* Through a file, as a restart does. */
static struct account *again(struct account *a)
{
	struct account *b = begin(a->target, a->period_us);
	cJSON *o = account_json(a);
	char *text = cJSON_PrintUnformatted(o);
	cJSON *read = cJSON_Parse(text);

	cr_assert_eq(account_load(b, read), 0, "%.300s", text);
	cr_assert_eq(memcmp(a->day, b->day, sizeof(a->day)), 0);
	cJSON_Delete(o);
	cJSON_Delete(read);
	free(text);
	free(a);
	return b;
}

static void compare_one(uint64_t seed)
{
	static const uint64_t periods[] = { 600 * SECOND, 3600 * SECOND, DAY, PERIOD, 366 * DAY };
	uint64_t period = periods[seed % 5], now_us = 0;
	uint64_t coarse = period / 1000 / ACCOUNT_COARSE, fine = period / 1000 / 43200;
	struct account *a = begin(0.99, period);
	struct span span[60];

	fine = fine ? fine : 1;
	state = seed * 2654435761u + 88172645463325252u;
	for (unsigned n = 0; n < 60; n++) {
		uint64_t dur = draw_span(period), window = fine * 1000 * (1 + draw(400));
		struct account_sum is, want;

		span[n] = (struct span){ now_us / 1000, (now_us + dur) / 1000,
					 (enum anod_tri) draw(3) };
		now_us += dur;
		account_add(a, dur, span[n].truth, WALL + now_us - draw(2) * DAY);
		if (draw(10) == 0)
			a = again(a);

		account_total(a, &is);
		want = naive(span, n + 1, begin_of(now_us / 1000, coarse, ACCOUNT_COARSE));
		cr_assert(same_sum(&is, &want),
			  "seed %llu, span %u: %llu/%llu/%llu, not %llu/%llu/%llu",
			  (unsigned long long) seed, n, (unsigned long long) is.ok,
			  (unsigned long long) is.bad, (unsigned long long) is.unknown,
			  (unsigned long long) want.ok, (unsigned long long) want.bad,
			  (unsigned long long) want.unknown);
		account_window(a, window, &is);
		want = naive(span, n + 1,
			     begin_of(now_us / 1000, fine, (window / 1000 + fine - 1) / fine + 1));
		cr_assert(same_sum(&is, &want), "seed %llu, span %u, window %llu us",
			  (unsigned long long) seed, n, (unsigned long long) window);
	}
	free(a);
}

Test(objective, an_account_says_what_a_list_of_everything_says)
{
	const char *text = getenv("ANOD_SEED"), *rounds = getenv("ANOD_ROUNDS");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 1;
	uint64_t n = (rounds ? strtoull(rounds, NULL, 0) : 12000) / 60; /* a span is a case */

	fprintf(stderr, "objective: %llu histories of 60 spans from seed %llu\n",
		(unsigned long long) n, (unsigned long long) seed);
	for (uint64_t k = 0; k < n; k++)
		compare_one(seed + k);
}

Test(objective, a_broken_file_is_refused_and_leaves_an_empty_account)
{
	static const char *const broken[] = {
		"null",
		"{}",
		"[1]",
		"{\"period_us\":2592000000000}",
		"{\"period_us\":1,\"now_us\":0,\"coarse\":[[1,0,0,0]],\"fine\":[[1,0,0,0]]}",
		"{\"period_us\":2592000000000,\"now_us\":-1,\"coarse\":[[1,0,0,0]],\"fine\":[[1,0,"
		"0,0]]}",
		"{\"period_us\":2592000000000,\"now_us\":0,\"coarse\":[[2,0,0,0]],\"fine\":[[1,0,0,"
		"0]]}",
		"{\"period_us\":2592000000000,\"now_us\":0,\"coarse\":[[1,0,0]],\"fine\":[[1,0,0,0]"
		"]}",
		"{\"period_us\":2592000000000,\"now_us\":0,\"coarse\":[[1,4e6,0,0]],\"fine\":[[1,0,"
		"0,0]]}",
		"{\"period_us\":2592000000000,\"now_us\":9e15,\"coarse\":[[9,0,0,0]],\"fine\":[[1,"
		"0,0,0]]}",
		"{\"period_us\":2592000000000,\"now_us\":0,\"coarse\":[[1,0,0,0]],\"fine\":[[1,0,0,"
		"0]],"
		"\"days\":[[0,1,1,1]]}",
	};
	struct account *a = begin(0.99, PERIOD);

	for (unsigned k = 0; k < ARRAY_SIZE(broken); k++) {
		cJSON *o = cJSON_Parse(broken[k]);

		account_add(a, DAY, ANOD_FALSE, WALL);
		cr_expect_lt(account_load(a, o), 0, "%s", broken[k]);
		cr_expect_float_eq(account_left(a), 1, 1e-9);
		cr_expect_eq(a->now_us, 0);
		cJSON_Delete(o);
	}
	free(a);
}

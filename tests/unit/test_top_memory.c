/* What counters were some seconds ago. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "host/top.h"

static struct top_memory *m;

static void init(void)
{
	m = top_memory_new();
	cr_assert_not_null(m);
}

static void done(void)
{
	m = top_memory_free(m);
}

TestSuite(top_memory, .init = init, .fini = done);

static struct top_sample sample(uint32_t entity, uint64_t s, int64_t errors)
{
	return (struct top_sample){ .entity = entity,
				    .row = 3,
				    .known = 1u << COUNT_RX_ERRORS,
				    .time_us = s * US_PER_S,
				    .count = { [COUNT_RX_ERRORS] = errors } };
}

static void remember(uint64_t s, int64_t errors)
{
	struct top_sample a = sample(7, s, errors);

	cr_assert(top_memory_due(m, s * US_PER_S));
	cr_assert_eq(top_memory_begin(m, 64, s * US_PER_S), 0);
	top_memory_add(m, &a);
	cr_expect_not(top_memory_due(m, s * US_PER_S + 1));
}

static const char *rate(uint32_t entity, uint64_t s, int64_t errors, double *ret)
{
	struct top_sample a = sample(entity, s, errors);

	return top_memory_rate(m, &a, COUNT_RX_ERRORS, ret);
}

Test(top_memory, a_rate_is_over_one_or_two_steps)
{
	double r = 0;

	remember(100, 10);
	cr_expect_not_null(strstr(rate(7, 100, 10, &r), "wait"), "the same reading");
	cr_expect_null(rate(7, 101, 12, &r));
	cr_expect_eq(r, 2);
	remember(105, 20);
	cr_expect_null(rate(7, 106, 22, &r));
	cr_expect_eq(r, 2, "since 100: %g", r);
	remember(110, 20);
	cr_expect_null(rate(7, 115, 20, &r));
	cr_expect_eq(r, 0, "since 105");
}

Test(top_memory, what_cannot_be_known_has_a_reason)
{
	struct top_sample a = sample(7, 102, 10);
	double r = 0;

	cr_expect_not_null(rate(7, 101, 10, &r), "nothing remembered");
	remember(100, 10);
	cr_expect_not_null(strstr(rate(8, 101, 12, &r), "some seconds ago"), "another link there");
	cr_expect_not_null(strstr(rate(7, 101, 9, &r), "backwards"));
	a.known = 0;
	cr_expect_not_null(top_memory_rate(m, &a, COUNT_RX_ERRORS, &r));
	a = sample(7, 102, 11);
	cr_expect_not_null(top_memory_rate(m, &a, COUNT_TX_ERRORS, &r));
	a.row = 64;
	cr_expect_not_null(top_memory_rate(m, &a, COUNT_RX_ERRORS, &r), "outside");
	top_memory_add(m, &a);
}

Test(top_memory, a_pause_ends_what_is_remembered)
{
	double r = 0;

	remember(100, 10);
	remember(105, 20);
	remember(200, 30);
	cr_expect_null(rate(7, 202, 32, &r));
	cr_expect_eq(r, 1, "since 200, not since 105: %g", r);
}

#include "agents/flap/penalty.c"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define MIN 60000000ULL

static const struct penalty_params usual = { 1000, 6000, 750, 15 * MIN, 60 * MIN };

Test(penalty, decays_by_half_in_a_half_life)
{
	struct penalty x = { 0 };

	cr_expect(not(penalty_charge(&x, &usual, 2, 100 * MIN)));
	cr_expect(eq(dbl, penalty_now(&x, &usual, 100 * MIN), 2000));
	cr_expect(epsilon_eq(dbl, penalty_now(&x, &usual, 115 * MIN), 1000, 1e-6));
	cr_expect(epsilon_eq(dbl, penalty_now(&x, &usual, 145 * MIN), 250, 1e-6));
	cr_expect(eq(dbl, penalty_now(&x, &usual, 99 * MIN), 2000), "time does not run back");
}

Test(penalty, suppresses_above_one_threshold_and_reuses_below_the_other)
{
	struct penalty x = { 0 };

	cr_expect(not(penalty_charge(&x, &usual, 5, 0)));
	cr_expect(eq(u64, penalty_reuse_us(&x, &usual), UINT64_MAX));
	cr_expect(penalty_charge(&x, &usual, 1, 0), "the sixth at once");
	cr_expect(not(penalty_charge(&x, &usual, 1, 0)), "it is already");
	cr_expect(not(penalty_release(&x, &usual, 15 * MIN)), "3500 is not below reuse");
	/* 7000 to 750: log2(9.33) half-lives. */
	cr_expect(epsilon_eq(dbl, (double) penalty_reuse_us(&x, &usual) / MIN, 48.34, 0.01));
	cr_expect(not(penalty_release(&x, &usual, penalty_reuse_us(&x, &usual) - 1)));
	cr_expect(penalty_release(&x, &usual, penalty_reuse_us(&x, &usual)));
	cr_expect(not(penalty_release(&x, &usual, 1000 * MIN)), "once");
}

Test(penalty, ceiling_bounds_the_time_of_suppression)
{
	struct penalty x = { 0 };

	cr_expect(penalty_charge(&x, &usual, 1000000, 7 * MIN));
	cr_expect(epsilon_eq(dbl, x.value, 12000, 1e-6));
	cr_expect(le(u64, penalty_reuse_us(&x, &usual), 67 * MIN + 1));
	cr_expect(penalty_release(&x, &usual, 67 * MIN + 1));
}

Test(penalty, parameters_that_contradict_are_refused)
{
	const struct penalty_params bad[] = {
		{ 0, 6000, 750, 1, 1 },
		{ 1000, 750, 750, 15 * MIN, 60 * MIN },
		{ 1000, 6000, 750, 0, 60 * MIN },
		{ 1000, 6000, 750, 15 * MIN, 30 * MIN }, /* ceiling 3000 */
	};
	const char *why;

	cr_expect(eq(int, penalty_check(&usual, &why), 0));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect(eq(int, penalty_check(&bad[i], &why), -EINVAL), "case %zu", i);
		cr_expect(why != NULL);
	}
}

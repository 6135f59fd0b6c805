#include "stat_help.h"

Test(stat_quantile, is_unknown_without_memory_and_recovers)
{
	struct row r;

	row_open(&r, STAT_P95, 2 * US_PER_S, false);
	r.memory.max = 0;
	for (uint64_t k = 0; k < 10; k++)
		cr_expect(isnan(row_feed(&r, k * US_PER_S, 1)));
	cr_expect_eq(r.memory.n_refused, 10);
	r.memory.max = 1 << 20;
	cr_expect(isnan(row_feed(&r, 10 * US_PER_S, 1)));
	cr_expect(isnan(row_feed(&r, 11 * US_PER_S, 1)));
	cr_expect(!isnan(row_feed(&r, 12 * US_PER_S, 1)));
	row_close(&r);
}

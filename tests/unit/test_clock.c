#include "base/clock.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "base/util.h"

Test(clock, durations_have_two_units_at_most)
{
	static const struct {
		uint64_t us;
		const char *text;
	} row[] = {
		{ 0, "0us" },
		{ 250, "250us" },
		{ 999, "999us" },
		{ 1500, "1.5ms" },
		{ 41999, "41ms" },
		{ 41 * US_PER_S, "41s" },
		{ 1500 * US_PER_MS, "1.5s" },
		{ 60 * US_PER_S, "1m" },
		{ 450 * US_PER_S, "7m30s" },
		{ 7200 * US_PER_S, "2h" },
		{ 273600 * US_PER_S, "3d4h" },
		{ 273600 * US_PER_S + 59, "3d4h" },
		{ US_INFINITY, "forever" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char buf[32];

		cr_expect_str_eq(format_duration(row[i].us, buf, sizeof(buf)), row[i].text);
	}
}

Test(clock, wall_time_is_rfc_3339)
{
	char buf[40];

	cr_expect_str_eq(format_wall(0, buf, sizeof(buf)), "1970-01-01T00:00:00.000Z");
	cr_expect_str_eq(format_wall(UINT64_C(1795367101123999), buf, sizeof(buf)),
			 "2026-11-22T17:05:01.123Z");
}

Test(clock, clocks_run_and_the_boot_has_an_id)
{
	uint64_t before = clock_boot_us();

	cr_expect(ge(u64, clock_boot_us(), before));
	cr_expect(gt(u64, clock_wall_us(), UINT64_C(1700000000) * US_PER_S));
	cr_expect(strlen(clock_boot_id()) == 36 || strlen(clock_boot_id()) == 0);
}

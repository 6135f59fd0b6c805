#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/zone.h"
#include "policy/window.h"
#include "world.h"

#define US UINT64_C(1000000)

static char kyiv[] = "Europe/Kiev", utc[] = "UTC", nowhere[] = "Europe/Nowhere";

Test(window, is_a_time_of_the_day_in_its_zone)
{
	struct policy_window w = { .daily = true, .from_s = 3600, .to_s = 5 * 3600, .zone = utc };
	uint64_t day = UINT64_C(1795305600) * US; /* 2026-11-22 00:00 UTC */

	cr_expect(window_contains(&w, day + 3599 * US) == ANOD_FALSE);
	cr_expect(window_contains(&w, day + 3600 * US) == ANOD_TRUE);
	cr_expect(window_contains(&w, day + 5 * 3600 * US) == ANOD_FALSE);
	/* Over midnight. */
	w.from_s = 22 * 3600;
	w.to_s = 2 * 3600;
	cr_expect(window_contains(&w, day + 23 * 3600 * US) == ANOD_TRUE);
	cr_expect(window_contains(&w, day + 1 * 3600 * US) == ANOD_TRUE);
	cr_expect(window_contains(&w, day + 12 * 3600 * US) == ANOD_FALSE);
	/* 23:00 UTC is 01:00 in Kyiv in winter. */
	w.from_s = 3600;
	w.to_s = 5 * 3600;
	w.zone = kyiv;
	if (window_contains(&w, day) == ANOD_DOUBT)
		cr_skip_test("tzdata is not installed");
	cr_expect(window_contains(&w, day + 22 * 3600 * US) == ANOD_FALSE);
	cr_expect(window_contains(&w, day + 23 * 3600 * US) == ANOD_TRUE);
}

Test(window, is_dated_in_the_wall_time_of_its_zone)
{
	/* 2026-12-20 00:00 .. 2027-01-03 00:00 */
	struct policy_window w = { .from_wall_s = 1797724800,
				   .to_wall_s = 1798934400,
				   .zone = utc };

	cr_expect(window_contains(&w, UINT64_C(1797724799) * US) == ANOD_FALSE);
	cr_expect(window_contains(&w, UINT64_C(1797724800) * US) == ANOD_TRUE);
	cr_expect(window_contains(&w, UINT64_C(1798934399) * US) == ANOD_TRUE);
	cr_expect(window_contains(&w, UINT64_C(1798934400) * US) == ANOD_FALSE);
	w.zone = nowhere;
	cr_expect(window_contains(&w, UINT64_C(1797724800) * US) == ANOD_DOUBT);
}

Test(zone, agrees_with_the_c_library)
{
	static const char *const zones[] = { "Europe/Kiev",	  "America/New_York",
					     "Asia/Kolkata",	  "Australia/Sydney",
					     "America/Sao_Paulo", "Africa/Cairo",
					     "Pacific/Apia",	  "Asia/Tokyo" };
	struct dice d = { dice_seed("zone") };
	int32_t east;

	if (zone_offset(zones[0], 0, &east) < 0)
		cr_skip_test("tzdata is not installed");
	for (size_t z = 0; z < ARRAY_SIZE(zones); z++) {
		cr_assert(setenv("TZ", zones[z], 1) == 0);
		tzset();
		for (int i = 0; i < 2000; i++) {
			time_t t = (time_t) dice_roll(&d, 2147483647) + dice_roll(&d, 2147483647);
			struct tm tm;

			cr_assert(localtime_r(&t, &tm));
			cr_assert(zone_offset(zones[z], t, &east) == 0);
			cr_assert(east == tm.tm_gmtoff, "%s %lld: %d, not %ld", zones[z],
				  (long long) t, east, tm.tm_gmtoff);
		}
	}
}

Test(zone, follows_posix_rules)
{
	static const struct {
		const char *rule;
		int64_t utc_s;
		int32_t east_s;
	} cases[] = {
		{ "EET-2EEST,M3.5.0/3,M10.5.0/4", 1774742399, 7200 },  /* 2026-03-29 00:59:59 */
		{ "EET-2EEST,M3.5.0/3,M10.5.0/4", 1774746000, 10800 }, /* 01:00 UTC */
		{ "EET-2EEST,M3.5.0/3,M10.5.0/4", 1792889999, 10800 }, /* 2026-10-25 00:59:59 */
		{ "EET-2EEST,M3.5.0/3,M10.5.0/4", 1792890000, 7200 },
		{ "<+0530>-5:30", 0, 19800 },
		{ "AEST-10AEDT,M10.1.0,M4.1.0/3", 1767225600, 39600 }, /* January: summer */
		{ "AEST-10AEDT,M10.1.0,M4.1.0/3", 1782864000, 36000 }, /* July */
		{ "X-1XX,J60/0,J300/0", 1772323199, 3600 }, /* 2026-02-28 23:59:59 + 1 h */
	};
	int32_t east;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = posix_zone_offset(cases[i].rule, cases[i].utc_s, &east);

		if (strncmp(cases[i].rule, "X-", 2) == 0) {
			cr_expect(r == -EBADMSG, "a name has three letters");
			continue;
		}
		cr_expect(r == 0 && east == cases[i].east_s, "%s at %lld: %d", cases[i].rule,
			  (long long) cases[i].utc_s, east);
	}
	cr_expect(posix_zone_offset("", 0, &east) == -EBADMSG);
	cr_expect(posix_zone_offset("EET-2EEST", 0, &east) == -EBADMSG);
	cr_expect(posix_zone_offset("EET-2EEST,M13.5.0,M10.5.0", 0, &east) == -EBADMSG);
}

Test(zone, survives_damaged_files_and_names)
{
	struct dice d = { dice_seed("tzif") };
	uint8_t file[4096];
	int32_t east;
	size_t size;
	FILE *f = fopen("/usr/share/zoneinfo/Europe/Kiev", "re");

	cr_expect(zone_offset("../../etc/passwd", 0, &east) == -EINVAL);
	cr_expect(zone_offset("/etc/passwd", 0, &east) == -EINVAL);
	cr_expect(zone_offset("", 0, &east) == -EINVAL);
	cr_expect(zone_offset("Europe/Nowhere", 0, &east) == -ENOENT);
	if (!f)
		cr_skip_test("tzdata is not installed");
	size = fread(file, 1, sizeof(file), f);
	(void) fclose(f);
	for (int i = 0; i < 20000; i++) {
		size_t cut = dice_roll(&d, (uint32_t) size + 1);
		uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, file, cut);
		for (int k = 0; k < 3 && cut; k++)
			copy[dice_roll(&d, dice_roll(&d, 2) ? (uint32_t) cut : MIN_OF(cut, 60))] =
				(uint8_t) dice_roll(&d, 256);
		(void) tzif_offset(copy, cut, (int64_t) dice_roll(&d, UINT32_MAX), &east);
		free(copy);
	}
}

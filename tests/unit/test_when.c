/* Times as people type them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "cli/when.h"

Test(when, spans_add_up_and_nonsense_is_refused)
{
	static const struct {
		const char *text;
		double s;
	} good[] = { { "90s", 90 },    { "10m", 600 },	 { "1h30m", 5400 },
		     { "2d", 172800 }, { "500ms", 0.5 }, { "45", 45 },
		     { "1.5h", 5400 }, { "1w", 604800 }, { "5min", 300 } };
	static const char *const bad[] = { "",	  "h",	 "-5s",	  "5x",	 "1h30",  "5 m",
					   "nan", "inf", "1e99d", "+5s", "5m,3s", "99999999d" };
	uint64_t us;

	for (size_t k = 0; k < ARRAY_SIZE(good); k++) {
		cr_expect_eq(parse_span(good[k].text, &us), 0, "%s", good[k].text);
		cr_expect_eq(us, (uint64_t) (good[k].s * 1e6), "%s", good[k].text);
	}
	for (size_t k = 0; k < ARRAY_SIZE(bad); k++)
		cr_expect_eq(parse_span(bad[k], &us), -EINVAL, "%s", bad[k]);
}

Test(when, a_clock_time_is_the_last_one_that_was)
{
	/* 2026-11-22 14:05:30 UTC */
	uint64_t now = UINT64_C(1795356330) * US_PER_S, us;
	static const struct {
		const char *text;
		long s; /* before now */
	} c[] = { { "now", 0 },
		  { "-1h", 3600 },
		  { "14:05:30", 0 },
		  { "14:05", 30 },
		  { "13:00", 3930 },
		  { "14:06", 86400 - 30 },
		  { "2026-11-22", 50730 },
		  { "2026-11-22 14:00", 330 },
		  { "2026-11-22T14:00:30Z", 300 } };

	(void) setenv("TZ", "UTC", 1);
	tzset();
	for (size_t k = 0; k < ARRAY_SIZE(c); k++) {
		cr_expect_eq(parse_when(c[k].text, now, &us), 0, "%s", c[k].text);
		cr_expect_eq((long) ((now - us) / US_PER_S), c[k].s, "%s: %ld", c[k].text,
			     (long) ((now - us) / US_PER_S));
	}
	for (const char *const *s = (const char *const[]){ "", "25:00", "yesterday", "14:05x", "-",
							   "-x", "2026-13-01", NULL };
	     *s; s++)
		cr_expect_eq(parse_when(*s, now, &us), -EINVAL, "%s", *s);
}

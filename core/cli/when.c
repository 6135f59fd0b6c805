/*
 * when - times as people type them.
 */
#include "cli/when.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define SPAN_MAX_US (UINT64_C(10) * 365 * 86400 * US_PER_S)

int parse_span(const char *text, uint64_t *ret_us)
{
	static const struct {
		const char *name;
		double us;
	} unit[] = { { "ms", 1e3 },   { "s", 1e6 },	{ "m", 60e6 },	   { "min", 60e6 },
		     { "h", 3600e6 }, { "d", 86400e6 }, { "w", 604800e6 }, { "", 1e6 } };
	const char *whole = text;
	double sum = 0;

	if (!*text)
		return -EINVAL;
	while (*text) {
		char *end;
		double n = strtod(text, &end);
		size_t len = strspn(end, "abcdefghijklmnopqrstuvwxyz"), k = 0;

		if (end == text || !isfinite(n) || n < 0 || text[0] == '+' || text[0] == ' ')
			return -EINVAL;
		while (k < ARRAY_SIZE(unit) &&
		       (strlen(unit[k].name) != len || memcmp(unit[k].name, end, len) != 0))
			k++;
		if (k == ARRAY_SIZE(unit) || (len == 0 && (*end || text != whole)))
			return -EINVAL;
		sum += n * unit[k].us;
		text = end + len;
	}
	if (sum > (double) SPAN_MAX_US)
		return -EINVAL;
	*ret_us = (uint64_t) sum;
	return 0;
}

static int from_tm(struct tm *tm, bool utc, uint64_t *ret_us)
{
	time_t t;

	tm->tm_isdst = -1;
	t = utc ? timegm(tm) : mktime(tm);
	if (t < 0)
		return -EINVAL;
	*ret_us = (uint64_t) t * US_PER_S;
	return 0;
}

/* A time of today, or of yesterday when it is still to come. */
static int parse_clock(const char *text, uint64_t now_us, uint64_t *ret_us)
{
	static const char *const forms[] = { "%H:%M:%S", "%H:%M" };
	time_t now = (time_t) (now_us / US_PER_S);

	for (size_t k = 0; k < ARRAY_SIZE(forms); k++) {
		struct tm tm;
		const char *end;

		if (!localtime_r(&now, &tm))
			return -EINVAL;
		tm.tm_sec = 0;
		end = strptime(text, forms[k], &tm);
		if (!end || *end)
			continue;
		if (from_tm(&tm, false, ret_us) < 0)
			return -EINVAL;
		if (*ret_us > now_us) {
			tm.tm_mday--;
			return from_tm(&tm, false, ret_us);
		}
		return 0;
	}
	return -EINVAL;
}

int parse_when(const char *text, uint64_t now_us, uint64_t *ret_us)
{
	static const struct {
		const char *form;
		bool utc;
	} forms[] = { { "%Y-%m-%dT%H:%M:%SZ", true }, { "%Y-%m-%dT%H:%MZ", true },
		      { "%Y-%m-%d %H:%M:%S", false }, { "%Y-%m-%dT%H:%M:%S", false },
		      { "%Y-%m-%d %H:%M", false },    { "%Y-%m-%dT%H:%M", false },
		      { "%Y-%m-%d", false } };
	uint64_t span;

	if (strcmp(text, "now") == 0) {
		*ret_us = now_us;
		return 0;
	}
	if (text[0] == '-') {
		if (parse_span(text + 1, &span) < 0 || span > now_us)
			return -EINVAL;
		*ret_us = now_us - span;
		return 0;
	}
	for (size_t k = 0; k < ARRAY_SIZE(forms); k++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, forms[k].form, &tm);

		if (end && !*end)
			return from_tm(&tm, forms[k].utc, ret_us);
	}
	return parse_clock(text, now_us, ret_us);
}

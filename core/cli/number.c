/*
 * number - numbers in a given width, for tables that must not move.
 *
 * Design.  As many digits as fit, at most three of them telling: 1.23k, 12.3k, 123k.  Rounding
 * comes before the choice of the suffix, so 999.96k is 1.00M and never 1000k.
 */
#include "cli/number.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

static const char *overflow(char *buf)
{
	return strcpy(buf, "****");
}

/* Three telling digits of a value below 1000, fewer where the width asks for it. */
static bool write_digits(double v, const char *suffix, unsigned width, char *buf)
{
	int decimals = fabs(v) < 9.995 ? 2 : fabs(v) < 99.95 ? 1 : 0;

	/* Counts and microseconds are whole. */
	if ((!suffix[0] || suffix[0] == 'u') && v == floor(v))
		decimals = 0;
	for (; decimals >= 0; decimals--) {
		int n = snprintf(buf, NUMBER_SIZE, "%.*f%s", decimals, v, suffix);

		if (n > 0 && (unsigned) n <= width)
			return true;
	}
	return false;
}

const char *number_fixed(double v, unsigned width, char *buf)
{
	static const char *const suffix[] = { "", "k", "M", "G", "T", "P", "E" };
	size_t k = 0;

	if (!isfinite(v))
		return strcpy(buf, "?");
	while (fabs(v) >= 999.5 && k + 1 < ARRAY_SIZE(suffix)) {
		v /= 1000;
		k++;
	}
	if (fabs(v) >= 999.5 || !write_digits(v, suffix[k], width, buf))
		return overflow(buf);
	/* What is not zero must not look like it. */
	if (k == 0 && v > 0 && strtod(buf, NULL) == 0)
		return strcpy(buf, "<.01");
	return buf;
}

const char *number_whole(double v, unsigned width, char *buf)
{
	int n = isfinite(v) && fabs(v) < 1e15 ? snprintf(buf, NUMBER_SIZE, "%.0f", v) : -1;

	return n > 0 && (unsigned) n <= width ? buf : number_fixed(v, width, buf);
}

const char *number_percent(double ratio, unsigned width, char *buf)
{
	double v = ratio * 100;

	if (!isfinite(v))
		return strcpy(buf, "?");
	if (v > 0 && v < 0.05)
		return strcpy(buf, "<.1%");
	(void) snprintf(buf, NUMBER_SIZE, v > 0 && v < 9.95 ? "%.1f%%" : "%.0f%%", v);
	return strlen(buf) <= width ? buf : overflow(buf);
}

const char *number_time(double us, unsigned width, char *buf)
{
	static const struct {
		double us;
		const char *name;
	} unit[] = { { 1, "us" }, { 1e3, "ms" }, { 1e6, "s" } };
	size_t k = 0;

	if (!isfinite(us) || us < 0)
		return strcpy(buf, "?");
	if (us == 0)
		return strcpy(buf, "0");
	if (us >= 59.95e6) {
		(void) format_duration((uint64_t) MIN_OF(us, 9e18), buf, NUMBER_SIZE);
		return strlen(buf) <= width ? buf : overflow(buf);
	}
	while (k + 1 < ARRAY_SIZE(unit) && us / unit[k].us >= 999.5)
		k++;
	return write_digits(us / unit[k].us, unit[k].name, width, buf) ? buf : overflow(buf);
}

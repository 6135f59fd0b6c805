/*
 * plot_axis - round numbers for an axis.
 */
#include <math.h>

#include "cli/plot.h"

struct axis axis_values(double low, double high, unsigned n_max)
{
	static const double round[] = { 1, 2, 5, 10 };
	struct axis a = { low, high, 1 };
	double ten;

	/* Zero belongs to it unless everything is far away from there. */
	if (low > 0 && low < high * 0.6)
		low = 0;
	if (high < 0 && high > low * 0.6)
		high = 0;
	if (!(high > low)) { /* a flat line lies in the middle, a zero at the bottom */
		double room = low == 0 ? 1 : fabs(low) * 0.5;

		low = low >= 0 ? MAX_OF(low - room, 0) : low - room;
		high += room;
	}
	a.low = low;
	a.high = high;
	ten = pow(10, floor(log10((high - low) / MAX_OF(n_max, 1))));
	for (unsigned k = 0; k < ARRAY_SIZE(round); k++) {
		a.step = ten * round[k];
		if (floor(high / a.step + 1e-9) - ceil(low / a.step - 1e-9) <= n_max)
			break;
	}
	return a;
}

double axis_seconds(double span, unsigned n_max)
{
	static const double steps[] = { 1,     2,     5,     10,    15,	    30,	   60,
					120,   300,   600,   900,   1800,   3600,  7200,
					10800, 21600, 43200, 86400, 172800, 604800 };

	for (unsigned k = 0; k < ARRAY_SIZE(steps); k++)
		if (span / steps[k] <= MAX_OF(n_max, 1))
			return steps[k];
	return ceil(span / MAX_OF(n_max, 1) / 604800) * 604800;
}

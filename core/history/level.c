/*
 * level - numbers rounded to a few leading bits, as small integers in the same order.
 *
 * Design.  The bits of an IEEE double, read as an integer, grow with the value: exponent first,
 * then mantissa.  Cutting off the low bits of the mantissa gives levels of a constant share with
 * one shift; below 2^(mantissa + 1) these would be finer than a unit, so there the number itself
 * is the level.  Both parts meet at that point.
 */
#include "history/level.h"

#include <math.h>
#include <string.h>

#define MANTISSA 52
#define BIAS	 1023

/* What the first level of the second part has too much. */
static int64_t offset_of(unsigned mantissa)
{
	return ((INT64_C(1) * BIAS + mantissa + 1) << mantissa) - (INT64_C(2) << mantissa);
}

/* The largest of a finite number, with that offset. */
static int64_t top_of(unsigned mantissa)
{
	return ((INT64_C(2) * BIAS + 1) << mantissa) - 1;
}

static double power_of_two(int n)
{
	uint64_t bits = (uint64_t) (BIAS + n) << MANTISSA;
	double ret;

	memcpy(&ret, &bits, sizeof(ret));
	return ret;
}

int64_t level_of(double value, unsigned mantissa, int scale)
{
	unsigned cut = MANTISSA - mantissa;
	double x = fabs(value) * power_of_two(scale);
	int64_t level, top = top_of(mantissa);
	uint64_t bits;

	if (x < (double) (UINT64_C(2) << mantissa)) {
		level = llrint(x);
	} else {
		memcpy(&bits, &x, sizeof(bits));
		level = (int64_t) ((bits + (UINT64_C(1) << (cut - 1))) >> cut);
		level = MIN_OF(level, top) - offset_of(mantissa);
	}
	return value < 0 ? -level : level;
}

double level_value(int64_t level, unsigned mantissa, int scale)
{
	uint64_t size = level < 0 ? -(uint64_t) level : (uint64_t) level, bits;
	int64_t top = top_of(mantissa);
	double x;

	if (size < UINT64_C(2) << mantissa) {
		x = (double) size;
	} else {
		/* A level from a damaged file is cut to a number. */
		size = MIN_OF(size, (uint64_t) top);
		bits = MIN_OF(size + (uint64_t) offset_of(mantissa), (uint64_t) top);
		bits <<= MANTISSA - mantissa;
		memcpy(&x, &bits, sizeof(x));
	}
	x *= power_of_two(-scale);
	return level < 0 ? -x : x;
}

int64_t level_floor(uint64_t value, unsigned mantissa)
{
	unsigned n = value ? 64 - (unsigned) __builtin_clzll(value) : 0, cut;

	if (n <= mantissa + 1)
		return (int64_t) value;
	cut = n - mantissa - 1;
	return ((int64_t) cut << mantissa) + (int64_t) (value >> cut);
}

uint64_t level_floor_value(int64_t level, unsigned mantissa)
{
	uint64_t cut;

	if (level < INT64_C(2) << mantissa)
		return level < 0 ? 0 : (uint64_t) level;
	cut = ((uint64_t) level >> mantissa) - 1;
	if (cut > 63 - mantissa)
		return UINT64_MAX;
	return ((uint64_t) level - (cut << mantissa)) << cut;
}

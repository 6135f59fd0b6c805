/*
 * level - numbers rounded to a few leading bits, as small integers in the same order.
 *
 * Levels are even steps near zero and then a constant share of the value, so that what varies by
 * a share of itself varies by few levels, whatever its scale.
 *
 *   level_of()     nearest level: off by at most 2^-(mantissa + 1) of the value, or by half of
 *                  2^-scale when that is more; level_of(-v) is -level_of(v)
 *   level_floor()  the level not above: off by less than 2^-mantissa of the value; exact below
 *                  2^(mantissa + 1)
 *
 * Pure.
 */
#ifndef HISTORY_LEVEL_H
#define HISTORY_LEVEL_H

#include "base/util.h"

int64_t level_of(double value, unsigned mantissa, int scale); /* 'value' finite */
double level_value(int64_t level, unsigned mantissa, int scale);

int64_t level_floor(uint64_t value, unsigned mantissa);
uint64_t level_floor_value(int64_t level, unsigned mantissa);

#endif

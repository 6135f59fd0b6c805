/*
 * dice - numbers for property tests, the same for the same seed.
 */
#ifndef TESTS_UNIT_DICE_H
#define TESTS_UNIT_DICE_H

#include <stdint.h>

struct dice {
	uint64_t state;
};
uint64_t dice_seed(const char *test); /* from ANOD_SEED or fixed; printed on failure by the test */
uint32_t dice_roll(struct dice *d, uint32_t n); /* 0 .. n - 1 */

/* ANOD_ROUNDS, or so many. */
unsigned rounds_of(unsigned usual);

#endif

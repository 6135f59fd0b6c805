/*
 * numbers - equal things get one number: 0, 1, 2 ... in the order in which they come.
 *
 * Things are borrowed; the caller says what equal means, and hashes so that equal things have
 * equal hashes.  Memory: numbers_done() frees what the caller has not taken.
 */
#ifndef POLICY_NUMBERS_H
#define POLICY_NUMBERS_H

#include "base/util.h"

#define NUMBERS_NONE UINT32_MAX

struct numbers {
	const void **thing; /* owned list, by number; may be taken */
	unsigned n, max;
	uint64_t *hash; /* of each */
	uint32_t *slot; /* number + 1, by hash */
	unsigned mask;
};

typedef bool same_fn(const void *a, const void *b);

/* The number of the first thing that is the same; NUMBERS_NONE: no memory. */
uint32_t numbers_add(struct numbers *t, uint64_t hash, const void *thing, same_fn *same);
void numbers_done(struct numbers *t);

#endif

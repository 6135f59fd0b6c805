/*
 * decide_mark - a number for what an answer depended on.
 *
 * Design.  Facts move all the time and most of them mean nothing to the answer; what they make
 * true or false does.  So the mark is of the truths, and a denial that comes for another reason
 * is another denial.
 */
#include <string.h>

#include "policy/record.h"

static uint32_t mix(uint32_t hash, uint32_t n)
{
	return crc32c(hash, &n, sizeof(n));
}

static uint32_t mix_judged(uint32_t hash, const struct judged *j)
{
	hash = mix(hash, (uint32_t) j->truth | (uint32_t) j->counted << 4 |
				 (uint32_t) j->hold << 8 | (uint32_t) j->level << 16);
	return crc32c(hash, j->rule->name, strlen(j->rule->name));
}

uint64_t decision_mark(const struct decision *d)
{
	const struct record *r = d->record;
	uint32_t hash = mix(0, (uint32_t) d->level | (uint32_t) d->damped << 8);

	for (unsigned i = 0; r && i < r->n_actions; i++)
		for (unsigned k = 0; k < r->views[i].guards->n; k++)
			hash = mix_judged(hash, &r->judged[i][k]);
	for (unsigned i = 0; r && i < r->n_invariants; i++)
		hash = mix(hash, (uint32_t) r->invariant[i].holds |
					 (uint32_t) r->invariant[i].excused << 4 |
					 (uint32_t) r->invariant[i].lifted << 5);
	return (uint64_t) hash << 1 | 1;
}

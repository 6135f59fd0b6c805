/*
 * numbers - equal things get one number.
 *
 * Design.  Linear probing in a table that is at most half full, with the hash of each thing kept,
 * so that hardly anything but equal things is compared and growing hashes nothing again.
 */
#include "policy/numbers.h"

static void put(struct numbers *t, uint64_t hash, unsigned number)
{
	unsigned k = (unsigned) hash & t->mask;

	while (t->slot[k])
		k = (k + 1) & t->mask;
	t->slot[k] = number + 1;
}

static bool grow(struct numbers *t)
{
	unsigned max = t->max ? t->max * 2 : 16;
	const void **thing = realloc(t->thing, max * sizeof(*thing));
	uint64_t *hash = thing ? realloc(t->hash, max * sizeof(*hash)) : NULL;
	uint32_t *slot = hash ? calloc(2u * max, sizeof(*slot)) : NULL;

	t->thing = thing ? thing : t->thing;
	t->hash = hash ? hash : t->hash;
	if (!slot)
		return false;

	free(t->slot);
	t->slot = slot;
	t->mask = 2 * max - 1;
	t->max = max;
	for (unsigned i = 0; i < t->n; i++)
		put(t, t->hash[i], i);
	return true;
}

uint32_t numbers_add(struct numbers *t, uint64_t hash, const void *thing, same_fn *same)
{
	if (t->n == t->max && !grow(t))
		return NUMBERS_NONE;
	for (unsigned k = (unsigned) hash & t->mask; t->slot[k]; k = (k + 1) & t->mask) {
		unsigned number = t->slot[k] - 1;

		if (t->hash[number] == hash && same(t->thing[number], thing))
			return number;
	}

	t->thing[t->n] = thing;
	t->hash[t->n] = hash;
	put(t, hash, t->n);
	return t->n++;
}

void numbers_done(struct numbers *t)
{
	free(t->thing);
	free(t->hash);
	free(t->slot);
	*t = (struct numbers){ 0 };
}

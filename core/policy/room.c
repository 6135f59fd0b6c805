/*
 * room - memory for one judgement after the other.
 *
 * Design.  Growing throws away what was there, because the judgement that needed more begins
 * again: so pointers into it are plain, and nothing is copied.
 */
#include "policy/room.h"

#include <errno.h>

int room_grow(struct room *r)
{
	size_t size = MAX_OF(r->size, (size_t) ROOM_MIN);
	char *base;

	/* What was wanted is the least: a judgement that ran out may not have asked for all. */
	while (size <= r->wanted)
		size *= 2;
	if (size > ROOM_MAX)
		return -ENOMEM;
	base = malloc(size);
	if (!base)
		return -ENOMEM;

	free(r->base);
	*r = (struct room){ .base = base, .size = size };
	return 0;
}

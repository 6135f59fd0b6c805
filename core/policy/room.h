/*
 * room - memory for one judgement after the other.
 *
 * Taken from the front, given back all at once.  It never grows while somebody takes: what does
 * not fit is noted, the judgement is void, and whoever began it calls room_grow() and begins again.
 * So after the first few decisions nothing is allocated any more.
 */
#ifndef POLICY_ROOM_H
#define POLICY_ROOM_H

#include "base/util.h"

#define ROOM_MIN 16384
#define ROOM_MAX (64u << 20) /* bytes of one judgement; more is refused */

struct room {
	char *base; /* owned */
	size_t n, size;
	size_t wanted; /* more than 'size': it was too small */
};

static inline void room_clear(struct room *r)
{
	r->n = r->wanted = 0;
}

/* NULL: too small.  Not zeroed; aligned for anything. */
static inline void *room_take(struct room *r, size_t size)
{
	size = (size + 15) & ~(size_t) 15;
	r->wanted += size;
	if (size > r->size - r->n || !r->base)
		return NULL;
	r->n += size;
	return r->base + r->n - size;
}

/* Of what was taken last, only the first 'used' bytes were needed. */
static inline void room_give_back(struct room *r, const void *last, size_t used)
{
	size_t n = (size_t) ((const char *) last - r->base) + ((used + 15) & ~(size_t) 15);

	r->wanted -= r->n - n;
	r->n = n;
}

static inline bool room_short(const struct room *r)
{
	return r->wanted > r->size || !r->base;
}

/* Empty, and large enough for what was wanted.  -ENOMEM. */
int room_grow(struct room *r);

static inline void room_done(struct room *r)
{
	free(r->base);
	*r = (struct room){ 0 };
}

#endif

/*
 * measure - what a change does to the prefixes of the routing tables.
 */
#ifndef MODEL_MEASURE_H
#define MODEL_MEASURE_H

#include "model/model.h"

struct measured { /* destinations of unicast routes in any table but local */
	unsigned prefixes;
	unsigned moved;	 /* the usable legs that their packets meet differ */
	unsigned lost;	 /* they met one before and meet none after */
	unsigned mended; /* the reverse */
};

/* Compare the two; -ENOMEM. */
int measure(const struct overlay *before, const struct overlay *after, struct measured *ret);

#endif

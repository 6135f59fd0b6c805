/*
 * effect - what a change does to destinations, a bundle of them at a time.
 *
 * Threads: one.  Pure.
 */
#ifndef MODEL_EFFECT_H
#define MODEL_EFFECT_H

#include "model/scene.h"

struct effect {
	int32_t n;	  /* destinations; -1 takes one back that a class has told */
	uint32_t was, is; /* outcomes */
	/* Who: a class, and 'head' when all classes with its first way are meant; or, with class
	 * 0, one destination. */
	uint32_t class;
	bool head;
	uint32_t table;
	struct anod_prefix dst;
	bool edited; /* it is itself in one of the overlays */
};

typedef void effect_fn(const struct effect *e, void *data);

/* Tell bundles until the sum is right for every pair of outcomes: of all destinations, or without
 * 'all' at least of those whose outcomes differ.  *ret_n: destinations in both states together.
 * -ENOMEM. */
int effects(struct scene *s, bool all, effect_fn *fn, void *data, unsigned *ret_n);
/* The same question for two overlays without a scene when nothing but routes was edited and the
 * model is calm: 'fn' gets the two paths of each edited destination.  False: it is not so. */
bool effects_of_routes(const struct overlay *before, const struct overlay *after,
		       void (*fn)(const struct flow_path *was, const struct flow_path *is, void *),
		       void *data, unsigned *ret_n);

#endif

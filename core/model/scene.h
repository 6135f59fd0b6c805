/*
 * scene - what becomes of packets in two states of the network, compared.
 *
 * A scene is a pair of states: two overlays of one model, or one overlay with and without a link.
 * Outcomes (fate and usable legs) are interned within it, so that they are compared by number;
 * each way of the model is judged at most once in each state, and classes by their ways.
 *
 * Pure.  Threads: one.  Memory: the scene's, until scene_done().  When memory runs out 'failed' is
 * set and what is returned means nothing; ask once at the end.
 */
#ifndef MODEL_SCENE_H
#define MODEL_SCENE_H

#include "model/classes.h"
#include "model/state.h"

enum {
	OUT_PASSES = 1, /* a way: the next is asked */
	OUT_SPOILS,	/* a way: what begins at the same address is not asked, but the next is */
	OUT_THROWS,	/* a way: the next table is asked */
	OUT_NOTHING,	/* no table has an answer */
	OUT_FIRST,	/* others begin here */
};

struct scene_end {
	enum flow_fate fate; /* 0 of OUT_NOTHING */
	uint32_t n_legs, leg;
	uint32_t hash, next;
};

#define SCENE_LINKS 32

struct scene {
	const struct overlay *o[2];
	const struct rtab *t;	/* of the model */
	const uint32_t *cut[2]; /* links to be seen as gone */
	unsigned n_cut[2];
	/* Links that differ from the model's in one of the states; n_links above SCENE_LINKS:
	 * too many to tell. */
	uint32_t link[SCENE_LINKS];
	unsigned n_links;
	bool nexthops;	/* so do next-hop objects */
	bool converged; /* daemons have reacted: so do their ways */
	/* For a sweep over many links: the links of way i are leg_link[leg_from[i]] up to
	 * leg_from[i + 1].  NULL: ask the way. */
	const uint32_t *leg_from, *leg_link;
	/* Every way that is the first of some destination and not touched decides, in both states. */
	bool calm;

	uint32_t *way[2], *zero[2]; /* outcomes by way and by fib; 0: not known yet */
	struct scene_end *out;
	uint32_t n_out, max_out, *bucket, n_buckets;
	struct anod_leg *leg;
	uint32_t n_legs, max_legs;
	bool failed;
};

/* -ENOMEM */
int scene_init(struct scene *s, const struct overlay *before, const struct overlay *after);
void scene_done(struct scene *s);
/* Is the way's answer in one of the states another than the model alone would give, perhaps? */
bool scene_touches(const struct scene *s, uint32_t way);
/* Forget what is known of state 1. */
void scene_again(struct scene *s);

uint32_t scene_of_way(struct scene *s, unsigned state, uint32_t way);
uint32_t scene_of_class(struct scene *s, unsigned state, uint32_t class);
/* Of one destination, looked up. */
uint32_t scene_of_dst(struct scene *s, unsigned state, uint32_t table,
		      const struct anod_prefix *dst);
bool scene_same_legs(const struct scene *s, uint32_t a, uint32_t b);
static inline enum flow_fate scene_fate(const struct scene *s, uint32_t out)
{
	return s->out[out].fate;
}

/* Fate (0: no route at all), n_legs and legs of packets to all of 'dst' that no route from
 * outside the table, main and default concerns; of 'ret' nothing else is set. */
void path_legs(const struct overlay *o, uint32_t table, const struct anod_prefix *dst,
	       const uint32_t *cut, unsigned n_cut, struct flow_path *ret);

/* True when in the model as it is all ways that are first for some destination decide, and so do
 * all routes to everything.  Kept until links, next hops or the set of such ways change. */
bool model_is_calm(const struct model *m);

#endif

/*
 * shadow_world - random routers for tests of the shadow, and what it should say of them.
 *
 * The expectation is made without it: by looking at every destination one by one, and by the
 * look-ups of an overlay in which the link is lost and the predicted routes are in their place.
 */
#ifndef TESTS_SHADOW_WORLD_H
#define TESTS_SHADOW_WORLD_H

#include "model/shadow.h"
#include "world.h"

#define SW_LOST	  2	/* the link that is lost; 6 is a VLAN on it */
#define SW_TABLE  17300 /* of the shadow */
#define SW_LINKS  6
#define SW_ROUTES 48

struct sw_table;
struct sw {
	struct model *model;
	struct shadow_in in;
	struct anod_object route[SW_ROUTES]; /* in the model, in no order */
	unsigned n_routes;
};

/* The table as the kernel has it, from operations. */
struct sw_table {
	unsigned n;
	struct anod_object route[4 * SW_ROUTES];
};

void sw_init(struct sw *w, struct dice *d);
void sw_done(struct sw *w);
/* What is in it, for a failure's sake. */
void sw_show(const struct sw *w, const struct sw_table *t);
/* Change one thing, and tell the shadow ('s' may be NULL). */
void sw_change(struct sw *w, struct dice *d, struct shadow *s);
struct anod_prefix sw_address(struct dice *d);

void sw_table_do(struct sw_table *t, const struct shadow *s, const struct shadow_op *op);
/* Everything at once. */
void sw_table_take(struct sw_table *t, struct shadow *s);
bool sw_table_same(const struct sw_table *a, const struct sw_table *b);

/* Where packets to 'x' go when the link is lost ('down': set down, else without carrier), from
 * the routes alone; in a model made by sw_with_table() from the shadow's. */
void sw_expect(const struct sw *w, bool down, const struct anod_prefix *x, struct flow_path *ret);
struct model *sw_with_table(const struct sw *w, const struct sw_table *t);
void sw_lookup_lost(const struct model *m, bool down, const struct anod_prefix *x,
		    struct flow_path *ret);
bool sw_same_path(const struct flow_path *a, const struct flow_path *b);

#endif

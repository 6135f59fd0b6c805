/*
 * way - what many routes of an rtab share, interned.
 *
 * Threads: one.  Memory: ways are counted by the routes that use them.
 */
#ifndef MODEL_WAY_H
#define MODEL_WAY_H

#include "model/rtab.h"

/* The id of the way of this route, with one more reference.  -ENOMEM. */
int way_intern(struct rtab *t, const struct anod_object *o, uint32_t *ret_id);
void way_unref(struct rtab *t, uint32_t id);
bool way_is(const struct way *w, const struct anod_object *o);
void ways_done(struct rtab *t);
void ways_reset(struct rtab *t); /* forget all, keep the memory of the indices */

#endif

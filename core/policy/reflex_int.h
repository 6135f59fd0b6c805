/*
 * reflex_int - what the files of the choice share; see reflex_choice.h.
 */
#ifndef POLICY_REFLEX_INT_H
#define POLICY_REFLEX_INT_H

#include <stdarg.h>

#include "model/over.h"
#include "policy/reflex_choice.h"

struct chooser {
	const struct reflex_ask *in;
	const struct policy_reflex *reflex;
	struct reflex_choice *to;
	struct over over;
	const char *link, *standby; /* names */
	char not_yet[300];	    /* why the ways that were tried are not possible */
};

/* Does the permit allow this kind of action? */
bool choose_allowed(const struct chooser *c, const char *kind);
/* Why a way is not possible; returns false.  Only the first two of them are kept. */
bool choose_not(struct chooser *c, const char *fmt, ...) _printf_(2, 3);
/* The way, and why; returns true. */
bool choose_way(struct chooser *c, enum reflex_way way, const char *fmt, ...) _printf_(3, 4);
/* The next action of the plan, or of what puts the primary back; NULL: no room. */
struct anod_action *choose_action(struct chooser *c, const char *kind);
struct anod_action *choose_back(struct chooser *c, const char *kind);
void act_int(struct anod_action *a, const char *name, int64_t v);
void act_text(struct anod_action *a, const char *name, const char *v);
void act_bool(struct anod_action *a, const char *name, bool v);
void act_prefix(struct anod_action *a, const char *name, const struct anod_prefix *v);
/* Its destination, table and metric. */
void act_route(struct anod_action *a, const struct anod_route *r);
/* Where the standby of the family leads: via and dev. */
void act_leg(struct anod_action *a, const struct chooser *c, uint8_t family);
/* The same leg, or NULL: not covered. */
const struct anod_leg *choose_leg(const struct chooser *c, uint8_t family);

static inline const struct over_family *of4(const struct chooser *c)
{
	return &c->over.family[0];
}
static inline const struct over_family *of6(const struct chooser *c)
{
	return &c->over.family[1];
}

/* reflex_kernel.c: true when 'to' is filled. */
bool choose_group(struct chooser *c);
bool choose_metric(struct chooser *c);
bool choose_move(struct chooser *c);
/* reflex_around.c */
bool choose_bridge(struct chooser *c);
bool choose_ready(struct chooser *c);

#endif

/*
 * lookup_mpls - what becomes of a labelled packet.
 *
 * Design.  As read in Linux 6.18, mpls_forward(): one table, the label is the key, no rules.  A
 * route stays when its links go; legs that are dead or have no carrier are passed over while there
 * are others.
 */
#include <linux/rtnetlink.h>
#include <string.h>

#include "model/state.h"

void overlay_lookup_label(const struct overlay *o, const struct lookup *in, struct flow_path *ret)
{
	struct anod_object key = { .type = ANOD_OBJ_ROUTE };
	const struct anod_route *r = &ret->route.u.route;

	key.u.route.table = RT_TABLE_MAIN;
	key.u.route.dst = in->dst;
	ret->fate = FLOW_BLACKHOLE;
	ret->n_legs = 0;
	if (overlay_get(o, &key, &ret->route) < 0)
		return;

	ret->doubt |= (ret->route.flags & ANOD_OBJ_UNSURE) != 0;
	for (unsigned i = 0; i < r->n_legs; i++)
		if (overlay_leg_state(o, &r->leg[i], r->leg[i].via.family, in->cut, in->n_cut) ==
		    LEG_USABLE)
			ret->leg[ret->n_legs++] = r->leg[i];
	if (ret->n_legs)
		ret->fate = FLOW_FORWARDED;
}

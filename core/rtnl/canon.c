/*
 * canon - an object without what the kernel changes by itself.
 *
 * Design.  The same members that anod_object_matches() (object.c) does not compare are taken out
 * or put in order, so that equal bytes mean "the same thing, set up the same way".  Two uses: the
 * hash that people sign must not change with every count of a carrier, and the executor's plan
 * must be the one that was signed.
 */
#include "rtnl/codec.h"

#include <linux/if.h>
#include <linux/neighbour.h>
#include <string.h>

#include "base/util.h"

static void canon_link(struct anod_link *l)
{
	l->flags &= IFF_UP;
	l->carrier_up = l->carrier_down = 0;
	l->operstate = l->carrier = 0;
}

/* Legs are a set: the order says nothing about where packets go. */
static void sort_legs(struct anod_route *t)
{
	unsigned n = MIN_OF(t->n_legs, ANOD_LEGS_MAX);

	for (unsigned i = 1; i < n; i++) {
		struct anod_leg x = t->leg[i];
		unsigned k = i;

		for (; k > 0 && memcmp(&t->leg[k - 1], &x, sizeof(x)) > 0; k--)
			t->leg[k] = t->leg[k - 1];
		t->leg[k] = x;
	}
}

static void canon_route(struct anod_route *t)
{
	t->flags &= ~(uint32_t) ROUTE_STATE;
	if (t->nhid) { /* they are the next-hop object's */
		t->n_legs = 0;
		memset(t->leg, 0, sizeof(t->leg));
		return;
	}
	for (unsigned i = 0; i < MIN_OF(t->n_legs, ANOD_LEGS_MAX); i++)
		t->leg[i].flags &= ~(uint32_t) LEG_STATE;
	sort_legs(t);
}

/* Of the states that the kernel moves between by itself one stands for all. */
static void canon_neigh(struct anod_neigh *n)
{
	bool learned = n->state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE);

	n->probes = 0;
	n->flags = 0;
	if (n->state & (NUD_PERMANENT | NUD_NOARP))
		n->state &= NUD_PERMANENT | NUD_NOARP;
	else
		n->state = learned ? NUD_REACHABLE : NUD_NONE;
	if (n->state == NUD_NONE) {
		n->lladdr_len = 0;
		memset(n->lladdr, 0, sizeof(n->lladdr));
	}
}

void anod_object_canon(struct anod_object *o)
{
	switch ((enum anod_obj_type) o->type) {
	case ANOD_OBJ_LINK:
		canon_link(&o->u.link);
		return;
	case ANOD_OBJ_ADDR:
		o->u.addr.flags &= ~(uint32_t) ADDR_STATE;
		return;
	case ANOD_OBJ_ROUTE:
		canon_route(&o->u.route);
		return;
	case ANOD_OBJ_NEXTHOP:
		o->u.nexthop.flags &= RTNH_F_ONLINK;
		return;
	case ANOD_OBJ_RULE:
		return;
	case ANOD_OBJ_NEIGH:
		canon_neigh(&o->u.neigh);
		return;
	case ANOD_OBJ_QDISC:
		o->u.qdisc.handle = 0;
		return;
	case ANOD_OBJ_UNIT: /* it may fail or come back while people think about it */
		o->u.unit.active = 0;
		return;
	case ANOD_OBJ_SYSCTL:
	case ANOD_OBJ_WGPEER:
		return;
	}
}

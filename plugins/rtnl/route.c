/*
 * route - what is special about routes.
 *
 * Design.  Three things.  The kernel removes IPv4 routes (and IPv6 ones with
 * nexthop_compat_mode 0) of a link or next hop that goes down without an event, so routes are
 * read again after such a change; since the removal may still be under way, once more after that,
 * until two dumps agree in number (dump_follow()).  The kernel can hold twins, two routes of one
 * key (connected prefixes on two links, fe80::/64 on each): in a dump they follow one another and
 * become one object with all legs, which is lossy.  And it can delete a part, one leg of an IPv6
 * route or one twin; the event looks like that of a whole route.  The keys that have parts are
 * remembered, and for those the table is read again instead of believing the event.
 */
#include "rtnl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PARTS_MAX 65536

static struct part_row *part_find(struct rtnl *r, const struct anod_object *o)
{
	struct part_row *row;
	struct key k;

	key_of(o, &k);
	HASH_FIND(hh, r->parts, &k, sizeof(k), row);
	return row;
}

static void part_drop(struct rtnl *r, struct part_row *row)
{
	HASH_DEL(r->parts, row);
	free(row);
}

static void part_put(struct rtnl *r, const struct anod_object *o, unsigned n_legs)
{
	struct part_row *row = part_find(r, o);

	if (!row) {
		row = HASH_COUNT(r->parts) < PARTS_MAX ? calloc(1, sizeof(*row)) : NULL;
		if (!row) {
			r->parts_full = true;
			return;
		}
		key_of(o, &row->key);
		HASH_ADD(hh, r->parts, key, sizeof(row->key), row);
	}
	row->n_legs = n_legs;
}

static bool is_v6(const struct anod_object *o)
{
	return o->u.route.dst.family == AF_INET6;
}

/* An IPv6 route whose legs can be deleted one by one. */
static bool has_parts(const struct anod_object *o)
{
	return is_v6(o) && !o->u.route.nhid && o->u.route.n_legs > 1;
}

/* IPv6 keeps routes without a gateway side by side under one key. */
static bool may_have_twin(const struct anod_object *o)
{
	return is_v6(o) && !o->u.route.nhid && o->u.route.n_legs == 1 &&
	       !o->u.route.leg[0].via.family;
}

static void deleted(struct rtnl *r, const struct anod_object *o)
{
	struct part_row *part = part_find(r, o);
	bool whole = part ? part->n_legs && part->n_legs == o->u.route.n_legs : !r->parts_full;

	if (!whole) {
		dump_want(r, ANOD_OBJ_ROUTE, SOON);
		return;
	}
	if (part)
		part_drop(r, part);
	publish(r, o, true);
}

void route_event(struct rtnl *r, const struct anod_object *o, const struct nlmsghdr *m, bool gone)
{
	struct part_row *part;

	if (anod_object_is_noise(o))
		return;
	if (gone) {
		deleted(r, o);
		return;
	}

	part = part_find(r, o);
	if ((part && !part->n_legs) || (!is_v6(o) && (m->nlmsg_flags & NLM_F_APPEND))) {
		dump_want(r, ANOD_OBJ_ROUTE, SOON); /* a twin, or next to twins */
		return;
	}
	if (may_have_twin(o))
		dump_want(r, ANOD_OBJ_ROUTE, SOON);
	if (has_parts(o))
		part_put(r, o, o->u.route.n_legs);
	else if (part)
		part_drop(r, part);
	publish(r, o, false);
}

/* ---- in a dump --------------------------------------------------------------------------- */

void route_dump_begin(struct rtnl *r)
{
	struct part_row *row, *next;

	HASH_ITER(hh, r->parts, row, next)
	part_drop(r, row);
	r->parts_full = false;
	r->pending.type = 0;
}

void route_dump_end(struct rtnl *r)
{
	if (r->pending.type)
		publish(r, &r->pending, false);
	r->pending.type = 0;
}

void route_dump_take(struct rtnl *r, const struct anod_object *o)
{
	if (anod_object_is_noise(o))
		return;
	if (r->pending.type && anod_object_same_key(&r->pending, o)) {
		anod_object_merge_twin(&r->pending, o);
		part_put(r, &r->pending, 0);
		return;
	}

	route_dump_end(r);
	r->pending = *o;
	if (has_parts(o))
		part_put(r, o, o->u.route.n_legs);
}

/*
 * snapshot_route - lines of routes and next hops.
 */
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "model/snapshot_int.h"

/* "via A dev B weight N" with commas between legs; false: another word. */
static bool leg_word(struct reading *r, struct anod_leg *g, int *e)
{
	if (snapshot_accept(r, "via"))
		*e = snapshot_prefix(r, &g->via);
	else if (snapshot_accept(r, "dev"))
		*e = snapshot_device(r, &g->ifindex);
	else if (snapshot_accept(r, "weight"))
		*e = snapshot_number32(r, &g->weight);
	else if (snapshot_accept(r, "label"))
		*e = snapshot_label(r, &g->label);
	else if (snapshot_accept(r, "legflags"))
		*e = snapshot_number32(r, &g->flags);
	else
		return false;
	return true;
}

static int route_word(struct reading *r, struct anod_object *o)
{
	static const char *const words[] = { "via",   "dev",   "weight", "legflags", "label",
					     "nhid",  "table", "metric", "tos",	     "proto",
					     "scope", "src",   "mtu",	 "flags",    NULL };
	struct anod_route *t = &o->u.route;
	struct token next = *lex_peek(&r->l, 0);
	int e = 0;

	if (snapshot_type(&next, &t->type)) {
		lex_next(&r->l, &next);
		return 0;
	}
	if (token_is(&next, "via") || token_is(&next, "dev"))
		t->n_legs = MAX_OF(t->n_legs, (uint8_t) 1);
	if (t->n_legs && leg_word(r, &t->leg[t->n_legs - 1], &e))
		return e;
	if (snapshot_accept(r, ",")) {
		if (!t->n_legs || t->n_legs == ANOD_LEGS_MAX)
			return snapshot_wrong(r, &next, "at most 16 legs");
		t->leg[t->n_legs++].weight = 1;
		return 0;
	}
	if (snapshot_accept(r, "nhid"))
		return snapshot_number32(r, &t->nhid);
	if (snapshot_accept(r, "table"))
		return snapshot_number32(r, &t->table);
	if (snapshot_accept(r, "metric"))
		return snapshot_number32(r, &t->metric);
	if (snapshot_accept(r, "tos"))
		return snapshot_number32(r, &t->tos);
	if (snapshot_accept(r, "proto"))
		return snapshot_proto(r, &t->protocol);
	if (snapshot_accept(r, "scope"))
		return snapshot_number8(r, &t->scope);
	if (snapshot_accept(r, "src"))
		return snapshot_prefix(r, &t->prefsrc);
	if (snapshot_accept(r, "mtu"))
		return snapshot_number32(r, &t->mtu);
	if (snapshot_accept(r, "flags"))
		return snapshot_number32(r, &t->flags);
	return snapshot_unknown(r, words, "route");
}

int snapshot_read_route(struct reading *r, struct anod_object *o)
{
	struct anod_route *t = &o->u.route;
	bool any = snapshot_accept(r, "default"), metric = false, scope = false;
	int e = 0;

	o->type = ANOD_OBJ_ROUTE;
	t->type = RTN_UNICAST;
	t->table = RT_TABLE_MAIN;
	t->protocol = RTPROT_STATIC;
	t->dst.family = AF_INET;
	t->leg[0].weight = 1;
	if (!any)
		e = snapshot_prefix(r, &t->dst);
	while (e == 0 && !snapshot_at_end(r)) {
		metric |= token_is(lex_peek(&r->l, 0), "metric");
		scope |= token_is(lex_peek(&r->l, 0), "scope");
		if (!snapshot_flag(r, o))
			e = route_word(r, o);
	}
	if (e < 0)
		return e;
	if (any && t->leg[0].via.family == AF_INET6)
		t->dst.family = AF_INET6;
	if (!metric && t->dst.family == AF_INET6)
		t->metric = 1024;
	if (!t->n_legs)
		t->leg[0].weight = 0;
	if (!scope)
		t->scope = snapshot_scope(t);
	return 0;
}

static int group_members(struct reading *r, struct anod_nexthop *n)
{
	int e = 0;

	do {
		struct anod_member *m;

		if (n->n_members == ANOD_LEGS_MAX)
			return snapshot_wrong(r, lex_peek(&r->l, 0), "at most 16 members");
		m = &n->member[n->n_members++];
		m->weight = 1;
		e = snapshot_number32(r, &m->id);
		if (e == 0 && snapshot_accept(r, "weight"))
			e = snapshot_number32(r, &m->weight);
	} while (e == 0 && snapshot_accept(r, ","));
	return e;
}

int snapshot_read_nexthop(struct reading *r, struct anod_object *o)
{
	static const char *const words[] = { "via",    "dev",	"group", "blackhole",
					     "family", "proto", "flags", NULL };
	struct anod_nexthop *n = &o->u.nexthop;
	bool family = false;
	int e;

	o->type = ANOD_OBJ_NEXTHOP;
	n->protocol = RTPROT_STATIC;
	e = snapshot_number32(r, &n->id);
	while (e == 0 && !snapshot_at_end(r)) {
		family |= token_is(lex_peek(&r->l, 0), "family");
		if (snapshot_accept(r, "via"))
			e = snapshot_prefix(r, &n->via);
		else if (snapshot_accept(r, "dev"))
			e = snapshot_device(r, &n->ifindex);
		else if (snapshot_accept(r, "group"))
			e = group_members(r, n);
		else if (snapshot_accept(r, "blackhole"))
			n->blackhole = 1;
		else if (snapshot_accept(r, "family"))
			e = snapshot_number8(r, &n->family);
		else if (snapshot_accept(r, "proto"))
			e = snapshot_proto(r, &n->protocol);
		else if (snapshot_accept(r, "flags"))
			e = snapshot_number32(r, &n->flags);
		else if (snapshot_flag(r, o))
			continue;
		else
			e = snapshot_unknown(r, words, "nexthop");
	}
	if (e == 0 && !family)
		n->family = snapshot_family(n);
	return e;
}

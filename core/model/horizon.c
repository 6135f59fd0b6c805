/*
 * horizon - what routing daemons make of a change.
 *
 * Design.  Whether a route is withdrawn is a matter of its way, and ways are few: what is found
 * out is which gateways are dead (on a link that is not usable, or not on their link any more),
 * and routes are judged by that when they are met, as with links that were lost.  Only routes that
 * are edits themselves are gone through.
 *
 * A gateway is on its link when a route without a gateway leads to it over that link, in the table
 * of the link's VRF; that route may itself be one of a daemon, and go.  So this is done until
 * nothing changes; each round finds at least one more gateway dead or installs a candidate.
 */
#include "model/horizon.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>

#include "model/state.h"

bool horizon_is_daemon(uint8_t protocol)
{
	switch (protocol) {
	case RTPROT_GATED:
	case RTPROT_MRT:
	case RTPROT_ZEBRA:
	case RTPROT_BIRD:
	case RTPROT_DNROUTED:
	case RTPROT_XORP:
	case RTPROT_NTK:
	case RTPROT_MROUTED:
	case RTPROT_KEEPALIVED:
	case RTPROT_BABEL:
	case 99: /* openr */
		return true;
	default: /* bgp, isis, ospf, rip, ripng, nhrp, eigrp, ldp, sharp, pbr, zstatic */
		return protocol >= RTPROT_BGP && protocol <= 196;
	}
}

/* ---- legs ------------------------------------------------------------------------------- */

static bool is_dead_gateway(const struct overlay *o, const struct anod_leg *leg)
{
	for (unsigned i = 0; i < o->n_dead_gateways; i++)
		if (o->dead_gateway[i].ifindex == leg->ifindex &&
		    memcmp(&o->dead_gateway[i].via, &leg->via, sizeof(leg->via)) == 0)
			return true;
	return false;
}

bool overlay_leg_withdrawn(const struct overlay *o, const struct anod_leg *leg)
{
	const struct anod_link *l = overlay_link(o, leg->ifindex);

	return !l || !link_usable(l) || is_dead_gateway(o, leg);
}

bool overlay_way_withdrawn(const struct overlay *o, const struct way *w)
{
	if (!w->n_legs || w->nhid || !horizon_is_daemon(w->protocol))
		return false;
	for (unsigned i = 0; i < w->n_legs; i++)
		if (!overlay_leg_withdrawn(o, &w->leg[i]))
			return false;
	return true;
}

static bool on_link(const struct overlay *o, const struct anod_leg *leg)
{
	struct lookup in = { .dst = leg->via, .oif = leg->ifindex };
	uint32_t vrf = overlay_vrf_table(o, leg->ifindex);
	const uint8_t *a = leg->via.addr;
	struct flow_path p = { 0 };

	if (!leg->via.family || (leg->flags & RTNH_F_ONLINK) ||
	    (leg->via.family == AF_INET6 && a[0] == 0xfe && (a[1] & 0xc0) == 0x80))
		return true;
	overlay_lookup_in(o, vrf ? vrf : RT_TABLE_MAIN, &in, &p);
	for (unsigned i = 0; i < p.n_legs; i++)
		if (p.leg[i].ifindex == leg->ifindex && !p.leg[i].via.family)
			return true;
	return false;
}

/* 1: one more is dead, 0: as before. */
static int judge_gateway(struct overlay *o, const struct anod_leg *leg)
{
	struct anod_leg *more;

	if (!leg->via.family || overlay_leg_withdrawn(o, leg) || on_link(o, leg))
		return 0;

	more = realloc(o->dead_gateway, (o->n_dead_gateways + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	o->dead_gateway = more;
	more[o->n_dead_gateways++] = *leg;
	return 1;
}

/* Gateways that were judged just now; many ways share few of them. */
struct judged {
	const struct anod_leg *leg[256];
};

static bool was_judged(struct judged *j, const struct anod_leg *leg)
{
	uint32_t hash = crc32c(leg->ifindex, leg->via.addr, sizeof(leg->via.addr));
	const struct anod_leg **at = &j->leg[hash % ARRAY_SIZE(j->leg)], *was = *at;

	*at = leg;
	return was && was->ifindex == leg->ifindex && was->flags == leg->flags &&
	       memcmp(&was->via, &leg->via, sizeof(was->via)) == 0;
}

static int judge_ways(struct overlay *o, const struct rtab *t)
{
	struct judged judged = { 0 };
	int news = 0;

	for (uint32_t id = 0; id < t->n_ways; id++) {
		const struct way *w = t->way[id];

		if (!w || w->nhid || !horizon_is_daemon(w->protocol))
			continue;
		for (unsigned i = 0; i < w->n_legs; i++) {
			int r;

			if (was_judged(&judged, &w->leg[i]))
				continue;
			r = judge_gateway(o, &w->leg[i]);
			if (r < 0)
				return r;
			news |= r;
		}
	}
	return news;
}

/* ---- next-hop objects ------------------------------------------------------------------- */

struct dead_nexthop {
	const struct overlay *o;
	struct anod_object found;
};

static int see_nexthop(const struct anod_object *obj, void *data)
{
	const struct anod_nexthop *n = &obj->u.nexthop;
	struct anod_leg leg = { .via = n->via, .ifindex = n->ifindex, .flags = n->flags };
	struct dead_nexthop *d = data;

	if (n->n_members || n->blackhole || !horizon_is_daemon(n->protocol) ||
	    (!overlay_leg_withdrawn(d->o, &leg) && on_link(d->o, &leg)))
		return 0;
	d->found = *obj;
	return 1;
}

/* A daemon that deletes one has taken it out of its groups, as the kernel does then. */
static int drop_nexthops(struct overlay *o)
{
	struct dead_nexthop d = { .o = o };
	int news = 0, r;

	while ((r = overlay_each(o, ANOD_OBJ_NEXTHOP, see_nexthop, &d)) == 1) {
		struct anod_change c = { .has_pre = 1, .pre = d.found };

		r = overlay_apply(o, &c);
		if (r < 0)
			return r;
		news = 1;
	}
	return r < 0 ? r : news;
}

/* ---- routes ----------------------------------------------------------------------------- */

static int withdraw_edited(struct overlay *o)
{
	const struct rtab *t = &o->edit.routes;
	struct anod_object obj;
	int news = 0;

	for (uint32_t i = 0; i < t->n_used; i++) {
		const struct route *route = rtab_at(t, i);

		if (!route || route->gone || !overlay_way_withdrawn(o, rtab_way(t, route)))
			continue;
		rtab_object(t, route, &obj);
		if (overlay_edit(o, &obj, true) < 0)
			return -ENOMEM;
		news = 1;
	}
	return news;
}

static bool has_daemon_route(const struct overlay *o, const struct anod_route *like)
{
	struct anod_prefix dst = prefix_cut(&like->dst, like->dst.len);
	const struct route *base = rtab_chain(&o->model->base.routes, like->table, &dst);
	const struct route *edit = rtab_chain(&o->edit.routes, like->table, &dst);
	const struct route *after = NULL;
	struct route_ref at;

	for (; overlay_next_of(o, base, edit, after, &at); after = at.route)
		if (horizon_is_daemon(rtab_way(at.tab, at.route)->protocol))
			return true;
	return false;
}

bool overlay_candidate_lives(const struct overlay *o, const struct anod_object *candidate,
			     struct anod_object *ret)
{
	struct anod_route *r = &ret->u.route;
	unsigned kept = 0;

	*ret = *candidate;
	for (unsigned i = 0; i < r->n_legs; i++)
		if (!overlay_leg_withdrawn(o, &r->leg[i]) && on_link(o, &r->leg[i]))
			r->leg[kept++] = r->leg[i];
	memset(&r->leg[kept], 0, (r->n_legs - kept) * sizeof(r->leg[0]));
	r->n_legs = (uint8_t) kept;
	return kept > 0;
}

static int install(struct overlay *o)
{
	const struct candidates *all = &o->model->candidates;
	struct anod_object route;
	int news = 0;

	/* Best first: the first that lives keeps the others out. */
	for (unsigned i = 0; i < all->n; i++) {
		const struct anod_object *c = &all->at[i].route;

		if (has_daemon_route(o, &c->u.route) || !overlay_candidate_lives(o, c, &route))
			continue;
		if (overlay_edit(o, &route, false) < 0)
			return -ENOMEM;
		news = 1;
	}
	return news;
}

int overlay_converge(struct overlay *o)
{
	int news = 1;

	o->converged = true;
	while (news > 0) {
		int r[] = { judge_ways(o, &o->model->base.routes), judge_ways(o, &o->edit.routes),
			    drop_nexthops(o), withdraw_edited(o), 0 };

		/* Candidates come when nothing goes any more. */
		if (!r[0] && !r[1] && !r[2] && !r[3])
			r[4] = install(o);
		news = 0;
		for (unsigned i = 0; i < ARRAY_SIZE(r); i++) {
			if (r[i] < 0)
				return r[i];
			news |= r[i];
		}
	}
	return 0;
}

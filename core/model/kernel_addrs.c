/*
 * kernel_addrs - routes that come and go with addresses, done to an overlay.
 *
 * Design.  As read in Linux 6.18: fib_add_ifaddr(), fib_del_ifaddr() and fib_sync_down_addr() for
 * IPv4, __ipv6_ifa_notify() and cleanup_prefix_route() for IPv6.
 *
 *   address gone   its local route goes, and the connected route (IPv6: and the anycast one) that
 *                  no other address of the link has; IPv4 routes of the link's own table that
 *                  have it as their source go; secondary addresses of the same net go with a
 *                  primary one (net.ipv4.conf.IF.promote_secondaries is taken as off)
 *   the last IPv4 address of a link gone   all its IPv4 routes go, those of own addresses, too
 *   address new    local and connected routes come, if the link is up
 *
 * The tables are those of the VRF that the link is in.  IPv6 needs a moment for its routes; what
 * is predicted is what there is then.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "model/state.h"

uint32_t overlay_vrf_table(const struct overlay *o, uint32_t ifindex)
{
	const struct anod_link *l = overlay_link(o, ifindex);
	const struct anod_link *master = l && l->master ? overlay_link(o, l->master) : NULL;

	if (l && strcmp(l->kind, "vrf") == 0)
		master = l;
	return master && strcmp(master->kind, "vrf") == 0 ? master->vrf_table : 0;
}

static const struct anod_prefix *net_of(const struct anod_addr *a)
{
	return a->peer.family ? &a->peer : &a->local;
}

/* ---- coming ----------------------------------------------------------------------------- */

static int add_route(struct overlay *o, const struct anod_addr *a, uint8_t type,
		     const struct anod_prefix *dst, uint32_t table)
{
	struct anod_object obj = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *route = &obj.u.route;
	bool v6 = dst->family == AF_INET6;
	int r;

	route->dst = prefix_cut(dst, dst->len);
	route->table = table;
	route->protocol = RTPROT_KERNEL;
	route->type = type;
	route->scope = v6 ? RT_SCOPE_UNIVERSE : type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK;
	route->metric = v6 && type == RTN_UNICAST ? 256 : 0;
	if (!v6) {
		route->prefsrc = a->local;
		route->prefsrc.len = 32;
	}
	route->n_legs = 1;
	route->leg[0] = (struct anod_leg){ .ifindex = a->ifindex, .weight = 1 };
	if (overlay_get(o, &obj, &(struct anod_object){ 0 }) == 0)
		return 0; /* the first one stays in use */
	r = overlay_edit(o, &obj, false);
	return r < 0 ? r : 0;
}

int overlay_addr_routes(struct overlay *o, const struct anod_addr *a)
{
	const struct anod_link *l = overlay_link(o, a->ifindex);
	struct anod_prefix own = a->local;
	uint32_t vrf = overlay_vrf_table(o, a->ifindex);
	int r;

	own.len = own.family == AF_INET ? 32 : 128;
	if (own.family == AF_INET6 && !(l && (l->flags & IFF_UP)))
		return 0;
	r = add_route(o, a, RTN_LOCAL, &own, vrf ? vrf : RT_TABLE_LOCAL);
	if (r < 0 || !l || !(l->flags & IFF_UP) ||
	    (a->flags & (IFA_F_NOPREFIXROUTE | IFA_F_SECONDARY)) ||
	    (net_of(a)->len == own.len && !a->peer.family))
		return r;
	return add_route(o, a, RTN_UNICAST, net_of(a), vrf ? vrf : RT_TABLE_MAIN);
}

/* ---- going ------------------------------------------------------------------------------ */

struct others { /* what else there is besides an address that went */
	const struct anod_addr *gone;
	bool same_net, same_local, any4;
};

static bool same_prefix(const struct anod_prefix *a, const struct anod_prefix *b)
{
	struct anod_prefix x = prefix_cut(a, a->len), y = prefix_cut(b, b->len);

	return memcmp(&x, &y, sizeof(x)) == 0;
}

static int see_other(const struct anod_object *obj, void *data)
{
	const struct anod_addr *a = &obj->u.addr;
	struct others *s = data;
	bool on_it = a->ifindex == s->gone->ifindex;

	s->any4 |= on_it && a->local.family == AF_INET;
	s->same_net |= on_it && same_prefix(net_of(a), net_of(s->gone)) &&
		       !(a->flags & IFA_F_NOPREFIXROUTE);
	s->same_local |= memcmp(a->local.addr, s->gone->local.addr, sizeof(a->local.addr)) == 0 &&
			 a->local.family == s->gone->local.family;
	return 0;
}

/* Take the link's part out of a route that the kernel made. */
static int drop_part(struct overlay *o, const struct anod_prefix *dst, uint32_t table,
		     uint32_t metric, uint32_t ifindex)
{
	struct anod_object obj = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *r = &obj.u.route;
	unsigned kept = 0;
	int e;

	r->dst = prefix_cut(dst, dst->len);
	r->table = table;
	r->metric = metric;
	if (overlay_get(o, &obj, &obj) < 0 || r->protocol != RTPROT_KERNEL)
		return 0;

	for (unsigned i = 0; i < r->n_legs; i++)
		if (r->leg[i].ifindex != ifindex)
			r->leg[kept++] = r->leg[i];
	if (kept == r->n_legs)
		return 0;
	memset(&r->leg[kept], 0, (r->n_legs - kept) * sizeof(r->leg[0]));
	r->n_legs = (uint8_t) kept;
	if (kept == 1)
		obj.flags = 0;
	e = overlay_edit(o, &obj, kept == 0);
	return e < 0 ? e : 0;
}

struct sources { /* routes that have the address as their source */
	const struct anod_prefix *src;
	uint32_t table;
	struct anod_object *at;
	unsigned n, max;
};

static int see_source(const struct anod_object *obj, void *data)
{
	const struct anod_route *r = &obj->u.route;
	struct sources *s = data;

	if (r->table != s->table || r->prefsrc.family != AF_INET ||
	    memcmp(r->prefsrc.addr, s->src->addr, 4) != 0)
		return 0;
	if (s->n == s->max) {
		unsigned max = s->max ? s->max * 2 : 8;
		struct anod_object *at = realloc(s->at, max * sizeof(*at));

		if (!at)
			return -ENOMEM;
		s->at = at;
		s->max = max;
	}
	s->at[s->n++] = *obj;
	return 0;
}

static int drop_sources(struct overlay *o, const struct anod_addr *a, uint32_t table)
{
	struct sources s = { .src = &a->local, .table = table };
	int r = overlay_each(o, ANOD_OBJ_ROUTE, see_source, &s);

	for (unsigned i = 0; i < s.n && r >= 0; i++)
		r = overlay_edit(o, &s.at[i], true);
	free(s.at);
	return r < 0 ? r : 0;
}

static int see_secondary(const struct anod_object *obj, void *data)
{
	struct sources *s = data;
	const struct anod_addr *a = &obj->u.addr;

	if ((a->flags & IFA_F_SECONDARY) && a->ifindex == s->table && a->local.family == AF_INET &&
	    same_prefix(net_of(a), s->src)) {
		s->n = 1;
		*s->at = *obj;
		return 1;
	}
	return 0;
}

/* One after the other, because each is a change of its own. */
static int drop_secondaries(struct overlay *o, const struct anod_addr *gone)
{
	struct anod_object found;
	struct sources s = { .src = net_of(gone), .table = gone->ifindex, .at = &found };
	int r;

	while (s.n = 0, r = overlay_each(o, ANOD_OBJ_ADDR, see_secondary, &s), s.n) {
		struct anod_change c = { .has_pre = 1, .pre = found };

		r = overlay_apply(o, &c);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

static int gone6(struct overlay *o, const struct anod_addr *a, const struct others *s, uint32_t vrf)
{
	uint32_t local = vrf ? vrf : RT_TABLE_LOCAL;
	struct anod_prefix own = a->local, anycast = prefix_cut(net_of(a), net_of(a)->len);
	int r;

	own.len = anycast.len = 128;
	r = drop_part(o, &own, local, 0, a->ifindex);
	if (r < 0 || s->same_net)
		return r;
	r = drop_part(o, net_of(a), vrf ? vrf : RT_TABLE_MAIN, 256, a->ifindex);
	return r < 0 ? r : drop_part(o, &anycast, local, 0, a->ifindex);
}

int overlay_addr_gone(struct overlay *o, const struct anod_addr *a)
{
	uint32_t vrf = overlay_vrf_table(o, a->ifindex);
	struct others s = { .gone = a };
	struct anod_prefix own = a->local;
	int r;

	(void) overlay_each(o, ANOD_OBJ_ADDR, see_other, &s);
	if (a->local.family == AF_INET6)
		return gone6(o, a, &s, vrf);

	own.len = 32;
	r = 0;
	if (!(a->flags & IFA_F_SECONDARY))
		r = drop_secondaries(o, a);
	if (r == 0 && !s.same_net)
		r = drop_part(o, net_of(a), vrf ? vrf : RT_TABLE_MAIN, 0, a->ifindex);
	if (r == 0 && !s.same_local)
		r = drop_part(o, &own, vrf ? vrf : RT_TABLE_LOCAL, 0, a->ifindex);
	if (r == 0 && !s.same_local)
		r = drop_sources(o, a, vrf ? vrf : RT_TABLE_MAIN);
	if (r == 0 && !s.any4)
		r = overlay_no_ipv4(o, a->ifindex);
	return r;
}

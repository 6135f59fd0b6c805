/*
 * gateway - do next hops lead anywhere?
 *
 * Design.  The kernel checks a gateway once, when the route is made (fib_check_nh(),
 * ip6_route_check_nh()); when addresses or other routes change later, nobody checks again, and the
 * route stays.  So each distinct set of legs is followed here in the predicted state.
 */
#include "model/gateway.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <netinet/in.h>

#include "facts/value.h"
#include "model/flows.h"
#include "model/state.h"

#define DEPTH_MAX 8

static void look_up(const struct overlay *o, uint32_t table, const struct anod_prefix *dst,
		    struct flow_path *ret)
{
	memset(ret, 0, sizeof(*ret));
	overlay_lookup_table(o, table, dst, NULL, 0, ret);
	if (!ret->fate && table != RT_TABLE_MAIN)
		overlay_lookup_table(o, RT_TABLE_MAIN, dst, NULL, 0, ret);
}

struct own {
	const struct anod_prefix *address;
	bool found;
};

static int compare_address(const struct anod_object *obj, void *data)
{
	const struct anod_prefix *a = &obj->u.addr.local;
	struct own *own = data;

	own->found = a->family == own->address->family &&
		     memcmp(a->addr, own->address->addr, sizeof(a->addr)) == 0;
	return own->found;
}

static bool is_own(const struct overlay *o, const struct anod_prefix *address)
{
	struct own own = { .address = address };

	(void) overlay_each(o, ANOD_OBJ_ADDR, compare_address, &own);
	return own.found;
}

static bool is_link_local(const struct anod_prefix *p)
{
	return p->family == AF_INET6 && p->addr[0] == 0xfe && (p->addr[1] & 0xc0) == 0x80;
}

static const struct anod_leg *leg_on(const struct flow_path *p, uint32_t ifindex)
{
	for (uint32_t i = 0; i < p->n_legs; i++)
		if (p->leg[i].ifindex == ifindex)
			return &p->leg[i];
	return NULL;
}

enum gateway_fault gateway_check(const struct overlay *o, uint32_t table,
				 const struct anod_leg *leg)
{
	struct anod_prefix via = leg->via;
	struct flow_path path;

	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		const struct anod_leg *next;

		if (!via.family || is_link_local(&via))
			return GATEWAY_FINE;
		if (is_own(o, &via))
			return GATEWAY_LOCAL;
		if (depth == 0 && (leg->flags & RTNH_F_ONLINK))
			return GATEWAY_FINE;

		via.len = via.family == AF_INET ? 32 : 128;
		look_up(o, table, &via, &path);
		if (path.fate == FLOW_LOCAL)
			return GATEWAY_LOCAL;
		if (path.fate != FLOW_FORWARDED)
			return GATEWAY_UNREACHABLE;
		next = leg_on(&path, leg->ifindex);
		if (!next)
			return GATEWAY_ELSEWHERE;
		if (memcmp(next->via.addr, via.addr, sizeof(via.addr)) == 0 && next->via.family)
			return GATEWAY_LOOP;
		via = next->via;
	}
	return GATEWAY_LOOP;
}

const char *gateway_fault_text(enum gateway_fault f)
{
	static const char *const text[] = {
		"is fine",
		"is an address of this router",
		"is not reachable",
		"is not on that link",
		"leads through itself",
	};

	return text[f];
}

struct check {
	const struct overlay *o;
	struct gateway_bad *bad;
};

static int check_group(const struct flow_group *g, void *data)
{
	const struct check *c = data;

	for (uint32_t i = 0; i < g->is->n_legs; i++) {
		enum gateway_fault f = gateway_check(c->o, g->table, &g->is->leg[i]);

		if (!f)
			continue;
		if (!c->bad->fault) {
			c->bad->fault = f;
			c->bad->leg = g->is->leg[i];
			c->bad->prefix = g->example;
		}
		c->bad->prefixes += g->prefixes;
		break;
	}
	return 0;
}

int gateways_check(const struct overlay *before, const struct overlay *o, struct gateway_bad *ret)
{
	struct check c = { o, ret };

	*ret = (struct gateway_bad){ 0 };
	return flows_each(before, o, check_group, &c);
}

unsigned gateway_neigh(const struct overlay *o, const struct anod_leg *leg)
{
	struct anod_object key = { .type = ANOD_OBJ_NEIGH }, neigh;

	if (!leg->via.family)
		return 0;
	key.u.neigh.ifindex = leg->ifindex;
	key.u.neigh.dst = leg->via;
	key.u.neigh.dst.len = leg->via.family == AF_INET ? 32 : 128;
	return overlay_get(o, &key, &neigh) == 0 ? neigh.u.neigh.state : 0;
}

int link_rp_filter(const struct anod_link *l)
{
	return l->conf & ANOD_LINK_CONF4 ? l->rp_filter : -1;
}

uint32_t path_mtu(const struct overlay *o, const struct flow_path *p)
{
	uint32_t least = UINT32_MAX;

	if (p->fate == FLOW_LOCAL)
		return UINT32_MAX;
	if (p->fate != FLOW_FORWARDED)
		return 0;
	for (uint32_t i = 0; i < p->n_legs; i++) {
		const struct anod_link *l = overlay_link(o, p->leg[i].ifindex);

		if (l)
			least = MIN_OF(least, l->mtu);
	}
	if (p->route.u.route.mtu)
		least = MIN_OF(least, p->route.u.route.mtu);
	return least;
}

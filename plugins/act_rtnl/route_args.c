/*
 * route_args - a route as the arguments of an action describe it.
 *
 * Design.  The after-image must be what the kernel will show, or the read-back would call it
 * somebody else's: hence the scope that the kernel wants, metric 1024 for an IPv6 route without
 * one, weight 1 for an only leg.  A gateway without a device is resolved by the kernel; we cannot
 * know to what, so the device must be named unless the route that is replaced shows it.
 */
#include "plan.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#define LEGS_OF_ARGS  4
#define ROUTE_MTU_MAX 65520 /* the kernel cuts a larger RTAX_MTU */
#define IPV6_METRIC   1024  /* IP6_RT_PRIO_USER, used for metric 0 */

static int get_type(struct anod_job *j, struct anod_route *t)
{
	static const struct {
		const char *word;
		uint8_t type;
	} types[] = {
		{ "unicast", RTN_UNICAST },
		{ "blackhole", RTN_BLACKHOLE },
		{ "unreachable", RTN_UNREACHABLE },
		{ "prohibit", RTN_PROHIBIT },
	};
	const char *word = "unicast";
	int r = anod_arg_text(j, "type", &word);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(word, types[i].word) == 0) {
			t->type = types[i].type;
			return 0;
		}
	return anod_refuse(j, -EINVAL, "type must be unicast, blackhole, unreachable or prohibit");
}

int route_key(struct anod_job *j, struct anod_object *ret)
{
	struct anod_route *t = &ret->u.route;
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->type = ANOD_OBJ_ROUTE;
	t->protocol = ANOD_RTPROT;
	t->type = RTN_UNICAST;
	t->table = RT_TABLE_MAIN;
	r = anod_need(j, "dst", anod_arg_prefix(j, "dst", &t->dst));
	if (r < 0)
		return r;
	r = anod_arg_int(j, "table", 1, UINT32_MAX, &t->table);
	if (r < 0)
		return r;
	if (t->table == RT_TABLE_LOCAL)
		return anod_refuse(j, -EPERM, "table local is the kernel's: use another one");
	r = anod_arg_int(j, "metric", 0, UINT32_MAX, &t->metric);
	if (r < 0)
		return r;
	if (t->dst.family == AF_INET6 && t->metric == 0)
		t->metric = IPV6_METRIC;
	return 0;
}

/* The device by which the route that is there reaches the gateway, or 0. */
static uint32_t known_device(const struct anod_object *pre, const struct anod_prefix *via)
{
	for (unsigned i = 0; pre && i < pre->u.route.n_legs && i < ANOD_LEGS_MAX; i++)
		if (memcmp(&pre->u.route.leg[i].via, via, sizeof(*via)) == 0)
			return pre->u.route.leg[i].ifindex;
	return 0;
}

static int get_via(struct anod_job *j, const char *name, const struct anod_route *t,
		   struct anod_prefix *ret)
{
	int r = anod_arg_address(j, name, ret);

	/* IPv4 by way of an IPv6 gateway exists (RFC 5549), the reverse does not. */
	if (r > 0 && t->dst.family == AF_INET6 && ret->family == AF_INET)
		return anod_refuse(j, -EINVAL, "%s %s is an IPv4 address, but %s is IPv6", name,
				   anod_prefix_text(ret), anod_prefix_text(&t->dst));
	return r;
}

/* 1: there is an n-th leg, 0: none. */
static int get_leg(struct anod_job *j, unsigned n, const struct anod_object *pre,
		   const struct anod_route *t, struct anod_leg *ret)
{
	char via[8] = "via", dev[8] = "dev", weight[8] = "weight";
	int has_via, has_dev, has_weight;

	if (n > 1) {
		(void) snprintf(via, sizeof(via), "via%u", n);
		(void) snprintf(dev, sizeof(dev), "dev%u", n);
		(void) snprintf(weight, sizeof(weight), "weight%u", n);
	}
	*ret = (struct anod_leg){ .weight = 1 };
	has_via = get_via(j, via, t, &ret->via);
	if (has_via < 0)
		return has_via;
	has_dev = anod_arg_link(j, dev, &ret->ifindex);
	if (has_dev < 0)
		return has_dev;
	has_weight = anod_arg_int(j, weight, 1, 256, &ret->weight);
	if (has_weight < 0)
		return has_weight;

	if (!has_via && !has_dev)
		return has_weight ? anod_refuse(j, -EINVAL, "%s without %s or %s", weight, via, dev)
				  : 0;
	if (!has_dev)
		ret->ifindex = known_device(pre, &ret->via);
	if (!ret->ifindex)
		return anod_refuse(j, -EINVAL, "%s %s needs %s: name the link", via,
				   anod_prefix_text(&ret->via), dev);
	return 1;
}

static int get_legs(struct anod_job *j, const struct anod_object *pre, struct anod_route *t)
{
	for (unsigned n = 1; n <= LEGS_OF_ARGS; n++) {
		struct anod_leg *leg = &t->leg[t->n_legs];
		int r = get_leg(j, n, pre, t, leg);

		if (r < 0)
			return r;
		if (r == 0) {
			memset(leg, 0, sizeof(*leg));
			continue;
		}
		for (unsigned i = 0; i < t->n_legs; i++)
			if (t->leg[i].ifindex == leg->ifindex &&
			    memcmp(&t->leg[i].via, &leg->via, sizeof(leg->via)) == 0)
				return anod_refuse(j, -EINVAL, "two legs are the same: use weight");
		t->n_legs++;
	}
	if (t->n_legs == 1 && t->leg[0].weight != 1)
		return anod_refuse(j, -EINVAL, "weight needs a second leg: via2 or dev2");
	return 0;
}

static int check_nhid(struct anod_job *j, struct anod_route *t)
{
	struct anod_object key = { .type = ANOD_OBJ_NEXTHOP }, now;
	int r;

	if (t->n_legs)
		return anod_refuse(j, -EINVAL,
				   "nhid contradicts via and dev: give one or the other");

	key.u.nexthop.id = t->nhid;
	r = j->v->get(j->v, &key, &now);
	if (r == -ENOENT)
		return anod_refuse(j, -ENOENT, "no next hop %u: make it with nexthop.replace",
				   t->nhid);
	return r < 0 ? anod_refuse(j, r, "cannot read next hop %u: %s", t->nhid, strerror(-r)) : 0;
}

static uint8_t scope_of(const struct anod_route *t)
{
	if (t->dst.family == AF_INET6 || t->type != RTN_UNICAST || t->nhid)
		return RT_SCOPE_UNIVERSE;
	for (unsigned i = 0; i < t->n_legs; i++)
		if (t->leg[i].via.family)
			return RT_SCOPE_UNIVERSE;
	return RT_SCOPE_LINK;
}

int route_legs(struct anod_job *j, const struct anod_object *pre, struct anod_route *t)
{
	int r;

	r = get_type(j, t);
	if (r < 0)
		return r;
	r = get_legs(j, pre, t);
	if (r < 0)
		return r;
	r = anod_arg_int(j, "nhid", 1, UINT32_MAX, &t->nhid);
	if (r > 0)
		r = check_nhid(j, t);
	if (r < 0)
		return r;
	r = anod_arg_int(j, "mtu", 68, ROUTE_MTU_MAX, &t->mtu);
	if (r < 0)
		return r;
	r = anod_arg_address(j, "src", &t->prefsrc);
	if (r < 0)
		return r;

	if (r > 0 && t->prefsrc.family != t->dst.family)
		return anod_refuse(j, -EINVAL, "src %s is of another family than %s",
				   anod_prefix_text(&t->prefsrc), anod_prefix_text(&t->dst));
	if (t->type != RTN_UNICAST && (t->n_legs || t->nhid || t->mtu))
		return anod_refuse(j, -EINVAL, "a route that drops has no via, dev, nhid or mtu");
	if (t->type == RTN_UNICAST && !t->n_legs && !t->nhid)
		return anod_refuse(j, -EINVAL, "where to? give via and dev, dev, or nhid");
	t->scope = scope_of(t);
	return 0;
}

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "world.h"

static struct anod_change change(const struct anod_object *pre, const struct anod_object *post)
{
	struct anod_change c = { .has_pre = pre != NULL, .has_post = post != NULL };

	if (pre)
		c.pre = *pre;
	if (post)
		c.post = *post;
	return c;
}

static void put(struct model *m, struct anod_object o)
{
	cr_assert(model_put(m, &o) == 0);
}

static void apply(struct overlay *o, const struct anod_object *pre, const struct anod_object *post)
{
	struct anod_change c = change(pre, post);

	cr_assert(overlay_apply(o, &c) == 0);
}

static enum flow_fate fate(const struct overlay *o, const char *dst, uint32_t *ret_ifindex)
{
	struct flow_key k = { .dst = world_prefix(dst) };
	struct flow_path p;

	overlay_lookup(o, &k, &p);
	if (ret_ifindex)
		*ret_ifindex = p.n_legs ? p.leg[0].ifindex : 0;
	return p.fate;
}

static uint32_t via(const struct overlay *o, const char *dst)
{
	uint32_t ifindex;

	return fate(o, dst, &ifindex) == FLOW_FORWARDED ? ifindex : 0;
}

static struct model *two_uplinks(void)
{
	struct model *m = world_model();

	put(m, world_link_object(2, "wan0", true, true));
	put(m, world_link_object(3, "wan1", true, true));
	put(m, world_route_object("0.0.0.0/0", 254, 100, "192.0.2.1", 2));
	put(m, world_route_object("0.0.0.0/0", 254, 200, "198.51.100.1", 3));
	put(m, world_route_object("203.0.113.0/24", 254, 0, "192.0.2.1", 2));
	put(m, world_route_object("2001:db8::/32", 254, 1024, NULL, 2));
	return m;
}

Test(overlay, loses_the_routes_of_a_link_set_down)
{
	_cleanup_(model_freep) struct model *m = two_uplinks();
	_cleanup_(overlay_freep) struct overlay *o = overlay_new(m);
	struct anod_object up = world_link_object(2, "wan0", true, true);
	struct anod_object down = world_link_object(2, "wan0", false, false), got;
	struct anod_object route = world_route_object("203.0.113.0/24", 254, 0, "192.0.2.1", 2);

	cr_expect(via(o, "203.0.113.9") == 2 && via(o, "8.8.8.8") == 2);
	apply(o, &up, &down);
	cr_expect(via(o, "203.0.113.9") == 3 && via(o, "8.8.8.8") == 3);
	cr_expect(fate(o, "2001:db8::1", NULL) == FLOW_BLACKHOLE);
	cr_expect(overlay_get(o, &route, &got) == -ENOENT);
	/* Up again: static routes stay lost, as in the kernel. */
	apply(o, &down, &up);
	cr_expect(via(o, "203.0.113.9") == 3);
	/* Unless somebody adds them. */
	apply(o, NULL, &route);
	cr_expect(via(o, "203.0.113.9") == 2);
	apply(o, &up, &down);
	cr_expect(via(o, "203.0.113.9") == 3);
	/* The model is what it was. */
	cr_expect(model_count(m, ANOD_OBJ_ROUTE) == 4 && model_get(m, &route, &got) == 0);
}

Test(overlay, swallows_packets_on_a_link_without_carrier)
{
	_cleanup_(model_freep) struct model *m = two_uplinks();
	_cleanup_(overlay_freep) struct overlay *o = overlay_new(m);
	struct anod_object up = world_link_object(2, "wan0", true, true), got;
	struct anod_object dead = world_link_object(2, "wan0", true, false);
	struct anod_object route = world_route_object("203.0.113.0/24", 254, 0, "192.0.2.1", 2);

	apply(o, &up, &dead);
	cr_expect(fate(o, "203.0.113.9", NULL) == FLOW_BLACKHOLE);
	cr_expect(overlay_get(o, &route, &got) == 0);
	cr_expect(got.u.route.leg[0].flags == RTNH_F_LINKDOWN);
	apply(o, &dead, &up);
	cr_expect(via(o, "203.0.113.9") == 2);
}

Test(overlay, brings_connected_routes_back_with_their_link)
{
	_cleanup_(model_freep) struct model *m = world_model();
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct anod_object down = world_link_object(2, "wan0", false, false);
	struct anod_object up = world_link_object(2, "wan0", true, true);
	struct anod_object addr = { .type = ANOD_OBJ_ADDR };

	addr.u.addr.ifindex = 2;
	addr.u.addr.local = world_prefix("192.0.2.7");
	addr.u.addr.local.len = 24;
	put(m, down);
	put(m, addr);
	o = overlay_new(m);
	cr_expect(fate(o, "192.0.2.1", NULL) == FLOW_BLACKHOLE);
	apply(o, &down, &up);
	cr_expect(via(o, "192.0.2.1") == 2);
}

static struct anod_object nexthop(uint32_t id, uint32_t ifindex)
{
	struct anod_object o = { .type = ANOD_OBJ_NEXTHOP };

	o.u.nexthop.id = id;
	o.u.nexthop.ifindex = ifindex;
	o.u.nexthop.family = AF_INET;
	return o;
}

static struct anod_object group(uint32_t id, uint32_t a, uint32_t b)
{
	struct anod_object o = { .type = ANOD_OBJ_NEXTHOP };

	o.u.nexthop.id = id;
	o.u.nexthop.n_members = 2;
	o.u.nexthop.member[0] = (struct anod_member){ a, 255 };
	o.u.nexthop.member[1] = (struct anod_member){ b, 1 };
	return o;
}

Test(overlay, follows_next_hop_objects)
{
	_cleanup_(model_freep) struct model *m = two_uplinks();
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct anod_object route = world_route_object("10.0.0.0/8", 254, 0, NULL, 0), got;
	struct anod_object first = nexthop(1, 2), moved = nexthop(1, 3);
	struct anod_object up = world_link_object(2, "wan0", true, true);
	struct anod_object dead = world_link_object(2, "wan0", true, false);
	struct anod_object g = group(10, 1, 2);

	route.u.route.nhid = 1;
	put(m, first);
	put(m, nexthop(2, 3));
	put(m, g);
	put(m, route);
	route.u.route.dst = world_prefix("11.0.0.0/8");
	route.u.route.nhid = 10;
	put(m, route);

	o = overlay_new(m);
	cr_expect(via(o, "10.0.0.1") == 2 && via(o, "11.0.0.1") == 2);
	apply(o, &first, &moved);
	cr_expect(via(o, "10.0.0.1") == 3 && via(o, "11.0.0.1") == 3);
	o = overlay_free(o);

	/* Carrier lost: the kernel flushes the next hop, its route and its place in the group. */
	o = overlay_new(m);
	apply(o, &up, &dead);
	cr_expect(overlay_get(o, &first, &got) == -ENOENT);
	cr_expect(via(o, "11.0.0.1") == 3);
	cr_expect(overlay_get(o, &g, &got) == 0 && got.u.nexthop.n_members == 1);
	cr_expect(overlay_get(o, &route, &got) == 0 && got.u.route.n_legs == 1);
	route.u.route.dst = world_prefix("10.0.0.0/8");
	cr_expect(overlay_get(o, &route, &got) == -ENOENT);
	o = overlay_free(o);

	/* A group that loses its last member goes, with its routes. */
	o = overlay_new(m);
	apply(o, &first, NULL);
	first = nexthop(2, 3);
	apply(o, &first, NULL);
	cr_expect(overlay_get(o, &g, &got) == -ENOENT);
	cr_expect(via(o, "11.0.0.1") == 2, "by the default route");
}

static void put_rule(struct model *m, uint32_t priority, uint32_t table, const char *src,
		     uint32_t mark, uint32_t flags)
{
	struct anod_object o = { .type = ANOD_OBJ_RULE };

	o.u.rule.family = AF_INET;
	o.u.rule.priority = priority;
	o.u.rule.table = table;
	o.u.rule.action = FR_ACT_TO_TBL;
	o.u.rule.flags = flags;
	o.u.rule.fwmark = mark;
	o.u.rule.fwmask = mark ? UINT32_MAX : 0;
	if (src)
		o.u.rule.src = world_prefix(src);
	put(m, o);
}

Test(overlay, obeys_rules_in_the_kernels_order)
{
	_cleanup_(model_freep) struct model *m = two_uplinks();
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct flow_key k = { .dst = world_prefix("8.8.8.8") };
	struct anod_object rule = { .type = ANOD_OBJ_RULE };
	struct flow_path p;

	put(m, world_route_object("0.0.0.0/0", 101, 0, NULL, 3));
	put_rule(m, 100, 101, "10.0.0.0/8", 0, 0);
	put_rule(m, 101, 101, NULL, 7, 0);
	put_rule(m, 102, 999, NULL, 0, 0); /* empty: falls through */
	o = overlay_new(m);
	cr_expect(via(o, "8.8.8.8") == 2);
	k.src = world_prefix("10.1.1.1");
	overlay_lookup(o, &k, &p);
	cr_expect(p.leg[0].ifindex == 3);
	k.src = (struct anod_prefix){ 0 };
	k.mark = 7;
	overlay_lookup(o, &k, &p);
	cr_expect(p.leg[0].ifindex == 3);

	/* An edit: everything to table 101, first of all. */
	rule.u.rule.family = AF_INET;
	rule.u.rule.priority = 50;
	rule.u.rule.table = 101;
	rule.u.rule.action = FR_ACT_TO_TBL;
	apply(o, NULL, &rule);
	cr_expect(via(o, "8.8.8.8") == 3);
	apply(o, &rule, NULL);
	cr_expect(via(o, "8.8.8.8") == 2);
	/* Prefixes not longer than 0 suppressed: the default route of 101 does not count. */
	rule.u.rule.suppress_len = 1;
	apply(o, NULL, &rule);
	cr_expect(via(o, "8.8.8.8") == 2);
	/* A condition that the key does not tell is doubt. */
	rule.u.rule.priority = 40;
	rule.u.rule.ipproto = 6;
	apply(o, NULL, &rule);
	k.mark = 0;
	overlay_lookup(o, &k, &p);
	cr_expect(p.doubt && p.leg[0].ifindex == 2);
	/* Inverted: not from 10/8. */
	rule = (struct anod_object){ .type = ANOD_OBJ_RULE };
	rule.u.rule.family = AF_INET;
	rule.u.rule.priority = 30;
	rule.u.rule.src = world_prefix("10.0.0.0/8");
	rule.u.rule.flags = FIB_RULE_INVERT;
	rule.u.rule.action = FR_ACT_PROHIBIT;
	apply(o, NULL, &rule);
	cr_expect(fate(o, "8.8.8.8", NULL) == FLOW_PROHIBITED);
}

Test(overlay, tells_the_fates_apart)
{
	_cleanup_(model_freep) struct model *m = two_uplinks();
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct anod_object r = world_route_object("10.0.0.0/8", 254, 0, NULL, 0);
	struct anod_object local = world_route_object("192.0.2.7/32", 255, 0, NULL, 2);

	r.u.route.type = RTN_BLACKHOLE;
	put(m, r);
	r.u.route.dst = world_prefix("11.0.0.0/8");
	r.u.route.type = RTN_UNREACHABLE;
	put(m, r);
	r.u.route.dst = world_prefix("12.0.0.0/8");
	r.u.route.type = RTN_THROW;
	put(m, r);
	local.u.route.type = RTN_LOCAL;
	local.u.route.scope = RT_SCOPE_HOST;
	put(m, local);
	o = overlay_new(m);
	cr_expect(fate(o, "10.0.0.1", NULL) == FLOW_BLACKHOLE);
	cr_expect(fate(o, "11.0.0.1", NULL) == FLOW_PROHIBITED);
	cr_expect(fate(o, "12.0.0.1", NULL) == FLOW_PROHIBITED);
	cr_expect(fate(o, "192.0.2.7", NULL) == FLOW_LOCAL);
	cr_expect(fate(o, "2001:db9::1", NULL) == FLOW_BLACKHOLE);
}

Test(overlay, is_a_view_that_sees_the_edits)
{
	_cleanup_(model_freep) struct model *m = two_uplinks();
	_cleanup_(overlay_freep) struct overlay *o = overlay_new(m);
	const struct anod_view *v = overlay_view(o);
	struct anod_object key = world_route_object("10.9.0.0/16", 254, 5, NULL, 2), got;

	cr_expect(v->ifindex(v, "wan1") == 3);
	cr_expect(v->ifindex(v, "none") == -ENODEV);
	cr_expect(v->get(v, &key, &got) == -ENOENT);
	apply(o, NULL, &key);
	cr_expect(v->get(v, &key, &got) == 0 && memcmp(&got, &key, sizeof(key)) == 0);
}

static int count_one(const struct anod_object *o, void *data)
{
	(void) o;
	++*(unsigned *) data;
	return 0;
}

Test(overlay, shows_every_object_once)
{
	_cleanup_(model_freep) struct model *m = two_uplinks();
	_cleanup_(overlay_freep) struct overlay *o = overlay_new(m);
	struct anod_object up = world_link_object(2, "wan0", true, true);
	struct anod_object down = world_link_object(2, "wan0", false, false);
	struct anod_object extra = world_route_object("10.0.0.0/8", 254, 0, NULL, 3);
	unsigned n = 0;

	apply(o, NULL, &extra);
	cr_assert(overlay_each(o, ANOD_OBJ_ROUTE, count_one, &n) == 0);
	cr_expect(n == 5);
	apply(o, &up, &down);
	n = 0;
	cr_assert(overlay_each(o, ANOD_OBJ_ROUTE, count_one, &n) == 0);
	cr_expect(n == 2);
	n = 0;
	cr_assert(overlay_each(o, ANOD_OBJ_LINK, count_one, &n) == 0);
	cr_expect(n == 2);
}

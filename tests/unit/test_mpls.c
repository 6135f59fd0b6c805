/*
 * MPLS and VRF: objects through the codec, look-ups in the model.
 */
#include <criterion/criterion.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include <anod/rtnl.h>

#include "world.h"

static void put(struct model *m, struct anod_object o)
{
	cr_assert(model_put(m, &o) == 0);
}

/* What a request asks for reads as what it was made of. */
static void there_and_back(const struct anod_object *o)
{
	uint8_t buf[ANOD_NLMSG_MAX] __attribute__((aligned(8)));
	struct anod_object back;
	bool gone = true;

	cr_assert(anod_rtnl_encode(ANOD_RTNL_SET, o, NULL, buf) > 0);
	cr_assert(anod_rtnl_decode((const void *) buf, &back, &gone) == 1 && !gone);
	cr_expect(memcmp(o, &back, sizeof(back)) == 0);
}

static struct anod_object label_route(uint32_t label, uint32_t out, const char *via,
				      uint32_t ifindex)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *r = &o.u.route;

	r->dst = (struct anod_prefix){ .family = AF_MPLS, .len = 20 };
	r->dst.addr[0] = (uint8_t) (label >> 12);
	r->dst.addr[1] = (uint8_t) (label >> 4);
	r->dst.addr[2] = (uint8_t) (label << 4);
	r->table = RT_TABLE_MAIN;
	r->type = RTN_UNICAST;
	r->protocol = RTPROT_STATIC;
	world_add_leg(&o, via, ifindex, 1);
	r->leg[0].label = out ? out + 1 : 0;
	return o;
}

Test(mpls, routes_keep_their_labels)
{
	struct anod_object o = label_route(1048575, 16, "192.0.2.1", 2);
	char text[200];

	there_and_back(&o);
	cr_expect_str_eq(
		anod_object_text(&o, text, sizeof(text)),
		"route main label 1048575 metric 0 via 192.0.2.1 dev 2 push 16 proto static");
	world_add_leg(&o, "2001:db8::1", 3, 4);
	there_and_back(&o);

	o = world_route_object("10.0.0.0/8", 254, 5, "192.0.2.1", 2);
	o.u.route.leg[0].label = 100 + 1;
	there_and_back(&o);
	world_add_leg(&o, "198.51.100.1", 3, 2);
	o.u.route.leg[1].label = 0 + 1; /* explicit null */
	there_and_back(&o);
}

Test(mpls, a_label_is_looked_up)
{
	_cleanup_(model_freep) struct model *m = world_model();
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct anod_object multi = label_route(101, 17, "192.0.2.1", 2), got;
	struct flow_key k = { .dst = multi.u.route.dst };
	struct anod_change c = { .has_pre = 1, .has_post = 1 };
	struct flow_path p;

	put(m, world_link_object(2, "wan0", true, true));
	put(m, world_link_object(3, "wan1", true, true));
	world_add_leg(&multi, "198.51.100.1", 3, 1);
	put(m, multi);
	put(m, label_route(100, 16, "192.0.2.1", 2));
	cr_expect(model_count(m, ANOD_OBJ_ROUTE) == 2 && model_get(m, &multi, &got) == 0);
	cr_expect(memcmp(&got, &multi, sizeof(got)) == 0);

	o = overlay_new(m);
	overlay_lookup(o, &k, &p);
	cr_expect(p.fate == FLOW_FORWARDED && p.n_legs == 2 && p.leg[0].label == 18);
	c.pre = world_link_object(2, "wan0", true, true);
	c.post = world_link_object(2, "wan0", false, false);
	cr_assert(overlay_apply(o, &c) == 0);
	overlay_lookup(o, &k, &p);
	cr_expect(p.fate == FLOW_FORWARDED && p.n_legs == 1 && p.leg[0].ifindex == 3);
	k.dst = label_route(100, 0, NULL, 0).u.route.dst;
	overlay_lookup(o, &k, &p);
	cr_expect(p.fate == FLOW_BLACKHOLE);
	c = (struct anod_change){ .has_pre = 1, .pre = multi };
	cr_assert(overlay_apply(o, &c) == 0);
	cr_expect(overlay_get(o, &multi, &got) < 0);

	cr_assert(model_sync(m, ANOD_OBJ_ROUTE, ANOD_SYNC_BEGIN) == 0);
	cr_assert(model_sync(m, ANOD_OBJ_ROUTE, ANOD_SYNC_DONE) == 0);
	cr_expect(model_count(m, ANOD_OBJ_ROUTE) == 0, "a resync sweeps labels, too");
}

static uint32_t via(const struct overlay *o, const char *dst, const char *iif, const char *oif)
{
	struct flow_key k = { .dst = world_prefix(dst), .src = world_prefix("198.18.0.1") };
	struct flow_path p;

	(void) snprintf(k.iif, sizeof(k.iif), "%s", iif);
	(void) snprintf(k.oif, sizeof(k.oif), "%s", oif);
	overlay_lookup(o, &k, &p);
	return p.doubt ? 99 : p.n_legs ? p.leg[0].ifindex : 0;
}

Test(vrf, packets_of_a_vrf_look_in_its_table)
{
	_cleanup_(model_freep) struct model *m = world_model();
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct anod_object vrf = world_link_object(9, "red", true, true);
	struct anod_object port = world_link_object(2, "wan0", true, true), down = port;
	struct anod_object addr = { .type = ANOD_OBJ_ADDR }, rule = { .type = ANOD_OBJ_RULE };
	struct anod_change c = { .has_pre = 1, .has_post = 1 };

	(void) snprintf(vrf.u.link.kind, sizeof(vrf.u.link.kind), "vrf");
	vrf.u.link.vrf_table = 300;
	port.u.link.master = down.u.link.master = 9;
	down.u.link.flags = 0;
	put(m, vrf);
	put(m, port);
	put(m, world_link_object(3, "wan1", true, true));
	put(m, world_route_object("0.0.0.0/0", 254, 0, NULL, 3));
	put(m, world_route_object("20.0.0.0/8", 300, 0, NULL, 2));
	addr.u.addr.ifindex = 2;
	addr.u.addr.local = world_prefix("192.0.2.2");
	addr.u.addr.local.len = 24;
	put(m, addr);
	rule.u.rule = (struct anod_rule){
		.family = AF_INET, .priority = 1000, .action = FR_ACT_TO_TBL, .l3mdev = 1
	};
	put(m, rule);

	o = overlay_new(m);
	cr_expect(via(o, "20.0.0.1", "", "") == 3);
	cr_expect(via(o, "20.0.0.1", "wan0", "") == 2);
	cr_expect(via(o, "20.0.0.1", "wan1", "") == 3);
	cr_expect(via(o, "20.0.0.1", "", "red") == 2);
	cr_expect(via(o, "20.0.0.1", "", "wan0") == 2);
	cr_expect(via(o, "30.0.0.1", "wan0", "") == 3, "what the VRF has not, main may have");

	/* Down and up again: the connected route comes into the table of the VRF. */
	c.pre = port;
	c.post = down;
	cr_assert(overlay_apply(o, &c) == 0);
	cr_expect(via(o, "20.0.0.1", "", "red") == 3);
	c.pre = down;
	c.post = port;
	cr_assert(overlay_apply(o, &c) == 0);
	cr_expect(via(o, "192.0.2.9", "", "red") == 2 && via(o, "192.0.2.9", "", "") == 3);

	/* A VRF whose table is not known. */
	vrf.u.link.vrf_table = 0;
	c.has_pre = 0;
	c.post = vrf;
	cr_assert(overlay_apply(o, &c) == 0);
	cr_expect(via(o, "20.0.0.1", "", "red") == 99);
}

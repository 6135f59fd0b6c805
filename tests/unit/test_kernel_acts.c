/*
 * What the kernel does by itself to addresses and other links: the pieces of which the twin
 * (tests/lab/twin) shows that they are the kernel's.
 */
#include <criterion/criterion.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>

#include "world.h"

static void put(struct model *m, struct anod_object o)
{
	cr_assert(model_put(m, &o) == 0);
}

static struct anod_object link_of(uint32_t ifindex, const char *kind, uint32_t master,
				  uint32_t lower)
{
	char name[8];
	struct anod_object o;

	(void) snprintf(name, sizeof(name), "l%u", ifindex);
	o = world_link_object(ifindex, name, true, true);
	(void) snprintf(o.u.link.kind, sizeof(o.u.link.kind), "%s", kind);
	o.u.link.master = master;
	o.u.link.lower = lower;
	return o;
}

static void set_link(struct overlay *o, uint32_t ifindex, bool up, bool carrier)
{
	struct anod_change c = { .has_pre = 1, .has_post = 1 };

	c.pre.type = ANOD_OBJ_LINK;
	c.pre.u.link = *overlay_link(o, ifindex);
	c.post = c.pre;
	c.post.u.link.flags = up ? IFF_UP : 0;
	c.post.u.link.carrier = carrier;
	cr_assert(overlay_apply(o, &c) == 0);
}

static bool usable(const struct overlay *o, uint32_t ifindex)
{
	return link_usable(overlay_link(o, ifindex));
}

static uint32_t via(const struct overlay *o, const char *dst)
{
	struct flow_key k = { .dst = world_prefix(dst) };
	struct flow_path p;

	overlay_lookup(o, &k, &p);
	return p.fate == FLOW_LOCAL ? 1000 : p.n_legs ? p.leg[0].ifindex : 0;
}

Test(kernel_acts, links_follow_each_other)
{
	_cleanup_(model_freep) struct model *m = world_model();
	_cleanup_(overlay_freep) struct overlay *o = NULL;

	put(m, link_of(2, "veth", 0, 3));
	put(m, link_of(3, "veth", 4, 2));
	put(m, link_of(4, "bridge", 0, 0));
	put(m, link_of(5, "", 4, 0));
	put(m, link_of(6, "vlan", 0, 4));
	put(m, link_of(7, "bond", 0, 0));
	put(m, link_of(8, "", 7, 0));
	put(m, link_of(9, "macvlan", 0, 8));
	o = overlay_new(m);

	set_link(o, 2, false, true);
	cr_expect(!usable(o, 2) && !usable(o, 3), "the far end loses its carrier");
	cr_expect(usable(o, 4), "the bridge has another port");
	set_link(o, 5, true, false);
	cr_expect(!usable(o, 4) && !usable(o, 6),
		  "the last port takes the bridge and its VLAN along");
	set_link(o, 2, true, false);
	cr_expect(usable(o, 2) && usable(o, 3) && usable(o, 4));
	set_link(o, 8, false, false);
	cr_expect(!usable(o, 7) && !usable(o, 9));
	set_link(o, 8, true, true);
	cr_expect(!usable(o, 7), "when a bond comes back is up to others");
}

static struct anod_object addr_of(const char *text, uint8_t len, uint32_t ifindex)
{
	struct anod_object o = { .type = ANOD_OBJ_ADDR };

	o.u.addr.ifindex = ifindex;
	o.u.addr.local = world_prefix(text);
	o.u.addr.local.len = len;
	return o;
}

static void change_addr(struct overlay *o, const struct anod_object *pre,
			const struct anod_object *post)
{
	struct anod_change c = { .has_pre = pre != NULL, .has_post = post != NULL };

	if (pre)
		c.pre = *pre;
	if (post)
		c.post = *post;
	cr_assert(overlay_apply(o, &c) == 0);
}

Test(kernel_acts, routes_come_and_go_with_addresses)
{
	_cleanup_(model_freep) struct model *m = world_model();
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct anod_object a = addr_of("192.0.2.1", 24, 2), b = addr_of("198.51.100.1", 24, 2);
	struct anod_object six = addr_of("2001:db8::1", 64, 2);
	struct anod_object sourced = world_route_object("20.1.0.0/16", 254, 0, NULL, 2);
	struct anod_object multi = world_route_object("20.2.0.0/16", 254, 0, NULL, 2);

	sourced.u.route.prefsrc = world_prefix("192.0.2.1");
	world_add_leg(&multi, NULL, 3, 1);
	put(m, world_link_object(2, "wan0", true, true));
	put(m, world_link_object(3, "wan1", true, true));
	put(m, addr_of("203.0.113.1", 24, 3));
	put(m, sourced);
	put(m, multi);
	o = overlay_new(m);
	change_addr(o, NULL, &a);
	change_addr(o, NULL, &b);
	change_addr(o, NULL, &six);
	cr_expect(via(o, "192.0.2.1") == 1000 && via(o, "192.0.2.9") == 2);
	cr_expect(via(o, "2001:db8::1") == 1000 && via(o, "2001:db8::9") == 2);

	change_addr(o, &six, NULL);
	cr_expect(via(o, "2001:db8::1") == 0 && via(o, "2001:db8::9") == 0);
	cr_expect(via(o, "20.1.0.1") == 2);
	change_addr(o, &a, NULL);
	cr_expect(via(o, "192.0.2.1") == 0 && via(o, "192.0.2.9") == 0);
	cr_expect(via(o, "20.1.0.1") == 0, "its source is gone");
	cr_expect(via(o, "198.51.100.9") == 2 && via(o, "20.2.0.1") == 2);
	/* The last one takes all of IPv4 along. */
	change_addr(o, &b, NULL);
	cr_expect(via(o, "198.51.100.1") == 0 && via(o, "198.51.100.9") == 0);
	cr_expect(via(o, "20.2.0.1") == 3, "the other leg is left");
	change_addr(o, NULL, &b);
	cr_expect(via(o, "198.51.100.9") == 2 && via(o, "20.2.0.1") == 2);
}

Test(kernel_acts, secondary_addresses_go_with_the_primary_one)
{
	_cleanup_(model_freep) struct model *m = world_model();
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct anod_object a = addr_of("192.0.2.1", 24, 2), b = addr_of("192.0.2.2", 24, 2);

	b.u.addr.flags = IFA_F_SECONDARY;
	put(m, world_link_object(2, "wan0", true, true));
	o = overlay_new(m);
	change_addr(o, NULL, &a);
	change_addr(o, NULL, &b);
	cr_expect(via(o, "192.0.2.2") == 1000);
	change_addr(o, &a, NULL);
	cr_expect(via(o, "192.0.2.2") == 0 && overlay_get(o, &b, &a) < 0);
}

Test(kernel_acts, a_leg_without_carrier_is_passed_over_where_the_link_says_so)
{
	_cleanup_(model_freep) struct model *m = world_model();
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct anod_object l = world_link_object(2, "wan0", true, true);

	l.u.link.conf = ANOD_LINK_CONF4 | ANOD_LINK_IGNORE_LINKDOWN4;
	put(m, l);
	put(m, world_link_object(3, "wan1", true, true));
	put(m, world_route_object("20.0.0.0/8", 254, 5, NULL, 2));
	put(m, world_route_object("20.0.0.0/8", 254, 10, NULL, 3));
	put(m, world_route_object("2001:db8::/32", 254, 5, NULL, 2));
	put(m, world_route_object("2001:db8::/32", 254, 10, NULL, 3));
	o = overlay_new(m);
	set_link(o, 2, true, false);
	cr_expect(via(o, "20.0.0.1") == 3);
	cr_expect(via(o, "2001:db8::1") == 0, "IPv6 has a setting of its own");
}

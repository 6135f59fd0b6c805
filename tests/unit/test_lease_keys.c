/* Which keys a proposal holds by its links, and whether it leaves more ways or fewer. */
#include "txn/lease_keys.h"

#include <criterion/criterion.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "policy/redundancy.h"
#include "world.h"

#define POLICY                                                                                     \
	"link wan0 { srlg duct-a, pole-1 }\n"                                                      \
	"link wan1 { srlg duct-a }\n"                                                              \
	"set mgmt = flow { 192.0.2.10 -> ssh }\n"                                                  \
	"permit \"all\" { agent any  action any  level auto  priority 7  verify within 5s that "   \
	"link.wan1.carrier  foreign objects }\n"

static void hang(struct world *w, uint32_t ifindex, const char *name, const char *kind,
		 uint32_t master, uint32_t lower)
{
	struct anod_object o = world_link_object(ifindex, name, true, true);

	(void) copy_text(o.u.link.kind, sizeof(o.u.link.kind), kind);
	o.u.link.master = master;
	o.u.link.lower = lower;
	cr_assert_eq(model_put(w->model, &o), 0);
}

static bool has(const struct lease *l, const char *name)
{
	for (unsigned i = 0; i < l->n; i++)
		if (strcmp(l->key[i].name, name) == 0)
			return true;
	return false;
}

Test(lease_keys, a_link_brings_what_it_hangs_on_and_what_fails_with_it)
{
	struct lease l = { 0 };
	struct overlay *o;
	struct world w;

	world_init(&w);
	world_link(&w, 2, "wan0", "uplink", true, true);
	hang(&w, 5, "red", "vrf", 0, 0);
	hang(&w, 4, "br0", "bridge", 5, 0);
	hang(&w, 3, "bond0", "bond", 4, 0);
	hang(&w, 2, "wan0", "", 3, 0);
	hang(&w, 6, "wan0.7", "vlan", 0, 2);
	world_policy(&w, POLICY);
	o = overlay_new(w.model);
	lease_add_link(&l, w.config, o, "wan0.7");
	cr_assert(has(&l, "link wan0.7") && has(&l, "link wan0") && has(&l, "srlg duct-a") &&
		  has(&l, "srlg pole-1") && has(&l, "link bond0") && has(&l, "link br0"));
	cr_assert_str_eq(l.key[l.n - 1].link, "wan0.7");
	lease_clear(&l);
	lease_add_link(&l, w.config, o, "br0");
	cr_assert(has(&l, "link red") && has(&l, "link br0") && l.n == 2);
	lease_clear(&l);
	lease_add_link(&l, w.config, o, "wan1");
	cr_assert(has(&l, "srlg duct-a"), "the configuration knows it before the kernel does");
	overlay_free(o);
	world_done(&w);
}

static int redundancy(struct world *w, struct lease *ret)
{
	struct decision *d = world_decide(w, "uplink");
	struct overlay *o = overlay_new(w->model);
	int r;

	cr_assert_eq(d->level, LEVEL_AUTO, "%s", d->reason);
	cr_assert_eq(d->permit->priority, 7);
	lease_clear(ret);
	lease_add_decision(ret, w->config, o, d);
	r = redundancy_of(w->config, w->whatif);
	overlay_free(o);
	decision_free(d);
	return r;
}

Test(lease_keys, a_decision_holds_the_links_it_comes_from_and_goes_to)
{
	struct anod_action *a;
	struct lease l;
	struct world w;

	world_init(&w);
	world_link(&w, 2, "wan0", "uplink", true, true);
	world_link(&w, 3, "wan1", "uplink", true, true);
	world_link(&w, 4, "wan2", "uplink", true, false);
	world_route(&w, "0.0.0.0/0", 100, NULL, 2);
	world_policy(&w, POLICY);

	/* From one link to another: neither more ways nor fewer. */
	a = world_propose(&w, "route.replace");
	world_arg(a, "dst", "0.0.0.0/0");
	world_arg(a, "metric", "100");
	world_arg(a, "dev", "wan1");
	cr_expect_eq(redundancy(&w, &l), 0);
	cr_expect(has(&l, "link wan0") && has(&l, "link wan1") && has(&l, "srlg pole-1"));

	a = world_propose(&w, "link.down");
	world_arg(a, "dev", "wan0");
	cr_expect_eq(redundancy(&w, &l), -1);

	a = world_propose(&w, "route.add");
	world_arg(a, "dst", "0.0.0.0/0");
	world_arg(a, "metric", "200");
	world_arg(a, "dev", "wan1");
	cr_expect_eq(redundancy(&w, &l), 1, "a second one to fall back on, though the same duct");

	/* Onto a link without carrier: the way is lost. */
	a = world_propose(&w, "route.replace");
	world_arg(a, "dst", "0.0.0.0/0");
	world_arg(a, "metric", "100");
	world_arg(a, "dev", "wan2");
	cr_expect_eq(redundancy(&w, &l), -1);
	world_done(&w);
}

/* Each takes one of two uplinks: harmless alone, not together. */
Test(lease_keys, the_union_with_what_is_in_flight_must_pass)
{
	struct decision *d;
	struct world w;

	world_init(&w);
	world_link(&w, 2, "wan0", "uplink", true, true);
	world_link(&w, 3, "wan1", "uplink", true, true);
	world_route(&w, "0.0.0.0/0", 100, NULL, 2);
	world_policy(&w,
		     "set ups = link { wan0, wan1 }\n"
		     "invariant \"one uplink\" { require count(ups up) >= 1 }\n"
		     "permit \"all\" { agent any  action any  level auto  verify within 5s that "
		     "link.wan1.carrier  foreign objects }\n");
	world_arg(world_propose(&w, "link.down"), "dev", "wan1");
	cr_expect_eq(world_level(&w, "uplink"), LEVEL_AUTO);
	w.in_flight[0] = (struct anod_change){
		.has_pre = 1,
		.has_post = 1,
		.pre = world_link_object(2, "wan0", true, true),
		.post = world_link_object(2, "wan0", false, true),
	};
	w.in_flight_tx[0] = 3;
	w.n_in_flight = 1;
	d = world_decide(&w, "arp");
	cr_expect_eq(d->level, LEVEL_DENY, "%s", d->reason);
	cr_expect(strstr(d->reason, "one uplink"), "%s", d->reason);
	decision_free(d);
	world_done(&w);
}

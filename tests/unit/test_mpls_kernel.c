/*
 * MPLS routes in a kernel that has it: what the codec asks for is what the kernel shows.
 */
#include <criterion/criterion.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netlab.h"

/* What is asked for is there afterwards; what is deleted is not. */
static void there_and_back(const struct anod_object *o)
{
	struct anod_object now;
	char asked[200], is[200];

	cr_assert_eq(netlab_set(o, NULL), 0, "refused: %s",
		     anod_object_text(o, asked, sizeof(asked)));
	cr_assert_eq(netlab_get(o, &now, NULL), 0, "not there: %s",
		     anod_object_text(o, asked, sizeof(asked)));
	cr_expect(anod_object_matches(&now, o, NULL) && !(now.flags & ANOD_OBJ_LOSSY),
		  "asked for %s, is %s", anod_object_text(o, asked, sizeof(asked)),
		  anod_object_text(&now, is, sizeof(is)));
	cr_assert_eq(netlab_del(o), 0);
	cr_expect_neq(netlab_get(o, &now, NULL), 0);
}

Test(mpls_kernel, labels_come_back_as_they_went)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *r = &o.u.route;

	netlab_enter();
	if (access("/proc/sys/net/mpls/platform_labels", W_OK) != 0)
		cr_skip_test("no MPLS in this kernel");
	netlab_run("echo 1000 >/proc/sys/net/mpls/platform_labels");
	netlab_veth("v0", "v1");
	netlab_run("echo 1 >/proc/sys/net/mpls/conf/v0/input; ip addr add 192.0.2.1/24 dev v0");

	r->dst = (struct anod_prefix){ .family = AF_MPLS, .len = 20, .addr = { 0, 0x06, 0x40 } };
	r->table = RT_TABLE_MAIN;
	r->type = RTN_UNICAST;
	r->protocol = RTPROT_STATIC;
	r->n_legs = 1;
	r->leg[0] = (struct anod_leg){ .ifindex = netlab_ifindex("v0"),
				       .via = netlab_address("192.0.2.2"),
				       .weight = 1,
				       .label = 200 + 1 };
	there_and_back(&o);
	r->n_legs = 2;
	r->leg[1] = r->leg[0];
	r->leg[1].via = netlab_address("192.0.2.3");
	r->leg[1].label = 0; /* pop */
	there_and_back(&o);

	/* An IP route that pushes a label. */
	r->dst = netlab_address("10.0.0.0/8");
	r->leg[1].label = 300 + 1;
	there_and_back(&o);
	r->n_legs = 1;
	memset(&r->leg[1], 0, sizeof(r->leg[1]));
	there_and_back(&o);
}

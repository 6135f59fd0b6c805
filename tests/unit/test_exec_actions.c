/* Every kind of action through the executor: applied, seen by ip(8), undone to the letter. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "unit/action_help.h"
#include "unit/execlab.h"
#include "unit/netlab.h"

static struct serve s;
static struct exec_steps kept;

struct action_case {
	const char *setup; /* shell, before; NULL: none */
	const char *kind;
	const char *args;
	const char *shows;   /* shell, true once it is applied */
	const char *disturb; /* shell: somebody else changes the object afterwards */
	const char *theirs;  /* shell, true while that change is there */
};

static const struct action_case cases[] = {
	{ NULL, "link.set", "dev=wan0 mtu=1400", "ip link show wan0 | grep -q 'mtu 1400'",
	  "ip link set wan0 mtu 1300", "ip link show wan0 | grep -q 'mtu 1300'" },
	{ "ip link set wan1 down", "link.set", "dev=wan1 admin=up mtu=1450",
	  "ip link show wan1 up | grep -q 'mtu 1450'", "ip link set wan1 mtu 1401",
	  "ip link show wan1 | grep -q 'mtu 1401'" },
	{ NULL, "link.set", "dev=wan0 ignore_linkdown=true",
	  "grep -q 1 /proc/sys/net/ipv4/conf/wan0/ignore_routes_with_linkdown", NULL, NULL },
	{ "ip link set wan1 down", "link.up", "dev=wan1", "ip link show up | grep -q ' wan1@'",
	  NULL, NULL },
	{ "ip route add 192.0.2.0/24 via 10.0.1.2 metric 7", "link.down", "dev=wan1",
	  "! ip link show up | grep -q ' wan1@'", NULL, NULL },
	{ NULL, "route.add", "dst=192.0.2.0/24 via=10.0.0.2 dev=wan0 metric=5",
	  "ip route show proto 173 | grep -q '192.0.2.0/24 via 10.0.0.2 dev wan0'",
	  "ip route replace 192.0.2.0/24 via 10.0.0.77 metric 5",
	  "ip route | grep -q '192.0.2.0/24 via 10.0.0.77'" },
	{ "ip route add 192.0.2.0/24 via 10.0.0.2 metric 5 proto static", "route.replace",
	  "dst=192.0.2.0/24 via=10.0.0.2 dev=wan0 weight=3 via2=10.0.1.2 dev2=wan1 weight2=1 "
	  "metric=5",
	  "ip route | grep -q 'nexthop via 10.0.0.2 dev wan0 weight 3'",
	  "ip route replace 192.0.2.0/24 via 10.0.0.77 metric 5",
	  "ip route | grep -q '192.0.2.0/24 via 10.0.0.77'" },
	{ "ip -6 route add 2001:db8:9::/48 via 2001:db8::2 metric 5", "route.replace",
	  "dst=2001:db8:9::/48 via=2001:db8::3 dev=wan0 metric=5 mtu=1300",
	  "ip -6 route | grep -q '2001:db8:9::/48 via 2001:db8::3.*mtu 1300'",
	  "ip -6 route replace 2001:db8:9::/48 via 2001:db8::77 metric 5",
	  "ip -6 route | grep -q 'via 2001:db8::77'" },
	{ NULL, "route.replace", "dst=203.0.113.0/24 type=blackhole table=100",
	  "ip route show table 100 | grep -q 'blackhole 203.0.113.0/24'",
	  "ip route replace unreachable 203.0.113.0/24 table 100",
	  "ip route show table 100 | grep -q 'unreachable 203.0.113.0/24'" },
	{ "ip route add 192.0.2.0/24 via 10.0.0.2 metric 5 src 10.0.0.1 mtu 1400 proto static",
	  "route.del", "dst=192.0.2.0/24 metric=5", "! ip route | grep -q 192.0.2.0/24",
	  "ip route add 192.0.2.0/24 via 10.0.1.9 metric 5",
	  "ip route | grep -q '192.0.2.0/24 via 10.0.1.9'" },
	{ "ip route add default via 10.0.0.2 metric 5 proto static", "route.metric",
	  "dst=0.0.0.0/0 metric=5 to=4000",
	  "ip route | grep -q 'default via 10.0.0.2.*metric 4000' && "
	  "! ip route | grep -q 'default.*metric 5 '",
	  "ip route replace default via 10.0.1.9 metric 4000",
	  "ip route | grep -q 'default via 10.0.1.9.*metric 4000'" },
	{ NULL, "nexthop.replace", "id=1 via=10.0.0.2 dev=wan0",
	  "ip nexthop | grep -q 'id 1 via 10.0.0.2 dev wan0'",
	  "ip nexthop replace id 1 via 10.0.0.9 dev wan0", "ip nexthop | grep -q 'via 10.0.0.9'" },
	{ "ip nexthop add id 1 via 10.0.0.2 dev wan0 proto static && "
	  "ip route add 192.0.2.0/24 nhid 1",
	  "nexthop.replace", "id=1 via=10.0.1.2 dev=wan1",
	  "ip route | grep -q '192.0.2.0/24 nhid 1 via 10.0.1.2 dev wan1'",
	  "ip nexthop replace id 1 via 10.0.0.9 dev wan0", "ip nexthop | grep -q 'via 10.0.0.9'" },
	{ "ip nexthop add id 1 via 10.0.0.2 dev wan0 && ip nexthop add id 2 via 10.0.1.2 dev wan1 "
	  "&& ip nexthop add id 9 group 1,10/2,20",
	  "nexthop.weight", "id=9 member=1 weight=200", "ip nexthop | grep -q 'group 1,200/2,20'",
	  "ip nexthop replace id 9 group 1,7/2,7", "ip nexthop | grep -q 'group 1,7/2,7'" },
	{ NULL, "rule.add", "priority=500 table=100 src=10.9.0.0/16 fwmark=7",
	  "ip rule | grep -q '500:.*from 10.9.0.0/16 fwmark 0x7 lookup 100'", NULL, NULL },
	{ "ip -6 rule add pref 600 from 2001:db8:9::/48 lookup 100 proto static", "rule.del",
	  "priority=600 table=100 family=inet6 src=2001:db8:9::/48",
	  "! ip -6 rule | grep -q 600:", NULL, NULL },
	{ "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:09 dev wan0 nud permanent", "neigh.replace",
	  "dev=wan0 dst=10.0.0.2 lladdr=02:00:00:00:00:01",
	  "ip neigh show dev wan0 | grep -q '10.0.0.2 lladdr 02:00:00:00:00:01 PERMANENT'",
	  "ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:77 dev wan0 nud permanent",
	  "ip neigh show dev wan0 | grep -q 02:00:00:00:00:77" },
};

static void enter(const char *setup)
{
	lab_open(&s);
	s.actions = descs;
	if (setup)
		netlab_run("%s", setup);
}

static int prepare(const char *kind, const char *args, bool foreign)
{
	new_request(foreign);
	add_action(kind, args);
	cr_assert_eq(serve_message(&s, &request.head), 0);
	kept = s.steps;
	return kept.error;
}

/* All that an action can touch, in words that do not depend on time. */
static const char *snapshot(char *buf, size_t size)
{
	FILE *f =
		popen("ip -o link show up | cut -d: -f2 | sort; ip -o link | grep -o 'mtu [0-9]*';"
		      "ip route show table all | sed 's/ linkdown//' | sort;"
		      "ip -6 route show table all | grep -v 'proto kernel' | sed 's/ linkdown//' |"
		      " sort; ip -6 addr show scope global | grep -o 'inet6 [^ ]*'; ip rule;"
		      "ip -6 rule; ip nexthop | sed 's/ linkdown//'; ip neigh show nud permanent;"
		      "cat /proc/sys/net/ipv4/conf/wan*/ignore_routes_with_linkdown",
		      "r");

	cr_assert_not_null(f);
	buf[fread(buf, 1, size - 1, f)] = '\0';
	pclose(f);
	return buf;
}

static void must_show(const struct action_case *c, const char *command)
{
	cr_assert_eq(system(command), 0, "%s %s: not so: %s", c->kind, c->args, command);
}

static void apply_case(const struct action_case *c)
{
	struct exec_result r;

	cr_assert_eq(prepare(c->kind, c->args, true), 0, "%s %s: %s", c->kind, c->args, kept.why);
	cr_assert_gt(kept.n_steps, 0, "%s %s", c->kind, c->args);
	r = lab_apply(&s, 1);
	cr_assert_eq(r.error, 0, "%s %s: %s", c->kind, c->args, r.why);
	must_show(c, c->shows);
}

Test(exec_actions, every_kind_is_undone_to_the_letter)
{
	static char before[16384], after[16384];

	load_actuator();
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct action_case *c = &cases[i];
		uint64_t limit = clock_boot_us() + 5 * US_PER_S;
		struct exec_result r;

		enter(c->setup);
		(void) snapshot(before, sizeof(before));
		apply_case(c);
		cr_assert_str_neq(before, snapshot(after, sizeof(after)), "%s %s", c->kind,
				  c->args);

		lab_restart(&s);
		s.actions = descs;
		r = lab_steps(&s, EXEC_UNDO, &kept);
		cr_assert_eq(r.error, 0, "%s %s: %s", c->kind, c->args, r.why);
		cr_assert_eq(r.state[r.n_steps - 1], STEP_UNDONE, "%s %s: %u", c->kind, c->args,
			     r.state[r.n_steps - 1]);
		/* A link that comes up takes its time with some of the kernel's own routes. */
		while (strcmp(before, snapshot(after, sizeof(after))) != 0)
			cr_assert_lt(clock_boot_us(), limit, "%s %s\nbefore:\n%s\nafter:\n%s",
				     c->kind, c->args, before, after);
		serve_done(&s);
	}
}

Test(exec_actions, what_somebody_else_made_of_it_is_left_alone)
{
	load_actuator();
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct action_case *c = &cases[i];
		struct exec_result r;
		bool other = false;

		if (!c->disturb)
			continue;
		enter(c->setup);
		apply_case(c);
		netlab_run("%s", c->disturb);
		r = lab_steps(&s, EXEC_UNDO, &kept);
		cr_assert_eq(r.error, 0, "%s %s: %s", c->kind, c->args, r.why);
		for (unsigned k = 0; k < r.n_steps; k++)
			other = other || r.state[k] == STEP_OTHER;
		cr_assert(other, "%s %s: nobody noticed", c->kind, c->args);
		must_show(c, c->theirs);
		serve_done(&s);
	}
}

Test(exec_actions, a_flushed_neighbour_is_done_when_the_kernel_says_so)
{
	struct exec_result r;

	load_actuator();
	enter("ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:09 dev wan0 nud reachable");
	cr_assert_eq(prepare("neigh.flush", "dev=wan0 dst=10.0.0.2", false), 0, "%s", kept.why);
	r = lab_apply(&s, 1);
	cr_assert_eq(r.error, 0, "%s", r.why);
	cr_assert_eq(r.state[0], STEP_POST);
	cr_assert_neq(system("ip neigh show 10.0.0.2 | grep -q lladdr"), 0);
	netlab_run("ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:08 dev wan0 nud reachable");
	cr_assert_eq(lab_steps(&s, EXEC_CHECK, &kept).state[0], STEP_POST, "learnt again");
	cr_assert_eq(lab_steps(&s, EXEC_UNDO, &kept).state[0], STEP_UNDONE, "nothing to put back");
	serve_done(&s);
}

Test(exec_actions, whose_an_object_is_decides)
{
	load_actuator();
	enter("ip route add default via 10.0.0.2 metric 100 proto static");
	cr_assert_eq(
		prepare("route.replace", "dst=0.0.0.0/0 metric=100 via=10.0.1.2 dev=wan1", false),
		-EPERM);
	cr_assert_str_eq(kept.why, "route main 0.0.0.0/0 metric 100 belongs to proto static; the "
				   "permit does not say 'foreign objects'");
	cr_assert_eq(
		prepare("route.replace", "dst=0.0.0.0/0 metric=100 via=10.0.1.2 dev=wan1", true),
		0);
	cr_assert_eq(prepare("route.del", "dst=0.0.0.0/0 metric=100", false), -EPERM);
	serve_done(&s);
}

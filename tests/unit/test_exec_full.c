/*
 * What takes a full kernel: AQM qdiscs, WireGuard and the numbers of the whole machine, through the
 * executor.  tests/vm/test_actuators_vm.py runs this with ANOD_FULL=1, and then nothing is skipped.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit/action_help.h"
#include "unit/execlab.h"
#include "unit/netlab.h"

static struct serve s;
static struct exec_steps kept;

#define TC   "tc qdisc show dev wan0 | head -1 | grep -q "
#define KEY  "tk3l6/HwGTDl5N4jIrBgbCJFGs1Uu0Lh0F7cKJkXN3g="
#define WG   "wg show wg0 dump | tail -1 | grep -q "
#define PEER "dev=wg0 peer=" KEY

#define WG0                                                                                        \
	"ip link add wg0 type wireguard && wg genkey >/tmp/anod-wg-key && "                        \
	"wg set wg0 private-key /tmp/anod-wg-key peer " KEY                                        \
	" endpoint 192.0.2.1:51820 allowed-ips 10.99.0.0/24 && rm /tmp/anod-wg-key"

static const struct {
	const char *setup, *kind, *args;
	const char *shows; /* true once it is applied */
	const char *disturb, *theirs;
} cases[] = {
	{ "tc qdisc add dev wan0 root fq_codel limit 500 flows 64 target 7ms interval 70ms",
	  "qdisc.replace", "dev=wan0 type=fq_codel",
	  TC "'fq_codel .*limit 10240p flows 1024 quantum 1514 target 5ms interval 100ms .*ecn'",
	  "tc qdisc change dev wan0 root fq_codel limit 600", TC "'limit 600p'" },
	{ "tc qdisc add dev wan0 root fq_codel", "qdisc.replace",
	  "dev=wan0 type=fq_codel limit=1000 target=20000 interval=200000 ecn=false",
	  TC "'limit 1000p flows 1024 quantum 1514 target 20ms interval 200ms'", NULL, NULL },
	{ "tc qdisc add dev wan0 root cake bandwidth 20mbit besteffort nat rtt 50ms overhead 18",
	  "qdisc.rate", "dev=wan0 rate=15000000",
	  TC "'cake .*bandwidth 15Mbit besteffort .*nat .*rtt 50ms .*overhead 18'",
	  "tc qdisc change dev wan0 root cake bandwidth 7mbit", TC "'bandwidth 7Mbit'" },
	{ "tc qdisc add dev wan0 root codel limit 300 target 3ms ecn", "qdisc.replace",
	  "dev=wan0 type=cake rate=50000000 rtt=30000 nat=true ack_filter=true overhead=-4",
	  TC "'cake .*bandwidth 50Mbit diffserv3 .*nat .*ack-filter .*rtt 30ms .*overhead -4'",
	  NULL, NULL },
	{ "tc qdisc add dev wan0 root cake unlimited besteffort wash", "qdisc.replace",
	  "dev=wan0 type=fq", TC "'fq .*limit 10000p flow_limit 100p buckets 1024'",
	  "tc qdisc replace dev wan0 root fq limit 900", TC "'fq .*limit 900p'" },
	{ "tc qdisc add dev wan0 root fq limit 900", "qdisc.del", "dev=wan0", "! " TC "'fq '", NULL,
	  NULL },
	{ "tc qdisc add dev wan0 root fq limit 900 buckets 256", "qdisc.replace",
	  "dev=wan0 type=codel ecn=true", TC "'codel .*limit 1000p target 5ms interval 100ms ecn'",
	  NULL, NULL },
	{ WG0, "wg.keepalive", PEER " every=25000000", WG "25$",
	  "wg set wg0 peer " KEY " persistent-keepalive 7", WG "7$" },
	{ WG0, "wg.endpoint", PEER " endpoint=198.51.100.7", WG "198.51.100.7:51820",
	  "wg set wg0 peer " KEY " endpoint 203.0.113.9:1", WG "203.0.113.9:1" },
	{ WG0, "wg.endpoint", PEER " endpoint=2001:db8::7 port=1234", WG "'2001:db8::7]:1234'",
	  NULL, NULL },
};

static bool full(void)
{
	return getenv("ANOD_FULL") != NULL;
}

/* False: this kernel does not have it. */
static bool enter(const char *setup)
{
	lab_open(&s);
	s.actions = descs;
	if (!setup || system(setup) == 0)
		return true;
	cr_assert(!full(), "%s", setup);
	serve_done(&s);
	return false;
}

static int prepare(const char *kind, const char *args)
{
	new_request(false);
	add_action(kind, args);
	cr_assert_eq(serve_message(&s, &request.head), 0);
	kept = s.steps;
	return kept.error;
}

static const char *snapshot(char *buf, size_t size)
{
	FILE *f = popen("tc qdisc show dev wan0 | sed 's/ [0-9a-f]*: root/ root/';"
			"test -e /sys/class/net/wg0 && wg show wg0 dump | tail -1",
			"r");

	cr_assert_not_null(f);
	buf[fread(buf, 1, size - 1, f)] = '\0';
	pclose(f);
	return buf;
}

static void apply(unsigned i)
{
	struct exec_result r;

	cr_assert_eq(prepare(cases[i].kind, cases[i].args), 0, "%s: %s", cases[i].args, kept.why);
	cr_assert_eq(kept.n_steps, 1, "%s", cases[i].args);
	r = lab_apply(&s, 1);
	cr_assert_eq(r.error, 0, "%s: %s", cases[i].args, r.why);
	cr_assert_eq(system(cases[i].shows), 0, "%s: not so: %s", cases[i].args, cases[i].shows);
}

Test(exec_full, each_is_undone_to_the_letter)
{
	static char before[4096], after[4096];
	unsigned done = 0;

	load_actuator();
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct exec_result r;

		if (!enter(cases[i].setup))
			continue;
		done++;
		(void) snapshot(before, sizeof(before));
		apply(i);
		lab_restart(&s);
		r = lab_steps(&s, EXEC_UNDO, &kept);
		cr_assert_eq(r.error, 0, "%s: %s", cases[i].args, r.why);
		cr_assert_eq(r.state[0], STEP_UNDONE, "%s: %u", cases[i].args, r.state[0]);
		cr_assert_str_eq(snapshot(after, sizeof(after)), before);
		serve_done(&s);
	}
	if (!done)
		cr_skip_test("this kernel has none of these");
}

Test(exec_full, what_somebody_else_made_of_it_is_left_alone)
{
	unsigned done = 0;

	load_actuator();
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct exec_result r;

		if (!cases[i].disturb || !enter(cases[i].setup))
			continue;
		done++;
		apply(i);
		netlab_run("%s", cases[i].disturb);
		r = lab_steps(&s, EXEC_UNDO, &kept);
		cr_assert_eq(r.error, 0, "%s: %s", cases[i].args, r.why);
		cr_assert_eq(r.state[0], STEP_OTHER, "%s: %u", cases[i].args, r.state[0]);
		cr_assert_eq(system(cases[i].theirs), 0, "%s", cases[i].theirs);
		serve_done(&s);
	}
	if (!done)
		cr_skip_test("this kernel has none of these");
}

/* A peer that roams is not a peer that somebody changed. */
Test(exec_full, a_peer_may_roam_while_its_keepalive_is_ours)
{
	struct exec_result r;

	load_actuator();
	if (!enter(WG0))
		cr_skip_test("this kernel has no WireGuard");
	cr_assert_eq(prepare("wg.keepalive", PEER " every=25000000"), 0, "%s", kept.why);
	cr_assert_eq(lab_apply(&s, 1).error, 0);
	netlab_run("wg set wg0 peer " KEY " endpoint 203.0.113.9:1");
	cr_assert_eq(lab_steps(&s, EXEC_CHECK, &kept).state[0], STEP_POST);
	r = lab_steps(&s, EXEC_UNDO, &kept);
	cr_assert_eq(r.state[0], STEP_UNDONE);
	cr_assert_eq(system(WG "203.0.113.9:1"), 0);

	cr_assert_eq(prepare("wg.endpoint",
			     "dev=wg0 peer=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
			     " endpoint=192.0.2.1"),
		     -ENOENT);
	cr_assert_eq(prepare("wg.endpoint", "dev=wan0 peer=" KEY " endpoint=192.0.2.1"), -ENOENT);
	serve_done(&s);
}

Test(exec_full, what_hangs_on_a_qdisc_makes_it_nothing_to_touch)
{
	load_actuator();
	if (!enter("tc qdisc add dev wan0 root handle 9: fq_codel && tc filter add dev wan0 parent "
		   "9: "
		   "protocol all prio 1 u32 match u32 0 0 classid 9:1"))
		cr_skip_test("this kernel has no fq_codel, or no filters");
	cr_assert_eq(prepare("qdisc.replace", "dev=wan0 type=cake"), -EOPNOTSUPP);
	cr_assert_eq(prepare("qdisc.del", "dev=wan0"), -EOPNOTSUPP, "%s", kept.why);
	netlab_run("tc filter del dev wan0 parent 9:");
	cr_assert_eq(prepare("qdisc.replace", "dev=wan0 type=cake"), 0, "%s", kept.why);
	serve_done(&s);
}

/* Only where the machine is the test's own (a guest), because these are the machine's. */
Test(exec_full, numbers_of_the_machine)
{
	static const char *const names[] = { "netfilter.nf_conntrack_max",
					     "netfilter.nf_conntrack_buckets",
					     "core.rmem_max",
					     "core.netdev_budget",
					     "core.netdev_budget_usecs",
					     "core.netdev_max_backlog",
					     "ipv4.neigh.default.gc_thresh3",
					     "ipv6.neigh.default.gc_thresh1" };

	if (!full())
		cr_skip_test("these are the machine's");
	load_actuator();
	memset(&s, 0, sizeof(s));
	lab_open_here(&s);
	s.actions = descs;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct exec_result r;
		char args[128];

		(void) snprintf(args, sizeof(args), "name=net.%s value=8192", names[i]);
		cr_assert_eq(prepare("sysctl.set", args), 0, "%s: %s", names[i], kept.why);
		cr_assert_neq(kept.step[0].change.pre.u.sysctl.value, 8192, "%s", names[i]);
		r = lab_apply(&s, 1);
		cr_assert_eq(r.error, 0, "%s: %s", names[i], r.why);
		r = lab_steps(&s, EXEC_UNDO, &kept);
		cr_assert_eq(r.state[0], STEP_UNDONE, "%s: %s", names[i], r.why);
	}
	serve_done(&s);
}

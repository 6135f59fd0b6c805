/* Qdiscs and sysctls through the executor: applied, seen by tc(8) and in /proc, undone. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "unit/action_help.h"
#include "unit/execlab.h"
#include "unit/netlab.h"

static struct serve s;
static struct exec_steps kept;

#define TC   "tc qdisc show dev wan0 | head -1 | grep -q "
#define PROC "/proc/sys/net/ipv4/"

static const struct {
	const char *setup; /* shell; NULL: none */
	const char *kind, *args;
	const char *shows;   /* true once it is applied */
	const char *disturb; /* somebody else changes the object afterwards */
	const char *theirs;
} cases[] = {
	{ NULL, "qdisc.replace", "dev=wan0 type=tbf rate=10000000",
	  TC "'tbf .*rate 10Mbit burst 15140b'", "tc qdisc replace dev wan0 root pfifo limit 7",
	  TC "'pfifo .*limit 7p'" },
	{ "tc qdisc add dev wan0 root tbf rate 8mbit burst 20000 limit 90000", "qdisc.rate",
	  "dev=wan0 rate=5000000", TC "'tbf .*rate 5Mbit'",
	  "tc qdisc change dev wan0 root tbf rate 7mbit burst 20000 limit 90000",
	  TC "'rate 7Mbit'" },
	{ "tc qdisc add dev wan0 root tbf rate 8mbit burst 20000 limit 90000", "qdisc.replace",
	  "dev=wan0 type=pfifo limit=50", TC "'pfifo .*limit 50p'", NULL, NULL },
	{ "tc qdisc add dev wan0 root bfifo limit 5000", "qdisc.del", "dev=wan0", "! " TC "bfifo",
	  "tc qdisc add dev wan0 root pfifo limit 9", TC "'limit 9p'" },
	{ "tc qdisc add dev wan0 root pfifo limit 9", "qdisc.replace",
	  "dev=wan0 type=pfifo limit=90", TC "'limit 90p'",
	  "tc qdisc change dev wan0 root pfifo limit 10", TC "'limit 10p'" },
	{ "echo 0 >" PROC "tcp_mtu_probing", "sysctl.set", "name=net.ipv4.tcp_mtu_probing value=1",
	  "grep -q 1 " PROC "tcp_mtu_probing", "echo 2 >" PROC "tcp_mtu_probing",
	  "grep -q 2 " PROC "tcp_mtu_probing" },
	{ "echo 1 >" PROC "conf/wan0/rp_filter", "sysctl.set",
	  "name=net.ipv4.conf.wan0.rp_filter value=2", "grep -q 2 " PROC "conf/wan0/rp_filter",
	  "echo 0 >" PROC "conf/wan0/rp_filter", "grep -q 0 " PROC "conf/wan0/rp_filter" },
	{ "ip link add name wan0.7 type veth peer name wan0.8", "sysctl.set",
	  "name=net.ipv4.conf.wan0.7.forwarding value=1",
	  "grep -q 1 " PROC "conf/wan0.7/forwarding", NULL, NULL },
};

static void enter(const char *setup)
{
	lab_open(&s);
	s.actions = descs;
	if (setup)
		netlab_run("%s", setup);
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
			"cat " PROC "tcp_mtu_probing " PROC "conf/wan0*/rp_filter " PROC
			"conf/wan0*/forwarding",
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
	cr_assert_eq(system(cases[i].shows), 0, "%s %s", cases[i].args, cases[i].shows);
}

Test(exec_settings, each_is_undone_to_the_letter)
{
	static char before[4096], after[4096];

	load_actuator();
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct exec_result r;

		enter(cases[i].setup);
		(void) snapshot(before, sizeof(before));
		apply(i);
		lab_restart(&s);
		r = lab_steps(&s, EXEC_UNDO, &kept);
		cr_assert_eq(r.error, 0, "%s: %s", cases[i].args, r.why);
		cr_assert_eq(r.state[0], STEP_UNDONE, "%s: %u", cases[i].args, r.state[0]);
		cr_assert_str_eq(snapshot(after, sizeof(after)), before);
		serve_done(&s);
	}
}

Test(exec_settings, what_somebody_else_made_of_it_is_left_alone)
{
	load_actuator();
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct exec_result r;

		if (!cases[i].disturb)
			continue;
		enter(cases[i].setup);
		apply(i);
		netlab_run("%s", cases[i].disturb);
		r = lab_steps(&s, EXEC_UNDO, &kept);
		cr_assert_eq(r.error, 0, "%s: %s", cases[i].args, r.why);
		cr_assert_eq(r.state[0], STEP_OTHER, "%s: %u", cases[i].args, r.state[0]);
		cr_assert_eq(system(cases[i].theirs), 0, "%s", cases[i].theirs);
		serve_done(&s);
	}
}

Test(exec_settings, what_cannot_be_done_is_refused_with_the_reason)
{
	static const struct {
		const char *setup, *kind, *args, *why;
		int error;
	} no[] = {
		{ NULL, "sysctl.set", "name=net.ipv4.ip_forward value=1", "is not among", -EPERM },
		{ NULL, "sysctl.set", "name=kernel.core_pattern value=1", "is not among", -EPERM },
		{ NULL, "sysctl.set", "name=net.ipv4.conf.../../kernel.rp_filter value=1",
		  "is not among", -EPERM },
		{ NULL, "sysctl.set", "name=net.ipv4.conf.all.rp_filter value=1", "is not among",
		  -EPERM },
		{ NULL, "sysctl.set", "name=net.ipv4.tcp_mtu_probing value=3", "can be 0 to 2",
		  -ERANGE },
		{ NULL, "sysctl.set", "name=net.ipv4.conf.nolink.rp_filter value=1",
		  "its link is not there", -ENOENT },
		{ NULL, "qdisc.replace", "dev=wan0 type=tbf", "needs a rate", -EINVAL },
		{ NULL, "qdisc.replace", "dev=wan0 type=pfifo rate=1000000", "has no 'rate'",
		  -EINVAL },
		{ NULL, "qdisc.rate", "dev=wan0 rate=1000000", "has no rate", -EINVAL },
		{ NULL, "qdisc.del", "dev=wan0", "the kernel chooses", -ENOENT },
		{ NULL, "unit.restart", "name=anod.service", "no unit that may", -EPERM },
		{ NULL, "unit.restart", "name=../bird.service", "no unit that may", -EPERM },
		{ NULL, "wg.keepalive", "dev=wan0 peer=short every=1", "44 characters", -EINVAL },
		{ NULL, "wg.keepalive",
		  "dev=wan0 peer=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= every=1000000", "",
		  -ENOENT },
		/* Below the root somebody has put something that the object does not hold. */
		{ "tc qdisc add dev wan0 root handle 7: tbf rate 8mbit burst 20000 limit 90000 && "
		  "tc qdisc add dev wan0 parent 7:1 handle 8: pfifo limit 5",
		  "qdisc.replace", "dev=wan0 type=pfifo", "cannot restore", -EOPNOTSUPP },
	};

	load_actuator();
	for (unsigned i = 0; i < ARRAY_SIZE(no); i++) {
		enter(no[i].setup);
		cr_assert_eq(prepare(no[i].kind, no[i].args), no[i].error, "%s: %d %s", no[i].args,
			     kept.error, kept.why);
		cr_assert_not_null(strstr(kept.why, no[i].why), "%s: %s", no[i].args, kept.why);
		serve_done(&s);
	}
}

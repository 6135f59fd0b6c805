/*
 * The sensor of the connection table: its decoder on what 6.18 said (tests/fuzz/corpus/conntrack), and
 * the sensor against the kernel.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <anod/netlink.h>

#include "unit/fake_host.h"
#include "unit/netlab.h"

#include "plugins/conntrack/stats.c"

static struct fake_host *host;

static void stop(void)
{
	if (host)
		host = fake_host_free(host);
}

TestSuite(conntrack, .fini = stop, .timeout = 60);

static void feed(struct sums *s, const char *name, struct global *ret)
{
	static uint8_t buf[4096] __attribute__((aligned(8)));
	char path[512];
	struct cpu c;
	size_t left;
	FILE *f;

	(void) snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/conntrack/%s", SOURCE_DIR, name);
	f = fopen(path, "r");
	cr_assert(f, "%s", path);
	left = fread(buf, 1, sizeof(buf), f);
	(void) fclose(f);
	for (struct nlmsghdr *h = (void *) buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (cpu_parse(h, &c))
			cr_assert_eq(sums_add(s, &c), 0);
		else if (ret)
			(void) global_parse(h, ret);
	}
}

Test(conntrack, decoder_reads_what_the_kernel_said)
{
	struct sums s = { 0 };
	struct global g = { 0 };

	sums_begin(&s);
	feed(&s, "ct-global", &g);
	cr_expect_eq(g.entries, 51);
	cr_expect(g.has_max);
	cr_expect_eq(g.max, 262144);
	cr_expect_eq(s.n_cpus, 0);
	feed(&s, "ct-cpu", NULL);
	cr_expect_eq(s.n_cpus, 2);
	cr_expect_eq(s.known, (1u << COUNTERS) - 1);
	feed(&s, "cut", NULL);
	feed(&s, "long-attr", NULL);
	sums_free(&s);
}

Test(conntrack, counters_go_on_when_the_kernels_wrap)
{
	struct sums s = { 0 };

	sums_begin(&s);
	feed(&s, "wrap", NULL);
	cr_expect_eq(s.n_cpus, 2);
	for (unsigned i = 0; i < COUNTERS; i++)
		cr_expect_eq(s.total[i], 2 * (INT64_C(0xfffffff0) + 0x20));
	sums_free(&s);
}

static bool has(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "conntrack", "table", data);

	return v && v->type != ANOD_UNKNOWN;
}

static void start(void)
{
	host = fake_host_new("conntrack");
	fake_host_set_int(host, "period", 100000, ANOD_UNIT_TIME);
	fake_host_set_int(host, "idle-period", 100000, ANOD_UNIT_TIME);
	cr_assert_eq(fake_host_start(host), 0);
}

static void need_a_table(void)
{
	netlab_enter();
	if (access("/proc/sys/net/netfilter/nf_conntrack_count", R_OK) < 0)
		cr_skip_test("this kernel tracks no connections");
}

Test(conntrack, table_is_read_from_the_kernel)
{
	const struct anod_value *v;

	need_a_table();
	start();
	cr_assert(fake_host_wait(host, has, (char[]){ "drop" }, 5000), "%s", fake_host_log(host));
	cr_expect_eq(fake_host_fact(host, "conntrack", "table", "entries")->u.i, 0);
	cr_expect_gt(fake_host_fact(host, "conntrack", "table", "max")->u.i, 0);
	v = fake_host_fact(host, "conntrack", "table", "used");
	cr_expect_eq(v->type, ANOD_REAL);
	cr_expect_eq(v->u.r, 0);
}

/* Keep CAP_NET_ADMIN aside, as the host does, or not at all. */
static void set_caps(bool permitted)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	cr_assert_eq(syscall(SYS_capget, &h, d), 0);
	d[0].effective &= ~(1u << CAP_NET_ADMIN);
	if (!permitted)
		d[0].permitted &= ~(1u << CAP_NET_ADMIN);
	cr_assert_eq(syscall(SYS_capset, &h, d), 0);
}

static bool effective(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	cr_assert_eq(syscall(SYS_capget, &h, d), 0);
	return d[0].effective >> CAP_NET_ADMIN & 1;
}

Test(conntrack, capability_is_had_for_the_moment_of_a_call_only)
{
	need_a_table();
	set_caps(true);
	start();
	cr_expect(!effective());
	cr_assert(fake_host_wait(host, has, (char[]){ "drop" }, 5000), "%s", fake_host_log(host));
	cr_expect(!effective());
}

Test(conntrack, without_the_capability_the_number_of_entries_is_known)
{
	need_a_table();
	set_caps(false);
	start();
	cr_assert(fake_host_wait(host, has, (char[]){ "used" }, 5000));
	cr_expect(!has(host, (char[]){ "drop" }), "unknown, not zero");
	cr_expect(strstr(fake_host_log(host), "CAP_NET_ADMIN"), "%s", fake_host_log(host));
}

Test(conntrack, socket_with_the_capability_sends_reading_requests_only)
{
	struct anod_nl_put put;
	struct anod_nl *nl;
	struct nfgenmsg *head;

	netlab_enter();
	host = fake_host_bare();
	cr_assert_eq(anod_nl_open(fake_host_ctx(host), NETLINK_NETFILTER, ANOD_NL_ADMIN, &nl), 0);
	head = anod_nl_begin(&put, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0,
			     sizeof(*head));
	cr_expect_eq(anod_nl_ask(nl, anod_nl_end(&put), NULL, NULL, NULL), -EPERM);
	anod_nl_close(nl);
	cr_assert_eq(anod_nl_open(fake_host_ctx(host), NETLINK_GENERIC, ANOD_NL_ADMIN, &nl), 0);
	(void) anod_nl_begin(&put, 16, 0, 4);
	cr_expect_eq(anod_nl_ask(nl, anod_nl_end(&put), NULL, NULL, NULL), -EPERM,
		     "of a family that is not in the list");
	anod_nl_close(nl);
}

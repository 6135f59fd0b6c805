/* The sensor of settings of IP: messages recorded from this kernel, and the sensor against it. */
#include <criterion/criterion.h>
#include <linux/netconf.h>
#include <stdlib.h>
#include <string.h>

#include "unit/fake_host.h"
#include "unit/messages.h"
#include "unit/netlab.h"

#include "plugins/netconf/decode.c"

#define WAIT_MS 10000

static struct fake_host *host;

static void stop(void)
{
	if (host)
		host = fake_host_free(host);
}

TestSuite(netconf, .fini = stop, .timeout = 60);

static void count(const struct nlmsghdr *m, void *data)
{
	unsigned *n = data;
	struct netconf c;

	if (decode_netconf(m, &c) <= 0)
		return;
	if (c.ifindex == NETCONFA_IFINDEX_ALL)
		n[0]++;
	if (c.ifindex == NETCONFA_IFINDEX_DEFAULT)
		n[1]++;
	if (c.ifindex > 0)
		n[2]++;
	n[3] += c.family == AF_INET && c.known == (1u << CONFS) - 1;
	n[4] += c.family == AF_INET6 && !(c.known >> CONF_RP_FILTER & 1);
}

Test(netconf, reads_settings_of_both_families)
{
	unsigned n[5] = { 0 };

	cr_assert_eq(messages_each("netconf/host", count, n), 16);
	cr_expect_eq(n[0], 2);
	cr_expect_eq(n[1], 2);
	cr_expect_eq(n[2], 12);
	cr_expect_eq(n[3], 8);
	cr_expect_eq(n[4], 8, "IPv6 has no rp_filter");
	messages_torment("netconf/host", count, n);
}

struct want {
	const char *name, *attr;
	int64_t is;
};

static bool has(struct fake_host *h, void *data)
{
	const struct want *w = data;
	const struct anod_value *v = fake_host_fact(h, "netconf", w->name, w->attr);

	return v && v->type != ANOD_UNKNOWN && v->u.i == w->is;
}

static void expect(const char *name, const char *attr, int64_t is)
{
	struct want w = { name, attr, is };

	cr_assert(fake_host_wait(host, has, &w, WAIT_MS), "%s of %s is not %lld: %s", attr, name,
		  (long long) is, fake_host_log(host));
}

Test(netconf, follows_the_kernel_by_its_events)
{
	netlab_enter();
	netlab_run("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.ip_forward=0");
	host = fake_host_new("netconf"); /* reads every 30 s */
	cr_assert_eq(fake_host_start(host), 0);
	expect("inet/all", "rp_filter", 1);
	expect("inet/all", "forwarding", 0);
	expect("inet6/default", "forwarding", 0);
	cr_expect_eq(fake_host_fact(host, "netconf", "inet6/all", "rp_filter")->type, ANOD_UNKNOWN);
	netlab_run("sysctl -qw net.ipv4.conf.all.rp_filter=2 net.ipv4.ip_forward=1 "
		   "net.ipv4.conf.default.ignore_routes_with_linkdown=1");
	expect("inet/all", "rp_filter", 2);
	expect("inet/all", "forwarding", 1);
	expect("inet/default", "ignore_linkdown", 1);
}

/* Lifetimes and states of addresses, and settings of links, against the kernel. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/fake_host.h"
#include "unit/netlab.h"

#define WAIT_MS 10000

static struct fake_host *host;

static void stop(void)
{
	if (host)
		host = fake_host_free(host);
}

TestSuite(rtnl_life, .fini = stop, .timeout = 60);

struct want {
	const char *kind, *name, *attr;
	int64_t is;
};

static bool has(struct fake_host *h, void *data)
{
	const struct want *w = data;
	const struct anod_value *v = fake_host_fact(h, w->kind, w->name, w->attr);

	return v && v->type != ANOD_UNKNOWN && v->u.i == w->is;
}

static void expect(const char *kind, const char *name, const char *attr, int64_t is)
{
	struct want w = { kind, name, attr, is };

	cr_assert(fake_host_wait(host, has, &w, WAIT_MS), "%s of %s is not %lld", attr, name,
		  (long long) is);
}

static void start(void)
{
	host = fake_host_new("rtnl");
	cr_assert_eq(fake_host_start(host), 0);
}

Test(rtnl_life, what_remains_of_an_address_is_told)
{
	const struct anod_value *v;

	netlab_enter();
	netlab_veth("v0", "v1");
	netlab_run("ip addr add 10.0.0.1/24 dev v0;"
		   "ip addr add 10.1.0.1/24 dev v0 valid_lft 1000 preferred_lft 500");
	start();
	expect("addr", "v0/10.0.0.1/24", "permanent", 1);
	cr_expect_eq(fake_host_fact(host, "addr", "v0/10.0.0.1/24", "valid")->type, ANOD_UNKNOWN);
	expect("addr", "v0/10.1.0.1/24", "permanent", 0);
	v = fake_host_fact(host, "addr", "v0/10.1.0.1/24", "valid");
	cr_expect(v->u.i > 990000000 && v->u.i <= 1000000000);
	v = fake_host_fact(host, "addr", "v0/10.1.0.1/24", "preferred");
	cr_expect(v->u.i > 490000000 && v->u.i <= 500000000);
	expect("addr", "v0/10.1.0.1/24", "deprecated", 0);

	netlab_run("ip addr change 10.1.0.1/24 dev v0 valid_lft 100 preferred_lft 0");
	expect("addr", "v0/10.1.0.1/24", "deprecated", 1);
	v = fake_host_fact(host, "addr", "v0/10.1.0.1/24", "valid");
	cr_expect(v->u.i > 90000000 && v->u.i <= 100000000);
	netlab_run("ip addr change 10.1.0.1/24 dev v0 valid_lft forever preferred_lft forever");
	expect("addr", "v0/10.1.0.1/24", "permanent", 1);
}

Test(rtnl_life, an_address_that_somebody_has_is_no_address)
{
	netlab_enter();
	netlab_veth("v0", "v1");
	netlab_run("ip -6 addr add 2001:db8::1/64 dev v1 nodad");
	start();
	netlab_run("ip -6 addr add 2001:db8::1/64 dev v0");
	expect("addr", "v0/2001:db8::1/64", "tentative", 1);
	expect("addr", "v0/2001:db8::1/64", "dad_failed", 1);
	netlab_run("ip -6 addr add 2001:db8::2/64 dev v0");
	expect("addr", "v0/2001:db8::2/64", "tentative", 1);
	expect("addr", "v0/2001:db8::2/64", "tentative", 0);
	cr_expect_eq(fake_host_fact(host, "addr", "v0/2001:db8::2/64", "dad_failed")->u.i, 0);
}

Test(rtnl_life, settings_of_a_link_follow_the_kernel)
{
	netlab_enter();
	netlab_veth("v0", "v1");
	netlab_run("sysctl -qw net.ipv4.conf.v0.forwarding=0 net.ipv4.conf.v0.rp_filter=2 "
		   "net.ipv6.conf.v0.forwarding=0");
	start();
	expect("link", "v0", "rp_filter", 2);
	expect("link", "v0", "forwarding4", 0);
	netlab_run("sysctl -qw net.ipv4.conf.v0.forwarding=1 net.ipv6.conf.v0.forwarding=1 "
		   "net.ipv4.conf.v0.ignore_routes_with_linkdown=1");
	expect("link", "v0", "forwarding4", 1);
	expect("link", "v0", "forwarding6", 1);
	expect("link", "v0", "ignore_linkdown4", 1);
	expect("link", "v0", "ignore_linkdown6", 0);
	netlab_run("sysctl -qw net.ipv4.ip_forward=1 net.ipv4.ip_forward=0");
	expect("link", "v0", "forwarding4", 0);
}

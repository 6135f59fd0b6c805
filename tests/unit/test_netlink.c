/*
 * netlink - the socket of sensors: against the real kernel, whose answers cannot be made up.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>

#include <anod/netlink.h>

#include "unit/fake_host.h"

struct seen {
	unsigned answers, ends, order[8];
	int error;
	char why[160];
	struct anod_nl *close; /* from within the first answer */
};

static void each(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct seen *s = data;

	(void) ctx;
	cr_assert_geq(msg->nlmsg_len, NLMSG_HDRLEN);
	s->answers++;
	if (s->close) {
		anod_nl_close(s->close);
		s->close = NULL;
	}
}

static void done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us, void *data)
{
	struct seen *s = data;

	(void) ctx, (void) held_us;
	s->ends++;
	s->error = error;
	(void) snprintf(s->why, sizeof(s->why), "%s", why);
}

static bool ended(struct fake_host *h, void *data)
{
	(void) h;
	return ((struct seen *) data)->ends > 0;
}

static bool never(struct fake_host *h, void *data)
{
	(void) h, (void) data;
	return false;
}

static const void *links(struct anod_nl_put *p)
{
	struct ifinfomsg *i = anod_nl_begin(p, RTM_GETLINK, NLM_F_DUMP, sizeof(*i));

	i->ifi_family = AF_UNSPEC;
	return anod_nl_end(p);
}

static const void *one_link(struct anod_nl_put *p, int ifindex)
{
	struct ifinfomsg *i = anod_nl_begin(p, RTM_GETLINK, 0, sizeof(*i));

	i->ifi_index = ifindex;
	return anod_nl_end(p);
}

static void ask_all(uint32_t flags)
{
	struct fake_host *h = fake_host_bare();
	struct anod_nl_put put;
	struct seen s = { 0 };
	struct anod_nl *nl;

	cr_assert_eq(anod_nl_open(fake_host_ctx(h), NETLINK_ROUTE, flags, &nl), 0);
	cr_assert_eq(anod_nl_ask(nl, links(&put), each, done, &s), 0);
	cr_assert_eq(s.ends + s.answers, 0, "nothing is called before ask() has returned");
	cr_assert(fake_host_wait(h, ended, &s, 5000));
	cr_assert_eq(s.error, 0, "%s", s.why);
	cr_assert_geq(s.answers, 1);

	/* What the kernel refuses, in its own words; the next request is not harmed. */
	s = (struct seen){ 0 };
	cr_assert_eq(anod_nl_ask(nl, one_link(&put, 987654), each, done, &s), 0);
	cr_assert_eq(anod_nl_ask(nl, one_link(&put, 1), each, NULL, &s), 0);
	cr_assert_eq(anod_nl_waiting(nl), 2);
	cr_assert(fake_host_wait(h, ended, &s, 5000));
	cr_assert_eq(s.error, -ENODEV);
	s = (struct seen){ 0 };
	cr_assert_eq(anod_nl_ask(nl, one_link(&put, 1), each, done, &s), 0);
	cr_assert(fake_host_wait(h, ended, &s, 5000));
	cr_assert_eq(s.error, 0);
	cr_assert_leq(s.answers, 2);
	cr_assert_geq(s.answers, 1);
	anod_nl_close(nl);
	fake_host_free(h);
}

Test(netlink, requests_are_answered_in_their_order_and_errors_end_only_their_own)
{
	ask_all(0);
	ask_all(ANOD_NL_SLOW);
}

Test(netlink, a_socket_can_be_closed_from_within_and_with_requests_waiting)
{
	for (uint32_t flags = 0; flags <= ANOD_NL_SLOW; flags += ANOD_NL_SLOW) {
		struct fake_host *h = fake_host_bare();
		struct anod_nl_put put;
		struct seen s = { 0 };
		struct anod_nl *nl;

		cr_assert_eq(anod_nl_open(fake_host_ctx(h), NETLINK_ROUTE, flags, &nl), 0);
		s.close = nl;
		for (int i = 0; i < 5; i++)
			cr_assert_eq(anod_nl_ask(nl, links(&put), each, done, &s), 0);
		(void) fake_host_wait(h, never, NULL, 50);
		cr_assert_eq(s.answers, 1);
		cr_assert_eq(s.ends, 0, "no callback follows a close()");

		cr_assert_eq(anod_nl_open(fake_host_ctx(h), NETLINK_ROUTE, flags, &nl), 0);
		cr_assert_eq(anod_nl_ask(nl, links(&put), each, done, &s), 0);
		anod_nl_close(nl);
		anod_nl_close(NULL);
		fake_host_free(h);
	}
}

/* A chain: the end of each request asks the next one. */
struct chain {
	struct anod_nl *nl;
	unsigned left, answers, errors;
};

static void link_of_chain(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	(void) ctx, (void) msg;
	((struct chain *) data)->answers++;
}

static void next_of_chain(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us,
			  void *data)
{
	struct chain *c = data;
	struct anod_nl_put put;

	(void) ctx, (void) why, (void) held_us;
	c->errors += error != 0;
	if (--c->left)
		cr_assert_eq(anod_nl_ask(c->nl, one_link(&put, 1), link_of_chain, next_of_chain, c),
			     0);
}

static bool chain_ended(struct fake_host *h, void *data)
{
	(void) h;
	return ((struct chain *) data)->left == 0;
}

Test(netlink, what_the_end_of_a_request_asks_is_asked_once)
{
	for (uint32_t flags = 0; flags <= ANOD_NL_SLOW; flags += ANOD_NL_SLOW) {
		struct fake_host *h = fake_host_bare();
		struct chain c = { .left = 301 };

		cr_assert_eq(anod_nl_open(fake_host_ctx(h), NETLINK_ROUTE, flags, &c.nl), 0);
		next_of_chain(fake_host_ctx(h), 0, "", 0, &c);
		/* Less than the time after which one that is never answered is given up. */
		cr_assert(fake_host_wait(h, chain_ended, &c, 4500), "%u are left", c.left);
		cr_assert_eq(c.answers, 300, "%u answers to 300 requests", c.answers);
		cr_assert_eq(c.errors, 0);
		anod_nl_close(c.nl);
		fake_host_free(h);
	}
}

Test(netlink, what_does_not_fit_is_refused)
{
	struct fake_host *h = fake_host_bare();
	static char big[ANOD_NL_MSG_MAX];
	struct anod_nl_put put;
	struct seen s = { 0 };
	struct anod_nl *nl;
	int r = 0;

	cr_assert_eq(anod_nl_open(fake_host_ctx(h), NETLINK_ROUTE, 0, &nl), 0);
	(void) anod_nl_begin(&put, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	anod_nl_attr(&put, 1, big, sizeof(big));
	cr_assert_null(anod_nl_end(&put));
	cr_assert_eq(anod_nl_ask(nl, NULL, each, done, &s), -EMSGSIZE);
	(void) anod_nl_begin(&put, RTM_GETLINK, 0, sizeof(big));
	cr_assert_null(anod_nl_end(&put));
	for (int i = 0; i <= ANOD_NL_QUEUE_MAX && r == 0; i++)
		r = anod_nl_ask(nl, links(&put), each, done, &s);
	cr_assert_eq(r, -EBUSY);
	anod_nl_close(nl);
	fake_host_free(h);
}

Test(netlink, families_and_their_groups_are_found_by_name)
{
	struct fake_host *h = fake_host_bare();
	struct anod_nl_family f;
	struct anod_nl_put put;
	struct seen s = { 0 };
	struct anod_nl *nl;
	uint32_t nest;

	cr_assert_eq(anod_nl_open(fake_host_ctx(h), NETLINK_GENERIC, ANOD_NL_SLOW, &nl), 0);
	cr_assert_eq(anod_nl_family(nl, "no-such-family", &f), -ENOENT);
	cr_assert_eq(anod_nl_family(nl, "nlctrl", &f), 0);
	cr_assert_eq(f.id, GENL_ID_CTRL);
	cr_assert_neq(anod_nl_group(&f, "notify"), 0);
	cr_assert_eq(anod_nl_group(&f, "nothing"), 0);
	if (anod_nl_family(nl, ETHTOOL_GENL_NAME, &f) < 0)
		cr_skip_test("this kernel has no ethtool over netlink");

	/* A nest and a header of a family's own, as the kernel reads them. */
	anod_nl_begin_genl(&put, &f, ETHTOOL_MSG_LINKSTATE_GET, 0);
	nest = anod_nl_nest(&put, ETHTOOL_A_LINKSTATE_HEADER);
	anod_nl_text(&put, ETHTOOL_A_HEADER_DEV_NAME, "lo");
	anod_nl_nest_end(&put, nest);
	cr_assert_eq(anod_nl_ask(nl, anod_nl_end(&put), each, done, &s), 0);
	cr_assert(fake_host_wait(h, ended, &s, 5000));
	cr_assert_eq(s.error, 0, "%s", s.why);
	cr_assert_eq(s.answers, 1);
	anod_nl_close(nl);
	fake_host_free(h);
}

static void on_event(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct seen *s = data;

	(void) ctx;
	if (!msg)
		s->order[0]++;
	else if (msg->nlmsg_type == RTM_NEWADDR || msg->nlmsg_type == RTM_DELADDR)
		s->ends++;
}

Test(netlink, events_come_to_who_listens)
{
	struct fake_host *h = fake_host_bare();
	struct seen s = { 0 };
	struct anod_nl *nl;
	struct anod_nl *asks;
	struct anod_nl_put put;
	struct ifaddrmsg *a;
	uint32_t lo = htonl(0x7f000909);

	if (unshare(CLONE_NEWNET) < 0)
		cr_skip_test("needs root: a network namespace");
	cr_assert_eq(anod_nl_open(fake_host_ctx(h), NETLINK_ROUTE, 0, &nl), 0);
	cr_assert_eq(anod_nl_listen(nl, RTNLGRP_IPV4_IFADDR, on_event, &s), 0);
	cr_assert_eq(anod_nl_open(fake_host_ctx(h), NETLINK_ROUTE, 0, &asks), 0);

	a = anod_nl_begin(&put, RTM_NEWADDR, NLM_F_CREATE, sizeof(*a));
	*a = (struct ifaddrmsg){ .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 1 };
	anod_nl_attr(&put, IFA_LOCAL, &lo, sizeof(lo));
	cr_assert_eq(anod_nl_ask(asks, anod_nl_end(&put), NULL, NULL, NULL), 0);
	cr_assert(fake_host_wait(h, ended, &s, 5000));
	cr_assert_eq(s.order[0], 0);
	anod_nl_close(nl);
	anod_nl_close(asks);
	fake_host_free(h);
}

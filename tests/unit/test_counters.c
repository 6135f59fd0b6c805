/* The sensor of link counters against the kernel, and its arithmetic by itself. */
#include <criterion/criterion.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/fake_host.h"
#include "unit/netlab.h"

#include "plugins/counters/rates.c"

#define WAIT_MS 10000

#include "plugins/counters/stats.c"

static struct fake_host *host;

static void stop(void)
{
	if (host)
		host = fake_host_free(host);
}

TestSuite(counters, .fini = stop, .timeout = 60);

Test(counters, rates_are_differences_over_time_or_nothing)
{
	struct reading was = { .time_us = 1000000, .rx_bytes = 1000, .tx_bytes = 0 };
	struct reading is = { .time_us = 1500000, .rx_bytes = 2000, .tx_bytes = 62500 };
	struct rates r;

	was.rx_packets = 10;
	is.rx_packets = 11;
	cr_assert(rates_between(&was, &is, &r));
	cr_expect_eq(r.rx_bps, 16000);
	cr_expect_eq(r.tx_bps, 1000000);
	cr_expect_eq(r.rx_pps, 2);
	cr_expect_eq(r.tx_pps, 0);
	cr_expect_eq(rates_util(&r, 10000000), 0.1);

	cr_expect(!rates_between(&is, &was, &r), "time went back");
	cr_expect(!rates_between(&was, &was, &r), "no time between");
	is.rx_bytes = 999;
	cr_expect(!rates_between(&was, &is, &r), "a counter went back");
	cr_expect(!rates_between(&(struct reading){ 0 }, &is, &r), "no earlier reading");

	/* 800 Gbit/s for a minute is still exact to a bit or so. */
	was = (struct reading){ .time_us = 1, .rx_bytes = UINT64_MAX - 6000000000000 };
	is = (struct reading){ .time_us = 60000001, .rx_bytes = UINT64_MAX };
	cr_assert(rates_between(&was, &is, &r));
	cr_expect_eq(r.rx_bps, 800000000000);
}

static void send_frames(const char *dev, unsigned n)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int) netlab_ifindex(dev),
				  .sll_halen = ETH_ALEN };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	char frame[1000] = { 0 };

	cr_assert_geq(fd, 0);
	memset(frame, 0xff, 6);
	frame[12] = 0x08;
	while (n--)
		cr_assert_eq(
			sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *) &to, sizeof(to)),
			(ssize_t) sizeof(frame));
	close(fd);
}

struct atleast {
	const char *attr;
	int64_t n;
};

static bool at_least(struct fake_host *h, void *data)
{
	const struct atleast *a = data;
	const struct anod_value *v = fake_host_fact(h, "link", "v0", a->attr);

	return v && v->type == ANOD_INT && v->u.i >= a->n;
}

static bool util_known(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "link", "v0", "util");

	(void) data;
	return v && v->type == ANOD_REAL && v->u.r > 0;
}

static void name_link(const char *name, uint32_t ifindex)
{
	fake_host_put(host, "link", name, "ifindex",
		      &(struct anod_value){ .type = ANOD_INT, .u.i = ifindex });
}

static void open_counters(int64_t period_us)
{
	host = fake_host_new("counters");
	fake_host_set_int(host, "idle-period", period_us, ANOD_UNIT_TIME);
	fake_host_set_int(host, "period", period_us, ANOD_UNIT_TIME);
}

Test(counters, publishes_counters_and_rates_of_links_that_have_a_name)
{
	struct atleast bytes = { "tx_bytes", 100000 }, packets = { "tx_packets", 100 },
		       rate = { "tx_bps", 1 };
	const struct anod_value *v;

	netlab_enter();
	netlab_veth("v0", "w0");
	open_counters(20000);
	name_link("v0", netlab_ifindex("v0"));
	cr_assert_eq(fake_host_start(host), 0);
	send_frames("v0", 100);
	cr_assert(fake_host_wait(host, at_least, &bytes, WAIT_MS));
	cr_assert(fake_host_wait(host, at_least, &packets, WAIT_MS));
	cr_expect_eq(fake_host_fact(host, "link", "v0", "rx_crc_errors")->u.i, 0);

	/* There is traffic between two sweeps now and then: enough to see a rate. */
	send_frames("v0", 50);
	cr_assert(fake_host_wait(host, at_least, &rate, WAIT_MS));
	v = fake_host_fact(host, "link", "v0", "util");
	cr_expect_eq(v->type, ANOD_UNKNOWN, "no capacity, no utilisation");

	fake_host_put(
		host, "link", "v0", "capacity",
		&(struct anod_value){ .type = ANOD_INT, .unit = ANOD_UNIT_BPS, .u.i = 10000 });
	cr_expect_eq(fake_host_reload(host), 1);
	send_frames("v0", 50);
	cr_assert(fake_host_wait(host, util_known, NULL, WAIT_MS));

	/* w0 has no entity, and this sensor makes none. */
	cr_expect_eq(fake_host_entities(host, "link"), 1);
}

static bool north_counts(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "link", "north", "tx_bytes");

	(void) data;
	return v && v->type == ANOD_INT && v->u.i >= 100000;
}

/* Was anything published since? */
static bool more_puts(struct fake_host *h, void *data)
{
	return fake_host_puts(h) > *(unsigned *) data;
}

static void expect_more_puts(unsigned n)
{
	unsigned now = fake_host_puts(host) + n;

	cr_assert(fake_host_wait(host, more_puts, &now, WAIT_MS));
}

Test(counters, follows_a_link_to_its_new_name)
{
	struct atleast bytes = { "tx_bytes", 100000 };

	netlab_enter();
	netlab_veth("v0", "w0");
	open_counters(20000);
	name_link("v0", netlab_ifindex("v0"));
	cr_assert_eq(fake_host_start(host), 0);
	send_frames("v0", 100);
	cr_assert(fake_host_wait(host, at_least, &bytes, WAIT_MS));
	/* As rtnl does it: the entity goes, and another comes. */
	netlab_run("ip link set v0 name north");
	fake_host_drop(host, "link", "v0");
	name_link("north", netlab_ifindex("north"));
	cr_assert(fake_host_wait(host, north_counts, NULL, WAIT_MS));
	cr_expect_null(fake_host_fact(host, "link", "v0", "tx_bytes"), "it makes none");
}

Test(counters, never_gives_one_link_the_counters_of_another)
{
	const struct anod_value *v;

	netlab_enter();
	netlab_veth("va", "pa0");
	netlab_veth("vb", "pb0");
	open_counters(20000);
	name_link("va", netlab_ifindex("va"));
	name_link("vb", netlab_ifindex("vb"));
	cr_assert_eq(fake_host_start(host), 0);
	send_frames("va", 1000);
	expect_more_puts(6);
	cr_assert_geq(fake_host_fact(host, "link", "va", "tx_bytes")->u.i, 1000000);
	cr_assert_lt(fake_host_fact(host, "link", "vb", "tx_bytes")->u.i, 1000000);

	/* Swap the names; rtnl has heard of half of it. */
	netlab_run("ip link set va name vx && ip link set vb name va && ip link set vx name vb");
	fake_host_drop(host, "link", "va");
	fake_host_drop(host, "link", "vb");
	name_link("va", netlab_ifindex("va"));
	expect_more_puts(6);
	cr_expect_null(fake_host_fact(host, "link", "vb", "tx_bytes"));
	cr_expect_lt(fake_host_fact(host, "link", "va", "tx_bytes")->u.i, 1000000);
	name_link("vb", netlab_ifindex("vb"));
	expect_more_puts(16);
	v = fake_host_fact(host, "link", "vb", "tx_bytes");
	cr_expect(v->type == ANOD_INT && v->u.i >= 1000000);
	cr_expect_lt(fake_host_fact(host, "link", "va", "tx_bytes")->u.i, 1000000);

	/* rtnl is behind: the fact still says the old number, so nothing is put there. */
	netlab_run("ip link del va && ip link add va type veth peer name pa2");
	fake_host_drop(host, "link", "va");
	name_link("va", 4242);
	expect_more_puts(6);
	cr_expect_eq(fake_host_fact(host, "link", "va", "tx_bytes")->type, ANOD_UNKNOWN);
}

/* Deleting and making links all the time, with the same names and numbers. */
Test(counters, keeps_its_rows_right_while_links_come_and_go)
{
	char name[16];

	netlab_enter();
	open_counters(20000);
	cr_assert_eq(fake_host_start(host), 0);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 24; i++) {
			uint32_t ifindex = 100 + (i * 7 + round) % 24;

			(void) snprintf(name, sizeof(name), "c%u", i);
			netlab_run("ip link add %s index %u type veth peer name p%u index %u", name,
				   ifindex, i, ifindex + 100);
			name_link(name, ifindex);
		}
		expect_more_puts(72);
		for (unsigned i = 0; i < 24; i += 1 + round % 2) {
			(void) snprintf(name, sizeof(name), "c%u", i);
			cr_assert_eq(fake_host_fact(host, "link", name, "rx_bytes")->type, ANOD_INT,
				     "%s in round %u", name, round);
		}
		for (unsigned i = 0; i < 24; i++) {
			(void) snprintf(name, sizeof(name), "c%u", i);
			netlab_run("ip link del %s", name);
			fake_host_drop(host, "link", name);
		}
	}
}

static uint64_t period(void)
{
	return fake_host_health(host, ANOD_HEALTH_PERIOD);
}

Test(counters, reads_rarely_what_nobody_needs_and_often_what_is_in_trouble)
{
	unsigned puts;

	netlab_enter();
	for (unsigned i = 0; i < 8; i++) {
		char name[16], peer[16];

		(void) snprintf(name, sizeof(name), "v%u", i);
		(void) snprintf(peer, sizeof(peer), "w%u", i);
		netlab_veth(name, peer);
	}
	host = fake_host_new("counters");
	fake_host_set_int(host, "period", 100000, ANOD_UNIT_TIME);
	fake_host_set_int(host, "idle-period", 30000000, ANOD_UNIT_TIME);
	name_link("v0", netlab_ifindex("v0"));
	name_link("v1", netlab_ifindex("v1"));
	cr_assert_eq(fake_host_start(host), 0);
	expect_more_puts(1);
	cr_expect_eq(period(), 30000000);

	/* The kind: at once, and then every period. */
	cr_assert_eq(fake_host_need(host, "link", NULL, 50000), 0);
	cr_expect_eq(period(), 50000);
	expect_more_puts(6);
	cr_assert_eq(fake_host_need(host, "link", NULL, 0), 0);
	cr_expect_eq(period(), 30000000);

	/* One link: it alone, v1 stays as it is. */
	send_frames("v0", 10);
	send_frames("v1", 10);
	puts = fake_host_puts(host);
	cr_assert_eq(fake_host_need(host, "link", "v0", 20000), 0);
	cr_assert_eq(fake_host_need(host, "link", "not-there", 20000), 0);

	cr_expect_eq(period(), 20000);
	expect_more_puts(5);
	cr_expect_geq(fake_host_fact(host, "link", "v0", "tx_packets")->u.i, 10);
	cr_expect_lt(fake_host_fact(host, "link", "v1", "tx_packets")->u.i, 10);
	cr_expect_geq(fake_host_puts(host), puts + 5);
	cr_expect_eq(fake_host_health(host, ANOD_HEALTH_GAP), 0);

	/* Most of them: then a dump is cheaper, and all are read. */
	for (unsigned i = 1; i < 8; i++) {
		char name[16];

		(void) snprintf(name, sizeof(name), "v%u", i);
		cr_assert_eq(fake_host_need(host, "link", name, 20000), 0);
	}
	expect_more_puts(10);
	cr_expect_geq(fake_host_fact(host, "link", "v1", "tx_packets")->u.i, 10);
	cr_assert_eq(fake_host_need(host, "link", "not-there", 0), 0);
	for (unsigned i = 0; i < 8; i++) {
		char name[16];

		(void) snprintf(name, sizeof(name), "v%u", i);
		cr_assert_eq(fake_host_need(host, "link", name, 0), 0);
	}
	cr_expect_eq(period(), 30000000);

	/* More than there is room for. */
	for (unsigned i = 0; i < 100; i++) {
		char name[16];

		(void) snprintf(name, sizeof(name), "many%u", i);
		cr_assert_eq(fake_host_need(host, "link", name, 20000), 0);
	}
	expect_more_puts(10);
}

static bool lost_once(struct fake_host *h, void *data)
{
	(void) data;
	return fake_host_kind_lost(h, ANOD_OBJ_LINK) > 0;
}

static bool good_again(struct fake_host *h, void *data)
{
	(void) data;
	return fake_host_kind_in_sync(h, ANOD_OBJ_LINK);
}

/* The daemon was asleep for longer than three periods: what it holds is old. */
Test(counters, says_so_when_a_reading_stays_away)
{
	netlab_enter();
	netlab_veth("v0", "w0");
	open_counters(20000);
	name_link("v0", netlab_ifindex("v0"));
	cr_assert_eq(fake_host_start(host), 0);
	expect_more_puts(3);
	cr_assert_eq(fake_host_kind_lost(host, ANOD_OBJ_LINK), 0);
	usleep(100000); /* nothing runs meanwhile: this is the condition itself */
	cr_assert(fake_host_wait(host, lost_once, NULL, WAIT_MS));
	cr_assert(fake_host_wait(host, good_again, NULL, WAIT_MS));
	cr_expect_geq(fake_host_health(host, ANOD_HEALTH_BEHIND), 60000);
}

/* ---- messages ------------------------------------------------------------------------------ */

Test(counters, takes_nothing_from_outside_of_a_message)
{
	struct {
		struct nlmsghdr h;
		struct if_stats_msg s;
		struct nlattr pad;
		struct nlattr a;
		uint64_t counter[3];
	} __attribute__((packed, aligned(8))) m = {
		.h = { .nlmsg_len = 60, .nlmsg_type = RTM_NEWSTATS },
		.s = { .ifindex = 7 },
		.pad = { NLA_HDRLEN, IFLA_STATS_UNSPEC },
		.a = { NLA_HDRLEN + sizeof(m.counter), IFLA_STATS_LINK_64 },
		.counter = { 1, 2, UINT64_MAX },
	};
	const struct nlmsghdr *message = (const void *) &m;
	struct stats s;

	cr_assert_eq(stats_parse(message, &s), 1);
	cr_expect_eq(s.ifindex, 7);
	cr_expect_eq(s.n, 3, "an older kernel has fewer");
	cr_expect_eq(stats_at(&s, 2), UINT64_MAX);

	m.a.nla_len++; /* behind the end */
	cr_expect_eq(stats_parse(message, &s), 0);
	m.a.nla_len = NLA_HDRLEN + 9;
	cr_assert_eq(stats_parse(message, &s), 1);
	cr_expect_eq(s.n, 1, "half a counter is none");
	m.a.nla_len = 3;
	cr_expect_eq(stats_parse(message, &s), 0);
	m.a.nla_len = NLA_HDRLEN + sizeof(m.counter);
	m.h.nlmsg_type = RTM_NEWLINK;
	cr_expect_eq(stats_parse(message, &s), 0);
	m.h.nlmsg_type = RTM_NEWSTATS;
	m.h.nlmsg_len = NLMSG_HDRLEN + 3;
	cr_expect_eq(stats_parse(message, &s), 0);
}

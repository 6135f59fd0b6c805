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

Test(counters, publishes_counters_and_rates_of_links_that_have_a_name)
{
	struct atleast bytes = { "tx_bytes", 100000 }, packets = { "tx_packets", 100 },
		       rate = { "tx_bps", 1 };
	const struct anod_value *v;

	netlab_enter();
	netlab_veth("v0", "w0");
	host = fake_host_new("counters");
	fake_host_set_int(host, "period", 20000, ANOD_UNIT_TIME);
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

Test(counters, follows_a_link_to_its_new_name)
{
	struct atleast bytes = { "tx_bytes", 100000 };

	netlab_enter();
	netlab_veth("v0", "w0");
	host = fake_host_new("counters");
	fake_host_set_int(host, "period", 20000, ANOD_UNIT_TIME);
	name_link("v0", netlab_ifindex("v0"));
	cr_assert_eq(fake_host_start(host), 0);
	send_frames("v0", 100);
	cr_assert(fake_host_wait(host, at_least, &bytes, WAIT_MS));
	netlab_run("ip link set v0 name north");
	name_link("v0", 0);
	name_link("north", netlab_ifindex("north"));
	cr_assert(fake_host_wait(host, north_counts, NULL, WAIT_MS));
}

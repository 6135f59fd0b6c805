/* The sensor against the real kernel, in a namespace of its own: what it says is what is. */
#include <criterion/criterion.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <anod/rtnl.h>

#include "unit/fake_host.h"
#include "unit/netlab.h"

#define WAIT_MS	   10000
#define ROUTES_MAX 16384

static struct fake_host *host;

static bool all_in_sync(struct fake_host *h, void *data)
{
	(void) data;
	for (enum anod_obj_type t = ANOD_OBJ_LINK; t <= ANOD_OBJ_QDISC; t++)
		if (!fake_host_in_sync(h, t))
			return false;
	return true;
}

static void start(int64_t event_buffer)
{
	netlab_enter();
	netlab_veth("v0", "w0");
	netlab_veth("v1", "w1");
	netlab_run("ip addr add 10.0.0.1/24 dev v0; ip addr add 10.0.1.1/24 dev v1;"
		   "ip addr add 2001:db8::1/64 dev v0 nodad; ip addr add 2001:db8:1::1/64 dev v1 "
		   "nodad");
	host = fake_host_new("rtnl");
	if (event_buffer)
		fake_host_set_int(host, "event-buffer", event_buffer, ANOD_UNIT_BYTES);
	cr_assert_eq(fake_host_start(host), 0, "%s", fake_host_log(host));
	cr_assert(fake_host_wait(host, all_in_sync, NULL, WAIT_MS));
}

static void stop(void)
{
	if (host)
		host = fake_host_free(host);
}

static char difference[1024];

static bool differ(const char *what, const struct anod_object *is, const struct anod_object *have)
{
	char a[400], b[400] = "nothing";

	anod_object_text(is, a, sizeof(a));
	if (have)
		anod_object_text(have, b, sizeof(b));
	(void) snprintf(difference, sizeof(difference), "%s: kernel: %s; sensor: %s", what, a, b);
	return false;
}

/* The sensor leaves out what the kernel keeps for group addresses. */
static bool is_group(const struct anod_object *o)
{
	if (o->type == ANOD_OBJ_NEIGH)
		return o->u.neigh.state & NUD_NOARP;
	return o->type == ANOD_OBJ_ROUTE &&
	       (o->u.route.type == RTN_BROADCAST || o->u.route.type == RTN_MULTICAST);
}

/* What the sensor should have, twins as one. */
static bool same_of_type(struct fake_host *h, enum anod_obj_type t)
{
	static struct anod_object all[ROUTES_MAX];
	unsigned n = netlab_dump(t, all, ROUTES_MAX), wanted = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct anod_object *o = &all[i], *have = fake_host_object(h, o);
		bool twin_before = i > 0 && anod_object_same_key(o, o - 1);
		bool twin_after = i + 1 < n && anod_object_same_key(o, o + 1);

		if (is_group(o))
			continue;
		if (!have)
			return differ("missing", o, NULL);
		if (twin_before)
			continue;
		wanted++;
		if (twin_after)
			continue;
		/* States of neighbours run on by themselves. */
		if (t != ANOD_OBJ_NEIGH && memcmp(have, o, sizeof(*o)) != 0)
			return differ("different", o, have);
	}
	(void) snprintf(difference, sizeof(difference), "type %d: %u instead of %u", (int) t,
			fake_host_objects(h, t), wanted);
	return wanted == fake_host_objects(h, t);
}

static bool same_as_the_kernel(struct fake_host *h, void *data)
{
	(void) data;
	for (enum anod_obj_type t = ANOD_OBJ_LINK; t <= ANOD_OBJ_QDISC; t++)
		if (!same_of_type(h, t))
			return false;
	return true;
}

static void expect_same(const char *when)
{
	cr_assert(fake_host_wait(host, same_as_the_kernel, NULL, WAIT_MS), "not the same %s: %s",
		  when, difference);
}

struct fact {
	const char *kind, *name, *attr;
	struct anod_value v;
};

static bool fact_is(struct fake_host *h, void *data)
{
	const struct fact *f = data;
	const struct anod_value *v = fake_host_fact(h, f->kind, f->name, f->attr);

	return v && v->type == f->v.type && memcmp(&v->u, &f->v.u, sizeof(v->u)) == 0;
}

static void expect_int(const char *kind, const char *name, const char *attr, int type, int64_t i)
{
	struct fact f = { kind, name, attr, { .type = (uint8_t) type, .u.i = i } };

	cr_assert(fake_host_wait(host, fact_is, &f, WAIT_MS), "%s/%s.%s", kind, name, attr);
}

static void expect_text(const char *kind, const char *name, const char *attr, const char *text)
{
	struct fact f = { kind, name, attr, { .type = ANOD_TEXT } };

	strcpy(f.v.u.text, text);
	cr_assert(fake_host_wait(host, fact_is, &f, WAIT_MS), "%s/%s.%s", kind, name, attr);
}

static bool fact_gone(struct fake_host *h, void *data)
{
	const struct fact *f = data;

	return !fake_host_fact(h, f->kind, f->name, f->attr);
}

static void expect_gone(const char *kind, const char *name, const char *attr)
{
	struct fact f = { kind, name, attr, { 0 } };

	cr_assert(fake_host_wait(host, fact_gone, &f, WAIT_MS), "%s/%s is still there", kind, name);
}

TestSuite(rtnl_sensor, .fini = stop, .timeout = 60);

Test(rtnl_sensor, publishes_what_is_there_and_what_changes)
{
	start(0);
	expect_same("at the start");
	expect_int("link", "v0", "ifindex", ANOD_INT, netlab_ifindex("v0"));
	expect_int("link", "v0", "carrier", ANOD_BOOL, 1);
	expect_int("link", "v0", "mtu", ANOD_INT, 1500);
	expect_text("link", "v0", "operstate", "up");
	expect_text("link", "v0", "kind", "veth");
	expect_text("link", "v0", "master", "");
	expect_text("addr", "v0/10.0.0.1/24", "dev", "v0");
	expect_int("rule", "32766/inet/0", "table", ANOD_INT, RT_TABLE_MAIN);
	cr_expect_eq(fake_host_lost(host, ANOD_OBJ_ROUTE), 0);

	netlab_run("ip link add br0 type bridge && ip link set v1 master br0 && "
		   "ip link set v0 mtu 1400 alias 'to the north'");
	expect_text("link", "v1", "master", "br0");
	expect_int("link", "v0", "mtu", ANOD_INT, 1400);
	expect_text("link", "v0", "alias", "to the north");
	netlab_run("ip link set w0 down");
	expect_int("link", "v0", "carrier", ANOD_BOOL, 0);
	netlab_run("ip link set w0 up");
	expect_int("link", "v0", "carrier", ANOD_BOOL, 1);

	netlab_run("ip route add default via 10.0.0.2 metric 5; ip route add 192.0.2.0/24 via "
		   "10.0.0.2 proto 173; ip route add 198.51.100.0/24 via 10.0.0.2");
	expect_text("route", "main/0.0.0.0/0/5", "dev", "v0");
	expect_int("route", "main/192.0.2.0/24/0", "protocol", ANOD_INT, ANOD_RTPROT);
	expect_gone("route", "main/198.51.100.0/24/0", "dev");
	netlab_run("ip route change 192.0.2.0/24 via 10.0.0.2 proto static");
	expect_gone("route", "main/192.0.2.0/24/0", "dev");
	netlab_run("ip route del default");
	expect_gone("route", "main/0.0.0.0/0/5", "dev");

	netlab_run("ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0");
	expect_text("neigh", "v0/10.0.0.9", "state", "permanent");
	netlab_run("ip neigh del 10.0.0.9 dev v0");
	expect_gone("neigh", "v0/10.0.0.9", "state");

	netlab_run("ip nexthop add id 7 via 10.0.0.2 dev v0; ip nexthop add id 8 group 7");
	expect_text("nexthop", "7", "dev", "v0");
	expect_int("nexthop", "8", "members", ANOD_INT, 1);
	netlab_run("ip nexthop del id 7");
	expect_gone("nexthop", "7", "dev");
	expect_gone("nexthop", "8", "members");

	netlab_run("ip rule add prio 100 from 10.1.0.0/16 table 100;"
		   "ip rule add prio 100 from 10.2.0.0/16 table 101");
	expect_int("rule", "100/inet/1", "table", ANOD_INT, 101);
	netlab_run("ip rule del prio 100 from 10.1.0.0/16");
	expect_int("rule", "100/inet/0", "table", ANOD_INT, 101);
	expect_gone("rule", "100/inet/1", "table");
	expect_same("in the end");
}

Test(rtnl_sensor, sees_routes_go_that_the_kernel_removes_silently)
{
	struct anod_object key = { .type = ANOD_OBJ_ROUTE };

	start(0);
	key.u.route.dst = netlab_address("192.0.2.0/24");
	key.u.route.table = RT_TABLE_MAIN;
	netlab_run("ip route add 192.0.2.0/24 via 10.0.0.2");
	expect_same("with the route");
	cr_assert(fake_host_object(host, &key));
	netlab_run("ip link set v0 down");
	expect_same("after link down");
	cr_assert(!fake_host_object(host, &key));

	netlab_run("ip link set v0 up; ip nexthop add id 7 via 10.0.0.2 dev v0;"
		   "ip route add 192.0.2.0/24 nhid 7");
	expect_same("with a next-hop object");
	cr_assert(fake_host_object(host, &key));
	netlab_run("ip nexthop del id 7");
	expect_same("after the next hop went");
	cr_assert(!fake_host_object(host, &key));

	netlab_run("sysctl -qw net.ipv4.nexthop_compat_mode=0; ip nexthop add id 7 via 2001:db8::2 "
		   "dev v1 onlink; ip -6 route add 2001:db8:9::/48 nhid 7");
	expect_same("with an IPv6 route");
	netlab_run("ip nexthop del id 7");
	expect_same("after the next hop of the IPv6 route went");
}

Test(rtnl_sensor, sees_next_hops_go_with_the_carrier_of_their_link)
{
	start(0);
	netlab_run("ip nexthop add id 7 via 10.0.0.2 dev v0; ip nexthop add id 8 via 2001:db8:1::2 "
		   "dev v1; ip nexthop add id 9 group 7; ip route add 192.0.2.0/24 nhid 7;"
		   "ip route add 192.0.2.128/25 nhid 9; ip -6 route add 2001:db8:9::/48 nhid 8");
	expect_same("with next hops");
	expect_int("nexthop", "9", "members", ANOD_INT, 1);
	netlab_run("ip link set w0 down");
	expect_gone("nexthop", "7", "dev");
	expect_gone("nexthop", "9", "members");
	expect_same("after the carrier was lost");
	netlab_run("ip link set v1 down");
	expect_gone("nexthop", "8", "dev");
	expect_same("after a link was set down");
}

Test(rtnl_sensor, keeps_what_is_left_of_routes_with_parts)
{
	struct anod_object key = { .type = ANOD_OBJ_ROUTE };
	const struct anod_object *o;

	start(0);
	key.u.route.dst = netlab_address("2001:db8:9::/48");
	key.u.route.table = RT_TABLE_MAIN;
	key.u.route.metric = 1024;
	netlab_run("ip -6 route add 2001:db8:9::/48 nexthop via 2001:db8::2 nexthop via "
		   "2001:db8:1::2");
	expect_same("with two legs");
	netlab_run("ip -6 route del 2001:db8:9::/48 via 2001:db8::2");
	expect_same("with one leg");
	o = fake_host_object(host, &key);
	cr_assert(o);
	cr_expect_eq(o->u.route.n_legs, 1);
	netlab_run("ip -6 route append 2001:db8:9::/48 via 2001:db8::3");
	expect_same("with two again");
	netlab_run("ip -6 route del 2001:db8:9::/48");
	expect_same("with none");

	/* fe80::/64 on each link is one key with many legs. */
	key.u.route.dst = netlab_address("fe80::/64");
	key.u.route.metric = 256;
	o = fake_host_object(host, &key);
	cr_assert(o);
	cr_expect(o->flags & ANOD_OBJ_LOSSY);
	cr_expect_eq(o->u.route.n_legs, 4);
	netlab_run("ip link set v0 down");
	expect_same("after link down");
	o = fake_host_object(host, &key);
	cr_assert(o);
	cr_expect_lt(o->u.route.n_legs, 4);

	/* The same connected prefix on two links. */
	netlab_run("ip link set v0 up; ip addr add 10.5.0.1/24 dev v0; ip addr add 10.5.0.2/24 dev "
		   "v1");
	key.u.route.dst = netlab_address("10.5.0.0/24");
	key.u.route.metric = 0;
	expect_same("with twins");
	cr_assert(fake_host_object(host, &key)->flags & ANOD_OBJ_LOSSY);
	netlab_run("ip addr del 10.5.0.1/24 dev v0");
	expect_same("with one twin");
	cr_assert(!(fake_host_object(host, &key)->flags & ANOD_OBJ_LOSSY));
}

static void storm(unsigned from, unsigned n, const char *verb)
{
	char path[] = "/tmp/anod-storm-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	cr_assert(f);
	for (unsigned i = from; i < from + n; i++)
		fprintf(f, "route %s 172.%u.%u.%u/32 via 10.0.%u.2\n", verb, 16 + (i >> 16),
			(i >> 8) & 255, i & 255, i & 1);
	fclose(f);
	netlab_run("ip -batch %s", path);
	(void) remove(path);
}

static bool lost_and_found(struct fake_host *h, void *data)
{
	return fake_host_lost(h, ANOD_OBJ_ROUTE) > *(unsigned *) data &&
	       fake_host_in_sync(h, ANOD_OBJ_ROUTE);
}

Test(rtnl_sensor, repairs_itself_after_lost_events)
{
	unsigned lost = 0;

	start(4096);
	storm(0, 3000, "add");
	cr_assert(fake_host_wait(host, lost_and_found, &lost, WAIT_MS), "nothing was lost");
	cr_expect(strstr(fake_host_log(host), "lost"));
	expect_same("after the first storm");

	lost = fake_host_lost(host, ANOD_OBJ_ROUTE);
	storm(1000, 2000, "del");
	cr_assert(fake_host_wait(host, lost_and_found, &lost, WAIT_MS), "nothing was lost");
	expect_same("after the second storm");

	/* Links too: their facts' names hang together. */
	lost = fake_host_lost(host, ANOD_OBJ_LINK);
	netlab_run("for i in $(seq 20); do ip link set v0 alias $i; ip link set v1 mtu $((1400+i));"
		   " done; ip link set v1 down; ip link set v1 name north; ip link set north up");
	expect_same("after a storm of links");
	cr_expect_gt(fake_host_lost(host, ANOD_OBJ_LINK), lost);
	expect_text("addr", "north/10.0.1.1/24", "dev", "north");
	expect_gone("addr", "v1/10.0.1.1/24", "dev");
	expect_gone("link", "v1", "mtu");
}

static bool turn(struct fake_host *h, void *data)
{
	unsigned *n = data;

	(void) h;
	return (*n)++ >= 20;
}

Test(rtnl_sensor, is_right_when_events_and_dumps_cross)
{
	start(0);
	/* Link changes make dumps run while routes come and go. */
	for (unsigned i = 0; i < 20; i++) {
		unsigned n = 0;

		netlab_run("ip link set w1 %s", i % 2 ? "up" : "down");
		storm(i * 100, 300, "replace");
		fake_host_wait(host, turn, &n, 1);
		storm(i * 100 + 50, 200, "del");
		netlab_run("ip link set v0 %s", i % 4 == 1 ? "down; ip link set v0 up" : "up");
	}
	netlab_run("ip link set w1 up");
	expect_same("in the end");
	cr_expect_eq(fake_host_lost(host, ANOD_OBJ_ROUTE), 0);
}

Test(rtnl_sensor, follows_links_that_are_renamed_and_removed)
{
	start(0);
	netlab_run("ip route add default via 10.0.0.2; ip neigh add 10.0.0.9 lladdr "
		   "02:00:00:00:00:09 dev v0");
	expect_text("route", "main/0.0.0.0/0/0", "dev", "v0");
	expect_text("neigh", "v0/10.0.0.9", "dev", "v0");
	netlab_run("ip link set v0 name north"); /* a link may be renamed while it is up */
	expect_text("addr", "north/10.0.0.1/24", "dev", "north");
	expect_text("neigh", "north/10.0.0.9", "dev", "north");
	expect_text("route", "main/0.0.0.0/0/0", "dev", "north");
	expect_gone("link", "v0", "mtu");
	expect_gone("addr", "v0/10.0.0.1/24", "dev");
	netlab_run("ip link del north");
	expect_gone("link", "north", "mtu");
	expect_gone("addr", "north/10.0.0.1/24", "dev");
	expect_gone("neigh", "north/10.0.0.9", "dev");
	expect_same("in the end");
	cr_expect_eq(fake_host_entities(host, "link"), fake_host_objects(host, ANOD_OBJ_LINK));
}

/* ---- names and numbers ------------------------------------------------------------------------ */

static uint32_t handle(const char *name)
{
	return fake_host_handle(host, "link", name);
}

static int64_t link_int(const char *name, const char *attr)
{
	const struct anod_value *v = fake_host_fact(host, "link", name, attr);

	return v && v->type == ANOD_INT ? v->u.i : -1;
}

/* Each name has the number that the kernel gives it. */
static bool names_right(struct fake_host *h, void *data)
{
	const char *const *name = data;

	if (!all_in_sync(h, NULL))
		return false;
	for (; *name; name++)
		if (link_int(*name, "ifindex") != (int64_t) netlab_ifindex(*name))
			return false;
	return true;
}

/* Others keep the handle of a link instead of its name (plugins/counters). */
static void swap_names(int64_t event_buffer, bool lose)
{
	static const char *names[] = { "v0", "v1", "w0", "w1", NULL };
	uint32_t v0, v1;

	start(event_buffer);
	v0 = handle("v0");
	v1 = handle("v1");
	cr_assert(v0 && v1);
	for (unsigned i = 0; lose && i < 20; i++)
		netlab_run("ip link set w0 mtu %u; ip link set w1 mtu %u", 1400 + i, 1400 + i);
	netlab_run("ip link set v0 name x; ip link set v1 name v0; ip link set x name v1");
	for (unsigned i = 0; lose && i < 20; i++)
		netlab_run("ip link set w0 mtu %u; ip link set w1 mtu %u", 1300 + i, 1300 + i);
	cr_assert(fake_host_wait(host, names_right, names, WAIT_MS));
	cr_expect_eq(fake_host_lost(host, ANOD_OBJ_LINK) > 0, lose);
	cr_expect_eq(fake_host_health(host, ANOD_HEALTH_OVERRUN) > 0, lose);
	cr_expect(handle("v0") != v0 && handle("v0") != v1 && handle("v1") != v0 &&
			  handle("v1") != v1,
		  "an entity changed its number");
}

Test(rtnl_sensor, an_entity_keeps_its_number_when_names_are_swapped)
{
	swap_names(0, false);
}

Test(rtnl_sensor, an_entity_keeps_its_number_when_the_swap_was_lost)
{
	swap_names(8192, true);
}

Test(rtnl_sensor, an_entity_keeps_its_number_when_a_link_is_made_anew)
{
	static const char *names[] = { "v0", "v1", "w0", "w1", NULL };
	uint32_t v0;

	start(0);
	v0 = handle("v0");
	for (unsigned i = 0; i < 10; i++)
		netlab_run("ip link del v0; ip link add v0 type veth peer name w0; "
			   "ip link set v0 up; ip link set w0 up");
	cr_assert(fake_host_wait(host, names_right, names, WAIT_MS));
	cr_expect_neq(handle("v0"), v0);
}

static bool carrier_is_known(struct fake_host *h, void *data)
{
	(void) h, (void) data;
	return link_int("v0", "carrier_down") >= 8;
}

/* Up and down faster than anybody reads: the kernel counts, and tells of the last one. */
Test(rtnl_sensor, carrier_changes_without_an_event_are_counted)
{
	int64_t down, up, missed;

	start(8192);
	cr_expect_eq(link_int("v0", "carrier_changes_missed"), 0);
	down = link_int("v0", "carrier_down");
	up = link_int("v0", "carrier_up");
	for (unsigned i = 0; i < 8; i++)
		netlab_run("ip link set w0 down; ip link set w0 up");
	cr_assert(fake_host_wait(host, carrier_is_known, NULL, WAIT_MS));
	cr_assert(fake_host_wait(host, all_in_sync, NULL, WAIT_MS));
	missed = link_int("v0", "carrier_changes_missed");
	cr_expect_leq(missed,
		      link_int("v0", "carrier_down") - down + (link_int("v0", "carrier_up") - up));
	cr_expect_eq((uint64_t) missed > 0, fake_host_lost(host, ANOD_OBJ_LINK) > 0, "missed %lld",
		     (long long) missed);
	cr_expect_geq(fake_host_health(host, ANOD_HEALTH_MISSED), (uint64_t) missed);
}

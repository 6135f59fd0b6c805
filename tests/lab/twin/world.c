/*
 * world - random configurations for the twin.
 *
 * Design.  Few addresses, so that prefixes overlap: destinations within 20.0.0.0/8 and
 * 2001:db8:a0::/43, links with 10.0.N.1/24 and 2001:db8:N::1/64.  Whatever the kernel refuses is
 * simply not there: the configuration is what is read back.
 */
#include "twin.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "facts/value.h"

/* The links that have addresses; the place + 1 is N. */
const char *const world_link_names[WORLD_LINKS] = { "e1", "e2", "e3", "e4", "br0", "t0" };

bool world_has_vrf, world_has_mpls;

struct anod_prefix world_address(const char *text)
{
	struct anod_prefix p;

	if (prefix_parse(text, &p) < 0)
		die("not an address: %s", text);
	return p;
}

struct anod_prefix world_addressf(const char *fmt, ...)
{
	char text[64];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return world_address(text);
}

uint32_t world_ifindex(const char *name)
{
	static struct {
		char name[ANOD_IFNAME_SIZE];
		uint32_t ifindex;
	} known[32];
	unsigned i = 0;

	for (; i < ARRAY_SIZE(known) - 1 && known[i].name[0]; i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].ifindex;
	known[i].ifindex = if_nametoindex(name);
	if (!known[i].ifindex)
		die("no link %s", name);
	(void) snprintf(known[i].name, sizeof(known[i].name), "%s", name);
	return known[i].ifindex;
}

const char *world_any_link(void)
{
	static const char *const all[] = { "e1", "e2", "e3", "e4", "e5", "br0", "t0" };

	return all[roll(ARRAY_SIZE(all))];
}

/* ---- links ------------------------------------------------------------------------------ */

static int run(const char *command)
{
	int r = system(command);

	return r;
}

static void must(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void must(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (run(command))
		die("failed: %s", command);
}

static void sysctl_set(const char *family, const char *link, const char *name, const char *value)
{
	char path[128];
	FILE *f;

	(void) snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, link, name);
	f = fopen(path, "w");
	if (!f || fputs(value, f) < 0 || fclose(f) != 0)
		die("cannot set %s: %s", path, strerror(errno));
}

void world_links(void)
{
	static const char *const scopes[] = { "all", "default" };

	for (unsigned i = 0; i < 2; i++) {
		sysctl_set("ipv4", scopes[i], "rp_filter", "0");
		sysctl_set("ipv4", scopes[i], "forwarding", "1");
		sysctl_set("ipv4", scopes[i], "ignore_routes_with_linkdown", "0");
		sysctl_set("ipv6", scopes[i], "forwarding", "1");
		sysctl_set("ipv6", scopes[i], "accept_dad", "0");
		sysctl_set("ipv6", scopes[i], "accept_ra", "0");
	}
	sysctl_set("ipv6", "default", "addr_gen_mode", "1"); /* no link-local address */
	must("ip link set lo up");
	for (unsigned i = 1; i <= VETHS; i++) {
		must("ip link add e%u type veth peer name p%u", i, i);
		must("sysctl -qw net.ipv6.conf.p%u.disable_ipv6=1", i);
	}
	must("ip link add br0 type bridge && ip link set e5 master br0");
	must("ip tuntap add t0 mode tun");
	world_has_vrf = run("ip link add vrf0 type vrf table 300 2>/dev/null") == 0;
	if (world_has_vrf)
		must("ip link set vrf0 up && ip link set e4 master vrf0");
	world_has_mpls = access("/proc/sys/net/mpls/platform_labels", W_OK) == 0;
}

struct anod_object world_address_of(unsigned link, bool v6)
{
	struct anod_object o = { .type = ANOD_OBJ_ADDR };

	o.u.addr.ifindex = world_ifindex(world_link_names[link]);
	o.u.addr.local = v6 ? world_addressf("2001:db8:%u::1", link + 1)
			    : world_addressf("10.0.%u.1", link + 1);
	o.u.addr.local.len = v6 ? 64 : 24;
	o.u.addr.flags = v6 ? IFA_F_NODAD : 0;
	return o;
}

static void links_up(void)
{
	static struct anod_object list[64];
	unsigned n = net_dump(ANOD_OBJ_LINK, list, ARRAY_SIZE(list));

	for (unsigned i = 0; i < n; i++) {
		struct anod_object up = list[i];

		up.u.link.flags |= IFF_UP;
		if (!(list[i].u.link.flags & IFF_UP))
			net_queue(ANOD_RTNL_SET, &up, &list[i]);
	}
	(void) net_flush();
	net_settle();
}

/* The kernel makes the route of a new IPv6 address a little later. */
static void await_v6(void)
{
	static struct anod_object list[OBJECTS_MAX];

	for (unsigned tries = 0; tries < 20000; tries++) {
		unsigned n = net_dump(ANOD_OBJ_ROUTE, list, OBJECTS_MAX), found = 0;

		for (unsigned i = 0; i < n; i++)
			found += list[i].u.route.type == RTN_LOCAL &&
				 list[i].u.route.dst.family == AF_INET6 &&
				 list[i].u.route.dst.len == 128 &&
				 list[i].u.route.leg[0].ifindex != world_ifindex("lo");
		if (found >= WORLD_LINKS)
			return;
		(void) usleep(100);
	}
	die("the routes of IPv6 addresses do not come");
}

static void remove_all(enum anod_obj_type type)
{
	static struct anod_object list[OBJECTS_MAX];
	unsigned n = net_dump(type, list, OBJECTS_MAX);

	for (unsigned i = n; i-- > 0;) {
		const struct anod_object *o = &list[i];

		if (type == ANOD_OBJ_ROUTE && o->u.route.protocol != RTPROT_STATIC)
			continue;
		if (type == ANOD_OBJ_RULE && o->u.rule.protocol != RTPROT_STATIC)
			continue;
		/* Groups come last. */
		net_queue(ANOD_RTNL_DEL, o, NULL);
	}
	(void) net_flush();
}

void world_fresh(void)
{
	static const char *const onoff[] = { "0", "1" };

	remove_all(ANOD_OBJ_ROUTE);
	remove_all(ANOD_OBJ_NEXTHOP);
	remove_all(ANOD_OBJ_RULE);
	links_up();
	for (unsigned i = 0; i < WORLD_LINKS; i++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			struct anod_object o = world_address_of(i, v6);

			net_queue(ANOD_RTNL_SET, &o, NULL);
		}
	(void) net_flush();
	for (unsigned i = 0; i < WORLD_LINKS; i++) {
		sysctl_set("ipv4", world_link_names[i], "ignore_routes_with_linkdown",
			   onoff[chance(20)]);
		sysctl_set("ipv6", world_link_names[i], "ignore_routes_with_linkdown",
			   onoff[chance(20)]);
	}
	await_v6();
}

/*
 * packets - random packets for the twin: of this host and from outside, aimed at its routes.
 */
#include "twin.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

/* ---- packets ---------------------------------------------------------------------------- */

static void make_transport(struct flow_key *k)
{
	static const uint16_t ports[] = { 22, 80, 443, 180 };

	if (chance(5))
		return; /* not known */
	k->ipproto = chance(45)			? IPPROTO_TCP
		     : chance(80)		? IPPROTO_UDP
		     : k->dst.family == AF_INET ? IPPROTO_ICMP
						: IPPROTO_ICMPV6;
	if (k->ipproto != IPPROTO_TCP && k->ipproto != IPPROTO_UDP)
		return;
	k->dport = chance(95) ? ports[roll(4)] : 0;
	k->sport = chance(90) ? (uint16_t) (4900 + roll(3) * 200) : 0;
}

static void make_origin(struct flow_key *k, bool v6)
{
	unsigned link = roll(WORLD_LINKS);

	if (chance(30)) { /* comes in */
		(void) snprintf(k->iif, sizeof(k->iif), "%s", world_link_names[link]);
		k->src = v6 ? world_addressf("2001:db8:ff::%u", 1 + roll(3))
			    : world_addressf("198.18.%u.%u", roll(4), 1 + roll(3));
		return;
	}
	if (chance(30))
		k->src = world_address_of(link, v6).u.addr.local;
	k->src.len = k->src.family ? v6 ? 128 : 32 : 0;
	if (chance(8))
		(void) snprintf(k->oif, sizeof(k->oif), "%s",
				world_has_vrf && chance(40) ? "vrf0"
							    : world_link_names[roll(WORLD_LINKS)]);
	k->user = chance(4) ? 0 : chance(60) ? 1 : 1000 + roll(3);
}

struct flow_key world_flow(const struct anod_object *routes, unsigned n_routes)
{
	struct flow_key k = { 0 };
	const struct anod_route *r = n_routes ? &routes[roll(n_routes)].u.route : NULL;
	bool v6 = r && chance(70) ? r->dst.family == AF_INET6 : chance(40);

	k.dst = world_target(v6);
	if (r && (r->dst.family == AF_INET6) == v6 && r->dst.len > 8 && chance(80) &&
	    r->table != RT_TABLE_LOCAL) {
		/* Within the prefix, or, sometimes, just outside. */
		unsigned bits = r->dst.len, max = v6 ? 128 : 32;

		for (unsigned i = 0; i < bits; i++) {
			uint8_t bit = (uint8_t) (0x80u >> i % 8);

			k.dst.addr[i / 8] =
				(uint8_t) ((k.dst.addr[i / 8] & ~bit) | (r->dst.addr[i / 8] & bit));
		}
		if (chance(10) && bits < max)
			k.dst.addr[(bits - 1) / 8] ^= (uint8_t) (0x80u >> (bits - 1) % 8);
	}
	make_origin(&k, v6);
	make_transport(&k);
	k.mark = chance(60) ? 0 : roll(4);
	k.tos = chance(85) ? 0 : chance(50) ? 0x10 : 0x08;
	return k;
}

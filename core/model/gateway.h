/*
 * gateway - do next hops lead anywhere?
 *
 * Pure.  Threads: one.
 */
#ifndef MODEL_GATEWAY_H
#define MODEL_GATEWAY_H

#include "model/model.h"

enum gateway_fault {
	GATEWAY_FINE = 0,
	GATEWAY_LOCAL,	     /* it is an address of this router */
	GATEWAY_UNREACHABLE, /* no route leads to it */
	GATEWAY_ELSEWHERE,   /* the route to it leaves by another link */
	GATEWAY_LOOP,	     /* the way to it leads through itself, or does not end in 8 steps */
};

/*
 * Where a packet for the gateway of 'leg' would go, in the route's table and then in main.  An
 * on-link leg, an IPv6 link-local gateway and one that is marked onlink are fine as they are: the
 * kernel asks for them on the leg's link without looking further.  A gateway that is itself behind a
 * gateway is followed, up to 8 deep.
 */
enum gateway_fault gateway_check(const struct overlay *o, uint32_t table,
				 const struct anod_leg *leg);
const char *gateway_fault_text(enum gateway_fault f);

struct gateway_bad {
	unsigned prefixes; /* whose packets meet it */
	enum gateway_fault fault;
	struct anod_leg leg;	   /* the first one found */
	struct anod_prefix prefix; /* that goes over it */
};

/* All usable legs of all unicast routes (any table but local).  0; -ENOMEM. */
int gateways_check(const struct overlay *before, const struct overlay *o, struct gateway_bad *ret);

/* State of the neighbour that a leg leads to, NUD_*; 0: nobody has asked for it, or no gateway. */
unsigned gateway_neigh(const struct overlay *o, const struct anod_leg *leg);

/* How packets that come in on a link are checked against the way back, RFC 3704: 0 not, 1 strict,
 * 2 loose; -1: not known. */
int link_rp_filter(const struct anod_link *l);

/* Bytes that fit through a path unfragmented: the least of link and route MTU of its legs; 0: no
 * way, UINT32_MAX: to this host. */
uint32_t path_mtu(const struct overlay *o, const struct flow_path *p);

#endif

/*
 * model - the network of this router as the kernel has it, ready for questions.
 *
 * Holds links, addresses, routes by table, rules, next-hop objects and neighbours, fed by the
 * rtnl sensor's objects, and what no route depends on: qdiscs, sysctls, peers of WireGuard and units,
 * fed by whoever reads them.  Answers what the kernel would do with a packet, and what it would do
 * after some changes (an overlay: edits on top, the base stays as it is).
 *
 * What the kernel does and the model follows: rules by priority; longest prefix, then tos, then
 * metric; a leg is usable when its link is up, has carrier and its RTNH_F_DEAD is not set; with
 * ignore_routes_with_linkdown off a route over a link without carrier still swallows packets
 * (architecture.md 10; we then say "blackhole", which is what the packet sees).
 *
 * Pure: no I/O, no clock.  Threads: one.  Errors: negative errno.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <anod/plugin.h>

#include "base/util.h"

struct model;
struct overlay; /* edits on top of a model; see below */

struct model *model_new(void);
struct model *model_free(struct model *m);
DEFINE_CLEANUP(struct model *, model_free);

/* Feed: insert or replace, or delete by key.  Deleting what is not there is 0. */
int model_put(struct model *m, const struct anod_object *o);
int model_del(struct model *m, const struct anod_object *o);
/* As store_sync(): LOST marks the type out of sync, BEGIN..DONE sweeps what was not named. */
int model_sync(struct model *m, enum anod_obj_type type, enum anod_sync what);
/* True when every type that says where packets go is in sync: the model may be believed. */
bool model_in_sync(const struct model *m);
/* The same of one type.  What nobody feeds (sysctls without a sensor for them) never is. */
bool model_type_in_sync(const struct model *m, enum anod_obj_type type);
/* Grows with every change. */
uint64_t model_generation(const struct model *m);

/* 0 or -ENOENT. */
int model_get(const struct model *m, const struct anod_object *key, struct anod_object *ret);
unsigned model_count(const struct model *m, enum anod_obj_type type);
/* Visit all objects of a type in no order; fn returns non-zero to stop, which is returned. */
int model_each(const struct model *m, enum anod_obj_type type,
	       int (*fn)(const struct anod_object *, void *), void *data);

/* An overlay is itself a view for anod_action_desc.plan(): later steps of a proposal see what
 * earlier ones did.  It borrows the model, which must not change meanwhile. */
struct overlay *overlay_new(const struct model *m);
struct overlay *overlay_free(struct overlay *o);
DEFINE_CLEANUP(struct overlay *, overlay_free);
const struct anod_view *overlay_view(const struct overlay *o);
/* Make a change: also what the kernel does by itself then (a link set down loses its IPv4 and
 * IPv6 routes, a deleted next hop loses the routes that use it). */
int overlay_apply(struct overlay *o, const struct anod_change *c);
int overlay_get(const struct overlay *o, const struct anod_object *key, struct anod_object *ret);
/* As model_each(), with the edits applied. */
int overlay_each(const struct overlay *o, enum anod_obj_type type,
		 int (*fn)(const struct anod_object *, void *), void *data);

/* The link or next hop as the overlay has it, or NULL.  Borrowed until the next change. */
const struct anod_link *overlay_link(const struct overlay *o, uint32_t ifindex);
const struct anod_nexthop *overlay_nexthop(const struct overlay *o, uint32_t id);
int overlay_ifindex(const struct overlay *o, const char *name); /* or -ENODEV */
/* ifindex of the link whose setting it is, or 0. */
uint32_t overlay_sysctl_link(const struct overlay *o, const struct anod_sysctl *s);

/* Where a packet goes. */
struct flow_key {
	struct anod_prefix dst; /* full length; or a label, as the dst of a route of AF_MPLS */
	struct anod_prefix src; /* family 0: none */
	uint32_t mark;
	char iif[ANOD_IFNAME_SIZE]; /* "": from this host */
	/* What is 0 or "" below is not known or not asked; a rule that asks for it and would apply
	 * otherwise makes the answer doubtful. */
	char oif[ANOD_IFNAME_SIZE]; /* socket bound to this link or VRF */
	uint8_t ipproto;	    /* IPPROTO_* */
	uint8_t tos;		    /* 0 is a tos like any other */
	uint16_t sport, dport;
	uint32_t user; /* uid of the sending socket, + 1; packets that come in are root's */
};
enum flow_fate {
	FLOW_FORWARDED = 1, /* at least one usable leg */
	FLOW_LOCAL,	    /* to this host */
	FLOW_BLACKHOLE,	    /* no route, blackhole route, or no usable leg */
	FLOW_PROHIBITED,    /* prohibit, unreachable, throw to nothing */
};
struct flow_path {
	enum flow_fate fate;
	struct anod_object route; /* the route that decided; type 0: none */
	uint32_t n_legs;	  /* usable ones */
	struct anod_leg leg[ANOD_LEGS_MAX];
	/* The kernel may answer otherwise, because it goes by something that is not known here:
	 *   a rule on the way asks for a port, protocol or user that the key does not tell, or has a
	 *   condition that objects do not hold, and would apply otherwise; it was passed over;
	 *   the route that decided is ANOD_OBJ_UNSURE;
	 *   a rule of IPv6 suppresses short prefixes and the route has a next-hop object: the kernel
	 *   takes the length of another route that uses the same object;
	 *   local and main may still be one table (no rule was ever added: FIB trie not unmerged)
	 *   and main has a longer prefix than the local route that decided. */
	bool doubt;
};
void overlay_lookup(const struct overlay *o, const struct flow_key *k, struct flow_path *ret);

/* True when packets pass: IFF_UP and carrier (which the kernel reports as 1 for devices that have
 * no such thing, as lo). */
bool link_usable(const struct anod_link *l);

#endif

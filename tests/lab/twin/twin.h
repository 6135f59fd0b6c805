/*
 * twin - the model beside the kernel: what the parts of the test program share.
 *
 * usage: twin CASES [SEED]
 *
 * A case is a random configuration, read back from the kernel, and one random change: look-ups of
 * random packets must end alike in the kernel and in the model, before and after the change.
 *
 * net.c speaks netlink, world.c, routes.c and packets.c make configurations and packets, act.c makes changes, compare.c asks both,
 * show.c prints a configuration as ip(8) would take it.  Failures of the set-up end the program.
 */
#ifndef TESTS_TWIN_H
#define TESTS_TWIN_H

#include <anod/rtnl.h>

#include "model/model.h"

#define VETHS	    5 /* e1..e5 with their peers p1..p5; e5 is a port of br0 */
#define OBJECTS_MAX 1024

/* ---- numbers ---------------------------------------------------------------------------- */

uint32_t roll(uint32_t n); /* 0 .. n - 1 */
void seed_set(uint64_t seed);
bool chance(uint32_t percent);

/* ---- net.c ------------------------------------------------------------------------------ */

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void net_open(void);
/* Collect a request; net_flush() sends all and counts refusals. */
void net_queue(enum anod_rtnl_verb verb, const struct anod_object *o,
	       const struct anod_object *from);
unsigned net_flush(void);
/* One request: 0 or the kernel's -errno. */
int net_do(enum anod_rtnl_verb verb, const struct anod_object *o, const struct anod_object *from);
/* What the sensor would have: twins merged, noise left out. */
unsigned net_dump(enum anod_obj_type type, struct anod_object *ret, unsigned max);
/* The same, addresses being all there. */
struct model *net_model(void);
/* Make the kernel do what it has put off about the carriers of all links. */
void net_settle(void);

struct answer {
	int error; /* -errno, or 0 and the route */
	struct anod_object route;
};
/* The route that decides; the leg that the kernel takes now. */
struct answer net_route(const struct flow_key *k);
struct answer net_way(const struct flow_key *k);
void net_forget_ways(void); /* those that IPv6 keeps */

/* ---- world.c, routes.c, packets.c ---------------------------------------------------------------------------- */

extern bool world_has_vrf, world_has_mpls;
#define WORLD_LINKS 6 /* those that have addresses; the place + 1 is N in 10.0.N.1 */
extern const char *const world_link_names[WORLD_LINKS];
struct anod_prefix world_address(const char *text);
struct anod_prefix world_addressf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
struct anod_object world_address_of(unsigned link, bool v6);
struct anod_prefix world_target(bool v6); /* somewhere to send packets to */
void world_links(void);			  /* once */
void world_fresh(void);			  /* all links up, all addresses, nothing else */
void world_populate(unsigned n_routes, unsigned n_rules);
struct anod_object world_route(void);
struct anod_object world_rule(void);
struct anod_object world_nexthop(uint32_t id);
struct anod_object world_group(uint32_t id);
/* A packet; 'm' gives routes to aim at. */
struct flow_key world_flow(const struct anod_object *routes, unsigned n_routes);
uint32_t world_ifindex(const char *name);
const char *world_any_link(void);

/* ---- act.c ------------------------------------------------------------------------------ */

/* A change done to both.  False: the kernel refused it, or there was nothing to change. */
bool act_random(struct overlay *o);
extern char act_text[512];

/* ---- compare.c, show.c ------------------------------------------------------------------ */

struct tally {
	unsigned long cases, refused, lookups, doubts, forwarded, local, dropped, differences;
};
/* False: they differ, and it has been said. */
bool compare(const struct overlay *o, const struct flow_key *k, const char *when, struct tally *t);
void show_model(const struct model *m);
const char *show_flow(const struct flow_key *k, char *buf, size_t size);

#endif

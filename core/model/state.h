/*
 * state - the insides of model and overlay, shared by the files of this folder only.
 */
#ifndef MODEL_STATE_H
#define MODEL_STATE_H

#include <netinet/in.h>

#include "model/model.h"
#include "model/otab.h"
#include "model/rtab.h"

struct objects {
	struct otab tab[ANOD_OBJ_TYPES]; /* by type; that of routes holds those of AF_MPLS */
	struct rtab routes;
};

/* A remembered answer of model_is_calm() (scene.h) and what it was found from. */
struct calm {
	uint64_t env_gen, ways_gen;
	bool known, calm;
};

/* Route tables of overlays that are gone, for the next ones; nobody else's memory, so a model and
 * its overlays may go in any order. */
#define SHELF_MAX 3 /* a what-if has two overlays; one more while it is looked at */
struct shelf {
	unsigned refs, n;
	struct rtab spare[SHELF_MAX];
};
struct shelf *shelf_unref(struct shelf *s);

struct candidate {
	struct anod_object route;
	uint8_t preference;
};

struct candidates { /* by preference, then by key; see horizon.h */
	struct candidate *at;
	unsigned n, max;
};

struct model {
	struct objects base;
	struct candidates candidates;
	uint64_t generation;
	struct {
		uint32_t mark;
		bool in_sync, sweeping;
	} type[ANOD_OBJ_TYPES];
	uint64_t env_gen;	   /* grows when a link or a next hop changes */
	struct calm *calm;	   /* owned */
	struct shelf *shelf;	   /* counted */
	struct rule_order **rules; /* owned; of overlays without edited rules; NULL: make it */
};

#define OVERLAY_LOST_MAX 64 /* links set down in one overlay; more: -ENOSPC */

struct overlay {
	struct anod_view view;
	const struct model *model; /* borrowed */
	struct shelf *shelf;	   /* counted */
	struct objects edit;	   /* on top; nodes marked 'gone' hide those of the model */
	/* What the kernel threw away by itself: the model's routes all of whose legs are on
	 * a link that went down meanwhile, or that use a deleted next hop, are gone. */
	unsigned n_lost_links;
	/* Links that lost their last IPv4 address: the same for IPv4, own addresses included. */
	unsigned n_lost4_links;
	struct otab lost_nh;
	/* After overlay_converge(): legs of daemons' routes that are dead though their link is
	 * usable; owned. */
	bool converged;
	struct anod_leg *dead_gateway;
	unsigned n_dead_gateways;
	struct rule_order *rules; /* in the kernel's order */
	bool own_rules;		  /* else the model's */
	uint32_t lost_link[OVERLAY_LOST_MAX];
	uint32_t lost4_link[OVERLAY_LOST_MAX];
};

struct rule_order {
	unsigned n;
	struct {
		const struct anod_rule *rule;
		uint32_t flags; /* ANOD_OBJ_* */
		uint64_t seq;	/* those of an overlay come after those of the model */
	} at[];
};

/* Does it live in the rtab? */
static inline bool is_ip_route(const struct anod_object *o)
{
	return o->type == ANOD_OBJ_ROUTE && o->u.route.dst.family != AF_MPLS;
}

void objects_init(struct objects *o);
void objects_done(struct objects *o);

/* Sort the rules again, after one was edited.  -ENOMEM. */
int overlay_order_rules(struct overlay *o);
/* What the kernel does by itself after 'was' has become what the overlay shows now. */
int overlay_link_changed(struct overlay *o, const struct anod_link *was);
int overlay_nexthop_gone(struct overlay *o, uint32_t id);
/* What follows for the carrier of the link itself, and then for other links. */
int overlay_own_carrier(struct overlay *o, const struct anod_link *was);
int overlay_links_follow(struct overlay *o, const struct anod_link *was);
/* The routes of an address that is new, or that is no more. */
int overlay_addr_routes(struct overlay *o, const struct anod_addr *a);
int overlay_addr_gone(struct overlay *o, const struct anod_addr *a);
/* A link has lost its last IPv4 address.  -ENOSPC. */
int overlay_no_ipv4(struct overlay *o, uint32_t ifindex);
bool overlay_has_ipv4(const struct overlay *o, uint32_t ifindex);
/* The table of the VRF that the link is, or is in; 0: none. */
uint32_t overlay_vrf_table(const struct overlay *o, uint32_t ifindex);
/* Of a converged overlay: the daemon takes the leg out, or the route back. */
bool overlay_leg_withdrawn(const struct overlay *o, const struct anod_leg *leg);
bool overlay_way_withdrawn(const struct overlay *o, const struct way *w);
/* The candidate with the legs that are alive in a converged overlay; false: none. */
bool overlay_candidate_lives(const struct overlay *o, const struct anod_object *candidate,
			     struct anod_object *ret);
/* A link had IPv4 addresses, and has none now. */
bool overlay_lost_ipv4(const struct overlay *o, uint32_t ifindex);
/* Edit without side effects. */
int overlay_edit(struct overlay *o, const struct anod_object *obj, bool gone);

/* A route with where its way lies: in the model's table or in that of the edits. */
struct route_ref {
	const struct rtab *tab;
	const struct route *route;
	bool unsure; /* ANOD_OBJ_UNSURE, of it or of one that was preferred for a while */
};

/* True when the overlay hides this route of the model: edited, deleted or lost. */
bool overlay_hides(const struct overlay *o, const struct route *r);
/* The same of everything but edits: the kernel threw the routes of this way away by itself. */
bool overlay_way_lost(const struct overlay *o, const struct way *w);
/* The first usable route of one destination that comes after 'after' (NULL: the first) in the
 * kernel's order; false: no more.  'base' and 'edit': the first of its chains in the model and in
 * the edits, or NULL. */
bool overlay_next_of(const struct overlay *o, const struct route *base, const struct route *edit,
		     const struct route *after, struct route_ref *ret);

/* Destinations of one table that contain 'dst', as the model and the edits have them together,
 * longest first; the default of length 0 is the last. */
struct both_covers {
	struct covers in[2];
	const struct route *next[2];
	const struct route *base, *edit; /* first routes of the one in turn; NULL: none there */
};
void overlay_covers(const struct overlay *o, uint32_t table, const struct anod_prefix *dst,
		    struct both_covers *ret);
bool overlay_next_cover(struct both_covers *c);

/* The legs of a way as the overlay has it: next-hop objects resolved.  Returns how many;
 * 'ret' has ANOD_LEGS_MAX places. */
unsigned overlay_legs(const struct overlay *o, const struct way *w, struct anod_leg *ret);

/* True for a next-hop object that is a blackhole, or a group of one alone. */
bool overlay_nexthop_drops(const struct overlay *o, uint32_t id);

enum leg_state {
	LEG_DEAD = 0,	/* link gone or set down: the kernel takes the next route instead */
	LEG_NO_CARRIER, /* the kernel still uses it, and packets vanish */
	LEG_USABLE,
};
/* 'family': of the packet.  'cut': links (n_cut of them) to be seen as gone. */
enum leg_state overlay_leg_state(const struct overlay *o, const struct anod_leg *leg,
				 uint8_t family, const uint32_t *cut, unsigned n_cut);

struct lookup { /* what a table is asked */
	struct anod_prefix dst;
	uint8_t tos;
	uint32_t oif;	     /* no other leg counts; 0: any */
	uint32_t wish;	     /* of IPv6: link that is preferred; 0: none */
	const uint32_t *cut; /* links to be seen as gone */
	unsigned n_cut;
};

enum way_answer {
	WAY_PASSES = 1, /* all legs are dead: the next route is asked */
	WAY_SPOILS,	/* so are they, and no route that begins at the same address is asked */
	WAY_THROWS,	/* the next table is asked */
	WAY_DECIDES,
};
/* What a way does with a packet, were it asked.  It goes by links and next hops alone, and of 'in'
 * not by the destination, but by its family.  Sets fate, n_legs and the usable legs; of 'ret'
 * nothing else. */
enum way_answer overlay_ask_way(const struct overlay *o, const struct way *w,
				const struct lookup *in, struct flow_path *ret);
/* Has it a leg, not dead, on the link that the packet would have best? */
bool overlay_way_wished(const struct overlay *o, const struct way *w, const struct lookup *in);
/* All routes of one destination in turn, see overlay_next_of(); *ret_at is the one that did not
 * pass. */
enum way_answer overlay_ask_chain(const struct overlay *o, const struct route *base,
				  const struct route *edit, const struct lookup *in,
				  struct flow_path *ret, struct route_ref *ret_at);
/* All destinations of a table that contain in->dst; the same.  Never WAY_SPOILS. */
enum way_answer overlay_ask_table(const struct overlay *o, uint32_t table, const struct lookup *in,
				  struct flow_path *ret, struct route_ref *ret_at);
/* One table: fate 0 when it has no route for it or a "throw" (which is in ret->route then).  Fills
 * route, legs and fate otherwise, and sets doubt where there is some; the rest stays. */
void overlay_lookup_in(const struct overlay *o, uint32_t table, const struct lookup *in,
		       struct flow_path *ret);
/* One table, destinations not longer than 'dst': fate 0 when it has no route for it or a
 * "throw".  Fills route, legs and fate otherwise. */
void overlay_lookup_table(const struct overlay *o, uint32_t table, const struct anod_prefix *dst,
			  const uint32_t *cut, unsigned n_cut, struct flow_path *ret);
/* What becomes of a label (AF_MPLS); the same as above. */
void overlay_lookup_label(const struct overlay *o, const struct lookup *in, struct flow_path *ret);
/* overlay_lookup() with some links gone. */
void overlay_lookup_without(const struct overlay *o, const struct flow_key *k, const uint32_t *cut,
			    unsigned n_cut, struct flow_path *ret);

#endif

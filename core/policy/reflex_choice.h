/*
 * reflex_choice - how the reflex of a permit is made ready on this router, and why so.
 *
 * In this order (docs/reflexes.md): the kernel is armed where the routes hang on next-hop groups,
 * or each of them has, or gets, a second route of higher metric, or a route can be moved to a
 * group of its own; routes of a routing daemon, and too many for one transaction, get the bridge;
 * a few others ready bytes.  Every action is allowed by the permit, else the next way is tried.
 *
 * The same model gives the same choice also when it is armed already: what a reflex has made is
 * anod's own, is named by the reflex's slot, and is asked for again.
 *
 * Pure.  Threads: one.  Errors: none; REFLEX_WAY_NONE and the reason.
 */
#ifndef POLICY_REFLEX_CHOICE_H
#define POLICY_REFLEX_CHOICE_H

#include "model/model.h"
#include "policy/config.h"

#define REFLEX_SLOTS 32

/* Ids of next hops that are a slot's own: of each family the primary, the standby, the group. */
#define REFLEX_NHID_FIRST 17301000
#define REFLEX_NHID(slot) (REFLEX_NHID_FIRST + (slot) *16u)

enum reflex_way {
	REFLEX_WAY_NONE = 0,
	REFLEX_WAY_GROUP,  /* the kernel: a standby member in a next-hop group */
	REFLEX_WAY_METRIC, /* the kernel: a second route, and a lost carrier counts */
	REFLEX_WAY_BRIDGE, /* a rule over a shadow table */
	REFLEX_WAY_READY,  /* messages in the guardian */
};

struct reflex_ask {
	const struct model *model;
	const struct config *config;
	const struct policy_rule *permit; /* its reflex is there */
	unsigned slot;			  /* of this reflex, 0 .. REFLEX_SLOTS - 1 */
};

struct reflex_choice {
	enum reflex_way way;
	char why[400];		/* why this way and no earlier one, or why none */
	char note[200];		/* what it does not cover; "" */
	uint32_t link, standby; /* ifindex; 0: none */
	unsigned routes;	/* in scope and over the link */
	unsigned n_actions;
	struct anod_action action[ANOD_ACTIONS_MAX];
	/* What puts the primary back when it has fired and the link is up again; none: nothing, the
	 * kernel does it itself or it is for the engineer. */
	unsigned n_back;
	struct anod_action back[ANOD_ACTIONS_MAX];
	bool covers[2];		/* IPv4, IPv6 */
	struct anod_leg leg[2]; /* where the standby leads, of each that it covers */
	uint32_t table;		/* of a bridge */
};

void reflex_choose(const struct reflex_ask *in, struct reflex_choice *ret);
/* Is the destination in its scope?  'data' is the struct reflex_ask. */
bool reflex_in_scope(const struct anod_prefix *dst, void *data);

#endif

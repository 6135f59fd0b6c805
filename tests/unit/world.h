/*
 * world - a small router in memory: links, routes, facts, a policy and proposals.
 *
 * For tests of model, what-if and policy.  The actions are those of the plugin act_rtnl, loaded from
 * the build folder; a test is skipped when it is not there.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "facts/watch.h"
#include "model/whatif.h"
#include "policy/decide.h"
#include "unit/dice.h"

#define WORLD_NOW_US UINT64_C(1000000000) /* boot time at the beginning: 1000 s */

struct world {
	struct schema *schema;
	struct store *store;
	struct watches *watches; /* NULL: no history */
	struct model *model;
	struct budgets *budgets;
	struct overrides *overrides; /* NULL: none */
	struct track *track;	     /* NULL: nothing is remembered */
	struct config *config;
	uint64_t now_us, wall_us;
	bool paused, out_of_sync;
	unsigned evidence;
	struct anod_change in_flight[4];
	uint64_t in_flight_tx[4]; /* all 0: all of one transaction */
	unsigned n_in_flight;
	uint32_t trigger; /* of a reflex; see struct whatif_in */
	bool ready;
	const struct anod_change *made;
	unsigned n_made;
	struct link_load load[8]; /* by ifindex */
	unsigned n_loads;
	struct anod_prefix approver[4];
	unsigned n_approvers;
	struct anod_proposal proposal;
	struct whatif *whatif; /* of the last world_decide() */
};

/* Rules local, main, default for both families; all types in sync; no links. */
void world_init(struct world *w);
void world_done(struct world *w);

/* A model with the default rules and nothing else, in sync. */
struct model *world_model(void);
struct anod_prefix world_prefix(const char *text);
struct anod_object world_link_object(uint32_t ifindex, const char *name, bool up, bool carrier);
/* Unicast; 'via' or 'ifindex' may be NULL or 0; protocol static. */
struct anod_object world_route_object(const char *dst, uint32_t table, uint32_t metric,
				      const char *via, uint32_t ifindex);
void world_add_leg(struct anod_object *route, const char *via, uint32_t ifindex, uint32_t weight);

/* Model and facts (admin_up, carrier, role). */
void world_link(struct world *w, uint32_t ifindex, const char *name, const char *role, bool up,
		bool carrier);
void world_route(struct world *w, const char *dst, uint32_t metric, const char *via,
		 uint32_t ifindex);
/* Publish a fact from its text form ("5%", "true", "unknown"). */
void world_fact(struct world *w, const char *kind, const char *entity, const char *attr,
		const char *value);

/* Load a policy; the agents uplink, arp and planner and the group noc exist.  Prints the errors and
 * fails the test when it does not load. */
void world_policy(struct world *w, const char *text);
bool world_policy_loads(struct world *w, const char *text);

/* Begin a proposal with one action; then its arguments. */
struct anod_action *world_propose(struct world *w, const char *kind);
struct anod_action *world_also(struct world *w, const char *kind);
void world_arg(struct anod_action *a, const char *name, const char *value);

/* The policy 'head' and one invariant with this body: the answer, and a part of its why. */
void world_expect_invariant(struct world *w, const char *head, const char *body, enum level level,
			    const char *why);
/* What would be decided for this agent; world keeps the what-if. */
struct decision *world_decide(struct world *w, const char *agent);
/* The level only. */
enum level world_level(struct world *w, const char *agent);

const struct anod_action_desc *world_find(const char *kind, void *data);

#endif

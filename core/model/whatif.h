/*
 * whatif - the effect of a proposal before it is made.
 *
 * Plans the actions on an overlay of the model together with all transactions in flight, and
 * measures what the invariants of a policy ask about: paths of protected flows, links that are
 * up, prefixes that lose their last usable leg, prefixes and traffic that move.  Every prefix of
 * the plan is measured, not only its end.
 *
 * Pure.  Errors: negative errno; '*ret_why' of a refused plan is in ret->error.
 */
#ifndef MODEL_WHATIF_H
#define MODEL_WHATIF_H

#include "model/model.h"

/* Finds the description of an action kind, or NULL; data is the caller's. */
typedef const struct anod_action_desc *action_find_fn(const char *kind, void *data);

struct whatif_in {
	const struct model *model;
	const struct anod_change *in_flight; /* of open transactions, by age */
	unsigned n_in_flight;
	const struct anod_action *action;
	unsigned n_actions;
	action_find_fn *find;
	void *find_data;
};

struct whatif {
	struct overlay *before; /* model + in flight */
	struct overlay *after;	/* + all actions */
	unsigned n_steps;	/* changes of all actions, in order */
	struct anod_change step[ANOD_ACTIONS_MAX * ANOD_CHANGES_MAX];
	unsigned step_action[ANOD_ACTIONS_MAX * ANOD_CHANGES_MAX]; /* index of its action */
	/* Destinations of unicast routes in any table but local.  Moved: the usable legs that
	 * their packets meet differ; new blackhole: they met one before and meet none now;
	 * mended: the reverse.  Moved and blackholes are the worst over all prefixes of the plan. */
	unsigned prefixes, moved_prefixes, new_blackholes, mended;
	uint64_t generation; /* of the model */
	char error[ANOD_REASON_SIZE];
};

/* -EINVAL: an action is not possible as asked, -ENOENT: unknown action kind; *ret is then set, too,
 * for its error.  -ENOMEM, -E2BIG: *ret is NULL. */
int whatif_run(const struct whatif_in *in, struct whatif **ret);
struct whatif *whatif_free(struct whatif *w);
DEFINE_CLEANUP(struct whatif *, whatif_free);

/* Links over which a flow is reachable, counting only paths that share no link: by removing
 * used links one after the other.  At most 'max'; a flow to this host itself has 'max'. */
unsigned whatif_disjoint_paths(const struct overlay *o, const struct flow_key *k, unsigned max);

/* True when the flow stays reachable whichever single link is lost: set down or gone, so that the
 * kernel drops its routes at once (while carrier alone is lost they swallow packets until somebody
 * acts); else *ret_link names one
 * (ANOD_IFNAME_SIZE) that cuts it. */
bool whatif_survives_one_link(const struct overlay *o, const struct flow_key *k, char *ret_link);

#endif

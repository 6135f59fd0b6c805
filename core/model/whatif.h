/*
 * whatif - the effect of a proposal before it is made.
 *
 * Plans the actions on an overlay of the model together with all transactions in flight, and holds
 * every state that the router may be in because of it: a *stage*.  An invariant is asked at each:
 *
 *   STAGE_END       all changes made, the kernel has done at once what it does (T+0)
 *   STAGE_STEP      only the first 'step' changes made
 *   STAGE_UNDO      undone down to change 'step', where that differs from the way there
 *   STAGE_FLIGHT    all changes made, but what is in flight (all of it, or transaction 'tx') undone
 *   STAGE_TRIGGER   what the proposal waits for has come (a reflex): first the changes and then the
 *                   trigger, or with 'ready' the other way round; the first 'step' changes made
 *   'settled'       the same when the routing daemons have reacted (T+conv, horizon.h)
 *
 * A plan of one change with nothing in flight has one stage (two when daemons react).
 *
 * Also what moves at each stage, in prefixes and, where loads are given, in traffic (load.h).
 *
 * Pure.  Errors: negative errno; '*ret_why' of a refused plan is in ret->error.
 * Memory: a whatif owns its stages; it borrows the model, which must not change meanwhile.
 */
#ifndef MODEL_WHATIF_H
#define MODEL_WHATIF_H

#include "model/load.h"
#include "model/model.h"

/* Finds the description of an action kind, or NULL; data is the caller's. */
typedef const struct anod_action_desc *action_find_fn(const char *kind, void *data);

/* What a reflex waits for, as the kernel has it then. */
enum trigger_kind {
	TRIGGER_CARRIER = 1, /* the link has lost its carrier */
	TRIGGER_DOWN,	     /* it has been set down */
};
#define TRIGGERS_MAX 2
const char *trigger_text(enum trigger_kind k); /* "has lost its carrier" */

struct whatif_in {
	const struct model *model;
	const struct anod_change *in_flight; /* of open transactions, by age */
	const uint64_t *in_flight_tx;	     /* whose each is; NULL: all of one */
	unsigned n_in_flight;
	const struct anod_action *action;
	unsigned n_actions;
	action_find_fn *find;
	void *find_data;
	/* Measured loads by ifindex, or none: then traffic is not predicted. */
	const struct link_load *load;
	unsigned n_loads;
	/* Of a reflex: the loss of this link, in both ways, is looked at, too, with the changes made
	 * and without.  0: none. */
	uint32_t trigger;
	bool ready; /* the changes are made when the trigger has come; else now */
	/* Changes that stand already, of a reflex that is judged again: 'before' is without them, and
	 * they are the plan in the place of 'action'. */
	const struct anod_change *made;
	unsigned n_made;
};

enum stage_kind { STAGE_END = 1, STAGE_STEP, STAGE_UNDO, STAGE_FLIGHT, STAGE_TRIGGER };

struct whatif_stage {
	enum stage_kind kind;
	bool settled;
	unsigned step; /* of STAGE_STEP: changes made; of STAGE_UNDO: the change undone last, 1.. */
	uint64_t tx;   /* of STAGE_FLIGHT: the one undone; 0: all */
	enum trigger_kind trigger; /* of STAGE_TRIGGER */
	const struct overlay *state;
	/* What it is compared with: the same without the proposal. */
	const struct overlay *ref;
	unsigned prefixes, moved, blackholes, mended; /* against 'ref' */
	const struct link_load *load;		      /* n_loads of them; NULL: not predicted */
	struct load_result traffic;
	struct overlay *owned, *owned_ref; /* of the two above, or NULL */
};

struct whatif_flight { /* an open transaction */
	uint64_t tx;
	unsigned n_links;
	bool more; /* it touches more links than that, or some that are not known */
	uint32_t link[ANOD_LEGS_MAX];
};

struct whatif {
	struct overlay *before;		/* model + in flight */
	struct overlay *after;		/* + all actions */
	struct overlay *before_settled; /* 'before' when daemons have reacted, or NULL */
	unsigned n_steps;		/* changes of all actions, in order */
	struct anod_change step[ANOD_ACTIONS_MAX * ANOD_CHANGES_MAX];
	unsigned step_action[ANOD_ACTIONS_MAX * ANOD_CHANGES_MAX]; /* index of its action */
	bool step_undo[ANOD_ACTIONS_MAX * ANOD_CHANGES_MAX];	   /* it has one */
	char trigger_link[ANOD_IFNAME_SIZE];			   /* "": no trigger */
	bool ready;						   /* as asked */
	unsigned n_stages;					   /* STAGE_END is the first */
	struct whatif_stage *stage;
	unsigned n_flights;
	struct whatif_flight *flight;
	struct whatif_flight own; /* what this proposal touches; tx 0 */
	/* Destinations of unicast routes in any table but local.  Moved: the usable legs that
	 * their packets meet differ; new blackhole: they met one before and meet none now;
	 * mended: the reverse, in the end or when the trigger has come.  Moved and blackholes are the worst over all stages of
	 * the way there. */
	unsigned prefixes, moved_prefixes, new_blackholes, mended;
	/* Traffic that moves, the worst likewise; 'moved_known' false: some of it is not measured,
	 * or loads were not given. */
	double moved_bps, lost_bps;
	bool moved_known;
	unsigned n_loads;
	const struct link_load *load_before; /* as given; owned */
	struct link_load *loads;	     /* owned */
	uint64_t generation;		     /* of the model */
	char error[ANOD_REASON_SIZE];
};

/* -EINVAL: an action is not possible as asked, -ENOENT: unknown action kind; *ret is then set, too,
 * for its error.  -ENOMEM, -E2BIG: *ret is NULL. */
int whatif_run(const struct whatif_in *in, struct whatif **ret);
struct whatif *whatif_free(struct whatif *w);
DEFINE_CLEANUP(struct whatif *, whatif_free);

/* Does it belong to the way there, so that it must hold, and not only be no worse than 'ref'? */
static inline bool stage_is_strict(const struct whatif_stage *s)
{
	return s->kind == STAGE_END || s->kind == STAGE_STEP || s->kind == STAGE_TRIGGER;
}

/* With all changes made: where it leads to? */
static inline bool stage_is_end(const struct whatif *w, const struct whatif_stage *s)
{
	return s->kind == STAGE_END || (s->kind == STAGE_TRIGGER && s->step == w->n_steps);
}

/* Links over which a flow is reachable, counting only paths that share no link: by removing
 * used links one after the other.  At most 'max'; a flow to this host itself has 'max'. */
unsigned whatif_disjoint_paths(const struct overlay *o, const struct flow_key *k, unsigned max);

/* True when the flow stays reachable whichever single link is lost: set down or gone, so that the
 * kernel drops its routes at once (while carrier alone is lost they swallow packets until somebody
 * acts); else *ret_link names one
 * (ANOD_IFNAME_SIZE) that cuts it. */
bool whatif_survives_one_link(const struct overlay *o, const struct flow_key *k, char *ret_link);

/* ---- links that fail together ------------------------------------------------------------ */

#define RISK_LINKS_MAX 256

/* Every link with the groups of it that fail together, made once per state.  Links of one device
 * (VLANs) share its fate; 'srlg' has bit i set when it is in the i-th group of the caller. */
struct risks {
	unsigned n;
	bool more; /* links than have room: what follows is not known */
	struct risk {
		uint32_t ifindex, root;
		uint64_t srlg;
	} link[RISK_LINKS_MAX];
};
/* 'srlg' (or NULL) tells the groups of a link by its name. */
void risks_init(struct risks *r, const struct overlay *o,
		uint64_t (*srlg)(const char *link, void *data), void *data);

/* As the two above, but what is lost is everything that shares a device with the link or, with
 * 'by_srlg', one of its groups (a link in none is a group of its own).  Nothing is known when
 * 'more' is set.  risks_survive_one() names what cuts the flow: a device in *ret_lost, or a group's
 * number + 1 in *ret_srlg; both 0: it is not reachable already.  Ways are counted by taking away
 * what was used, at most 'max'; where groups overlap there may be more than are found so. */
unsigned risks_disjoint_paths(const struct risks *r, const struct overlay *o,
			      const struct flow_key *k, bool by_srlg, unsigned max);
bool risks_survive_one(const struct risks *r, const struct overlay *o, const struct flow_key *k,
		       bool by_srlg, uint32_t *ret_lost, unsigned *ret_srlg);

#endif

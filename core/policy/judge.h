/*
 * judge - the insides of decide, shared by the files of this folder that make it up.
 *
 *   act.c        what an action is about: links, resource, foreign objects
 *   ask.c        the environment in which guards are evaluated
 *   index.c      which rules may name an agent and a kind of action
 *   guard*.c     their conditions made flat, and the facts that they ask, each read once
 *   match.c      does a rule apply: agent, action, on, during, when
 *   earn.c       what a permit gives by what was done under it before
 *   turn.c       what a transaction will leave in the track
 *   judge.c      minimum and maximum: the answer of section 2.1
 *   invariant.c  what must hold in the predicted state; its insides in invariant_int.h
 *   record.c     what was judged, kept for explanations
 *   decide*.c    the decision, its reasons, its charges, its JSON
 *   flip.c       what would change the answer
 *
 * Nothing here keeps state or allocates while judging.
 */
#ifndef POLICY_JUDGE_H
#define POLICY_JUDGE_H

#include "policy/budget.h"
#include "policy/damp.h"
#include "policy/decide.h"

#define ACT_LINKS_MAX	8
#define JUDGE_READS_MAX 16  /* facts named in one explanation */
#define JUDGE_TEXT_SIZE 512 /* one explanation */
#define JUDGE_SET_DEPTH 4   /* sets inside the conditions of sets; deeper is doubt */

/* ---- text ------------------------------------------------------------------------------- */

struct text { /* grows by text_add(), is cut at its end */
	size_t n;
	char b[JUDGE_TEXT_SIZE];
};
void text_add(struct text *t, const char *fmt, ...) _printf_(2, 3);
/* The same, behind "; " when something is there. */
void text_item(struct text *t, const char *fmt, ...) _printf_(2, 3);
/* "link.wan0.rx_loss 5% (age 2s)" for each fact that was read. */
void text_reads(struct text *t, const struct expr_trace *trace);
/* "1 of noc, oncall within 30m" */
void text_approval(struct text *t, const struct policy_rule *permit);

/* ---- what an action is about ------------------------------------------------------------ */

struct act {
	const struct anod_action *action;
	unsigned nth; /* in the proposal */
	/* Names of the links that it names, or else those of the object as it is. */
	unsigned n_links;
	bool links_known; /* false: it has some, but nobody knows which */
	char link[ACT_LINKS_MAX][ANOD_IFNAME_SIZE];
	char neigh[ANOD_NAME_SIZE], nexthop[ANOD_NAME_SIZE]; /* subjects; "": none */
	char resource[ANOD_NAME_SIZE];
	bool foreign; /* changes an object that is not anod's */
	int owner;    /* then: whose it is, RTPROT_* */
	bool undo;    /* ANOD_ACT_UNDO */
};
void act_init(struct act *a, const struct decide_in *in, unsigned nth);
const struct anod_value *act_arg(const struct act *a, const char *name); /* or NULL */
/* The links that the objects of the action are on as they are now: what it may leave. */
void act_left(struct act *a, const struct decide_in *in, unsigned nth);
/* Relative size of the step: weight or metric; false: not of such an action. */
bool act_step(const struct act *a, const struct decide_in *in, double *ret);

/* ---- asking ----------------------------------------------------------------------------- */

struct hypothesis { /* "if this fact were so" */
	uint16_t kind;
	int slot;
	char entity[ANOD_NAME_SIZE];
	struct anod_value value;
	uint64_t held_us; /* set while judging: it would have to be so for so long */
};

struct ask {
	const struct decide_in *in;
	const struct act *act;	     /* NULL for an invariant */
	struct hypothesis *hyp;	     /* or NULL */
	const struct overlay *state; /* link facts come from here; NULL: as measured */
	const char *link;	     /* the one of act->link that is asked about; or NULL */
	uint16_t entity_kind;	     /* 0, or inside a set: the candidate */
	const char *entity;
	unsigned depth;
	uint16_t kind_link, kind_path;
	struct expr_trace *trace; /* or NULL */
	/* What a fact was when the change began, for conditions to verify; NULL: unknown. */
	bool (*before)(const struct ask *q, const struct expr *fact, struct anod_value *ret);
	const void *before_data;
};
void ask_init(struct ask *q, const struct decide_in *in, const struct act *act,
	      struct hypothesis *hyp, struct expr_trace *trace);
enum anod_tri ask_truth(const struct ask *q, const struct expr *e);
void ask_value(const struct ask *q, const struct expr *e, struct anod_value *ret);
/* "formerly" and "reversals" for an environment whose data is the question; ask_history.c. */
enum anod_tri ask_formerly(const struct expr_env *env, const struct expr *node);
bool ask_reversals(const struct expr_env *env, uint64_t within_us, int64_t *ret_low,
		   int64_t *ret_high);
/* Is the entity in the set? */
enum anod_tri ask_member(const struct ask *q, const char *set, uint16_t kind, const char *entity);
enum anod_tri ask_prefix_in(const struct ask *q, const char *set, const struct anod_prefix *p);

/* ---- rules ------------------------------------------------------------------------------ */

/* Why a permit that is true does not count. */
enum hold {
	HOLD_NONE = 0,
	HOLD_FOREIGN, /* the object is somebody else's, the permit does not say "foreign objects" */
	HOLD_BUDGET,
	HOLD_COOLDOWN,
};

struct answer;

struct judged {
	struct policy_rule *rule; /* borrowed */
	enum anod_tri truth;
	enum anod_tri on, during; /* parts of it, for the explanation */
	bool counted;
	bool remembered; /* a cap whose guard is false by now but that stays for its time */
	bool no_undo;	 /* auto was granted to what cannot be undone: approve is left */
	enum hold hold;
	int owner;	   /* of HOLD_FOREIGN: whose object it is, RTPROT_* */
	uint64_t until_us; /* of hold or remembered */
	enum level level;
	bool earns; /* the permit has "promote" or "demote"; then: */
	struct track_standing standing;
};

/* The level by what was earned, of a permit that is true.  earn.c. */
void earn_level(struct judged *j, const struct decide_in *in, const struct act *act);
/* "promoted to auto: 21 verified, none rolled back in 30d", "14 of 20 verified ..." */
void earn_say(const struct policy_rule *r, const struct track_standing *s, uint64_t now_us,
	      struct text *t);
/* Class of a resource ("link wan0"): role of its link, else its kind.  False and "": its role is
 * not known.  'ret' has ANOD_NAME_SIZE.  turn.c. */
bool class_of(const struct decide_in *in, const char *resource, char *ret);
/* Which way the nth action goes, by its planned steps. */
void turn_of(const struct whatif *w, unsigned nth, struct track_turn *ret);
/* Is something that the action is on damped?  Of several, the one that is for longest. */
void damp_action(const struct decide_in *in, const struct act *act, struct answer *ret);

/* Rules that may name this agent and kind of action: indices into p->rule, and the same flat. */
struct guards;
struct rule_list {
	struct guards *guards;
	unsigned users; /* pairs of agent and kind that have the same rules */
	unsigned n;
	unsigned at[];
};
/* Made by rules_index() or on first use, and kept in the policy; NULL: no memory. */
const struct rule_list *rules_for(struct policy *p, const char *agent, const char *kind);
struct room;
struct room *rules_room(struct policy *p); /* for a judgement without record; NULL: no memory */

/* Key under which a permit's cooldown or a cap's memory is kept. */
const char *cooldown_key(const struct policy_rule *r, const char *resource, const char *agent,
			 const char *group);
const char *cap_key(const struct policy_rule *r, const char *resource);

struct guard;
struct guard_views;
void judge_rule(struct guard_views *v, const struct guard *g, const struct decide_in *in,
		const struct act *act, struct judged *ret);
/* Why it is as it is; 'trace' as filled by guard_reads(). */
void judge_explain(const struct judged *j, const struct decide_in *in, const struct act *act,
		   const struct expr_trace *trace, struct text *ret);

/* ---- invariants ------------------------------------------------------------------------- */

struct invariant_result {
	enum anod_tri holds;
	const struct policy_require *failed; /* the first one; NULL: holds */
	const struct whatif_stage *stage;    /* where it fails first; NULL: holds */
	bool excused;			     /* it was broken before and nothing is worse */
	bool lifted;			     /* people have overridden it */
};
/* Judges all of the policy's; 'ret' and 'why' (or NULL) have p->n_invariants places.  True when
 * none stands in the way. */
bool invariants_judge(const struct decide_in *in, struct hypothesis *hyp,
		      struct invariant_result *ret, struct text *why);

/* ---- the answer ------------------------------------------------------------------------- */

struct answer {
	enum level level;
	struct policy_rule *permit;    /* best proven permit of the action that decided; or NULL */
	unsigned action;	       /* the one that decided */
	enum level granted;	       /* by that permit */
	struct policy_rule *bar;       /* the cap or forbid that decided; or NULL */
	enum level ceiling;	       /* of all caps and forbids */
	bool invariants_hold;	       /* set for the whole proposal only */
	struct policy_rule *held_back; /* best permit of level auto, while it is damped; or NULL */
	bool damped;		       /* then: */
	struct damp_state damp;
	char damp_resource[ANOD_NAME_SIZE];
};

/* All that a judgement looked at, for the explanation; see record.h. */
struct record;

/* 'ret_each' (or NULL) gets the answer for each action.  'hyp' may be NULL. */
int judge_all(const struct decide_in *in, const struct act *acts, struct hypothesis *hyp,
	      struct answer *ret, struct answer *ret_each);
/* The same, and all of it is kept in the record, with the invariants in words.  'acts' are made by
 * it. */
int judge_record(const struct decide_in *in, struct record *rec);

/* d->entry: what the proposal will leave in the track.  turn.c. */
int track_fill(const struct decide_in *in, const struct act *acts, const struct answer *each,
	       const struct answer *answer, struct decision *d);

/* malloc()ed, or NULL: nothing that one change would do. */
char *flip_find(const struct decide_in *in, const struct record *rec);

#endif

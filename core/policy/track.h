/*
 * track - what was done before and how it ended: earned autonomy, "formerly", "reversals".
 *
 * Every transaction that reaches INTENT leaves one entry for each action and each link that the
 * action is on: who, by which permit, which kind of action, on which class of resource, when it
 * was applied, and whether it was verified and kept, rolled back, superseded or stuck.  From them
 * the policy answers three questions:
 *
 *   promote    has this agent, with this permit, earned a higher level on this class of resource?
 *   formerly   was an action of this kind applied (here) within so long?
 *   reversals  how often has the direction of change of a resource turned round lately?
 *
 * A promotion is lost at the first rollback: outcomes before it count no more.  Only outcomes
 * that were judged by measurement count (a condition of the permit's own "verify", then
 * committed); approval by a person or the word of an agent or model never does.
 *
 * What is not known is never guessed: an entry whose time is not known exactly (the wall clock
 * went backwards over a reboot) is "vague" and counts against, not for; and after the loss of the
 * file the history before it is unknown (track_forget()).
 *
 * Pure: no I/O, times are given (boot time, negative: before the boot).  Nothing is allocated while
 * asking.  Serialised as ages, so that it survives a reboot.  Threads: one.
 */
#ifndef POLICY_TRACK_H
#define POLICY_TRACK_H

#include "policy/policy.h"

struct cJSON;
struct track;

#define TRACK_MAX                                                                                  \
	4096 /* outcomes remembered; the oldest goes first, and never a failure before a success */
#define TRACK_TX_MAX 64 /* entries of one transaction: actions times links */
#define TRACK_OLD_TX (UINT64_C(1) << 52)
#define TRACK_EVER   INT64_MIN /* of times: since ever */

enum outcome {
	OUTCOME_OPEN = 0, /* begun, not ended */
	OUTCOME_VERIFIED, /* kept */
	OUTCOME_ROLLED_BACK,
	OUTCOME_SUPERSEDED, /* somebody else's change, or a reboot: says nothing */
	OUTCOME_STUCK
};
const char *outcome_name(enum outcome o); /* "open", "verified", "rolled back" ... */

/*
 * The direction of a change, see track_turns() and docs/policy.md.  'key' names what is changed
 * (a link's admin state, a route, a metric ...); 0: nothing that has a direction.
 */
struct track_turn {
	uint32_t key;
	int32_t way;	   /* 1: there, up or more; -1: gone, down or less; 0: elsewhere */
	uint32_t from, to; /* what it was and became, as hashes */
};

struct track_entry {
	char agent[ANOD_NAME_SIZE], permit[ANOD_NAME_SIZE], action[ANOD_KIND_SIZE];
	char resource[ANOD_NAME_SIZE]; /* "link wan0" */
	/* Class of the resource: role of its link, else its kind; "": unknown, earns nothing. */
	char role[ANOD_NAME_SIZE];
	enum outcome outcome;
	bool audited;	      /* a condition of the permit is measured, not only read back */
	bool touched;	      /* only left by the change: counts for reversals alone */
	bool vague;	      /* times are the latest that they can be, and it may not have been */
	bool applied, undone; /* the kernel had it; it was taken back */
	uint64_t tx;	      /* TRACK_OLD_TX and more: of an older journal */
	unsigned nth;	      /* of the entries of its transaction */
	int64_t at_us;	      /* boot time of its outcome; of an open one, of its INTENT */
	int64_t applied_us, undone_us;
	struct track_turn turn;
};

struct track *track_new(void);
struct track *track_free(struct track *t);
DEFINE_CLEANUP(struct track *, track_free);

/* Add the entries of one transaction, begun or read from a file.  An open one with a number that
 * is there already is of a newer journal: the old ones get another.  -EINVAL: too many; -ENOMEM. */
int track_add(struct track *t, const struct track_entry *e, unsigned n);
/* The kernel has taken it; it was taken back; how it ended.  How many entries that were. */
unsigned track_applied(struct track *t, uint64_t tx, int64_t now_us);
unsigned track_undone(struct track *t, uint64_t tx, int64_t now_us);
unsigned track_end(struct track *t, uint64_t tx, enum outcome o, int64_t now_us);
/* Nothing was changed: as if it had never begun. */
unsigned track_drop(struct track *t, uint64_t tx);
/* Whether and when it took effect is not known. */
unsigned track_doubt(struct track *t, uint64_t tx);
/* Nothing is known of the time before. */
void track_forget(struct track *t, int64_t before_us);

unsigned track_count(const struct track *t);
const struct track_entry *track_nth(const struct track *t, unsigned n);	  /* oldest first */
const struct track_entry *track_find(const struct track *t, uint64_t tx); /* its first one */
int64_t track_known_since(const struct track *t); /* TRACK_EVER: nothing was lost */

/* What promotion says of a permit now. */
struct track_standing {
	/* Transactions that count for promotion: verified by measurement within the window, and
	 * after the last failure. */
	unsigned verified;
	unsigned failed;	  /* failures within the window */
	bool promoted, demoted;	  /* demoted has the last word */
	bool unknown;		  /* the history of the window is not known whole */
	bool has_failed;	  /* ever, as far as remembered; then: */
	int64_t failed_us;	  /* when the last one was */
	int64_t demoted_until_us; /* INT64_MAX: until it is earned back */
};
/*
 * 'role' "" is unknown: nothing is earned there.  Verified counts for this kind of action only;
 * a failure counts against the permit with any of its kinds.
 */
void track_standing(const struct track *t, const struct policy_rule *permit, const char *agent,
		    const char *action, const char *role, uint64_t now_us,
		    struct track_standing *ret);
/* The level that the permit gives with this standing. */
enum level track_level(const struct policy_rule *permit, const struct track_standing *s);

/* "promoted to auto: 21 verified, none rolled back in 30d", "14 of 20 verified ..."; earn.c. */
const char *standing_text(const struct policy_rule *permit, const struct track_standing *s,
			  uint64_t now_us, char *buf, size_t size);

/* Was such an action ("route.*" is a pattern) applied on the resource (NULL: any) in the last
 * 'within_us'?  Doubt: the history is not known so far back, or is vague. */
enum anod_tri track_formerly(const struct track *t, const char *action, const char *resource,
			     uint64_t within_us, uint64_t now_us);

/*
 * How often the direction of change of the resource turned round in the last 'within_us': at
 * least *ret_low and at most *ret_high times (INT64_MAX: the history is not known).  Every change
 * that was applied counts, and every undo as the change back.  A change turns round the one before
 * it of the same thing when it goes the other way (up after down, gone after there, less after
 * more) or leads back to what was before that one; both must lie in the window.
 */
void track_reversals(const struct track *t, const char *resource, uint64_t within_us,
		     uint64_t now_us, int64_t *ret_low, int64_t *ret_high);

/*
 * How often in a row the permit has acted again on the resource within 'probation_us' of having
 * taken its change back as planned ("recover when"), up to the one that is in force now.
 */
unsigned track_relapses(const struct track *t, const char *permit, const char *resource,
			uint64_t probation_us);

/* One entry as JSON with ages; and back, when that was written 'away_us' ago.  -EBADMSG. */
struct cJSON *track_entry_json(const struct track_entry *e, int64_t now_us);
int track_entry_read(const struct cJSON *o, int64_t now_us, uint64_t away_us,
		     struct track_entry *ret);

#endif

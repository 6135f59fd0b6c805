/*
 * txn - carries a nodded proposal out so that the router is always before or after, not between.
 *
 *   DECIDED -> WAITING (approval, window) -> PREPARING -> INTENT* -> ARMING -> APPLYING ->
 *   VERIFYING -> SOAK -> COMMIT* -> DISARMING -> DONE
 *   any state after INTENT -> ROLLBACK* -> UNDOING -> ROLLED_BACK | SUPERSEDED | STUCK
 *   before the first effect: ABORTED
 *   before INTENT: DENIED, EXPIRED, FAILED (nothing happened)         (* = durable)
 * With "undo after DUR" a transaction stays in COMMIT, without guardian and without its lease,
 * and goes to ROLLBACK when its time has come; an identical proposal renews it ("unless
 * renewed") if it would be auto now.  A crash in between changes nothing: the COMMIT record holds the time.
 *
 * A reflex is a transaction that is ready before its trigger.  Ready bytes: ... ARMING -> ARMED,
 * where nothing is applied; when it fires, it goes on with VERIFYING (APPLIED is recorded then).
 * The kernel armed: an ordinary transaction that stays in COMMIT until it is disarmed, which undoes
 * it, or has fired, which ends it.  While it is ARMED, or stays in COMMIT, it holds no lease.
 *
 * The engine decides and the ops act: journal, executor, guardian, facts and clock are behind
 * struct txn_ops, so the simulator crashes it at every step.  Every transition goes through one
 * function and is reported by on_change().
 *
 * Durable means: as safe as the effect itself.  The host lets a record of runtime state reach the
 * disk beside the loop (core/host/disk.c), because a reboot takes the effect as well.
 *
 * Rules (policy.md 5.1): INTENT durable before the guardian is armed before the first effect;
 * COMMIT durable before it is disarmed; effects are read back, never inferred; deadlines in boot
 * time; a failed fsync caps the engine to observe for good.
 */
#ifndef TXN_TXN_H
#define TXN_TXN_H

#include "policy/approval.h"
#include "policy/decide.h"
#include "txn/journal.h"
#include "txn/lease.h"

#define TXNS_MAX  64 /* open at once; further proposals wait in the agent */
#define TXNS_KEPT 32 /* ended ones that txns_get() still knows */

#define TXN_NO_US      (UINT64_C(600) * 1000000)
#define TXN_LOCK_US    (UINT64_C(60) * 1000000) /* what somebody else has changed is left alone */
#define TXN_LOCKS      64
#define TXN_PLANS_KEPT 8 /* former plans that a code may be told to be of */

enum txn_state {
	TXN_DECIDED = 1,
	TXN_WAITING,
	TXN_PREPARING,
	TXN_INTENT,
	TXN_ARMING,
	TXN_APPLYING,
	TXN_VERIFYING,
	TXN_SOAK,
	TXN_COMMIT,
	TXN_DISARMING,
	TXN_ROLLBACK,
	TXN_UNDOING,
	TXN_ARMED, /* a reflex that waits for its trigger */
	/* final */
	TXN_DONE = 32,
	TXN_ROLLED_BACK,
	TXN_SUPERSEDED,
	TXN_STUCK,
	TXN_ABORTED,
	TXN_DENIED,
	TXN_EXPIRED,
	TXN_FAILED,
	TXN_CLOSED_BY_REBOOT,
};
const char *txn_state_name(enum txn_state s);
bool txn_state_final(enum txn_state s);

enum reflex_kind {
	REFLEX_NONE = 0,
	REFLEX_KERNEL, /* the kernel switches by itself */
	REFLEX_BRIDGE, /* one rule over a shadow table */
	REFLEX_READY,  /* ready bytes in the guardian */
};
const char *reflex_kind_name(enum reflex_kind k); /* "kernel", "bridge", "ready" */

struct txn_reflex {
	enum reflex_kind kind; /* REFLEX_NONE: an ordinary transaction */
	struct guard_trigger trigger;
	/* Set when it fired, else 0; as the guardian told (GUARD_REFLEXED). */
	uint64_t seen_ns, sent_ns;
	uint32_t cause; /* enum guard_cause */
};

struct txn_tries { /* wrong codes of a person */
	char user[ANOD_NAME_SIZE];
	unsigned n;
};

struct txn { /* read by all, changed by the engine only */
	uint64_t id;
	enum txn_state state;
	char agent[ANOD_NAME_SIZE];
	uint64_t agent_ref; /* the caller's, for the verdict */
	uint64_t incident, finding;
	struct anod_proposal proposal;
	/* Owned.  Detached from its configuration when the transaction has ended. */
	struct decision *decision;
	unsigned n_steps;
	struct exec_step *step;			      /* owned; from PREPARED */
	uint64_t created_us, changed_us, deadline_us; /* deadline of the present state */
	uint64_t created_wall_us;
	/* What people sign: of the last decision of level approve.  Content, change and nonce are
	 * set by ops->decide, the hash by the engine. */
	struct plan plan;
	unsigned n_changes;
	struct anod_change *change;    /* owned; of the plan, by the what-if */
	uint8_t nonce[APPROVAL_NONCE]; /* random, made once; secret */
	uint32_t round;		       /* how often signatures were dropped */
	unsigned n_old_plans;
	struct plan old_plan[TXN_PLANS_KEPT]; /* newest first */
	unsigned n_approvals;		      /* all for 'plan' */
	char approver[APPROVERS_MAX][ANOD_NAME_SIZE];
	unsigned n_tries;
	struct txn_tries tries[APPROVERS_MAX];
	char why[EXEC_WHY_SIZE]; /* of the last change: one sentence */
	bool by_guardian;	 /* the undo was the guardian's */
	bool undo_was_due;	 /* "undo after" or the end of a reflex took it back, as planned */
	struct txn_reflex reflex;
	void *before; /* the host's snapshot for "before"; freed by ops->drop_before */
};

/* How it stands with the grants that a permit with a quorum needs (txn/peers.h). */
enum txn_grants {
	TXN_GRANTS_BUSY,    /* not asked for: our own part is taken; wait */
	TXN_GRANTS_ASKED,   /* wait for the answers */
	TXN_GRANTS_GIVEN,   /* by enough peers, for exactly this plan */
	TXN_GRANTS_REFUSED, /* it cannot be reached any more */
};

enum txn_verify { TXN_VERIFY_NO = 0, TXN_VERIFY_DOUBT = 1, TXN_VERIFY_YES = 2 };

/* What the engine needs from the world.  None may call back into the engine from inside. */
struct txn_ops {
	uint64_t (*now_us)(void *);
	uint64_t (*wall_us)(void *);
	const char *(*boot_id)(void *); /* clock_boot_id() */
	/* Of the model, as in struct decision: a decision of an older one is made again before
	 * INTENT.  NULL: always made again. */
	uint64_t (*generation)(void *);
	int (*journal)(void *, const struct journal_record *, bool sync);
	uint64_t (*next_tx)(void *);
	/* Take or give back the fence (txn/fence.h), around COMMIT.  -EAGAIN: the guardian is undoing
	 * it.  NULL: nobody else is there. */
	int (*fence)(void *, uint64_t tx, bool take);
	int (*exec)(void *, struct chan_head *msg, size_t size);  /* PREPARE, APPLY, CHECK, UNDO */
	int (*guard)(void *, struct chan_head *msg, size_t size); /* ARM, DISARM */
	/* The executor or the guardian does not answer: end it, its death is told as any other.
	 * Whatever it was sent and has not done, it must not do later.  0, or -errno: it cannot be
	 * ended.  May be NULL. */
	int (*hangs)(void *, bool guardian);
	/* Decide again on what is true now; replaces t->decision and, when the level is approve,
	 * t->plan.content and t->change. */
	int (*decide)(void *, struct txn *t);
	/* Add what it must hold beside decision->resource, by t->decision; of one that was found after
	 * a restart, which has none, by t->step.  NULL: nothing. */
	void (*lease)(void *, const struct txn *t, struct lease *l);
	/* Redundancy and evidence of one that has to wait for a lease (*ret is zeroed but for its
	 * id).  Not more often than once for a decision.  NULL: all are alike. */
	void (*rank)(void *, const struct txn *t, struct lease_rank *ret);
	/* The level that it would get now, and a mark of what that depends on; no words, no record.
	 * < 0: nobody can tell.  NULL: nobody looks. */
	int (*look)(void *, const char *agent, const struct anod_proposal *p, enum level *ret,
		    uint64_t *ret_mark);
	/* Charge budget and cooldown, once, right before INTENT, or when a reflex has fired; -EBUSY
	 * and one sentence. */
	int (*charge)(void *, struct txn *t, const char **ret_why);
	/* Would that charge be taken now?  When a reflex is armed, which is charged when it fires.
	 * NULL: yes. */
	int (*room)(void *, struct txn *t, const char **ret_why);
	/* For one that a hand-over has left: sets t->decision to a bare one, of level auto under the
	 * permit of this name as it is now, with what it charges.  -ENOENT: there is no such
	 * permit.  NULL: nothing goes on. */
	int (*recall)(void *, struct txn *t, const char *rule, const char *resource);
	/* Truth of the permit's verify and the proposal's own, on measured facts; YES where there
	 * is neither: every step has been read back by then.  t->decision is set. */
	enum txn_verify (*verify)(void *, const struct txn *t);
	/* What made it so, beside the verify expressions, or NULL; may be NULL itself. */
	const char *(*verify_why)(void *, const struct txn *t);
	/* Grants of the permit's quorum for t->plan, which have to last for hold_us from now on; with
	 * 'ask' they are asked for.  'why' gets one sentence.  NULL: there are no peers, and what
	 * needs them is denied. */
	enum txn_grants (*grants)(void *, const struct txn *t, uint64_t hold_us, bool ask,
				  char *why, size_t why_size);
	/* They are needed no longer.  'keep': they are not given back and run out. */
	void (*grants_end)(void *, const struct txn *t, bool keep);
	void (*snapshot_before)(void *, struct txn *t);
	void (*drop_before)(void *, struct txn *t); /* it has ended and on_change() has said so */
	/* The plan has changed: the signatures in t->approver count no more.  May be NULL. */
	void (*on_dropped)(void *, const struct txn *t, const char *why);
	/* A reflex has fired: t->reflex says when and why; its state changes afterwards.  May be
	 * NULL. */
	void (*on_reflex)(void *, const struct txn *t);
	/* Every transition, after it has been made. */
	void (*on_change)(void *, const struct txn *t, enum txn_state old);
};

struct brake;
struct policy_brake;
/* A resource that nobody may change: proposals about it are denied ("only observed"). */
struct txn_lock {
	char resource[ANOD_NAME_SIZE];
	uint64_t tx;	   /* that is STUCK, or SUPERSEDED */
	uint64_t until_us; /* UINT64_MAX: until a person says otherwise, or a reboot */
};

struct txns;
struct txns *txns_new(const struct txn_ops *ops, void *data);
struct txns *txns_free(struct txns *e);
DEFINE_CLEANUP(struct txns *, txns_free);

/*
 * One transaction at a time holds a key (lease.h), from PREPARING to its end; it takes all that it
 * needs or none.  Others WAIT for it, for executor or guardian, or for the end of a pause, at most
 * as long as for an approval, and lease_before() says who is next.
 */

/* A proposal comes in.  Always a transaction with an id, even when it is denied at once (then it
 * is final when this returns).  Identical proposals of one agent that are still open are one:
 * -EALREADY and *ret_id of the open one.  -EBUSY: TXNS_MAX; -EIO: the journal gives no number;
 * -EAGAIN: the brake does not hear it now, txns_brake_why(). */
int txns_propose(struct txns *e, const char *agent, uint64_t agent_ref, uint64_t incident,
		 const struct anod_proposal *p, uint64_t *ret_id);

/* A person is about to sign: decide on what is true now.  0: it asks for signatures, for t->plan;
 * -ENOENT: not open; -EINVAL: it does not (or no longer: it was denied, or goes on). */
int txns_review(struct txns *e, uint64_t id);
/* May he?  -EPERM: not in the group; -EALREADY: has signed this plan; -EACCES: too many wrong
 * codes; -ENOENT, -EINVAL as above. */
int txns_may_sign(const struct txns *e, uint64_t id, const char *user, bool in_group);
/* He gave a wrong code: how many more he may try; 0: he is locked out of this transaction. */
unsigned txns_wrong_code(struct txns *e, uint64_t id, const char *user);
/* He signs the plan of this hash.  -ESTALE: it is not the plan; else as txns_may_sign(). */
int txns_approve(struct txns *e, uint64_t id, const char *user, bool in_group,
		 const uint8_t hash[APPROVAL_HASH]);
/* A person's no.  -ENOENT; -EINVAL: it does not wait. */
int txns_deny(struct txns *e, uint64_t id, const char *user);
/* A person has denied it or rolled it back, and his word goes before the agent's: the same proposal
 * for the same finding is denied at once for TXN_NO_US, or until a pause ends (txns_pause()). */
void txns_person_no(struct txns *e, uint64_t id, const char *user);
/* Its proposer takes it back: EXPIRED while it waits; -EINVAL later, it then goes its way. */
int txns_withdraw(struct txns *e, uint64_t id, const char *why);
/* Roll back one that is verifying or soaking, or stands until "undo after", now.  -ENOENT,
 * -EINVAL: in another state. */
int txns_rollback(struct txns *e, uint64_t id, const char *why);
/* Confirm one that waits for "confirm by operator". */
int txns_confirm(struct txns *e, uint64_t id, const char *user);
/* The operator's brake: nothing new is applied; open ones before INTENT wait; those after it go
 * on to their end. */
void txns_pause(struct txns *e, bool paused);

/*
 * Arm a reflex: as txns_propose() for its first part.  The budget is charged when it fires; when
 * there is none left at that time, it is undone at once.  (What the kernel is armed with is charged
 * at INTENT, like any change.)  'r' needs kind and trigger.
 *
 * One that is armed is disarmed, ABORTED with the reason, when another transaction is about to
 * change the same resource or object, when the operator pauses, when the journal fails, and when a
 * read-back shows that somebody else has changed what it would change.
 */
int txns_arm(struct txns *e, const char *agent, const struct txn_reflex *r,
	     const struct anod_proposal *p, uint64_t *ret_id);
/* Decide anew on what is true now: 0: it stands; -EPERM and t->why: it would not be armed now.
 * Changes no state; what is ready is also read back, in the background.  -ENOENT; -EINVAL: not
 * armed. */
int txns_rejudge(struct txns *e, uint64_t id);
/* It is not wanted any more: what is ready, or about to be, is taken back; what the kernel was
 * armed with is undone, as planned.  -ENOENT; -EINVAL: in another state. */
int txns_disarm(struct txns *e, uint64_t id, const char *why);
/* The condition of "trigger when" has become true.  -ENOENT, -EINVAL: not armed. */
int txns_trigger(struct txns *e, uint64_t id);
/* Take back what has fired, or stays in COMMIT, as planned (the daemon has converged): it ends
 * ROLLED_BACK with undo_was_due.  -ENOENT; -EINVAL: in another state. */
int txns_finish(struct txns *e, uint64_t id, const char *why);
/* One that stays in COMMIT is DONE: the kernel itself has moved on from there, nothing is left to
 * undo.  -ENOENT; -EINVAL. */
int txns_settle(struct txns *e, uint64_t id, const char *why);
/* One found after a restart goes on under this trigger, as what 'p' proposes: the executor plans
 * that again, and when it finds something else, or the guardian holds another trigger, it is
 * disarmed.  'p' NULL: it stays, and cannot be judged again.  Nobody adopts it for a minute: it is
 * disarmed, too.  -ENOENT; -EINVAL: it has fired, or is no reflex. */
int txns_adopt(struct txns *e, uint64_t id, const struct guard_trigger *trigger,
	       const struct anod_proposal *p);

/* The storm brake (brake.h): its numbers, NULL: off, as after txns_new().  Who was denied is
 * heard again. */
void txns_brake(struct txns *e, const struct policy_brake *p);
/* One was applied before this start, at that boot time; oldest first. */
void txns_brake_used(struct txns *e, uint64_t at_us);
/* Too many are sick ("6 of 8 uplinks have findings ..."); NULL: they are well. */
void txns_sick(struct txns *e, const char *why);
const struct brake *txns_get_brake(const struct txns *e);
const char *txns_brake_why(const struct txns *e);

/* Another policy is in force: what has no INTENT yet is decided again before it goes on.  Those
 * behind it keep the terms that they were allowed on. */
void txns_policy_changed(struct txns *e);

/* Messages from the executor and the guardian; -EPROTO for one that fits no transaction.  A late
 * answer to one that has ended or moved on is ignored. */
int txns_on_exec(struct txns *e, const struct chan_head *msg);
int txns_on_guard(struct txns *e, const struct chan_head *msg);
/* The process died and a new one is there (true), or could not be had (false). */
void txns_exec_restarted(struct txns *e, bool there);
void txns_guard_restarted(struct txns *e, bool there);

/* Let time and facts work; returns the next deadline (US_INFINITY: none).  To be called then, after
 * every other function here, and when facts have changed. */
uint64_t txns_run(struct txns *e);

/* After a start: what the journal left open.  Compare-and-undo for this boot, CLOSED_BY_REBOOT
 * for an earlier one; 'fired' are the guardian's entries.  A transaction of "on crash hold" stays
 * in SOAK until somebody confirms it or its deadline comes.  How many were open, or -errno. */
struct guardian_entry;
int txns_recover(struct txns *e, const struct journal *j, const struct guardian_entry *fired,
		 unsigned n_fired);
/* The same when the guardian of the last run was handed over (GUARD_HANDOVER): what it still holds
 * goes on where it was, under the permit of the same name. */
int txns_take_over(struct txns *e, const struct journal *j, const struct guardian_entry *fired,
		   unsigned n_fired, const struct guard_held *held, unsigned n_held);
/* True while a recovery is not finished: no new transaction begins. */
bool txns_recovering(const struct txns *e);

/* Is one open that an earlier run began, under a rule that 'is' says yes to (NULL: any rule)? */
bool txns_leftover(const struct txns *e, bool (*is)(void *, const char *rule), void *data);

/* Changes of all transactions between INTENT and their end, for the what-if of others, with whose
 * each is (ret_tx may be NULL).  How many there are, also when 'max' is less. */
unsigned txns_in_flight(const struct txns *e, struct anod_change *ret, uint64_t *ret_tx,
			unsigned max);

/* A person has looked at what is locked.  -ENOENT: it is not. */
int txns_unlock(struct txns *e, const char *resource, const char *user);
const struct txn_lock *txns_lock(const struct txns *e, unsigned n); /* NULL: no more */

/* The journal has failed: every proposal is denied until a restart on a good disk. */
bool txns_capped(const struct txns *e);

/* Also the last TXNS_KEPT that ended. */
const struct txn *txns_get(const struct txns *e, uint64_t id);
const struct txn *txns_nth(const struct txns *e, unsigned n); /* open ones, oldest first */

#endif

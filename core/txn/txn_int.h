/*
 * txn_int - what the files of the engine share.
 *
 * txn.c holds the transactions and the one function that changes a state; txn_ask.c the way from
 * a proposal to PREPARE; txn_lease.c who holds what; txn_brake.c what is too much; txn_sign.c people;
 * txn_quorum.c peers; txn_flow.c INTENT to COMMIT; txn_reflex*.c what is ready before its trigger;
 * blame.c who goes back for what another one suffers; txn_undo.c the way back and all endings;
 * txn_lock.c what nobody may change; txn_msg.c messages; txn_recover.c what follows a death;
 * txn_take.c what a hand-over leaves.
 */
#ifndef TXN_TXN_INT_H
#define TXN_TXN_INT_H

#include "base/clock.h"
#include "txn/brake.h"
#include "txn/lease.h"
#include "txn/txn.h"

#define TXN_PREPARE_US	      (5 * US_PER_S) /* how long we wait for answers */
#define TXN_ARM_US	      (1 * US_PER_S)
#define TXN_APPLY_US	      (3 * US_PER_S)
#define TXN_CHECK_US	      (3 * US_PER_S)
#define TXN_UNDO_US	      (10 * US_PER_S)
#define TXN_DISARM_US	      (2 * US_PER_S)
#define TXN_WAIT_US	      (600 * US_PER_S)	 /* for approval or lease, unless the permit says */
#define TXN_VERIFY_DEFAULT_US (5 * US_PER_S)	 /* permits without "verify ... within" */
#define TXN_CHECK_EVERY_US    (3 * US_PER_S)	 /* read-back during SOAK */
#define TXN_POLL_US	      (200 * US_PER_MS)	 /* verify may change by age alone */
#define TXN_ASK_US	      (1000 * US_PER_MS) /* between two decisions about one that waits */
#define TXN_UNDO_RETRY_US     (500 * US_PER_MS)
#define TXN_UNDO_TRIES	      3
#define TXN_NOES	      16 /* that are remembered */
/* The guardian waits so much longer than the engine, so that the daemon acts first. */
#define TXN_MARGIN_US	 (5 * US_PER_S)
#define TXN_COMMIT_GAP	 (500 * US_PER_MS) /* no COMMIT so close to the guardian's deadline */
#define TXN_GUARD_MAX_US (24 * 3600 * US_PER_S)
#define TXN_BRIDGE_US	 (120 * US_PER_S) /* a bridge stands at most, unless the permit says */
#define TXN_ADOPT_US	 (60 * US_PER_S)  /* one of the last run waits for txns_adopt() */

/* The permit's obligations, copied with each decision: a reload may free the permit. */
struct terms {
	char rule[ANOD_NAME_SIZE];
	unsigned approvals;
	uint64_t wait_us, verify_us, confirm_us, undo_after_us;
	bool by_hand, unless_renewed, hold_on_crash, foreign;
	bool quorum; /* needs grants of peers */
	unsigned priority;
};

struct entry {
	struct txn t;
	struct terms terms;
	char resource[ANOD_NAME_SIZE];
	struct lease lease; /* of the last decision */
	struct lease_rank rank;
	bool ranked;	  /* 'rank' is of the last decision */
	uint64_t flights; /* lease_flights() at the last decision */
	bool asks;	  /* WAITING for signatures, not for a lease */
	bool polls;	  /* WAITING for grants */
	bool has_asked;	  /* peers for grants, which are to be given back */
	bool dropped;	  /* its signatures were for another plan; to be said */
	bool armed;	  /* the guardian may hold it */
	bool confirmed;	  /* by hand */
	bool finishing;	  /* the read-back under way decides about COMMIT */
	bool doomed;	  /* roll back as soon as APPLY has answered; t.why says why */
	bool closed;	  /* its terminal record is written */
	bool recovered;	  /* of a daemon that died: no proposal, no decision */
	bool taken;	  /* of the last run, and goes on */
	uint64_t wait_until_us;
	uint64_t asked_us; /* when it was last decided while it waits */
	uint64_t guard_us; /* the guardian's deadline, from INTENT on */
	uint64_t check_sent_us, next_check_us;
	uint64_t next_undo_us; /* US_INFINITY: an answer is awaited */
	unsigned n_undo;
	uint32_t arm_crc;
	/* Of reflexes. */
	bool fired;
	bool unread;	   /* VERIFYING: what has fired was not read back yet */
	bool leaving;	   /* DISARMING: may have fired; no terminal record yet */
	bool look_first;   /* ARMING: read back, then give it to the new guardian */
	bool odd;	   /* ARMED: a read-back showed it applied; its REFLEXED may be under way */
	bool watched;	   /* COMMIT: the guardian may watch the link */
	bool orphan;	   /* of the last run; waits for txns_adopt() */
	bool comparing;	   /* adopted: PREPARE is under way, to compare */
	uint32_t held_crc; /* of what a handed-over guardian holds */
	unsigned n_late;   /* answers to CHECK that are about the time before it fired */
	enum txn_state end;	  /* DISARMING: what comes then */
	bool ended_guardian;	  /* it did not answer and was ended */
	uint64_t applied_us;	  /* when the executor answered APPLY; 0: it has not */
	enum txn_state fired_as;  /* what the guardian has made of it; 0: not all was undone */
	enum txn_state untouched; /* the end when no step had to be undone; 0: ROLLED_BACK */
};

struct person_no { /* of a person; the next one takes the oldest place */
	uint8_t proposal[APPROVAL_HASH];
	char user[ANOD_NAME_SIZE];
	uint64_t tx, until_us; /* until_us 0: none */
};

struct txns {
	const struct txn_ops *ops;
	void *data;
	bool paused, capped, exec_there, guard_there;
	uint64_t last_id;
	struct brake brake;
	uint64_t
		brake_us; /* when the bucket has a token for one that waits; US_INFINITY: none does */
	char brake_why[EXEC_WHY_SIZE];
	uint64_t blamed; /* the last one that was rolled back for another, blame.c */
	unsigned n, n_alloc;
	struct entry **open; /* oldest first */
	unsigned kept_at;
	struct entry *kept[TXNS_KEPT];
	unsigned no_at;
	struct person_no no[TXN_NOES];
	struct txn_lock lock[TXN_LOCKS]; /* until_us 0: free */
};

/* txn.c */
struct entry *entry_new(struct txns *e, uint64_t id);
struct entry *entry_find(const struct txns *e, uint64_t id); /* open ones */
/* The one function that changes a state.  A final one leaves the list of open ones; the entry
 * stays readable until the caller returns to the loop. */
void entry_enter(struct txns *e, struct entry *x, enum txn_state s, uint64_t deadline_us,
		 const char *fmt, ...) _printf_(5, 6);
/* Append a record about 'x'; caps the engine when the journal has failed. */
int entry_record(struct txns *e, struct entry *x, enum journal_type type, uint64_t deadline_us,
		 const char *why, bool sync);
static inline uint64_t txns_now(const struct txns *e)
{
	return e->ops->now_us(e->data);
}
/* COMMIT is durable and the undo waits for its time, or nothing is applied: no lease, and nothing
 * that is under way. */
static inline bool entry_held(const struct entry *x)
{
	return x->t.state == TXN_COMMIT || x->t.state == TXN_ARMED;
}
/* The kernel itself is armed. */
static inline bool entry_kernel(const struct entry *x)
{
	return x->t.reflex.kind == REFLEX_KERNEL && x->t.state == TXN_COMMIT;
}
/* Applied by the guardian when its trigger comes, not by the executor. */
static inline bool entry_ready(const struct entry *x)
{
	return x->t.reflex.kind == REFLEX_READY || x->t.reflex.kind == REFLEX_BRIDGE;
}

/* txn_ask.c */
void ask_begin(struct txns *e, struct entry *x); /* on a decision that was just made */
void ask_again(struct txns *e, struct entry *x); /* decide anew, then ask_begin() */
/* May a change of 'x' begin now?  NULL, or why not. */
const char *ask_hindrance(struct txns *e, struct entry *x, char *buf, size_t size);
int ask_decide(struct txns *e, struct entry *x);
void ask_terms(struct entry *x); /* of its decision's permit */
void ask_wake(struct txns *e);	 /* something that WAITING ones wait for changed */

/* txn_lease.c */
/* Behind every decision: what 'x' has to hold for it. */
void lease_decided(struct txns *e, struct entry *x);
/* Who holds something of it, or goes before it; NULL: it is free. */
const char *lease_hindrance(const struct txns *e, struct entry *x, char *buf, size_t size);
/* A mark of the other transactions whose changes count in the what-if of 'x' now. */
uint64_t lease_flights(const struct txns *e, const struct entry *x);

/* txn_brake.c */
/* 0, or -EAGAIN and e->brake_why: this proposal is not heard now. */
int brake_hear(struct txns *e, const char *agent, const struct anod_proposal *p);
/* Behind the decision about a new one, or one that waited: it was denied, or was not. */
void brake_decided(struct txns *e, struct entry *x);
/* Too many are sick for what nobody has signed: why; or NULL. */
const char *brake_sickness(struct txns *e, const struct entry *x);
/* There is no token for it: why, and e->brake_us; or NULL. */
const char *brake_hindrance(struct txns *e, const struct entry *x, char *buf, size_t size);

/* blame.c */
/* What 'x' was verified by is false now.  True: another one is taken back for it, so that it has
 * to be looked at again; false: it is its own fault, or its time is over. */
bool blame_other(struct txns *e, struct entry *x, uint64_t now);

/* txn_sign.c */
/* Behind every decision: the plan's hash; signatures of another one are dropped. */
void sign_decided(struct txns *e, struct entry *x, const struct plan *before);
/* A person's no to the same proposal that still holds; or NULL. */
const struct person_no *sign_refused(const struct txns *e, const struct entry *x);
void sign_forget(struct txns *e);
/* Is what the executor has planned what was signed?  True also where nobody had to sign. */
bool sign_same_effect(const struct entry *x);

/* txn_quorum.c */
/* Are its grants there?  Asks for them and lets it wait; or denies it. */
bool quorum_ask(struct txns *e, struct entry *x);
/* Do they stand, for what comes from INTENT on? */
bool quorum_stands(struct txns *e, struct entry *x);
/* WAITING for them: is there something new, or has it not been decided for a while? */
bool quorum_wakes(struct txns *e, struct entry *x);
void quorum_end(struct txns *e, struct entry *x);
/* WAITING, or the same with another reason. */
void ask_wait(struct txns *e, struct entry *x, bool asks, const char *why);

/* txn_flow.c */
void flow_prepared(struct txns *e, struct entry *x, const struct exec_steps *m);
void flow_armed(struct txns *e, struct entry *x, uint32_t crc);
void flow_applied(struct txns *e, struct entry *x, const struct exec_result *m);
void flow_checked(struct txns *e, struct entry *x, const struct exec_result *m);
void flow_run(struct txns *e, struct entry *x, uint64_t now); /* VERIFYING, SOAK */
void flow_renew(struct txns *e, struct entry *x);
/* Record it; false: the journal failed after the first effect (C15), and it goes back. */
typedef int txn_pay(void *data, struct txn *t, const char **ret_why);
/* 'pay' for it (NULL: it is free) and make INTENT durable; false: it has ended instead. */
bool flow_intend(struct txns *e, struct entry *x, txn_pay *pay, uint64_t guard_us);
bool flow_note(struct txns *e, struct entry *x, enum journal_type type, const char *why);
bool flow_all_in(const uint32_t *state, unsigned n, enum step_state s);

/* txn_reflex.c */
uint64_t reflex_hold_us(const struct entry *x);	 /* how long the guardian holds what has fired */
uint64_t reflex_stand_us(const struct entry *x); /* how long a bridge stands at most; 0: none */
void reflex_intend(struct txns *e, struct entry *x);
void reflex_armed(struct txns *e, struct entry *x, uint32_t crc);
void reflex_fired(struct txns *e, struct entry *x, const struct guard_reflexed *m);
void reflex_checked(struct txns *e, struct entry *x, const struct exec_result *m);
void reflex_look(struct txns *e, struct entry *x); /* read back, in the background */
void reflex_read_back(struct txns *e, struct entry *x, uint64_t now); /* VERIFYING, unread */
void reflex_disarm(struct txns *e, struct entry *x, const char *why);
void reflex_disarm_all(struct txns *e, const char *why); /* the ARMED ones */
/* Nobody can say any more whether it has fired: compare and undo. */
void reflex_unsure(struct txns *e, struct entry *x, const char *why);
void reflex_watch(struct txns *e, struct entry *x);
/* Disarm those that would change what 'x' is about to change; true: it has to wait for that. */
bool reflex_clear(struct txns *e, struct entry *x);
void reflex_new_guardian(struct txns *e, struct entry *x);
void reflex_new_exec(struct txns *e, struct entry *x);

/* txn_lock.c */
void lock_ended(struct txns *e, const struct entry *x); /* in its final state */
bool lock_says_no(const struct txns *e, const struct entry *x, char *buf, size_t size);
int lock_recover(struct txns *e, const struct journal *j);

/* txn_take.c */
/* One that a handed-over guardian still holds goes on where the journal says; false: it has to be
 * undone. */
bool take_on(struct txns *e, struct entry *x, enum journal_type last, const struct guard_held *h);
void take_watch(struct txns *e, struct entry *x, const struct guard_held *h);
/* The terms of the permit of the same name now; false: there is none. */
bool take_recall(struct txns *e, struct entry *x);
void take_compared(struct txns *e, struct entry *x, const struct exec_steps *m);

/* txn_undo.c */
void undo_begin(struct txns *e, struct entry *x, const char *why);
void undo_send(struct txns *e, struct entry *x);
void undo_done(struct txns *e, struct entry *x, const struct exec_result *m);
void undo_fired(struct txns *e, struct entry *x, const struct exec_result *m);
/* Write the terminal record, let the guardian go, end in 'end'. */
void undo_end(struct txns *e, struct entry *x, enum txn_state end, const char *why);
void undo_disarmed(struct txns *e, struct entry *x);
/* How it ends when the steps stand so; 0: not yet, some could not be read or put back. */
enum txn_state undo_outcome(const struct entry *x, const uint32_t *state, unsigned n);

/* txn_msg.c; errors of sending are not reported: an answer that does not come is enough. */
void msg_prepare(struct txns *e, struct entry *x);
void msg_apply(struct txns *e, struct entry *x);
void msg_check(struct txns *e, struct entry *x);
void msg_undo(struct txns *e, struct entry *x);
void msg_arm(struct txns *e, struct entry *x);
void msg_watch(struct txns *e, struct entry *x);
void msg_trigger(struct txns *e, struct entry *x);
void msg_disarm(struct txns *e, struct entry *x);
void msg_let_go(struct txns *e, uint64_t tx);		       /* of what is not open any more */
uint32_t msg_arm_crc(const struct entry *x, uint32_t n_steps); /* of what would be sent now */

#endif

/*
 * sim - a router, its processes, a disk and a clock, all in memory but the journal's file.
 *
 * Runs the real transaction engine and the real journal against a simulated kernel, executor and
 * guardian, and can kill any of them, or the power, before any single operation: a write, a
 * sync, a message, a step.  Time moves only when nobody has anything to do.
 *
 * The kernel holds numbered cells (routes, told apart by their metric; the value is the mtu).
 * The one action kind is "sim.set" with two integers: cell and value.
 *
 * Threads: one.  Errors: negative errno; running out of memory ends the program, it is a test.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/clock.h"
#include "exec/guardian.h"
#include "txn/txn.h"

#define SIM_CELLS 8

enum sim_crash {
	SIM_CRASH_HOST = 1,
	SIM_CRASH_EXEC,
	SIM_CRASH_GUARD,
	SIM_CRASH_BOTH,	     /* host and guardian (the executor ends with its host) */
	SIM_CRASH_HOST_EXEC, /* in one instant: the executor does not finish its message */
	SIM_CRASH_ALL,	     /* kill -9 of everything */
	SIM_CRASH_POWER,
	SIM_CRASH_HANDOVER, /* the host ends on purpose, the guardian keeps all for the next */
};
#define SIM_CRASHES 9 /* array size that every kind indexes */

/* What a power loss does to writes that were not synced. */
enum sim_tear {
	SIM_TEAR_DROP = 0, /* none reached the disk */
	SIM_TEAR_KEEP,	   /* all did */
	SIM_TEAR_HALF,	   /* all but the second half of the last */
	SIM_TEAR_LATE,	   /* only the last slot of the last */
};
#define SIM_TEARS 4

struct sim_kernel {
	bool has[SIM_CELLS];
	uint32_t value[SIM_CELLS];
	int refuse_cell; /* setting this cell fails with -ENETUNREACH; -1: none */
	int jam_cell;	 /* undoing this cell fails; -1: none */
};

struct sim_msg; /* queued */
struct sim_queue {
	struct sim_msg *first, *last;
};

struct sim_armed {
	uint64_t tx, deadline_us;
	uint32_t flags, n_steps;
	struct exec_step *step; /* owned */
	bool orphan;		/* held by a guardian whose host is dead */
	/* A reflex, or a watch (no steps). */
	struct guard_trigger trigger;
	uint32_t crc; /* of the ARM message */
	bool fired;
	uint64_t seen_ns;
	int error;
	enum guard_cause cause;
};

struct sim_write { /* not synced yet */
	uint64_t offset;
	size_t size;
	uint8_t *old; /* owned: what was there before */
};

struct sim {
	const char *dir; /* of the journal */
	uint64_t now_us, wall_us;
	unsigned boot;
	char boot_id[40];

	struct sim_kernel kernel, boot_config;

	/* processes */
	bool host_alive, exec_alive, guard_alive;
	bool link_down; /* the trigger of every reflex */
	bool handover;	/* the guardian keeps all for the next host */
	struct txns *engine;
	struct journal *journal;
	uint64_t next_run_us;
	struct sim_queue to_exec, to_guard, to_host;
	struct exec_steps *prepared[TXNS_MAX]; /* by the executor; owned */
	unsigned n_armed;
	struct sim_armed armed[2 * GUARDIAN_ARMED_MAX];
	unsigned n_fired;
	struct guardian_entry fired[64]; /* the file "guardian" */

	/* disk */
	int disk_fd; /* of the journal, while there are unsynced writes */
	unsigned n_writes;
	struct sim_write write[64];
	int write_error, sync_error;   /* returned instead of working; 0: fine */
	enum journal_type error_after; /* errors begin with this record type; 0: at once */

	/* when to crash */
	unsigned n_ops, crash_at; /* 0: never */
	enum sim_crash crash;
	unsigned again_after; /* a second crash so many operations later; 0: none */
	enum sim_crash again;
	enum journal_type crash_record; /* crash at this record instead ... */
	unsigned crash_phase; /* 1: before its write, 2: before its sync, 3: when durable */
	enum journal_type writing;
	int crash_cell; /* or before this cell is applied or undone; -1: none */
	enum sim_tear tear;
	bool guard_is_gone; /* a dead guardian cannot be had again */
	bool exec_is_gone;
	bool exec_told, guard_told;	  /* the engine knows that it is gone */
	bool lazy_disk;			  /* effects are runtime only: syncs come later */
	bool exec_drains;		  /* a dead host's executor still does what was sent */
	bool exec_is_deaf, guard_is_deaf; /* alive, answers nothing */
	unsigned n_crashes;
	unsigned fire_at; /* the link goes down at this operation; 0: never */
	bool adopts;	  /* a new host adopts the reflexes that it finds */
	struct guard_trigger adopt_trigger;
	struct anod_proposal adopt_proposal;

	/* what the policy and the facts say */
	struct policy_rule permit;
	char permit_name[8];
	enum level level;
	enum txn_verify verify;
	uint64_t generation;
	const char *charge_error, *room_error;
	bool permit_is_gone; /* for what a hand-over has left */
	/* What peers say; the hash of the plan that they were asked for last. */
	enum txn_grants grants;
	const char *grants_why;
	uint8_t grants_plan[APPROVAL_HASH];
	uint64_t grants_hold_us;
	unsigned n_grants_asked, n_grants_ended, n_grants_kept;
	unsigned n_decides, n_charges;
	unsigned n_reflexes; /* that on_reflex() has told */
	char resource[ANOD_NAME_SIZE];
	uint8_t policy[APPROVAL_HASH];
	uint64_t mark; /* of what the answer depends on */
	unsigned n_looks;
	/* In the place of the above, for one transaction; NULL: not. */
	enum level (*level_of)(struct sim *s, const struct txn *t);
	enum txn_verify (*verify_of)(struct sim *s, const struct txn *t);
	void (*lease_of)(struct sim *s, const struct txn *t, struct lease *l);
	void (*rank_of)(struct sim *s, const struct txn *t, struct lease_rank *ret);

	/* what the engine reported */
	unsigned n_changes, n_before;
	enum txn_state seen[128]; /* states of all transactions, in order */
	uint64_t seen_tx[128];
	unsigned n_dropped; /* signatures */
	char dropped_why[ANOD_REASON_SIZE];
};

/* All cells but the last exist with value 100 + cell; everything alive. */
void sim_init(struct sim *s, const char *dir);
void sim_done(struct sim *s);

/* Start a host on the journal as it is (and what else is missing); recovers.  0, -errno. */
int sim_start_host(struct sim *s);

/* A proposal of n settings (cell, value). */
struct anod_proposal sim_proposal(unsigned n, const int64_t cell_value[][2]);

/* Deliver one message or let one crash be followed up; false: nothing to do right now. */
bool sim_step(struct sim *s);
/* Steps until nobody has anything to do at this time. */
void sim_quiet(struct sim *s);
/* Quiet, then move the clock to the next deadline, and so on until no transaction is open and
 * no guardian holds one, or 'limit_us' has passed. */
void sim_settle(struct sim *s, uint64_t limit_us);
/* Move the clock, through every deadline on the way. */
void sim_pass(struct sim *s, uint64_t us);

/* An operation is about to be done: count it and crash when it is its turn. */
void sim_op(struct sim *s);
void sim_crash_now(struct sim *s, enum sim_crash kind);

/* kernel */
void sim_plan(const struct sim *s, const struct exec_prepare *p, struct exec_steps *ret);
int sim_apply(struct sim *s, const struct exec_step *step);
unsigned sim_cell(const struct exec_step *step); /* that it changes */
enum step_state sim_look(const struct sim *s, const struct exec_step *step);
enum step_state sim_undo(struct sim *s, const struct exec_step *step);
/* Somebody else sets a cell. */
void sim_meddle(struct sim *s, unsigned cell, uint32_t value);

/* processes: handle one message */
void sim_exec_message(struct sim *s, const struct chan_head *h);
void sim_guard_message(struct sim *s, const struct chan_head *h);
void sim_exec_forget(struct sim *s);
/* Fire what is due: all that a dead host left (not "on crash hold"), or by deadline. */
void sim_guard_fire(struct sim *s, bool host_died);
void sim_guard_forget(struct sim *s);
uint64_t sim_guard_due(const struct sim *s);
/* The link goes down or comes up; reflexes fire, when their guardian gets to it. */
void sim_link(struct sim *s, bool down);
/* A reflex or a watch waits to be fired by the link. */
bool sim_guard_triggered(const struct sim *s);
void sim_guard_trigger(struct sim *s); /* fire one of them */
/* What it would tell a host that came after a hand-over. */
unsigned sim_guard_held(const struct sim *s, struct guard_held *ret, unsigned max);

/* queues */
void sim_send(struct sim_queue *q, const struct chan_head *h, size_t size);
struct chan_head *sim_take(struct sim_queue *q); /* malloc()ed; NULL: empty */
void sim_clear(struct sim_queue *q);

/* disk */
extern const struct journal_io sim_disk;
void sim_disk_power_loss(struct sim *s);
void sim_disk_forget(struct sim *s); /* all written is synced */

/* What the engine calls. */
extern const struct txn_ops sim_ops;

#endif

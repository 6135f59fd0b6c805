/*
 * brake - what keeps an agent, or all of them together, from doing too much too fast.
 *
 *   rate      two token buckets over all transactions that apply.  Empty: the next one waits.  What
 *             people have approved, and a reflex that has fired, take their token without
 *             asking, and those that come later pay for it.
 *   sick      more of a set have findings than the policy accepts: then whatever is wrong is not
 *             what a single change repairs, and nothing is done by itself.
 *   back-off  an agent that was denied waits 1 s, then 2 s, ... up to 5 min (give or take a
 *             quarter, so that agents do not come back together) before it is heard again; what
 *             would be allowed by now is heard at once.
 *   mute      a proposal that was denied 'mute_after' times is not heard again for BRAKE_MUTE_US,
 *             unless what its answer depended on has changed.
 *
 * Pure; times are given.  Threads: one.  Memory: inside.  Limits: BRAKE_AGENTS agents (the one that
 * was denied longest ago makes room), BRAKE_SEEN denied proposals of each.
 */
#ifndef TXN_BRAKE_H
#define TXN_BRAKE_H

#include "base/util.h"
#include "policy/policy.h"

#define BRAKE_AGENTS	   64
#define BRAKE_SEEN	   8
#define BRAKE_BACK_OFF_US  (UINT64_C(1) * 1000000)
#define BRAKE_BACK_OFF_MAX (UINT64_C(300) * 1000000)
#define BRAKE_MUTE_US	   (UINT64_C(1800) * 1000000)
#define BRAKE_LOOK_US	   (UINT64_C(100) * 1000) /* between two looks whether it is allowed now */

struct brake_bucket {
	unsigned count; /* 0: there is none */
	uint64_t window_us, at_us;
	double tokens; /* below 0: somebody did not ask */
};

struct brake_denied { /* a proposal */
	uint64_t proposal, mark;
	unsigned n;
	uint64_t at_us, muted_until_us; /* 0: not muted */
};

struct brake_agent {
	char name[ANOD_NAME_SIZE];
	unsigned streak; /* denials since it was allowed something */
	uint64_t at_us, until_us, looked_us;
	struct brake_denied seen[BRAKE_SEEN];
};

struct brake {
	bool on;
	unsigned mute_after;
	struct brake_bucket bucket[2];
	char sick[ANOD_REASON_SIZE]; /* "": well */
	uint64_t dice;
	unsigned n_agents;
	struct brake_agent agent[BRAKE_AGENTS];
	uint64_t n_waited, n_sick, n_put_off, n_muted; /* that it stopped */
};

/* Numbers of the policy; NULL: off.  Full buckets where they were none; the use stays. */
void brake_set(struct brake *b, const struct policy_brake *p, uint64_t now_us);
/* May one more begin?  False: not before *ret_us, and 'why' says so. */
bool brake_allows(struct brake *b, uint64_t now_us, uint64_t *ret_us, char *why, size_t size);
/* Tokens that are left, rounded down; not below 0. */
unsigned brake_left(const struct brake_bucket *k, uint64_t now_us);
/* One begins, or has begun at 'at_us' (not in the future). */
void brake_take(struct brake *b, uint64_t at_us);

/* Its proposal was denied; 'mark' is of what the answer depended on.  True: it is muted from now
 * on. */
bool brake_deny(struct brake *b, const char *agent, uint64_t proposal, uint64_t mark,
		uint64_t now_us);
/* It was allowed something. */
void brake_allow(struct brake *b, const char *agent);
/* Nobody has been denied anything: another policy, or people have changed what holds. */
void brake_forgive(struct brake *b);

enum brake_word {
	BRAKE_HEAR, /* decide it */
	BRAKE_LOOK, /* find out whether it is allowed now: brake_looked() */
	BRAKE_STOP  /* not now; 'why' says how long */
};
enum brake_word brake_ask(struct brake *b, const char *agent, uint64_t proposal, uint64_t now_us,
			  char *why, size_t size);
/* What it looks like now.  True: decide it. */
bool brake_looked(struct brake *b, const char *agent, uint64_t proposal, uint64_t mark,
		  bool allowed, uint64_t now_us);

#endif

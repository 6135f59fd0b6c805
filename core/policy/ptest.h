/*
 * ptest - policies tested like code: what would be decided, on facts and a topology that are written
 * down, by the same engine that decides on the router.
 *
 *   policy   "isp-edge.conf"              paths are relative to the test file
 *   topology "isp-edge.snap"              a snapshot (model/snapshot.h)
 *   now      2026-11-24 12:00             wall clock, UTC
 *   given    link.eth0.rx_loss 0%         holds for all tests below; a test's own ones come on top
 *
 *   test "a flapping uplink is shut" {
 *       given    finding."1".code link-flapping
 *       given    link.eth0.rx_loss 5% age 2s for 90s     "for": since when it has this value
 *       given    p95(path.eth0.rtt, 5m) 20ms             a statistic
 *       given    path.rtt(voice) unknown
 *       evidence 3
 *       confidence 0.93                                  of a model
 *       in flight link.down dev eth1                     another transaction under way
 *       propose  flap link.down dev eth0                 "then ACTION" for several
 *       expect   auto
 *       expect   permit "shut a flapping uplink"
 *       carry out                                        ... "and roll back"
 *       wait     10m
 *       propose  flap link.down dev eth1
 *       expect   deny
 *       expect   reason "cools down"
 *   }
 *
 * What was done before:
 *
 *   given outcome "PERMIT" AGENT ACTION on link eth0 verified 20 times [3d ago]
 *   given outcome "PERMIT" AGENT ACTION on link eth0 rolled-back [1 time] [3d ago]
 *   given used BUDGET 3 times [for flap | for "link eth0"] [10m ago]
 *   given history unknown                 nobody knows what was done before now
 *   override "INVARIANT" by alice, bob [for 20m]         is asked for, and in force
 *                                         from when enough people have
 *
 * Without "ago" it was an hour ago, a budget was used just now.  "carry out" charges budgets and
 * cooldowns, leaves its outcome in the track, verified or rolled back, and the network is from then
 * on as predicted, or as it was.
 *
 * expect: a level; permit "NAME"; no permit; rule "NAME" true|false|unknown; no rule "NAME" (it is not
 * about this agent and action); counts "NAME"; invariant
 * "NAME" holds|fails|unknown|excused|overridden; objective "NAME" fulfilled|violated|unknown; objective
 * "NAME" budget SHARE per DUR; reason "TEXT" (a part of it); possible; not possible; after EXPR (true in
 * the predicted state, as an invariant's requirement reads it); and of the permit that counts:
 * approvals N; approvers GROUP, ...; budget NAME; cooldown|verify|confirm|undo|within DUR (0s: none);
 * verifies true|false|unknown (its condition on the facts as they are now, "before" being those of the
 * proposal); severity WORD|none; notify NAME.
 *
 * Facts that are not given are unknown, but for those of links and neighbours in the topology
 * (admin_up, carrier, operstate, mtu, kind, master, state), which follow from it, and what "link NAME
 * { role, capacity }" of the configuration says.  A fact that is given is fresh unless "age" says
 * otherwise, and has had its value for ever unless "for" does; "X for D" and "X in D" follow from that.
 *
 * Pure but for reading files through config_env.
 */
#ifndef POLICY_PTEST_H
#define POLICY_PTEST_H

#include "policy/config.h"
#include "policy/decide.h"

#define PTEST_STEPS_MAX 256 /* lines of one test */
#define PTEST_NO_RULE	9   /* in the place of a truth: not about this agent and action */

enum ptest_kind {
	PTEST_GIVEN = 1,
	PTEST_NOW,
	PTEST_WAIT,
	PTEST_EVIDENCE,
	PTEST_CONFIDENCE,
	PTEST_IN_FLIGHT,
	PTEST_PROPOSE,
	PTEST_CARRY_OUT,
	PTEST_EXPECT,
	PTEST_OVERRIDE,
	PTEST_OUTCOME, /* given outcome */
	PTEST_USED,    /* given used */
	PTEST_FORGET,  /* given history unknown */
};

enum ptest_expect {
	EXPECT_LEVEL = 1,
	EXPECT_PERMIT, /* text ""  : none */
	EXPECT_RULE,
	EXPECT_COUNTS,
	EXPECT_INVARIANT,
	EXPECT_REASON,
	EXPECT_POSSIBLE,
	EXPECT_AFTER,
	EXPECT_TERM,
	EXPECT_APPROVERS,
	EXPECT_VERIFIES,
	EXPECT_SEVERITY,
	EXPECT_NOTIFY,
	EXPECT_OBJECTIVE, /* its state */
	EXPECT_ACCOUNT,	  /* its budget */
};

struct ptest_step {
	enum ptest_kind kind;
	struct lex_place place;
	char *text;		 /* agent, name or words; owned */
	struct expr *expr;	 /* fact or statistic; of EXPECT_AFTER the condition; owned */
	struct anod_value value; /* of GIVEN; of the terms */
	uint64_t age_us, for_us; /* of GIVEN; for_us 0: for ever; of OUTCOME and USED: ago */
	uint64_t time_us;	 /* NOW: wall clock; WAIT: how long; of ACCOUNT: its period */
	double number;		 /* CONFIDENCE; of ACCOUNT: its share */
	unsigned n;		/* EVIDENCE; OUTCOME, USED: times; of PROPOSE, IN_FLIGHT: actions */
	char *agent, *resource; /* of OUTCOME; resource of USED: its key; owned */
	unsigned n_names;
	char **name;		    /* people of OVERRIDE, groups of APPROVERS; owned */
	struct anod_action *action; /* owned */
	enum ptest_expect expect;
	int want; /* level, truth, invariant's state, outcome, severity; possible; rolled back */
	char term[16];
};

struct ptest {
	char *name;
	struct lex_place place;
	unsigned n_steps;
	struct ptest_step *step;
};

struct ptest_file {
	char *path, *policy_path, *topology_name, *topology; /* owned */
	uint64_t now_us;
	unsigned n_given;
	struct ptest_step *given;
	unsigned n_tests;
	struct ptest *test;
};

/* Read and check a test file; its policy is loaded into *ret_config.  -EINVAL with diags. */
int ptest_load(const char *path, const struct config_env *env, struct diag_list *diags,
	       struct ptest_file **ret, struct config **ret_config);
struct ptest_file *ptest_free(struct ptest_file *f);
DEFINE_CLEANUP(struct ptest_file *, ptest_free);

/* What one expectation that was not met says: "file:line: expected auto, got deny: reason". */
typedef void ptest_fail_fn(const struct lex_place *place, const char *text, void *data);

/* What is seen while tests run, for coverage; NULL: nobody looks. */
struct ptest_cover;

struct ptest_run {
	struct config *config; /* under test; the run may judge with it, and changes nothing */
	const struct ptest_file *file;
	const struct config_env *env;
	struct schema *schema; /* the one that the policy was checked with */
	struct ptest_cover *cover;
	ptest_fail_fn *fail; /* or NULL */
	void *data;
};
/* One test: how many expectations were not met; -errno when it could not be run. */
int ptest_one(const struct ptest_run *run, const struct ptest *t);
/* All: how many tests failed; 'stop' ends at the first. */
int ptest_all(const struct ptest_run *run, bool stop);

/* ---- coverage: was every condition seen true, false and unknown? ----------------------------- */

struct ptest_cover *ptest_cover_new(const struct config *c);
struct ptest_cover *ptest_cover_free(struct ptest_cover *c);
DEFINE_CLEANUP(struct ptest_cover *, ptest_cover_free);
/* A condition and its truths; 'can' says which of the three are possible at all (bit = truth). */
typedef void ptest_cover_fn(const struct lex_place *place, const char *what, unsigned seen,
			    unsigned can, void *data);
void ptest_cover_each(const struct ptest_cover *c, ptest_cover_fn *fn, void *data);
/* Truths that were seen, of those that are possible. */
void ptest_cover_score(const struct ptest_cover *c, unsigned *ret_seen, unsigned *ret_all);

/* ---- mutation: does any test notice when the policy is changed a little? ---------------------- */

/* "permit "x": threshold 5% moved to 6%"; killed: a test failed, as it should. */
typedef void ptest_mutant_fn(const struct lex_place *place, const char *what, bool killed,
			     void *data);
/* Every mutant of the policy, one after the other; the policy is as before afterwards.  How many
 * there were, or -errno. */
int ptest_mutate(const struct ptest_run *run, ptest_mutant_fn *fn, void *data,
		 unsigned *ret_killed);

#endif

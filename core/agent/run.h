/*
 * run - a declarative agent at work: private to core/agent.
 *
 * One struct agent_run for each running agent, one struct subject for each entity that a watch
 * has spoken of.  Callbacks only note what is true now; what follows from it is decided at the
 * end of the turn (agent_run.c), when all that changed together has been told.
 */
#ifndef AGENT_RUN_H
#define AGENT_RUN_H

#include <uthash.h>

#include "agent/program.h"

#define AGENT_RUN_MAGIC	   0x61670002u
#define AGENT_SUBJECTS_MAX 16384
#define AGENT_LOOKED_MAX   4096 /* entities that a "with" looks through */

enum phase {
	PHASE_IDLE,
	PHASE_OPEN,	 /* found, and proposing where there is something to propose */
	PHASE_RESTORING, /* cleared; what was done is put back before the finding ends */
};

struct subject {
	char name[ANOD_NAME_SIZE];
	uint8_t truth[AGENT_WATCHES_MAX]; /* enum anod_tri */
	enum phase phase;
	bool dirty, held; /* held: it was said that a proposal is held back */
	uint32_t rivals;  /* bit i: rival[i] was told */
	uint32_t missing; /* bit i: it was said that proposal i lacks a value */
	uint64_t finding, proposal, timer;
	unsigned at;		 /* the proposal to try next */
	unsigned failures;	 /* in a row */
	int trying;		 /* what 'proposal' is; -1: none */
	bool applied;		 /* 'proposal' has an effect */
	bool done;		 /* one was committed and not restored */
	uint64_t next_us;	 /* no proposal before */
	struct anod_value *keep; /* owned; NULL: nothing was found yet */
	uint64_t sense[AGENT_SENSES_MAX];
	UT_hash_handle hh;
};

struct agent_run {
	uint32_t magic; /* first: see agent_attach() */
	struct anod_ctx *ctx;
	const struct agent_program *a;
	struct anod_value option[AGENT_OPTIONS_MAX];
	struct watch_slot {
		struct agent_run *run;
		unsigned nr;
		uint64_t id;
		bool global; /* of no entity: 'truth' is for all subjects */
		enum anod_tri truth;
	} watch[AGENT_WATCHES_MAX];
	struct subject *subjects; /* uthash */
	bool soon, full;
};

/* ---- agent_eval.c: what the agent evaluates itself -------------------------------------------- */

struct agent_eye {
	struct expr_env env; /* first */
	struct agent_run *run;
	struct subject *s;
	struct {
		bool looked, found;
		char name[ANOD_NAME_SIZE];
	} join[AGENT_JOINS_MAX];
};

void agent_eye_init(struct agent_eye *y, struct agent_run *run, struct subject *s);
/* The entity of a fact: the subject, one that is named, or one found by "with"; NULL: there is none. */
const char *agent_entity(struct agent_eye *y, const struct expr *fact);
enum anod_tri agent_truth(struct agent_eye *y, const struct agent_cond *c);
/* The text of a condition's watch, with the options' values in it. */
char *agent_watch_text(const struct agent_run *run, const struct agent_cond *c);
/* A sentence; cut at 'size'. */
void agent_say(struct agent_eye *y, const struct agent_text *t, char *buf, size_t size);
/* A condition for somebody who does not know the subject: with all names in it.  -EINVAL: a
 * value is not known; -E2BIG. */
int agent_verify_text(struct agent_eye *y, const struct expr *e, char *buf, size_t size);

/* ---- agent_act.c: findings and proposals --------------------------------------------------------- */

void agent_find(struct agent_run *run, struct subject *s);
void agent_update(struct agent_run *run, struct subject *s);
/* Propose what is to be proposed now, if anything. */
void agent_propose(struct agent_run *run, struct subject *s);
/* true: something was proposed that puts back what was done. */
bool agent_restore(struct agent_run *run, struct subject *s);
void agent_senses(struct agent_run *run, struct subject *s, bool on);

/* ---- agent_run.c ------------------------------------------------------------------------------------ */

/* Look at the subject again at the end of this turn. */
void agent_soon(struct agent_run *run, struct subject *s);
/* ... in so long. */
void agent_later(struct agent_run *run, struct subject *s, uint64_t us);
void agent_verdict(struct agent_run *run, struct subject *s, enum anod_verdict v, const char *why);

#endif

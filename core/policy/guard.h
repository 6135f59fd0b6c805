/*
 * guard - the conditions of all rules that name one agent and one kind of action, made flat.
 *
 * A thousand rules ask the same few facts.  guards_make() numbers what they ask: cells (a fact, an
 * operand, a statistic), each read once for a decision; terms (whatever needs the tree of an
 * expression: counts, sets, "for"), each evaluated once; and "on", "during" and "agent" clauses.
 * What is left of a rule is a few steps over those.
 *
 * A view is what one decision has seen: the cells and terms for each link of an action.  It lies
 * in a room, so nothing is allocated.  With 'keep' it also has the facts as they were read, with
 * their ages, for every rule: guard_reads() gives them to whoever explains.
 *
 * The answers are those of expr_truth() on each rule alone; tests compare the two.
 */
#ifndef POLICY_GUARD_H
#define POLICY_GUARD_H

#include "policy/judge.h"
#include "policy/room.h"

enum guard_step_op {
	STEP_AND = 1, /* the steps up to the end of its span */
	STEP_OR,
	STEP_NOT,
	STEP_NUMBER,  /* cell compared with a number */
	STEP_TEXT,    /* cell compared with a text */
	STEP_COMPARE, /* cell or literal compared with another one */
	STEP_TRUE,    /* cell is true */
	STEP_TERM,
};

struct guard_step {	 /* half a cache line */
	uint8_t op;	 /* enum guard_step_op */
	uint8_t accepts; /* bits 0 less, 1 equal, 2 greater: the order that makes it true */
	uint8_t type;	 /* of the number */
	uint8_t cmp;	 /* of STEP_TEXT and STEP_COMPARE: enum value_cmp */
	uint32_t span;	 /* steps of this one and all below it */
	uint32_t what;	 /* cell or term */
	uint32_t other;	 /* of STEP_COMPARE: the other cell, or GUARD_NONE: the literal */
	uint64_t i;	 /* INT: the number; TEXT: its hash */
	union {
		double r;			  /* the number */
		const struct anod_value *literal; /* borrowed from the policy */
	} v;
};
#define GUARD_NONE UINT32_MAX

struct guard {
	struct policy_rule *rule; /* borrowed */
	uint32_t step, n_steps;	  /* of "when"; 0: none */
	uint32_t on, agent;	  /* number of the clause + 1; 0: true */
	uint32_t during;	  /* the same of the window */
	uint8_t kind, level;	  /* of the rule, which is far away */
	bool has_terms;
};

struct guards {
	unsigned n, n_cells, n_terms, n_ons, n_agents, n_windows, n_steps;
	struct guard *guard;
	struct guard_step *step;
	const struct expr **cell, **term;	/* nodes, borrowed */
	const struct policy_rule **on, **agent; /* a rule that has the clause */
	const struct policy_window **window;	/* NULL: there is none of the name */
};

/* Of the rules with these numbers.  NULL: no memory. */
struct guards *guards_make(const struct policy *p, const unsigned *at, unsigned n);
struct guards *guards_free(struct guards *g);
DEFINE_CLEANUP(struct guards *, guards_free);

/* FNV-1a of a TEXT. */
static inline uint64_t guard_text_hash(const struct anod_value *v)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (unsigned i = 0; i < ANOD_TEXT_SIZE && v->u.text[i]; i++)
		h = (h ^ (unsigned char) v->u.text[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* ---- what a decision sees --------------------------------------------------------------- */

struct guard_cell {
	uint8_t type; /* enum anod_type; TEXT of outsiders: ANOD_UNKNOWN */
	uint64_t i;   /* INT, BOOL: the value; TEXT: its hash */
	double r;     /* INT, REAL */
};

struct guard_term {
	uint8_t done;
	uint8_t truth;
	uint16_t n_reads, n_dropped;
	struct expr_read *read;
};

struct guard_view { /* of one link of the action, or of none */
	struct ask ask;
	struct guard_cell *cell;
	struct anod_value *value; /* of each cell */
	struct expr_read *read;	  /* of each cell; NULL without 'keep' */
	struct guard_term *term, *on;
};

struct guard_views {
	const struct guards *guards;
	struct room *room;
	bool keep;
	unsigned n; /* links, at least 1 */
	struct guard_view *view;
	struct guard_term *agent;
	uint8_t *during; /* of each window: enum anod_tri, or GUARD_UNSEEN */
};
#define GUARD_UNSEEN 255

/* Read all cells.  -ENOBUFS: the room is too small, see room.h. */
int guard_views_open(struct guard_views *v, const struct guards *g, const struct decide_in *in,
		     const struct act *act, struct hypothesis *hyp, struct room *room, bool keep);

enum anod_tri guard_see_agent(struct guard_views *v, uint32_t nth);
enum anod_tri guard_see_window(struct guard_views *v, uint32_t nth);
enum anod_tri guard_see_on(struct guard_views *v, unsigned link, uint32_t nth);
enum anod_tri guard_see_when(struct guard_views *v, unsigned link, const struct guard *g);

static inline enum anod_tri guard_agent(struct guard_views *v, const struct guard *g)
{
	return g->agent ? guard_see_agent(v, g->agent - 1) : ANOD_TRUE;
}

static inline enum anod_tri guard_during(struct guard_views *v, const struct guard *g)
{
	return g->during ? guard_see_window(v, g->during - 1) : ANOD_TRUE;
}

static inline enum anod_tri guard_on(struct guard_views *v, unsigned link, const struct guard *g)
{
	return g->on ? guard_see_on(v, link, g->on - 1) : ANOD_TRUE;
}

static inline enum anod_tri guard_when(struct guard_views *v, unsigned link, const struct guard *g)
{
	return g->n_steps ? guard_see_when(v, link, g) : ANOD_TRUE;
}

/* The facts that made the rule's truth, in the order of its text; 'trace' is filled.  After the
 * rule was judged with 'keep'. */
void guard_reads(const struct guard_views *v, const struct guard *g, struct expr_trace *trace);

/* Clauses, for one question; in match.c. */
enum anod_tri ask_agent(const struct ask *q, const struct policy_rule *r);
enum anod_tri ask_on(const struct ask *q, const struct policy_rule *r);

#endif

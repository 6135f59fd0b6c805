/*
 * random_policy - policies over the whole language, routers and proposals, for property tests.
 *
 * A policy is a list of statements, so that a test can shuffle them, add one or leave one out.
 * Facts are a short history: each of them may be unknown, and a test may make those known.
 */
#ifndef TESTS_RANDOM_POLICY_H
#define TESTS_RANDOM_POLICY_H

#include "world.h"

#define STATEMENTS_MAX 12
#define STATEMENT_SIZE 700
#define EVENTS_MAX     32

struct statements {
	unsigned n;
	char text[STATEMENTS_MAX + 1][STATEMENT_SIZE];
};

struct event {
	uint64_t ago_us;
	unsigned fact; /* index in the list of random_policy.c */
	const char *value;
	bool known;
};

struct history { /* oldest first; the last ones are now */
	unsigned n;
	struct event event[EVENTS_MAX];
};

/* Three links, a few routes, own and foreign. */
void random_world(struct world *w);

void random_statements(struct dice *d, struct statements *s);
/* "permit", "forbid", "cap" or "invariant", with this number in its name. */
void random_statement(struct dice *d, const char *kind, unsigned nth, char *buf);
void load_statements(struct world *w, const struct statements *s);

void random_proposal(struct dice *d, struct world *w);
const char *random_agent(struct dice *d);

/* Each known or not. */
void random_history(struct dice *d, struct history *h);
/* The same with all of it known. */
void complete_history(struct dice *d, struct history *h);
/* Facts and the memory of "for" and "in" as after this history. */
void live(struct world *w, const struct history *h);

#endif

/*
 * dnf - guards as regions.
 *
 * The logic has three values, so there are four questions: where is an expression surely true, surely
 * false, not true, not false?  A permit counts where its guard is true, a forbid or cap where its
 * guard is not false.  "and" and "or" swap their roles for the second and the third question; no
 * other rule is needed.
 *
 * All guards that will be asked are noted before the space is sealed.
 */
#ifndef POLICY_DNF_H
#define POLICY_DNF_H

#include "policy/box.h"

#define DNF_SET_DEPTH 4 /* sets inside the conditions of sets; deeper is a variable of its own */

enum where { WHERE_TRUE, WHERE_FALSE, WHERE_NOT_TRUE, WHERE_NOT_FALSE };

int dnf_note(struct space *s, const struct expr *e);
/* Into an empty region. */
int dnf_region(const struct space *s, const struct expr *e, enum where w, struct region *ret);

/* Points that cannot be: "X for 10s" while X is false (held.c). */
int held_impossible(const struct space *s, struct region *ret);
/* The region without them. */
int held_possible(const struct space *s, struct region *r);
/* The region where all has been as it is for long, so that "X for D" is as X is. */
int held_settled(const struct space *s, struct region *r);

/* A rule for an action of one kind by one agent: on, when, during, and the agent where it is in a
 * set with a condition.  Of an action on several links it is what holds for one of them. */
int guard_note(struct space *s, const struct policy_rule *r);
/* Arguments that the kind has not are unknown, required ones are not, and words and numbers are
 * those that it takes. */
int guard_note_kind(struct space *s, const struct anod_action_desc *a);
int guard_region(const struct space *s, const struct policy_rule *r, const char *agent,
		 const struct anod_action_desc *a, enum where w, struct region *ret);
/* The same without one part, for messages. */
enum guard_part { GUARD_ON = 1, GUARD_WHEN = 2, GUARD_DURING = 4, GUARD_ALL = 7 };
int guard_parts(const struct space *s, const struct policy_rule *r, const char *agent,
		const struct anod_action_desc *a, enum where w, unsigned parts, struct region *ret);

/* May the rule name this agent, this kind? */
bool guard_names_agent(const struct policy *p, const struct policy_rule *r, const char *agent);
bool guard_names_kind(const struct policy_rule *r, const char *kind);

#endif

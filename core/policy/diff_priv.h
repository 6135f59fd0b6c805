/*
 * diff_priv - what the files of the comparison share.  Private to core/policy/diff*.c.
 */
#ifndef POLICY_DIFF_PRIV_H
#define POLICY_DIFF_PRIV_H

#include "policy/diff.h"
#include "policy/stage.h"

#define LEVELS (LEVEL_AUTO + 1)

/* Where a policy gives each level, for one agent and kind: regions that do not overlap. */
int level_regions(const struct space *s, const char *agent, const struct anod_action_desc *kind,
		  struct region ret[LEVELS]);
/* Note everything that the rules for this agent and kind read. */
int level_note(struct space *s, const char *agent, const struct anod_action_desc *kind);

void diff_change_done(struct change *c);
/* Join changes that read the same for several kinds, or for several agents. */
void diff_join(struct diff *d, bool agents);
int diff_by_risk(const void *a, const void *b); /* for qsort() */

void diff_note(struct diff *d, const char *fmt, ...) _printf_(2, 3);
void diff_open(struct diff *d, const char *fmt, ...) _printf_(2, 3);
void diff_terms(const struct config *was, const struct config *now, struct diff *d);
void diff_sets(const struct config *was, const struct config *now, struct diff *d);

#endif

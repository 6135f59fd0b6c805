/*
 * diff - which requests two policies answer differently.
 *
 * For each agent and kind of action the answer of the rules is a level for each point of the space
 * of their facts and arguments (box.h).  Where the levels differ is a region; each has an example,
 * and an example is made real and decided under both policies before it is told (stage.h).  Beside
 * the levels: terms of permits, invariants.
 *
 * Functions over time in both configurations are bound to columns of a stage meanwhile.
 * Errors: -ENOMEM.  Pure.
 */
#ifndef POLICY_DIFF_H
#define POLICY_DIFF_H

#include "policy/config.h"

#define DIFF_CHANGES_MAX 500

struct change {
	enum level was, now;
	char *agents, *actions;	   /* "uplink, flap"; owned, as all texts */
	char *where;		   /* the region, in words */
	char *example;		   /* one request of it */
	bool tried;		   /* both answers below are those of decide() */
	char *untried;		   /* why not */
	char *was_text, *now_text; /* reasons */
};

struct diff {
	unsigned n, n_notes, n_open;
	struct change *change; /* risen first, the highest level first */
	char **note;	       /* terms and invariants that changed */
	char **open;	       /* what was not decided */
};
void diff_done(struct diff *d);

int policy_diff(struct config *was, struct config *now, struct schema *schema,
		const struct config_env *env, struct diff *ret);

#endif

/*
 * level_regions - the answer of a policy's rules as regions.
 *
 * Design.  At least level L is given where a permit of L or more is proven and no forbid or cap
 * below L is in force; exactly L is that without at least L + 1.
 */
#include "policy/diff_priv.h"

static bool names(const struct space *s, const struct policy_rule *r, const char *agent,
		  const struct anod_action_desc *kind)
{
	return guard_names_kind(r, kind->kind) && guard_names_agent(s->config->policy, r, agent);
}

int level_note(struct space *s, const char *agent, const struct anod_action_desc *kind)
{
	const struct policy *p = s->config->policy;
	int r = 0;

	for (unsigned i = 0; i < p->n_rules && r == 0; i++)
		if (names(s, &p->rule[i], agent, kind))
			r = guard_note(s, &p->rule[i]);
	return r;
}

static enum level given(const struct policy_rule *r, const struct anod_action_desc *kind)
{
	bool undo = kind->flags & ANOD_ACT_UNDO;

	if (r->kind == RULE_FORBID)
		return LEVEL_DENY;
	/* As judge.c: what cannot be undone goes by itself only when it is verified. */
	return r->kind == RULE_PERMIT && r->level == LEVEL_AUTO && !undo && !r->verify
		       ? LEVEL_APPROVE
		       : r->level;
}

/* Where each rule counts, added to the region of its level. */
static int sort_rules(const struct space *s, const char *agent, const struct anod_action_desc *kind,
		      struct region permit[LEVELS], struct region bar[LEVELS])
{
	const struct policy *p = s->config->policy;
	int r = 0;

	for (unsigned i = 0; i < p->n_rules && r == 0; i++) {
		const struct policy_rule *rule = &p->rule[i];
		bool is_permit = rule->kind == RULE_PERMIT;
		_cleanup_(region_done) struct region one = { 0 };

		if (!names(s, rule, agent, kind))
			continue;
		r = guard_region(s, rule, agent, kind, is_permit ? WHERE_TRUE : WHERE_NOT_FALSE,
				 &one);
		if (r == 0)
			r = region_join(s, &(is_permit ? permit : bar)[given(rule, kind)], &one);
	}
	return r;
}

/* at_least[L], from what each level's rules cover. */
static int sum_levels(const struct space *s, struct region permit[LEVELS],
		      struct region bar[LEVELS], struct region at_least[LEVELS])
{
	int r = 0;

	for (int l = LEVEL_AUTO - 1; l > LEVEL_DENY && r == 0; l--)
		r = region_join(s, &permit[l], &permit[l + 1]);
	for (int l = LEVEL_DENY + 1; l < LEVEL_AUTO && r == 0; l++)
		r = region_join(s, &bar[l], &bar[l - 1]);
	for (int l = LEVEL_DENY + 1; l <= LEVEL_AUTO && r == 0; l++)
		r = region_minus(s, &permit[l], &bar[l - 1], &at_least[l]);
	return r;
}

int level_regions(const struct space *s, const char *agent, const struct anod_action_desc *kind,
		  struct region ret[LEVELS])
{
	struct region permit[LEVELS] = { 0 }, bar[LEVELS] = { 0 }, at_least[LEVELS + 1] = { 0 };
	/* No rule, but only what an action of the kind can be. */
	struct policy_rule any = { .kind = RULE_PERMIT };
	int r = guard_region(s, &any, NULL, kind, WHERE_TRUE, &at_least[LEVEL_DENY]);

	if (r == 0)
		r = sort_rules(s, agent, kind, permit, bar);
	if (r == 0)
		r = sum_levels(s, permit, bar, at_least);
	for (int l = LEVEL_DENY; l <= LEVEL_AUTO && r == 0; l++)
		r = region_minus(s, &at_least[l], &at_least[l + 1], &ret[l]);
	for (int l = LEVEL_DENY; l <= LEVEL_AUTO && r == 0; l++)
		r = held_possible(s, &ret[l]);
	for (int l = 0; l < LEVELS; l++) {
		region_done(&permit[l]);
		region_done(&bar[l]);
		region_done(&at_least[l]);
	}
	return r;
}

/*
 * judge - the answer to a proposal, by minimum and maximum.
 *
 * Design.  For each action: the best proven permit, lowered by every cap and forbid in force.  The
 * least of all actions is the answer; invariants that do not hold make it deny.  Nothing depends
 * on the order of statements: among permits of one level the name decides.
 */
#include <errno.h>
#include <string.h>

#include "policy/judge.h"

static bool better_permit(const struct judged *j, const struct policy_rule *best, enum level level)
{
	if (!best || j->level != level)
		return !best || j->level > level;
	return strcmp(j->rule->name, best->name) < 0;
}

static bool lower_bar(const struct judged *j, const struct policy_rule *bar, enum level level)
{
	if (!bar || j->level != level)
		return !bar || j->level < level;
	return strcmp(j->rule->name, bar->name) < 0;
}

static void take(const struct judged *j, struct answer *a)
{
	if (!j->counted)
		return;

	if (j->rule->kind == RULE_PERMIT) {
		if (better_permit(j, a->permit, a->granted)) {
			a->permit = j->rule;
			a->granted = j->level;
		}
		return;
	}
	if (lower_bar(j, a->bar, a->ceiling)) {
		a->bar = j->rule;
		a->ceiling = j->level;
	}
}

static int judge_action(const struct decide_in *in, const struct act *act, struct hypothesis *hyp,
			judged_fn *fn, void *data, struct answer *ret)
{
	struct policy *p = in->config->policy;
	const struct rule_list *list = rules_for(p, in->agent, act->action->kind);

	if (!list)
		return -ENOMEM;

	*ret = (struct answer){ .action = act->nth, .ceiling = LEVEL_AUTO };
	for (unsigned i = 0; i < list->n; i++) {
		struct expr_read read[JUDGE_READS_MAX];
		struct expr_trace trace = { .read = read, .max = JUDGE_READS_MAX };
		struct judged j;

		judge_rule(&p->rule[list->at[i]], in, act, hyp, fn ? &trace : NULL, &j);
		take(&j, ret);
		if (fn)
			fn(&j, act, &trace, data);
	}

	ret->level = MIN_OF(ret->permit ? ret->granted : LEVEL_DENY, ret->ceiling);
	/* A cap that lowers nothing did not decide; without a permit only a forbid did. */
	if (ret->ceiling >= (ret->permit ? ret->granted : LEVEL_OBSERVE))
		ret->bar = NULL;
	return 0;
}

/* Of two actions of one level: the one whose permit comes first by name, so that the order of
 * statements in the policy does not matter. */
static bool decides(const struct answer *a, const struct answer *so_far)
{
	if (a->level != so_far->level)
		return a->level < so_far->level;
	return a->permit && so_far->permit && strcmp(a->permit->name, so_far->permit->name) < 0;
}

int judge_all(const struct decide_in *in, const struct act *acts, struct hypothesis *hyp,
	      judged_fn *fn, void *data, struct answer *ret, struct answer *ret_each)
{
	struct answer one;
	int r;

	*ret = (struct answer){ .level = LEVEL_DENY };
	for (unsigned i = 0; i < in->proposal->n_actions; i++) {
		r = judge_action(in, &acts[i], hyp, fn, data, &one);
		if (r < 0)
			return r;
		if (ret_each)
			ret_each[i] = one;
		if (i == 0 || decides(&one, ret))
			*ret = one;
	}

	ret->invariants_hold = in->whatif && invariants_judge(in, hyp, NULL, NULL);
	if (!ret->invariants_hold || !in->in_sync)
		ret->level = LEVEL_DENY;
	if (in->paused || in->capped)
		ret->level = MIN_OF(ret->level, LEVEL_OBSERVE);
	return 0;
}

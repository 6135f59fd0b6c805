/*
 * judge - the answer to a proposal, by minimum and maximum.
 *
 * Design.  For each action: the best proven permit, lowered by every cap and forbid in force.  The
 * least of all actions is the answer; invariants that do not hold make it deny.  Nothing depends
 * on the order of statements: among permits of one level the name decides.
 */
#include <errno.h>
#include <string.h>

#include "policy/record.h"

/* Is 'j' with level 'is' better than 'best' with 'level'? */
static bool better_permit(const struct judged *j, enum level is, const struct policy_rule *best,
			  enum level level)
{
	if (!best || is != level)
		return !best || is > level;
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
	enum level level = j->level;

	if (!j->counted)
		return;

	/* What is damped is never done by itself; a person may still be asked. */
	if (j->rule->kind == RULE_PERMIT && a->damped && level == LEVEL_AUTO) {
		if (better_permit(j, LEVEL_AUTO, a->held_back, LEVEL_AUTO))
			a->held_back = j->rule;
		level = MIN_OF(j->rule->level, LEVEL_APPROVE); /* what was earned is lost */
		if (j->rule->level == LEVEL_AUTO)
			level = LEVEL_OBSERVE;
	}
	if (j->rule->kind == RULE_PERMIT) {
		if (better_permit(j, level, a->permit, a->granted)) {
			a->permit = j->rule;
			a->granted = level;
		}
		return;
	}
	if (lower_bar(j, a->bar, a->ceiling)) {
		a->bar = j->rule;
		a->ceiling = j->level;
	}
}

static int judge_action(const struct decide_in *in, const struct act *act,
			struct guard_views *views, struct judged *judged, struct answer *ret)
{
	const struct guards *g = views->guards;

	*ret = (struct answer){ .action = act->nth, .ceiling = LEVEL_AUTO };
	damp_action(in, act, ret);
	for (unsigned i = 0; i < g->n; i++) {
		struct judged one, *j = judged ? &judged[i] : &one;

		judge_rule(views, &g->guard[i], in, act, j);
		take(j, ret);
	}
	if (room_short(views->room))
		return -ENOBUFS;

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
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): judge_action() has set it */
	if (a->level != so_far->level)
		return a->level < so_far->level;
	return a->permit && so_far->permit && strcmp(a->permit->name, so_far->permit->name) < 0;
}

/* What holds for the whole proposal, whatever the rules say. */
static void judge_whole(const struct decide_in *in, bool invariants_hold, struct answer *ret)
{
	ret->invariants_hold = invariants_hold;
	if (!ret->invariants_hold || !in->in_sync)
		ret->level = LEVEL_DENY;
	if (in->paused || in->capped)
		ret->level = MIN_OF(ret->level, LEVEL_OBSERVE);
}

static int judge_actions(const struct decide_in *in, const struct act *acts, struct hypothesis *hyp,
			 struct room *room, struct record *rec, struct answer *ret,
			 struct answer *ret_each)
{
	*ret = (struct answer){ .level = LEVEL_DENY };
	for (unsigned i = 0; i < in->proposal->n_actions; i++) {
		const struct rule_list *list =
			rules_for(in->config->policy, in->agent, acts[i].action->kind);
		struct guard_views local, *views = rec ? &rec->views[i] : &local;
		struct judged *judged = NULL;
		struct answer one;
		int r;

		if (!list)
			return -ENOMEM;
		if (rec)
			judged = rec->judged[i] = room_take(room, list->n * sizeof(*judged));
		r = guard_views_open(views, list->guards, in, &acts[i], hyp, room, rec != NULL);
		if (r == 0)
			r = judge_action(in, &acts[i], views, judged, &one);
		if (r < 0)
			return r;
		if (ret_each)
			ret_each[i] = one;
		if (i == 0 || decides(&one, ret))
			*ret = one;
	}
	return 0;
}

int judge_all(const struct decide_in *in, const struct act *acts, struct hypothesis *hyp,
	      struct answer *ret, struct answer *ret_each)
{
	struct room *room = rules_room(in->config->policy);
	int r;

	if (!room)
		return -ENOMEM;
	do {
		room_clear(room);
		r = judge_actions(in, acts, hyp, room, NULL, ret, ret_each);
	} while (r == -ENOBUFS && room_grow(room) == 0);
	if (r < 0)
		return r == -ENOBUFS ? -ENOMEM : r;

	judge_whole(in, in->whatif && invariants_judge(in, hyp, NULL, NULL), ret);
	return 0;
}

static int record_invariants(const struct decide_in *in, struct record *rec, bool *ret_hold)
{
	unsigned n = in->whatif ? in->config->policy->n_invariants : 0;

	rec->n_invariants = n;
	rec->invariant = room_take(&rec->room, n * sizeof(*rec->invariant));
	rec->invariant_why = room_take(&rec->room, n * sizeof(*rec->invariant_why));
	if (room_short(&rec->room))
		return -ENOBUFS;
	for (unsigned i = 0; i < n; i++)
		rec->invariant_why[i].n = 0, rec->invariant_why[i].b[0] = 0;
	*ret_hold = in->whatif &&
		    invariants_judge(in, NULL, rec->invariant, n ? rec->invariant_why : NULL);
	return 0;
}

int judge_record(const struct decide_in *in, struct record *rec)
{
	bool hold = false;
	int r;

	rec->n_actions = in->proposal->n_actions;
	for (unsigned i = 0; i < rec->n_actions; i++)
		act_init(&rec->act[i], in, i);
	do {
		room_clear(&rec->room);
		r = judge_actions(in, rec->act, NULL, &rec->room, rec, &rec->answer, rec->each);
		if (r == 0)
			r = record_invariants(in, rec, &hold);
	} while (r == -ENOBUFS && room_grow(&rec->room) == 0);
	if (r < 0)
		return r == -ENOBUFS ? -ENOMEM : r;

	judge_whole(in, hold, &rec->answer);
	return 0;
}

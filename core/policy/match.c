/*
 * match - does a rule apply to an action of an agent?
 *
 * Design.  Kleene's minimum of agent, on, during and when; index.c has left out the rules that
 * cannot name the pair, and guard.c has each fact, set and window looked at once.
 *
 * An action on several links: a permit must be proven for each of them, a forbid or cap counts
 * when it counts for one.
 */
#include <string.h>

#include "facts/value.h"
#include "policy/guard.h"

/* ---- parts of a rule -------------------------------------------------------------------- */

enum anod_tri ask_agent(const struct ask *q, const struct policy_rule *r)
{
	const char *agent = q->in->agent;
	enum anod_tri truth = r->n_agents ? ANOD_FALSE : ANOD_TRUE;

	for (unsigned i = 0; i < r->n_agents && truth != ANOD_TRUE; i++) {
		const struct policy_set *s = policy_find_set(q->in->config->policy, r->agent[i]);
		enum anod_tri one = ANOD_FALSE;

		if (strcmp(r->agent[i], agent) == 0)
			one = ANOD_TRUE;
		else if (s)
			one = ask_member(q, s->name,
					 schema_kind_id(store_schema(q->in->store), "agent"),
					 agent);
		truth = MAX_OF(truth, one);
	}
	return truth;
}

/* Without a set: a literal list of names or of prefixes. */
static enum anod_tri on_literal(const struct ask *q, const struct policy_on *on, const char *name,
				const struct anod_prefix *dst)
{
	for (unsigned i = 0; name && i < on->n_names; i++)
		if (strcmp(on->name[i], name) == 0)
			return ANOD_TRUE;
	for (unsigned i = 0; dst && i < on->n_prefixes; i++)
		if (prefix_contains(&on->prefix[i], dst))
			return ANOD_TRUE;
	/* The action has a link, and nobody knows which. */
	if (on->n_names && !name && !q->act->links_known)
		return ANOD_DOUBT;
	return ANOD_FALSE;
}

static const char *on_kind(const struct policy_on *on, const struct policy_set *s)
{
	if (on->kind)
		return on->kind;
	return s && s->kind_name ? s->kind_name : "link";
}

static enum anod_tri on_one(const struct ask *q, const struct policy_on *on)
{
	const struct policy_set *s =
		on->set ? policy_find_set(q->in->config->policy, on->set) : NULL;
	const struct anod_value *dst = act_arg(q->act, "dst");
	const char *kind = on_kind(on, s), *name = NULL;
	enum anod_tri in;

	if (on->set && !s)
		return ANOD_DOUBT;
	if (strcmp(kind, "prefix") == 0 || strcmp(kind, "flow") == 0) {
		/* "not in customers" is still about actions on a prefix. */
		if (!dst || dst->type != ANOD_PREFIX)
			return ANOD_FALSE;
		in = s ? ask_prefix_in(q, on->set, &dst->u.prefix)
		       : on_literal(q, on, NULL, &dst->u.prefix);
		return on->negated ? tri_not(in) : in;
	}

	if (strcmp(kind, "link") == 0 || strcmp(kind, "path") == 0)
		name = q->link;
	else if (strcmp(kind, "neigh") == 0 && q->act->neigh[0])
		name = q->act->neigh;
	else if (strcmp(kind, "nexthop") == 0 && q->act->nexthop[0])
		name = q->act->nexthop;
	if (!name)
		return q->act->links_known ? ANOD_FALSE : ANOD_DOUBT;

	in = s ? ask_member(q, on->set, schema_kind_id(store_schema(q->in->store), kind), name)
	       : on_literal(q, on, name, NULL);
	return on->negated ? tri_not(in) : in;
}

enum anod_tri ask_on(const struct ask *q, const struct policy_rule *r)
{
	enum anod_tri truth = r->n_on ? ANOD_FALSE : ANOD_TRUE;

	for (unsigned i = 0; i < r->n_on; i++) {
		enum anod_tri one = on_one(q, &r->on[i]);

		truth = MAX_OF(truth, one);
	}
	return truth;
}

static void judge_truth(struct guard_views *v, const struct guard *g, const struct act *act,
			struct judged *j)
{
	bool all = g->kind == RULE_PERMIT;
	enum anod_tri agent = guard_agent(v, g), links = all ? ANOD_TRUE : ANOD_FALSE;

	j->on = links;
	for (unsigned i = 0; i < v->n; i++) {
		enum anod_tri on = guard_on(v, i, g), when, both;

		/* Not evaluated where the rule has no business: its facts would explain nothing. */
		when = on == ANOD_FALSE ? ANOD_TRUE : guard_when(v, i, g);
		both = MIN_OF(on, when);
		links = all ? MIN_OF(links, both) : MAX_OF(links, both);
		j->on = all ? MIN_OF(j->on, on) : MAX_OF(j->on, on);
	}
	/* Some of its links could not be named: a permit is not proven for those. */
	if (all && g->on && !act->links_known)
		links = MIN_OF(links, ANOD_DOUBT);

	j->during = guard_during(v, g);
	j->truth = MIN_OF(agent, links);
	j->truth = MIN_OF(j->truth, j->during);
}

/* ---- memory of rules -------------------------------------------------------------------- */

const char *cooldown_key(const struct policy_rule *r, const char *resource, const char *agent,
			 const char *group)
{
	if (r->cooldown_per && strcmp(r->cooldown_per, "agent") == 0)
		return agent;
	if (r->cooldown_per && strcmp(r->cooldown_per, "group") == 0)
		return group[0] ? group : resource;
	return resource;
}

static void note_subject(const struct expr *e, void *data)
{
	bool *found = data;

	*found |= e->op == EXPR_OPERAND || (e->op == EXPR_FACT && !e->entity) ||
		  (e->op == EXPR_FORMERLY && e->fn != EXPR_FN_ANY);
}

const char *cap_key(const struct policy_rule *r, const char *resource)
{
	bool own = r->n_on > 0;

	if (r->when)
		expr_walk(r->when, note_subject, &own);
	return own ? resource : "";
}

/* ---- the rule --------------------------------------------------------------------------- */

/* A permit that is true may still have to rest. */
static void hold_permit(struct judged *j, const struct decide_in *in, const struct act *act)
{
	const struct policy_rule *r = j->rule;
	const struct policy_budget *b =
		r->budget ? policy_find_budget(in->config->policy, r->budget) : NULL;
	const char *key;

	if (act->foreign && !r->touch_foreign) {
		j->hold = HOLD_FOREIGN;
		j->owner = act->owner;
		return;
	}
	if (r->cooldown_us && in->budgets) {
		key = cooldown_key(r, act->resource, in->agent, act->nexthop);
		j->until_us = budget_rest_until(in->budgets, r->name, key, in->now_us);
		if (j->until_us) {
			j->hold = HOLD_COOLDOWN;
			return;
		}
	}
	/* A budget that is not there has nothing left. */
	if (r->budget && (!b || !in->budgets ||
			  !budget_allows(in->budgets, b, budget_key(b, act->resource, in->agent),
					 in->now_us, &j->until_us)))
		j->hold = HOLD_BUDGET;
}

void judge_rule(struct guard_views *v, const struct guard *g, const struct decide_in *in,
		const struct act *act, struct judged *ret)
{
	struct policy_rule *rule = g->rule;

	*ret = (struct judged){ .rule = rule, .level = (enum level) g->level };
	judge_truth(v, g, act, ret);

	switch ((enum rule_kind) g->kind) {
	case RULE_PERMIT:
		if (ret->truth != ANOD_TRUE)
			return;
		hold_permit(ret, in, act);
		ret->counted = ret->hold == HOLD_NONE;
		earn_level(ret, in, act);
		/* What cannot be undone may go by itself only when it is verified. */
		ret->no_undo = ret->level == LEVEL_AUTO && !act->undo && !rule->verify;
		if (ret->no_undo)
			ret->level = LEVEL_APPROVE;
		return;
	case RULE_FORBID:
		ret->level = LEVEL_DENY;
		ret->counted = ret->truth != ANOD_FALSE;
		return;
	case RULE_CAP:
		ret->counted = ret->truth != ANOD_FALSE;
		if (ret->counted || !rule->cap_for_us || !in->budgets)
			return;
		ret->until_us = budget_cap_until(in->budgets, rule->name,
						 cap_key(rule, act->resource), in->now_us);
		ret->remembered = ret->counted = ret->until_us > 0;
		return;
	}
}

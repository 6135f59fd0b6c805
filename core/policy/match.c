/*
 * match - does a rule apply to an action of an agent?
 *
 * Design.  Agent names and action patterns do not change while a policy lives, so the rules that
 * may name a pair of them are listed once per pair, on first use.  The rest is Kleene's minimum of
 * on, during and when.
 *
 * An action on several links: a permit must be proven for each of them, a forbid or cap counts
 * when it counts for one.
 */
#include <errno.h>
#include <string.h>

#include <uthash.h>

#include "base/clock.h"
#include "facts/value.h"
#include "policy/judge.h"
#include "policy/window.h"

/* ---- index ------------------------------------------------------------------------------ */

#define INDEX_PAIRS_MAX 4096 /* agents times kinds of actions */

struct index_pair {
	UT_hash_handle hh;
	struct rule_list *list;
	char key[ANOD_NAME_SIZE + ANOD_KIND_SIZE];
};

struct rule_index {
	struct index_pair *pairs;
};

void rule_index_free(struct rule_index *index)
{
	struct index_pair *pair, *next;

	if (!index)
		return;
	HASH_ITER(hh, index->pairs, pair, next)
	{
		HASH_DEL(index->pairs, pair);
		free(pair->list);
		free(pair);
	}
	free(index);
}

/* "route.replace", "route.*" */
static bool kind_matches(const char *pattern, const char *kind)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return strncmp(pattern, kind, n - 1) == 0;
	return strcmp(pattern, kind) == 0;
}

/* Whether the agent is in a set with a condition shows at each decision; here it may. */
static bool may_name_agent(const struct policy *p, const struct policy_rule *r, const char *agent)
{
	for (unsigned i = 0; i < r->n_agents; i++) {
		const struct policy_set *s = policy_find_set(p, r->agent[i]);

		if (strcmp(r->agent[i], agent) == 0 || (s && s->where))
			return true;
		for (unsigned k = 0; s && k < s->n_names; k++)
			if (strcmp(s->member[k], agent) == 0)
				return true;
	}
	return r->n_agents == 0;
}

static bool names_kind(const struct policy_rule *r, const char *kind)
{
	for (unsigned i = 0; i < r->n_actions; i++)
		if (kind_matches(r->action[i], kind))
			return true;
	return r->n_actions == 0;
}

static struct rule_list *make_list(const struct policy *p, const char *agent, const char *kind)
{
	struct rule_list *list = malloc(sizeof(*list) + p->n_rules * sizeof(list->at[0]));

	if (!list)
		return NULL;

	list->n = 0;
	for (unsigned i = 0; i < p->n_rules; i++)
		if (names_kind(&p->rule[i], kind) && may_name_agent(p, &p->rule[i], agent))
			list->at[list->n++] = i;
	return list;
}

const struct rule_list *rules_for(struct policy *p, const char *agent, const char *kind)
{
	char key[ANOD_NAME_SIZE + ANOD_KIND_SIZE];
	struct rule_index *index = p->index;
	struct index_pair *pair;

	(void) snprintf(key, sizeof(key), "%.*s %.*s", ANOD_NAME_SIZE - 1, agent,
			ANOD_KIND_SIZE - 1, kind);
	if (!index)
		index = p->index = calloc(1, sizeof(*index));
	if (!index)
		return NULL;

	HASH_FIND_STR(index->pairs, key, pair);
	if (pair)
		return pair->list;
	/* Names come from the configuration and kinds from manifests, so this is not reached. */
	if (HASH_COUNT(index->pairs) >= INDEX_PAIRS_MAX)
		return NULL;

	pair = calloc(1, sizeof(*pair));
	if (!pair)
		return NULL;
	pair->list = make_list(p, agent, kind);
	if (!pair->list) {
		free(pair);
		return NULL;
	}
	memcpy(pair->key, key, sizeof(key));
	HASH_ADD_STR(index->pairs, key, pair);
	return pair->list;
}

/* ---- parts of a rule -------------------------------------------------------------------- */

static enum anod_tri agent_truth(const struct ask *q, const struct policy_rule *r)
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

static enum anod_tri on_truth(const struct ask *q, const struct policy_rule *r)
{
	enum anod_tri truth = r->n_on ? ANOD_FALSE : ANOD_TRUE;

	for (unsigned i = 0; i < r->n_on; i++) {
		enum anod_tri one = on_one(q, &r->on[i]);

		truth = MAX_OF(truth, one);
	}
	return truth;
}

static enum anod_tri during_truth(const struct decide_in *in, const struct policy_rule *r)
{
	const struct policy_window *w;

	if (!r->during)
		return ANOD_TRUE;
	w = policy_find_window(in->config->policy, r->during);
	return w ? window_contains(w, in->wall_us) : ANOD_DOUBT;
}

static void judge_truth(const struct ask *q, const struct policy_rule *r, struct judged *j)
{
	bool all = r->kind == RULE_PERMIT;
	unsigned n = MAX_OF(q->act->n_links, 1u);
	enum anod_tri agent = agent_truth(q, r), links = all ? ANOD_TRUE : ANOD_FALSE;

	j->on = links;
	for (unsigned i = 0; i < n; i++) {
		struct ask one = *q;
		enum anod_tri on, when, both;

		one.link = i < q->act->n_links ? q->act->link[i] : NULL;
		on = on_truth(&one, r);
		/* Not evaluated where the rule has no business: its facts would explain nothing. */
		when = on == ANOD_FALSE || !r->when ? ANOD_TRUE : ask_truth(&one, r->when);
		both = MIN_OF(on, when);
		links = all ? MIN_OF(links, both) : MAX_OF(links, both);
		j->on = all ? MIN_OF(j->on, on) : MAX_OF(j->on, on);
	}
	/* Some of its links could not be named: a permit is not proven for those. */
	if (all && r->n_on && !q->act->links_known)
		links = MIN_OF(links, ANOD_DOUBT);

	j->during = during_truth(q->in, r);
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

void judge_rule(struct policy_rule *rule, const struct decide_in *in, const struct act *act,
		struct hypothesis *hyp, struct expr_trace *trace, struct judged *ret)
{
	struct ask q;

	*ret = (struct judged){ .rule = rule, .level = rule->level };
	ask_init(&q, in, act, hyp, trace);
	judge_truth(&q, rule, ret);

	switch (rule->kind) {
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

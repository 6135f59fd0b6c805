/*
 * pairs - how the guards of each two rules lie to each other.
 */
#include "policy/pairs.h"

#include <errno.h>

#include "policy/analyse_priv.h"

static enum where counts(const struct policy_rule *r)
{
	return r->kind == RULE_PERMIT ? WHERE_TRUE : WHERE_NOT_FALSE;
}

static const char *relation_text(const struct pair_relation *p)
{
	if (!p->decided)
		return "not decided";
	if (p->a_empty || p->b_empty)
		return p->a_empty ? "the first never counts" : "the second never counts";
	if (!p->meet)
		return "apart";
	if (p->a_inside && p->b_inside)
		return "the same";
	return p->a_inside   ? "the first inside the second"
	       : p->b_inside ? "the second inside the first"
			     : "overlap";
}

static int relate(struct pair *p, const struct anod_action_desc *kind, struct pair_relation *ret)
{
	_cleanup_(region_done) struct region a = { 0 }, b = { 0 }, both = { 0 };
	int r, in = 0;

	r = guard_region(p->space, p->a, ret->agent, kind, counts(p->a), &a);
	if (r == 0)
		r = guard_region(p->space, p->b, ret->agent, kind, counts(p->b), &b);
	if (r == 0)
		r = region_meet(p->space, &a, &b, &both);
	if (r == 0)
		in = r = region_inside(p->space, &a, &b, NULL);
	ret->a_inside = in > 0;
	if (r >= 0)
		in = r = region_inside(p->space, &b, &a, NULL);
	ret->b_inside = in > 0;
	ret->a_empty = a.n == 0;
	ret->b_empty = b.n == 0;
	ret->meet = both.n > 0;
	return r;
}

static int each(struct analysis *x, struct pair *p, bool decided,
		int (*fn)(const struct pair_relation *p, void *data), void *data)
{
	for (int i = pair_agent(x, p, 0); i >= 0; i = pair_agent(x, p, (unsigned) i + 1))
		for (int k = pair_kind(x, p, 0); k >= 0; k = pair_kind(x, p, (unsigned) k + 1)) {
			const struct anod_action_desc *kind = x->in->env->actions[k];
			const char *agent = agent_name(x, (unsigned) i);
			struct pair_relation q = { .a = p->a->name,
						   .b = p->b->name,
						   .a_word = rule_word(p->a),
						   .b_word = rule_word(p->b),
						   .agent = agent ? agent : "any",
						   .action = p->by_kind ? kind->kind : "any" };
			int r = decided ? relate(p, kind, &q) : -E2BIG;

			if (r == -ENOMEM)
				return r;
			q.decided = r >= 0;
			q.text = relation_text(&q);
			r = fn(&q, data);
			if (r)
				return r;
		}
	return 0;
}

int pairs_each(const struct config *c, const struct config_env *env,
	       int (*fn)(const struct pair_relation *p, void *data), void *data)
{
	struct analyse_in in = { .config = c, .env = env };
	struct analysis x = { .in = &in, .policy = c->policy };
	int r = 0;

	for (unsigned i = 0; i < c->policy->n_rules && r >= 0; i++)
		for (unsigned k = 0; k < i && r >= 0; k++) {
			struct pair p;

			r = pair_open(&x, &c->policy->rule[k], &c->policy->rule[i], &p);
			if (r == 0 || r == -E2BIG)
				r = each(&x, &p, r == 0, fn, data);
			pair_done(&p);
		}
	return r;
}

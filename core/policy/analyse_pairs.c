/*
 * analyse_pairs - rules against each other: swallowed permits, ceilings that always lower, pieces
 * that a forbid or cap cuts out of permits.
 *
 * Design.  A permit is swallowed when another one counts wherever it does and gives as much on
 * terms that are no worse.  It is in vain when the forbids and caps together always lower it.  A
 * forbid that cuts a piece out of a permit is how policies are written: a note says which piece,
 * once for each forbid or cap.
 */
#include <errno.h>
#include <string.h>

#include "policy/analyse_priv.h"

/* ---- terms --------------------------------------------------------------------------------- */

static bool has_group(const struct policy_rule *r, const char *group)
{
	for (unsigned i = 0; i < r->n_groups; i++)
		if (strcmp(r->group[i], group) == 0)
			return true;
	return r->n_groups == 0;
}

static bool same_name(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool terms_not_weaker(const struct policy_rule *a, const struct policy_rule *b)
{
	if (b->quorum.n && !a->quorum.n)
		return false;
	if (b->demote.to_set && !a->demote.to_set)
		return false;
	if (b->budget && !same_name(a->budget, b->budget))
		return false;
	if (b->cooldown_us > a->cooldown_us ||
	    (b->cooldown_us && !same_name(a->cooldown_per, b->cooldown_per)))
		return false;
	if (a->touch_foreign && !b->touch_foreign)
		return false;
	if (b->level > LEVEL_APPROVE || a->level < LEVEL_APPROVE)
		return true;
	if (b->approvals > a->approvals)
		return false;
	for (unsigned i = 0; i < a->n_groups; i++)
		if (!has_group(b, a->group[i]))
			return false;
	return a->n_groups > 0 || b->n_groups == 0;
}

/* The same but for the name and the place, and for the guard, which was compared. */
static bool same_terms(const struct policy_rule *a, const struct policy_rule *b)
{
	return !a->reflex.there && !b->reflex.there && a->level == b->level &&
	       terms_not_weaker(a, b) && terms_not_weaker(b, a) &&
	       a->verify_within_us == b->verify_within_us && a->confirm_us == b->confirm_us &&
	       a->undo_after_us == b->undo_after_us && !a->verify == !b->verify &&
	       (!a->verify || expr_same(a->verify, b->verify));
}

/* ---- one inside another --------------------------------------------------------------------- */

/* Every agent and kind of 'a' is one of 'b'. */
static bool names_all(const struct analysis *x, const struct policy_rule *a,
		      const struct policy_rule *b)
{
	const struct anod_action_desc *const *k = x->in->env->actions;

	for (unsigned i = 0; k[i]; i++)
		if (guard_names_kind(a, k[i]->kind) && !guard_names_kind(b, k[i]->kind))
			return false;
	for (unsigned i = 0; agent_name(x, i); i++)
		if (guard_names_agent(x->policy, a, agent_name(x, i)) &&
		    !guard_names_agent(x->policy, b, agent_name(x, i)))
			return false;
	return b->n_agents == 0 || agent_name(x, 0);
}

/* 1: where 'a' is true, 'b' is 'w', for each agent and kind of 'a'; 0, or -E2BIG. */
static int inside(struct analysis *x, const struct policy_rule *a, const struct policy_rule *b,
		  enum where w)
{
	struct pair p, own;
	bool any = false;
	int in;

	if (!names_all(x, a, b))
		return 0;
	in = pair_open(x, a, b, &p);
	own = p;
	own.b = a;
	in = in < 0 ? in : 1;
	for (int i = pair_agent(x, &own, 0); i >= 0 && in > 0;
	     i = pair_agent(x, &own, (unsigned) i + 1))
		for (int k = pair_kind(x, &own, 0); k >= 0 && in > 0;
		     k = pair_kind(x, &own, (unsigned) k + 1)) {
			_cleanup_(region_done) struct region ra = { 0 }, rb = { 0 };
			const struct anod_action_desc *kind = x->in->env->actions[k];

			in = guard_region(p.space, a, agent_name(x, (unsigned) i), kind, WHERE_TRUE,
					  &ra);
			if (in == 0)
				in = guard_region(p.space, b, agent_name(x, (unsigned) i), kind, w,
						  &rb);
			if (in == 0)
				in = held_possible(p.space, &ra);
			if (in == 0)
				in = region_inside(p.space, &ra, &rb, NULL);
			any = true;
		}
	pair_done(&p);
	return in > 0 && !any ? 0 : in;
}

static void check_permits(struct analysis *x, unsigned i, unsigned k)
{
	const struct policy_rule *a = &x->policy->rule[i], *b = &x->policy->rule[k];

	/* One that may be demoted leaves room for the other. */
	if (b->demote.to_set || rule_top(b) < rule_top(a) || b->level < a->level ||
	    !terms_not_weaker(a, b) || inside(x, a, b, WHERE_TRUE) <= 0)
		return;
	if (same_terms(a, b) && inside(x, b, a, WHERE_TRUE) > 0) {
		if (i > k) /* said once, of the later one */
			find(x, FINDING_WARNING, "duplicate", &a->place,
			     "permit \"%s\" says the same as permit \"%s\" in %s:%u|remove one of "
			     "them",
			     a->name, b->name, b->place.file, b->place.line);
		return;
	}
	x->mute[i] = 1;
	find(x, FINDING_WARNING, "shadowed", &a->place,
	     "permit \"%s\" changes no answer: wherever it counts, permit \"%s\" in %s:%u does "
	     "too, "
	     "and gives %s%s|remove it, or make the other one narrower",
	     a->name, b->name, b->place.file, b->place.line, level_name(b->level),
	     b->level == a->level ? " as well, on terms that are no stricter" : "");
}

static void check_bar(struct analysis *x, unsigned i, unsigned k)
{
	const struct policy_rule *a = &x->policy->rule[i], *b = &x->policy->rule[k];

	if (b->level >= rule_top(a) || inside(x, a, b, WHERE_NOT_FALSE) <= 0)
		return;
	x->mute[i] = 1;
	if (b->kind == RULE_FORBID)
		find(x, FINDING_WARNING, "shadowed", &a->place,
		     "permit \"%s\" allows nothing: forbid \"%s\" in %s:%u forbids all of "
		     "it|remove "
		     "it, or narrow the forbid",
		     a->name, b->name, b->place.file, b->place.line);
	else
		find(x, FINDING_WARNING, "shadowed", &a->place,
		     "permit \"%s\" never gives %s: cap \"%s\" in %s:%u always lowers it to "
		     "%s|lower "
		     "its level, or narrow the cap",
		     a->name, level_name(rule_top(a)), b->name, b->place.file, b->place.line,
		     level_name(b->level));
}

/* ---- pieces --------------------------------------------------------------------------------- */

struct cut {
	unsigned n;
	char first[ANOD_NAME_SIZE], example[700];
};

/* An example of where both are true, or else where the permit is and the other may be. */
static int example(struct analysis *x, struct pair *p, char *buf, size_t size)
{
	static const enum where wheres[] = { WHERE_TRUE, WHERE_NOT_FALSE };

	for (size_t n = 0; n < ARRAY_SIZE(wheres); n++)
		for (int i = pair_agent(x, p, 0); i >= 0; i = pair_agent(x, p, (unsigned) i + 1))
			for (int k = pair_kind(x, p, 0); k >= 0;
			     k = pair_kind(x, p, (unsigned) k + 1)) {
				_cleanup_(region_done) struct region a = { 0 }, b = { 0 },
								     both = { 0 };
				const struct anod_action_desc *kind = x->in->env->actions[k];
				const char *agent = agent_name(x, (unsigned) i);
				struct point at;
				int r;

				r = guard_region(p->space, p->a, agent, kind, WHERE_TRUE, &a);
				if (r == 0)
					r = guard_region(p->space, p->b, agent, kind, wheres[n],
							 &b);
				if (r == 0)
					r = region_meet(p->space, &a, &b, &both);
				if (r == 0)
					r = held_possible(p->space, &both);
				if (r < 0)
					return r;
				if (!both.n)
					continue;
				point_of(p->space, both.box, &at);
				point_text(p->space, both.box, &at, agent, kind->kind, buf, size);
				return 1;
			}
	return 0;
}

static void check_cut(struct analysis *x, unsigned i, unsigned k, struct cut *c)
{
	const struct policy_rule *a = &x->policy->rule[i], *b = &x->policy->rule[k];
	char text[700] = "";
	struct pair p;
	int r;

	if (b->level >= rule_top(a) || x->mute[i])
		return;
	r = pair_open(x, a, b, &p);
	if (r == 0)
		r = example(x, &p, text, sizeof(text));
	pair_done(&p);
	if (r <= 0)
		return;
	if (c->n++ == 0) {
		(void) copy_text(c->first, sizeof(c->first), a->name);
		(void) copy_text(c->example, sizeof(c->example), text);
	}
}

static void say_cut(struct analysis *x, const struct policy_rule *b, const struct cut *c)
{
	char more[48] = "";

	if (!c->n)
		return;
	if (c->n > 1)
		(void) snprintf(more, sizeof(more), " and %u other permit%s", c->n - 1,
				c->n > 2 ? "s" : "");
	find(x, FINDING_NOTE, "overlap", &b->place, "%s \"%s\" cuts into permit \"%s\"%s: e.g. %s",
	     rule_word(b), b->name, c->first, more, c->example);
}

/* ---- all ------------------------------------------------------------------------------------ */

static bool take_pair(struct analysis *x)
{
	if (x->n_pairs >= x->in->max_pairs)
		x->pairs_left = true;
	else
		x->n_pairs++;
	return !x->pairs_left;
}

static void compare_permit(struct analysis *x, unsigned i)
{
	const struct policy *p = x->policy;

	for (unsigned k = 0; k < p->n_rules && !x->mute[i]; k++)
		if (k != i && !x->mute[k] && p->rule[k].kind != RULE_PERMIT && take_pair(x))
			check_bar(x, i, k);
	for (unsigned k = 0; k < p->n_rules && !x->mute[i]; k++)
		if (k != i && !x->mute[k] && p->rule[k].kind == RULE_PERMIT && take_pair(x))
			check_permits(x, i, k);
}

void analyse_pairs(struct analysis *x)
{
	const struct policy *p = x->policy;

	for (unsigned i = 0; i < p->n_rules; i++)
		if (p->rule[i].kind == RULE_PERMIT && !x->mute[i])
			compare_permit(x, i);
	for (unsigned k = 0; x->in->notes && k < p->n_rules; k++) {
		struct cut c = { 0 };

		if (p->rule[k].kind == RULE_PERMIT || x->mute[k])
			continue;
		for (unsigned i = 0; i < p->n_rules; i++)
			if (p->rule[i].kind == RULE_PERMIT && take_pair(x))
				check_cut(x, i, k, &c);
		say_cut(x, &p->rule[k], &c);
	}
	if (x->pairs_left && p->n_rules)
		find(x, FINDING_NOTE, "not-decided", &p->rule[0].place,
		     "only %u pairs of rules were compared", x->in->max_pairs);
}

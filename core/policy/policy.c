/*
 * policy - find parts of a policy by name, and free it.
 *
 * Design.  Names are looked up by linear search: a decision looks up the few sets and the one
 * window that a rule names, and policies have tens of each.
 */
#include "policy/policy.h"

#include <string.h>

#include "policy/parse.h"

const char *severity_name(enum severity s)
{
	static const char *const names[] = { "", "warning", "minor", "major", "critical" };

	return names[s];
}

const char *level_name(enum level l)
{
	switch (l) {
	case LEVEL_DENY:
		return "deny";
	case LEVEL_OBSERVE:
		return "observe";
	case LEVEL_PROPOSE:
		return "propose";
	case LEVEL_APPROVE:
		return "approve";
	case LEVEL_AUTO:
		return "auto";
	}
	return "deny";
}

const struct policy_set *policy_find_set(const struct policy *p, const char *name)
{
	for (unsigned i = 0; i < p->n_sets; i++) {
		if (strcmp(p->set[i].name, name) == 0)
			return &p->set[i];
	}
	return NULL;
}

const struct policy_window *policy_find_window(const struct policy *p, const char *name)
{
	for (unsigned i = 0; i < p->n_windows; i++) {
		if (strcmp(p->window[i].name, name) == 0)
			return &p->window[i];
	}
	return NULL;
}

const struct policy_budget *policy_find_budget(const struct policy *p, const char *name)
{
	for (unsigned i = 0; i < p->n_budgets; i++) {
		if (strcmp(p->budget[i].name, name) == 0)
			return &p->budget[i];
	}
	return NULL;
}

static void names_done(char **name, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free(name[i]);
	free(name);
}

static void set_done(struct policy_set *s)
{
	free(s->name);
	free(s->kind_name);
	expr_free(s->where);
	names_done(s->member, s->n_names);
	free(s->prefix);
	free(s->flow);
}

static void invariant_done(struct policy_invariant *i)
{
	for (unsigned k = 0; k < i->n_requires; k++) {
		expr_free(i->require[k].expr);
		expr_free(i->require[k].measure);
		free(i->require[k].set);
		free(i->require[k].pattern);
		free(i->require[k].text);
	}
	names_done(i->override_group, i->n_override_groups);
	free(i->require);
	free(i->name);
}

static void on_done(struct policy_on *o)
{
	free(o->set);
	free(o->kind);
	names_done(o->name, o->n_names);
	free(o->prefix);
}

void rule_done(struct policy_rule *r)
{
	free(r->name);
	names_done(r->agent, r->n_agents);
	names_done(r->action, r->n_actions);
	for (unsigned i = 0; i < r->n_on; i++)
		on_done(&r->on[i]);
	free(r->on);
	expr_free(r->when);
	free(r->during);
	names_done(r->group, r->n_groups);
	free(r->budget);
	free(r->cooldown_per);
	expr_free(r->verify);
	names_done(r->quorum.peer, r->quorum.n_peers);
	free(r->quorum.grant);
	names_done(r->notify, r->n_notify);
}

void objective_done(struct policy_objective *o)
{
	for (unsigned i = 0; i < o->n_requires; i++)
		expr_free(o->require[i]);
	free(o->require);
	free(o->name);
}

void policy_changed(struct policy *p)
{
	rule_index_free(p->index);
	p->index = NULL;
}

struct policy *policy_free(struct policy *p)
{
	if (!p)
		return NULL;

	for (unsigned i = 0; i < p->n_sets; i++)
		set_done(&p->set[i]);
	for (unsigned i = 0; i < p->n_windows; i++) {
		free(p->window[i].name);
		free(p->window[i].zone);
	}
	for (unsigned i = 0; i < p->n_budgets; i++)
		free(p->budget[i].name);
	for (unsigned i = 0; i < p->n_invariants; i++)
		invariant_done(&p->invariant[i]);
	for (unsigned i = 0; i < p->n_rules; i++)
		rule_done(&p->rule[i]);
	for (unsigned i = 0; i < p->n_objectives; i++)
		objective_done(&p->objective[i]);
	free(p->objective);
	free(p->set);
	free(p->window);
	free(p->budget);
	free(p->invariant);
	free(p->rule);
	free(p->brake.sick_set);
	free(p->name);
	rule_index_free(p->index);
	free(p);
	return NULL;
}

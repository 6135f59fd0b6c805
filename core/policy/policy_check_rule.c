/*
 * policy_check_rule - permits, forbids and caps: whom, what, when, and on what terms.
 *
 * Design.  Two kinds of errors.  A name that does not exist would make a rule that never counts,
 * so it is an error, not a warning: a forbid that forbids nothing is the worst of all typing
 * mistakes.  And terms that cannot be kept, such as an automatic change that nobody can undo, are
 * refused before anything relies on them.
 */
#include "policy/parse.h"

#define SUGGEST_MAX 512 /* for suggestions; further names are not suggested */

struct names {
	const char *name[SUGGEST_MAX + 1];
	unsigned n;
};

static void names_add(struct names *l, const char *name)
{
	if (l->n < SUGGEST_MAX)
		l->name[l->n++] = name;
}

/* "there is no WHAT 'x'; did you mean 'y'?", or 'cure', or else which there are. */
static void unknown(struct parse *p, const struct policy_rule *r, const char *what,
		    const char *name, const struct names *l, const char *cure)
{
	const struct lex_place *place = parse_place_of(p, name, &r->place);
	const char *near = nearest_word(name, l->name);
	char all[400] = "";

	if (near) {
		(void) parse_error(p, place, "there is no %s '%s'; did you mean '%s'?", what, name,
				   near);
		return;
	}
	for (unsigned i = 0, n = 0; !cure && i < l->n && n < sizeof(all); i++)
		n += (unsigned) snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "there are ",
					 l->name[i]);
	(void) parse_error(p, place, "there is no %s '%s'; %s", what, name, cure ? cure : all);
}

/* ---- whom and what ----------------------------------------------------------------------------- */

static void check_agent(struct parse *p, const struct policy_rule *r, const char *name)
{
	const struct policy *policy = p->config->policy;
	const struct policy_set *s = policy_find_set(policy, name);
	struct names l = { 0 };

	if (is_own_agent(name))
		return;
	if (find_agent(p, name) || (s && (s->kind == SET_AGENT || parse_is_broken(p, &s->place))))
		return;
	if (s) {
		(void) parse_error(p, parse_place_of(p, name, &r->place),
				   "'%s' is a set of kind '%s', not of agents", name, s->kind_name);
		return;
	}

	for (unsigned i = 0; i < p->config->n_agents; i++)
		names_add(&l, p->config->agent[i].name);
	for (unsigned i = 0; i < policy->n_sets; i++) {
		if (policy->set[i].kind == SET_AGENT)
			names_add(&l, policy->set[i].name);
	}
	unknown(p, r, "agent or set of agents", name, &l, "write an agent block for it");
}

static void check_action(struct parse *p, const struct policy_rule *r, const char *pattern)
{
	struct names l = { 0 };

	for (unsigned i = 0; p->env->actions[i]; i++) {
		if (action_matches(pattern, p->env->actions[i]->kind))
			return;
		names_add(&l, p->env->actions[i]->kind);
	}
	unknown(p, r, "action", pattern, &l, NULL);
}

static void check_on_set(struct parse *p, const struct policy_rule *r, const struct policy_on *o)
{
	const struct policy *policy = p->config->policy;
	const struct policy_set *s = policy_find_set(policy, o->set);
	struct names l = { 0 };
	char cure[192];

	if (!s) {
		for (unsigned i = 0; i < policy->n_sets; i++)
			names_add(&l, policy->set[i].name);
		(void) snprintf(cure, sizeof(cure), "write set %.60s = ... for it, or 'link %.60s'",
				o->set, o->set);
		unknown(p, r, "set", o->set, &l, cure);
		return;
	}
	if (parse_is_broken(p, &s->place))
		return;
	if (s->kind == SET_AGENT)
		(void) parse_error(p, parse_place_of(p, o->set, &r->place),
				   "'%s' is a set of agents; 'on' is about what they touch",
				   o->set);
	else if (o->kind && strcmp(o->kind, s->kind_name) != 0)
		(void) parse_error(p, parse_place_of(p, o->set, &r->place),
				   "'%s' is a set of kind '%s', not '%s'", o->set, s->kind_name,
				   o->kind);
}

static void check_on(struct parse *p, const struct policy_rule *r, const struct policy_on *o)
{
	struct names l = { 0 };

	if (o->set) {
		check_on_set(p, r, o);
		return;
	}
	if (strcmp(o->kind, "prefix") == 0 || schema_kind_id(p->env->schema, o->kind))
		return;
	for (unsigned i = 0; schema_kind_names(p->env->schema)[i]; i++)
		names_add(&l, schema_kind_names(p->env->schema)[i]);
	names_add(&l, "prefix");
	unknown(p, r, "kind", o->kind, &l, NULL);
}

static void check_window(struct parse *p, const struct policy_rule *r)
{
	const struct policy *policy = p->config->policy;
	struct names l = { 0 };

	if (!r->during || policy_find_window(policy, r->during))
		return;
	for (unsigned i = 0; i < policy->n_windows; i++)
		names_add(&l, policy->window[i].name);
	unknown(p, r, "window", r->during, &l, "write window NAME = ... for it");
}

/* ---- terms ------------------------------------------------------------------------------------- */

static void check_budget(struct parse *p, const struct policy_rule *r)
{
	const struct policy *policy = p->config->policy;
	struct names l = { 0 };

	if (!r->budget || policy_find_budget(policy, r->budget))
		return;
	for (unsigned i = 0; i < policy->n_budgets; i++)
		names_add(&l, policy->budget[i].name);
	unknown(p, r, "budget", r->budget, &l, "write budget NAME = N per DURATION for it");
}

/* The first action that the rule names and that nothing undoes, or NULL. */
static const struct anod_action_desc *without_undo(const struct parse *p,
						   const struct policy_rule *r)
{
	for (unsigned i = 0; p->env->actions[i]; i++) {
		const struct anod_action_desc *a = p->env->actions[i];

		if (a->flags & ANOD_ACT_UNDO)
			continue;
		if (r->n_actions == 0)
			return a;
		for (unsigned k = 0; k < r->n_actions; k++) {
			if (action_matches(r->action[k], a->kind))
				return a;
		}
	}
	return NULL;
}

void policy_check_auto(struct parse *p, const struct policy_rule *r, const char *what)
{
	const struct anod_action_desc *a = without_undo(p, r);

	if (r->verify_within_us == 0)
		(void) parse_error(p, &r->place,
				   "\"%s\": %s wants 'verify within DURATION', so that a change "
				   "that does not work is taken back",
				   r->name, what);
	else if (a && !r->verify)
		(void) parse_error(p, &r->place,
				   "\"%s\": nothing undoes %s, so %s wants 'verify within "
				   "DURATION that CONDITION'",
				   r->name, a->kind, what);
}

static void check_terms(struct parse *p, const struct policy_rule *r)
{
	if (r->level == LEVEL_AUTO)
		policy_check_auto(p, r, "level auto");
	policy_check_trust(p, r);
	policy_check_recover(p, r);
	config_check_quorum(p, r);
}

void policy_check_rule(struct parse *p, struct scope *scope, struct policy_rule *r)
{
	for (unsigned i = 0; i < r->n_agents; i++)
		check_agent(p, r, r->agent[i]);
	for (unsigned i = 0; i < r->n_actions; i++)
		check_action(p, r, r->action[i]);
	for (unsigned i = 0; i < r->n_on; i++)
		check_on(p, r, &r->on[i]);
	check_window(p, r);
	check_budget(p, r);
	check_people(p, &r->place, r->name, r->approvals, r->group, r->n_groups);
	if (r->when) {
		scope->expr.history_allowed = true;
		(void) scope_check(scope, r->when, r, false);
		scope->expr.history_allowed = false;
		policy_check_history(p, r->when);
	}
	if (r->verify)
		(void) scope_check(scope, r->verify, r, true);
	if (r->recover)
		(void) scope_check(scope, r->recover, r, false);
	check_terms(p, r);
	policy_check_reflex(p, scope, r);
}

/*
 * analyse_terms - verification that cannot work, budgets that nobody uses or that never bind,
 * facts that are always too old, agents and actions that nobody thought of.
 *
 * Design.  Each of them loads and is safe; each is most likely not what was meant.
 */
#include <string.h>

#include "base/clock.h"
#include "facts/value.h"
#include "policy/analyse_priv.h"

/* ---- verification --------------------------------------------------------------------------- */

struct longest {
	uint64_t held_us, before_us; /* of "for"; of a window compared with "before" */
	bool before;
};

static void note_before(const struct expr *e, void *data)
{
	struct longest *l = data;

	l->before |= e->op == EXPR_BEFORE;
	if (e->op == EXPR_CALL)
		l->before_us = MAX_OF(l->before_us, e->dur_us);
}

static void note_held(const struct expr *e, void *data)
{
	struct longest *l = data;

	if (e->op == EXPR_FOR)
		l->held_us = MAX_OF(l->held_us, e->dur_us);
	if (e->op == EXPR_COMPARE) {
		struct longest one = { 0 };

		expr_walk(e, note_before, &one);
		if (one.before)
			l->before_us = MAX_OF(l->before_us, one.before_us);
	}
}

static void check_verify(struct analysis *x, const struct policy_rule *r)
{
	char within[32], other[32];
	struct longest l = { 0 };

	(void) format_duration(r->verify_within_us, within, sizeof(within));
	if (r->confirm_us && !r->confirm_by_hand && r->verify_within_us > r->confirm_us)
		find(x, FINDING_NOTE, "verify-longer", &r->place,
		     "permit \"%s\": 'confirm after %s' is shorter than 'verify within %s', so a "
		     "change is watched for less time than it may take to work|let it be confirmed "
		     "after %s or more",
		     r->name, format_duration(r->confirm_us, other, sizeof(other)), within, within);
	if (!r->verify || !r->verify_within_us)
		return;
	expr_walk(r->verify, note_held, &l);
	if (l.held_us >= r->verify_within_us)
		find(x, FINDING_WARNING, "never-verified", &r->place,
		     "permit \"%s\": 'for %s' cannot be seen 'within %s', so every change is "
		     "rolled "
		     "back|verify within a longer time",
		     r->name, format_duration(l.held_us, other, sizeof(other)), within);
	if (l.before_us >= r->verify_within_us && l.before_us)
		find(x, FINDING_WARNING, "never-verified", &r->place,
		     "permit \"%s\": a window of %s compared with 'before' still holds what was "
		     "before the change when 'within %s' ends|use a shorter window",
		     r->name, format_duration(l.before_us, other, sizeof(other)), within);
}

/* ---- budgets -------------------------------------------------------------------------------- */

static double moved_share(const struct policy *p)
{
	double least = 0;

	for (unsigned i = 0; i < p->n_invariants; i++)
		for (unsigned k = 0; k < p->invariant[i].n_requires; k++) {
			const struct policy_require *q = &p->invariant[i].require[k];

			if (q->kind == REQUIRE_MOVED_PREFIXES && q->ratio > 0 &&
			    (!(least > 0) || q->ratio < least))
				least = q->ratio;
		}
	return least;
}

/* Do its actions move traffic at all? */
static bool moves(const struct policy_rule *r)
{
	static const char *const kinds[] = { "route.replace", "route.del",	 "route.metric",
					     "link.down",     "nexthop.replace", "nexthop.weight" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (guard_names_kind(r, kinds[i]))
			return true;
	return false;
}

static void check_budget(struct analysis *x, const struct policy_budget *b)
{
	double share = moved_share(x->policy);
	char window[32], all[32];
	unsigned n = 0, moving = 0;

	for (unsigned i = 0; i < x->policy->n_rules; i++) {
		const struct policy_rule *r = &x->policy->rule[i];

		if (!r->budget || strcmp(r->budget, b->name) != 0)
			continue;
		n++;
		moving += moves(r);
	}
	for (unsigned i = 0; i < x->in->config->n_grants; i++) {
		const char *of = x->in->config->grant[i].budget;

		n += of && strcmp(of, b->name) == 0;
	}
	(void) format_duration(b->window_us, window, sizeof(window));
	(void) format_duration(b->shared_window_us, all, sizeof(all));
	if (!n)
		find(x, FINDING_WARNING, "unused", &b->place,
		     "no permit names budget '%s': it limits nothing|write 'budget %s' in the "
		     "permits that it is for, or remove it",
		     b->name, b->name);
	if (b->shared_count && b->shared_count <= b->count && b->shared_window_us >= b->window_us &&
	    b->per == BUDGET_PER_NONE)
		find(x, FINDING_WARNING, "budget", &b->place,
		     "budget '%s': %u per %s is never reached, because %u per %s is used up "
		     "before|correct one of them",
		     b->name, b->count, window, b->shared_count, all);
	if (moving && share > 0 && share * b->count >= 1)
		find(x, FINDING_NOTE, "budget", &b->place,
		     "budget '%s' lets %u changes of %.4g%% of the table each go by in %s: "
		     "together "
		     "all of it can move",
		     b->name, b->count, share * 100, window);
}

void analyse_terms(struct analysis *x)
{
	for (unsigned i = 0; i < x->policy->n_rules; i++)
		if (x->policy->rule[i].kind == RULE_PERMIT)
			check_verify(x, &x->policy->rule[i]);
	for (unsigned i = 0; i < x->policy->n_budgets; i++)
		check_budget(x, &x->policy->budget[i]);
}

/* ---- facts ---------------------------------------------------------------------------------- */

struct facts {
	struct analysis *x;
	const char *what, *name;
};

/* How often the sensor reads, by its option "every"; 0: it does not say. */
static uint64_t period_us(const struct config *c, const char *source, const char **ret_name)
{
	for (unsigned i = 0; i < c->n_sensors; i++) {
		const struct config_block *b = &c->sensor[i];

		if (strcmp(b->plugin, source) != 0)
			continue;
		for (unsigned k = 0; k < b->n_options; k++) {
			const struct config_option *o = &b->option[k];

			if (strcmp(o->name, "every") != 0 || o->n_values == 0 ||
			    o->value[0].type != ANOD_INT || o->value[0].unit != ANOD_UNIT_TIME)
				continue;
			*ret_name = b->name;
			return (uint64_t) o->value[0].u.i;
		}
	}
	return 0;
}

static void note_fact(const struct expr *e, void *data)
{
	const struct facts *f = data;
	const struct schema *s = f->x->in->env->schema;
	const struct schema_attr *a;
	char every[32], age[32];
	const char *name = "";
	uint64_t us;

	if (e->op != EXPR_FACT || !e->kind || e->slot < 0)
		return;
	a = schema_attr_at(s, e->kind, (uint16_t) e->slot);
	if (!a || !a->max_age_us || !a->source)
		return;
	us = period_us(f->x->in->config, a->source, &name);
	if (us <= a->max_age_us)
		return;
	find(f->x, FINDING_WARNING, "too-old", &e->place,
	     "%s \"%s\": '%s.%s' is unknown most of the time: it counts for %s, and sensor %s "
	     "reads "
	     "it every %s|let the sensor read more often",
	     f->what, f->name, a->kind_name, a->name,
	     format_duration(a->max_age_us, age, sizeof(age)), name,
	     format_duration(us, every, sizeof(every)));
}

void analyse_facts(struct analysis *x)
{
	const struct policy *p = x->policy;

	for (unsigned i = 0; i < p->n_rules; i++) {
		struct facts f = { x, rule_word(&p->rule[i]), p->rule[i].name };

		if (p->rule[i].when)
			expr_walk(p->rule[i].when, note_fact, &f);
		if (p->rule[i].verify)
			expr_walk(p->rule[i].verify, note_fact, &f);
		if (p->rule[i].recover)
			expr_walk(p->rule[i].recover, note_fact, &f);
	}
	for (unsigned i = 0; i < p->n_invariants; i++)
		for (unsigned k = 0; k < p->invariant[i].n_requires; k++) {
			struct facts f = { x, "invariant", p->invariant[i].name };

			if (p->invariant[i].require[k].expr)
				expr_walk(p->invariant[i].require[k].expr, note_fact, &f);
		}
}

/* ---- agents --------------------------------------------------------------------------------- */

static const struct anod_plugin *plugin_of(const struct analysis *x, const struct config_block *b)
{
	if (b->def)
		return x->in->config->def[b->def - 1].manifest;
	for (unsigned i = 0; x->in->env->plugins[i]; i++)
		if ((x->in->env->plugins[i]->roles & ANOD_AGENT) &&
		    strcmp(x->in->env->plugins[i]->name, b->plugin) == 0)
			return x->in->env->plugins[i];
	return NULL;
}

/* Kinds that the agent may propose and no permit gives it. */
static void check_agent(struct analysis *x, const struct config_block *b)
{
	const struct anod_plugin *m = plugin_of(x, b);
	char missing[400] = "";
	unsigned n = 0, given = 0, permits = 0;
	size_t at = 0;

	for (unsigned i = 0; m && m->proposes && m->proposes[i]; i++) {
		bool mentioned = false;

		for (unsigned k = 0; k < x->policy->n_rules; k++) {
			const struct policy_rule *r = &x->policy->rule[k];

			if (!guard_names_agent(x->policy, r, b->name) ||
			    !guard_names_kind(r, m->proposes[i]))
				continue;
			/* "any" thinks of everything but means nothing in particular. */
			mentioned |= r->kind == RULE_PERMIT || (r->n_actions && r->n_agents);
			permits += r->kind == RULE_PERMIT;
		}
		given += mentioned;
		if (!mentioned && at < sizeof(missing))
			at += (size_t) snprintf(missing + at, sizeof(missing) - at, "%s%s",
						n++ ? ", " : "", m->proposes[i]);
	}
	if (!m || (!n && !given))
		return;
	if (!permits)
		find(x, FINDING_NOTE, "no-permit", &b->place,
		     "agent %s may do nothing: no permit names it and an action that it proposes",
		     b->name);
	else if (n)
		find(x, FINDING_NOTE, "no-permit", &b->place,
		     "no rule mentions %s of agent %s: each of its proposals is denied", missing,
		     b->name);
}

void analyse_agents(struct analysis *x)
{
	unsigned permits = 0;

	/* A policy without a permit is meant to observe. */
	for (unsigned i = 0; i < x->policy->n_rules; i++)
		permits += x->policy->rule[i].kind == RULE_PERMIT;
	for (unsigned i = 0; permits && i < x->in->config->n_agents; i++)
		check_agent(x, &x->in->config->agent[i]);
}

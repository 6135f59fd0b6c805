/*
 * diff_terms - what changes beside the level: terms of permits, invariants, sets inside counts.
 */
#include <string.h>

#include "base/clock.h"
#include "policy/diff_priv.h"

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_expr(const struct expr *a, const struct expr *b)
{
	_cleanup_(freep) char *x = a ? expr_format(a) : NULL, *y = b ? expr_format(b) : NULL;

	return same_text(x, y);
}

static bool same_names(char *const *a, unsigned n, char *const *b, unsigned m)
{
	for (unsigned i = 0; n == m && i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return n == m;
}

/* ---- permits --------------------------------------------------------------------------------- */

static void note_time(struct diff *d, const char *permit, const char *what, uint64_t was,
		      uint64_t now)
{
	char a[32], b[32];

	if (was == now)
		return;
	diff_note(d, "permit \"%s\": %s %s, was %s", permit, what,
		  now ? format_duration(now, b, sizeof(b)) : "not asked for",
		  was ? format_duration(was, a, sizeof(a)) : "not asked for");
}

static void note_word(struct diff *d, const char *permit, const char *what, const char *was,
		      const char *now)
{
	if (!same_text(was, now))
		diff_note(d, "permit \"%s\": %s %s, was %s", permit, what, now ? now : "none",
			  was ? was : "none");
}

static void note_expr(struct diff *d, const char *permit, const char *what, const struct expr *was,
		      const struct expr *now)
{
	_cleanup_(freep) char *a = was ? expr_format(was) : NULL;
	_cleanup_(freep) char *b = now ? expr_format(now) : NULL;

	if (!same_expr(was, now))
		note_word(d, permit, what, a, b);
}

static bool same_reflex(const struct policy_reflex *a, const struct policy_reflex *b)
{
	if (a->there != b->there || a->n_via != b->n_via || a->n_actions != b->n_actions ||
	    a->sentinel_us != b->sentinel_us || a->refractory_us != b->refractory_us ||
	    a->table != b->table || a->max_prefixes != b->max_prefixes)
		return false;
	for (unsigned i = 0; i < a->n_via; i++)
		if (memcmp(&a->via[i], &b->via[i], sizeof(a->via[i])) != 0)
			return false;
	for (unsigned i = 0; i < a->n_actions; i++) {
		/* Unused bytes of an action are zero. */
		const void *x = &a->action[i], *y = &b->action[i];

		if (memcmp(x, y, sizeof(a->action[i])) != 0)
			return false;
	}
	return same_text(a->link, b->link) && same_text(a->standby, b->standby) &&
	       same_text(a->scope, b->scope) && same_expr(a->when, b->when);
}

static void compare_permit(const struct policy_rule *a, const struct policy_rule *b, struct diff *d)
{
	note_word(d, a->name, "budget", a->budget, b->budget);
	note_time(d, a->name, "cooldown", a->cooldown_us, b->cooldown_us);
	if (a->priority != b->priority)
		diff_note(d, "permit \"%s\": priority %u, was %u", a->name, b->priority,
			  a->priority);
	note_time(d, a->name, "verify within", a->verify_within_us, b->verify_within_us);
	note_expr(d, a->name, "verified by", a->verify, b->verify);
	note_word(d, a->name, "verified against", a->against, b->against);
	note_time(d, a->name, "confirm after", a->confirm_us, b->confirm_us);
	if (a->confirm_by_hand != b->confirm_by_hand)
		diff_note(d, "permit \"%s\": confirmation by an operator %s", a->name,
			  b->confirm_by_hand ? "is asked for" : "is no longer asked for");
	note_time(d, a->name, "undo after", a->undo_after_us, b->undo_after_us);
	note_expr(d, a->name, "taken back when", a->recover, b->recover);
	note_time(d, a->name, "probation", a->probation_us, b->probation_us);
	if (a->level == LEVEL_APPROVE && b->level == LEVEL_APPROVE && a->approvals != b->approvals)
		diff_note(d, "permit \"%s\": %u must approve, were %u", a->name, b->approvals,
			  a->approvals);
	if (!same_names(a->group, a->n_groups, b->group, b->n_groups))
		diff_note(d, "permit \"%s\": other groups approve", a->name);
	if (!same_reflex(&a->reflex, &b->reflex))
		diff_note(d, "permit \"%s\": %s", a->name,
			  !a->reflex.there   ? "arms a reflex now"
			  : !b->reflex.there ? "no longer arms a reflex"
					     : "its reflex is another one");
	if (a->touch_foreign != b->touch_foreign)
		diff_note(d, "permit \"%s\": may %schange the objects of others", a->name,
			  b->touch_foreign ? "now " : "no longer ");
	if (a->promote.to != b->promote.to || a->promote.after != b->promote.after ||
	    a->promote.within_us != b->promote.within_us ||
	    a->promote.max_failures != b->promote.max_failures ||
	    a->demote.to_set != b->demote.to_set || a->demote.to != b->demote.to ||
	    a->demote.for_us != b->demote.for_us)
		diff_note(d, "permit \"%s\": what it can earn or lose has changed: %s", a->name,
			  b->promote.to ? "read 'promote' and 'demote'" : "it earns nothing now");
	if (a->hold_on_crash != b->hold_on_crash)
		diff_note(d, "permit \"%s\": 'on crash hold' was %s", a->name,
			  b->hold_on_crash ? "added" : "taken away");
}

static void compare_budgets(const struct policy *was, const struct policy *now, struct diff *d)
{
	for (unsigned i = 0; i < was->n_budgets; i++) {
		const struct policy_budget *a = &was->budget[i];
		const struct policy_budget *b = policy_find_budget(now, a->name);
		char wa[32], wb[32];

		if (!b || (a->count == b->count && a->window_us == b->window_us &&
			   a->shared_count == b->shared_count &&
			   a->shared_window_us == b->shared_window_us && a->per == b->per))
			continue;
		diff_note(d, "budget %s: %u per %s, was %u per %s%s", a->name, b->count,
			  format_duration(b->window_us, wb, sizeof(wb)), a->count,
			  format_duration(a->window_us, wa, sizeof(wa)),
			  a->shared_count != b->shared_count || a->per != b->per
				  ? ", and shared or counted otherwise"
				  : "");
	}
}

/* ---- invariants ------------------------------------------------------------------------------- */

static const struct policy_invariant *find_invariant(const struct policy *p, const char *name)
{
	for (unsigned i = 0; i < p->n_invariants; i++)
		if (strcmp(p->invariant[i].name, name) == 0)
			return &p->invariant[i];
	return NULL;
}

static bool requires(const struct policy_invariant *v, const char *text)
{
	for (unsigned i = 0; v && i < v->n_requires; i++)
		if (same_text(v->require[i].text, text))
			return true;
	return false;
}

static void compare_invariants(const struct policy *was, const struct policy *now, struct diff *d)
{
	for (unsigned i = 0; i < now->n_invariants; i++) {
		const struct policy_invariant *b = &now->invariant[i];
		const struct policy_invariant *a = find_invariant(was, b->name);

		for (unsigned k = 0; k < b->n_requires; k++)
			if (!requires(a, b->require[k].text))
				diff_note(d, "invariant \"%s\" now requires '%s'", b->name,
					  b->require[k].text);
		if (a && a->not_worse != b->not_worse)
			diff_note(d, "invariant \"%s\": repair while it is broken is %s", b->name,
				  b->not_worse ? "allowed now" : "no longer allowed");
	}
	for (unsigned i = 0; i < was->n_invariants; i++) {
		const struct policy_invariant *a = &was->invariant[i];
		const struct policy_invariant *b = find_invariant(now, a->name);

		for (unsigned k = 0; k < a->n_requires; k++)
			if (!requires(b, a->require[k].text))
				diff_note(d, "invariant \"%s\" no longer requires '%s'", a->name,
					  a->require[k].text);
	}
}

void diff_terms(const struct config *was, const struct config *now, struct diff *d)
{
	for (unsigned i = 0; i < was->policy->n_rules; i++)
		for (unsigned k = 0; k < now->policy->n_rules; k++) {
			const struct policy_rule *a = &was->policy->rule[i];
			const struct policy_rule *b = &now->policy->rule[k];

			if (a->kind == RULE_PERMIT && b->kind == RULE_PERMIT &&
			    strcmp(a->name, b->name) == 0)
				compare_permit(a, b, d);
		}
	compare_budgets(was->policy, now->policy, d);
	compare_invariants(was->policy, now->policy, d);
}

/* ---- sets that are not taken apart ------------------------------------------------------------ */

static bool same_set(const struct policy_set *a, const struct policy_set *b)
{
	bool same = a->kind == b->kind && same_expr(a->where, b->where) &&
		    same_names(a->member, a->n_names, b->member, b->n_names) &&
		    a->n_prefixes == b->n_prefixes && a->n_flows == b->n_flows;

	for (unsigned i = 0; same && i < a->n_prefixes; i++)
		same = memcmp(&a->prefix[i], &b->prefix[i], sizeof(a->prefix[i])) == 0;
	for (unsigned i = 0; same && i < a->n_flows; i++)
		same = memcmp(&a->flow[i].dst, &b->flow[i].dst, sizeof(a->flow[i].dst)) == 0;
	return same;
}

struct sets {
	const struct policy *was, *now;
	const struct policy_rule *rule;
	struct diff *d;
};

static void note_set(const struct expr *e, void *data)
{
	const struct sets *s = data;
	const struct policy_set *a, *b;

	if (!e->name || (e->op != EXPR_COUNT && e->op != EXPR_IN_SET))
		return;
	a = policy_find_set(s->was, e->name);
	b = policy_find_set(s->now, e->name);
	if (!a || !b || same_set(a, b) || (e->op == EXPR_IN_SET && !a->where && !b->where))
		return;
	diff_open(s->d, "set %s has changed, and \"%s\" counts or asks for its members", e->name,
		  s->rule->name);
}

void diff_sets(const struct config *was, const struct config *now, struct diff *d)
{
	struct sets s = { .was = was->policy, .now = now->policy, .d = d };

	for (unsigned i = 0; i < now->policy->n_rules; i++) {
		s.rule = &now->policy->rule[i];
		if (s.rule->when)
			expr_walk(s.rule->when, note_set, &s);
	}
	for (unsigned i = 0; i < now->policy->n_invariants; i++)
		for (unsigned k = 0; k < now->policy->invariant[i].n_requires; k++) {
			const char *name = now->policy->invariant[i].require[k].set;
			const struct policy_set *a = name ? policy_find_set(s.was, name) : NULL;
			const struct policy_set *b = name ? policy_find_set(s.now, name) : NULL;

			if (a && b && !same_set(a, b))
				diff_note(d, "invariant \"%s\": set %s has changed",
					  now->policy->invariant[i].name, name);
		}
}

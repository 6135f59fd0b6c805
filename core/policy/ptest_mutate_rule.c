/*
 * ptest_mutate_rule - small changes of permits, forbids and caps.
 *
 * Design.  What a slip of an engineer would change: a clause left out, one name less, a level too
 * high or too low.  Not made are changes that no decision can show:
 *
 *   - "foreign objects" of a permit for links and neighbours alone: the kernel does not say who made
 *     them, so they are never somebody else's (anod_object_protocol() is negative; act.c, find_owner());
 *   - another level of a forbid: it has none (judge.c takes it for deny);
 *   - a cap "for" no time when it has none, and the like.
 */
#include <string.h>

#include "policy/ptest_int.h"

static void drop_rule(struct mutation *m, struct policy_rule *r, const char *whose)
{
	static char nobody[] = "\x01";
	static char *list[] = { nobody };
	char **agent = r->agent;
	unsigned n = r->n_agents;

	r->agent = list;
	r->n_agents = 1;
	mutant_try(m, &r->place, "%s dropped", whose);
	r->agent = agent;
	r->n_agents = n;
}

/* Each name of a list left out in turn; the last one takes its place. */
static void drop_names(struct mutation *m, char **list, unsigned *n, const struct lex_place *place,
		       const char *whose, const char *what)
{
	for (unsigned i = 0, all = *n; i < all && all > 1; i++) {
		char *name = list[i];

		list[i] = list[all - 1];
		*n = all - 1;
		mutant_try(m, place, "%s: %s without %s", whose, what, name);
		*n = all;
		list[i] = name;
	}
}

static void mutate_on(struct mutation *m, struct policy_rule *r, const char *whose)
{
	MUTANT(m, r->n_on, 0, &r->place, "%s: without 'on'", whose);
	for (unsigned i = 0, n = r->n_on; i < n; i++) {
		struct policy_on *o = &r->on[i], was = *o;

		drop_names(m, o->name, &o->n_names, &r->place, whose, "on");
		if (o->n_prefixes > 1)
			MUTANT(m, o->n_prefixes, o->n_prefixes - 1, &r->place,
			       "%s: on without its last prefix", whose);
		if (n == 1)
			continue;
		*o = r->on[n - 1];
		r->n_on = n - 1;
		mutant_try(m, &r->place, "%s: without one 'on'", whose);
		r->n_on = n;
		*o = was;
	}
}

static void mutate_levels(struct mutation *m, struct policy_rule *r, const char *whose)
{
	if (r->kind == RULE_FORBID)
		return;
	if (r->level < LEVEL_AUTO)
		MUTANT(m, r->level, (enum level)(r->level + 1), &r->place, "%s: %s instead of %s",
		       whose, level_name(r->level), level_name(old_));
	if (r->level > LEVEL_DENY)
		MUTANT(m, r->level, (enum level)(r->level - 1), &r->place, "%s: %s instead of %s",
		       whose, level_name(r->level), level_name(old_));
	if (!r->cap_for_us)
		return;
	MUTANT(m, r->cap_for_us, 0, &r->place, "%s: it ends at once", whose);
	MUTANT(m, r->cap_for_us, r->cap_for_us + r->cap_for_us / 4, &r->place,
	       "%s: it lasts a quarter longer", whose);
	MUTANT(m, r->cap_for_us, r->cap_for_us - r->cap_for_us / 4, &r->place,
	       "%s: it lasts a quarter shorter", whose);
}

static void mutate_trust(struct mutation *m, struct policy_rule *r, const char *whose)
{
	struct policy_promote *up = &r->promote;
	struct policy_demote *down = &r->demote;

	if (up->to) {
		MUTANT(m, up->to, LEVEL_DENY, &r->place, "%s: never promoted", whose);
		MUTANT(m, up->after, up->after + 1, &r->place, "%s: promoted after %u", whose,
		       up->after);
		if (up->after > 1)
			MUTANT(m, up->after, up->after - 1, &r->place, "%s: promoted after %u",
			       whose, up->after);
		MUTANT(m, up->max_failures, up->max_failures + 1, &r->place,
		       "%s: promoted with %u rollbacks", whose, up->max_failures);
	}
	if (up->to && up->within_us) {
		MUTANT(m, up->within_us, up->within_us + up->within_us / 4, &r->place,
		       "%s: earned in a quarter more time", whose);
		MUTANT(m, up->within_us, up->within_us - up->within_us / 4, &r->place,
		       "%s: earned in a quarter less time", whose);
	}
	if (!down->to_set)
		return;
	MUTANT(m, down->to_set, false, &r->place, "%s: never demoted", whose);
	if (down->for_us) {
		MUTANT(m, down->for_us, down->for_us + down->for_us / 4, &r->place,
		       "%s: demoted for a quarter longer", whose);
		MUTANT(m, down->for_us, down->for_us - down->for_us / 4, &r->place,
		       "%s: demoted for a quarter shorter", whose);
	}
}

static void mutate_telling(struct mutation *m, struct policy_rule *r, const char *whose)
{
	if (r->severity)
		MUTANT(m, r->severity, (enum severity)(r->severity - 1), &r->place,
		       "%s: severity %s instead of %s", whose,
		       r->severity ? severity_name(r->severity) : "none", severity_name(old_));
	if (r->n_notify)
		MUTANT(m, r->n_notify, r->n_notify - 1, &r->place, "%s: %s is not notified", whose,
		       r->notify[r->n_notify]);
}

/* Objects that say who made them. */
static bool has_owner(const struct policy_rule *r)
{
	for (unsigned i = 0; i < r->n_actions; i++)
		if (strncmp(r->action[i], "link.", 5) != 0 &&
		    strncmp(r->action[i], "neigh.", 6) != 0)
			return true;
	return r->n_actions == 0;
}

static void mutate_terms(struct mutation *m, struct policy_rule *r, const char *whose)
{
	if (r->approvals > 1)
		MUTANT(m, r->approvals, r->approvals - 1, &r->place, "%s: one approval less",
		       whose);
	if (r->n_groups)
		MUTANT(m, r->n_groups, 0, &r->place, "%s: approved by anybody", whose);
	drop_names(m, r->group, &r->n_groups, &r->place, whose, "approvers");
	if (r->approve_within_us)
		MUTANT(m, r->approve_within_us, 0, &r->place, "%s: approved within the default",
		       whose);
	if (r->budget)
		MUTANT(m, r->budget, NULL, &r->place, "%s: no budget", whose);
	if (r->cooldown_us)
		MUTANT(m, r->cooldown_us, 0, &r->place, "%s: no cooldown", whose);
	if (r->verify)
		MUTANT(m, r->verify, NULL, &r->place, "%s: verified by reading back alone", whose);
	if (r->against)
		MUTANT(m, r->against, NULL, &r->place, "%s: verified without control links", whose);
	if (r->recover)
		MUTANT(m, r->recover, NULL, &r->place, "%s: not taken back on recovery", whose);
	if (r->confirm_us)
		MUTANT(m, r->confirm_us, 0, &r->place, "%s: no confirm", whose);
	if (r->undo_after_us)
		MUTANT(m, r->undo_after_us, 0, &r->place, "%s: never undone", whose);
	if (has_owner(r))
		MUTANT(m, r->touch_foreign, !r->touch_foreign, &r->place, "%s: foreign objects %s",
		       whose, r->touch_foreign ? "allowed" : "not allowed");
	mutate_expr(m, r->verify, whose);
	mutate_trust(m, r, whose);
	mutate_telling(m, r, whose);
}

void mutate_rule(struct mutation *m, struct policy_rule *r)
{
	static const char *const words[] = { "", "permit", "forbid", "cap" };
	char whose[128];

	(void) snprintf(whose, sizeof(whose), "%s \"%.80s\"", words[r->kind], r->name);
	drop_rule(m, r, whose);
	if (r->n_agents)
		MUTANT(m, r->n_agents, 0, &r->place, "%s: any agent", whose);
	drop_names(m, r->agent, &r->n_agents, &r->place, whose, "agent");
	if (r->n_actions)
		MUTANT(m, r->n_actions, 0, &r->place, "%s: any action", whose);
	drop_names(m, r->action, &r->n_actions, &r->place, whose, "action");
	if (r->n_on)
		mutate_on(m, r, whose);
	if (r->during)
		MUTANT(m, r->during, NULL, &r->place, "%s: at any time", whose);
	if (r->when)
		MUTANT(m, r->when, NULL, &r->place, "%s: without 'when'", whose);
	mutate_expr(m, r->when, whose);
	mutate_levels(m, r, whose);
	if (r->kind == RULE_PERMIT)
		mutate_terms(m, r, whose);
}

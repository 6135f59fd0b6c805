/*
 * decide_charge - what a decision uses up when it is carried out, and what it leaves behind.
 *
 * Design.  The decision says which budgets and cooldowns, because the permits that gave it know;
 * they are used up at INTENT, where it shows whether somebody was faster.  All are checked before
 * the first is charged.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "policy/moved.h"
#include "policy/record.h"

/* ---- charges ---------------------------------------------------------------------------- */

static bool same_charge(const struct decided_charge *a, const struct decided_charge *b)
{
	return a->permit == b->permit && strcmp(a->budget_key, b->budget_key) == 0 &&
	       strcmp(a->cooldown_key, b->cooldown_key) == 0;
}

void decision_set_charges(struct decision *d, const struct decide_in *in)
{
	const struct act *acts = d->record->act;

	for (unsigned i = 0; i < in->proposal->n_actions; i++) {
		const struct policy_rule *p = d->record->each[i].permit;
		struct decided_charge c = { .permit = p };
		bool seen = false;

		if (!p || (!p->budget && !p->cooldown_us))
			continue;
		c.budget = p->budget ? policy_find_budget(in->config->policy, p->budget) : NULL;
		if (c.budget)
			(void) copy_text(c.budget_key, sizeof(c.budget_key),
					 budget_key(c.budget, acts[i].resource, in->agent));
		(void) copy_text(c.cooldown_key, sizeof(c.cooldown_key),
				 cooldown_key(p, acts[i].resource, in->agent, acts[i].nexthop));
		for (unsigned k = 0; k < d->n_charges; k++)
			seen |= same_charge(&d->charge[k], &c);
		if (!seen)
			d->charge[d->n_charges++] = c;
	}
}

/* One proposal charges a budget once for each key, whichever permits share it. */
static bool charged_before(const struct decision *d, unsigned nth)
{
	const struct decided_charge *c = &d->charge[nth];

	for (unsigned i = 0; i < nth; i++)
		if (d->charge[i].budget == c->budget &&
		    strcmp(d->charge[i].budget_key, c->budget_key) == 0)
			return true;
	return false;
}

static char refusal[ANOD_REASON_SIZE];

static int refuse(const char *what, const char *name, const char *how, uint64_t left_us,
		  const char **ret_why)
{
	char left[32];

	(void) snprintf(refusal, sizeof(refusal), "%s %.60s %s %s", what, name, how,
			format_duration(left_us, left, sizeof(left)));
	*ret_why = refusal;
	return -EBUSY;
}

/* May all of it be charged?  Looked at before any is. */
static int check_charge(const struct budgets *b, const struct decided_charge *c, uint64_t now_us,
			const char **ret_why)
{
	uint64_t until_us = 0;

	if (c->permit->cooldown_us)
		until_us = budget_rest_until(b, c->permit->name, c->cooldown_key, now_us);
	if (until_us)
		return refuse("permit", c->permit->name, "cools down for", until_us - now_us,
			      ret_why);
	if (c->budget && !budget_allows(b, c->budget, c->budget_key, now_us, &until_us))
		return refuse("budget", c->budget->name, "is used up, free in",
			      until_us > now_us ? until_us - now_us : 0, ret_why);
	return 0;
}

int decide_room(const struct budgets *b, const struct decision *d, uint64_t now_us,
		const char **ret_why)
{
	int r = 0;

	for (unsigned i = 0; i < d->n_charges && r == 0; i++)
		r = check_charge(b, &d->charge[i], now_us, ret_why);
	return r;
}

static struct policy_rule *find_permit(const struct policy *p, const char *name)
{
	for (unsigned i = 0; i < p->n_rules; i++)
		if (p->rule[i].kind == RULE_PERMIT && strcmp(p->rule[i].name, name) == 0)
			return &p->rule[i];

	return NULL;
}

int decision_recall(const struct config *c, const char *permit, const char *agent,
		    const char *resource, uint64_t wall_us, struct decision **ret)
{
	struct policy_rule *p = find_permit(c->policy, permit);
	struct decided_charge charge = { .permit = p };
	struct decision *d;

	if (!p)
		return -ENOENT;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->record = calloc(1, sizeof(*d->record));
	if (!d->record) {
		free(d);
		return -ENOMEM;
	}

	d->level = LEVEL_AUTO;
	d->permit = p;
	d->wall_us = wall_us;
	(void) copy_text(d->permit_name, sizeof(d->permit_name), p->name);
	(void) copy_text(d->resource, sizeof(d->resource), resource);
	if (p->budget)
		charge.budget = policy_find_budget(c->policy, p->budget);
	if (charge.budget)
		(void) copy_text(charge.budget_key, sizeof(charge.budget_key),
				 budget_key(charge.budget, resource, agent));
	(void) copy_text(charge.cooldown_key, sizeof(charge.cooldown_key),
			 cooldown_key(p, resource, agent, ""));
	if (charge.budget || p->cooldown_us)
		d->charge[d->n_charges++] = charge;
	*ret = d;
	return 0;
}

int decide_charge(struct budgets *b, const struct decision *d, const char *agent, uint64_t now_us,
		  const char **ret_why)
{
	int r = decide_room(b, d, now_us, ret_why);

	(void) agent; /* is in the keys already */
	if (r < 0)
		return r;

	for (unsigned i = 0; i < d->n_charges; i++) {
		const struct decided_charge *c = &d->charge[i];

		if (c->budget && !charged_before(d, i))
			r = budget_charge(b, c->budget, c->budget_key, now_us);
		if (r == 0 && c->permit->cooldown_us)
			r = budget_rest(b, c->permit->name, c->cooldown_key,
					now_us + c->permit->cooldown_us, now_us);
		if (r < 0)
			return refuse("permit", c->permit->name,
				      "cannot be charged: too many uses are remembered; try in",
				      600 * US_PER_S, ret_why);
	}
	if (moved_charge(b, d, now_us) < 0)
		return refuse("what this moves", "", "cannot be remembered; try in", 600 * US_PER_S,
			      ret_why);
	return 0;
}

static int remember(struct budgets *b, const struct judged *j, const char *resource,
		    uint64_t now_us)
{
	const struct policy_rule *r = j->rule;

	/* Only what its guard does keeps it alive, not its own memory. */
	if (r->kind != RULE_CAP || !r->cap_for_us || j->truth == ANOD_FALSE)
		return 0;
	return budget_hold_cap(b, r->name, cap_key(r, resource), now_us + r->cap_for_us, now_us);
}

int decide_remember(struct budgets *b, const struct decision *d, uint64_t now_us)
{
	const struct record *rec = d->record;
	int r = 0;

	for (unsigned i = 0; rec && i < rec->n_actions; i++)
		for (unsigned k = 0; k < rec->views[i].guards->n && r == 0; k++)
			r = remember(b, &rec->judged[i][k], d->action_resource[i], now_us);
	return r;
}

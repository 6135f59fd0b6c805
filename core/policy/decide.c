/*
 * decide - may this proposal be carried out, and on what terms?
 *
 * Design.  judge.c finds the answer; this file makes the record: every rule with its truth and
 * its facts, every invariant with its reason, one sentence that names what decided, and what a
 * later decide_charge() has to use up.
 */
#include "policy/decide.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "facts/value.h"
#include "policy/judge.h"

struct recorder {
	const struct decide_in *in;
	struct decision *d;
	bool no_memory;
};

static void record_rule(const struct judged *j, const struct act *act,
			const struct expr_trace *trace, void *data)
{
	struct recorder *rec = data;
	struct decided_rule *r = &rec->d->rule[rec->d->n_rules];
	struct text why;

	judge_explain(j, rec->in, act, trace, &why);
	*r = (struct decided_rule){ .rule = j->rule,
				    .action = act->nth,
				    .truth = j->truth,
				    .counted = j->counted,
				    .level = j->level,
				    .why = strdup(why.b) };
	rec->no_memory |= !r->why;
	rec->d->n_rules++;
}

static int record_invariants(const struct decide_in *in, struct decision *d)
{
	const struct policy *p = in->config->policy;
	_cleanup_(freep) struct invariant_result *result = NULL;
	_cleanup_(freep) struct text *why = NULL;

	if (!p->n_invariants || !in->whatif)
		return 0;
	result = calloc(p->n_invariants, sizeof(*result));
	why = calloc(p->n_invariants, sizeof(*why));
	d->invariant = calloc(p->n_invariants, sizeof(*d->invariant));
	if (!result || !why || !d->invariant)
		return -ENOMEM;

	(void) invariants_judge(in, NULL, result, why);
	for (unsigned i = 0; i < p->n_invariants; i++) {
		d->invariant[i] = (struct decided_invariant){ .invariant = &p->invariant[i],
							      .failed = result[i].failed,
							      .holds = result[i].holds,
							      .excused = result[i].excused,
							      .why = strdup(why[i].b) };
		d->n_invariants++;
		if (!d->invariant[i].why)
			return -ENOMEM;
	}
	return 0;
}

/* ---- the reason ------------------------------------------------------------------------- */

static const char *kind_word(const struct policy_rule *r)
{
	static const char *const words[] = { "", "permit", "forbid", "cap" };

	return words[r->kind];
}

static const struct decided_rule *record_of(const struct decision *d, const struct answer *a,
					    const struct policy_rule *rule)
{
	for (unsigned i = 0; i < d->n_rules; i++)
		if (d->rule[i].rule == rule && d->rule[i].action == a->action)
			return &d->rule[i];
	return NULL;
}

static void say_rule(struct text *t, const struct decided_rule *r, const char *what)
{
	text_add(t, "%s \"%s\"%s%s", kind_word(r->rule), r->rule->name, what[0] ? " " : "", what);
	if (r->why[0])
		text_add(t, ": %s", r->why);
}

/* Default deny: the permit that came nearest, by truth and then by name. */
static void say_no_permit(const struct decide_in *in, const struct decision *d,
			  const struct answer *a, struct text *t)
{
	const char *kind = in->proposal->action[a->action].kind;
	const struct decided_rule *best = NULL;

	for (unsigned i = 0; i < d->n_rules; i++) {
		const struct decided_rule *r = &d->rule[i];

		if (r->rule->kind != RULE_PERMIT || r->action != a->action)
			continue;
		if (!best || r->truth > best->truth ||
		    (r->truth == best->truth && strcmp(r->rule->name, best->rule->name) < 0))
			best = r;
	}

	if (!best)
		text_add(t, "no permit names agent %s and action %s", in->agent, kind);
	else if (best->truth == ANOD_TRUE)
		say_rule(t, best, "holds but does not count");
	else if (best->truth == ANOD_DOUBT)
		say_rule(t, best, "is not proven");
	else
		say_rule(t, best, "does not hold");
}

static void say_allowed(const struct decision *d, const struct answer *a, struct text *t)
{
	const struct decided_rule *permit = record_of(d, a, a->permit);
	const struct decided_rule *bar = a->bar ? record_of(d, a, a->bar) : NULL;

	if (bar) {
		char what[64];

		(void) snprintf(what, sizeof(what), "allows at most %s%s", level_name(bar->level),
				bar->truth == ANOD_DOUBT ? " while it is unknown" : "");
		say_rule(t, bar, what);
		return;
	}
	say_rule(t, permit, "");
	if (d->level == LEVEL_APPROVE &&
	    (a->permit->level == LEVEL_APPROVE || a->permit->promote.to == LEVEL_APPROVE)) {
		text_add(t, "; needs approval by ");
		text_approval(t, a->permit);
	}
}

static bool say_invariant(const struct decision *d, struct text *t)
{
	for (unsigned i = 0; i < d->n_invariants; i++) {
		const struct decided_invariant *v = &d->invariant[i];

		if (!v->failed || v->excused)
			continue;
		text_add(t, "invariant \"%s\" %s: %s", v->invariant->name,
			 v->holds == ANOD_FALSE ? "would break" : "is not known to hold", v->why);
		return true;
	}
	return false;
}

static char *make_reason(const struct decide_in *in, const struct decision *d,
			 const struct answer *a)
{
	struct text t = { 0 };

	if (!in->whatif)
		text_add(&t, "not possible: %s",
			 in->whatif_error ? in->whatif_error : "the effect cannot be predicted");
	else if (!in->in_sync)
		text_add(&t, "the model of the network is being read again after lost events: "
			     "nothing is decided on stale facts");
	else if (a->bar && a->bar->kind == RULE_FORBID && record_of(d, a, a->bar))
		say_rule(&t, record_of(d, a, a->bar),
			 record_of(d, a, a->bar)->truth == ANOD_TRUE ? "forbids it"
								     : "may forbid it");
	else if (!a->permit)
		say_no_permit(in, d, a, &t);
	else if (!a->invariants_hold && say_invariant(d, &t))
		;
	else if (in->paused)
		text_add(&t, "paused by the operator");
	else if (in->capped)
		text_add(&t, "journal or ledger failed: nothing is changed until anod is "
			     "restarted on a good disk");
	else
		say_allowed(d, a, &t);
	return strdup(t.b);
}

/* ---- charges ---------------------------------------------------------------------------- */

static bool same_charge(const struct decided_charge *a, const struct decided_charge *b)
{
	return a->permit == b->permit && strcmp(a->budget_key, b->budget_key) == 0 &&
	       strcmp(a->cooldown_key, b->cooldown_key) == 0;
}

static void record_charges(const struct decide_in *in, const struct act *acts,
			   const struct answer *each, struct decision *d)
{
	for (unsigned i = 0; i < in->proposal->n_actions; i++) {
		const struct policy_rule *p = each[i].permit;
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

int decide_charge(struct budgets *b, const struct decision *d, const char *agent, uint64_t now_us,
		  const char **ret_why)
{
	int r = 0;

	(void) agent; /* is in the keys already */
	for (unsigned i = 0; i < d->n_charges && r == 0; i++)
		r = check_charge(b, &d->charge[i], now_us, ret_why);
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
	return 0;
}

int decide_remember(struct budgets *b, const struct decision *d, uint64_t now_us)
{
	for (unsigned i = 0; i < d->n_rules; i++) {
		const struct policy_rule *r = d->rule[i].rule;
		int err;

		/* Only what its guard does keeps it alive, not its own memory. */
		if (r->kind != RULE_CAP || !r->cap_for_us || d->rule[i].truth == ANOD_FALSE)
			continue;
		err = budget_hold_cap(b, r->name, cap_key(r, d->action_resource[d->rule[i].action]),
				      now_us + r->cap_for_us, now_us);
		if (err < 0)
			return err;
	}
	return 0;
}

/* ---- the decision ----------------------------------------------------------------------- */

static int make_room(const struct decide_in *in, const struct act *acts, struct decision *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < in->proposal->n_actions; i++) {
		const struct rule_list *list =
			rules_for(in->config->policy, in->agent, acts[i].action->kind);

		if (!list)
			return -ENOMEM;
		n += list->n;
	}

	d->rule = calloc(MAX_OF(n, 1u), sizeof(*d->rule));
	return d->rule ? 0 : -ENOMEM;
}

static void name_policy(const struct config *c, struct decision *d)
{
	char hash[9];

	for (unsigned i = 0; i < 4; i++)
		(void) snprintf(hash + 2 * i, 3, "%02x", c->hash[i]);
	(void) snprintf(d->policy, sizeof(d->policy), "%.80s revision %llu (sha256 %s)",
			c->policy->name ? c->policy->name : "unnamed",
			(unsigned long long) c->policy->revision, hash);
}

static int fill(const struct decide_in *in, struct decision *d)
{
	struct act acts[ANOD_ACTIONS_MAX];
	struct answer answer, each[ANOD_ACTIONS_MAX];
	struct recorder rec = { .in = in, .d = d };
	int r;

	for (unsigned i = 0; i < in->proposal->n_actions; i++)
		act_init(&acts[i], in, i);
	r = make_room(in, acts, d);
	if (r == 0)
		r = judge_all(in, acts, NULL, record_rule, &rec, &answer, each);
	if (r == 0)
		r = record_invariants(in, d);
	if (r < 0 || rec.no_memory)
		return r < 0 ? r : -ENOMEM;

	d->level = answer.level;
	d->permit = answer.permit;
	if (d->permit)
		(void) copy_text(d->permit_name, sizeof(d->permit_name), d->permit->name);
	d->generation = in->whatif ? in->whatif->generation : 0;
	d->wall_us = in->wall_us;
	memcpy(d->resource, acts[answer.action].resource, sizeof(d->resource));
	for (unsigned i = 0; i < in->proposal->n_actions; i++)
		memcpy(d->action_resource[i], acts[i].resource, sizeof(d->resource));
	name_policy(in->config, d);
	record_charges(in, acts, each, d);
	r = track_fill(in, acts, each, &answer, d);
	if (r < 0)
		return r;
	d->reason = make_reason(in, d, &answer);
	if (!d->reason)
		return -ENOMEM;

	if (d->level < LEVEL_AUTO) {
		d->flip = flip_find(in, acts, &answer);
		d->suggest = decision_suggest(in);
	}
	return 0;
}

int decide(const struct decide_in *in, struct decision **ret)
{
	_cleanup_(decision_freep) struct decision *d = NULL;
	int r;

	if (in->proposal->n_actions == 0 || in->proposal->n_actions > ANOD_ACTIONS_MAX)
		return -EINVAL;

	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	r = fill(in, d);
	if (r < 0)
		return r;

	*ret = TAKE(d);
	return 0;
}

void decision_detach(struct decision *d)
{
	for (unsigned i = 0; d->rule && i < d->n_rules; i++)
		free(d->rule[i].why);
	for (unsigned i = 0; d->invariant && i < d->n_invariants; i++)
		free(d->invariant[i].why);
	free(d->rule);
	free(d->invariant);
	free(d->entry);
	d->entry = NULL;
	d->n_entries = 0;
	d->rule = NULL;
	d->invariant = NULL;
	d->permit = NULL;
	d->n_rules = d->n_invariants = d->n_charges = 0;
}

struct decision *decision_free(struct decision *d)
{
	if (d) {
		decision_detach(d);
		free(d->reason);
		free(d->flip);
		free(d->suggest);
		free(d);
	}
	return NULL;
}

/*
 * ptest_past - what was done before a proposal of a policy test, and what is carried out in it.
 *
 * Design.  The same memories as on the router - budgets, track, overrides - are filled by the same
 * functions, so that what a test says happened counts as if it had.  A change that is carried out
 * becomes part of the model; the next test begins with the topology again.
 */
#include <errno.h>
#include <string.h>

#include "policy/ptest_int.h"

/* ---- carry out ------------------------------------------------------------------------------ */

static int leave_track(struct ptest_world *w, bool roll_back)
{
	struct decision *d = w->decision;
	int64_t now = (int64_t) w->now_us;
	int k;

	if (!d->n_entries)
		return 0;
	w->n_tx++;
	for (unsigned i = 0; i < d->n_entries; i++) {
		d->entry[i].tx = w->n_tx;
		d->entry[i].at_us = now;
		d->entry[i].outcome = OUTCOME_OPEN;
	}
	k = track_add(w->track, d->entry, d->n_entries);
	if (k < 0)
		return k;
	(void) track_applied(w->track, w->n_tx, now);
	if (roll_back)
		(void) track_undone(w->track, w->n_tx, now);
	(void) track_end(w->track, w->n_tx, roll_back ? OUTCOME_ROLLED_BACK : OUTCOME_VERIFIED,
			 now);
	return 0;
}

static int apply_change(struct ptest_world *w, const struct anod_change *c)
{
	int k = c->has_post ? model_put(w->model, &c->post) : model_del(w->model, &c->pre);

	w->moved = true;
	if (k >= 0 && c->has_post)
		ptest_world_derive(w, &c->post);
	return k;
}

bool ptest_carry_out(struct ptest_world *w, bool roll_back, const char **ret_why)
{
	int k;

	*ret_why = w->decision->reason;
	if (w->decision->level < LEVEL_APPROVE)
		return false;
	if (decide_charge(w->budgets, w->decision, w->agent, w->now_us, ret_why) < 0)
		return false;

	k = leave_track(w, roll_back);
	for (unsigned i = 0; i < w->whatif->n_steps && k >= 0 && !roll_back; i++)
		k = apply_change(w, &w->whatif->step[i]);
	if (k < 0)
		*ret_why = strerror(-k);
	return k >= 0;
}

/* ---- given ---------------------------------------------------------------------------------- */

static const struct policy_rule *rule_named(const struct policy *p, const char *name)
{
	for (unsigned i = 0; i < p->n_rules; i++)
		if (strcmp(p->rule[i].name, name) == 0)
			return &p->rule[i];
	return NULL;
}

static int one_outcome(struct ptest_world *w, const struct track_entry *e)
{
	struct track_entry one = *e;
	int k;

	one.tx = ++w->n_tx;
	one.outcome = OUTCOME_OPEN;
	one.undone = false;
	k = track_add(w->track, &one, 1);
	if (k < 0)
		return k;
	(void) track_applied(w->track, one.tx, one.at_us);
	if (e->undone)
		(void) track_undone(w->track, one.tx, one.at_us);
	(void) track_end(w->track, one.tx, e->outcome, one.at_us);
	return 0;
}

int ptest_outcome(struct ptest_world *w, const struct ptest_step *s)
{
	const struct policy_rule *r = rule_named(w->run->config->policy, s->text);
	struct track_entry e = { .outcome = (enum outcome) s->want,
				 .audited = r && r->verify,
				 .undone = s->want == OUTCOME_ROLLED_BACK,
				 .at_us = (int64_t) w->now_us - (int64_t) s->age_us };
	struct decide_in in;
	int k = 0;

	ptest_decide_in(w, &in);
	(void) class_of(&in, s->resource, e.role);
	(void) copy_text(e.agent, sizeof(e.agent), s->agent);
	(void) copy_text(e.permit, sizeof(e.permit), s->text);
	(void) copy_text(e.action, sizeof(e.action), s->name[0]);
	(void) copy_text(e.resource, sizeof(e.resource), s->resource);
	for (unsigned i = 0; i < s->n && k == 0; i++)
		k = one_outcome(w, &e);
	return k;
}

int ptest_used(struct ptest_world *w, const struct ptest_step *s)
{
	const struct policy_budget *b = policy_find_budget(w->run->config->policy, s->text);
	const char *key = s->resource ? s->resource : "";
	int k = b ? 0 : -ENOENT;

	if (b && s->age_us >= w->now_us)
		return -ERANGE;
	for (unsigned i = 0; i < s->n && k == 0; i++)
		k = budget_charge(w->budgets, b, key, w->now_us - s->age_us);
	return k;
}

int ptest_forget(struct ptest_world *w)
{
	track_forget(w->track, (int64_t) w->now_us);
	return 0;
}

int ptest_override(struct ptest_world *w, const struct ptest_step *s)
{
	const struct policy *p = w->run->config->policy;
	const struct policy_invariant *inv = NULL;
	int k = 0;

	for (unsigned i = 0; i < p->n_invariants; i++)
		if (strcmp(p->invariant[i].name, s->text) == 0)
			inv = &p->invariant[i];
	if (!inv)
		return -ENOENT;
	for (unsigned i = 0; i < s->n_names && k >= 0; i++)
		k = override_ask(w->overrides, w->run->config, inv, s->name[i],
				 s->for_us ? s->for_us : inv->override_for_us, w->now_us);
	/* As long as they are not enough it is asked for and not in force. */
	if (k >= 0)
		(void) override_begin(w->overrides, inv, w->now_us);
	return MIN_OF(k, 0);
}

/* ---- conditions ------------------------------------------------------------------------------ */

struct remember {
	struct ptest_world *w;
	struct ask q;
};

static void note_fact(const struct expr *e, void *data)
{
	struct remember *r = data;
	struct ptest_world *w = r->w;

	if ((e->op != EXPR_FACT && e->op != EXPR_CALL) || w->n_before == PTEST_BEFORE_MAX)
		return;
	w->before[w->n_before].fact = e;
	ask_value(&r->q, e, &w->before[w->n_before++].value);
}

int ptest_remember(struct ptest_world *w)
{
	struct remember r = { .w = w };
	struct decide_in in;
	struct act act;

	w->n_before = 0;
	if (!w->decision->permit || !w->decision->permit->verify)
		return 0;
	ptest_decide_in(w, &in);
	act_init(&act, &in, 0);
	ask_init(&r.q, &in, &act, NULL, NULL);
	expr_walk(w->decision->permit->verify, note_fact, &r);
	return 0;
}

static bool value_before(const struct ask *q, const struct expr *fact, struct anod_value *ret)
{
	const struct ptest_world *w = q->before_data;

	for (unsigned i = 0; i < w->n_before; i++)
		if (w->before[i].fact == fact) {
			*ret = w->before[i].value;
			return ret->type != ANOD_UNKNOWN;
		}
	return false;
}

enum anod_tri ptest_verifies(struct ptest_world *w, const struct expr *leaf)
{
	struct decide_in in;
	struct ask q;
	struct act act;

	ptest_decide_in(w, &in);
	act_init(&act, &in, 0);
	ask_init(&q, &in, &act, NULL, NULL);
	q.before = value_before;
	q.before_data = w;
	return ask_truth(&q, leaf);
}

enum anod_tri ptest_fulfilled(struct ptest_world *w, const struct expr *leaf)
{
	struct decide_in in;
	struct ask q;

	ptest_decide_in(w, &in);
	ask_init(&q, &in, NULL, NULL, NULL);
	return ask_truth(&q, leaf);
}

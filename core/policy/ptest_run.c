/*
 * ptest_run - the steps of a policy test, one after the other.
 *
 * Design.  An expectation that is not met says what was expected and what came, with the decision's own
 * reason, so that nobody has to run anything again to understand it.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "facts/value.h"
#include "policy/judge.h"
#include "policy/ptest_int.h"

static void miss(const struct ptest_world *w, const struct ptest_step *s, const char *fmt, ...)
	_printf_(3, 4);
static void miss(const struct ptest_world *w, const struct ptest_step *s, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!w->run->fail)
		return;
	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w->run->fail(&s->place, text, w->run->data);
}

/* ---- expectations: true when met --------------------------------------------------------------- */

static bool expect_level(const struct ptest_world *w, const struct ptest_step *s)
{
	if ((int) w->decision->level == s->want)
		return true;
	miss(w, s, "expected %s, got %s: %s", level_name((enum level) s->want),
	     level_name(w->decision->level), w->decision->reason);
	return false;
}

static bool expect_permit(const struct ptest_world *w, const struct ptest_step *s)
{
	const char *got = w->decision->permit_name;

	if (strcmp(got, s->text) == 0)
		return true;
	miss(w, s, "expected %s%s%s, got %s%s%s: %s", s->text[0] ? "permit \"" : "no permit",
	     s->text, s->text[0] ? "\"" : "", got[0] ? "permit \"" : "none", got,
	     got[0] ? "\"" : "", w->decision->reason);
	return false;
}

static const struct decided_rule *rule_named(const struct decision *d, const char *name)
{
	for (unsigned i = 0; i < d->n_rules; i++)
		if (strcmp(d->rule[i].rule->name, name) == 0)
			return &d->rule[i];
	return NULL;
}

static bool expect_rule(const struct ptest_world *w, const struct ptest_step *s)
{
	const struct decided_rule *r = rule_named(w->decision, s->text);

	if (r && s->expect == EXPECT_COUNTS && r->counted)
		return true;
	if (r && s->expect == EXPECT_RULE && (int) r->truth == s->want)
		return true;
	if (!r)
		miss(w, s, "rule \"%s\" is not about agent %s and this action", s->text, w->agent);
	else if (s->expect == EXPECT_COUNTS)
		miss(w, s, "rule \"%s\" does not count: it is %s", s->text, tri_name(r->truth));
	else
		miss(w, s, "rule \"%s\": expected %s, got %s", s->text,
		     tri_name((enum anod_tri) s->want), tri_name(r->truth));
	return false;
}

static bool expect_invariant(const struct ptest_world *w, const struct ptest_step *s)
{
	static const char *const words[] = { "fails", "is unknown", "holds", "is excused" };
	const struct decision *d = w->decision;

	for (unsigned i = 0; i < d->n_invariants; i++) {
		const struct decided_invariant *v = &d->invariant[i];
		int got = v->excused ? 3 : (int) v->holds;

		if (strcmp(v->invariant->name, s->text) != 0)
			continue;
		if (got == s->want)
			return true;
		miss(w, s, "invariant \"%s\" %s: %s", s->text, words[got], v->why);
		return false;
	}
	miss(w, s, "invariant \"%s\" was not judged: %s", s->text, d->reason);
	return false;
}

static bool expect_after(const struct ptest_world *w, const struct ptest_step *s)
{
	struct decide_in in;
	struct ask q;
	enum anod_tri t;

	ptest_decide_in(w, &in);
	if (!in.whatif) {
		miss(w, s, "the action is not possible: %s", in.whatif_error);
		return false;
	}
	ask_init(&q, &in, NULL, NULL, NULL);
	q.state = in.whatif->after;
	t = ask_truth(&q, s->expr);
	if (t != ANOD_TRUE)
		miss(w, s, "this is %s in the predicted state", tri_name(t));
	return t == ANOD_TRUE;
}

static bool expect_possible(const struct ptest_world *w, const struct ptest_step *s)
{
	bool possible = !w->whatif->error[0];

	if (possible == (s->want != 0))
		return true;
	miss(w, s, "it is %spossible%s%s", possible ? "" : "not ", possible ? "" : ": ",
	     w->whatif->error);
	return false;
}

static bool same_number(const struct anod_value *v, uint64_t n)
{
	return v->type == ANOD_INT && v->u.i >= 0 && (uint64_t) v->u.i == n;
}

static bool expect_term(const struct ptest_world *w, const struct ptest_step *s)
{
	const struct policy_rule *p = w->decision->permit;
	const struct anod_value *v = &s->value;
	bool met;

	if (!p) {
		miss(w, s, "no permit counts, so it has no terms: %s", w->decision->reason);
		return false;
	}
	if (strcmp(s->term, "approvals") == 0)
		met = same_number(v, p->approvals);
	else if (strcmp(s->term, "budget") == 0)
		met = p->budget && v->type == ANOD_TEXT && strcmp(p->budget, v->u.text) == 0;
	else if (strcmp(s->term, "cooldown") == 0)
		met = same_number(v, p->cooldown_us);
	else if (strcmp(s->term, "verify") == 0)
		met = same_number(v, p->verify_within_us);
	else if (strcmp(s->term, "confirm") == 0)
		met = same_number(v, p->confirm_us);
	else if (strcmp(s->term, "undo") == 0)
		met = same_number(v, p->undo_after_us);
	else
		met = same_number(v, p->approve_within_us);
	if (!met)
		miss(w, s, "%s of permit \"%s\" is another", s->term, p->name);
	return met;
}

static bool expectation(const struct ptest_world *w, const struct ptest_step *s)
{
	switch (s->expect) {
	case EXPECT_LEVEL:
		return expect_level(w, s);
	case EXPECT_PERMIT:
		return expect_permit(w, s);
	case EXPECT_RULE:
	case EXPECT_COUNTS:
		return expect_rule(w, s);
	case EXPECT_INVARIANT:
		return expect_invariant(w, s);
	case EXPECT_REASON:
		if (strstr(w->decision->reason, s->text))
			return true;
		miss(w, s, "the reason is another: %s", w->decision->reason);
		return false;
	case EXPECT_POSSIBLE:
		return expect_possible(w, s);
	case EXPECT_AFTER:
		return expect_after(w, s);
	case EXPECT_TERM:
		return expect_term(w, s);
	}
	return false;
}

/* ---- steps ------------------------------------------------------------------------------------- */

/* What was decided is begun: budgets and cooldowns are charged.  True: it may. */
static bool carry_out(struct ptest_world *w, const struct ptest_step *s)
{
	const char *why = "";

	if (w->decision->level < LEVEL_APPROVE) {
		miss(w, s, "it may not be carried out: %s", w->decision->reason);
		return false;
	}
	if (decide_charge(w->budgets, w->decision, w->agent, w->now_us, &why) < 0) {
		miss(w, s, "it cannot be carried out: %s", why);
		return false;
	}
	return true;
}

static int in_flight(struct ptest_world *w, const struct ptest_step *s)
{
	struct whatif_in in = { .model = w->model,
				.in_flight = w->in_flight,
				.in_flight_tx = w->in_flight_tx,
				.n_in_flight = w->n_in_flight,
				.action = s->action,
				.n_actions = s->n,
				.find = ptest_find };
	_cleanup_(whatif_freep) struct whatif *plan = NULL;
	struct decide_in d;
	int k;

	ptest_decide_in(w, &d);
	in.find_data = d.find_data;
	k = whatif_run(&in, &plan);
	if (k < 0) {
		miss(w, s, "it is not possible: %s", plan ? plan->error : strerror(-k));
		return k;
	}
	if (w->n_in_flight + plan->n_steps > ARRAY_SIZE(w->in_flight))
		return -ENOSPC;
	for (unsigned i = 0; i < plan->n_steps; i++)
		w->in_flight_tx[w->n_in_flight + i] = w->n_in_flight + 1;
	memcpy(&w->in_flight[w->n_in_flight], plan->step, plan->n_steps * sizeof(plan->step[0]));
	w->n_in_flight += plan->n_steps;
	return 0;
}

static int pass_time(struct ptest_world *w, const struct ptest *t, unsigned nth)
{
	int k = 0;

	w->now_us += t->step[nth].time_us;
	w->wall_us += t->step[nth].time_us;
	for (unsigned i = 0; i < w->run->file->n_given && k == 0; i++)
		k = ptest_given_still(w, &w->run->file->given[i]);
	for (unsigned i = 0; i < nth && k == 0; i++)
		if (t->step[i].kind == PTEST_GIVEN)
			k = ptest_given_still(w, &t->step[i]);
	return k;
}

/* 1: an expectation was not met. */
static int step(struct ptest_world *w, const struct ptest *t, unsigned nth)
{
	const struct ptest_step *s = &t->step[nth];
	int k;

	switch (s->kind) {
	case PTEST_GIVEN:
		return ptest_given(w, s);
	case PTEST_NOW:
		w->wall_us = s->time_us;
		return 0;
	case PTEST_WAIT:
		return pass_time(w, t, nth);
	case PTEST_EVIDENCE:
		w->evidence = s->n;
		return 0;
	case PTEST_CONFIDENCE:
		w->confidence = s->number;
		return 0;
	case PTEST_IN_FLIGHT:
		return in_flight(w, s);
	case PTEST_PROPOSE:
		k = ptest_propose(w, s);
		if (k >= 0 && w->run->cover)
			ptest_cover_note(w->run->cover, w);
		return k < 0 ? k : 0;
	case PTEST_CARRY_OUT:
		return carry_out(w, s) ? 0 : 1;
	case PTEST_EXPECT:
		return expectation(w, s) ? 0 : 1;
	}
	return 0;
}

int ptest_run_test(struct ptest_world *w, const struct ptest *t)
{
	int k = ptest_world_reset(w), missed = 0;

	for (unsigned i = 0; i < t->n_steps && k >= 0; i++) {
		k = step(w, t, i);
		missed += k > 0;
		if (k < 0 && k != -ENOMEM) {
			miss(w, &t->step[i], "this cannot be: %s", strerror(-k));
			return missed + 1;
		}
	}
	return k < 0 ? k : missed;
}

int ptest_run_all(struct ptest_world *w, bool stop)
{
	int failed = 0;

	for (unsigned i = 0; i < w->run->file->n_tests; i++) {
		int k = ptest_run_test(w, &w->run->file->test[i]);

		if (k < 0)
			return k;
		failed += k > 0;
		if (failed && stop)
			break;
	}
	return failed;
}

int ptest_one(const struct ptest_run *run, const struct ptest *t)
{
	struct ptest_world w;
	int k = ptest_world_init(&w, run);

	if (k >= 0)
		k = ptest_run_test(&w, t);
	ptest_world_done(&w);
	return k;
}

int ptest_all(const struct ptest_run *run, bool stop)
{
	struct ptest_world w;
	int k = ptest_world_init(&w, run);

	if (k >= 0)
		k = ptest_run_all(&w, stop);
	ptest_world_done(&w);
	return k;
}

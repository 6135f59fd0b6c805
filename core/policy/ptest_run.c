/*
 * ptest_run - the steps of a policy test, one after the other.
 *
 * Design.  What a step needs of the world is in ptest_world.c and ptest_past.c, what an expectation
 * looks at in ptest_check.c.
 */
#include <errno.h>
#include <string.h>

#include "policy/ptest_int.h"

/* ---- steps ------------------------------------------------------------------------------------- */

static bool carry_out(struct ptest_world *w, const struct ptest_step *s)
{
	const char *why = "";

	if (ptest_carry_out(w, s->want != 0, &why))
		return true;
	ptest_miss(w, s, "it may not be carried out: %s", why);
	return false;
}

static int override(struct ptest_world *w, const struct ptest_step *s)
{
	int k = ptest_override(w, s);

	if (k == -EPERM)
		ptest_miss(w, s, "not all of them may override invariant \"%s\"", s->text);
	else if (k == -ERANGE)
		ptest_miss(w, s, "invariant \"%s\" may not be overridden for so long", s->text);
	else if (k == -EALREADY)
		ptest_miss(w, s, "one of them has asked already");
	else
		return k;
	return 1;
}

static int in_flight(struct ptest_world *w, const struct ptest_step *s)
{
	struct whatif_in in = ptest_whatif_in(w, s);
	_cleanup_(whatif_freep) struct whatif *plan = NULL;
	struct decide_in d;
	int k;

	ptest_decide_in(w, &d);
	in.find_data = d.find_data;
	k = whatif_run(&in, &plan);
	if (k < 0) {
		ptest_miss(w, s, "it is not possible: %s", plan ? plan->error : strerror(-k));
		return plan ? 1 : k;
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
		if (w->run->file->given[i].kind == PTEST_GIVEN)
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
	case PTEST_OUTCOME:
	case PTEST_USED:
	case PTEST_FORGET:
		return ptest_given(w, s);
	case PTEST_OVERRIDE:
		return override(w, s);
	case PTEST_PROPOSE:
		k = ptest_propose(w, s);
		if (k >= 0 && w->run->cover)
			ptest_cover_note(w->run->cover, w);
		return k < 0 ? k : 0;
	case PTEST_CARRY_OUT:
		return carry_out(w, s) ? 0 : 1;
	case PTEST_EXPECT:
		return ptest_expectation(w, s) ? 0 : 1;
	}
	return 0;
}

int ptest_run_test(struct ptest_world *w, const struct ptest *t)
{
	int k = ptest_world_reset(w), missed = 0;

	for (unsigned i = 0; i < t->n_steps && k >= 0; i++) {
		k = step(w, t, i);
		missed += k > 0;
		if (k == -EBUSY && t->step[i].kind == PTEST_USED) {
			ptest_miss(w, &t->step[i],
				   "budget '%s' never allows so many; say what was used when",
				   t->step[i].text);
			return missed + 1;
		}
		if (k < 0 && k != -ENOMEM) {
			ptest_miss(w, &t->step[i], "this cannot be: %s", strerror(-k));
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

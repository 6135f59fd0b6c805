/*
 * ptest_mutate - a policy changed a little, again and again, to see whether its tests notice.
 *
 * Design.  A mutant is one change in the checked tree, made in place, tried and taken back: a rule or a
 * clause dropped, a level raised, a comparison turned round, a threshold moved by one unit to either
 * side, a set made wider or narrower.  What is changed is what a slip of an engineer would change, and
 * always to something that would load.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "facts/value.h"
#include "policy/ptest_int.h"

struct mutation {
	struct ptest_world w;
	struct policy *policy;
	ptest_mutant_fn *fn;
	void *data;
	unsigned n, killed;
	int error;
};

/* The policy is as it shall be tried. */
static void try_it(struct mutation *m, const struct lex_place *place, const char *fmt, ...)
	_printf_(3, 4);
static void try_it(struct mutation *m, const struct lex_place *place, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int k;

	if (m->error)
		return;
	policy_changed(m->policy);
	k = ptest_run_all(&m->w, true);
	if (k < 0) {
		m->error = k;
		return;
	}
	m->n++;
	m->killed += k > 0;
	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (m->fn)
		m->fn(place, text, k > 0, m->data);
}

/* Try with the variable set to another value, then put it back; the message sees the new value, and the
 * old one as old_. */
#define WITH(m, variable, value, place, ...)                                                       \
	do {                                                                                       \
		__typeof__(variable) old_ = (variable);                                            \
		(variable) = (value);                                                              \
		try_it(m, place, __VA_ARGS__);                                                     \
		(variable) = old_;                                                                 \
	} while (0)

/* ---- expressions ---------------------------------------------------------------------------------- */

static enum value_cmp turned(enum value_cmp cmp)
{
	switch (cmp) {
	case VALUE_EQ:
		return VALUE_NE;
	case VALUE_NE:
		return VALUE_EQ;
	case VALUE_LT:
		return VALUE_GE;
	case VALUE_LE:
		return VALUE_GT;
	case VALUE_GT:
		return VALUE_LE;
	case VALUE_GE:
		return VALUE_LT;
	}
	return cmp;
}

/* One in the last place in which the number was written: 5% -> 1%, 30ms -> 1ms, 40 -> 1. */
static int64_t unit_step(const struct anod_value *v)
{
	static const int64_t time[] = { 60000000, 1000000, 1000 };
	static const int64_t other[] = { 1000000000, 1000000, 1000 };
	const int64_t *list = v->unit == ANOD_UNIT_TIME ? time : other;

	if (v->unit == ANOD_UNIT_NONE || v->unit == ANOD_UNIT_PACKETS)
		return 1;
	for (unsigned i = 0; i < 3; i++)
		if (v->u.i && v->u.i % list[i] == 0)
			return list[i];
	return 1;
}

static double real_step(double x)
{
	double step = 1;

	x = fabs(x);
	while (step > 1e-9 && fabs(x / step - round(x / step)) > 1e-6)
		step /= 10;
	return x > 0 && x < 1 && step == 1 ? 0.01 : step;
}

static void move_literal(struct mutation *m, struct expr *lit, const char *whose)
{
	char from[64], to[64];

	for (int way = -1; way <= 1; way += 2) {
		struct anod_value v = lit->lit;

		if (v.type == ANOD_INT)
			v.u.i += way * unit_step(&v);
		else if (v.type == ANOD_REAL)
			v.u.r += way * real_step(v.u.r);
		else
			return;
		WITH(m, lit->lit, v, &lit->place, "%s: %s moved to %s", whose,
		     value_format(&old_, from, sizeof(from)), value_format(&v, to, sizeof(to)));
	}
}

static void mutate_expr(struct mutation *m, struct expr *e, const char *whose)
{
	_cleanup_(freep) char *text = NULL;

	if (!e)
		return;
	if (e->op == EXPR_COMPARE) {
		text = expr_format(e);
		WITH(m, e->cmp, turned(e->cmp), &e->place, "%s: %s turned round", whose,
		     text ? text : "");
		if (e->b->op == EXPR_LITERAL)
			move_literal(m, e->b, whose);
	}
	if (e->op == EXPR_AND || e->op == EXPR_OR)
		WITH(m, e->op, e->op == EXPR_AND ? EXPR_OR : EXPR_AND, &e->place,
		     "%s: '%s' instead of '%s'", whose, e->op == EXPR_AND ? "and" : "or",
		     old_ == EXPR_AND ? "and" : "or");
	if (e->op == EXPR_FOR || e->op == EXPR_WITHIN) {
		WITH(m, e->dur_us, e->dur_us + e->dur_us / 4, &e->place, "%s: a quarter longer",
		     whose);
		WITH(m, e->dur_us, e->dur_us - e->dur_us / 4, &e->place, "%s: a quarter shorter",
		     whose);
	}
	/* What is inside a function over time is a column of its own. */
	if (e->op != EXPR_CALL) {
		mutate_expr(m, e->a, whose);
		mutate_expr(m, e->b, whose);
	}
}

/* ---- rules ---------------------------------------------------------------------------------------- */

static void drop_rule(struct mutation *m, struct policy_rule *r, const char *whose)
{
	static char nobody[] = "\x01";
	static char *list[] = { nobody };
	char **agent = r->agent;
	unsigned n = r->n_agents;

	r->agent = list;
	r->n_agents = 1;
	try_it(m, &r->place, "%s dropped", whose);
	r->agent = agent;
	r->n_agents = n;
}

static void mutate_terms(struct mutation *m, struct policy_rule *r, const char *whose)
{
	if (r->level < LEVEL_AUTO)
		WITH(m, r->level, (enum level)(r->level + 1), &r->place, "%s: %s instead of %s",
		     whose, level_name(r->level), level_name(old_));
	if (r->kind != RULE_PERMIT)
		return;
	if (r->approvals > 1)
		WITH(m, r->approvals, r->approvals - 1, &r->place, "%s: one approval less", whose);
	if (r->budget)
		WITH(m, r->budget, NULL, &r->place, "%s: no budget", whose);
	if (r->cooldown_us)
		WITH(m, r->cooldown_us, 0, &r->place, "%s: no cooldown", whose);
	if (r->confirm_us)
		WITH(m, r->confirm_us, 0, &r->place, "%s: no confirm", whose);
	if (r->undo_after_us)
		WITH(m, r->undo_after_us, 0, &r->place, "%s: never undone", whose);
	WITH(m, r->touch_foreign, !r->touch_foreign, &r->place, "%s: foreign objects %s", whose,
	     r->touch_foreign ? "allowed" : "not allowed");
}

static void mutate_rule(struct mutation *m, struct policy_rule *r)
{
	static const char *const words[] = { "", "permit", "forbid", "cap" };
	char whose[128];

	(void) snprintf(whose, sizeof(whose), "%s \"%.80s\"", words[r->kind], r->name);
	drop_rule(m, r, whose);
	if (r->n_agents)
		WITH(m, r->n_agents, 0, &r->place, "%s: any agent", whose);
	if (r->n_actions)
		WITH(m, r->n_actions, 0, &r->place, "%s: any action", whose);
	if (r->n_on)
		WITH(m, r->n_on, 0, &r->place, "%s: without 'on'", whose);
	if (r->during)
		WITH(m, r->during, NULL, &r->place, "%s: at any time", whose);
	if (r->when)
		WITH(m, r->when, NULL, &r->place, "%s: without 'when'", whose);
	mutate_expr(m, r->when, whose);
	mutate_terms(m, r, whose);
}

/* ---- sets, invariants ------------------------------------------------------------------------------- */

static void mutate_set(struct mutation *m, struct policy_set *s)
{
	char whose[128], text[64];

	(void) snprintf(whose, sizeof(whose), "set %.80s", s->name);
	if (s->n_names)
		WITH(m, s->n_names, s->n_names - 1, &s->place, "%s: without %s", whose,
		     s->member[s->n_names]);
	for (unsigned i = 0; i < s->n_prefixes; i++) {
		struct anod_prefix wide = s->prefix[i];

		if (!wide.len)
			continue;
		wide.len--;
		wide.addr[wide.len / 8] &= (uint8_t) ~(0x80 >> wide.len % 8);
		WITH(m, s->prefix[i], wide, &s->place, "%s: %s instead of its half", whose,
		     prefix_format(&wide, text, sizeof(text)));
	}
	if (s->n_prefixes)
		WITH(m, s->n_prefixes, s->n_prefixes - 1, &s->place, "%s: without its last prefix",
		     whose);
	mutate_expr(m, s->where, whose);
}

static void mutate_require(struct mutation *m, struct policy_require *q, const char *whose)
{
	if (q->ratio > 0)
		WITH(m, q->ratio, q->ratio + real_step(q->ratio), &q->place, "%s: a larger share",
		     whose);
	else if (q->kind != REQUIRE_EXPR)
		for (int way = -1; way <= 1; way += 2)
			/* Reachable by no link at all is the same as not asked for. */
			if (way > 0 || q->n > (q->kind == REQUIRE_REACHABLE))
				WITH(m, q->n, q->n + (uint64_t) way, &q->place,
				     "%s: %llu instead of %s", whose, (unsigned long long) q->n,
				     q->text ? q->text : "");
	mutate_expr(m, q->expr, whose);
}

static void mutate_invariant(struct mutation *m, struct policy_invariant *v)
{
	char whose[128];

	(void) snprintf(whose, sizeof(whose), "invariant \"%.80s\"", v->name);
	WITH(m, v->not_worse, !v->not_worse, &v->place, "%s: 'if broken now' %s", whose,
	     v->not_worse ? "added" : "dropped");
	for (unsigned i = 0; i < v->n_requires; i++) {
		struct policy_require *q = &v->require[i], last = v->require[v->n_requires - 1],
				      was = *q;

		/* Dropped: the last one takes its place. */
		*q = last;
		v->n_requires--;
		try_it(m, &was.place, "%s: '%s' dropped", whose, was.text ? was.text : "");
		v->n_requires++;
		*q = was;
		v->require[v->n_requires - 1] = last;
		mutate_require(m, q, whose);
	}
}

int ptest_mutate(const struct ptest_run *run, ptest_mutant_fn *fn, void *data, unsigned *ret_killed)
{
	struct mutation m = { .policy = run->config->policy, .fn = fn, .data = data };
	struct ptest_run quiet = *run;
	int k;

	quiet.fail = NULL;
	quiet.cover = NULL;
	k = ptest_world_init(&m.w, &quiet);
	for (unsigned i = 0; i < m.policy->n_rules && k >= 0; i++)
		mutate_rule(&m, &m.policy->rule[i]);
	for (unsigned i = 0; i < m.policy->n_sets && k >= 0; i++)
		mutate_set(&m, &m.policy->set[i]);
	for (unsigned i = 0; i < m.policy->n_invariants && k >= 0; i++)
		mutate_invariant(&m, &m.policy->invariant[i]);
	policy_changed(m.policy);
	ptest_world_done(&m.w);
	*ret_killed = m.killed;
	return k < 0 ? k : m.error < 0 ? m.error : (int) m.n;
}

/*
 * counter_try - the present of a decision, and a decision with some facts changed.
 *
 * Design.  Each trial has a stage of its own.  The changed facts are published first in each round, so
 * that what is known otherwise does not count, and time passes until conditions were held.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/zone.h"
#include "facts/value.h"
#include "policy/counter_priv.h"

#define DAY_S 86400

/* ---- the stage -------------------------------------------------------------------------------- */

static void longest(const struct expr *e, uint64_t *us)
{
	if (!e)
		return;
	if (e->op == EXPR_FOR || e->op == EXPR_WITHIN)
		*us = MAX_OF(*us, e->dur_us);
	longest(e->a, us);
	longest(e->b, us);
}

struct passing {
	const struct counter_in *in;
	int (*change)(struct stage *s, void *data);
	void *data;
};

static int again(struct stage *s, void *data)
{
	const struct passing *p = data;
	int r = p->change ? p->change(s, p->data) : 0;

	return r >= 0 ? p->in->set(s, p->in->data) : r;
}

/* Guards begin to be watched, time passes, and all is as it was. */
static int let_time_pass(const struct counter_in *in, struct stage *s,
			 int (*change)(struct stage *s, void *data), void *data)
{
	const struct policy *p = in->config->policy;
	struct passing passing = { in, change, data };
	uint64_t us = 0, step_us = UINT64_MAX;
	int r = 0;

	for (unsigned i = 0; i < p->n_rules && r >= 0; i++) {
		if (!p->rule[i].when)
			continue;
		longest(p->rule[i].when, &us);
		r = watch_track(s->watches, p->rule[i].when);
		step_us = stage_step(s, p->rule[i].when, step_us);
	}
	if (r < 0 || !us)
		return MIN_OF(r, 0);
	return stage_pass(s, us + US_PER_S, MIN_OF(step_us, us + US_PER_S), again, &passing);
}

int counter_set_up(const struct counter_in *in, int (*change)(struct stage *s, void *data),
		   void *data, struct stage **ret)
{
	_cleanup_(stage_freep) struct stage *s = stage_new(in->schema, in->env->actions);
	int r;

	if (!s)
		return -ENOMEM;
	r = stage_bind(s, in->config);
	s->proposal = *in->proposal;
	s->wall_us = in->wall_us;
	if (r >= 0 && change)
		r = change(s, data);
	if (r >= 0)
		r = in->set(s, in->data);
	if (r >= 0)
		r = let_time_pass(in, s, change, data);
	if (r >= 0)
		*ret = TAKE(s);
	return MIN_OF(r, 0);
}

/* ---- the present ------------------------------------------------------------------------------ */

static struct anod_value clock_value(const struct stage *s, const struct var *v)
{
	int64_t utc_s = (int64_t) (s->wall_us / US_PER_S);
	int32_t east_s;

	if (zone_offset(strstr(v->key, " in ") + 4, utc_s, &east_s) < 0)
		return value_unknown();
	utc_s += east_s;
	return value_int(v->key[0] == 't' ? utc_s % DAY_S : utc_s, ANOD_UNIT_NONE);
}

static struct anod_value on_value(const struct search *x, const struct var *v)
{
	if (strcmp(v->key, "on neigh") == 0)
		return value_text(x->act.neigh);
	if (strcmp(v->key, "on nexthop") == 0)
		return value_text(x->act.nexthop);
	if (!x->act.n_links)
		return x->act.links_known ? value_text("") : value_unknown();
	return value_text(x->act.link[0]);
}

static unsigned piece_of_value(const struct var *v, const struct anod_value *x)
{
	if (x->type == ANOD_UNKNOWN)
		return PIECE_UNKNOWN;
	switch (v->type) {
	case VAR_TRUTH:
		return x->type != ANOD_BOOL ? PIECE_UNKNOWN : x->u.i ? PIECE_TRUE : PIECE_FALSE;
	case VAR_NUMBER:
		return piece_at(v, x->type == ANOD_INT ? (double) x->u.i : x->u.r);
	case VAR_WORD:
		for (unsigned p = 1; p <= v->n; p++)
			if (strcmp(v->word[p - 1], x->u.text) == 0)
				return p;
		return v->n + 1;
	case VAR_PREFIX:
		return piece_around(v, &x->u.prefix);
	case VAR_ORDER:
		break;
	}
	return PIECE_UNKNOWN;
}

static unsigned order_piece(struct search *x, struct stage *s, const struct var *v)
{
	_cleanup_(freep) char *first = expr_format(v->of->a);
	struct anod_value a, b;
	bool swap;

	if (!first)
		return PIECE_UNKNOWN;
	swap = strncmp(v->key, first, strlen(first)) != 0 || v->key[strlen(first)] != ' ';
	stage_value(s, x->in->config, x->in->agent, swap ? v->of->b : v->of->a, &a);
	stage_value(s, x->in->config, x->in->agent, swap ? v->of->a : v->of->b, &b);
	if (value_compare(VALUE_LT, &a, &b) == ANOD_TRUE)
		return PIECE_LESS;
	if (value_compare(VALUE_EQ, &a, &b) == ANOD_TRUE)
		return PIECE_EQUAL;
	return value_compare(VALUE_GT, &a, &b) == ANOD_TRUE ? PIECE_MORE : PIECE_UNKNOWN;
}

void counter_present(struct search *x, struct stage *s)
{
	for (unsigned i = 0; i < x->space->n_vars; i++) {
		const struct var *v = &x->space->var[i];
		const struct anod_value *dst = act_arg(&x->act, "dst");
		struct anod_value value = value_unknown();

		if (v->type == VAR_ORDER) {
			x->now.piece[i] = order_piece(x, s, v);
			continue;
		}
		if (v->of && v->type != VAR_PREFIX)
			stage_value(s, x->in->config, x->in->agent, v->of, &value);
		else if (v->of)
			stage_value(s, x->in->config, x->in->agent, v->of, &value);
		else if (counter_is_clock(v))
			value = clock_value(s, v);
		else if (strncmp(v->key, "on ", 3) == 0)
			value = on_value(x, v);
		else if (strcmp(v->key, "action.dst") == 0 && dst)
			value = *dst;
		x->value[i] = value;
		x->now.piece[i] = piece_of_value(v, &value);
	}
}

/* ---- trying ----------------------------------------------------------------------------------- */

struct trial {
	const struct search *x;
	const struct candidate *c;
};

static int set_operand(struct stage *s, const struct trial *t, const struct var *v,
		       const struct anod_value *value)
{
	if (strcmp(v->key, "model.confidence") == 0)
		s->proposal.confidence = value->type == ANOD_REAL ? value->u.r : -1;
	else if (strcmp(v->key, "evidence.count") == 0)
		s->evidence = value->type == ANOD_INT ? (unsigned) value->u.i : 0;
	else if (strcmp(v->key, "capacity") == 0 && t->x->act.n_links)
		return stage_fact(s, "link", t->x->act.link[0], "capacity", value);
	return 0;
}

static int set_clock(struct stage *s, const struct var *v, unsigned piece)
{
	for (uint64_t us = s->wall_us; us < s->wall_us + UINT64_C(400) * DAY_S * US_PER_S;
	     us += 600 * US_PER_S) {
		struct stage then = *s;
		struct anod_value value;

		then.wall_us = us;
		value = clock_value(&then, v);
		if (piece_of_value(v, &value) == piece) {
			s->wall_us = us;
			return 0;
		}
	}
	return -ENOTSUP;
}

static int change_one(struct stage *s, const struct trial *t, unsigned i)
{
	const struct var *v = &t->x->space->var[i];
	struct anod_value value = piece_value(v, t->c->then.piece[i]);

	if (counter_is_clock(v))
		return set_clock(s, v, t->c->then.piece[i]);
	if (v->of->op == EXPR_OPERAND)
		return set_operand(s, t, v, &value);
	if (v->of->op == EXPR_COUNT) {
		int64_t now = t->x->value[i].type == ANOD_INT ? t->x->value[i].u.i : 0;

		/* Nobody can say which of those counted would be gone. */
		return value.u.i < now ? -ENOTSUP
				       : stage_count(s, t->x->in->config, v->of,
						     (unsigned) (value.u.i - now));
	}
	return stage_publish(
		s, v->of, counter_subject(t->x, schema_kind_name(s->schema, v->of->kind)), &value);
}

static int change_all(struct stage *s, void *data)
{
	const struct trial *t = data;
	int r = 0;

	for (unsigned i = 0; i < t->x->space->n_vars && r >= 0; i++)
		if (t->c->then.piece[i] != t->x->now.piece[i])
			r = change_one(s, t, i);
	return r;
}

int counter_try(const struct search *x, const struct candidate *c)
{
	struct trial t = { x, c };
	_cleanup_(stage_freep) struct stage *s = NULL;
	_cleanup_(decision_freep) struct decision *d = NULL;
	int r = counter_set_up(x->in, change_all, &t, &s);

	if (r == 0)
		r = stage_decide(s, x->in->config, x->in->agent, x->in->plan, &d);
	return r < 0 ? r : (int) d->level;
}

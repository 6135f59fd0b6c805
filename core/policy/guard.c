/*
 * guard - judge many rules on facts that are read once.
 *
 * Design.  Cells are read before the first rule, because the record has to name every fact of
 * every rule, also of those that another fact had decided already.  Terms cost more, so they are
 * evaluated when a rule asks; with 'keep' every rule whose "on" is not false asks for all of its
 * own.  Steps are walked as written and the first false ends an "and": no order of evaluation
 * shows in an answer, since neither cells nor terms change while judging.
 */
#include "policy/guard.h"

#include <errno.h>
#include <string.h>

#include "facts/value.h"
#include "policy/window.h"

static enum anod_tri tri_of(bool b)
{
	return b ? ANOD_TRUE : ANOD_FALSE;
}

/* ---- cells ------------------------------------------------------------------------------ */

static void read_cell(struct guard_view *v, const struct expr *node, unsigned k)
{
	struct guard_cell *c = &v->cell[k];
	struct anod_value *value = &v->value[k];
	struct expr_trace trace = { .max = 1 };

	if (v->read) {
		trace.read = &v->read[k];
		v->ask.trace = &trace;
	}
	ask_value(&v->ask, node, value);
	v->ask.trace = NULL;

	*c = (struct guard_cell){ .type = value->type };
	switch ((enum anod_type) value->type) {
	case ANOD_BOOL:
		c->i = value->u.i != 0;
		break;
	case ANOD_INT:
		c->i = (uint64_t) value->u.i;
		c->r = (double) value->u.i;
		break;
	case ANOD_REAL:
		c->r = value->u.r;
		break;
	case ANOD_TEXT:
		c->i = guard_text_hash(value);
		if (value->flags & ANOD_VALUE_OUTSIDE)
			c->type = ANOD_UNKNOWN;
		break;
	case ANOD_PREFIX:
	case ANOD_UNKNOWN:
		break;
	}
}

static bool open_view(struct guard_views *all, struct guard_view *v)
{
	const struct guards *g = all->guards;

	v->cell = room_take(all->room, g->n_cells * sizeof(*v->cell));
	v->value = room_take(all->room, g->n_cells * sizeof(*v->value));
	v->read = all->keep ? room_take(all->room, g->n_cells * sizeof(*v->read)) : NULL;
	v->term = room_take(all->room, g->n_terms * sizeof(*v->term));
	v->on = room_take(all->room, g->n_ons * sizeof(*v->on));
	if (room_short(all->room))
		return false;

	memset(v->term, 0, g->n_terms * sizeof(*v->term));
	memset(v->on, 0, g->n_ons * sizeof(*v->on));
	for (unsigned k = 0; k < g->n_cells; k++)
		read_cell(v, g->cell[k], k);
	return true;
}

int guard_views_open(struct guard_views *v, const struct guards *g, const struct decide_in *in,
		     const struct act *act, struct hypothesis *hyp, struct room *room, bool keep)
{
	struct ask ask;

	*v = (struct guard_views){ .guards = g, .room = room, .keep = keep };
	v->n = MAX_OF(act->n_links, 1u);
	v->view = room_take(room, v->n * sizeof(*v->view));
	v->agent = room_take(room, g->n_agents * sizeof(*v->agent));
	v->during = room_take(room, g->n_windows);
	if (room_short(room))
		return -ENOBUFS;
	memset(v->agent, 0, g->n_agents * sizeof(*v->agent));
	memset(v->during, GUARD_UNSEEN, g->n_windows);

	ask_init(&ask, in, act, hyp, NULL);
	for (unsigned i = 0; i < v->n; i++) {
		v->view[i].ask = ask;
		v->view[i].ask.link = i < act->n_links ? act->link[i] : NULL;
		if (!open_view(v, &v->view[i]))
			return -ENOBUFS;
	}
	return 0;
}

/* ---- terms ------------------------------------------------------------------------------ */

typedef enum anod_tri seen_fn(const struct ask *q, const void *what);

static enum anod_tri see_expr(const struct ask *q, const void *what)
{
	return ask_truth(q, what);
}

static enum anod_tri see_on(const struct ask *q, const void *what)
{
	return ask_on(q, what);
}

static enum anod_tri see_agent(const struct ask *q, const void *what)
{
	return ask_agent(q, what);
}

static enum anod_tri see(struct guard_views *all, const struct ask *ask, struct guard_term *t,
			 seen_fn *fn, const void *what)
{
	struct ask q = *ask;
	struct expr_trace trace = { .max = JUDGE_READS_MAX };

	if (t->done)
		return (enum anod_tri) t->truth;
	if (all->keep) {
		trace.read = room_take(all->room, JUDGE_READS_MAX * sizeof(*trace.read));
		q.trace = trace.read ? &trace : NULL;
	}

	t->truth = (uint8_t) fn(&q, what);
	t->done = 1;
	if (q.trace) {
		t->read = trace.read;
		t->n_reads = (uint16_t) trace.n;
		t->n_dropped = (uint16_t) MIN_OF(trace.n_dropped, 65535u);
		room_give_back(all->room, trace.read, trace.n * sizeof(*trace.read));
	}
	return (enum anod_tri) t->truth;
}

static enum anod_tri see_term(struct guard_views *all, struct guard_view *v, unsigned k)
{
	return see(all, &v->ask, &v->term[k], see_expr, all->guards->term[k]);
}

/* ---- steps ------------------------------------------------------------------------------ */

static enum anod_tri number_truth(const struct guard_cell *c, const struct guard_step *s)
{
	int order;

	if (c->type == ANOD_INT && s->type == ANOD_INT)
		order = ((int64_t) c->i > (int64_t) s->i) - ((int64_t) c->i < (int64_t) s->i);
	else if (c->type == ANOD_INT || c->type == ANOD_REAL)
		order = (c->r > s->v.r) - (c->r < s->v.r);
	else
		return ANOD_DOUBT;
	return (enum anod_tri)((s->accepts >> (order + 1) & 1) * ANOD_TRUE);
}

static enum anod_tri text_truth(const struct guard_view *v, const struct guard_step *s)
{
	const struct guard_cell *c = &v->cell[s->what];
	bool same;

	if (c->type != ANOD_TEXT)
		return ANOD_DOUBT;
	same = c->i == s->i &&
	       strncmp(v->value[s->what].u.text, s->v.literal->u.text, ANOD_TEXT_SIZE) == 0;
	return tri_of(same == (s->cmp == VALUE_EQ));
}

static enum anod_tri compare_truth(const struct guard_view *v, const struct guard_step *s)
{
	return value_compare((enum value_cmp) s->cmp, &v->value[s->what],
			     s->other == GUARD_NONE ? s->v.literal : &v->value[s->other]);
}

static enum anod_tri walk(struct guard_views *all, struct guard_view *v, const struct guard_step *s)
{
	const struct guard_step *end = s + s->span;
	enum anod_tri truth, one;

	switch ((enum guard_step_op) s->op) {
	case STEP_AND:
		truth = ANOD_TRUE;
		for (s++; s < end && truth != ANOD_FALSE; s += s->span) {
			/* What most rules are made of, without a call. */
			one = s->op == STEP_NUMBER ? number_truth(&v->cell[s->what], s)
						   : walk(all, v, s);
			truth = MIN_OF(truth, one);
		}
		return truth;
	case STEP_OR:
		truth = ANOD_FALSE;
		for (s++; s < end && truth != ANOD_TRUE; s += s->span) {
			one = walk(all, v, s);
			truth = MAX_OF(truth, one);
		}
		return truth;
	case STEP_NOT:
		return tri_not(walk(all, v, s + 1));
	case STEP_NUMBER:
		return number_truth(&v->cell[s->what], s);
	case STEP_TEXT:
		return text_truth(v, s);
	case STEP_COMPARE:
		return compare_truth(v, s);
	case STEP_TRUE:
		return v->cell[s->what].type == ANOD_BOOL ? tri_of(v->cell[s->what].i) : ANOD_DOUBT;
	case STEP_TERM:
		return see_term(all, v, s->what);
	}
	return ANOD_DOUBT;
}

/* ---- parts of a rule -------------------------------------------------------------------- */

enum anod_tri guard_see_agent(struct guard_views *v, uint32_t nth)
{
	return see(v, &v->view[0].ask, &v->agent[nth], see_agent, v->guards->agent[nth]);
}

enum anod_tri guard_see_window(struct guard_views *v, uint32_t nth)
{
	const struct policy_window *w = v->guards->window[nth];

	if (v->during[nth] == GUARD_UNSEEN)
		v->during[nth] =
			(uint8_t) (w ? window_contains(w, v->view[0].ask.in->wall_us) : ANOD_DOUBT);
	return (enum anod_tri) v->during[nth];
}

enum anod_tri guard_see_on(struct guard_views *v, unsigned link, uint32_t nth)
{
	struct guard_view *one = &v->view[link];

	return see(v, &one->ask, &one->on[nth], see_on, v->guards->on[nth]);
}

enum anod_tri guard_see_when(struct guard_views *v, unsigned link, const struct guard *g)
{
	const struct guard_step *s = &v->guards->step[g->step];
	enum anod_tri truth = walk(v, &v->view[link], s);

	for (unsigned i = 0; v->keep && g->has_terms && i < g->n_steps; i++)
		if (s[i].op == STEP_TERM)
			(void) see_term(v, &v->view[link], s[i].what);
	return truth;
}

/* ---- explaining ------------------------------------------------------------------------- */

static bool same_read(const struct expr_read *a, const struct expr_read *b)
{
	return a->attr == b->attr && strcmp(a->entity, b->entity) == 0 &&
	       strcmp(a->operand, b->operand) == 0;
}

static void add_read(struct expr_trace *t, const struct expr_read *r)
{
	for (unsigned i = 0; i < t->n; i++)
		if (same_read(&t->read[i], r))
			return;
	if (t->n == t->max)
		t->n_dropped++;
	else
		t->read[t->n++] = *r;
}

static void add_term(struct expr_trace *t, const struct guard_term *term)
{
	for (unsigned i = 0; i < term->n_reads; i++)
		add_read(t, &term->read[i]);
	t->n_dropped += term->n_dropped;
}

static void add_when(struct expr_trace *t, const struct guard_views *all,
		     const struct guard_view *v, const struct guard *g)
{
	for (unsigned i = 0; i < g->n_steps; i++) {
		const struct guard_step *s = &all->guards->step[g->step + i];

		if (s->op == STEP_TERM)
			add_term(t, &v->term[s->what]);
		else if (s->op >= STEP_NUMBER && s->what != GUARD_NONE)
			add_read(t, &v->read[s->what]);
		if (s->op == STEP_COMPARE && s->other != GUARD_NONE)
			add_read(t, &v->read[s->other]);
	}
}

void guard_reads(const struct guard_views *v, const struct guard *g, struct expr_trace *trace)
{
	if (g->agent)
		add_term(trace, &v->agent[g->agent - 1]);
	for (unsigned i = 0; i < v->n; i++) {
		const struct guard_view *one = &v->view[i];

		if (g->on)
			add_term(trace, &one->on[g->on - 1]);
		if (!g->on || one->on[g->on - 1].truth != ANOD_FALSE)
			add_when(trace, v, one, g);
	}
}

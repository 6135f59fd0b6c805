/*
 * guard_make - number what a list of rules asks.
 *
 * Design.  Two questions are one when expr_same() or the words of the clause say so; a table of
 * hashes finds them, so that making the lists of 10,000 rules takes milliseconds at load.  The
 * trees stay where they are: cells and terms point to the first node that asks.  Statistics are
 * bound to their columns after loading (stats_bind()), so nothing of a node is copied
 * but literals' addresses.
 */
#include <string.h>

#include "facts/value.h"
#include "policy/guard.h"
#include "policy/numbers.h"

struct maker {
	const struct policy *p;
	struct guards *g;
	struct numbers cells, terms, ons, agents, windows;
	unsigned max_steps;
	bool no_memory, terms_seen;
};

static uint32_t number_of(struct maker *m, struct numbers *t, uint64_t hash, const void *thing,
			  same_fn *same)
{
	uint32_t number = numbers_add(t, hash, thing, same);

	m->no_memory |= number == NUMBERS_NONE;
	return number == NUMBERS_NONE ? 0 : number;
}

/* ---- hashes ----------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t mix_word(uint64_t h, const char *word)
{
	for (; word && *word; word++)
		h = (h ^ (unsigned char) *word) * UINT64_C(0x100000001b3);
	return mix(h, word ? 1 : 2);
}

static uint64_t expr_hash(uint64_t h, const struct expr *e)
{
	if (!e)
		return mix(h, 3);
	h = mix(h, (uint64_t) e->op << 32 | e->cmp << 16 | e->kind);
	h = mix_word(mix_word(mix_word(h, e->name), e->entity), e->attr);
	if (e->lit.type == ANOD_INT || e->lit.type == ANOD_REAL)
		h = mix(h, (uint64_t) e->lit.u.i);
	return expr_hash(expr_hash(mix(h, e->dur_us), e->a), e->b);
}

static bool expr_is(const void *a, const void *b)
{
	return expr_same(a, b);
}

/* ---- steps ------------------------------------------------------------------------------ */

/* "reversals" can be a range, which the tree compares and a cell cannot hold. */
static bool is_cell(const struct expr *e)
{
	return e->op == EXPR_FACT || e->op == EXPR_OPERAND ||
	       (e->op == EXPR_CALL && strcmp(e->name, "reversals") != 0);
}

static uint32_t cell_of(struct maker *m, const struct expr *e)
{
	return number_of(m, &m->cells, expr_hash(0, e), e, expr_is);
}

static struct guard_step *add_step(struct maker *m, enum guard_step_op op)
{
	struct guards *g = m->g;
	static struct guard_step dummy;

	if (g->n_steps == m->max_steps) {
		unsigned max = m->max_steps ? m->max_steps * 2 : 64;
		struct guard_step *step = realloc(g->step, max * sizeof(*step));

		if (!step) {
			m->no_memory = true;
			return &dummy;
		}
		g->step = step;
		m->max_steps = max;
	}
	g->step[g->n_steps] = (struct guard_step){
		.op = (uint8_t) op, .span = 1, .what = GUARD_NONE, .other = GUARD_NONE
	};
	return &g->step[g->n_steps++];
}

static uint8_t accepts(enum value_cmp cmp)
{
	static const uint8_t bits[] = { 2, 5, 1, 3, 4, 6 };

	return bits[cmp];
}

static enum value_cmp swapped(enum value_cmp cmp)
{
	static const enum value_cmp other[] = { VALUE_EQ, VALUE_NE, VALUE_GT,
						VALUE_GE, VALUE_LT, VALUE_LE };

	return other[cmp];
}

static void add_literal_compare(struct maker *m, const struct expr *cell, enum value_cmp cmp,
				const struct expr *literal)
{
	const struct anod_value *lit = &literal->lit;
	bool number = lit->type == ANOD_INT || lit->type == ANOD_REAL;
	bool text = lit->type == ANOD_TEXT && !(lit->flags & ANOD_VALUE_OUTSIDE) &&
		    (cmp == VALUE_EQ || cmp == VALUE_NE);
	struct guard_step *s = add_step(m, number ? STEP_NUMBER : text ? STEP_TEXT : STEP_COMPARE);

	s->cmp = (uint8_t) cmp;
	s->what = cell_of(m, cell);
	s->v.literal = lit;
	if (text)
		s->i = guard_text_hash(lit);
	if (!number)
		return;
	s->type = lit->type;
	s->accepts = accepts(cmp);
	s->i = (uint64_t) lit->u.i;
	s->v.r = lit->type == ANOD_INT ? (double) lit->u.i : lit->u.r;
}

static void add_term(struct maker *m, const struct expr *e)
{
	struct guard_step *s = add_step(m, STEP_TERM);

	s->what = number_of(m, &m->terms, expr_hash(0, e), e, expr_is);
	m->terms_seen = true;
}

static void add_compare(struct maker *m, const struct expr *e)
{
	struct guard_step *s;

	if (is_cell(e->a) && e->b->op == EXPR_LITERAL) {
		add_literal_compare(m, e->a, e->cmp, e->b);
	} else if (e->a->op == EXPR_LITERAL && is_cell(e->b)) {
		add_literal_compare(m, e->b, swapped(e->cmp), e->a);
	} else if (is_cell(e->a) && is_cell(e->b)) {
		s = add_step(m, STEP_COMPARE);
		s->cmp = (uint8_t) e->cmp;
		s->what = cell_of(m, e->a);
		s->other = cell_of(m, e->b);
	} else {
		add_term(m, e);
	}
}

static void add_steps(struct maker *m, const struct expr *e);

/* "a and b and c" is a tree that leans to the left; here it is one list. */
static void add_side(struct maker *m, const struct expr *e, enum expr_op op)
{
	if (e->op != op) {
		add_steps(m, e);
		return;
	}
	add_side(m, e->a, op);
	add_side(m, e->b, op);
}

static void add_steps(struct maker *m, const struct expr *e)
{
	unsigned first = m->g->n_steps;

	switch (e->op) {
	case EXPR_AND:
	case EXPR_OR:
		(void) add_step(m, e->op == EXPR_AND ? STEP_AND : STEP_OR);
		add_side(m, e->a, e->op);
		add_side(m, e->b, e->op);
		break;
	case EXPR_NOT:
		(void) add_step(m, STEP_NOT);
		add_steps(m, e->a);
		break;
	case EXPR_COMPARE:
		add_compare(m, e);
		break;
	case EXPR_FACT:
	case EXPR_OPERAND:
	case EXPR_CALL:
		if (is_cell(e))
			add_step(m, STEP_TRUE)->what = cell_of(m, e);
		else
			add_term(m, e);
		break;
	case EXPR_LITERAL:
	case EXPR_BEFORE:
	case EXPR_ADD:
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
	case EXPR_IN_SET:
	case EXPR_OVERLAPS:
	case EXPR_FOR:
	case EXPR_WITHIN:
	case EXPR_FORMERLY:
	case EXPR_COUNT:
		add_term(m, e);
		break;
	}
	if (!m->no_memory)
		m->g->step[first].span = m->g->n_steps - first;
}

/* ---- clauses ---------------------------------------------------------------------------- */

static bool same_word(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_words(char *const *a, unsigned n_a, char *const *b, unsigned n_b)
{
	for (unsigned i = 0; n_a == n_b && i < n_a; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return n_a == n_b;
}

static bool same_prefixes(const struct policy_on *x, const struct policy_on *y)
{
	return x->n_prefixes == y->n_prefixes &&
	       (!x->n_prefixes ||
		memcmp(x->prefix, y->prefix, x->n_prefixes * sizeof(*x->prefix)) == 0);
}

static bool on_is(const void *a, const void *b)
{
	const struct policy_rule *x = a, *y = b;

	for (unsigned i = 0; x->n_on == y->n_on && i < x->n_on; i++) {
		const struct policy_on *o = &x->on[i], *q = &y->on[i];

		if (o->negated != q->negated || !same_word(o->set, q->set) ||
		    !same_word(o->kind, q->kind) ||
		    !same_words(o->name, o->n_names, q->name, q->n_names) || !same_prefixes(o, q))
			return false;
	}
	return x->n_on == y->n_on;
}

static uint64_t on_hash(const struct policy_rule *r)
{
	uint64_t h = r->n_on;

	for (unsigned i = 0; i < r->n_on; i++) {
		const struct policy_on *o = &r->on[i];

		h = mix(mix_word(mix_word(h, o->set), o->kind), o->negated);
		for (unsigned k = 0; k < o->n_names; k++)
			h = mix_word(h, o->name[k]);
		for (unsigned k = 0; k < o->n_prefixes; k++)
			h = mix(h, crc32c(0, &o->prefix[k], sizeof(o->prefix[k])));
	}
	return h;
}

static bool agents_are(const void *a, const void *b)
{
	const struct policy_rule *x = a, *y = b;

	return same_words(x->agent, x->n_agents, y->agent, y->n_agents);
}

/* The list holds only rules that may name the agent, so without a set that has a condition the
 * clause is true. */
static bool agent_is_sure(const struct policy *p, const struct policy_rule *r)
{
	for (unsigned i = 0; i < r->n_agents; i++) {
		const struct policy_set *s = policy_find_set(p, r->agent[i]);

		if (s && s->where)
			return false;
	}
	return true;
}

static uint64_t agents_hash(const struct policy_rule *r)
{
	uint64_t h = r->n_agents;

	for (unsigned i = 0; i < r->n_agents; i++)
		h = mix_word(h, r->agent[i]);
	return h;
}

static bool word_is(const void *a, const void *b)
{
	return strcmp(a, b) == 0;
}

static void add_rule(struct maker *m, struct policy_rule *r)
{
	struct guard *g = &m->g->guard[m->g->n++];

	*g = (struct guard){ .rule = r,
			     .step = m->g->n_steps,
			     .kind = (uint8_t) r->kind,
			     .level = (uint8_t) r->level };
	m->terms_seen = false;
	if (r->when)
		add_steps(m, r->when);
	g->n_steps = m->g->n_steps - g->step;
	g->has_terms = m->terms_seen;
	if (r->n_on)
		g->on = 1 + number_of(m, &m->ons, on_hash(r), r, on_is);
	if (!agent_is_sure(m->p, r))
		g->agent = 1 + number_of(m, &m->agents, agents_hash(r), r, agents_are);
	if (r->during)
		g->during =
			1 + number_of(m, &m->windows, mix_word(0, r->during), r->during, word_is);
}

/* ---- the whole -------------------------------------------------------------------------- */

static bool give(struct guards *g, struct maker *m)
{
	g->n_cells = m->cells.n;
	g->n_terms = m->terms.n;
	g->n_ons = m->ons.n;
	g->n_agents = m->agents.n;
	g->n_windows = m->windows.n;
	g->cell = (const struct expr **) TAKE(m->cells.thing);
	g->term = (const struct expr **) TAKE(m->terms.thing);
	g->on = (const struct policy_rule **) TAKE(m->ons.thing);
	g->agent = (const struct policy_rule **) TAKE(m->agents.thing);
	g->window = calloc(MAX_OF(g->n_windows, 1u), sizeof(*g->window));
	for (unsigned i = 0; g->window && i < g->n_windows; i++)
		g->window[i] = policy_find_window(m->p, m->windows.thing[i]);
	return g->window != NULL;
}

struct guards *guards_make(const struct policy *p, const unsigned *at, unsigned n)
{
	_cleanup_(guards_freep) struct guards *g = calloc(1, sizeof(*g));
	struct maker m = { .p = p, .g = g };
	bool ok;

	if (g)
		g->guard = calloc(MAX_OF(n, 1u), sizeof(*g->guard));
	if (!g || !g->guard)
		return NULL;

	for (unsigned i = 0; i < n && !m.no_memory; i++)
		add_rule(&m, &p->rule[at[i]]);
	ok = !m.no_memory && give(g, &m);
	numbers_done(&m.cells);
	numbers_done(&m.terms);
	numbers_done(&m.ons);
	numbers_done(&m.agents);
	numbers_done(&m.windows);
	return ok ? TAKE(g) : NULL;
}

struct guards *guards_free(struct guards *g)
{
	if (g) {
		free(g->guard);
		free(g->step);
		free(g->cell);
		free(g->term);
		free(g->on);
		free(g->agent);
		free(g->window);
		free(g);
	}
	return NULL;
}

/*
 * ptest_cover - which conditions of a policy its tests have seen true, false and unknown.
 *
 * Design.  A condition is a leaf of a guard - what stands between "and", "or" and "not" - a window, a
 * guard as a whole, or an invariant.  It is looked at whenever a rule is about what is proposed.  What
 * cannot be is not asked for: a rule without a guard is never false.
 */
#include <errno.h>
#include <string.h>

#include "policy/judge.h"
#include "policy/ptest_int.h"
#include "policy/window.h"

#define TRUTH(t) (1u << (t))
#define ALL	 (TRUTH(ANOD_FALSE) | TRUTH(ANOD_DOUBT) | TRUTH(ANOD_TRUE))
#define TWO	 (TRUTH(ANOD_FALSE) | TRUTH(ANOD_TRUE))

struct item {
	const struct lex_place *place;
	char *what;
	const struct policy_rule *rule;	    /* or NULL */
	const struct policy_invariant *inv; /* or NULL */
	const struct policy_objective *obj; /* or NULL */
	const struct expr *leaf;	    /* of one of them; NULL: the rule, or its window */
	bool window, verify, earned;	    /* leaf is of rule->verify; "promote" */
	unsigned seen, can;
};

struct ptest_cover {
	struct item *item;
	unsigned n, max;
	const struct config *config;
};

static int add(struct ptest_cover *c, const struct item *from, char *what)
{
	if (!what)
		return -ENOMEM;
	if (c->n == c->max) {
		unsigned max = c->max ? c->max * 2 : 32;
		struct item *grown = realloc(c->item, max * sizeof(*grown));

		if (!grown) {
			free(what);
			return -ENOMEM;
		}
		c->item = grown;
		c->max = max;
	}
	c->item[c->n] = *from;
	c->item[c->n++].what = what;
	return 0;
}

static char *say(const struct policy_rule *r, const char *more)
{
	static const char *const words[] = { "", "permit", "forbid", "cap" };
	char *text;

	return asprintf(&text, "%s \"%s\"%s%s", words[r->kind], r->name, more[0] ? ": " : "",
			more) < 0
		       ? NULL
		       : text;
}

static void note_doubt(const struct expr *e, void *data)
{
	bool *can = data;
	bool known = e->op == EXPR_LITERAL || e->op == EXPR_COMPARE || e->op == EXPR_NOT ||
		     (e->op == EXPR_OPERAND &&
		      (strcmp(e->name, "action.kind") == 0 ||
		       strcmp(e->name, "evidence.count") == 0 || strcmp(e->name, "resource") == 0));

	*can |= !known;
}

/* Can nobody know?  The kind of an action and the number of references are always known. */
static unsigned can_be(const struct expr *e)
{
	bool doubt = false;

	expr_walk(e, note_doubt, &doubt);
	return doubt ? ALL : TWO;
}

/* 'like' says what the leaves are of. */
static int add_leaves(struct ptest_cover *c, const struct item *like, const struct expr *e)
{
	_cleanup_(freep) char *text = NULL;
	struct item leaf = *like;
	char *what;
	int k;

	if (e->op == EXPR_AND || e->op == EXPR_OR) {
		k = add_leaves(c, like, e->a);
		return k < 0 ? k : add_leaves(c, like, e->b);
	}
	if (e->op == EXPR_NOT)
		return add_leaves(c, like, e->a);
	text = expr_format(e);
	if (!text)
		return -ENOMEM;
	leaf.place = &e->place;
	leaf.leaf = e;
	leaf.can = can_be(e);
	if (like->rule)
		what = say(like->rule, text);
	else if (asprintf(&what, "objective \"%s\": %s", like->obj->name, text) < 0)
		what = NULL;
	return add(c, &leaf, what);
}

static int add_rule(struct ptest_cover *c, const struct policy_rule *r)
{
	bool guarded = r->when || r->n_on || r->during;
	struct item whole = { .place = &r->place,
			      .rule = r,
			      .can = guarded ? TWO : TRUTH(ANOD_TRUE) };
	struct item window = { .place = &r->place, .rule = r, .window = true, .can = TWO };
	struct item earned = { .place = &r->place, .rule = r, .earned = true, .can = TWO };
	int k = add(c, &whole, say(r, ""));

	if (k == 0 && r->during)
		k = add(c, &window, say(r, r->during));
	if (k == 0 && r->promote.to)
		k = add(c, &earned, say(r, "promoted"));
	if (k == 0 && r->when)
		k = add_leaves(c, &(struct item){ .rule = r }, r->when);
	if (k == 0 && r->verify)
		k = add_leaves(c, &(struct item){ .rule = r, .verify = true }, r->verify);
	return k;
}

static int add_objective(struct ptest_cover *c, const struct policy_objective *o)
{
	int k = 0;

	for (unsigned i = 0; i < o->n_requires && k == 0; i++)
		k = add_leaves(c, &(struct item){ .obj = o }, o->require[i]);
	return k;
}

struct ptest_cover *ptest_cover_new(const struct config *config)
{
	_cleanup_(ptest_cover_freep) struct ptest_cover *c = calloc(1, sizeof(*c));
	const struct policy *p = config->policy;
	int k = c ? 0 : -ENOMEM;

	if (c)
		c->config = config;
	for (unsigned i = 0; i < p->n_rules && k == 0; i++)
		k = add_rule(c, &p->rule[i]);
	for (unsigned i = 0; i < p->n_invariants && k == 0; i++) {
		const struct policy_invariant *v = &p->invariant[i];
		char *what = NULL;

		if (asprintf(&what, "invariant \"%s\"", v->name) < 0)
			what = NULL;
		k = add(c, &(struct item){ .place = &v->place, .inv = v, .can = TWO }, what);
	}
	for (unsigned i = 0; i < p->n_objectives && k == 0; i++)
		k = add_objective(c, &p->objective[i]);
	return k < 0 ? NULL : TAKE(c);
}

struct ptest_cover *ptest_cover_free(struct ptest_cover *c)
{
	if (c) {
		for (unsigned i = 0; i < c->n; i++)
			free(c->item[i].what);
		free(c->item);
		free(c);
	}
	return NULL;
}

/* ---- looking ------------------------------------------------------------------------------------ */

/* A rule is asked about each link of an action. */
static void note_leaf(struct item *it, const struct decide_in *in, const struct act *act)
{
	struct ask q;

	ask_init(&q, in, act, NULL, NULL);
	for (unsigned i = 0; i < act->n_links; i++) {
		q.link = act->link[i];
		it->seen |= TRUTH(ask_truth(&q, it->leaf));
	}
	if (!act->n_links)
		it->seen |= TRUTH(ask_truth(&q, it->leaf));
}

static void note_rule(struct ptest_cover *c, const struct decided_rule *r,
		      const struct decide_in *in, const struct act *act)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct item *it = &c->item[i];

		if (it->rule != r->rule)
			continue;
		if (it->verify)
			continue;
		if (it->leaf)
			note_leaf(it, in, act);
		else if (it->earned && r->truth == ANOD_TRUE)
			it->seen |= TRUTH(r->level >= r->rule->promote.to ? ANOD_TRUE : ANOD_FALSE);
		else if (it->earned)
			continue;
		else if (it->window)
			it->seen |= TRUTH(window_contains(
				policy_find_window(c->config->policy, r->rule->during),
				in->wall_us));
		else
			it->seen |= TRUTH(r->truth);
	}
}

void ptest_cover_note(struct ptest_cover *c, const struct ptest_world *w)
{
	const struct decision *d = w->decision;
	struct act act[ANOD_ACTIONS_MAX];
	struct decide_in in;

	ptest_decide_in(w, &in);
	for (unsigned i = 0; i < w->proposal.n_actions; i++)
		act_init(&act[i], &in, i);
	for (unsigned i = 0; i < d->n_rules; i++)
		note_rule(c, &d->rule[i], &in, &act[d->rule[i].action]);
	for (unsigned i = 0; i < d->n_invariants; i++)
		for (unsigned k = 0; k < c->n; k++)
			if (c->item[k].inv == d->invariant[i].invariant)
				c->item[k].seen |= TRUTH(d->invariant[i].holds);
}

void ptest_cover_verify(struct ptest_cover *c, struct ptest_world *w)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->item[i].verify && c->item[i].rule == w->decision->permit)
			c->item[i].seen |= TRUTH(ptest_verifies(w, c->item[i].leaf));
}

void ptest_cover_objective(struct ptest_cover *c, struct ptest_world *w,
			   const struct policy_objective *o)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->item[i].obj == o)
			c->item[i].seen |= TRUTH(ptest_fulfilled(w, c->item[i].leaf));
}

/* ---- telling ------------------------------------------------------------------------------------ */

void ptest_cover_each(const struct ptest_cover *c, ptest_cover_fn *fn, void *data)
{
	for (unsigned i = 0; i < c->n; i++)
		fn(c->item[i].place, c->item[i].what, c->item[i].seen, c->item[i].can, data);
}

void ptest_cover_score(const struct ptest_cover *c, unsigned *ret_seen, unsigned *ret_all)
{
	*ret_seen = *ret_all = 0;
	for (unsigned i = 0; i < c->n; i++) {
		*ret_seen += (unsigned) __builtin_popcount(c->item[i].seen & c->item[i].can);
		*ret_all += (unsigned) __builtin_popcount(c->item[i].can);
	}
}

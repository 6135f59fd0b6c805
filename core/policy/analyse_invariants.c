/*
 * analyse_invariants - requirements that say nothing, that can never hold, or that exclude each
 * other.
 *
 * Design.  Expressions are regions as guards are.  count(SET up) is a number between 0 and the number
 * of links that the set can have, where that is known from the configuration.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "facts/value.h"
#include "policy/analyse_priv.h"

static void vacuous(struct analysis *x, const struct policy_invariant *inv,
		    const struct policy_require *q, const char *why)
{
	find(x, FINDING_WARNING, "vacuous", &q->place,
	     "invariant \"%s\": '%s' protects nothing: %s|say what must hold, or remove it",
	     inv->name, q->text, why);
}

static void impossible(struct analysis *x, const struct policy_invariant *inv,
		       const struct policy_require *q, const char *why)
{
	find(x, FINDING_WARNING, "never-holds", &q->place,
	     "invariant \"%s\": '%s' can never hold, so every change is denied: %s|correct the "
	     "limit",
	     inv->name, q->text, why);
}

/* Links that the set can have at most; INFINITY: not known. */
static double most_links(const struct analysis *x, const char *name)
{
	const struct policy_set *set = name ? policy_find_set(x->policy, name) : NULL;
	const struct config *c = x->in->config;
	unsigned n = 0;

	if (!set || set->kind != SET_LINK)
		return INFINITY;
	if (!set->where)
		return set->n_names;
	if (set->where->op != EXPR_COMPARE || set->where->cmp != VALUE_EQ ||
	    set->where->a->op != EXPR_FACT || !set->where->a->attr ||
	    strcmp(set->where->a->attr, "role") != 0 || set->where->b->op != EXPR_LITERAL ||
	    set->where->b->lit.type != ANOD_TEXT)
		return INFINITY;
	if (!set->where->b->lit.u.text[0])
		return INFINITY;
	for (unsigned i = 0; i < c->n_links; i++)
		n += c->link[i].role && strcmp(c->link[i].role, set->where->b->lit.u.text) == 0;
	return n;
}

static bool compares(enum value_cmp cmp, double a, double b)
{
	struct anod_value x = value_real(a, ANOD_UNIT_NONE), y = value_real(b, ANOD_UNIT_NONE);

	return value_compare(cmp, &x, &y) == ANOD_TRUE;
}

/* Of the whole numbers 0..high: how many compare so, as far as it matters? */
static void check_count(struct analysis *x, const struct policy_invariant *inv,
			const struct policy_require *q, double high, const char *of)
{
	double n = (double) q->n, top = isinf(high) ? n + 2 : high;
	unsigned good = 0, bad = 0;
	char why[200];

	for (double i = MAX_OF(0, n - 2); i <= MIN_OF(top, n + 2); i++)
		compares(q->cmp, i, n) ? good++ : bad++;
	/* What lies further away compares as its nearest neighbour does. */
	if (n > 2)
		compares(q->cmp, 0, n) ? good++ : bad++;
	if (top > n + 2)
		compares(q->cmp, n + 3, n) ? good++ : bad++;
	if (good && bad)
		return;
	if (isinf(high))
		(void) snprintf(why, sizeof(why), "%s is never less than 0", of);
	else
		(void) snprintf(why, sizeof(why),
				"%s is between 0 and %.0f, as the configuration "
				"has it",
				of, high);
	if (good)
		vacuous(x, inv, q, why);
	else
		impossible(x, inv, q, why);
}

static void check_expr(struct analysis *x, const struct policy_invariant *inv,
		       const struct policy_require *q)
{
	struct space *s = space_new(x->in->config, x->in->env->schema);
	struct region yes = { 0 }, no = { 0 };
	char why[600];

	if (s && dnf_note(s, q->expr) == 0 && space_seal(s) == 0 && s->n_vars > 0 &&
	    dnf_region(s, q->expr, WHERE_TRUE, &yes) == 0 &&
	    dnf_region(s, q->expr, WHERE_FALSE, &no) == 0) {
		if (yes.n == 0) {
			if (!explain_empty(s, NULL, q->expr, WHERE_TRUE, NULL, why, sizeof(why)))
				(void) copy_text(why, sizeof(why), "nothing makes it true");
			impossible(x, inv, q, why);
		} else if (no.n == 0) {
			vacuous(x, inv, q, "nothing makes it false");
		}
	}
	region_done(&yes);
	region_done(&no);
	space_free(s);
}

static bool is_zero(const struct expr *e)
{
	if (!e)
		return false;
	if (e->op == EXPR_LITERAL)
		return (e->lit.type == ANOD_INT && e->lit.u.i == 0) ||
		       (e->lit.type == ANOD_REAL && !(e->lit.u.r < 0) && !(e->lit.u.r > 0));
	return e->op == EXPR_MUL && (is_zero(e->a) || is_zero(e->b));
}

static bool starts(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

/* What is a limit on what a change may do, or on loads. */
static void check_limit(struct analysis *x, const struct policy_invariant *inv,
			const struct policy_require *q)
{
	if (q->cmp == VALUE_LT && is_zero(q->expr))
		impossible(x, inv, q, "traffic is never less than 0");
	else if (starts(q->text, "every") && q->cmp == VALUE_LE && is_zero(q->expr))
		impossible(x, inv, q, "a link that is in use carries some traffic");
	else if (starts(q->text, "total") && q->cmp == VALUE_GE && is_zero(q->expr))
		vacuous(x, inv, q, "a capacity is never less than 0");
}

static void check_flows(struct analysis *x, const struct policy_invariant *inv,
			const struct policy_require *q)
{
	const struct policy_set *set = policy_find_set(x->policy, q->set);
	char why[200];

	if (!set || set->n_flows || set->where)
		return;
	(void) snprintf(why, sizeof(why), "set '%.100s' has no flows", q->set);
	vacuous(x, inv, q, why);
}

static void check_require(struct analysis *x, const struct policy_invariant *inv,
			  const struct policy_require *q)
{
	char of[ANOD_NAME_SIZE + 32];

	switch (q->kind) {
	case REQUIRE_EXPR:
		check_expr(x, inv, q);
		return;
	case REQUIRE_REACHABLE:
	case REQUIRE_DISJOINT_SRLGS:
	case REQUIRE_WITHOUT_LINK:
	case REQUIRE_WITHOUT_SRLG:
	case REQUIRE_ON_LINK:
	case REQUIRE_RETURNS:
	case REQUIRE_MTU_KEPT:
	case REQUIRE_MTU:
		check_flows(x, inv, q);
		return;
	case REQUIRE_NEW_BLACKHOLE:
		check_count(x, inv, q, INFINITY, "a number of prefixes");
		return;
	case REQUIRE_MOVED_PREFIXES:
		if (!(q->ratio > 0))
			check_count(x, inv, q, INFINITY, "a number of prefixes");
		else if (q->cmp == VALUE_LE && q->ratio >= 1)
			vacuous(x, inv, q, "not more than all of them can move");
		return;
	case REQUIRE_COUNT_UP:
		(void) snprintf(of, sizeof(of), "count(%.63s up)", q->set ? q->set : "link");
		check_count(x, inv, q, most_links(x, q->set), of);
		return;
	case REQUIRE_LOAD:
	case REQUIRE_CAPACITY:
	case REQUIRE_BLACKHOLE_TRAFFIC:
	case REQUIRE_MOVED_TRAFFIC:
		check_limit(x, inv, q);
		return;
	case REQUIRE_MEMBERS:
	case REQUIRE_LEGS:
	case REQUIRE_LOOP_FREE:
	case REQUIRE_NEXTHOPS_ALIVE:
	case REQUIRE_NO_OVERLAP:
	case REQUIRE_OPEN:
	case REQUIRE_ONE_PER_SRLG:
	case REQUIRE_UNDO_SAFE:
	case REQUIRE_SYSCTL:
	case REQUIRE_ENDPOINTS:
	case REQUIRE_APPROVERS:
		return; /* each state is possible */
	}
}

/* ---- against each other --------------------------------------------------------------------- */

struct claim { /* one requirement that can be a region */
	const struct policy_invariant *inv;
	const struct policy_require *q;
};

static int note_claim(struct space *s, const struct claim *c)
{
	char key[ANOD_NAME_SIZE + 32];
	struct var *v;
	int r;

	if (c->q->kind == REQUIRE_EXPR)
		return dnf_note(s, c->q->expr);
	(void) snprintf(key, sizeof(key), "count(%.63s up)", c->q->set ? c->q->set : "link");
	r = space_var(s, key, VAR_NUMBER, &v);
	if (r < 0)
		return r;
	v->whole = true;
	v->low = 0;
	return var_note_number(v, (double) c->q->n);
}

static int claim_region(const struct space *s, const struct claim *c, struct region *ret)
{
	char key[ANOD_NAME_SIZE + 32];
	const struct var *v;
	uint64_t *b;
	int r;

	if (c->q->kind == REQUIRE_EXPR)
		return dnf_region(s, c->q->expr, WHERE_TRUE, ret);
	(void) snprintf(key, sizeof(key), "count(%.63s up)", c->q->set ? c->q->set : "link");
	v = space_find(s, key);
	b = calloc(s->n_words + 1, sizeof(*b));
	if (!v || !b) {
		free(b);
		return -ENOMEM;
	}
	memcpy(b, s->all, s->n_words * sizeof(*b));
	box_clear(v, b);
	for (unsigned p = 1; p < v->n_pieces; p++)
		if (box_has(v, s->all, p) && piece_compares(v, p, c->q->cmp, (double) c->q->n))
			box_set(v, b, p);
	r = region_add(s, ret, b);
	free(b);
	return r;
}

static void check_claims(struct analysis *x, const struct claim *a, const struct claim *b)
{
	struct space *s = space_new(x->in->config, x->in->env->schema);
	struct region ra = { 0 }, rb = { 0 }, both = { 0 };

	if (s && note_claim(s, a) == 0 && note_claim(s, b) == 0 && space_seal(s) == 0 &&
	    claim_region(s, a, &ra) == 0 && claim_region(s, b, &rb) == 0 && ra.n && rb.n &&
	    region_meet(s, &ra, &rb, &both) == 0 && both.n == 0)
		find(x, FINDING_WARNING, "never-holds", &b->q->place,
		     "invariant \"%s\": '%s' and '%s' of \"%s\" (line %u) cannot both hold, so "
		     "every change is denied|correct one of them",
		     b->inv->name, b->q->text, a->q->text, a->inv->name, a->q->place.line);
	region_done(&ra);
	region_done(&rb);
	region_done(&both);
	space_free(s);
}

#define CLAIMS_MAX 64

void analyse_invariants(struct analysis *x)
{
	struct claim claims[CLAIMS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < x->policy->n_invariants; i++)
		for (unsigned k = 0; k < x->policy->invariant[i].n_requires; k++) {
			const struct policy_invariant *inv = &x->policy->invariant[i];
			const struct policy_require *q = &inv->require[k];
			struct claim c = { inv, q };

			check_require(x, inv, q);
			if (n == CLAIMS_MAX ||
			    (q->kind != REQUIRE_EXPR && q->kind != REQUIRE_COUNT_UP))
				continue;
			for (unsigned m = 0; m < n; m++)
				check_claims(x, &claims[m], &c);
			claims[n++] = c;
		}
}

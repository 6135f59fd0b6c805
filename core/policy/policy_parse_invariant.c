/*
 * policy_parse_invariant - what has to hold in the predicted state.
 *
 * Design.  A requirement is recognised by its first words; what is not one of the built-in forms
 * is an expression.  count(SET up) is turned from an expression into a requirement of its own,
 * because it is counted in the predicted state and not in the facts.  Forms that this version
 * does not evaluate are parsed all the same and marked, so that a policy written for a later one
 * loads, with a warning that says what does not protect anything yet.
 */
#include "policy/parse.h"

static int parse_cmp(struct parse *p, enum value_cmp *ret)
{
	static const struct {
		const char *word;
		enum value_cmp cmp;
	} ops[] = { { "==", VALUE_EQ }, { "!=", VALUE_NE }, { "<", VALUE_LT },
		    { "<=", VALUE_LE }, { ">", VALUE_GT },  { ">=", VALUE_GE } };

	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
		if (parse_accept(p, ops[i].word)) {
			*ret = ops[i].cmp;
			return 0;
		}
	}
	return parse_expected(p, "a comparison such as <=");
}

static int parse_limit_cmp(struct parse *p, enum value_cmp *ret)
{
	struct lex_place place = parse_ahead(p)->place;
	int r;

	r = parse_cmp(p, ret);
	if (r == 0 && *ret != VALUE_LE && *ret != VALUE_LT && *ret != VALUE_EQ)
		return parse_error(p, &place, "this is a limit: write <=, < or ==");
	return r;
}

/* "reachable [via N disjoint links | with 1 link lost]" behind "every SET" */
static int parse_reachable(struct parse *p, struct policy_require *q)
{
	int64_t n = 1;
	int r;

	q->kind = REQUIRE_REACHABLE;
	q->cmp = VALUE_GE;
	q->n = 1;
	if (parse_accept(p, "via")) {
		r = parse_number(p, "via", 1, ANOD_LEGS_MAX, &n);
		if (r == 0)
			r = parse_expect(p, "disjoint", "'disjoint links'");
		if (r == 0)
			r = parse_expect(p, parse_is(p, "link") ? "link" : "links", "'links'");
		q->n = (uint64_t) n;
		return r;
	}
	if (!parse_accept(p, "with"))
		return 0;
	q->kind = REQUIRE_WITHOUT_LINK;
	r = parse_number(p, "with", 1, 1, &n);
	if (r == 0)
		r = parse_expect(p, "link", "'link lost'");
	return r < 0 ? r : parse_expect(p, "lost", "'lost'");
}

/* "every SET reachable ..." or "every SET load <= EXPR" */
static int parse_every(struct parse *p, struct policy_require *q)
{
	int r;

	r = parse_word(p, "the name of a set", &q->set);
	if (r < 0)
		return r;
	if (parse_accept(p, "reachable"))
		return parse_reachable(p, q);
	if (!parse_accept(p, "load"))
		return parse_expected(p, "'reachable' or 'load'");
	q->kind = REQUIRE_LATER;
	r = parse_limit_cmp(p, &q->cmp);
	return r < 0 ? r : parse_expr(p, &q->expr);
}

/* "total SET capacity >= EXPR" */
static int parse_total(struct parse *p, struct policy_require *q)
{
	int r;

	q->kind = REQUIRE_LATER;
	r = parse_word(p, "the name of a set", &q->set);
	if (r == 0)
		r = parse_expect(p, "capacity", "'capacity'");
	if (r == 0)
		r = parse_cmp(p, &q->cmp);
	return r < 0 ? r : parse_expr(p, &q->expr);
}

/* "prefixes <= N" or "prefixes <= RATIO of table"; "traffic <= EXPR" behind "moved" */
static int parse_moved(struct parse *p, struct policy_require *q)
{
	struct token t;
	int64_t n;
	int r;

	if (parse_accept(p, "traffic")) {
		q->kind = REQUIRE_LATER;
		r = parse_limit_cmp(p, &q->cmp);
		return r < 0 ? r : parse_expr(p, &q->expr);
	}
	r = parse_expect(p, "prefixes", "'prefixes' or 'traffic'");
	if (r < 0)
		return r;
	q->kind = REQUIRE_MOVED_PREFIXES;
	r = parse_limit_cmp(p, &q->cmp);
	if (r < 0)
		return r;

	t = *parse_ahead(p);
	if (t.type != TOKEN_VALUE || t.value.unit != ANOD_UNIT_RATIO) {
		r = parse_number(p, "moved prefixes", 0, INT64_MAX, &n);
		q->n = r < 0 ? 0 : (uint64_t) n;
		return r;
	}
	if (!(t.value.u.r > 0 && t.value.u.r <= 1))
		return parse_wants(p, "moved prefixes", "a share between 0% and 100%");
	lex_next(&p->lexer, &t);
	q->ratio = t.value.u.r;
	r = parse_expect(p, "of", "'of table'");
	return r < 0 ? r : parse_expect(p, "table", "'table'");
}

/* "blackhole <= N [prefixes]" behind "new" */
static int parse_new(struct parse *p, struct policy_require *q)
{
	int64_t n = 0;
	int r;

	q->kind = REQUIRE_NEW_BLACKHOLE;
	r = parse_expect(p, "blackhole", "'blackhole'");
	if (r == 0)
		r = parse_limit_cmp(p, &q->cmp);
	if (r == 0)
		r = parse_number(p, "new blackhole", 0, INT64_MAX, &n);
	q->n = (uint64_t) n;
	if (r == 0)
		(void) parse_accept(p, "prefixes");
	return r;
}

/* count(SET up) CMP N, as the tree of an expression */
static void as_count_up(struct policy_require *q)
{
	const struct expr *e = q->expr;

	if (e->op != EXPR_COMPARE || e->a->op != EXPR_COUNT || e->a->fn != EXPR_FN_COUNT ||
	    !e->a->up || e->b->op != EXPR_LITERAL || e->b->lit.type != ANOD_INT ||
	    e->b->lit.unit != ANOD_UNIT_NONE || e->b->lit.u.i < 0)
		return;
	q->kind = REQUIRE_COUNT_UP;
	q->set = TAKE(e->a->name);
	q->cmp = e->cmp;
	q->n = (uint64_t) e->b->lit.u.i;
	q->expr = expr_free(q->expr);
}

static int parse_requirement(struct parse *p, struct policy_require *q)
{
	int r;

	if (parse_is(p, "every") && !token_is(lex_peek(&p->lexer, 1), "(")) {
		(void) parse_accept(p, "every");
		return parse_every(p, q);
	}
	if (parse_accept(p, "total"))
		return parse_total(p, q);
	if (parse_accept(p, "moved"))
		return parse_moved(p, q);
	if (parse_accept(p, "new"))
		return parse_new(p, q);
	if (parse_accept(p, "loop")) {
		q->kind = REQUIRE_LATER;
		return parse_expect(p, "free", "'free'");
	}

	q->kind = REQUIRE_EXPR;
	r = parse_expr(p, &q->expr);
	if (r == 0)
		as_count_up(q);
	return r;
}

static int parse_require(struct parse *p, struct policy_invariant *inv)
{
	struct policy_require *q = ARRAY_APPEND(inv->require, inv->n_requires);
	const char *start = parse_ahead(p)->text;
	int r;

	if (!q)
		return parse_no_memory(p);
	q->kind = REQUIRE_LATER;
	q->place = parse_ahead(p)->place;
	r = parse_requirement(p, q);
	if (r < 0)
		return r;
	q->text = parse_text_since(p, start);
	return q->text ? 0 : parse_no_memory(p);
}

/* "if broken now allow when not worse" */
static int parse_if_broken(struct parse *p, struct policy_invariant *inv)
{
	static const char *const words[] = { "broken", "now", "allow", "when", "not", "worse" };

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		if (!parse_accept(p, words[i]))
			return parse_expected(p, "'if broken now allow when not worse'");
	}
	inv->not_worse = true;
	return 0;
}

static int invariant_clause(struct parse *p, void *target, unsigned index)
{
	if (index == 2)
		return parse_override(p, target);
	return index == 0 ? parse_require(p, target) : parse_if_broken(p, target);
}

int parse_invariant(struct parse *p, const struct lex_place *place)
{
	static const char *const words[] = { "require", "if", "override", NULL };
	static const struct block b = { .what = "invariant",
					.words = words,
					.many = 1,
					.clause = invariant_clause,
					.noun = "a clause",
					.required = 1 };
	struct policy *policy = p->config->policy;
	struct policy_invariant *inv;
	char *name = NULL;
	int r;

	r = parse_name(p, "the name of the invariant", &name);
	if (r < 0)
		return r;
	inv = ARRAY_APPEND(policy->invariant, policy->n_invariants);
	if (!inv) {
		free(name);
		return parse_no_memory(p);
	}
	inv->name = name;
	inv->place = *place;
	return parse_block(p, &b, inv);
}

/*
 * expr_parse - a text becomes a tree of an expression.
 *
 * Design.  Recursive descent, one function per level of the grammar in expr.h.  It stops in
 * front of the first token that does not belong to the expression, so that a clause's next
 * keyword may stand on the same line.  The leaves are in expr_primary.c.
 */
#include "facts/expr_parser.h"

#include <errno.h>
#include <string.h>

static struct expr *parse_sum(struct parse_expr *p);

/* "80% of capacity" is a product. */
static struct expr *parse_factor(struct parse_expr *p)
{
	struct expr *a = expr_parse_primary(p), *b;
	struct lex_place place;

	if (!a || !expr_is_ahead(p, "of") || a->op != EXPR_LITERAL)
		return a;

	place = expr_ahead(p)->place;
	(void) expr_accept(p, "of");
	b = expr_parse_primary(p);
	if (!b) {
		expr_free(a);
		return NULL;
	}
	return expr_node2(p, EXPR_MUL, &place, a, b);
}

static struct expr *parse_term(struct parse_expr *p)
{
	struct expr *a = parse_factor(p), *b;

	while (a) {
		struct lex_place place = expr_ahead(p)->place;
		enum expr_op op = expr_is_ahead(p, "/") ? EXPR_DIV : EXPR_MUL;

		if (!expr_accept(p, "x") && !expr_accept(p, "*") && !expr_accept(p, "/"))
			break;
		b = parse_factor(p);
		if (!b)
			return expr_free(a);
		a = expr_node2(p, op, &place, a, b);
	}
	return a;
}

static struct expr *parse_sum(struct parse_expr *p)
{
	struct expr *a = parse_term(p), *b;

	while (a) {
		struct lex_place place = expr_ahead(p)->place;
		enum expr_op op = expr_is_ahead(p, "+") ? EXPR_ADD : EXPR_SUB;

		if (!expr_accept(p, "+") && !expr_accept(p, "-"))
			break;
		b = parse_term(p);
		if (!b)
			return expr_free(a);
		a = expr_node2(p, op, &place, a, b);
	}
	return a;
}

/* True when a comparison is ahead; a lone '=' is a slip that deserves its own words. */
static bool parse_comparison_op(struct parse_expr *p, enum value_cmp *ret, bool *ret_slip)
{
	static const char *const ops[] = {
		[VALUE_EQ] = "==", [VALUE_NE] = "!=", [VALUE_LT] = "<",
		[VALUE_LE] = "<=", [VALUE_GT] = ">",  [VALUE_GE] = ">="
	};

	*ret_slip = expr_is_ahead(p, "=");
	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
		if (expr_accept(p, ops[i])) {
			*ret = (enum value_cmp) i;
			return true;
		}
	}
	return false;
}

/* A bare word that nothing is calculated with. */
static bool text_ahead(struct parse_expr *p)
{
	static const char *const ops[] = { "(", "+", "-", "*", "/", "x" };
	const struct token *t = expr_ahead(p), *next = lex_peek(p->l, 1);

	if (t->type != TOKEN_WORD || memchr(t->text, '.', t->len) || expr_is_reserved(t) ||
	    token_is(t, "before") || (token_is(next, ".") && next->glued))
		return false;
	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
		if (token_is(next, ops[i]))
			return false;
	}
	return true;
}

static struct expr *parse_right(struct parse_expr *p, enum value_cmp cmp)
{
	bool may_be_text = cmp == VALUE_EQ || cmp == VALUE_NE;

	return may_be_text && text_ahead(p) ? expr_parse_text(p) : parse_sum(p);
}

static struct expr *parse_comparison(struct parse_expr *p, struct expr *a, enum value_cmp cmp,
				     const struct lex_place *place)
{
	struct expr *b = parse_right(p, cmp);

	if (!b) {
		expr_free(a);
		return NULL;
	}
	a = expr_node2(p, EXPR_COMPARE, place, a, b);
	if (a)
		a->cmp = cmp;
	return a;
}

/* "in SET", "not in SET", "overlaps SET|PREFIX" behind a sum. */
static struct expr *parse_membership(struct parse_expr *p, struct expr *a)
{
	_cleanup_(expr_freep) struct expr *owned = a;
	struct lex_place place = expr_ahead(p)->place;
	bool negated = expr_accept(p, "not"), overlaps = !negated && expr_accept(p, "overlaps");
	struct expr *e;

	if (!overlaps)
		(void) expr_accept(p, "in");
	e = expr_node2(p, overlaps ? EXPR_OVERLAPS : EXPR_IN_SET, &place, TAKE(owned), NULL);
	if (!e)
		return NULL;
	owned = e;

	if (overlaps && expr_ahead(p)->type == TOKEN_VALUE) {
		e->b = expr_parse_literal(p, false);
		if (!e->b)
			return NULL;
	} else if (expr_ahead(p)->type != TOKEN_WORD) {
		return expr_expected(p, overlaps ? "the name of a set or a prefix"
						 : "the name of a set");
	} else if (!expr_take_text(p, &e->name)) {
		return NULL;
	}
	if (!negated)
		return TAKE(owned);
	return expr_node2(p, EXPR_NOT, &place, TAKE(owned), NULL);
}

static struct expr *parse_formerly(struct parse_expr *p)
{
	_cleanup_(expr_freep) struct expr *e = expr_node(p, EXPR_FORMERLY, &expr_ahead(p)->place);

	if (!e)
		return NULL;
	(void) expr_accept(p, "formerly");
	if (expr_ahead(p)->type != TOKEN_WORD)
		return expr_expected(p, "an action kind such as route.replace");
	if (!expr_take_text(p, &e->name))
		return NULL;
	if (expr_accept(p, "any"))
		e->fn = EXPR_FN_ANY;
	if (!expr_expect(p, "within", "'within' and a duration") ||
	    !expr_parse_duration(p, &e->dur_us))
		return NULL;
	return TAKE(e);
}

/* The "reversals(resource)" without a window of a comparison, or NULL. */
static struct expr *open_reversals(const struct expr *e)
{
	struct expr *side[] = { e->a, e->b };

	for (unsigned i = 0; e->op == EXPR_COMPARE && i < ARRAY_SIZE(side); i++)
		if (side[i]->op == EXPR_CALL && side[i]->dur_us == 0 &&
		    strcmp(side[i]->name, "reversals") == 0)
			return side[i];
	return NULL;
}

/* Behind a comparison or a truth: "for DUR" or "in DUR". */
static struct expr *parse_over_time(struct parse_expr *p, struct expr *a)
{
	struct lex_place place = expr_ahead(p)->place;
	bool held = expr_is_ahead(p, "for");

	if (!held && !(expr_is_ahead(p, "in") && expr_number_ahead(p, 1)))
		return a;
	if (!held && open_reversals(a)) {
		(void) expr_accept(p, "in");
		return expr_parse_duration(p, &open_reversals(a)->dur_us) ? a : expr_free(a);
	}
	/* "cap ... to observe for 1h" is read by the clause; here "for" follows a test. */
	(void) expr_accept(p, held ? "for" : "in");
	a = expr_node2(p, held ? EXPR_FOR : EXPR_WITHIN, &place, a, NULL);
	if (a && !expr_parse_duration(p, &a->dur_us))
		return expr_free(a);
	return a;
}

static struct expr *parse_test(struct parse_expr *p)
{
	enum value_cmp cmp;
	struct lex_place place;
	struct expr *a;
	bool slip;

	if (expr_is_ahead(p, "formerly"))
		return parse_formerly(p);
	a = parse_sum(p);
	if (!a)
		return NULL;

	place = expr_ahead(p)->place;
	if (parse_comparison_op(p, &cmp, &slip)) {
		a = parse_comparison(p, a, cmp, &place);
	} else if (slip) {
		diag_add(p->diags, DIAG_ERROR, &place, "a comparison is written '==', not '='");
		return expr_free(a);
	} else if (expr_is_ahead(p, "overlaps") ||
		   (expr_is_ahead(p, "not") && token_is(lex_peek(p->l, 1), "in")) ||
		   (expr_is_ahead(p, "in") && !expr_number_ahead(p, 1))) {
		a = parse_membership(p, a);
	}
	return a ? parse_over_time(p, a) : NULL;
}

static struct expr *parse_not(struct parse_expr *p)
{
	struct lex_place place = expr_ahead(p)->place;
	struct expr *a;

	if (!expr_accept(p, "not"))
		return parse_test(p);
	if (!expr_deeper(p))
		return NULL;
	a = parse_not(p);
	p->depth--;
	return a ? expr_node2(p, EXPR_NOT, &place, a, NULL) : NULL;
}

static struct expr *parse_chain(struct parse_expr *p, const char *word, enum expr_op op,
				struct expr *(*next)(struct parse_expr *) )
{
	struct expr *a = next(p), *b;
	struct token newline;

	while (a) {
		struct lex_place place = expr_ahead(p)->place;

		if (!expr_accept(p, word))
			break;
		/* "and" may end a line as well as begin the next one. */
		while (expr_ahead(p)->type == TOKEN_NEWLINE)
			lex_next(p->l, &newline);
		b = next(p);
		if (!b)
			return expr_free(a);
		a = expr_node2(p, op, &place, a, b);
	}
	return a;
}

static struct expr *parse_and(struct parse_expr *p)
{
	return parse_chain(p, "and", EXPR_AND, parse_not);
}

struct expr *expr_parse_or(struct parse_expr *p)
{
	return parse_chain(p, "or", EXPR_OR, parse_and);
}

int expr_parse(struct lexer *l, struct diag_list *diags, struct expr **ret)
{
	struct parse_expr p = { .l = l, .diags = diags };
	struct expr *e = expr_parse_or(&p);

	if (!e)
		return -EINVAL;

	*ret = e;
	return 0;
}

/*
 * expr_function - functions in an expression: over sets, over kinds, over time.
 *
 * Design.  Which functions over time there are, and what they want, stands in the table of stat.h
 * alone; the others have a form of their own each.
 */
#include <string.h>

#include "facts/expr_parser.h"
#include "facts/stat.h"

/* "(SET|KIND ["up" | "where" expr])" behind count, every or any. */
static struct expr *parse_members(struct parse_expr *p, struct expr *e)
{
	_cleanup_(expr_freep) struct expr *owned = e;

	if (expr_ahead(p)->type != TOKEN_WORD)
		return expr_expected(p, "the name of a set or a kind");
	if (!expr_take_text(p, &e->name))
		return NULL;

	if (expr_accept(p, "up")) {
		e->up = true;
	} else if (expr_accept(p, "where")) {
		e->b = expr_parse_or(p);
		if (!e->b)
			return NULL;
	}
	return expr_expect(p, ")", "')'") ? TAKE(owned) : NULL;
}

/* "(fact ["where" expr])" behind min, max, sum or avg. */
static struct expr *parse_aggregate(struct parse_expr *p, struct expr *e)
{
	_cleanup_(expr_freep) struct expr *owned = e;

	if (expr_ahead(p)->type != TOKEN_WORD)
		return expr_expected(p, "a fact such as link.rx_bps");
	e->a = expr_parse_name(p);
	if (!e->a)
		return NULL;
	if (expr_accept(p, "where")) {
		e->b = expr_parse_or(p);
		if (!e->b)
			return NULL;
	}
	return expr_expect(p, ")", "')'") ? TAKE(owned) : NULL;
}

/* What a function over time looks at: a fact, or another such function of one. */
static struct expr *parse_argument(struct parse_expr *p)
{
	struct expr *e;

	if (expr_ahead(p)->type != TOKEN_WORD)
		return expr_expected(p, "a fact or a name");
	if (!token_is(lex_peek(p->l, 1), "("))
		return expr_parse_name(p);
	if (!expr_deeper(p))
		return NULL;
	e = expr_parse_function(p);
	p->depth--;
	return e;
}

static bool parse_window(struct parse_expr *p, struct expr *e, const struct stat_desc *d)
{
	bool ahead = expr_is_ahead(p, ",");

	if (d->window == STAT_NO && ahead)
		diag_add(p->diags, DIAG_ERROR, &expr_ahead(p)->place, "'%s' takes no window",
			 d->name);
	if (d->window == STAT_NO || (d->window == STAT_MAYBE && !ahead))
		return d->window == STAT_MAYBE || !ahead;
	return expr_expect(p, ",", "',' and a duration such as 5m") &&
	       expr_parse_duration(p, &e->dur_us);
}

/* "(fact [, fact] [, DUR])" behind a function over time, "(resource [, DUR])" behind
 * reversals, "(NAME)" behind path.*. */
static struct expr *parse_call(struct parse_expr *p, struct expr *e)
{
	_cleanup_(expr_freep) struct expr *owned = e;
	const struct stat_desc *d = stat_find(e->name);

	if (!d && expr_ahead(p)->type != TOKEN_WORD)
		return expr_expected(p, "a name");
	e->a = d ? parse_argument(p) : expr_parse_name(p);
	if (!e->a)
		return NULL;
	if (d && d->n_args == 2) {
		if (!expr_expect(p, ",", "',' and another fact"))
			return NULL;
		e->b = parse_argument(p);
		if (!e->b)
			return NULL;
	}
	if (d && !parse_window(p, e, d))
		return NULL;
	if (!d && strcmp(e->name, "reversals") == 0 && expr_accept(p, ",") &&
	    !expr_parse_duration(p, &e->dur_us))
		return NULL;
	return expr_expect(p, ")", "')'") ? TAKE(owned) : NULL;
}

/* Those of stat.h come behind these. */
static const struct {
	const char *name;
	enum expr_fn fn; /* 0: EXPR_CALL */
} functions[] = {
	{ "count", EXPR_FN_COUNT }, { "every", EXPR_FN_EVERY }, { "any", EXPR_FN_ANY },
	{ "min", EXPR_FN_MIN },	    { "max", EXPR_FN_MAX },	{ "sum", EXPR_FN_SUM },
	{ "avg", EXPR_FN_AVG },	    { "reversals", 0 },		{ "path.loss", 0 },
	{ "path.rtt", 0 },
};

/* The n-th of all; NULL behind the last one. */
static const char *function_name(unsigned n)
{
	const struct stat_desc *d;

	if (n < ARRAY_SIZE(functions))
		return functions[n].name;
	d = stat_nth(n - (unsigned) ARRAY_SIZE(functions));
	return d ? d->name : NULL;
}

#define FUNCTIONS_MAX 64

static struct expr *unknown_function(struct parse_expr *p, const struct token *t)
{
	const char *names[FUNCTIONS_MAX + 1] = { 0 }, *near;
	_cleanup_(freep) char *word = token_dup(t);
	char all[512] = "";
	size_t len = 0;

	for (unsigned i = 0; i < FUNCTIONS_MAX && function_name(i); i++) {
		names[i] = function_name(i);
		len += (size_t) snprintf(all + len, sizeof(all) - len, "%s%s", i ? ", " : "",
					 names[i]);
		len = MIN_OF(len, sizeof(all) - 1);
	}
	near = word ? nearest_word(word, names) : NULL;
	if (near)
		diag_add(p->diags, DIAG_ERROR, &t->place,
			 "there is no function '%s'; did you mean '%s'?", word, near);
	else
		diag_add(p->diags, DIAG_ERROR, &t->place, "there is no function '%s'; there are %s",
			 word ? word : "", all);
	return NULL;
}

struct expr *expr_parse_function(struct parse_expr *p)
{
	struct token t, open;
	struct expr *e;
	unsigned i = 0;

	lex_next(p->l, &t);
	while (function_name(i) && !token_is(&t, function_name(i)))
		i++;
	if (!function_name(i))
		return unknown_function(p, &t);
	lex_next(p->l, &open);

	if (i < ARRAY_SIZE(functions) && functions[i].fn) {
		e = expr_node(p, EXPR_COUNT, &t.place);
		if (!e)
			return NULL;
		e->fn = functions[i].fn;
		return e->fn <= EXPR_FN_ANY ? parse_members(p, e) : parse_aggregate(p, e);
	}
	e = expr_node(p, EXPR_CALL, &t.place);
	if (!e)
		return NULL;
	e->name = strdup(function_name(i));
	return e->name ? parse_call(p, e) : expr_free(e);
}

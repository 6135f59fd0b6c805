/*
 * expr_primary - the leaves of an expression: values, facts, operands.
 *
 * Design.  Names are not looked up here: "link.carrier" becomes EXPR_FACT, a bare word or one of
 * "action.", "model.", "evidence." becomes EXPR_OPERAND, and expr_check() says whether they
 * exist.  Nodes and nesting are counted here, so that no later pass can be driven too deep.
 */
#include "facts/expr_parser.h"

#include <string.h>

struct expr *expr_free(struct expr *e)
{
	if (!e)
		return NULL;

	expr_free(e->a);
	expr_free(e->b);
	free(e->name);
	free(e->kind_name);
	free(e->entity);
	free(e->attr);
	free(e);
	return NULL;
}

const struct token *expr_ahead(struct parse_expr *p)
{
	return lex_peek(p->l, 0);
}

bool expr_is_ahead(struct parse_expr *p, const char *word)
{
	return token_is(expr_ahead(p), word);
}

bool expr_accept(struct parse_expr *p, const char *word)
{
	struct token t;

	if (!expr_is_ahead(p, word))
		return false;
	lex_next(p->l, &t);
	return true;
}

/* Report what stands there instead of what was wanted.  NULL, for "return". */
struct expr *expr_expected(struct parse_expr *p, const char *what)
{
	struct token t = *expr_ahead(p);

	switch (t.type) {
	case TOKEN_BAD:
		lex_next(p->l, &t);
		diag_add(p->diags, DIAG_ERROR, &t.place, "%s", t.error);
		break;
	case TOKEN_END:
	case TOKEN_NEWLINE:
		diag_add(p->diags, DIAG_ERROR, &t.place, "%s is missing at the end of the line",
			 what);
		break;
	case TOKEN_WORD:
	case TOKEN_STRING:
	case TOKEN_VALUE:
	case TOKEN_TIME:
	case TOKEN_DATE:
	case TOKEN_PUNCT:
		diag_add(p->diags, DIAG_ERROR, &t.place, "expected %s, not '%.*s'", what,
			 (int) MIN_OF(t.len, (size_t) 40), t.text);
		break;
	}
	return NULL;
}

bool expr_expect(struct parse_expr *p, const char *punct, const char *what)
{
	if (expr_accept(p, punct))
		return true;
	(void) expr_expected(p, what);
	return false;
}

struct expr *expr_node(struct parse_expr *p, enum expr_op op, const struct lex_place *place)
{
	struct expr *e;

	if (++p->n_nodes > EXPR_NODES_MAX) {
		diag_add(p->diags, DIAG_ERROR, place,
			 "the expression has more than %d parts; split it", EXPR_NODES_MAX);
		return NULL;
	}

	e = calloc(1, sizeof(*e));
	if (!e) {
		diag_add(p->diags, DIAG_ERROR, place, "no memory");
		return NULL;
	}
	e->op = op;
	e->place = *place;
	e->slot = -1;
	return e;
}

/* Takes ownership of 'a' and 'b', also when there is no memory. */
struct expr *expr_node2(struct parse_expr *p, enum expr_op op, const struct lex_place *place,
			struct expr *a, struct expr *b)
{
	struct expr *e = expr_node(p, op, place);

	if (!e) {
		expr_free(a);
		expr_free(b);
		return NULL;
	}
	e->a = a;
	e->b = b;
	return e;
}

bool expr_deeper(struct parse_expr *p)
{
	if (++p->depth <= EXPR_DEPTH_MAX)
		return true;
	diag_add(p->diags, DIAG_ERROR, &expr_ahead(p)->place,
		 "nested deeper than %d levels; simplify it", EXPR_DEPTH_MAX);
	return false;
}

/* A duration of at least 1 us behind "for", "in", "within" or ','. */
bool expr_parse_duration(struct parse_expr *p, uint64_t *ret_us)
{
	struct token t = *expr_ahead(p);

	if (t.type == TOKEN_VALUE && t.value.type == ANOD_INT && t.value.unit == ANOD_UNIT_TIME &&
	    t.value.u.i > 0) {
		lex_next(p->l, &t);
		*ret_us = (uint64_t) t.value.u.i;
		return true;
	}
	(void) expr_expected(p, "a duration such as 30s");
	return false;
}

/* The next token's text as an owned member. */
bool expr_take_text(struct parse_expr *p, char **ret)
{
	struct token t;

	lex_next(p->l, &t);
	*ret = token_dup(&t);
	if (!*ret)
		diag_add(p->diags, DIAG_ERROR, &t.place, "no memory");
	return *ret != NULL;
}

static bool is_operand(const char *word)
{
	return !strchr(word, '.') || strncmp(word, "action.", 7) == 0 ||
	       strncmp(word, "model.", 6) == 0 || strncmp(word, "evidence.", 9) == 0;
}

/* KIND.ATTR or KIND.NAME.ATTR, in place of 'word'; the name may have points of its own. */
static struct expr *split_fact(struct parse_expr *p, const struct lex_place *place, char *word)
{
	_cleanup_(expr_freep) struct expr *e = expr_node(p, EXPR_FACT, place);
	char *first = strchr(word, '.'), *last = strrchr(word, '.');

	if (!e)
		return NULL;
	e->kind_name = strndup(word, (size_t) (first - word));
	e->attr = strdup(last + 1);
	if (first != last)
		e->entity = strndup(first + 1, (size_t) (last - first - 1));
	if (!e->kind_name || !e->attr || (first != last && !e->entity))
		return NULL;
	return TAKE(e);
}

/* KIND."NAME".ATTR behind KIND. */
static struct expr *parse_quoted_fact(struct parse_expr *p, const struct lex_place *place,
				      char *kind)
{
	_cleanup_(expr_freep) struct expr *e = expr_node(p, EXPR_FACT, place);
	struct token dot;

	if (!e)
		return NULL;
	e->kind_name = strdup(kind);
	if (!e->kind_name)
		return NULL;
	lex_next(p->l, &dot);
	if (expr_ahead(p)->type != TOKEN_STRING || !expr_ahead(p)->glued)
		return expr_expected(p, "a quoted name such as link.\"wan0\".carrier");
	if (!expr_take_text(p, &e->entity) || !expr_expect(p, ".", "'.' and an attribute"))
		return NULL;
	if (expr_ahead(p)->type != TOKEN_WORD || !expr_ahead(p)->glued)
		return expr_expected(p, "the name of an attribute");
	return expr_take_text(p, &e->attr) ? TAKE(e) : NULL;
}

/* The fact or operand that 'word' names; a closing ".*" is for action kinds only. */
struct expr *expr_parse_name(struct parse_expr *p)
{
	_cleanup_(freep) char *word = NULL;
	struct token t = *expr_ahead(p);
	struct expr *e;

	if (!expr_take_text(p, &word))
		return NULL;
	if (expr_is_ahead(p, ".") && expr_ahead(p)->glued && !strchr(word, '.'))
		return parse_quoted_fact(p, &t.place, word);
	if (word[strlen(word) - 1] == '*') {
		diag_add(p->diags, DIAG_ERROR, &t.place, "'%s' names no single fact", word);
		return NULL;
	}
	if (!is_operand(word))
		return split_fact(p, &t.place, word);

	e = expr_node(p, EXPR_OPERAND, &t.place);
	if (e)
		e->name = TAKE(word);
	return e;
}

struct expr *expr_parse_literal(struct parse_expr *p, bool minus)
{
	struct token t;
	struct expr *e;

	lex_next(p->l, &t);
	e = expr_node(p, EXPR_LITERAL, &t.place);
	if (!e)
		return NULL;

	e->lit = t.value;
	if (minus && t.value.type == ANOD_INT)
		e->lit.u.i = -t.value.u.i;
	else if (minus)
		e->lit.u.r = -t.value.u.r;
	return e;
}

/* A text: quoted, or a bare word where the grammar allows one. */
struct expr *expr_parse_text(struct parse_expr *p)
{
	struct lex_place place = expr_ahead(p)->place;
	bool bare = expr_ahead(p)->type == TOKEN_WORD;
	_cleanup_(freep) char *text = NULL;
	struct expr *e;

	if (!expr_take_text(p, &text))
		return NULL;
	e = expr_node(p, EXPR_LITERAL, &place);
	if (!e)
		return NULL;
	e->bare = bare;
	e->lit.type = ANOD_TEXT;
	if (!copy_text(e->lit.u.text, sizeof(e->lit.u.text), text)) {
		diag_add(p->diags, DIAG_ERROR, &place, "a text to compare has at most %d bytes",
			 ANOD_TEXT_SIZE - 1);
		return expr_free(e);
	}
	return e;
}

bool expr_number_ahead(struct parse_expr *p, unsigned n)
{
	const struct token *t = lex_peek(p->l, n);

	return t->type == TOKEN_VALUE && (t->value.type == ANOD_INT || t->value.type == ANOD_REAL);
}

static struct expr *parse_group(struct parse_expr *p)
{
	_cleanup_(expr_freep) struct expr *e = NULL;
	struct token open;

	lex_next(p->l, &open);
	if (!expr_deeper(p))
		return NULL;
	e = expr_parse_or(p);
	p->depth--;
	if (!e)
		return NULL;
	if (!expr_accept(p, ")")) {
		(void) expr_expected(p, "')'");
		return NULL;
	}
	return TAKE(e);
}

bool expr_is_reserved(const struct token *t)
{
	static const char *const words[] = { "and", "or",     "not",	  "for", "in",
					     "of",  "within", "overlaps", "x" };

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		if (token_is(t, words[i]))
			return true;
	}
	return false;
}

struct expr *expr_parse_primary(struct parse_expr *p)
{
	const struct token *t = expr_ahead(p);
	struct lex_place place = t->place;

	if (t->type == TOKEN_STRING)
		return expr_parse_text(p);
	if (t->type == TOKEN_VALUE)
		return expr_parse_literal(p, false);
	if (token_is(t, "-") && expr_number_ahead(p, 1)) {
		(void) expr_accept(p, "-");
		return expr_parse_literal(p, true);
	}
	if (token_is(t, "("))
		return parse_group(p);
	if (t->type != TOKEN_WORD || expr_is_reserved(t))
		return expr_expected(p, "a value, a fact or a function");
	if (expr_accept(p, "before"))
		return expr_node(p, EXPR_BEFORE, &place);
	if (token_is(lex_peek(p->l, 1), "(")) {
		struct expr *e;

		if (!expr_deeper(p))
			return NULL;
		e = expr_parse_function(p);
		p->depth--;
		return e;
	}
	return expr_parse_name(p);
}

/*
 * expr_parser - what the parts of the expression parser share.
 *
 * Private to expr_parse.c (the levels of operators), expr_primary.c (values, facts) and
 * expr_function.c.  A function that returns NULL or false has reported why.
 */
#ifndef FACTS_EXPR_PARSER_H
#define FACTS_EXPR_PARSER_H

#include "facts/expr.h"

struct parse_expr {
	struct lexer *l;
	struct diag_list *diags;
	unsigned n_nodes, depth;
};

const struct token *expr_ahead(struct parse_expr *p);
bool expr_is_ahead(struct parse_expr *p, const char *word);
/* Take the next token when it is this word or punctuation. */
bool expr_accept(struct parse_expr *p, const char *word);
bool expr_expect(struct parse_expr *p, const char *punct, const char *what);
/* Report what stands there instead of 'what'.  NULL, for "return". */
struct expr *expr_expected(struct parse_expr *p, const char *what);

struct expr *expr_node(struct parse_expr *p, enum expr_op op, const struct lex_place *place);
/* Takes ownership of 'a' and 'b', also when it fails. */
struct expr *expr_node2(struct parse_expr *p, enum expr_op op, const struct lex_place *place,
			struct expr *a, struct expr *b);
/* One level down; the caller takes it back with p->depth--. */
bool expr_deeper(struct parse_expr *p);

bool expr_number_ahead(struct parse_expr *p, unsigned n);
bool expr_parse_duration(struct parse_expr *p, uint64_t *ret_us);
/* The next token's text as an owned member. */
bool expr_take_text(struct parse_expr *p, char **ret);
/* Words that the operators own and that therefore name nothing. */
bool expr_is_reserved(const struct token *t);

struct expr *expr_parse_literal(struct parse_expr *p, bool minus);
struct expr *expr_parse_text(struct parse_expr *p);
struct expr *expr_parse_primary(struct parse_expr *p);
/* The fact or operand that a word names. */
struct expr *expr_parse_name(struct parse_expr *p);
/* NAME "(" ... ")" */
struct expr *expr_parse_function(struct parse_expr *p);
struct expr *expr_parse_or(struct parse_expr *p);

#endif

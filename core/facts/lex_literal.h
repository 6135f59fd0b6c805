/*
 * lex_literal - numbers with units, addresses, dates and times.
 *
 * Private to the lexer.  Pure.
 */
#ifndef FACTS_LEX_LITERAL_H
#define FACTS_LEX_LITERAL_H

#include "facts/lex.h"

/* When a literal starts at 's' (end > s): its length in bytes, with type, value and, for
 * TOKEN_BAD, error of *t set.  0: something else. */
size_t lex_scan_literal(const char *s, const char *end, struct token *t);

/* lex_value(): one literal, with an optional sign, and nothing else. */
int lex_parse_literal(const char *text, struct anod_value *ret);

#endif

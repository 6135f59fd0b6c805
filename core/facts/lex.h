/*
 * lex - tokens of the one language: configuration, policy, agents, expressions.
 *
 * Lexical notes (policy.md 2.2): '#' comments to the end of the line; a newline ends a clause
 * unless the next line starts with "and" or "or", or a bracket is open; names are
 * [A-Za-z_][A-Za-z0-9_-]* joined by '.' into one dotted word; addresses and prefixes (IPv4,
 * IPv6) and times (01:00, 2026-12-20) are tokens of their own; a number takes its unit without
 * a space (30ms, 5%, 400Gbps, 64KiB, 200k).  m is minutes, M is mega.
 *
 * A token borrows the text, which must outlive it.  Pure.
 */
#ifndef FACTS_LEX_H
#define FACTS_LEX_H

#include <anod/value.h>

#include "base/util.h"

struct lex_place { /* where in which file, for messages */
	const char *file;
	uint32_t line, column; /* from 1; column counts characters */
};

enum token_type {
	TOKEN_END = 0, /* of the text */
	TOKEN_NEWLINE, /* end of a clause */
	TOKEN_WORD,    /* name or dotted name */
	TOKEN_STRING,  /* "...", with \" \\ \n \t; one line */
	TOKEN_VALUE,   /* number with unit, address, prefix, true, false: 'value' */
	TOKEN_TIME,    /* HH:MM or HH:MM:SS: value is TIME since midnight */
	TOKEN_DATE,    /* YYYY-MM-DD: value is INT days since 1970-01-01 */
	TOKEN_PUNCT,   /* { } ( ) , = == != < <= > >= -> .. + - * / [ ] */
	TOKEN_BAD,     /* 'error' says why; the lexer goes on behind it */
};

struct token {
	enum token_type type;
	struct lex_place place;
	const char *text; /* borrowed from the source; not NUL-ended */
	size_t len;
	bool glued;		 /* no white space before it */
	struct anod_value value; /* VALUE, TIME, DATE */
	char error[96];
};

struct lexer {
	const char *file, *text, *end, *pos;
	uint32_t line, column;
	unsigned depth; /* open ( and [ : newlines do not count inside */
	struct token ahead[2];
	unsigned n_ahead;
};

void lex_init(struct lexer *l, const char *file, const char *text, size_t size);
/* The next token; TOKEN_END for ever at the end. */
void lex_next(struct lexer *l, struct token *ret);
/* Look at the next one, or the one behind it ('n' 1), without taking it. */
const struct token *lex_peek(struct lexer *l, unsigned n);
bool token_is(const struct token *t, const char *word_or_punct);
/* A malloc()ed copy: of a STRING its content. */
char *token_dup(const struct token *t);

/* Parse a literal with its unit, as TOKEN_VALUE does: for options and command lines. */
int lex_value(const char *text, struct anod_value *ret);

#endif

/*
 * diag - messages about a text, each with its place.
 *
 * All errors of all files are collected and shown together, in the order of places:
 *   edge.policy:12:5: error: 'agnt' is not a clause of permit; did you mean 'agent'?
 */
#ifndef FACTS_DIAG_H
#define FACTS_DIAG_H

#include "facts/lex.h"

#define DIAG_MAX 100 /* further ones are counted only */

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag {
	enum diag_level level;
	struct lex_place place; /* file name owned by the list */
	char *text;		/* owned; one sentence, no final stop */
};

struct diag_list {
	struct diag *item;
	unsigned n, n_errors, n_dropped;
};

void diag_add(struct diag_list *l, enum diag_level level, const struct lex_place *p,
	      const char *fmt, ...) _printf_(4, 5);
void diag_done(struct diag_list *l);
/* "file:line:column: error: text", one per line, and a closing count when some were dropped. */
void diag_print(const struct diag_list *l, FILE *f);

#endif

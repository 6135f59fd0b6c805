/*
 * code - an expression as a small program that runs on 64 rows of the store at a time.
 *
 * A program has the meaning of expr_truth() with each row's entity as the subject in turn; a test
 * compares the two on random expressions and facts.  What has no vector form (sets, prefixes,
 * facts of "before", counts that depend on the row) is an instruction that asks the tree
 * evaluator row by row.  What is the same for every row (named facts, "count(...)", "max(...)") is
 * worked out once in code_begin(), counting 64 rows at a time.
 *
 *   code_begin(c, env);
 *   for each block: code_run(c, env, block, rows, &truth);
 *
 * Pure.  Threads: one.  Memory: a program borrows its tree; no allocation after code_compile().
 */
#ifndef FACTS_CODE_H
#define FACTS_CODE_H

#include "facts/expr.h"
#include "facts/table.h"

/* Bit k: row 64 * block + k is so.  In neither: unknown. */
struct code_truth {
	uint64_t yes, no;
};

/* What programs run in.  'env' has the store, the time and the hooks of the tree evaluator; its
 * 'subject' is code_subject and its 'watch' points to this struct, which may be the first member
 * of a larger one. */
struct code_env {
	struct expr_env env;
	const char *entity; /* while the tree evaluator is asked: the row's; NULL: none */
	/* Truth of a FOR or WITHIN node for a block of its subject kind; NULL: unknown. */
	void (*held)(const struct code_env *env, const struct expr *node, unsigned block,
		     struct code_truth *ret);
};
const char *code_subject(const struct expr_env *env, uint16_t kind);

struct code;

/* 'e' is checked, and true or false by type.  'kind': whose rows it is run on, as from
 * watch_subject_kind(); 0: it has no subject and is run on block 0, row 0.  -ENOMEM. */
int code_compile(const struct expr *e, const struct schema *schema, uint16_t kind,
		 struct code **ret);
struct code *code_free(struct code *c);
DEFINE_CLEANUP(struct code *, code_free);

/* Work out what does not depend on the row; before the runs, and again after a change. */
void code_begin(struct code *c, struct code_env *env);
/* Truth of the rows of 'rows', which must be entities; other bits of the result are clear. */
void code_run(const struct code *c, struct code_env *env, unsigned block, uint64_t rows,
	      struct code_truth *ret);

/* How many instructions ask the tree evaluator, row by row or once: for tests and "doctor". */
unsigned code_n_tree(const struct code *c);

#endif

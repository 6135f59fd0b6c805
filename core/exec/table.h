/*
 * table - the executor's side of TABLE: whole tables of anod's own, written fast.
 *
 * Threads: one.  Errors: in the answer.  Memory: nothing is kept.
 */
#ifndef EXEC_TABLE_H
#define EXEC_TABLE_H

#include "exec/kernel.h"

/* Is every field of a message of m->head.size bytes sound?  The table is one of anod's own. */
bool table_check(const struct exec_table *m);
/* Do what a sound message says; all of *ret but its head is set. */
void table_do(struct kernel *k, const struct exec_table *m, struct exec_tabled *ret);
/* Size of a message with this many operations. */
static inline size_t table_size(unsigned n_ops)
{
	return offsetof(struct exec_table, op) + n_ops * sizeof(struct table_op);
}

#endif

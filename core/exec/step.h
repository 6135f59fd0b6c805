/*
 * step - one object, changed and put back by comparison.
 *
 * A step is only ever undone when the object is still as the step left it (policy.md 5.1, R4).
 * Steps come from other processes and from the journal, so step_check() is called on each before
 * anything else is.
 *
 * Threads: one per kernel.  Errors: in k->error and k->why.  Memory: the caller's.
 */
#ifndef EXEC_STEP_H
#define EXEC_STEP_H

#include "exec/kernel.h"

/* True when every length, flag and type of the step is sound, its two requests are one whole
 * netlink message each and of the kinds that an actuator needs.  Pure. */
bool step_check(const struct exec_step *s);

/* Bytes of a message that carries 'n' steps behind 'before' bytes, or 0: more than STEPS_MAX. */
size_t steps_size(size_t before, uint32_t n);

/* Where the object of a step stands now. */
enum step_state step_look(struct kernel *k, const struct exec_step *s);

/* Send what turns pre into post.  0, or -errno and k->why. */
int step_apply(struct kernel *k, const struct exec_step *s);

/* Compare-and-undo: send undo only when the object is as wanted.  The state afterwards. */
enum step_state step_undo(struct kernel *k, const struct exec_step *s);

/* Undo all, last first, whatever becomes of one.  ret_state has 'n' entries.  0, or the first
 * -errno; the words for it go to 'why'. */
int steps_undo(struct kernel *k, const struct exec_step *s, uint32_t n, uint32_t *ret_state,
	       char *why, size_t why_size);

/* Look at all, for CHECKED.  A step whose object a later one has changed again counts as done;
 * see exec_step for dependants and changes of the moment.  Result as steps_undo(). */
int steps_look(struct kernel *k, const struct exec_step *s, uint32_t n, uint32_t *ret_state,
	       char *why, size_t why_size);

#endif

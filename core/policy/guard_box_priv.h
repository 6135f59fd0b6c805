/*
 * guard_box_priv - what the two files of guard_box share.  Private to core/policy/guard_box*.c.
 */
#ifndef POLICY_GUARD_BOX_PRIV_H
#define POLICY_GUARD_BOX_PRIV_H

#include "policy/dnf.h"

static inline bool guard_wants_true(enum where w)
{
	return w == WHERE_TRUE || w == WHERE_NOT_FALSE;
}

static inline bool guard_takes_doubt(enum where w)
{
	return w == WHERE_NOT_TRUE || w == WHERE_NOT_FALSE;
}

typedef bool guard_keep_fn(const struct var *v, unsigned piece, const void *data);

/* A copy of the box of everything; NULL: no memory. */
uint64_t *guard_box(const struct space *s);
/* Take pieces of the variable out for which 'fn' is not true. */
void guard_keep(const struct space *s, uint64_t *b, const struct var *v, guard_keep_fn *fn,
		const void *data);
/* Add everything with such pieces only. */
int guard_add(const struct space *s, const struct var *v, guard_keep_fn *fn, const void *data,
	      struct region *ret);
/* Known, and not none. */
bool guard_is_named(const struct var *v, unsigned piece, const void *data);

int guard_note_on(struct space *s, const struct policy_on *on);
int guard_ask_on(const struct space *s, const struct policy_rule *rule, enum where w,
		 struct region *ret);
int guard_note_window(struct space *s, const char *name);
int guard_ask_window(const struct space *s, const char *name, enum where w, struct region *ret);

#endif

/*
 * dnf_priv - what the two files of dnf share.  Private to core/policy/dnf*.c.
 */
#ifndef POLICY_DNF_PRIV_H
#define POLICY_DNF_PRIV_H

#include "policy/dnf.h"

/* Both walks: 'note' is the space while it is open, else NULL. */
struct walk {
	struct space *note;
	const struct space *s;
	unsigned depth; /* of sets */
};

static inline bool dnf_wants_true(enum where w)
{
	return w == WHERE_TRUE || w == WHERE_NOT_FALSE;
}

/* The value of an expression without variables. */
bool dnf_constant(const struct expr *e, struct anod_value *ret);

/* The variable under the expression's own text: made, or looked up. */
int dnf_var(struct walk *k, const struct expr *e, enum var_type type, const struct var **ret);
/* The same, to be written to while the space is open. */
struct var *dnf_noted(struct walk *k, const struct var *v);

/* The box in which the variable has only the pieces for which 'fn' is true (or false), with or
 * without doubt, as the question says; nothing while the space is open. */
typedef bool piece_fn(const struct var *v, unsigned piece, const void *data);
int dnf_pieces(struct walk *k, const struct var *v, piece_fn *fn, const void *data, enum where w,
	       struct region *ret);
/* A truth under the expression's own text. */
int dnf_opaque(struct walk *k, const struct expr *e, enum where w, struct region *ret);
/* What is so at every point. */
int dnf_known(struct walk *k, enum anod_tri truth, enum where w, struct region *ret);
int dnf_compare(struct walk *k, const struct expr *e, enum where w, struct region *ret);

#endif

/*
 * agent_never - conditions of an agent that can never be true, and clears that undo a finding.
 *
 * Design.  The regions of core/policy: exact for comparisons with constants, and larger than the
 * truth for everything else, so "never" is never said wrongly.  Options count as anything,
 * because the configuration may set them.  A limit of the analysis is no mistake of the text.
 */
#include "agent/program.h"
#include "policy/analyse_priv.h"

/* Both at once; it borrows them. */
static struct expr conjunction(const struct expr *a, const struct expr *b)
{
	return (struct expr){ .op = EXPR_AND,
			      .type = ANOD_BOOL,
			      .slot = -1,
			      .a = (struct expr *) (uintptr_t) a,
			      .b = (struct expr *) (uintptr_t) b };
}

static struct space *space_of(const struct parse *p, const struct expr *e, const struct expr *f)
{
	_cleanup_(space_freep) struct space *s = space_new(p->config, p->env->schema);

	if (!s)
		return NULL;
	s->any_subject = true;
	if (dnf_note(s, e) < 0 || (f && dnf_note(s, f) < 0) || space_seal(s) < 0)
		return NULL;
	return TAKE(s);
}

static int say(struct parse *p, struct space *s, const struct expr *e,
	       const struct lex_place *place, const char *clause)
{
	char why[600] = "no state of its facts makes it so";

	(void) explain_empty(s, NULL, e, WHERE_TRUE, NULL, why, sizeof(why));
	return parse_error(p, place, "%s can never be true: %s", clause, why);
}

static int check_one(struct parse *p, const struct expr *e, const struct lex_place *place,
		     const char *clause)
{
	_cleanup_(space_freep) struct space *s = space_of(p, e, NULL);
	_cleanup_(region_done) struct region r = { 0 };

	if (!s || dnf_region(s, e, WHERE_TRUE, &r) < 0 || held_possible(s, &r) < 0 || r.n)
		return 0;
	return say(p, s, e, place, clause);
}

static int check_cond(struct parse *p, const struct agent_cond *c, const char *clause)
{
	return c->expr ? check_one(p, c->expr, &c->place, clause) : 0;
}

static int check_proposals(struct parse *p, const struct agent_proposal *list, unsigned n,
			   const char *clause)
{
	int r = 0;

	for (unsigned i = 0; i < n; i++) {
		int one = check_cond(p, &list[i].when, clause);

		r = r < 0 ? r : one;
	}
	return r;
}

/* Found and cleared in the same moment, for ever. */
static int check_clear(struct parse *p, const struct agent_program *a)
{
	_cleanup_(region_done) struct region when = { 0 }, clear = { 0 };
	_cleanup_(space_freep) struct space *s = NULL;

	if (!a->clear.expr)
		return 0;
	s = space_of(p, a->when.expr, a->clear.expr);
	if (!s || dnf_region(s, a->when.expr, WHERE_TRUE, &when) < 0 ||
	    held_possible(s, &when) < 0 || dnf_region(s, a->clear.expr, WHERE_TRUE, &clear) < 0 ||
	    region_inside(s, &when, &clear, NULL) != 1)
		return 0;
	return parse_error(p, &a->clear.place,
			   "'clear' is true whenever 'when' is: a finding would end as soon as it "
			   "is made");
}

int agent_check_never(struct parse *p, const struct agent_program *a)
{
	int r = check_cond(p, &a->where, "'where'"), one;

	one = check_cond(p, &a->when, "'when'");
	r = r < 0 ? r : one;
	if (r == 0 && a->where.expr) {
		struct expr all = conjunction(a->where.expr, a->when.expr);

		r = check_one(p, &all, &a->when.place, "'when' with 'where'");
	}
	one = check_cond(p, &a->clear, "'clear'");
	r = r < 0 ? r : one;
	for (unsigned i = 0; i < a->n_rivals; i++) {
		one = check_cond(p, &a->rival[i].when, "the condition of a rival");
		r = r < 0 ? r : one;
	}
	for (unsigned i = 0; i < a->n_suppress; i++) {
		one = check_cond(p, &a->suppress[i].when, "'suppress'");
		r = r < 0 ? r : one;
	}
	one = check_proposals(p, a->proposal, a->n_proposals, "the condition of a proposal");
	r = r < 0 ? r : one;
	one = check_proposals(p, a->restore, a->n_restores, "the condition of a restore");
	r = r < 0 ? r : one;
	return r < 0 ? r : check_clear(p, a);
}

/*
 * analyse_rules - rules that can never count, and why; sets that are always empty.
 *
 * Design.  A guard is empty when its region is, for every kind of action that it names.  The
 * reason is found among its conditions: one that is never true by itself, or two that exclude
 * each other; that is nearly always what was written by mistake.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "facts/value.h"
#include "policy/analyse_priv.h"

#define CONDITIONS_MAX 32

/* ---- why ----------------------------------------------------------------------------------- */

struct conditions {
	unsigned n;
	struct condition {
		const struct expr *e;
		struct region region;
		char *text;
	} item[CONDITIONS_MAX];
};

/* The parts that all must be so: "and" where something is to be true, "or" where false. */
static void split(const struct expr *e, enum where w, struct conditions *c)
{
	if (e->op == EXPR_AND && (w == WHERE_TRUE || w == WHERE_NOT_FALSE)) {
		split(e->a, w, c);
		split(e->b, w, c);
		return;
	}
	if (c->n < CONDITIONS_MAX)
		c->item[c->n++].e = e;
}

static void conditions_done(struct conditions *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		region_done(&c->item[i].region);
		free(c->item[i].text);
	}
}

static int add_on(const struct space *s, const struct policy_rule *r,
		  const struct anod_action_desc *kind, enum where w, struct conditions *c)
{
	const struct policy_on *on = &r->on[0];
	struct condition *k = &c->item[c->n];

	if (c->n == CONDITIONS_MAX)
		return 0;
	if (asprintf(&k->text, "on %s%s%s", r->n_on == 1 && on->negated ? "not in " : "",
		     r->n_on > 1   ? "any of the things named"
		     : on->set	   ? on->set
		     : on->n_names ? on->name[0]
				   : "those prefixes",
		     r->n_on == 1 && on->n_names > 1 ? ", ..." : "") < 0) {
		k->text = NULL;
		return -ENOMEM;
	}
	c->n++;
	return guard_parts(s, r, NULL, kind, w, GUARD_ON, &k->region);
}

struct nameless {
	const struct space *s;
	const struct expr *fact;
};

static void note_nameless(const struct expr *e, void *data)
{
	struct nameless *n = data;
	_cleanup_(freep) char *key = e->op == EXPR_FACT ? expr_format(e) : NULL;
	const struct var *v = key ? space_find(n->s, key) : NULL;

	if (v && v->never_known)
		n->fact = e;
}

/* A condition that the arguments of the kind never meet. */
static bool explain_kind(const struct space *s, const struct policy_rule *rule,
			 const struct conditions *c, enum where w,
			 const struct anod_action_desc *kind, char *buf, size_t size)
{
	_cleanup_(region_done) struct region can = { 0 };

	if (guard_parts(s, rule, NULL, kind, w, 0, &can) < 0)
		return false;
	for (unsigned i = 0; i < c->n; i++) {
		_cleanup_(region_done) struct region both = { 0 };

		if (region_meet(s, &c->item[i].region, &can, &both) < 0 || both.n)
			continue;
		(void) snprintf(buf, size, "no %s can have '%.200s'", kind->kind, c->item[i].text);
		return true;
	}
	return false;
}

bool explain_empty(struct space *s, const struct policy_rule *rule, const struct expr *e,
		   enum where w, const struct anod_action_desc *kind, char *buf, size_t size)
{
	_cleanup_(conditions_done) struct conditions c = { 0 };
	bool told = false;
	int r = 0;

	if (e)
		split(e, w, &c);
	for (unsigned i = 0; i < c.n && r == 0; i++) {
		c.item[i].text = expr_format(c.item[i].e);
		r = c.item[i].text ? dnf_region(s, c.item[i].e, w, &c.item[i].region) : -ENOMEM;
	}
	if (r == 0 && rule && rule->n_on)
		r = add_on(s, rule, kind, w, &c);
	for (unsigned i = 0; i < c.n && r == 0 && !told; i++) {
		struct nameless nameless = { .s = s };

		told = c.item[i].region.n == 0;
		if (told && c.item[i].e)
			expr_walk(c.item[i].e, note_nameless, &nameless);
		if (told && nameless.fact)
			(void) snprintf(buf, size,
					"in a rule '%s.%s' is always unknown, because nothing says "
					"which %s; write %s.NAME.%s, or count(%s where ...)",
					nameless.fact->kind_name, nameless.fact->attr,
					nameless.fact->kind_name, nameless.fact->kind_name,
					nameless.fact->attr, nameless.fact->kind_name);
		else if (told)
			(void) snprintf(buf, size, "'%.200s' is never %s", c.item[i].text,
					w == WHERE_TRUE ? "true" : "anything but false");
	}
	for (unsigned i = 0; i < c.n && r == 0 && !told; i++)
		for (unsigned k = 0; k < i && r == 0 && !told; k++) {
			_cleanup_(region_done) struct region both = { 0 };

			r = region_meet(s, &c.item[k].region, &c.item[i].region, &both);
			told = r == 0 && both.n == 0;
			if (told)
				(void) snprintf(buf, size, "it needs '%.200s' and '%.200s'",
						c.item[k].text, c.item[i].text);
		}
	if (r == 0 && !told && kind && rule)
		told = explain_kind(s, rule, &c, w, kind, buf, size);
	return told;
}

/* ---- rules ---------------------------------------------------------------------------------- */

/* 1: never, -E2BIG: not decided.  '*ret_kind' is a kind for which it was looked at. */
static int never(struct analysis *x, const struct pair *p, enum where w, unsigned parts,
		 const struct anod_action_desc **ret_kind)
{
	for (int k = pair_kind(x, p, 0); k >= 0; k = pair_kind(x, p, (unsigned) k + 1)) {
		_cleanup_(region_done) struct region all = { 0 };
		int r;

		*ret_kind = x->in->env->actions[k];
		r = guard_parts(p->space, p->a, NULL, *ret_kind, w, parts, &all);
		if (r < 0)
			return r;
		if (all.n)
			return 0;
	}
	return *ret_kind != NULL;
}

/* Is the argument that "on" looks at one that no kind of the rule has? */
static bool on_foreign_argument(const struct policy_rule *r, const struct anod_action_desc *k,
				const struct space *s)
{
	if (!r->n_on || !k || !space_find(s, "action.dst"))
		return false;
	for (const struct anod_param *p = k->params; p && p->name; p++)
		if (strcmp(p->name, "dst") == 0)
			return false;
	return true;
}

static void say_never(struct analysis *x, struct pair *p, unsigned nth, enum where w,
		      const struct anod_action_desc *kind, unsigned parts)
{
	const struct policy_rule *r = p->a;
	char why[600] = "no state of its facts makes it so";

	if (parts == GUARD_ON && on_foreign_argument(r, kind, p->space))
		(void) snprintf(why, sizeof(why),
				"'on' is about the argument dst, which %s does not have",
				kind->kind);
	else
		(void) explain_empty(p->space, r, parts & GUARD_WHEN ? r->when : NULL, w, kind, why,
				     sizeof(why));
	x->mute[nth] = 1;
	if (r->kind == RULE_PERMIT)
		find(x, FINDING_WARNING, "never-counts", &r->place,
		     "permit \"%s\" can never count: %s|correct the condition, or remove the "
		     "permit",
		     r->name, why);
	else if (w == WHERE_NOT_FALSE)
		find(x, FINDING_WARNING, "never-counts", &r->place,
		     "%s \"%s\" is never in force: %s|correct the condition, or remove it",
		     rule_word(r), r->name, why);
	else
		find(x, FINDING_WARNING, "never-true", &r->place,
		     "%s \"%s\" can never be true, so it is in force only while its facts are "
		     "unknown: %s|correct the condition",
		     rule_word(r), r->name, why);
}

static void not_decided(struct analysis *x, const struct policy_rule *r)
{
	find(x, FINDING_NOTE, "not-decided", &r->place,
	     "%s \"%s\" is too large to be looked through: whether it can count was not decided",
	     rule_word(r), r->name);
}

/* Kinds that the rule names one by one and that can never meet its other conditions. */
static void check_kinds(struct analysis *x, const struct pair *p)
{
	for (unsigned i = 0; i < p->a->n_actions && p->by_kind; i++)
		for (unsigned k = 0; x->in->env->actions[k]; k++) {
			const struct anod_action_desc *d = x->in->env->actions[k];
			_cleanup_(region_done) struct region all = { 0 };

			if (strcmp(d->kind, p->a->action[i]) != 0 ||
			    guard_region(p->space, p->a, NULL, d, WHERE_TRUE, &all) < 0 || all.n)
				continue;
			find(x, FINDING_WARNING, "never-counts", &p->a->place,
			     "%s \"%s\" names %s, but can never be true for it: %s|take the action "
			     "out, or write a rule of its own for it",
			     rule_word(p->a), p->a->name, d->kind,
			     on_foreign_argument(p->a, d, p->space)
				     ? "it has no argument dst"
				     : "its arguments do not fit the conditions");
		}
}

static void check_rule(struct analysis *x, unsigned nth)
{
	static const unsigned parts[] = { GUARD_ON, GUARD_WHEN, GUARD_ON | GUARD_WHEN };
	const struct policy_rule *r = &x->policy->rule[nth];
	const struct anod_action_desc *kind = NULL;
	struct pair p;
	int empty = pair_open(x, r, r, &p);

	if (empty == 0)
		empty = never(x, &p, WHERE_TRUE, GUARD_ALL, &kind);
	if (empty == -E2BIG)
		not_decided(x, r);
	if (empty == 0)
		check_kinds(x, &p);
	if (empty > 0) {
		bool all = r->kind != RULE_PERMIT &&
			   never(x, &p, WHERE_NOT_FALSE, GUARD_ALL, &kind) > 0;
		enum where w = all ? WHERE_NOT_FALSE : WHERE_TRUE;
		unsigned i = 0;

		while (i < 2 && never(x, &p, w, parts[i], &kind) <= 0)
			i++;
		say_never(x, &p, nth, w, kind, parts[i]);
	}
	pair_done(&p);
}

static void check_window(struct analysis *x, const struct policy_window *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < x->policy->n_rules; i++)
		n += x->policy->rule[i].during && strcmp(x->policy->rule[i].during, w->name) == 0;
	for (unsigned i = 0; i < x->in->config->n_grants; i++) {
		const char *of = x->in->config->grant[i].during;

		n += of && strcmp(of, w->name) == 0;
	}
	if (!n)
		find(x, FINDING_NOTE, "unused", &w->place, "no rule is during window '%s'",
		     w->name);
	if (w->daily)
		return;
	if (w->to_wall_s <= w->from_wall_s)
		find(x, FINDING_WARNING, "never-counts", &w->place,
		     "window '%s' ends before it begins: nothing is ever during it|exchange its "
		     "ends",
		     w->name);
	/* A day of grace for zones. */
	else if (n && x->in->wall_us &&
		 w->to_wall_s + 86400 < (int64_t) (x->in->wall_us / US_PER_S))
		find(x, FINDING_NOTE, "window-over", &w->place,
		     "window '%s' is over: the %u rule%s during it never count%s any more|give it "
		     "its next date, or remove it",
		     w->name, n, n == 1 ? "" : "s", n == 1 ? "s" : "");
}

void analyse_rules(struct analysis *x)
{
	for (unsigned i = 0; i < x->policy->n_rules; i++)
		check_rule(x, i);
	for (unsigned i = 0; i < x->policy->n_windows; i++)
		check_window(x, &x->policy->window[i]);
}

/* ---- sets ----------------------------------------------------------------------------------- */

struct role {
	const struct config *config;
	const char *missing;
};

static void note_role(const struct expr *e, void *data)
{
	struct role *r = data;

	if (e->op != EXPR_COMPARE || e->cmp != VALUE_EQ || e->a->op != EXPR_FACT || !e->a->attr ||
	    strcmp(e->a->attr, "role") != 0 || e->b->op != EXPR_LITERAL ||
	    e->b->lit.type != ANOD_TEXT || !e->b->lit.u.text[0])
		return;
	for (unsigned i = 0; i < r->config->n_links; i++)
		if (r->config->link[i].role &&
		    strcmp(r->config->link[i].role, e->b->lit.u.text) == 0)
			return;
	r->missing = e->b->lit.u.text;
}

static void check_set(struct analysis *x, const struct policy_set *set)
{
	struct space *s = space_new(x->in->config, x->in->env->schema);
	struct role role = { .config = x->in->config };
	struct region all = { 0 };
	char why[600];

	if (s)
		s->any_subject = true;
	if (s && dnf_note(s, set->where) == 0 && space_seal(s) == 0 &&
	    dnf_region(s, set->where, WHERE_TRUE, &all) == 0 && all.n == 0) {
		if (!explain_empty(s, NULL, set->where, WHERE_TRUE, NULL, why, sizeof(why)))
			(void) copy_text(why, sizeof(why), "its condition is never true");
		find(x, FINDING_WARNING, "empty-set", &set->place,
		     "nothing can be in set '%s': %s|correct the condition", set->name, why);
	} else if (set->where->op == EXPR_COMPARE) {
		note_role(set->where, &role);
		if (role.missing && set->kind == SET_LINK)
			find(x, FINDING_WARNING, "empty-set", &set->place,
			     "no link is in set '%s': no link has the role '%s'|write link NAME { "
			     "role %s }",
			     set->name, role.missing, role.missing);
	}
	region_done(&all);
	space_free(s);
}

void analyse_sets(struct analysis *x)
{
	for (unsigned i = 0; i < x->policy->n_sets; i++)
		if (x->policy->set[i].where)
			check_set(x, &x->policy->set[i]);
}

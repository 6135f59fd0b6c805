/*
 * decide_reason - one sentence that names what decided.
 *
 * Design.  First what stands above all rules, then the forbid, the permit that is missing, the
 * invariant, and at last the permit or the cap that gave the level.
 */
#include <string.h>

#include "policy/record.h"

static const char *kind_word(const struct policy_rule *r)
{
	static const char *const words[] = { "", "permit", "forbid", "cap" };

	return words[r->kind];
}

static const struct decided_rule *record_of(const struct decision *d, const struct answer *a,
					    const struct policy_rule *rule)
{
	for (unsigned i = 0; i < d->n_rules; i++)
		if (d->rule[i].rule == rule && d->rule[i].action == a->action)
			return &d->rule[i];
	return NULL;
}

static void say_rule(struct text *t, const struct decided_rule *r, const char *what)
{
	text_add(t, "%s \"%s\"%s%s", kind_word(r->rule), r->rule->name, what[0] ? " " : "", what);
	if (r->why[0])
		text_add(t, ": %s", r->why);
}

/* Default deny: the permit that came nearest, by truth and then by name. */
static void say_no_permit(const struct decide_in *in, const struct decision *d,
			  const struct answer *a, struct text *t)
{
	const char *kind = in->proposal->action[a->action].kind;
	const struct decided_rule *best = NULL;

	for (unsigned i = 0; i < d->n_rules; i++) {
		const struct decided_rule *r = &d->rule[i];

		if (r->rule->kind != RULE_PERMIT || r->action != a->action)
			continue;
		if (!best || r->truth > best->truth ||
		    (r->truth == best->truth && strcmp(r->rule->name, best->rule->name) < 0))
			best = r;
	}

	if (!best)
		text_add(t, "no permit names agent %s and action %s", in->agent, kind);
	else if (best->truth == ANOD_TRUE)
		say_rule(t, best, "holds but does not count");
	else if (best->truth == ANOD_DOUBT)
		say_rule(t, best, "is not proven");
	else
		say_rule(t, best, "does not hold");
}

static void say_allowed(const struct decide_in *in, const struct decision *d,
			const struct answer *a, struct text *t)
{
	const struct decided_rule *permit = record_of(d, a, a->permit);
	const struct decided_rule *bar = a->bar ? record_of(d, a, a->bar) : NULL;

	if (bar) {
		char what[64];

		(void) snprintf(what, sizeof(what), "allows at most %s%s", level_name(bar->level),
				bar->truth == ANOD_DOUBT ? " while it is unknown" : "");
		say_rule(t, bar, what);
		return;
	}
	if (a->held_back) {
		char text[256];

		text_add(t, "damped: %s; ",
			 damp_text(&a->damp, &in->config->policy->damping, a->damp_resource,
				   in->now_us, in->wall_us, text, sizeof(text)));
	}
	if (a->held_back && d->level < LEVEL_APPROVE) {
		text_add(t, "permit \"%s\" is held back", a->permit->name);
		return;
	}
	say_rule(t, permit, "");
	if (d->level == LEVEL_APPROVE &&
	    (a->permit->level == LEVEL_APPROVE || a->permit->promote.to == LEVEL_APPROVE)) {
		text_add(t, "; needs approval by ");
		text_approval(t, a->permit);
	}
}

static bool say_invariant(const struct decision *d, struct text *t)
{
	for (unsigned i = 0; i < d->n_invariants; i++) {
		const struct decided_invariant *v = &d->invariant[i];

		if (!v->failed || v->excused || v->lifted_by)
			continue;
		text_add(t, "invariant \"%s\" %s: %s", v->invariant->name,
			 v->holds == ANOD_FALSE ? "would break" : "is not known to hold", v->why);
		return true;
	}
	return false;
}

static void say_overrides(const struct decision *d, struct text *t)
{
	for (unsigned i = 0; i < d->n_invariants; i++)
		if (d->invariant[i].lifted_by)
			text_add(t, "; invariant \"%s\" is overridden by %s",
				 d->invariant[i].invariant->name, d->invariant[i].lifted_by);
}

char *decision_reason(const struct decide_in *in, const struct decision *d, const struct answer *a)
{
	struct text t = { 0 };

	if (!in->whatif)
		text_add(&t, "not possible: %s",
			 in->whatif_error ? in->whatif_error : "the effect cannot be predicted");
	else if (!in->in_sync)
		text_add(&t, "the model of the network is being read again after lost events: "
			     "nothing is decided on stale facts");
	else if (a->bar && a->bar->kind == RULE_FORBID && record_of(d, a, a->bar))
		say_rule(&t, record_of(d, a, a->bar),
			 record_of(d, a, a->bar)->truth == ANOD_TRUE ? "forbids it"
								     : "may forbid it");
	else if (!a->permit)
		say_no_permit(in, d, a, &t);
	else if (!a->invariants_hold && say_invariant(d, &t))
		;
	else if (in->paused)
		text_add(&t, "paused by the operator");
	else if (in->capped)
		text_add(&t, "journal or ledger failed: nothing is changed until anod is "
			     "restarted on a good disk");
	else {
		say_allowed(in, d, a, &t);
		say_overrides(d, &t);
	}
	return strdup(t.b);
}

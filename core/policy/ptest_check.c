/*
 * ptest_check - what a policy test expected, and what came.
 *
 * Design.  An expectation that is not met says what was expected and what came, with the decision's own
 * reason, so that nobody has to run anything again to understand it.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "facts/value.h"
#include "policy/ptest_int.h"

void ptest_miss(const struct ptest_world *w, const struct ptest_step *s, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!w->run->fail)
		return;
	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w->run->fail(&s->place, text, w->run->data);
}

/* ---- expectations: true when met --------------------------------------------------------------- */

static bool expect_level(const struct ptest_world *w, const struct ptest_step *s)
{
	if ((int) w->decision->level == s->want)
		return true;
	ptest_miss(w, s, "expected %s, got %s: %s", level_name((enum level) s->want),
		   level_name(w->decision->level), w->decision->reason);
	return false;
}

static bool expect_permit(const struct ptest_world *w, const struct ptest_step *s)
{
	const char *got = w->decision->permit_name;

	if (strcmp(got, s->text) == 0)
		return true;
	ptest_miss(w, s, "expected %s%s%s, got %s%s%s: %s", s->text[0] ? "permit \"" : "no permit",
		   s->text, s->text[0] ? "\"" : "", got[0] ? "permit \"" : "none", got,
		   got[0] ? "\"" : "", w->decision->reason);
	return false;
}

static const struct decided_rule *rule_named(const struct decision *d, const char *name)
{
	for (unsigned i = 0; i < d->n_rules; i++)
		if (strcmp(d->rule[i].rule->name, name) == 0)
			return &d->rule[i];
	return NULL;
}

static bool expect_rule(const struct ptest_world *w, const struct ptest_step *s)
{
	const struct decided_rule *r = rule_named(w->decision, s->text);

	if (s->expect == EXPECT_RULE && s->want == PTEST_NO_RULE) {
		if (r)
			ptest_miss(w, s, "rule \"%s\" is about agent %s and this action: %s",
				   s->text, w->agent, tri_name(r->truth));
		return !r;
	}
	if (r && s->expect == EXPECT_COUNTS && r->counted)
		return true;
	if (r && s->expect == EXPECT_RULE && (int) r->truth == s->want)
		return true;
	if (!r)
		ptest_miss(w, s, "rule \"%s\" is not about agent %s and this action", s->text,
			   w->agent);
	else if (s->expect == EXPECT_COUNTS)
		ptest_miss(w, s, "rule \"%s\" does not count: it is %s", s->text,
			   tri_name(r->truth));
	else
		ptest_miss(w, s, "rule \"%s\": expected %s, got %s", s->text,
			   tri_name((enum anod_tri) s->want), tri_name(r->truth));
	return false;
}

static bool expect_invariant(const struct ptest_world *w, const struct ptest_step *s)
{
	static const char *const words[] = { "fails", "is unknown", "holds", "is excused",
					     "is overridden" };
	const struct decision *d = w->decision;

	for (unsigned i = 0; i < d->n_invariants; i++) {
		const struct decided_invariant *v = &d->invariant[i];
		int got = v->lifted_by ? 4 : v->excused ? 3 : (int) v->holds;

		if (strcmp(v->invariant->name, s->text) != 0)
			continue;
		if (got == s->want)
			return true;
		ptest_miss(w, s, "invariant \"%s\" %s: %s", s->text, words[got], v->why);
		return false;
	}
	ptest_miss(w, s, "invariant \"%s\" was not judged: %s", s->text, d->reason);
	return false;
}

static bool expect_after(const struct ptest_world *w, const struct ptest_step *s)
{
	struct decide_in in;
	struct ask q;
	enum anod_tri t;

	ptest_decide_in(w, &in);
	if (!in.whatif) {
		ptest_miss(w, s, "the action is not possible: %s", in.whatif_error);
		return false;
	}
	ask_init(&q, &in, NULL, NULL, NULL);
	q.state = in.whatif->after;
	t = ask_truth(&q, s->expr);
	if (t != ANOD_TRUE)
		ptest_miss(w, s, "this is %s in the predicted state", tri_name(t));
	return t == ANOD_TRUE;
}

static bool expect_possible(const struct ptest_world *w, const struct ptest_step *s)
{
	bool possible = !w->whatif->error[0];

	if (possible == (s->want != 0))
		return true;
	ptest_miss(w, s, "it is %spossible%s%s", possible ? "" : "not ", possible ? "" : ": ",
		   w->whatif->error);
	return false;
}

static const struct policy_rule *permit_of(const struct ptest_world *w, const struct ptest_step *s)
{
	if (!w->decision->permit)
		ptest_miss(w, s, "no permit counts, so it has no terms: %s", w->decision->reason);
	return w->decision->permit;
}

/* What the term is, as it would be written. */
static struct anod_value term_of(const struct policy_rule *p, const char *term)
{
	static const struct {
		const char *term;
		size_t at; /* of a uint64_t */
	} times[] = { { "cooldown", offsetof(struct policy_rule, cooldown_us) },
		      { "verify", offsetof(struct policy_rule, verify_within_us) },
		      { "confirm", offsetof(struct policy_rule, confirm_us) },
		      { "undo", offsetof(struct policy_rule, undo_after_us) },
		      { "within", offsetof(struct policy_rule, approve_within_us) } };
	uint64_t us;

	if (strcmp(term, "approvals") == 0)
		return value_int(p->approvals, ANOD_UNIT_NONE);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (strcmp(term, times[i].term) == 0) {
			memcpy(&us, (const char *) p + times[i].at, sizeof(us));
			return value_int((int64_t) us, ANOD_UNIT_TIME);
		}
	return value_text(p->budget ? p->budget : "none");
}

static bool expect_term(const struct ptest_world *w, const struct ptest_step *s)
{
	const struct policy_rule *p = permit_of(w, s);
	struct anod_value got;
	char text[64];
	bool met;

	if (!p)
		return false;
	got = term_of(p, s->term);
	met = got.type == ANOD_TEXT
		      ? s->value.type == ANOD_TEXT && strcmp(got.u.text, s->value.u.text) == 0
		      : s->value.type == ANOD_INT && s->value.u.i == got.u.i;
	if (!met)
		ptest_miss(w, s, "%s of permit \"%s\" is %s", s->term, p->name,
			   value_format(&got, text, sizeof(text)));
	return met;
}

static bool expect_approvers(const struct ptest_world *w, const struct ptest_step *s)
{
	const struct policy_rule *p = permit_of(w, s);
	char names[256] = "anybody";
	size_t n = 0;
	bool met;

	if (!p)
		return false;
	met = p->n_groups == s->n_names;
	for (unsigned i = 0; i < p->n_groups; i++) {
		met = met && strcmp(p->group[i], s->name[i]) == 0;
		if (n < sizeof(names))
			n += (size_t) snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "",
					       p->group[i]);
	}
	if (!met)
		ptest_miss(w, s, "permit \"%s\" is approved by %s", p->name, names);
	return met;
}

static bool expect_verifies(struct ptest_world *w, const struct ptest_step *s)
{
	const struct policy_rule *p = permit_of(w, s);
	enum anod_tri t;

	if (!p)
		return false;
	if (!p->verify) {
		ptest_miss(w, s, "permit \"%s\" has no condition to verify", p->name);
		return false;
	}
	t = ptest_verifies(w, p->verify);
	if (w->run->cover)
		ptest_cover_verify(w->run->cover, w);
	if ((int) t != s->want)
		ptest_miss(w, s, "what permit \"%s\" verifies: expected %s, got %s", p->name,
			   tri_name((enum anod_tri) s->want), tri_name(t));
	return (int) t == s->want;
}

static bool expect_told(const struct ptest_world *w, const struct ptest_step *s)
{
	const struct policy_rule *p = permit_of(w, s);

	if (!p)
		return false;
	if (s->expect == EXPECT_SEVERITY) {
		if ((int) p->severity != s->want)
			ptest_miss(w, s, "severity of permit \"%s\" is %s", p->name,
				   p->severity ? severity_name(p->severity) : "not written");
		return (int) p->severity == s->want;
	}
	for (unsigned i = 0; i < p->n_notify; i++)
		if (strcmp(p->notify[i], s->text) == 0)
			return true;
	ptest_miss(w, s, "permit \"%s\" does not notify %s", p->name, s->text);
	return false;
}

static const struct policy_objective *objective_named(const struct policy *p, const char *name)
{
	for (unsigned i = 0; i < p->n_objectives; i++)
		if (strcmp(p->objective[i].name, name) == 0)
			return &p->objective[i];
	return NULL;
}

static bool expect_objective(struct ptest_world *w, const struct ptest_step *s)
{
	static const char *const words[] = { "violated", "unknown", "fulfilled" };
	const struct policy_objective *o = objective_named(w->run->config->policy, s->text);
	enum anod_tri t = ANOD_TRUE;
	char text[32];

	if (!o)
		return false;
	if (s->expect == EXPECT_ACCOUNT) {
		bool same = o->period_us == s->time_us && fabs(o->target - s->number) < 1e-9;

		if (!same)
			ptest_miss(w, s, "objective \"%s\" has a budget of %.6g%% per %s", o->name,
				   o->target * 100,
				   format_duration(o->period_us, text, sizeof(text)));
		return same;
	}
	for (unsigned i = 0; i < o->n_requires; i++)
		t = MIN_OF(t, ptest_fulfilled(w, o->require[i]));
	if (w->run->cover)
		ptest_cover_objective(w->run->cover, w, o);
	if ((int) t != s->want)
		ptest_miss(w, s, "objective \"%s\" is %s, not %s", o->name, words[t],
			   words[s->want]);
	return (int) t == s->want;
}

bool ptest_expectation(struct ptest_world *w, const struct ptest_step *s)
{
	switch (s->expect) {
	case EXPECT_LEVEL:
		return expect_level(w, s);
	case EXPECT_PERMIT:
		return expect_permit(w, s);
	case EXPECT_RULE:
	case EXPECT_COUNTS:
		return expect_rule(w, s);
	case EXPECT_INVARIANT:
		return expect_invariant(w, s);
	case EXPECT_REASON:
		if (strstr(w->decision->reason, s->text))
			return true;
		ptest_miss(w, s, "the reason is another: %s", w->decision->reason);
		return false;
	case EXPECT_POSSIBLE:
		return expect_possible(w, s);
	case EXPECT_AFTER:
		return expect_after(w, s);
	case EXPECT_TERM:
		return expect_term(w, s);
	case EXPECT_APPROVERS:
		return expect_approvers(w, s);
	case EXPECT_VERIFIES:
		return expect_verifies(w, s);
	case EXPECT_SEVERITY:
	case EXPECT_NOTIFY:
		return expect_told(w, s);
	case EXPECT_OBJECTIVE:
	case EXPECT_ACCOUNT:
		return expect_objective(w, s);
	}
	return false;
}

/*
 * invariant - what must hold in the predicted state.
 *
 * Design.  A requirement is a truth and a measure of how far it is violated; both are taken at every
 * stage of the proposal (whatif.h) and, only when something is broken, without it.  On the way there
 * a requirement has to hold.  On the way back, and where something under way may still be rolled
 * back, it must be no worse than without the proposal: an undo leads to where we are now, and a
 * router that is broken now could otherwise never be repaired.
 *
 * "If broken now allow when not worse" (policy.md 2.1, 5): no measure of the invariant grows at any
 * stage, and in the end some measure of the policy shrinks or some prefix gets a usable leg again -
 * otherwise a repair that helps elsewhere, as steering around a dead uplink does, could never begin.
 *
 * Doubt is never excused: nobody can say that it is not worse.
 */
#include <math.h>
#include <string.h>

#include "facts/value.h"
#include "policy/invariant_int.h"

/* ---- what all use ----------------------------------------------------------------------- */

const char *cmp_text(enum value_cmp cmp)
{
	static const char *const text[] = { "==", "!=", "<", "<=", ">", ">=" };

	return text[cmp];
}

double probe_distance(double is, double limit)
{
	return MAX_OF(fabs(is - limit), 1e-12);
}

enum anod_tri probe_compare(double is, enum value_cmp cmp, double limit)
{
	struct anod_value a = value_real(is, ANOD_UNIT_NONE);
	struct anod_value b = value_real(limit, ANOD_UNIT_NONE);

	return value_compare(cmp, &a, &b);
}

const char *bps_text(double bps, char *buf, size_t size)
{
	struct anod_value v = value_real(bps, ANOD_UNIT_BPS);

	return value_show(&v, buf, size);
}

static void where_triggered(const struct probe *p, const char *and, char *buf)
{
	const struct whatif_stage *s = p->stage;
	const struct whatif *w = p->in->whatif;
	char step[40] = "after it";

	if (s->step < w->n_steps)
		(void) snprintf(step, sizeof(step), "after step %u of %u", s->step, w->n_steps);
	(void) snprintf(buf, PROBE_WHERE_SIZE, "%s%s, assuming link %s %s", step, and,
			w->trigger_link, trigger_text(s->trigger));
}

const char *probe_where(const struct probe *p, char *buf)
{
	const struct whatif_stage *s = p->stage;
	unsigned n = p->in->whatif->n_steps;
	const char *and = s && s->settled ? " and reconvergence" : "";

	if (!s || s->kind == STAGE_END)
		return s && s->settled ? "after reconvergence" : "after it";
	if (s->kind == STAGE_STEP)
		(void) snprintf(buf, PROBE_WHERE_SIZE, "after step %u of %u%s", s->step, n, and);
	else if (s->kind == STAGE_UNDO)
		(void) snprintf(buf, PROBE_WHERE_SIZE, "while undoing step %u of %u%s", s->step, n,
				and);
	else if (s->kind == STAGE_TRIGGER)
		where_triggered(p, and, buf);
	else if (s->tx)
		(void) snprintf(buf, PROBE_WHERE_SIZE, "if T%llu is undone%s",
				(unsigned long long) s->tx, and);
	else
		(void) snprintf(buf, PROBE_WHERE_SIZE, "if all that is under way is undone%s", and);
	return buf;
}

static bool as_number(const struct anod_value *v, double *ret)
{
	if (v->type == ANOD_INT)
		*ret = (double) v->u.i;
	else if (v->type == ANOD_REAL)
		*ret = v->u.r;
	else
		return false;
	return true;
}

bool probe_limit(const struct probe *p, const char *link, double *ret)
{
	struct anod_value v;
	struct ask q;

	ask_init(&q, p->in, NULL, p->hyp, NULL);
	q.state = p->state;
	q.link = link;
	ask_value(&q, p->require->expr, &v);
	return as_number(&v, ret);
}

/* ---- expressions ------------------------------------------------------------------------ */

static struct finding judge_expr(const struct probe *p)
{
	struct expr_read read[JUDGE_READS_MAX];
	struct expr_trace trace = { .read = read, .max = JUDGE_READS_MAX };
	const struct expr *e = p->require->expr;
	struct finding f = { .holds = ANOD_DOUBT };
	struct anod_value a, b;
	double x, y;
	struct ask q;

	ask_init(&q, p->in, NULL, p->hyp, p->why ? &trace : NULL);
	q.state = p->state;
	f.holds = ask_truth(&q, e);
	if (f.holds != ANOD_TRUE)
		f.worse = 1;
	if (e->op == EXPR_COMPARE) {
		q.trace = NULL;
		ask_value(&q, e->a, &a);
		ask_value(&q, e->b, &b);
		if (f.holds == ANOD_FALSE && as_number(&a, &x) && as_number(&b, &y))
			f.worse = probe_distance(x, y);
	}
	if (p->why) {
		text_item(p->why, "%s is %s %s", p->require->text ? p->require->text : "it",
			  tri_name(f.holds), WHERE(p));
		text_reads(p->why, &trace);
	}
	return f;
}

/* ---- kinds ------------------------------------------------------------------------------ */

/* At which stages is it asked? */
enum span {
	SPAN_STATES, /* all of them: it is about a state */
	SPAN_WAY,    /* on the way there: it is about what changes */
	SPAN_ONCE,   /* it is about the proposal */
};

static const struct {
	struct finding (*judge)(const struct probe *);
	enum span span;
} kinds[] = {
	[REQUIRE_EXPR] = { judge_expr, SPAN_STATES },
	[REQUIRE_COUNT_UP] = { judge_count, SPAN_STATES },
	[REQUIRE_REACHABLE] = { judge_flows, SPAN_STATES },
	[REQUIRE_DISJOINT_SRLGS] = { judge_flows, SPAN_STATES },
	[REQUIRE_WITHOUT_LINK] = { judge_flows, SPAN_STATES },
	[REQUIRE_WITHOUT_SRLG] = { judge_flows, SPAN_STATES },
	[REQUIRE_ON_LINK] = { judge_flows, SPAN_STATES },
	[REQUIRE_RETURNS] = { judge_flows, SPAN_STATES },
	[REQUIRE_MTU_KEPT] = { judge_flows, SPAN_STATES },
	[REQUIRE_MTU] = { judge_flows, SPAN_STATES },
	[REQUIRE_MEMBERS] = { judge_members, SPAN_STATES },
	[REQUIRE_LEGS] = { judge_flows, SPAN_STATES },
	[REQUIRE_LOAD] = { judge_load, SPAN_STATES },
	[REQUIRE_CAPACITY] = { judge_capacity, SPAN_STATES },
	[REQUIRE_NEW_BLACKHOLE] = { judge_blackhole, SPAN_STATES },
	[REQUIRE_BLACKHOLE_TRAFFIC] = { judge_blackhole_traffic, SPAN_STATES },
	[REQUIRE_MOVED_PREFIXES] = { judge_moved, SPAN_WAY },
	[REQUIRE_MOVED_TRAFFIC] = { judge_moved_traffic, SPAN_WAY },
	[REQUIRE_LOOP_FREE] = { judge_loops, SPAN_STATES },
	[REQUIRE_NEXTHOPS_ALIVE] = { judge_nexthops, SPAN_STATES },
	[REQUIRE_NO_OVERLAP] = { judge_overlap, SPAN_ONCE },
	[REQUIRE_OPEN] = { judge_open, SPAN_ONCE },
	[REQUIRE_ONE_PER_SRLG] = { judge_one_per_srlg, SPAN_ONCE },
	[REQUIRE_UNDO_SAFE] = { judge_undo_safe, SPAN_ONCE },
	[REQUIRE_SYSCTL] = { judge_sysctl, SPAN_ONCE },
	[REQUIRE_ENDPOINTS] = { judge_endpoints, SPAN_STATES },
	[REQUIRE_APPROVERS] = { judge_approvers, SPAN_STATES },
};

static bool asked_at(const struct policy_require *r, const struct whatif_stage *s, unsigned nth)
{
	switch (kinds[r->kind].span) {
	case SPAN_STATES:
		return true;
	case SPAN_WAY:
		return stage_is_strict(s);
	case SPAN_ONCE:
		break;
	}
	return nth == 0;
}

static struct finding judge(const struct probe *p)
{
	struct finding f = kinds[p->require->kind].judge(p);

	if (f.holds == ANOD_TRUE)
		f.worse = 0;
	return f;
}

/* ---- invariants ------------------------------------------------------------------------- */

static struct probe probe_at(const struct policy_require *r, const struct decide_in *in,
			     struct hypothesis *hyp, const struct whatif_stage *s, struct text *why)
{
	return (struct probe){
		.require = r, .in = in, .hyp = hyp, .state = s->state, .stage = s, .why = why
	};
}

/* The same without the proposal. */
static struct finding judge_without(const struct probe *with)
{
	struct probe p = *with;

	p.state = p.stage->ref;
	p.stage = NULL;
	p.why = NULL;
	return judge(&p);
}

struct verdict { /* on an invariant, so far */
	struct invariant_result result;
	bool worse;
};

/* One requirement at one stage; true when it holds or is tolerated there. */
static bool judge_stage(const struct probe *p, struct verdict *v)
{
	struct finding is = judge(p), was;

	if (is.holds == ANOD_TRUE)
		return true;
	was = judge_without(p);
	if (!stage_is_strict(p->stage) && is.holds == ANOD_FALSE && was.holds == ANOD_FALSE &&
	    is.worse <= was.worse)
		return true;

	v->worse |= is.holds == ANOD_DOUBT || was.holds != ANOD_FALSE || is.worse > was.worse;
	v->result.holds = MIN_OF(v->result.holds, is.holds);
	if (!v->result.failed) {
		v->result.failed = p->require;
		v->result.stage = p->stage;
	}
	return false;
}

/* All of it; the text is about the first requirement that fails, or else about the first. */
static bool judge_one(const struct policy_invariant *inv, const struct decide_in *in,
		      struct hypothesis *hyp, struct invariant_result *ret, struct text *why)
{
	struct verdict v = { .result.holds = ANOD_TRUE };
	const struct whatif *w = in->whatif;
	struct probe p;

	for (unsigned i = 0; i < inv->n_requires; i++)
		for (unsigned s = 0; s < w->n_stages; s++) {
			if (!asked_at(&inv->require[i], &w->stage[s], s))
				continue;
			p = probe_at(&inv->require[i], in, hyp, &w->stage[s], NULL);
			(void) judge_stage(&p, &v);
		}

	if (why && inv->n_requires) {
		*why = (struct text){ 0 };
		p = probe_at(v.result.failed ? v.result.failed : &inv->require[0], in, hyp,
			     v.result.stage ? v.result.stage : &w->stage[0], why);
		(void) judge(&p);
	}
	*ret = v.result;
	return !v.worse;
}

static bool shrinks_at(const struct decide_in *in, struct hypothesis *hyp,
		       const struct whatif_stage *s)
{
	const struct policy *p = in->config->policy;

	for (unsigned i = 0; i < p->n_invariants; i++)
		for (unsigned k = 0; k < p->invariant[i].n_requires; k++) {
			struct probe after =
				probe_at(&p->invariant[i].require[k], in, hyp, s, NULL);
			struct finding is = judge(&after), was = judge_without(&after);

			if (is.holds != ANOD_DOUBT && was.holds == ANOD_FALSE &&
			    is.worse < was.worse)
				return true;
		}
	return false;
}

/* In the end, or when what a reflex waits for has come. */
static bool something_shrinks(const struct decide_in *in, struct hypothesis *hyp)
{
	if (in->whatif->mended && !in->whatif->new_blackholes)
		return true;
	for (unsigned s = 0; s < in->whatif->n_stages; s++)
		if (stage_is_end(in->whatif, &in->whatif->stage[s]) &&
		    !in->whatif->stage[s].settled && shrinks_at(in, hyp, &in->whatif->stage[s]))
			return true;
	return false;
}

bool invariants_judge(const struct decide_in *in, struct hypothesis *hyp,
		      struct invariant_result *ret, struct text *why)
{
	const struct policy *p = in->config->policy;
	int shrinks = -1; /* not looked yet */
	bool pass = true;

	for (unsigned i = 0; i < p->n_invariants; i++) {
		const struct policy_invariant *v = &p->invariant[i];
		struct invariant_result one;
		bool not_worse = judge_one(v, in, hyp, &one, why ? &why[i] : NULL);

		if (one.failed && v->not_worse && not_worse) {
			if (shrinks < 0)
				shrinks = something_shrinks(in, hyp);
			one.excused = shrinks;
		}
		one.lifted = one.failed && !one.excused &&
			     override_in_force(in->overrides, v, in->now_us, NULL, NULL);
		pass &= !one.failed || one.excused || one.lifted;
		if (ret)
			ret[i] = one;
	}
	return pass;
}

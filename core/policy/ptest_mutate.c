/*
 * ptest_mutate - a policy changed a little, again and again, to see whether its tests notice.
 *
 * Design.  A mutant is one change in the checked tree, made in place, tried and taken back: a rule or a
 * clause dropped, a level raised, a comparison turned round, a threshold moved by one unit to either
 * side, a set made wider or narrower, a window a minute longer.  What is changed is what a slip of an
 * engineer would change, and always to something that would load.  And one that says of every policy
 * whether it denies at all: a permit for everything, for each of its agents.
 *
 * Not made are changes that no test could notice because no decision is another:
 *
 *   - "if broken now allow when not worse" added to an invariant that is about the proposal as such
 *     (new blackhole, moved without "in", no ACTION on SET, undo safe, next hops alive).  It excuses what failed before the
 *     proposal already, and without a proposal none of these can fail;
 *   - "via 0 disjoint links": the same as not asked for;
 *   - one flow less in a set that no invariant names: it is probed, and a test gives what was measured;
 *   - another number in a requirement that has none ("reachable on link", "loop free" ...).
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "facts/value.h"
#include "policy/ptest_int.h"

void mutant_try(struct mutation *m, const struct lex_place *place, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int k;

	if (m->error)
		return;
	policy_changed(m->policy);
	k = ptest_run_all(&m->w, true);
	if (k < 0) {
		m->error = k;
		return;
	}
	m->n++;
	m->killed += k > 0;
	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (m->fn)
		m->fn(place, text, k > 0, m->data);
}

/* ---- sets, windows, budgets ------------------------------------------------------------------------ */

static bool is_required(const struct policy *p, const char *set)
{
	for (unsigned i = 0; i < p->n_invariants; i++)
		for (unsigned k = 0; k < p->invariant[i].n_requires; k++)
			if (p->invariant[i].require[k].set &&
			    strcmp(p->invariant[i].require[k].set, set) == 0)
				return true;
	return false;
}

static void mutate_set(struct mutation *m, struct policy_set *s)
{
	char whose[128], text[64];

	(void) snprintf(whose, sizeof(whose), "set %.80s", s->name);
	if (s->n_names)
		MUTANT(m, s->n_names, s->n_names - 1, &s->place, "%s: without %s", whose,
		       s->member[s->n_names]);
	for (unsigned i = 0; i < s->n_prefixes; i++) {
		struct anod_prefix wide = s->prefix[i];

		if (!wide.len)
			continue;
		wide.len--;
		wide.addr[wide.len / 8] &= (uint8_t) ~(0x80 >> wide.len % 8);
		MUTANT(m, s->prefix[i], wide, &s->place, "%s: %s instead of its half", whose,
		       prefix_format(&wide, text, sizeof(text)));
	}
	if (s->n_prefixes)
		MUTANT(m, s->n_prefixes, s->n_prefixes - 1, &s->place,
		       "%s: without its last prefix", whose);
	if (s->n_flows && is_required(m->policy, s->name))
		MUTANT(m, s->n_flows, s->n_flows - 1, &s->place, "%s: without its last flow",
		       whose);
	mutate_expr(m, s->where, whose);
}

#define DAY_S 86400u
static void mutate_window(struct mutation *m, struct policy_window *w)
{
	for (int way = -1; way <= 1; way += 2) {
		const char *how = way < 0 ? "earlier" : "later";

		if (w->daily) {
			MUTANT(m, w->from_s, (w->from_s + DAY_S + (uint32_t) (60 * way)) % DAY_S,
			       &w->place, "window %s: begins a minute %s", w->name, how);
			MUTANT(m, w->to_s, (w->to_s + DAY_S + (uint32_t) (60 * way)) % DAY_S,
			       &w->place, "window %s: ends a minute %s", w->name, how);
			continue;
		}
		MUTANT(m, w->from_wall_s, w->from_wall_s + 60 * way, &w->place,
		       "window %s: begins a minute %s", w->name, how);
		MUTANT(m, w->to_wall_s, w->to_wall_s + 60 * way, &w->place,
		       "window %s: ends a minute %s", w->name, how);
	}
}

static void mutate_share(struct mutation *m, const struct policy_budget *b, unsigned *count,
			 uint64_t *window_us, const char *what)
{
	MUTANT(m, *count, *count + 1, &b->place, "budget %s%s: %u instead of %u", b->name, what,
	       *count, old_);
	if (*count > 1)
		MUTANT(m, *count, *count - 1, &b->place, "budget %s%s: %u instead of %u", b->name,
		       what, *count, old_);
	MUTANT(m, *window_us, *window_us + *window_us / 4, &b->place,
	       "budget %s%s: for a quarter more time", b->name, what);
	MUTANT(m, *window_us, *window_us - *window_us / 4, &b->place,
	       "budget %s%s: for a quarter less time", b->name, what);
}

static void mutate_budget(struct mutation *m, struct policy_budget *b)
{
	mutate_share(m, b, &b->count, &b->window_us, "");
	if (b->shared_count)
		mutate_share(m, b, &b->shared_count, &b->shared_window_us, " (shared)");
}

/* ---- invariants, objectives ------------------------------------------------------------------------- */

static bool has_number(enum require_kind kind)
{
	return kind == REQUIRE_COUNT_UP || kind == REQUIRE_REACHABLE ||
	       kind == REQUIRE_DISJOINT_SRLGS || kind == REQUIRE_MTU || kind == REQUIRE_MEMBERS ||
	       kind == REQUIRE_LEGS || kind == REQUIRE_NEW_BLACKHOLE ||
	       kind == REQUIRE_MOVED_PREFIXES || kind == REQUIRE_OPEN;
}

/* Without a proposal it holds. */
static bool of_proposal(const struct policy_require *q)
{
	return q->kind == REQUIRE_NEW_BLACKHOLE || q->kind == REQUIRE_BLACKHOLE_TRAFFIC ||
	       q->kind == REQUIRE_NO_OVERLAP || q->kind == REQUIRE_UNDO_SAFE ||
	       (q->kind == REQUIRE_NEXTHOPS_ALIVE && !q->set) ||
	       ((q->kind == REQUIRE_MOVED_PREFIXES || q->kind == REQUIRE_MOVED_TRAFFIC) &&
		!q->window_us);
}

static bool may_be_broken(const struct policy_invariant *v)
{
	for (unsigned i = 0; i < v->n_requires; i++)
		if (!of_proposal(&v->require[i]))
			return true;
	return false;
}

static void mutate_require(struct mutation *m, struct policy_require *q, const char *whose)
{
	bool ratio = q->ratio > 0;

	for (int way = -1; way <= 1; way += 2) {
		if (ratio)
			MUTANT(m, q->ratio, q->ratio + way * mutant_real_step(q->ratio), &q->place,
			       "%s: %.6g%% instead of '%s'", whose, q->ratio * 100,
			       q->text ? q->text : "");
		else if (has_number(q->kind) &&
			 (way > 0 || q->n > (q->kind == REQUIRE_REACHABLE ||
					     q->kind == REQUIRE_DISJOINT_SRLGS)))
			MUTANT(m, q->n, q->n + (uint64_t) way, &q->place,
			       "%s: %llu instead of '%s'", whose, (unsigned long long) q->n,
			       q->text ? q->text : "");
	}
	if (q->window_us) {
		MUTANT(m, q->window_us, q->window_us + q->window_us / 4, &q->place,
		       "%s: '%s' for a quarter more time", whose, q->text ? q->text : "");
		MUTANT(m, q->window_us, q->window_us - q->window_us / 4, &q->place,
		       "%s: '%s' for a quarter less time", whose, q->text ? q->text : "");
	}
	mutate_expr(m, q->expr, whose);
}

static void mutate_override(struct mutation *m, struct policy_invariant *v, const char *whose)
{
	if (!v->override_by)
		return;
	MUTANT(m, v->override_by, 0, &v->place, "%s: nobody may override it", whose);
	if (v->override_by > 1)
		MUTANT(m, v->override_by, v->override_by - 1, &v->place,
		       "%s: overridden by %u instead of %u", whose, v->override_by, old_);
	MUTANT(m, v->n_override_groups, v->n_override_groups - 1, &v->place,
	       "%s: not overridden by %s", whose, v->override_group[v->n_override_groups]);
	MUTANT(m, v->override_for_us, v->override_for_us - v->override_for_us / 4, &v->place,
	       "%s: overridden for a quarter less time", whose);
	MUTANT(m, v->override_for_us, v->override_for_us + v->override_for_us / 4, &v->place,
	       "%s: overridden for a quarter more time", whose);
}

static void mutate_invariant(struct mutation *m, struct policy_invariant *v)
{
	char whose[128];

	(void) snprintf(whose, sizeof(whose), "invariant \"%.80s\"", v->name);
	if (v->not_worse || may_be_broken(v))
		MUTANT(m, v->not_worse, !v->not_worse, &v->place, "%s: 'if broken now' %s", whose,
		       v->not_worse ? "added" : "dropped");
	mutate_override(m, v, whose);
	for (unsigned i = 0; i < v->n_requires; i++) {
		struct policy_require *q = &v->require[i], last = v->require[v->n_requires - 1],
				      was = *q;

		/* Dropped: the last one takes its place. */
		*q = last;
		v->n_requires--;
		mutant_try(m, &was.place, "%s: '%s' dropped", whose, was.text ? was.text : "");
		v->n_requires++;
		*q = was;
		mutate_require(m, q, whose);
	}
}

static void mutate_objective(struct mutation *m, struct policy_objective *o)
{
	char whose[128];

	(void) snprintf(whose, sizeof(whose), "objective \"%.80s\"", o->name);
	for (unsigned i = 0; i < o->n_requires; i++) {
		struct expr *was = o->require[i];
		_cleanup_(freep) char *text = expr_format(was);

		/* Dropped: the last one takes its place. */
		o->require[i] = o->require[o->n_requires - 1];
		o->n_requires--;
		mutant_try(m, &was->place, "%s: '%s' dropped", whose, text ? text : "");
		o->n_requires++;
		o->require[i] = was;
		mutate_expr(m, was, whose);
	}
	if (!(o->target > 0))
		return;
	MUTANT(m, o->target, o->target - 0.001, &o->place, "%s: 0.1%% less of the time", whose);
	MUTANT(m, o->period_us, o->period_us + o->period_us / 4, &o->place,
	       "%s: accounted over a quarter more time", whose);
}

/* ---- all of them ---------------------------------------------------------------------------------- */

/* A permit for all that an agent may think of.  'rule' has place for it behind the policy's own. */
static void permit_all(struct mutation *m, const struct config *c, struct policy_rule *rule)
{
	static char name[] = "everything";
	struct policy_rule *own = m->policy->rule;
	unsigned n = m->policy->n_rules;

	if (n)
		memcpy(rule, own, n * sizeof(*rule));
	for (unsigned i = 0; i < c->n_agents; i++) {
		rule[n] = (struct policy_rule){ .kind = RULE_PERMIT,
						.name = name,
						.place = c->agent[i].place,
						.n_agents = 1,
						.agent = &c->agent[i].name,
						.level = LEVEL_AUTO,
						.touch_foreign = true };
		m->policy->rule = rule;
		m->policy->n_rules = n + 1;
		mutant_try(m, &rule[n].place, "agent %s may do everything", c->agent[i].name);
		m->policy->rule = own;
		m->policy->n_rules = n;
	}
}

static void mutate_all(struct mutation *m)
{
	struct policy *p = m->policy;

	for (unsigned i = 0; i < p->n_rules; i++)
		mutate_rule(m, &p->rule[i]);
	for (unsigned i = 0; i < p->n_sets; i++)
		mutate_set(m, &p->set[i]);
	for (unsigned i = 0; i < p->n_windows; i++)
		mutate_window(m, &p->window[i]);
	for (unsigned i = 0; i < p->n_budgets; i++)
		mutate_budget(m, &p->budget[i]);
	for (unsigned i = 0; i < p->n_invariants; i++)
		mutate_invariant(m, &p->invariant[i]);
	for (unsigned i = 0; i < p->n_objectives; i++)
		mutate_objective(m, &p->objective[i]);
}

int ptest_mutate(const struct ptest_run *run, ptest_mutant_fn *fn, void *data, unsigned *ret_killed)
{
	struct mutation m = { .policy = run->config->policy, .fn = fn, .data = data };
	_cleanup_(freep) struct policy_rule *more =
		calloc(run->config->policy->n_rules + 1, sizeof(*more));
	struct ptest_run quiet = *run;

	*ret_killed = 0;
	if (!more)
		return -ENOMEM;
	quiet.fail = NULL;
	quiet.cover = NULL;
	m.error = ptest_world_init(&m.w, &quiet);
	if (m.error == 0) {
		permit_all(&m, run->config, more);
		mutate_all(&m);
		policy_changed(m.policy);
		m.error = m.error < 0 ? m.error : ptest_world_reset(&m.w);
	}
	ptest_world_done(&m.w);
	*ret_killed = m.killed;
	return m.error < 0 ? m.error : (int) m.n;
}

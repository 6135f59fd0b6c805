/*
 * policy_check_trust - promote, demote, notify and "formerly": terms that must be possible.
 *
 * Design.  A promotion that can never be earned, a demotion that never ends and a name that
 * nobody has are mistakes that show only when they are needed.  What is certainly wrong is an
 * error; what depends on how often something happens is a warning.
 */
#include "policy/parse.h"
#include "policy/track.h"

/* ---- promote, demote ---------------------------------------------------------------------- */

/* The most charges that fit into 'within_us'; 0: no limit. */
static uint64_t most_in(uint64_t count, uint64_t window_us, uint64_t within_us)
{
	return count * ((within_us + window_us - 1) / window_us);
}

static uint64_t budget_limit(const struct policy_budget *b, uint64_t within_us)
{
	uint64_t own, shared;

	/* Counted per resource: there may be any number of them. */
	own = b->per == BUDGET_PER_RESOURCE ? UINT64_MAX
					    : most_in(b->count, b->window_us, within_us);
	shared = b->shared_count ? most_in(b->shared_count, b->shared_window_us, within_us)
				 : UINT64_MAX;
	return MIN_OF(own, shared);
}

static void check_reach(struct parse *p, const struct policy_rule *r)
{
	const struct policy_promote *m = &r->promote;
	const struct policy_budget *b =
		r->budget ? policy_find_budget(p->config->policy, r->budget) : NULL;
	struct anod_value window = value_int((int64_t) m->within_us, ANOD_UNIT_TIME);
	uint64_t limit = b && m->within_us ? budget_limit(b, m->within_us) : UINT64_MAX;
	char text[32];

	if (r->level < LEVEL_APPROVE)
		parse_warning(
			p, &r->place,
			"\"%s\" can never be promoted: at level %s nothing is carried out, so "
			"nothing is ever verified; write level approve",
			r->name, level_name(r->level));
	else if (m->after > TRACK_MAX / 2)
		parse_warning(p, &r->place,
			      "\"%s\" can never be promoted: at most %d transactions are "
			      "remembered, and %u verified are wanted",
			      r->name, TRACK_MAX / 2, m->after);
	else if (limit < m->after)
		parse_warning(p, &r->place,
			      "\"%s\" can never be promoted: budget %s allows %llu in %s, and %u "
			      "verified are wanted",
			      r->name, b->name, (unsigned long long) limit,
			      value_format(&window, text, sizeof(text)), m->after);
}

static void check_promote(struct parse *p, const struct policy_rule *r)
{
	if (r->promote.to <= r->level) {
		(void) parse_error(p, &r->place,
				   "\"%s\": promote to %s is no promotion: the level is %s already",
				   r->name, level_name(r->promote.to), level_name(r->level));
		return;
	}
	if (r->promote.to == LEVEL_AUTO && r->verify_within_us == 0) {
		policy_check_auto(p, r, "promote to auto");
		return;
	}
	if (!r->verify) {
		(void) parse_error(p, &r->place,
				   "\"%s\": promote counts what a condition has verified; write "
				   "'verify within DURATION that CONDITION'",
				   r->name);
		return;
	}
	check_reach(p, r);
}

static void check_demote(struct parse *p, const struct policy_rule *r)
{
	const struct policy_demote *d = &r->demote;

	if (d->to >= r->level)
		(void) parse_error(
			p, &r->place, "\"%s\": demote to %s is no demotion: the level is %s%s",
			r->name, level_name(d->to), level_name(r->level),
			r->promote.to ? ", and a promotion is lost at the first rollback "
					"anyway"
				      : "");
	else if (!d->for_us && !r->promote.to)
		(void) parse_error(p, &r->place,
				   "\"%s\": demote to %s would never end; write 'demote to %s for "
				   "DURATION after rollback'",
				   r->name, level_name(d->to), level_name(d->to));
	else if (!d->for_us && !r->promote.within_us && d->to < LEVEL_APPROVE)
		(void) parse_error(p, &r->place,
				   "\"%s\": at level %s nothing is carried out, so nothing is "
				   "earned back; write 'demote to %s for DURATION after rollback'",
				   r->name, level_name(d->to), level_name(d->to));
}

/* ---- notify --------------------------------------------------------------------------------- */

#define SUGGEST_MAX 256 /* for suggestions */

static bool is_told(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->n_groups; i++) {
		if (strcmp(c->group[i].name, name) == 0)
			return true;
		for (unsigned u = 0; u < c->group[i].n_users; u++)
			if (strcmp(c->group[i].user[u], name) == 0)
				return true;
	}
	return false;
}

static void check_notify(struct parse *p, const struct policy_rule *r, const char *name)
{
	const struct config *c = p->config;
	const char *names[SUGGEST_MAX + 1] = { 0 }, *near;
	unsigned n = 0;

	if (is_told(c, name))
		return;

	for (unsigned i = 0; i < c->n_groups && n < SUGGEST_MAX; i++) {
		names[n++] = c->group[i].name;
		for (unsigned u = 0; u < c->group[i].n_users && n < SUGGEST_MAX; u++)
			names[n++] = c->group[i].user[u];
	}
	near = nearest_word(name, names);
	if (near)
		(void) parse_error(p, parse_place_of(p, name, &r->place),
				   "there is no group or person '%s'; did you mean '%s'?", name,
				   near);
	else
		(void) parse_error(p, parse_place_of(p, name, &r->place),
				   "there is no group or person '%s'; write group %s { USER, ... } "
				   "for it",
				   name, name);
}

void policy_check_trust(struct parse *p, const struct policy_rule *r)
{
	if (r->promote.to)
		check_promote(p, r);
	if (r->demote.to_set)
		check_demote(p, r);
	for (unsigned i = 0; i < r->n_notify; i++)
		check_notify(p, r, r->notify[i]);
}

/* ---- formerly ------------------------------------------------------------------------------- */

static void check_formerly(const struct expr *e, void *data)
{
	struct parse *p = data;
	const char *names[SUGGEST_MAX + 1] = { 0 }, *near;

	if (e->op != EXPR_FORMERLY)
		return;
	for (unsigned i = 0; p->env->actions[i]; i++) {
		if (action_matches(e->name, p->env->actions[i]->kind))
			return;
		if (i < SUGGEST_MAX)
			names[i] = p->env->actions[i]->kind;
	}
	near = nearest_word(e->name, names);
	(void) parse_error(p, &e->place, "there is no action '%s'%s%s%s", e->name,
			   near ? "; did you mean '" : "; 'anodctl agents' shows what there is",
			   near ? near : "", near ? "'?" : "");
}

void policy_check_history(struct parse *p, const struct expr *e)
{
	expr_walk(e, check_formerly, p);
}

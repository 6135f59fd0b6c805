/*
 * track_ask - what follows from what was done: standing, formerly, reversals.
 *
 * Design.  Each question walks the one chain that it is about.  Where the history is not known
 * the answer is what it would be at the worst: not promoted, demoted, in doubt, any number.
 */
#include <string.h>

#include "policy/track_int.h"

/* ---- standing ----------------------------------------------------------------------------- */

static bool in_group(const struct track_item *x, const struct policy_rule *permit,
		     const char *agent, const char *role)
{
	return !x->e.touched && strcmp(x->e.permit, permit->name) == 0 &&
	       strcmp(x->e.agent, agent) == 0 && strcmp(x->e.role, role) == 0;
}

/* When a window that ends now begins; what lies at it is outside. */
static int64_t window_begin(uint64_t window_us, int64_t now_us)
{
	if (!window_us || window_us > (uint64_t) INT64_MAX / 2)
		return TRACK_EVER;
	return now_us - (int64_t) window_us;
}

static void count_failures(const struct track *t, const struct policy_rule *permit,
			   const char *agent, const char *role, int64_t from_us,
			   struct track_standing *ret)
{
	uint32_t hash = track_group(permit->name, agent, role);
	uint64_t tx = 0;

	for (const struct track_item *x = chain_first(t, CHAIN_GROUP, hash); x;
	     x = chain_next(t, CHAIN_GROUP, x)) {
		if (!is_failure(x->e.outcome) || !in_group(x, permit, agent, role))
			continue;
		if (!ret->has_failed || x->e.at_us > ret->failed_us)
			ret->failed_us = x->e.at_us;
		ret->has_failed = true;
		/* A transaction of several actions failed once. */
		if (x->e.at_us > from_us && x->e.tx != tx)
			ret->failed++;
		tx = x->e.tx;
	}
}

static unsigned count_verified(const struct track *t, const struct policy_rule *permit,
			       const char *agent, const char *action, const char *role,
			       int64_t from_us)
{
	uint32_t hash = track_group(permit->name, agent, role);
	unsigned n = 0;
	uint64_t tx = 0;

	for (const struct track_item *x = chain_first(t, CHAIN_GROUP, hash); x;
	     x = chain_next(t, CHAIN_GROUP, x)) {
		const struct track_entry *e = &x->e;

		if (e->outcome != OUTCOME_VERIFIED || !e->audited || e->at_us <= from_us ||
		    strcmp(e->action, action) != 0 || !in_group(x, permit, agent, role))
			continue;
		/* How long ago is not known: it may be outside. */
		if (e->vague && from_us != TRACK_EVER)
			continue;
		n += e->tx != tx;
		tx = e->tx;
	}
	return n;
}

static void judge_promotion(const struct track *t, const struct policy_rule *permit,
			    const char *agent, const char *action, const char *role, int64_t now_us,
			    struct track_standing *ret)
{
	const struct policy_promote *p = &permit->promote;
	int64_t from_us = window_begin(p->within_us, now_us), since_us = from_us;

	count_failures(t, permit, agent, role, from_us, ret);
	/* "rollbacks == 0 in 30d" is not known before the history is 30 days long. */
	ret->unknown = p->to && p->within_us && t->lost_us > from_us;
	if (ret->has_failed && (!p->within_us || ret->failed > p->max_failures))
		since_us = MAX_OF(since_us, ret->failed_us);
	ret->verified = count_verified(t, permit, agent, action, role, since_us);
	ret->promoted = p->to && !ret->unknown && ret->verified >= p->after &&
			(!p->within_us || ret->failed <= p->max_failures);
}

static void judge_demotion(const struct track *t, const struct policy_rule *permit, int64_t now_us,
			   struct track_standing *ret)
{
	const struct policy_demote *d = &permit->demote;
	uint64_t for_us = d->for_us ? d->for_us : permit->promote.within_us;
	int64_t from_us = window_begin(for_us, now_us);
	int64_t failed_us = ret->has_failed ? ret->failed_us : TRACK_EVER;

	/* A history that was lost may have held a failure. */
	failed_us = MAX_OF(failed_us, t->lost_us);
	if (!d->to_set || failed_us == TRACK_EVER || failed_us <= from_us)
		return;
	if (!d->for_us && ret->promoted)
		return; /* earned back */

	ret->demoted = true;
	ret->unknown |= !ret->has_failed || t->lost_us > ret->failed_us;
	ret->demoted_until_us = for_us ? failed_us + (int64_t) for_us : INT64_MAX;
}

void track_standing(const struct track *t, const struct policy_rule *permit, const char *agent,
		    const char *action, const char *role, uint64_t now_us,
		    struct track_standing *ret)
{
	*ret = (struct track_standing){ 0 };
	if (!t || !role[0]) {
		ret->unknown = true;
		ret->demoted = permit->demote.to_set;
		ret->demoted_until_us = INT64_MAX;
		return;
	}

	judge_promotion(t, permit, agent, action, role, (int64_t) now_us, ret);
	judge_demotion(t, permit, (int64_t) now_us, ret);
}

enum level track_level(const struct policy_rule *permit, const struct track_standing *s)
{
	if (s->demoted)
		return MIN_OF(permit->level, permit->demote.to);
	return s->promoted ? MAX_OF(permit->level, permit->promote.to) : permit->level;
}

/* ---- formerly, reversals ------------------------------------------------------------------- */

static bool kind_matches(const char *pattern, const char *kind)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return strncmp(pattern, kind, n - 1) == 0;
	return strcmp(pattern, kind) == 0;
}

static int64_t known_since(const struct track *t)
{
	return MAX_OF(t->lost_us, t->dropped_us);
}

/* Of one entry: was it such an action, within the window? */
static enum anod_tri was_applied(const struct track_entry *e, const char *action, int64_t from_us)
{
	if (e->touched || !e->applied || e->applied_us <= from_us ||
	    !kind_matches(action, e->action))
		return ANOD_FALSE;
	return e->vague ? ANOD_DOUBT : ANOD_TRUE;
}

enum anod_tri track_formerly(const struct track *t, const char *action, const char *resource,
			     uint64_t within_us, uint64_t now_us)
{
	int64_t from_us = window_begin(within_us, (int64_t) now_us);
	enum anod_tri truth, one;

	if (!t)
		return ANOD_DOUBT;

	truth = known_since(t) > from_us ? ANOD_DOUBT : ANOD_FALSE;
	if (!resource) {
		for (uint32_t i = 0; i < t->n && truth != ANOD_TRUE; i++) {
			one = was_applied(&t->item[i].e, action, from_us);
			truth = MAX_OF(truth, one);
		}
		return truth;
	}
	for (const struct track_item *x = chain_first(t, CHAIN_RESOURCE, track_hash(0, resource));
	     x && truth != ANOD_TRUE; x = chain_next(t, CHAIN_RESOURCE, x)) {
		if (strcmp(x->e.resource, resource) != 0)
			continue;
		one = was_applied(&x->e, action, from_us);
		truth = MAX_OF(truth, one);
	}
	return truth;
}

static void count_turns(const struct track_item *x, int64_t from_us, int64_t *low, int64_t *high)
{
	const struct track_entry *e = &x->e;
	int64_t n;

	if (!e->applied || e->applied_us <= from_us)
		return;
	n = (x->turned && x->turned_us > from_us) +
	    (e->undone && e->turn.key && e->turn.from != e->turn.to);
	*high += n;
	if (!e->vague)
		*low += n;
}

void track_reversals(const struct track *t, const char *resource, uint64_t within_us,
		     uint64_t now_us, int64_t *ret_low, int64_t *ret_high)
{
	int64_t from_us = window_begin(within_us, (int64_t) now_us);

	*ret_low = *ret_high = 0;
	for (const struct track_item *x =
		     t ? chain_first(t, CHAIN_RESOURCE, track_hash(0, resource)) : NULL;
	     x; x = chain_next(t, CHAIN_RESOURCE, x))
		if (strcmp(x->e.resource, resource) == 0)
			count_turns(x, from_us, ret_low, ret_high);
	if (!t || known_since(t) > from_us)
		*ret_high = INT64_MAX;
}

/* ---- relapses -------------------------------------------------------------------------------- */

unsigned track_relapses(const struct track *t, const char *permit, const char *resource,
			uint64_t probation_us)
{
	const struct track_entry *later = NULL;
	unsigned n = 0;

	for (const struct track_item *x =
		     t ? chain_first(t, CHAIN_RESOURCE, track_hash(0, resource)) : NULL;
	     x; x = chain_next(t, CHAIN_RESOURCE, x)) {
		const struct track_entry *e = &x->e;

		/* One transaction may have left several; its first says as much as all. */
		if (e->touched || !e->applied || e->nth > 0 || strcmp(e->resource, resource) != 0 ||
		    strcmp(e->permit, permit) != 0)
			continue;
		if (later && (!e->undone || e->outcome != OUTCOME_VERIFIED ||
			      later->applied_us - e->undone_us > (int64_t) probation_us))
			break;
		n += later != NULL;
		later = e;
	}
	return n;
}

/*
 * steer - the own steering route: proposed, remembered, proposed again.
 *
 * Design.  One default route of ours with a low metric lies over those of everybody else and is
 * all that is ever changed.  One proposal is under way at a time.  A plan that was refused is
 * tried again only when something that it was made from has changed, and not before a back-off
 * that doubles; a different plan is tried at once.  A proposal that waits for an approval is
 * withdrawn when the plan changes.
 */
#include "uplink.h"

#include <string.h>
#include <syslog.h>

#define BACKOFF_FIRST_US UINT64_C(5000000)
#define BACKOFF_LAST_US	 UINT64_C(600000000)

static uint64_t hash_add(uint64_t hash, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const uint8_t *) data)[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t hash_int(uint64_t hash, int64_t i)
{
	return hash_add(hash, &i, sizeof(i));
}

static uint64_t hash_plan(const struct plan plan[FAMILIES])
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (unsigned f = 0; f < FAMILIES; f++) {
		h = hash_int(h, plan[f].verb == PLAN_SET || plan[f].verb == PLAN_DEL
					? (int64_t) plan[f].verb
					: (int64_t) PLAN_KEEP);
		for (unsigned i = 0; i < plan[f].n_legs; i++)
			h = hash_int(h, plan[f].leg[i]);
	}
	return h;
}

/* All that a plan is made from. */
static uint64_t hash_seen(const struct agent *a)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (unsigned i = 0; i < a->n_uplinks; i++) {
		h = hash_int(h, a->uplink[i]->health.state);
		h = hash_int(h, (int64_t) a->uplink[i]->health.since_us);
		for (unsigned f = 0; f < FAMILIES; f++) {
			const struct way *w = &a->uplink[i]->way[f];

			h = hash_int(hash_int(h, w->known), w->metric);
			h = hash_add(h, &w->via, sizeof(w->via));
		}
	}
	for (unsigned f = 0; f < FAMILIES; f++) {
		const struct plan_now *n = &a->family[f].now;

		h = hash_int(hash_int(h, n->natural), n->steering);
		h = hash_int(hash_int(h, n->first), n->n_legs);
	}
	return h;
}

/* ---- proposals -------------------------------------------------------------------------- */

static void on_verdict(struct anod_ctx *ctx, uint64_t id, enum anod_verdict v, int error,
		       const char *why, void *data)
{
	struct agent *a = data;
	struct steering *s = &a->steering;

	(void) error;
	if (id != s->id)
		return;
	s->waiting = v == ANOD_WAITING;
	if (v < ANOD_DENIED)
		return;

	s->id = 0;
	if (v == ANOD_COMMITTED) {
		s->backoff_us = 0;
	} else {
		s->backoff_us = s->backoff_us ? s->backoff_us * 2 : BACKOFF_FIRST_US;
		if (s->backoff_us > BACKOFF_LAST_US)
			s->backoff_us = BACKOFF_LAST_US;
		ctx->host->log(ctx, LOG_NOTICE, "steering was not done: %s",
			       why ? why : "no reason");
	}
	s->not_before_us = ctx->host->now_us(ctx) + s->backoff_us;
	uplink_settle(a);
}

static void propose(struct agent *a, const struct plan plan[FAMILIES], uint64_t plan_hash,
		    uint64_t seen_hash)
{
	struct steering *s = &a->steering;
	struct anod_proposal p;
	int r;

	proposal_make(a, plan, &p);

	s->plan_hash = plan_hash;
	s->seen_hash = seen_hash;
	memcpy(s->plan, plan, sizeof(s->plan));
	r = a->ctx->host->propose(a->ctx, &p, on_verdict, a, &s->id);
	if (r < 0) {
		s->id = 0;
		a->ctx->host->log(a->ctx, LOG_WARNING, "a proposal was refused: %s", strerror(-r));
	}
}

/* The steering route cannot win against a default route of a lower metric. */
static bool hidden(struct agent *a, unsigned family)
{
	const struct family_now *f = &a->family[family];

	if (f->metric < 0 || f->metric > a->metric)
		return false;
	if (!a->said_hidden)
		a->ctx->host->log(
			a->ctx, LOG_WARNING,
			"a default route of metric %lld hides the steering route of metric "
			"%lld: give that route a higher metric",
			(long long) f->metric, (long long) a->metric);
	a->said_hidden = true;
	return true;
}

static void make_plans(struct agent *a, struct plan plan[FAMILIES])
{
	for (unsigned f = 0; f < FAMILIES; f++) {
		struct plan_uplink u[UPLINKS_MAX];
		bool any = false;

		memset(&plan[f], 0, sizeof(plan[f]));
		for (unsigned i = 0; i < a->n_uplinks; i++) {
			u[i] = (struct plan_uplink){ a->uplink[i]->health.state,
						     a->uplink[i]->weight,
						     a->uplink[i]->way[f].known };
			any = any || u[i].has_way;
		}
		if (!any || a->family[f].stranger)
			continue;
		plan_make(u, a->n_uplinks, a->balance, &a->family[f].now, &plan[f]);
		if (plan[f].verb == PLAN_SET && hidden(a, f))
			plan[f] = (struct plan){ .verb = PLAN_NO_CURE };
	}
}

/* Tell of every uplink, and for the one that carries traffic, when nothing can be done. */
static void report_all(struct agent *a, const struct plan plan[FAMILIES])
{
	for (unsigned i = 0; i < a->n_uplinks; i++) {
		bool no_cure = false;

		for (unsigned f = 0; f < FAMILIES; f++) {
			const struct plan_now *n = &a->family[f].now;

			if (plan[f].verb == PLAN_NO_CURE &&
			    (n->steering ? n->first : n->natural) == (int) i)
				no_cure = true;
		}
		if (a->uplink[i]->health.state == HEALTH_ELSEWHERE)
			no_cure = true;
		report_uplink(a, i, no_cure);
	}
}

void steer(struct agent *a)
{
	struct steering *s = &a->steering;
	struct plan plan[FAMILIES];
	uint64_t plan_hash, seen_hash;
	bool wanted = false;

	make_plans(a, plan);
	report_all(a, plan);
	for (unsigned f = 0; f < FAMILIES; f++)
		wanted = wanted || plan[f].verb == PLAN_SET || plan[f].verb == PLAN_DEL;
	plan_hash = hash_plan(plan);

	if (s->id && s->waiting && plan_hash != s->plan_hash) {
		(void) a->ctx->host->cancel(a->ctx, s->id);
		s->id = 0;
		s->waiting = false;
		s->backoff_us = s->not_before_us = 0;
	}
	if (!wanted || s->id)
		return;

	seen_hash = hash_seen(a);
	if (plan_hash == s->plan_hash &&
	    (seen_hash == s->seen_hash || a->ctx->host->now_us(a->ctx) < s->not_before_us))
		return;
	propose(a, plan, plan_hash, seen_hash);
}

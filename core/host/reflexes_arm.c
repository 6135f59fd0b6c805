/*
 * reflexes_arm - choosing, judging beforehand, arming, and judging again.
 *
 * Design.  What would be denied is not proposed, so that the ledger has decisions about what was
 * armed and not one for every second in which nothing was: the same question is asked without a
 * transaction first, and its answer is the reason that people see.
 *
 * Judging costs what a what-if costs, and with many routes choosing costs a pass over them, so both
 * wait longer after routes than after facts: REFLEX_JUDGE_US, or ten times what the last judgement
 * took, so that a storm of routes costs a tenth of a processor at most.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "host/reflexes_int.h"

#define JUDGE_SHARE 10

/* ---- what is asked --------------------------------------------------------------------------- */

static enum reflex_kind kind_of(enum reflex_way way)
{
	switch (way) {
	case REFLEX_WAY_GROUP:
	case REFLEX_WAY_METRIC:
		return REFLEX_KERNEL;
	case REFLEX_WAY_BRIDGE:
		return REFLEX_BRIDGE;
	case REFLEX_WAY_READY:
		return REFLEX_READY;
	case REFLEX_WAY_NONE:
		break;
	}
	return REFLEX_NONE;
}

static void choose(const struct reflex *x, struct reflex_choice *ret)
{
	struct reflex_ask ask = {
		.model = x->h->model, .config = x->h->config, .permit = x->permit, .slot = x->slot
	};

	reflex_choose(&ask, ret);
}

void rfx_proposal(const struct reflex *x, const struct anod_action *a, unsigned n,
		  const char *reason, struct anod_proposal *ret)
{
	const char *more = strstr(reason, " (");

	*ret = (struct anod_proposal){ .size = sizeof(*ret), .n_actions = n };
	memcpy(ret->action, a, n * sizeof(*a));
	/* Why no other way was chosen stands in brackets, and in "anodctl reflexes". */
	(void) snprintf(ret->reason, sizeof(ret->reason), "reflex \"%.40s\": %.*s", x->name,
			more ? (int) (more - reason) : (int) strlen(reason), reason);
	if (x->choice.routes)
		(void) snprintf(ret->expect, sizeof(ret->expect), "%u route%s to %s",
				x->choice.routes, x->choice.routes == 1 ? "" : "s",
				x->permit->reflex.standby);
}

void rfx_trigger(const struct reflex *x, struct guard_trigger *ret)
{
	const struct policy_reflex *c = &x->permit->reflex;

	*ret = (struct guard_trigger){ .ifindex = x->choice.link, .sentinel_us = x->sentinel_us };
	if (c->link)
		(void) copy_text(ret->link, sizeof(ret->link), c->link);
}

/* The kernel tells at once of a veth, so asking it gains nothing there. */
void rfx_sentinel(struct reflex *x)
{
	const struct policy_reflex *c = &x->permit->reflex;
	struct anod_object o = { .type = ANOD_OBJ_LINK, .u.link.ifindex = x->choice.link };

	x->sentinel_us = 0;
	x->sentinel_why[0] = '\0';
	if (!c->link)
		return;
	if (model_get(x->h->model, &o, &o) < 0)
		o.u.link.kind[0] = '\0';
	if (strcmp(o.u.link.kind, "veth") == 0)
		(void) snprintf(x->sentinel_why, sizeof(x->sentinel_why),
				"the kernel tells of a veth at once");
	else if (!c->sentinel_us)
		(void) snprintf(x->sentinel_why, sizeof(x->sentinel_why),
				"none asked for; the kernel may tell of %.15s up to 1 s late",
				c->link);
	else
		x->sentinel_us = (uint32_t) c->sentinel_us;
}

void rfx_effect(struct reflex *x, const struct whatif *w)
{
	struct bridge_stats stats;

	x->effect = (struct effect){ .all = w->prefixes };
	for (unsigned i = 0; i < w->n_stages; i++) {
		const struct whatif_stage *s = &w->stage[i];

		if (!stage_is_end(w, s) || s->settled ||
		    (s->kind == STAGE_TRIGGER ? s->trigger != TRIGGER_CARRIER
					      : w->trigger_link[0] != '\0'))
			continue;
		x->effect.known = true;
		x->effect.moved = s->moved;
		x->effect.mended = s->mended;
		x->effect.lost = s->blackholes;
		x->effect.bps = s->traffic.moved_bps;
		x->effect.bps_known = s->load && s->traffic.known;
	}
	/* The what-if does not count what a table of our own holds; the shadow does. */
	if (x->kind == REFLEX_BRIDGE && x->bridge) {
		bridge_stats(x->bridge, &stats);
		x->effect.moved = x->effect.mended = stats.behind;
	}
}

/* ---- arming ---------------------------------------------------------------------------------- */

static bool may_try(struct reflex *x)
{
	struct host *h = x->h;

	if (txns_recovering(h->txns))
		rfx_enter(x, REFLEX_WAITING, "what the last run left open is being undone");
	else if (!model_in_sync(h->model))
		rfx_enter(x, REFLEX_WAITING, "the kernel's state is being read");
	else if (!h->proc[PROC_EXEC].chan || !h->proc[PROC_GUARDIAN].chan)
		rfx_enter(x, REFLEX_WAITING, "executor or guardian are not there");
	else if (h->capped)
		rfx_enter(x, REFLEX_WAITING, "the journal has failed: nothing is changed");
	else if (h->paused)
		rfx_enter(x, REFLEX_WAITING, "the operator has paused all changes");
	else
		return true;
	return false;
}

/* Would it be armed?  False: x->why says why not. */
static bool allowed(struct reflex *x, const struct anod_proposal *p)
{
	_cleanup_(whatif_freep) struct whatif *w = NULL;
	_cleanup_(decision_freep) struct decision *d = NULL;
	struct engine_frame frame = { .trigger = x->choice.link,
				      .ready = x->kind != REFLEX_KERNEL };
	int r = engine_judge(x->h, REFLEX_AGENT, p, &frame, &w, &d);

	if (r < 0) {
		rfx_enter(x, REFLEX_WAITING, "it cannot be judged: %s", strerror(-r));
		return false;
	}
	if (w)
		rfx_effect(x, w);
	if (d->level < LEVEL_APPROVE)
		rfx_enter(x, REFLEX_WAITING, "%s", d->reason ? d->reason : "no permit");
	else if (w && w->n_steps == 0)
		rfx_enter(x, REFLEX_WAITING, "all of it is so already, and not by this reflex: %s",
			  x->choice.why);
	return d->level >= LEVEL_APPROVE && w && w->n_steps > 0;
}

static void arm(struct reflex *x, const struct anod_proposal *p)
{
	struct txn_reflex r = { .kind = x->kind };
	struct reflexes *s = x->h->reflexes;
	uint64_t id = 0;
	int error;

	rfx_trigger(x, &r.trigger);
	r.trigger.hold_us = 0; /* the engine's own */
	x->n_back = x->choice.n_back;
	memcpy(x->back, x->choice.back, sizeof(x->back));
	rfx_enter(x, REFLEX_ARMING, "%s", "");
	s->asking = x;
	s->returning = false;
	error = txns_arm(x->h->txns, REFLEX_AGENT, &r, p, &id);
	s->asking = NULL;
	if (error == -EALREADY)
		x->tx = id;
	else if (error < 0) {
		rfx_enter(x, REFLEX_WAITING, "it cannot be armed: %s", strerror(-error));
		x->tx = 0;
		x->next_us = host_now(x->h) + US_PER_S;
	}
}

static uint64_t wait_for_news(struct reflex *x, uint64_t now)
{
	uint64_t least = MAX_OF((uint64_t) REFLEX_JUDGE_US, x->took_us * JUDGE_SHARE);

	x->next_us = MAX_OF(x->next_us, now + least);
	return MAX_OF(x->next_us, now + REFLEX_BEAT_US);
}

uint64_t rfx_try(struct reflex *x, uint64_t now)
{
	struct anod_proposal p;
	bool news = x->facts || x->routes || x->generation != model_generation(x->h->model) ||
		    now >= x->judged_us + REFLEX_BEAT_US;
	uint64_t wait = US_INFINITY;

	if (now < x->next_us) {
		if (!x->filling || !rfx_bridge_filled(x, now, &wait))
			return MIN_OF(x->next_us, wait);
		news = true;
	}
	if (!news)
		return x->judged_us + REFLEX_BEAT_US;
	if (rfx_adopt_later(x)) {
		rfx_enter(x, REFLEX_WAITING, "what the last run has begun is not over yet");
		return wait_for_news(x, now);
	}
	if (rfx_adopt(x, now) || x->phase != REFLEX_WAITING)
		return now;

	x->facts = x->routes = false;
	x->judged_us = now;
	x->generation = model_generation(x->h->model);
	if (!may_try(x))
		return wait_for_news(x, now);
	choose(x, &x->choice);
	x->kind = kind_of(x->choice.way);
	if (x->kind == REFLEX_NONE) {
		rfx_enter(x, REFLEX_WAITING, "%s", x->choice.why);
		return wait_for_news(x, now);
	}
	if (!x->permit->reflex.link && x->condition != ANOD_FALSE) {
		rfx_enter(x, REFLEX_WAITING, "its trigger is %s now",
			  x->condition == ANOD_TRUE ? "true" : "unknown");
		return wait_for_news(x, now);
	}
	rfx_sentinel(x);
	rfx_proposal(x, x->choice.action, x->choice.n_actions, x->choice.why, &p);
	if (allowed(x, &p) && rfx_bridge_ready(x, now, &wait))
		arm(x, &p);
	x->took_us = clock_boot_us() - now;
	if (x->phase != REFLEX_WAITING)
		return US_INFINITY;
	if (x->bridge) { /* it fills its table */
		x->facts = true;
		x->next_us = MIN_OF(wait, now + (uint64_t) REFLEX_JUDGE_US);
		return x->next_us;
	}
	return wait_for_news(x, now);
}

/* ---- judging again --------------------------------------------------------------------------- */

void rfx_disarm(struct reflex *x, const char *why)
{
	int r;

	if (x->leaving || !x->tx)
		return;
	x->leaving = true;
	(void) copy_text(x->why, sizeof(x->why), why);
	r = txns_disarm(x->h->txns, x->tx, why);
	if (r == -EINVAL)
		r = txns_withdraw(x->h->txns, x->tx, why);
	if (r < 0)
		x->leaving = false; /* it is on its way: looked at again */
}

static bool same_choice(const struct reflex_choice *a, const struct reflex_choice *b)
{
	return a->way == b->way && a->link == b->link && a->standby == b->standby &&
	       a->n_actions == b->n_actions &&
	       memcmp(a->action, b->action, a->n_actions * sizeof(a->action[0])) == 0;
}

/* False: another one would be chosen now, or none, and it is disarmed. */
static bool choice_stands(struct reflex *x)
{
	struct reflex_choice now;
	char why[640];

	choose(x, &now);
	if (same_choice(&now, &x->choice)) {
		x->choice = now; /* the words may have changed */
		return true;
	}
	(void) snprintf(why, sizeof(why), "%s%s", now.way ? "the routes have changed: now " : "",
			now.why);
	rfx_disarm(x, why);
	return false;
}

/* The link is lost, and the guardian says so in a moment; nobody judges what is happening. */
static uint64_t wait_for_firing(struct reflex *x, uint64_t now)
{
	if (!x->lost_us)
		x->lost_us = now;
	if (now < x->lost_us + REFLEX_LINGER_US)
		return x->lost_us + REFLEX_LINGER_US;
	x->lost_us = 0;
	if (x->kind == REFLEX_KERNEL)
		rfx_missed(x, now);
	else
		rfx_disarm(x, "its link was lost and it did not fire");
	return now;
}

/* Arming a group tells of every route behind it, which no buffer holds when they are many.  Who
 * disarmed for that would tell of all of them once more, and so for ever. */
static uint64_t wait_for_reading(struct reflex *x, uint64_t now)
{
	if (!x->unread_us)
		x->unread_us = now;
	if (now < x->unread_us + REFLEX_READ_US) {
		x->routes = true; /* they may be others then */
		return now + REFLEX_BEAT_US;
	}
	x->unread_us = 0;
	rfx_disarm(x, "the kernel's state is being read again: it is not known");
	return US_INFINITY;
}

static uint64_t judge_again(struct reflex *x, uint64_t now)
{
	const struct txn *t;
	int r;

	x->judged_us = now;
	x->facts = false;
	x->generation = model_generation(x->h->model);
	if (!model_in_sync(x->h->model))
		return wait_for_reading(x, now);
	x->unread_us = 0;
	if (x->routes && !choice_stands(x))
		return US_INFINITY;
	x->routes = false;
	r = txns_rejudge(x->h->txns, x->tx);
	t = txns_get(x->h->txns, x->tx);
	if (r == -EPERM)
		rfx_disarm(x, t ? t->why : "not allowed any more");
	x->took_us = clock_boot_us() - now;
	return now + REFLEX_BEAT_US;
}

uint64_t rfx_judge(struct reflex *x, uint64_t now)
{
	uint64_t least = MAX_OF((uint64_t) REFLEX_JUDGE_US, x->took_us * JUDGE_SHARE), next;
	bool moved = x->routes || x->generation != model_generation(x->h->model);

	if (x->leaving || !x->permit)
		return US_INFINITY;
	if (x->permit->reflex.link && !rfx_link_up(x))
		return wait_for_firing(x, now);
	x->lost_us = 0;
	if (!x->permit->reflex.link && x->condition == ANOD_TRUE)
		(void) txns_trigger(x->h->txns, x->tx);
	if (!rfx_bridge_stands(x, now, &next))
		return US_INFINITY;
	if (x->facts || now >= x->judged_us + REFLEX_BEAT_US ||
	    (moved && now >= x->judged_us + least))
		(void) judge_again(x, now);
	return MIN_OF(next, x->judged_us + (moved ? least : REFLEX_BEAT_US));
}

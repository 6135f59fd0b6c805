/*
 * hold - one link: charged, found flapping, held down and lifted.
 *
 * Design.  A link is held down only while another uplink is there that does not flap; it is
 * lifted at reuse, and asked for again every minute if that is refused, because a hold that
 * nobody lifts is worse than the flapping.  A hold that was refused is not asked for again.
 */
#include "flap.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define SETTLE_US   100000
#define RETRY_US    60000000 /* of a refused link.up */
#define UPLINK_ROLE "uplink"

/* ---- facts ------------------------------------------------------------------------------ */

static enum anod_tri truth(struct agent *a, const char *link, const char *attr)
{
	struct anod_value v;

	if (a->ctx->host->get(a->ctx, "link", link, attr, &v, NULL) < 0 || v.type != ANOD_BOOL)
		return ANOD_DOUBT;
	return v.u.i ? ANOD_TRUE : ANOD_FALSE;
}

static bool is_uplink(struct agent *a, const char *link)
{
	struct anod_value v;

	return a->ctx->host->get(a->ctx, "link", link, "role", &v, NULL) == 0 &&
	       v.type == ANOD_TEXT && !strcmp(v.u.text, UPLINK_ROLE);
}

/* Another uplink that has carrier and does not flap itself. */
static bool has_other_uplink(struct agent *a, const struct link *l)
{
	const char *name;

	for (unsigned n = 0; (name = a->ctx->host->each(a->ctx, "link", n)); n++) {
		const struct link *other = flap_find(a, name);

		if (other != l && is_uplink(a, name) && truth(a, name, "carrier") == ANOD_TRUE &&
		    !(other && other->penalty.suppressed))
			return true;
	}
	return false;
}

/* ---- proposals -------------------------------------------------------------------------- */

static void on_verdict(struct anod_ctx *ctx, uint64_t id, enum anod_verdict v, int error,
		       const char *why, void *data)
{
	struct link *l = data;
	uint64_t now = ctx->host->now_us(ctx);

	(void) error;
	if (id != l->proposal)
		return;
	if (v == ANOD_APPLIED)
		l->shadow_us = now + SHADOW_US;
	if (v < ANOD_DENIED)
		return;

	l->proposal = 0;
	if (v == ANOD_COMMITTED) {
		l->hold = l->hold == HOLD_LIFTING ? HOLD_NONE : HOLD_DONE;
	} else {
		ctx->host->log(ctx, LOG_NOTICE, "%s: link.%s was not done: %s", l->name,
			       l->hold == HOLD_LIFTING ? "up" : "down", why ? why : "no reason");
		/* A hold that was refused is not asked for again; one that stands must be lifted. */
		l->hold = l->hold == HOLD_LIFTING ? HOLD_DONE : HOLD_NONE;
		l->retry_us = now + RETRY_US;
	}
	flap_review(l->a);
}

static void propose(struct link *l, const char *kind, const char *reason, enum hold hold)
{
	struct agent *a = l->a;
	struct anod_proposal p = {
		.size = sizeof(p), .n_actions = 1, .finding = l->finding, .confidence = 0.9
	};
	struct anod_action *act = &p.action[0];
	int r;

	act->size = sizeof(*act);
	act->n_args = 1;
	(void) snprintf(act->kind, sizeof(act->kind), "%s", kind);
	(void) snprintf(act->arg[0].name, sizeof(act->arg[0].name), "dev");
	act->arg[0].value.type = ANOD_TEXT;
	(void) snprintf(act->arg[0].value.u.text, ANOD_TEXT_SIZE, "%.55s", l->name);
	(void) snprintf(p.reason, sizeof(p.reason), "%s %s", l->name, reason);
	(void) snprintf(p.expect, sizeof(p.expect), "no more flaps of %s reach the routing",
			l->name);
	l->hold = hold;
	r = a->ctx->host->propose(a->ctx, &p, on_verdict, l, &l->proposal);
	if (r < 0) {
		l->proposal = 0;
		l->hold = hold == HOLD_LIFTING ? HOLD_DONE : HOLD_NONE;
		l->retry_us = a->ctx->host->now_us(a->ctx) + RETRY_US;
		a->ctx->host->log(a->ctx, LOG_WARNING, "%s: a proposal was refused: %s", l->name,
				  strerror(-r));
	}
}

/* ---- findings --------------------------------------------------------------------------- */

static void report(struct link *l)
{
	struct agent *a = l->a;
	struct anod_finding f = { .size = sizeof(f),
				  .n_refs = 2,
				  .code = "link-flapping",
				  .kind = "link",
				  .confidence = 0.95 };
	bool hold = a->hold_down && l->hold == HOLD_NONE && !l->proposal && is_uplink(a, l->name) &&
		    has_other_uplink(a, l);

	(void) snprintf(f.entity, sizeof(f.entity), "%s", l->name);
	(void) snprintf(f.summary, sizeof(f.summary),
			"%s flaps: its carrier was lost %lld times since it came up", l->name,
			(long long) l->count);
	for (unsigned i = 0; i < f.n_refs; i++) {
		(void) snprintf(f.ref[i].kind, ANOD_KIND_SIZE, "link");
		(void) snprintf(f.ref[i].entity, ANOD_NAME_SIZE, "%s", l->name);
		(void) snprintf(f.ref[i].attr, ANOD_KIND_SIZE, i ? "carrier" : "carrier_down");
	}
	f.no_cure = !hold;
	(void) a->ctx->host->find(a->ctx, &f, &l->finding);
	if (hold)
		propose(l, "link.down", "flaps; another uplink is there", HOLD_ASKED);
}

uint64_t hold_review(struct link *l, uint64_t now)
{
	struct agent *a = l->a;

	if (l->uncharged && now >= l->flap_us + SETTLE_US) {
		bool ours = l->flap_us < l->shadow_us || truth(a, l->name, "admin_up") != ANOD_TRUE;
		unsigned n = l->uncharged;

		l->uncharged = 0;
		if (!ours && penalty_charge(&l->penalty, &a->params, n, now))
			report(l);
	}
	(void) penalty_release(&l->penalty, &a->params, now);
	if (!l->penalty.suppressed && !l->proposal && now >= l->retry_us) {
		if (l->hold == HOLD_DONE)
			propose(l, "link.up", "has been quiet for long enough", HOLD_LIFTING);
		else if (l->finding && l->hold == HOLD_NONE) {
			(void) a->ctx->host->clear(a->ctx, l->finding, "quiet for long enough");
			l->finding = 0;
		}
	}
	if (l->uncharged)
		return l->flap_us + SETTLE_US;
	if (l->penalty.suppressed)
		return penalty_reuse_us(&l->penalty, &a->params);
	return (l->finding || l->hold == HOLD_DONE) && !l->proposal ? l->retry_us : UINT64_MAX;
}

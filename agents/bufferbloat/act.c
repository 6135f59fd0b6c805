/*
 * act - what the agent tells and proposes about one uplink.
 *
 * Design.  A shaper that stands gets another rate, everything else a discipline of its own.  What
 * failed is tried again after a time that doubles.  The finding stays open while the shaper is
 * needed: it is the reason for it.  It is cleared when the shaper is gone, or was never there.
 */
#include "bufferbloat.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define DOUBLED_MAX 6 /* times that the wait is doubled */

static void text_arg(struct anod_action *act, const char *name, const char *text)
{
	struct anod_arg *arg = &act->arg[act->n_args++];

	(void) snprintf(arg->name, sizeof(arg->name), "%s", name);
	arg->value.type = ANOD_TEXT;
	(void) snprintf(arg->value.u.text, sizeof(arg->value.u.text), "%s", text);
}

static void rate_arg(struct anod_action *act, int64_t bps)
{
	struct anod_arg *arg = &act->arg[act->n_args++];

	(void) snprintf(arg->name, sizeof(arg->name), "rate");
	arg->value.type = ANOD_INT;
	arg->value.unit = ANOD_UNIT_BPS;
	arg->value.u.i = bps;
}

static void clear(struct uplink *u, const char *why)
{
	if (u->finding)
		(void) u->a->ctx->host->clear(u->a->ctx, u->finding, why);
	u->finding = 0;
	u->bloated_us = u->quiet_us = 0;
	u->n_tries = 0;
	estimate_forget(&u->estimate);
}

/* ---- verdicts ----------------------------------------------------------------------------- */

static void wait_longer(struct uplink *u)
{
	unsigned n = u->n_tries < DOUBLED_MAX ? u->n_tries : DOUBLED_MAX;

	u->again_us = u->a->ctx->host->now_us(u->a->ctx) + (u->a->after_us << n);
	u->n_tries++;
	/* A box may have changed with it: what was measured before says nothing. */
	estimate_forget(&u->estimate);
}

static void on_verdict(struct anod_ctx *ctx, uint64_t id, enum anod_verdict v, int error,
		       const char *why, void *data)
{
	struct uplink *u = data;

	(void) error;
	if (id != u->proposal || v < ANOD_DENIED)
		return;
	u->proposal = 0;
	if (v == ANOD_COMMITTED) {
		u->shaped = !u->lifting;
		if (u->lifting)
			clear(u, "the load is over");
		else
			wait_longer(u);
		return;
	}
	ctx->host->log(ctx, LOG_NOTICE, "%s: %s: %s", u->dev,
		       u->lifting ? "the shaper stays" : "it is not shaped", why ? why : "");
	wait_longer(u);
}

static void propose(struct uplink *u, struct anod_proposal *p)
{
	struct agent *a = u->a;
	int r;

	p->size = sizeof(*p);
	p->n_actions = 1;
	p->finding = u->finding;
	p->confidence = 0.85;
	p->action[0].size = sizeof(p->action[0]);
	r = a->ctx->host->propose(a->ctx, p, on_verdict, u, &u->proposal);
	if (r < 0) {
		u->proposal = 0;
		a->ctx->host->log(a->ctx, LOG_WARNING, "%s: a proposal was refused: %s", u->dev,
				  strerror(-r));
		wait_longer(u);
	}
}

/* ---- proposals ---------------------------------------------------------------------------- */

/* A shaper whose rate can be changed, ours or an engineer's. */
static bool has_rate(struct uplink *u, int64_t *ret_bps)
{
	return fact_number(u->a, "qdisc", u->dev, "rate", ret_bps) && *ret_bps > 0;
}

void act_shape(struct uplink *u)
{
	struct agent *a = u->a;
	struct anod_proposal p = { 0 };
	struct anod_action *act = &p.action[0];
	int64_t through, rate, now_bps = 0;
	bool change = has_rate(u, &now_bps);

	if (u->proposal || a->ctx->host->now_us(a->ctx) < u->again_us ||
	    !estimate_rate(&u->estimate, &through))
		return;
	rate = (int64_t) (a->share * (double) through);
	/* A shaper that is faster than this one does not shorten a queue beyond it. */
	if (change && rate > (int64_t) (a->share * (double) now_bps))
		rate = (int64_t) (a->share * (double) now_bps);

	u->lifting = false;
	(void) snprintf(act->kind, sizeof(act->kind), "%s",
			change ? "qdisc.rate" : "qdisc.replace");
	text_arg(act, "dev", u->dev);
	if (!change)
		text_arg(act, "type", a->discipline);
	rate_arg(act, rate);
	(void) snprintf(p.reason, sizeof(p.reason),
			"%.1f Mbit/s get through beyond %s: shape it to %.0f %% of that",
			(double) through / 1e6, u->dev, a->share * 100);
	(void) snprintf(p.expect, sizeof(p.expect),
			"packets wait here, where the queue is short, and not beyond");
	(void) snprintf(p.verify, sizeof(p.verify), "path.rtt < %lluus and link.tx_bps > %lldbps",
			(unsigned long long) a->target_us, (long long) rate / 2);
	propose(u, &p);
}

void act_lift(struct uplink *u)
{
	struct anod_proposal p = { 0 };

	if (u->proposal || u->a->ctx->host->now_us(u->a->ctx) < u->again_us)
		return;
	if (!u->shaped) {
		clear(u, "the load is over");
		return;
	}
	u->lifting = true;
	(void) snprintf(p.action[0].kind, sizeof(p.action[0].kind), "qdisc.del");
	text_arg(&p.action[0], "dev", u->dev);
	(void) snprintf(p.reason, sizeof(p.reason), "the load on %s is over", u->dev);
	(void) snprintf(p.expect, sizeof(p.expect), "%s sends as fast as it can again", u->dev);
	propose(u, &p);
}

/* ---- findings ----------------------------------------------------------------------------- */

static void add_ref(struct anod_finding *f, const char *kind, const char *entity, const char *attr)
{
	struct anod_ref *ref = &f->ref[f->n_refs++];

	(void) snprintf(ref->kind, sizeof(ref->kind), "%s", kind);
	(void) snprintf(ref->entity, sizeof(ref->entity), "%s", entity);
	(void) snprintf(ref->attr, sizeof(ref->attr), "%s", attr);
}

void act_report(struct uplink *u, int64_t sent_bps)
{
	struct agent *a = u->a;
	struct anod_finding f = { .size = sizeof(f),
				  .code = "bufferbloat",
				  .kind = "link",
				  .confidence = 0.85,
				  .n_rivals = 1,
				  .rival = { { "longer-path", 0.1 } } };
	int64_t own_us = 0, rtt_us = 0;

	(void) snprintf(f.entity, sizeof(f.entity), "%s", u->dev);
	(void) fact_number(a, "path", u->dev, "rtt", &rtt_us);
	(void) snprintf(
		f.summary, sizeof(f.summary),
		"round trips over %s take %.0f ms while it sends %.1f Mbit/s: a queue beyond "
		"it is too long",
		u->dev, (double) rtt_us / 1e3, (double) sent_bps / 1e6);
	if (fact_number(a, "qdisc", u->dev, "delay", &own_us) && (uint64_t) own_us > a->target_us) {
		f.rival[0] = (struct anod_rival){ "own-queue", 0.6 };
		(void) snprintf(f.summary, sizeof(f.summary),
				"packets wait %.0f ms in the queue of %s itself, which is too long",
				(double) own_us / 1e3, u->dev);
	}
	add_ref(&f, "path", u->dev, "rtt");
	add_ref(&f, "path", u->dev, "loss");
	add_ref(&f, "link", u->dev, "tx_bps");
	add_ref(&f, "link", u->dev, "capacity");
	add_ref(&f, "qdisc", u->dev, "delay");
	add_ref(&f, "qdisc", u->dev, "backlog");
	(void) a->ctx->host->find(a->ctx, &f, &u->finding);
}

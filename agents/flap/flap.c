/*
 * flap - finds links that flap, and may hold them down.
 *
 * Design.  A flap is one more in the kernel's count of lost carriers (link.carrier_down), so a
 * burst between two messages counts in full.  Only causes are charged: a carrier lost by or soon
 * after an administrative change, ours or the operator's, costs nothing (SIGCOMM 2002: charging
 * consequences prolongs convergence).  The attributes of one message come one by one, so a
 * charge waits a moment for them.  One timer serves all links: for the settling, then for the
 * earliest reuse.
 *
 * Penalties do not outlive a restart.  A link that was held down then is shut without anybody
 * remembering why, so a permit for link.down here should carry "undo after".
 */
#include <anod/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "penalty.h"

#define LINKS_MAX   256
#define SETTLE_US   100000
#define SHADOW_US   5000000  /* after an administrative change */
#define RETRY_US    60000000 /* of a refused link.up */
#define UPLINK_ROLE "uplink"

enum hold { HOLD_NONE = 0, HOLD_ASKED, HOLD_DONE, HOLD_LIFTING };

struct link {
	char name[ANOD_NAME_SIZE];
	struct agent *a;
	struct penalty penalty;
	int64_t count; /* carrier_down as last seen; -1: not yet */
	unsigned uncharged;
	uint64_t flap_us;   /* of the first uncharged one */
	uint64_t shadow_us; /* until then nothing is charged */
	uint64_t finding, proposal, retry_us;
	enum hold hold;
};

struct agent {
	struct anod_ctx *ctx;
	struct penalty_params params;
	bool hold_down;
	unsigned n_links;
	struct link *link[LINKS_MAX];
	bool said_full;
	uint64_t timer, wake_us;
};

static void review(struct agent *a);

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

static struct link *link_find(struct agent *a, const char *name)
{
	for (unsigned i = 0; i < a->n_links; i++)
		if (!strcmp(a->link[i]->name, name))
			return a->link[i];
	return NULL;
}

/* Another uplink that has carrier and does not flap itself. */
static bool has_other_uplink(struct agent *a, const struct link *l)
{
	const char *name;

	for (unsigned n = 0; (name = a->ctx->host->each(a->ctx, "link", n)); n++) {
		const struct link *other = link_find(a, name);

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
	review(l->a);
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
	bool hold = a->hold_down && is_uplink(a, l->name) && has_other_uplink(a, l);

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

/* Judge one link; returns when to look at it again. */
static uint64_t review_link(struct link *l, uint64_t now)
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

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct agent *a = data;

	(void) ctx;
	(void) id;
	a->timer = 0;
	review(a);
}

static void review(struct agent *a)
{
	const struct anod_host *h = a->ctx->host;
	uint64_t now = h->now_us(a->ctx), next = UINT64_MAX;

	for (unsigned i = 0; i < a->n_links; i++) {
		uint64_t t = review_link(a->link[i], now);

		next = t < next ? t : next;
	}
	if (a->timer && a->wake_us == next)
		return;
	if (a->timer)
		(void) h->cancel(a->ctx, a->timer);
	a->timer = 0;
	a->wake_us = next;
	if (next != UINT64_MAX)
		(void) h->timer(a->ctx, next > now ? next - now : 1, 0, on_timer, a, &a->timer);
}

/* ---- events ----------------------------------------------------------------------------- */

static struct link *link_add(struct agent *a, const char *name)
{
	struct link *l = link_find(a, name);

	if (l)
		return l;
	if (a->n_links == LINKS_MAX) {
		if (!a->said_full)
			a->ctx->host->log(a->ctx, LOG_WARNING,
					  "more than %d links: %s is not watched", LINKS_MAX, name);
		a->said_full = true;
		return NULL;
	}
	l = a->ctx->host->alloc(a->ctx, sizeof(*l));
	if (!l)
		return NULL;
	(void) snprintf(l->name, sizeof(l->name), "%s", name);
	l->a = a;
	l->count = -1;
	a->link[a->n_links++] = l;
	return l;
}

static void count_flaps(struct link *l, int64_t count, uint64_t now)
{
	uint32_t delta = (uint32_t) count - (uint32_t) l->count; /* the kernel's count wraps */
	bool first = l->count < 0 || delta > UINT32_MAX / 2;	 /* or began anew */

	l->count = count;
	if (first || delta == 0)
		return;
	if (!l->uncharged)
		l->flap_us = now;
	l->uncharged += delta;
	review(l->a);
}

static int on_event(struct anod_ctx *ctx, const struct anod_event *e)
{
	struct agent *a = ctx->state;
	uint64_t now = ctx->host->now_us(ctx);
	struct link *l;

	if (strcmp(e->kind, "link") != 0)
		return 0;
	if (!e->attr) {
		l = link_find(a, e->entity);
		if (l)
			l->count = -1; /* a link of that name may come back as another */
		return 0;
	}
	l = link_add(a, e->entity);
	if (!l || e->value->type == ANOD_UNKNOWN)
		return 0;
	if (!strcmp(e->attr, "admin_up"))
		l->shadow_us = now + SHADOW_US;
	else if (!strcmp(e->attr, "carrier_down"))
		count_flaps(l, e->value->u.i, now);
	return 0;
}

/* ---- life ------------------------------------------------------------------------------- */

static int64_t opt_int(struct anod_ctx *ctx, const char *name)
{
	struct anod_value v;

	return ctx->host->opt(ctx, name, 0, &v) == 0 ? v.u.i : 0;
}

static int on_init(struct anod_ctx *ctx)
{
	struct agent *a = ctx->host->alloc(ctx, sizeof(*a));
	struct anod_value v;
	const char *why;
	int r;

	if (!a)
		return -ENOMEM;
	ctx->state = a;
	a->ctx = ctx;
	a->params = (struct penalty_params){
		.flap = (double) opt_int(ctx, "penalty"),
		.suppress = (double) opt_int(ctx, "suppress"),
		.reuse = (double) opt_int(ctx, "reuse"),
		.half_life_us = (uint64_t) opt_int(ctx, "half-life"),
		.max_us = (uint64_t) opt_int(ctx, "max-suppress"),
	};
	a->hold_down = ctx->host->opt(ctx, "hold", 0, &v) == 0 && !strcmp(v.u.text, "down");
	r = penalty_check(&a->params, &why);
	if (r < 0)
		ctx->host->log(ctx, LOG_ERR, "%s", why);
	return r;
}

static int on_start(struct anod_ctx *ctx)
{
	struct agent *a = ctx->state;
	const char *name;

	for (unsigned n = 0; (name = ctx->host->each(ctx, "link", n)); n++) {
		struct link *l = link_add(a, name);
		struct anod_value v;

		if (l && ctx->host->get(ctx, "link", name, "carrier_down", &v, NULL) == 0 &&
		    v.type == ANOD_INT)
			l->count = v.u.i;
	}
	return 0;
}

static const struct anod_opt opts[] = {
	{ "penalty", ANOD_INT, .dflt = "1000", .min = 1, .max = 1e6, .help = "of one flap" },
	{ "suppress", ANOD_INT, .dflt = "6000", .min = 1, .max = 1e9,
	  .help = "penalty at which a link is flapping (RFC 7196: at least 6000)" },
	{ "reuse", ANOD_INT, .dflt = "750", .min = 1, .max = 1e9,
	  .help = "penalty below which it is not any more" },
	{ "half-life", ANOD_INT, ANOD_UNIT_TIME, .dflt = "15m", .min = 1e6, .max = 86400e6,
	  .help = "in which a penalty decays by half" },
	{ "max-suppress", ANOD_INT, ANOD_UNIT_TIME, .dflt = "60m", .min = 1e6, .max = 864000e6,
	  .help = "after the last flap, at most" },
	{ "hold", ANOD_TEXT, .dflt = "report", .words = "report down",
	  .help = "down: propose to shut a flapping uplink while another one is there" },
	{ NULL },
};

static const char *const reads[] = { "link.carrier_down", "link.carrier", "link.admin_up",
				     "link.role", NULL };
static const char *const proposes[] = { "link.down", "link.up", NULL };

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_AGENT,
	.name = "flap",
	.version = "0.1.0",
	.summary = "finds flapping links by penalties that decay (RFC 2439)",
	.opts = opts,
	.reads = reads,
	.proposes = proposes,
	.init = on_init,
	.start = on_start,
	.event = on_event,
};

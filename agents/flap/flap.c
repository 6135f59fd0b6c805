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
#include "flap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

/* ---- timer ------------------------------------------------------------------------------ */

struct link *flap_find(struct agent *a, const char *name)
{
	for (unsigned i = 0; i < a->n_links; i++)
		if (!strcmp(a->link[i]->name, name))
			return a->link[i];
	return NULL;
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct agent *a = data;

	(void) ctx;
	(void) id;
	a->timer = 0;
	flap_review(a);
}

void flap_review(struct agent *a)
{
	const struct anod_host *h = a->ctx->host;
	uint64_t now = h->now_us(a->ctx), next = UINT64_MAX;

	for (unsigned i = 0; i < a->n_links; i++) {
		uint64_t t = hold_review(a->link[i], now);

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
	struct link *l = flap_find(a, name);

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
	flap_review(l->a);
}

static int on_event(struct anod_ctx *ctx, const struct anod_event *e)
{
	struct agent *a = ctx->state;
	uint64_t now = ctx->host->now_us(ctx);
	struct link *l;

	if (strcmp(e->kind, "link") != 0)
		return 0;
	if (!e->attr) {
		l = flap_find(a, e->entity);
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

/*
 * cure - the finding of a black hole, and the route that makes packets smaller.
 *
 * Design.  The route names the next hop that the kernel itself gave for the flow (tcp_prefix.gateway), so
 * nothing goes another way than before; it is verified by what was wrong: no connection is stuck.
 */
#include "blackhole.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

static void add_ref(struct anod_finding *f, const char *kind, const char *entity, const char *attr)
{
	struct anod_ref *r = &f->ref[f->n_refs++];

	(void) snprintf(r->kind, sizeof(r->kind), "%s", kind);
	(void) snprintf(r->entity, sizeof(r->entity), "%s", entity);
	(void) snprintf(r->attr, sizeof(r->attr), "%s", attr);
}

void cure_tell(struct hole *h)
{
	struct anod_finding f = { .size = sizeof(f),
				  .code = "mtu-black-hole",
				  .kind = "tcp_prefix",
				  .confidence = 0.95,
				  .n_rivals = 2,
				  .rival = { { "plain-loss", 0.02 }, { "peer-gone", 0.01 } } };

	(void) snprintf(f.entity, sizeof(f.entity), "%s", h->entity);
	(void) snprintf(f.summary, sizeof(f.summary),
			"packets of %u bytes pass to %s, those of %u do not, and nobody says so: "
			"connections are stuck on full segments",
			h->mtu, h->entity + strlen(h->dev) + 1, h->rung[0].size);
	add_ref(&f, "tcp_prefix", h->entity, "stuck");
	add_ref(&f, "tcp_prefix", h->entity, "stuck_alive");
	add_ref(&f, "tcp_prefix", h->entity, "stuck_size");
	add_ref(&f, "tcp_prefix", h->entity, "bytes_retrans");
	add_ref(&f, "probe", h->probe[0], "loss");
	for (unsigned i = 1; i < h->n; i++)
		if (h->rung[i].size == h->mtu)
			add_ref(&f, "probe", h->probe[i], "loss");
	(void) h->a->ctx->host->find(h->a->ctx, &f, &h->finding);
}

static void on_verdict(struct anod_ctx *ctx, uint64_t id, enum anod_verdict v, int error,
		       const char *why, void *data)
{
	struct hole *h = data;
	bool lifting = h->state == LIFTING;

	(void) error;
	if (id != h->proposal || v < ANOD_DENIED)
		return;
	h->proposal = 0;
	if (v == ANOD_COMMITTED && lifting) {
		hole_over(h, "large packets pass again, and our route is gone");
		return;
	}
	if (v == ANOD_COMMITTED) {
		h->state = CURED;
		h->tries = 0;
		return;
	}
	ctx->host->log(ctx, LOG_NOTICE, "%s: its route was not %s: %s", h->entity,
		       lifting ? "taken away" : "made", why ? why : "no reason");
	h->state = lifting ? CURED : FOUND;
	hole_wait(h);
}

void cure_propose(struct hole *h, bool lift)
{
	struct anod_proposal p = {
		.size = sizeof(p), .n_actions = 1, .finding = h->finding, .confidence = 0.95
	};
	struct anod_action *act = &p.action[0];
	int r;

	act->size = sizeof(*act);
	(void) snprintf(act->kind, sizeof(act->kind), lift ? "route.del" : "route.replace");
	arg_add(act, "dst", ANOD_PREFIX)->value.u.prefix = h->block;
	if (lift) {
		(void) snprintf(p.reason, sizeof(p.reason), "packets of %u bytes pass again",
				h->rung[0].size);
		(void) snprintf(p.expect, sizeof(p.expect),
				"the route that was there before counts");
	} else {
		if (h->gateway.family)
			arg_add(act, "via", ANOD_PREFIX)->value.u.prefix = h->gateway;
		(void) snprintf(arg_add(act, "dev", ANOD_TEXT)->value.u.text, ANOD_TEXT_SIZE, "%s",
				h->dev);
		arg_int(act, "mtu", ANOD_UNIT_BYTES, h->mtu);
		(void) snprintf(p.reason, sizeof(p.reason),
				"packets of more than %u bytes vanish on the way, by the same next "
				"hop smaller ones pass",
				h->mtu);
		(void) snprintf(p.expect, sizeof(p.expect),
				"connections go on with segments that pass");
		(void) snprintf(p.verify, sizeof(p.verify), "tcp_prefix.\"%s\".stuck == 0",
				h->entity);
	}
	h->state = lift ? LIFTING : CURING;
	r = h->a->ctx->host->propose(h->a->ctx, &p, on_verdict, h, &h->proposal);
	if (r < 0) {
		h->proposal = 0;
		h->state = lift ? CURED : FOUND;
		h->again_us = hole_now(h) + AGAIN_US;
		h->a->ctx->host->log(h->a->ctx, LOG_WARNING, "a proposal was refused: %s",
				     strerror(-r));
	}
}

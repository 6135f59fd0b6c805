/*
 * probes - asks for the probes of an uplink and follows their outcomes.
 *
 * Design.  The sensor publishes counters, 'sent' last (docs/facts.md); what 'sent' gained since
 * it was last looked at are outcomes for the loss test.  Counters that run backwards belong to a
 * sensor that began anew.
 */
#include "uplink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

static void blame(struct agent *a, unsigned i, double loss, uint64_t since_us, uint64_t now)
{
	struct uplink *u = a->uplink[i];
	const struct health *h[UPLINKS_MAX];

	for (unsigned k = 0; k < a->n_uplinks; k++)
		h[k] = &a->uplink[k]->health;
	rivals_judge(h, a->n_uplinks, i, a->n_targets, a->params.loss.healthy, since_us,
		     &u->rivals);
	health_blame(&u->health, loss,
		     u->rivals.uplink >= u->rivals.shared && u->rivals.uplink >= u->rivals.target,
		     now);
	u->retell = true;
}

/* Feed what the counters gained.  The order within one gain is not known; losses last is the
 * reading that makes least of them. */
static void feed(struct agent *a, unsigned i, unsigned target, uint64_t now)
{
	struct target *t = &a->uplink[i]->target[target];
	int64_t sent = t->sent - t->fed_sent, lost = t->lost - t->fed_lost;
	int64_t ok = sent - lost - (t->voided - t->fed_voided);
	bool alarm = false;
	uint64_t since = 0;
	double loss = 0;

	if (!t->based || sent < 0 || lost < 0 || t->voided < t->fed_voided) {
		facts_base_target(a, t); /* the sensor began anew */
		return;
	}
	if (ok < 0)
		return; /* 'sent' is still on its way */

	/* A dead target speaks through the quorum, not through the loss. */
	for (int64_t k = 0; k < ok + lost && t->up != ANOD_FALSE; k++)
		alarm |= health_probe(&a->uplink[i]->health, &a->params, target, k >= ok, now,
				      &since, &loss);
	t->fed_sent = t->sent;
	t->fed_lost = t->lost;
	t->fed_voided = t->voided;
	if (alarm)
		blame(a, i, loss, since, now);
	if (alarm || a->uplink[i]->health.proof > 0)
		uplink_judge(a);
}

static void probe_event(struct agent *a, unsigned i, unsigned target, const struct anod_event *e)
{
	struct target *t = &a->uplink[i]->target[target];

	if (!e->attr) {
		t->based = false;
		t->seen_us = 0;
		uplink_judge(a);
		return;
	}
	if (e->value->type == ANOD_UNKNOWN)
		return; /* 'seen_us' grows old */

	t->seen_us = a->ctx->host->now_us(a->ctx);
	if (!strcmp(e->attr, "lost")) {
		t->lost = e->value->u.i;
	} else if (!strcmp(e->attr, "void")) {
		t->voided = e->value->u.i;
	} else if (!strcmp(e->attr, "sent")) {
		t->sent = e->value->u.i;
		feed(a, i, target, t->seen_us);
	} else if (!strcmp(e->attr, "up")) {
		t->up = e->value->u.i ? ANOD_TRUE : ANOD_FALSE;
		uplink_judge(a);
	}
}

void probes_event(struct agent *a, const struct anod_event *e)
{
	for (unsigned i = 0; i < a->n_uplinks; i++)
		for (unsigned t = 0; t < a->n_targets; t++)
			if (!strcmp(a->uplink[i]->target[t].entity, e->entity)) {
				probe_event(a, i, t, e);
				return;
			}
}

static void text_arg(struct anod_action *q, const char *name, const char *text)
{
	struct anod_arg *arg = &q->arg[q->n_args++];

	(void) snprintf(arg->name, sizeof(arg->name), "%s", name);
	arg->value.type = ANOD_TEXT;
	(void) snprintf(arg->value.u.text, sizeof(arg->value.u.text), "%s", text);
}

static void int_arg(struct anod_action *q, const char *name, int64_t i, enum anod_unit unit)
{
	struct anod_arg *arg = &q->arg[q->n_args++];

	(void) snprintf(arg->name, sizeof(arg->name), "%s", name);
	arg->value.type = ANOD_INT;
	arg->value.unit = (uint8_t) unit;
	arg->value.u.i = i;
}

static int sense(struct agent *a, const struct uplink *u, const struct anod_prefix *target)
{
	struct anod_action q = { .size = sizeof(q), .kind = "probe" };
	uint64_t id;

	text_arg(&q, "dev", u->dev);
	(void) snprintf(q.arg[q.n_args].name, ANOD_KIND_SIZE, "target");
	q.arg[q.n_args].value.type = ANOD_PREFIX;
	q.arg[q.n_args++].value.u.prefix = *target;
	text_arg(&q, "proto", a->proto);
	if (a->port)
		int_arg(&q, "port", a->port, ANOD_UNIT_NONE);
	int_arg(&q, "every", (int64_t) a->every_us, ANOD_UNIT_TIME);
	int_arg(&q, "timeout", (int64_t) a->params.timeout_us, ANOD_UNIT_TIME);
	return a->ctx->host->sense(a->ctx, &q, &id);
}

/* The name that the sensor gives the probe, or -ENAMETOOLONG as it says then, too. */
static int name_probe(const struct agent *a, const char *dev, unsigned t, char ret[ANOD_NAME_SIZE])
{
	char address[INET6_ADDRSTRLEN], name[ANOD_NAME_SIZE];
	int n;

	(void) inet_ntop(a->target[t].family, a->target[t].addr, address, sizeof(address));
	if (a->port)
		n = snprintf(name, sizeof(name), "%s/%s/%s/%d", dev, address, a->proto,
			     (int) a->port);
	else
		n = snprintf(name, sizeof(name), "%s/%s", dev, address);
	if (n >= ANOD_NAME_SIZE)
		return -ENAMETOOLONG;
	memcpy(ret, name, sizeof(name));
	return 0;
}

void probes_ask(struct agent *a, struct uplink *u)
{
	for (unsigned t = 0; t < a->n_targets; t++) {
		int r = name_probe(a, u->dev, t, u->target[t].entity);

		facts_base_target(a, &u->target[t]);
		if (r >= 0)
			r = sense(a, u, &a->target[t]);
		if (r < 0)
			a->ctx->host->log(a->ctx, LOG_WARNING, "no probes of %s: %s",
					  u->target[t].entity, strerror(-r));
	}
}

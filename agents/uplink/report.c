/*
 * report - what the uplink agent finds.
 *
 * Design.  One open finding per uplink at a time.  It stays open, as it is, while the uplink is
 * returning or unknown, and is cleared when the uplink is healthy: an incident does not close
 * because somebody stopped looking.
 */
#include "uplink.h"

#include <stdio.h>
#include <string.h>

static const char *code_of(enum health_state s)
{
	switch (s) {
	case HEALTH_DOWN:
		return "uplink-down";
	case HEALTH_GATEWAY:
		return "gateway-dead";
	case HEALTH_DEAD:
		return "uplink-dead";
	case HEALTH_GRAY:
	case HEALTH_ELSEWHERE:
		return "uplink-gray-loss";
	case HEALTH_UNKNOWN:
	case HEALTH_HEALTHY:
	case HEALTH_RETURNING:
		break;
	}
	return NULL;
}

static void add_ref(struct anod_finding *f, const char *kind, const char *entity, const char *attr)
{
	struct anod_ref *r;

	if (f->n_refs == ANOD_REFS_MAX)
		return;
	r = &f->ref[f->n_refs++];
	(void) snprintf(r->kind, sizeof(r->kind), "%s", kind);
	(void) snprintf(r->entity, sizeof(r->entity), "%s", entity);
	(void) snprintf(r->attr, sizeof(r->attr), "%s", attr);
}

static void add_rival(struct anod_finding *f, const char *code, double confidence)
{
	struct anod_rival *r;

	if (f->n_rivals == ANOD_RIVALS_MAX || confidence < 0.01)
		return;
	r = &f->rival[f->n_rivals++];
	(void) snprintf(r->code, sizeof(r->code), "%s", code);
	r->confidence = confidence;
}

static void say_loss(struct agent *a, const struct uplink *u, struct anod_finding *f)
{
	const char *whose = u->health.state == HEALTH_GRAY ? "the other uplinks do not"
			    : u->rivals.target > u->rivals.shared
				    ? "one target loses on every uplink"
				    : "the other uplinks lose as much";

	f->confidence = u->rivals.uplink;
	add_rival(f, "shared-loss", u->rivals.shared);
	add_rival(f, "target-loss", u->rivals.target);
	for (unsigned t = 0; t < a->n_targets; t++)
		add_ref(f, "probe", u->target[t].entity, "loss");
	(void) snprintf(f->summary, sizeof(f->summary), "%s loses %.1f%% of its probes; %s", u->dev,
			u->health.loss * 100,
			a->n_uplinks > 1 ? whose : "there is no other uplink");
}

static void say_dead(struct agent *a, const struct uplink *u, struct anod_finding *f)
{
	unsigned dead = 0, others = 0;

	for (unsigned t = 0; t < a->n_targets; t++)
		if (u->target[t].up == ANOD_FALSE) {
			add_ref(f, "probe", u->target[t].entity, "up");
			dead++;
		}
	for (unsigned i = 0; i < a->n_uplinks; i++)
		others += a->uplink[i] != u && a->uplink[i]->health.state == HEALTH_DEAD;

	/* The same targets dead over every uplink speak against the targets. */
	f->confidence = a->n_uplinks > 1 && others + 1 == a->n_uplinks ? 0.5 : 0.95;
	add_rival(f, "targets-dead", 1 - f->confidence);
	(void) snprintf(f->summary, sizeof(f->summary),
			"%u of %u targets do not answer over %s; its carrier is up", dead,
			a->n_targets, u->dev);
}

static void say(struct agent *a, const struct uplink *u, struct anod_finding *f)
{
	add_ref(f, "link", u->dev, "carrier");
	add_ref(f, "link", u->dev, "admin_up");
	switch (u->health.state) {
	case HEALTH_DOWN:
		f->confidence = 0.99;
		(void) snprintf(f->summary, sizeof(f->summary), "%s %s", u->dev,
				u->admin == ANOD_FALSE ? "is shut or not there"
						       : "has lost its carrier");
		break;
	case HEALTH_GATEWAY:
		f->confidence = 0.97;
		(void) snprintf(f->summary, sizeof(f->summary),
				"the gateway of %s does not answer on the link", u->dev);
		break;
	case HEALTH_DEAD:
		say_dead(a, u, f);
		break;
	case HEALTH_GRAY:
	case HEALTH_ELSEWHERE:
		say_loss(a, u, f);
		break;
	case HEALTH_UNKNOWN:
	case HEALTH_HEALTHY:
	case HEALTH_RETURNING:
		break;
	}
}

static void clear(struct agent *a, struct uplink *u, const char *why)
{
	if (u->finding)
		(void) a->ctx->host->clear(a->ctx, u->finding, why);
	u->finding = 0;
	u->told = HEALTH_UNKNOWN;
}

void report_uplink(struct agent *a, unsigned i, bool no_cure)
{
	struct uplink *u = a->uplink[i];
	const char *code = code_of(u->health.state);
	struct anod_finding f = { .size = sizeof(f), .kind = "link", .no_cure = no_cure };
	uint64_t old = 0;
	size_t n;

	if (u->health.state == HEALTH_HEALTHY) {
		clear(a, u, "no fault for the refractory time");
		return;
	}
	if (!code)
		return;
	if (u->finding && u->told == u->health.state && u->told_no_cure == no_cure && !u->retell)
		return;
	if (u->finding && strcmp(code, code_of(u->told)) != 0)
		old = u->finding;

	(void) snprintf(f.code, sizeof(f.code), "%s", code);
	(void) snprintf(f.entity, sizeof(f.entity), "%s", u->dev);
	say(a, u, &f);
	n = strlen(f.summary);
	if (no_cure)
		(void) snprintf(f.summary + n, sizeof(f.summary) - n,
				"; no uplink is known to be better");
	if (a->ctx->host->find(a->ctx, &f, &u->finding) < 0)
		return;
	/* The new one first, so that the incident has no moment without a fault. */
	if (old)
		(void) a->ctx->host->clear(a->ctx, old, "it is another fault now");
	u->told = u->health.state;
	u->told_no_cure = no_cure;
	u->retell = false;
}

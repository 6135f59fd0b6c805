/*
 * reflexes_fire - what follows a firing: verification, account, refractory time, the way back.
 *
 * Design.  What the guardian has sent is a transaction like any other from then on, and its end is
 * the account.  What the kernel did by itself is verified here, by the same condition: a group has
 * lost its primary for good, so its transaction is over; a second route stays armed, and is armed
 * anew after the refractory time, because the guardian watches for one loss.
 *
 * "Armed" was told before, so the story of a firing is told when it has ended, and there is an
 * incident to tell it in: what the kernel did is over before an agent has found the same loss.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "host/engine_verify.h"
#include "host/reflexes_int.h"

#define TELL_US	      US_PER_S /* so long an agent may need to find the loss */
#define TELL_AGAIN_US (100 * US_PER_MS)

static struct firing *newest(struct reflex *x)
{
	return x->n_firings ? &x->firing[x->n_firings - 1] : NULL;
}

static void note_firing(struct reflex *x, const struct txn *t)
{
	struct firing f = { .tx = t->id, .wall_us = clock_wall_us(), .boot_us = host_now(x->h) };

	f.cause = t->reflex.cause;
	if (t->reflex.seen_ns) {
		f.boot_us = t->reflex.seen_ns / 1000;
		f.wall_us -= MIN_OF(f.wall_us, host_now(x->h) - MIN_OF(host_now(x->h), f.boot_us));
	}
	if (x->kind != REFLEX_KERNEL && t->reflex.sent_ns > t->reflex.seen_ns)
		f.took_ns = t->reflex.sent_ns - t->reflex.seen_ns;
	if (x->n_firings == FIRINGS_KEPT)
		memmove(x->firing, x->firing + 1, --x->n_firings * sizeof(f));
	x->firing[x->n_firings++] = f;
	x->n_fired++;
}

static void begin(struct reflex *x, const struct txn *t, uint64_t now)
{
	const struct policy_rule *permit = x->permit;

	note_firing(x, t);
	x->verify_us = now + MAX_OF(permit ? permit->verify_within_us : 0, US_PER_S);
	rfx_enter(x, REFLEX_FIRED, "%s", "");
	rfx_record(x, "fired", x->kind == REFLEX_KERNEL ? "the kernel has switched" : "");
	if (x->bridge)
		bridge_stand(x->bridge, now);
	reflexes_save(x->h->reflexes);
}

void rfx_has_fired(struct reflex *x, const struct txn *t)
{
	if (x->phase == REFLEX_ARMED || x->phase == REFLEX_ARMING)
		begin(x, t, host_now(x->h));
}

void rfx_missed(struct reflex *x, uint64_t now)
{
	const struct txn *t = txns_get(x->h->txns, x->tx);

	if (t)
		begin(x, t, now);
}

/* ---- account --------------------------------------------------------------------------------- */

static bool is_about(const struct incident *i, const char *link)
{
	for (unsigned k = 0; k < i->n_findings; k++)
		if (strcmp(i->finding[k].f.entity, link) == 0)
			return true;
	return false;
}

/* The incident about its link, if there is one. */
static uint64_t incident_of(const struct reflex *x)
{
	const char *link = x->permit ? x->permit->reflex.link : NULL;
	const struct incident *i;

	for (unsigned n = 0; link && (i = incident_nth(x->h->incidents, n)); n++)
		if (i->open && is_about(i, link))
			return i->id;
	return 0;
}

/* False: there is no incident yet. */
static bool tell(const struct reflex *x, const struct firing *f)
{
	static const char *const ends[] = { "", "verified", "undone", "not verified" };
	uint64_t incident = incident_of(x);
	char took[48] = "by the kernel itself";

	if (!incident)
		return false;
	if (f->took_ns)
		(void) snprintf(took, sizeof(took), "%.0f us after the event",
				(double) f->took_ns / 1000);
	incident_note(x->h->incidents, incident, LINE_TX, f->tx, REFLEX_AGENT, f->boot_us,
		      f->wall_us, "reflex \"%s\" fired, %s: %s%s%s", x->name, took, ends[f->end],
		      f->why[0] ? ": " : "", f->why);
	return true;
}

/* Is there still somebody to wait for? */
static bool tell_late(struct reflex *x, uint64_t now)
{
	if (x->tell_us && (now >= x->tell_us || tell(x, newest(x))))
		x->tell_us = 0;
	return x->tell_us != 0;
}

void rfx_settle(struct reflex *x, enum firing_end end, const char *why)
{
	static const char *const did[] = { "", "verified", "undone", "not verified" };
	struct firing *f = newest(x);

	if (!f || f->end)
		return;
	f->end = end;
	f->settled_us = host_now(x->h) - MIN_OF(f->boot_us, host_now(x->h));
	(void) copy_text(f->why, sizeof(f->why), why);
	x->n_verified += end == FIRING_VERIFIED;
	x->n_undone += end == FIRING_UNDONE;
	rfx_record(x, did[end], why);
	x->tell_us = tell(x, f) ? 0 : host_now(x->h) + TELL_US;
	reflexes_save(x->h->reflexes);
}

/* ---- what the kernel did by itself ----------------------------------------------------------- */

/* Is the primary out of every group that was armed, and something left in it? */
static bool switched(const struct reflex *x)
{
	const struct reflex_choice *c = &x->choice;

	for (unsigned i = 0; c->way == REFLEX_WAY_GROUP && i < c->n_back; i++) {
		const struct anod_action *a = &c->back[i];
		struct anod_object o = { .type = ANOD_OBJ_NEXTHOP };

		if (a->n_args < 2 || strcmp(a->arg[1].name, "member1") != 0)
			continue;
		o.u.nexthop.id = (uint32_t) a->arg[0].value.u.i;
		if (model_get(x->h->model, &o, &o) < 0 || !o.u.nexthop.n_members)
			return false;
		for (unsigned k = 0; k < o.u.nexthop.n_members; k++)
			if (o.u.nexthop.member[k].id == (uint32_t) a->arg[1].value.u.i)
				return false;
	}
	return true;
}

static uint64_t verify_kernel(struct reflex *x, uint64_t now)
{
	const struct txn *t = txns_get(x->h->txns, x->tx);
	enum txn_verify v = t ? engine_verify(x->h, t) : TXN_VERIFY_DOUBT;
	const char *why = "";

	if (v == TXN_VERIFY_YES && switched(x)) {
		rfx_settle(x, FIRING_VERIFIED, "");
	} else if (now >= x->verify_us) {
		why = v == TXN_VERIFY_YES  ? "the group shows something else"
		      : v == TXN_VERIFY_NO ? "not verified in time"
					   : "not verified in time: facts are unknown";
		rfx_settle(x, FIRING_UNSURE, why);
	} else {
		return x->verify_us;
	}
	x->quiet_us = 0;
	rfx_enter(x, REFLEX_REFRACTORY, "%s", "");
	if (x->choice.way == REFLEX_WAY_GROUP) {
		uint64_t tx = x->tx;

		x->tx = 0;
		(void) txns_settle(x->h->txns, tx, "the kernel has switched to the standby");
		x->kind = REFLEX_NONE;
		reflexes_save(x->h->reflexes);
	}
	return now;
}

uint64_t rfx_run_fired(struct reflex *x, uint64_t now)
{
	uint64_t next = US_INFINITY;

	if (x->kind == REFLEX_KERNEL)
		return verify_kernel(x, now);
	if (x->bridge && bridge_run(x->bridge, now, &next) == BRIDGE_CONVERGED)
		(void) txns_finish(x->h->txns, x->tx, "the daemon has converged");
	return next;
}

/* ---- the way back ---------------------------------------------------------------------------- */

static void put_back(struct reflex *x)
{
	struct reflexes *s = x->h->reflexes;
	struct anod_proposal p;
	uint64_t id = 0;
	int r;

	rfx_proposal(x, x->back, x->n_back, "the link is up again: the primary is put back", &p);
	p.expect[0] = '\0';
	rfx_enter(x, REFLEX_RETURNING, "%s", "");
	s->asking = x;
	s->returning = true;
	r = txns_propose(x->h->txns, REFLEX_AGENT, 0, incident_of(x), &p, &id);
	s->asking = NULL;
	if (r == -EALREADY)
		x->back_tx = id;
	else if (r < 0)
		rfx_enter(x, REFLEX_REFRACTORY, "it cannot be put back: %s", strerror(-r));
	if (r < 0 && r != -EALREADY)
		x->next_us = host_now(x->h) + US_PER_S;
}

void rfx_returned(struct reflex *x, const struct txn *t)
{
	if (!txn_state_final(t->state)) {
		(void) copy_text(x->why, sizeof(x->why), t->why);
		return;
	}
	x->back_tx = 0;
	if (t->state == TXN_DONE) {
		x->n_back = 0;
		x->backoff_us = 0;
		rfx_record(x, "put back", "");
		rfx_enter(x, REFLEX_WAITING, "it is armed again");
		x->facts = x->routes = true;
		x->next_us = 0;
	} else {
		x->backoff_us =
			x->backoff_us ? MIN_OF(x->backoff_us * 2, REFLEX_BACKOFF_US) : US_PER_S;
		x->next_us = host_now(x->h) + x->backoff_us;
		rfx_enter(x, REFLEX_REFRACTORY, "not put back: %s", t->why);
	}
	reflexes_save(x->h->reflexes);
}

static uint64_t run_refractory(struct reflex *x, uint64_t now)
{
	uint64_t due, wait_us = x->permit ? x->permit->reflex.refractory_us : 0;

	if (x->leaving || !x->permit) {
		if (!x->permit && x->tx)
			rfx_disarm(x, "the policy does not ask for it any more");
		return US_INFINITY;
	}
	if (!rfx_link_up(x)) {
		x->quiet_us = 0;
		return US_INFINITY;
	}
	if (!x->quiet_us)
		x->quiet_us = now;
	due = MAX_OF(x->quiet_us + wait_us, x->next_us);
	if (now < due)
		return due;
	if (x->tx) { /* a second metric: watched for one loss only */
		rfx_disarm(x, "the link is up again: it is armed anew");
		return US_INFINITY;
	}
	if (x->n_back) {
		put_back(x);
		return now;
	}
	rfx_enter(x, REFLEX_WAITING, "it is armed again");
	x->facts = x->routes = true;
	return now;
}

uint64_t rfx_run_refractory(struct reflex *x, uint64_t now)
{
	uint64_t next = run_refractory(x, now);

	return tell_late(x, now) ? MIN_OF(next, now + TELL_AGAIN_US) : next;
}

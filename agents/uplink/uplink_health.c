/*
 * uplink_health - the state of one uplink.
 *
 * Design.  Hard faults (carrier, gateway, quorum) are read off the facts at every update, so the
 * state follows them without memory but for the refractory time.  Gray loss is found by the
 * sequential test and ends only by a sequential test the other way round: "no alarm for a
 * minute" would call 1 % of loss healthy, because finding it takes longer than that.
 * Probes that were under way during a hard fault come back as lost after it; they are not fed.
 */
#include "uplink_health.h"

#include <math.h>
#include <string.h>

/* ln(10,000): so much likelier is health than half the loss found before traffic returns. */
#define PROOF_NATS 9.21

int health_init(struct health *h, const struct health_params *p)
{
	memset(h, 0, sizeof(*h));
	return loss_test_init(&h->test, &p->loss);
}

static bool hard_fault(enum health_state s)
{
	return s >= HEALTH_DEAD;
}

static bool lossy(enum health_state s)
{
	return s == HEALTH_GRAY || s == HEALTH_ELSEWHERE;
}

/* The hard fault that the facts show, HEALTHY, or UNKNOWN.  A fault that is certain counts even
 * while other facts are unknown. */
static enum health_state judge(const struct health_params *p, const struct health_input *in)
{
	unsigned quorum = p->quorum ? p->quorum : in->targets / 2 + 1;
	bool answered; /* so many targets that the rest could not be a quorum */

	if (quorum > in->targets)
		quorum = in->targets;
	answered = !in->targets || in->targets - in->up < quorum;
	if (in->link == ANOD_FALSE)
		return HEALTH_DOWN;
	if (in->link == ANOD_DOUBT)
		return HEALTH_UNKNOWN;
	/* What is answered through a gateway proves it: 'ip neigh flush' says FAILED as well, for
	 * a moment. */
	if (in->gateway == ANOD_FALSE && !(in->targets && answered))
		return HEALTH_GATEWAY;
	if (in->targets && in->down >= quorum)
		return HEALTH_DEAD;
	if (in->gateway == ANOD_DOUBT)
		return HEALTH_UNKNOWN;
	return answered ? HEALTH_HEALTHY : HEALTH_UNKNOWN;
}

static bool clean_long_enough(const struct health *h, const struct health_params *p,
			      uint64_t now_us)
{
	return !h->bad_us || now_us >= h->bad_us + p->clean_us;
}

/* The state that follows 'h->state' when the facts say 'seen'. */
static enum health_state next_state(const struct health *h, const struct health_params *p,
				    enum health_state seen, uint64_t now_us)
{
	if (seen != HEALTH_HEALTHY)
		return seen;
	if (lossy(h->state))
		return h->proof >= PROOF_NATS && clean_long_enough(h, p, now_us) ? HEALTH_HEALTHY
										 : h->state;
	return clean_long_enough(h, p, now_us) ? HEALTH_HEALTHY : HEALTH_RETURNING;
}

bool health_update(struct health *h, const struct health_params *p, const struct health_input *in,
		   uint64_t now_us)
{
	enum health_state seen = judge(p, in), next;

	/* The clean time begins where the fault ends, however long nobody looked, and what is
	 * unknown behind a fault is not clean yet. */
	h->stained = h->stained || hard_fault(seen);
	if (h->stained &&
	    (seen != HEALTH_HEALTHY || hard_fault(h->state) || h->state == HEALTH_UNKNOWN))
		h->bad_us = now_us;

	next = next_state(h, p, seen, now_us);
	if (next == HEALTH_HEALTHY)
		h->stained = false;
	if (next == h->state)
		return false;

	if (hard_fault(h->state) && !hard_fault(next)) {
		loss_test_reset(&h->test);
		h->deaf_until_us = now_us + p->timeout_us;
	}
	h->state = next;
	h->since_us = now_us;
	return true;
}

/* Page's sum for "healthy" against "half the loss found". */
static void prove(struct health *h, const struct health_params *p, bool lost)
{
	double p0 = p->loss.healthy, p1 = fmax(h->loss / 2, 2 * p0);

	if (h->last_lost)
		return; /* the rest of a burst says nothing */
	h->proof += lost ? log(p0 / p1) : log((1 - p0) / (1 - p1));
	h->proof = fmax(0, h->proof);
}

bool health_probe(struct health *h, const struct health_params *p, unsigned target, bool lost,
		  uint64_t now_us, uint64_t *ret_since_us, double *ret_loss)
{
	struct loss_finding f;
	uint64_t back;

	if (hard_fault(h->state) || now_us < h->deaf_until_us)
		return false;

	h->history[h->n_history++ % HEALTH_HISTORY] =
		(struct health_outcome){ now_us, (uint8_t) target, lost };
	if (lossy(h->state))
		prove(h, p, lost);
	h->last_lost = lost;
	if (!loss_test_feed(&h->test, lost, &f))
		return false;

	back = f.probes < HEALTH_HISTORY ? f.probes : HEALTH_HISTORY;
	if (back > h->n_history)
		back = h->n_history;
	*ret_since_us = h->history[(h->n_history - back) % HEALTH_HISTORY].time_us;
	*ret_loss = f.loss;
	return true;
}

void health_blame(struct health *h, double loss, bool own, uint64_t now_us)
{
	h->bad_us = now_us;
	h->loss = loss;
	h->proof = 0;
	/* Once its own, it stays so until it is proven healthy: a loss that the others now share
	 * is no reason to bring the traffic back. */
	if (hard_fault(h->state) || (h->state == HEALTH_GRAY && !own))
		return;
	if (h->state != (own ? HEALTH_GRAY : HEALTH_ELSEWHERE))
		h->since_us = now_us;
	h->state = own ? HEALTH_GRAY : HEALTH_ELSEWHERE;
}

uint64_t health_next_us(const struct health *h, const struct health_params *p)
{
	if (h->state == HEALTH_RETURNING || (lossy(h->state) && h->proof >= PROOF_NATS))
		return h->bad_us + p->clean_us;
	return UINT64_MAX;
}

const char *health_state_name(enum health_state s)
{
	switch (s) {
	case HEALTH_UNKNOWN:
		return "unknown";
	case HEALTH_HEALTHY:
		return "healthy";
	case HEALTH_ELSEWHERE:
		return "loss elsewhere";
	case HEALTH_RETURNING:
		return "returning";
	case HEALTH_GRAY:
		return "gray loss";
	case HEALTH_DEAD:
		return "dead";
	case HEALTH_GATEWAY:
		return "gateway dead";
	case HEALTH_DOWN:
		return "down";
	}
	return "?";
}

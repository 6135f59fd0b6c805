/*
 * safe - proposes the safe profile when a transaction is stuck.
 *
 * Design.  A profile that gets stuck itself begins nothing, so there is no circle.  A second
 * transaction that gets stuck meanwhile begins it anew: what it has left may differ.
 */
#include "host/safe.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define SAFE_AGAIN_US US_PER_S

void safe_txn(struct host *h, const struct txn *t)
{
	if (t->state != TXN_STUCK || strcmp(t->agent, SAFE_AGENT_NAME) == 0 || !h->config->n_safe)
		return;

	h->safe_tx = t->id;
	h->safe_next = 0;
	log_warning("T%" PRIu64 " is stuck: the safe profile of %u action%s is tried", t->id,
		    h->config->n_safe, h->config->n_safe == 1 ? "" : "s");
}

static int propose(struct host *h, const struct anod_action *a)
{
	struct anod_proposal p = { .size = sizeof(p), .n_actions = 1, .action[0] = *a };
	char why[EXEC_WHY_SIZE] = "";
	uint64_t id;
	int r;

	(void) snprintf(p.reason, sizeof(p.reason), "safe profile, because T%" PRIu64 " is stuck",
			h->safe_tx);
	r = engine_propose(h, SAFE_AGENT_NAME, 0, 0, &p, &id, why, sizeof(why));
	if (r < 0 && r != -EAGAIN && r != -EBUSY && r != -EALREADY)
		log_error("safe profile: %s: %s", a->kind, why[0] ? why : strerror(-r));
	return r;
}

uint64_t safe_turn(struct host *h, uint64_t now_us)
{
	while (h->safe_tx && h->safe_next < h->config->n_safe) {
		int r = propose(h, &h->config->safe[h->safe_next]);

		if (r == -EAGAIN || r == -EBUSY) /* a recovery first, or room */
			return now_us + SAFE_AGAIN_US;
		h->safe_next++;
	}
	h->safe_tx = 0;
	return US_INFINITY;
}

/*
 * arbitrate - what the host tells the engine about proposals that stand in each other's way.
 *
 * Design.  The engine orders them (core/txn/lease.h); here are the facts that it orders by: which
 * links, parents and risk groups a proposal is on, from the model and the configuration, and how
 * much measured evidence and redundancy it has, from the finding and the what-if.
 */
#include "host/arbitrate.h"

#include "policy/redundancy.h"
#include "txn/lease_keys.h"

void arbitrate_lease(void *host, const struct txn *t, struct lease *l)
{
	struct host *h = host;
	_cleanup_(overlay_freep) struct overlay *o = overlay_new(h->model);

	if (!o)
		l->all = true; /* what is on it cannot be told */
	else if (t->decision)
		lease_add_decision(l, h->config, o, t->decision);
	else
		lease_add_steps(l, h->config, o, t->step, t->n_steps);
}

void arbitrate_rank(void *host, const struct txn *t, struct lease_rank *ret)
{
	struct host *h = host;
	_cleanup_(whatif_freep) struct whatif *w = NULL;

	ret->evidence = engine_evidence(h, t->proposal.finding) * (t->proposal.answer ? 1 : 2);
	if (engine_whatif(h, t->agent, &t->proposal, &w) == 0)
		ret->redundancy = redundancy_of(h->config, w);
}

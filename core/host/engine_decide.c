/*
 * engine_decide - the policy's answer to a proposal, with what is true and under way now.
 *
 * Design.  Everybody asks through question(), so that who only wants to know (a person, a reflex
 * before it is armed) is answered as the transaction would be.
 */
#include "host/engine_decide.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "host/neighbours.h"
#include "host/notify.h"
#include "host/people.h"
#include "host/reflexes.h"
#include "policy/loads.h"

unsigned engine_evidence(struct host *h, uint64_t finding)
{
	const struct anod_finding *f = finding ? incident_finding_get(h->incidents, finding) : NULL;
	unsigned n = 0;

	for (uint32_t k = 0; f && k < f->n_refs; k++) {
		const struct schema_attr *a =
			schema_attr(h->schema, f->ref[k].kind, f->ref[k].attr);
		uint32_t e = a ? store_find(h->store, a->kind, f->ref[k].entity) : 0;
		struct fact fact;

		/* Evidence that nobody can see any more is no evidence. */
		if (e && store_get(h->store, e, a->slot, host_now(h), &fact) >= 0 &&
		    fact.value.type != ANOD_UNKNOWN)
			n++;
	}
	return n;
}

static struct decide_in asked(struct host *h, const char *agent, const struct anod_proposal *p)
{
	return (struct decide_in){
		.pool = h->decisions,
		.config = h->config,
		.store = h->store,
		.watches = h->watches,
		.in_sync = model_in_sync(h->model),
		.budgets = h->budgets,
		.overrides = h->overrides,
		.track = h->track,
		.find = plugins_find_action,
		.find_data = h->plugins,
		.agent = agent,
		.proposal = p,
		.evidence = engine_evidence(h, p->finding),
		.now_us = host_now(h),
		.wall_us = clock_wall_us(),
		/* A pause is no answer: the engine lets what may go on wait for its end. */
		.capped = h->capped,
	};
}

/* The question as it stands now; *ret_whatif is borrowed by 'ret'. */
static int question(struct host *h, const char *agent, const struct anod_proposal *p,
		    const struct engine_frame *frame, struct whatif **ret_whatif,
		    struct decide_in *ret)
{
	struct anod_change made[STEPS_MAX];
	struct anod_change flying[TXNS_MAX];
	uint64_t flying_tx[TXNS_MAX];
	_cleanup_(freep) struct link_load *load = NULL;
	struct whatif_in win = {
		.model = h->model,
		.in_flight = flying,
		.in_flight_tx = flying_tx,
		.action = p->action,
		.n_actions = p->n_actions,
		.find = plugins_find_action,
		.find_data = h->plugins,
	};
	int r;

	if (frame) {
		win.trigger = frame->trigger;
		win.ready = frame->ready;
		win.made = made;
		for (unsigned i = 0; frame->made && i < frame->made->n_steps; i++)
			made[win.n_made++] = frame->made->step[i].change;
	}
	*ret = asked(h, agent, p);
	win.n_in_flight = txns_in_flight(h->txns, flying, flying_tx, (unsigned) ARRAY_SIZE(flying));
	r = loads_read(h->config, h->store, h->model, ret->now_us, &load, &win.n_loads);
	if (r < 0)
		return r;
	win.load = load;
	r = win.n_in_flight > ARRAY_SIZE(flying) ? -E2BIG : whatif_run(&win, ret_whatif);
	if (r >= 0)
		ret->whatif = *ret_whatif;
	else if (r == -E2BIG)
		ret->whatif_error = "too much is under way to predict what more would do";
	else if (*ret_whatif && (*ret_whatif)->error[0])
		ret->whatif_error = (*ret_whatif)->error;
	else
		ret->whatif_error = strerror(-r);
	return r == -ENOMEM ? r : 0;
}

int engine_whatif(struct host *h, const char *agent, const struct anod_proposal *p,
		  struct whatif **ret)
{
	struct decide_in in;
	int r = question(h, agent, p, NULL, ret, &in);

	return r < 0 || in.whatif ? r : -EINVAL;
}

int engine_op_look(void *data, const char *agent, const struct anod_proposal *p, enum level *ret,
		   uint64_t *ret_mark)
{
	_cleanup_(whatif_freep) struct whatif *w = NULL;
	_cleanup_(decision_freep) struct decision *d = NULL;
	struct decide_in in;
	int r = question(data, agent, p, NULL, &w, &in);

	if (r == 0)
		r = decide_quietly(&in, &d);
	if (!d)
		return r < 0 ? r : -EINVAL;
	*ret = d->level;
	*ret_mark = decision_mark(d);
	return 0;
}

int engine_decide(struct host *h, const char *agent, const struct anod_proposal *p,
		  struct whatif **ret_whatif, struct decision **ret)
{
	struct decide_in in;
	int r = question(h, agent, p, NULL, ret_whatif, &in);

	return r < 0 ? r : decide(&in, ret);
}

int engine_judge(struct host *h, const char *agent, const struct anod_proposal *p,
		 const struct engine_frame *frame, struct whatif **ret_whatif,
		 struct decision **ret)
{
	struct decide_in in;
	int r = question(h, agent, p, frame, ret_whatif, &in);

	return r < 0 ? r : decide_and_tell(&in, ret);
}

int engine_op_decide(void *data, struct txn *t)
{
	struct host *h = data;
	_cleanup_(whatif_freep) struct whatif *w = NULL;
	_cleanup_(decision_freep) struct decision *d = NULL;
	const struct txn_reflex *x = &t->reflex;
	struct engine_frame frame = { .trigger = x->kind ? x->trigger.ifindex : 0,
				      .ready = x->kind != REFLEX_KERNEL };
	struct decide_in in;
	bool same;
	int r;

	/* What the kernel is armed with stands: it is judged against the state without it. */
	if (x->kind == REFLEX_KERNEL && t->state == TXN_COMMIT)
		frame.made = t;
	r = question(h, t->agent, &t->proposal, &frame, &w, &in);
	if (x->kind)
		reflexes_judged(h, t, w);
	if (r == 0)
		r = decide_and_tell(&in, &d);
	if (!d)
		return r < 0 ? r : -EINVAL;
	(void) decide_remember(h->budgets, d, in.now_us);
	if ((d->level == LEVEL_APPROVE ||
	     (d->level == LEVEL_AUTO && d->permit && d->permit->quorum.n)) &&
	    people_plan(h, t, d, in.whatif) < 0)
		return -ENOMEM;

	same = t->decision && d->level >= LEVEL_APPROVE && t->decision->level == d->level &&
	       t->decision->permit == d->permit;
	if (!same)
		decision_advise(d, &in);
	decision_free(t->decision);
	t->decision = TAKE(d);
	/* Deciding again while it waits is not news until the answer changes. */
	if (same)
		return 0;
	/* Promise 1: what is not in the ledger is not carried out, this one neither. */
	r = record_decision(h, t);
	notify_decision(h, t);
	return t->decision->level >= LEVEL_APPROVE ? r : 0;
}

int engine_op_charge(void *data, struct txn *t, const char **ret_why)
{
	struct host *h = data;
	int r = decide_charge(h->budgets, t->decision, t->agent, host_now(h), ret_why);

	if (r >= 0)
		budgets_save(h);
	return r;
}

int engine_op_room(void *data, struct txn *t, const char **ret_why)
{
	struct host *h = data;

	return decide_room(h->budgets, t->decision, host_now(h), ret_why);
}

int engine_op_recall(void *data, struct txn *t, const char *rule, const char *resource)
{
	struct host *h = data;
	struct decision *d;
	int r;

	r = decision_recall(h->config, rule, t->agent, resource, clock_wall_us(), &d);
	if (r < 0)
		return r;

	decision_free(t->decision);
	t->decision = d;
	return 0;
}

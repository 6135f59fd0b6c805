/*
 * sim_ops - what the engine asks of the simulated world: the policy, the clock, the journal.
 *
 * Design.  The answers are fields that a test has set.  A dead host's engine runs on to the end of
 * its call (sim.c), so what would have an effect or be heard asks first whether it lives.
 */
#include <errno.h>
#include <string.h>

#include "sim/sim.h"

static uint64_t op_now(void *data)
{
	return ((struct sim *) data)->now_us;
}

static uint64_t op_wall(void *data)
{
	return ((struct sim *) data)->wall_us;
}

static const char *op_boot_id(void *data)
{
	return ((struct sim *) data)->boot_id;
}

static uint64_t op_generation(void *data)
{
	return ((struct sim *) data)->generation;
}

static int op_journal(void *data, const struct journal_record *r, bool sync)
{
	struct sim *s = data;

	if (!s->host_alive)
		return -EIO;

	return journal_append(s->journal, r, sync && !s->lazy_disk);
}

static uint64_t op_next_tx(void *data)
{
	struct sim *s = data;

	return journal_next_tx(s->journal);
}

static int op_exec(void *data, struct chan_head *msg, size_t size)
{
	struct sim *s = data;

	sim_op(s);
	if (!s->host_alive || !s->exec_alive)
		return -EPIPE;

	sim_send(&s->to_exec, msg, size);
	return 0;
}

static int op_guard(void *data, struct chan_head *msg, size_t size)
{
	struct sim *s = data;

	sim_op(s);
	if (!s->host_alive || !s->guard_alive)
		return -EPIPE;

	sim_send(&s->to_guard, msg, size);
	return 0;
}

/* What people would sign, as the host does it from the what-if. */
static int plan_for(const struct sim *s, struct txn *t)
{
	_cleanup_(freep) struct exec_steps *steps = calloc(1, sizeof(*steps));
	struct exec_prepare p = { .n_actions = t->proposal.n_actions };
	struct anod_change *change = calloc(STEPS_MAX, sizeof(*change));
	struct plan_in in = { .tx = t->id,
			      .agent = t->agent,
			      .proposal = &t->proposal,
			      .change = change,
			      .policy = s->policy,
			      .permit = s->permit.name };

	if (!steps || !change) {
		free(change);
		return -ENOMEM;
	}
	memcpy(p.action, t->proposal.action, sizeof(p.action));
	sim_plan(s, &p, steps);
	for (unsigned i = 0; i < steps->n_steps; i++)
		change[i] = steps->step[i].change;
	in.n_changes = steps->n_steps;
	plan_digest(&in, &t->plan);
	free(t->change);
	t->change = change;
	t->n_changes = in.n_changes;
	return 0;
}

static int op_decide(void *data, struct txn *t)
{
	struct sim *s = data;
	struct decision *d;

	if ((s->level == LEVEL_APPROVE || s->permit.quorum.n) && plan_for(s, t) < 0)
		return -ENOMEM;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->level = s->level_of ? s->level_of(s, t) : s->level;
	d->permit = d->level >= LEVEL_APPROVE ? &s->permit : NULL;
	d->reason = strdup(d->level >= LEVEL_APPROVE ? "permit \"sim\"" : "cap \"sim\"");
	d->generation = s->generation;
	(void) copy_text(d->resource, sizeof(d->resource), s->resource);
	decision_free(t->decision);
	t->decision = d;
	s->n_decides++;
	return 0;
}

static void op_on_dropped(void *data, const struct txn *t, const char *why)
{
	struct sim *s = data;

	s->n_dropped += t->n_approvals;
	(void) copy_text(s->dropped_why, sizeof(s->dropped_why), why);
}

static int op_charge(void *data, struct txn *t, const char **ret_why)
{
	struct sim *s = data;

	(void) t;
	*ret_why = "the host is dead";
	if (!s->host_alive)
		return -EBUSY;
	if (s->charge_error) {
		*ret_why = s->charge_error;
		return -EBUSY;
	}
	s->n_charges++;
	return 0;
}

static int op_room(void *data, struct txn *t, const char **ret_why)
{
	struct sim *s = data;

	(void) t;
	*ret_why = s->room_error;
	return s->room_error ? -EBUSY : 0;
}

static int op_recall(void *data, struct txn *t, const char *rule, const char *resource)
{
	struct sim *s = data;
	struct decision *d;

	if (s->permit_is_gone || strcmp(rule, s->permit.name) != 0)
		return -ENOENT;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->level = LEVEL_AUTO;
	d->permit = &s->permit;
	(void) copy_text(d->resource, sizeof(d->resource), resource);
	decision_free(t->decision);
	t->decision = d;
	return 0;
}

static void op_on_reflex(void *data, const struct txn *t)
{
	struct sim *s = data;

	(void) t;
	if (s->host_alive)
		s->n_reflexes++;
}

static enum txn_grants op_grants(void *data, const struct txn *t, uint64_t hold_us, bool ask,
				 char *why, size_t why_size)
{
	struct sim *s = data;
	bool same = memcmp(s->grants_plan, t->plan.hash, sizeof(s->grants_plan)) == 0;

	(void) copy_text(why, why_size, s->grants_why ? s->grants_why : "");
	if (same && s->grants != TXN_GRANTS_BUSY)
		return s->grants;
	if (!ask || s->grants == TXN_GRANTS_BUSY)
		return TXN_GRANTS_BUSY;
	/* Another plan: everybody is asked again. */
	memcpy(s->grants_plan, t->plan.hash, sizeof(s->grants_plan));
	s->grants_hold_us = hold_us;
	s->grants = TXN_GRANTS_ASKED;
	s->n_grants_asked++;
	return s->grants;
}

static void op_grants_end(void *data, const struct txn *t, bool keep)
{
	struct sim *s = data;

	(void) t;
	memset(s->grants_plan, 0, sizeof(s->grants_plan));
	s->n_grants_ended++;
	s->n_grants_kept += keep;
}

static enum txn_verify op_verify(void *data, const struct txn *t)
{
	struct sim *s = data;

	return s->verify_of ? s->verify_of(s, t) : s->verify;
}

static int op_look(void *data, const char *agent, const struct anod_proposal *p, enum level *ret,
		   uint64_t *ret_mark)
{
	struct sim *s = data;

	(void) agent;
	(void) p;
	*ret = s->level;
	*ret_mark = s->mark;
	s->n_looks++;
	return 0;
}

static void op_lease(void *data, const struct txn *t, struct lease *l)
{
	struct sim *s = data;

	if (s->lease_of)
		s->lease_of(s, t, l);
}

static void op_rank(void *data, const struct txn *t, struct lease_rank *ret)
{
	struct sim *s = data;

	if (s->rank_of)
		s->rank_of(s, t, ret);
}

static void op_snapshot_before(void *data, struct txn *t)
{
	struct sim *s = data;

	t->before = malloc(1);
	s->n_before++;
}

static void op_drop_before(void *data, struct txn *t)
{
	struct sim *s = data;

	free(t->before);
	t->before = NULL;
	s->n_before--;
}

static void op_on_change(void *data, const struct txn *t, enum txn_state old)
{
	struct sim *s = data;

	(void) old;
	if (!s->host_alive)
		return; /* nobody hears it */
	s->seen[s->n_changes % ARRAY_SIZE(s->seen)] = t->state;
	s->seen_tx[s->n_changes % ARRAY_SIZE(s->seen)] = t->id;
	s->n_changes++;
}

const struct txn_ops sim_ops = {
	.now_us = op_now,
	.wall_us = op_wall,
	.boot_id = op_boot_id,
	.generation = op_generation,
	.journal = op_journal,
	.next_tx = op_next_tx,
	.exec = op_exec,
	.guard = op_guard,
	.decide = op_decide,
	.lease = op_lease,
	.rank = op_rank,
	.look = op_look,
	.charge = op_charge,
	.room = op_room,
	.recall = op_recall,
	.on_reflex = op_on_reflex,
	.grants = op_grants,
	.grants_end = op_grants_end,
	.verify = op_verify,
	.snapshot_before = op_snapshot_before,
	.drop_before = op_drop_before,
	.on_dropped = op_on_dropped,
	.on_change = op_on_change,
};

/*
 * engine - what the transaction engine asks of the daemon: time, the journal, the processes.
 *
 * Design.  The engine itself (core/txn) knows states only.  Here its questions meet the facts,
 * the model and the policy; decisions are in engine_decide.c, verification in engine_verify.c.
 */
#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/arbitrate.h"
#include "host/brakes.h"
#include "host/engine_decide.h"
#include "host/engine_verify.h"
#include "host/neighbours.h"
#include "host/people.h"
#include "host/objectives.h"
#include "host/notify.h"
#include "host/reflexes.h"
#include "host/safe.h"
#include "host/standing.h"
#include "txn/fence.h"

/* ---- names in expressions ------------------------------------------------------------------ */

static const char *scope_set_kind(const struct expr_scope *scope, const char *set)
{
	const struct host *h = scope->data;
	const struct policy_set *s = policy_find_set(h->config->policy, set);

	return s ? s->kind_name : NULL;
}

bool host_expr_scope(struct host *h, struct expr_scope *ret)
{
	*ret = (struct expr_scope){
		.schema = h->schema,
		.set_kind = scope_set_kind,
		.before_allowed = true,
		.data = h,
	};
	return true;
}

/* Membership of entities in the policy's sets, by facts. */
static enum anod_tri env_member(const struct expr_env *env, const char *set, uint16_t kind,
				const char *entity)
{
	const struct host *h = env->data;

	return set_has(h->config, h->store, env->now_us, set, kind, entity);
}

/* So that watches know which facts a set depends on. */
static const struct expr *env_set_where(const struct expr_env *env, const char *set)
{
	const struct host *h = env->data;
	const struct policy_set *s = policy_find_set(h->config->policy, set);

	return s ? s->where : NULL;
}

void host_expr_env(struct host *h, struct expr_env *ret)
{
	*ret = (struct expr_env){
		.store = h->store,
		.now_us = host_now(h),
		.member = env_member,
		.set_where = env_set_where,
		.data = h,
	};
}

/* ---- the world -------------------------------------------------------------------------------- */

static uint64_t op_now(void *data)
{
	return host_now(data);
}

static uint64_t op_wall(void *data)
{
	(void) data;
	return clock_wall_us();
}

/* Does anything that the transaction changes outlive a reboot? */
static bool is_persistent(const struct host *h, uint64_t tx)
{
	const struct txn *t = h->txns ? txns_get(h->txns, tx) : NULL;

	for (uint32_t k = 0; t && k < t->proposal.n_actions; k++) {
		const struct anod_action_desc *d =
			plugins_find_action(t->proposal.action[k].kind, h->plugins);

		if (!d || (d->flags & ANOD_ACT_PERSISTENT))
			return true;
	}
	return !t || t->proposal.n_actions == 0; /* of before the restart: not known */
}

static int op_journal(void *data, const struct journal_record *rec, bool sync)
{
	struct host *h = data;
	int r;

	/* Runtime state dies with the power, and with it what a lost record would be about; the
	 * page cache outlives all of us.  So such a record is on its way to the disk (disk.c) while
	 * the change is made. */
	disk_wait(h->disk, sync && is_persistent(h, rec->tx));
	r = journal_append(h->journal, rec, sync);

	if (r < 0 && !h->capped) {
		h->capped = true;
		log_error("journal in %s: %s; nothing more is changed until anod is restarted",
			  h->state_dir, strerror(-r));
	}
	return r;
}

static uint64_t op_next_tx(void *data)
{
	const struct host *h = data;

	disk_wait(h->disk, true);
	return journal_next_tx(h->journal);
}

static int op_fence(void *data, uint64_t tx, bool take)
{
	const struct host *h = data;

	if (take)
		return fence_take(h->fence, tx);
	fence_release(h->fence, tx);
	return 0;
}

static int op_hangs(void *data, bool guardian)
{
	struct host *h = data;

	return proc_hangs(&h->proc[guardian ? PROC_GUARDIAN : PROC_EXEC]);
}

static const char *op_boot_id(void *data)
{
	(void) data;
	return clock_boot_id();
}

static uint64_t op_generation(void *data)
{
	return model_generation(((struct host *) data)->model);
}

static int send_to(struct host *h, enum proc_kind kind, struct chan_head *msg, size_t size)
{
	struct chan *c = h->proc[kind].chan;

	if (!c)
		return -ENOTCONN;

	msg->size = (uint32_t) size;
	return chan_send(c, msg);
}

static int op_exec(void *data, struct chan_head *msg, size_t size)
{
	return send_to(data, PROC_EXEC, msg, size);
}

static int op_guard(void *data, struct chan_head *msg, size_t size)
{
	return send_to(data, PROC_GUARDIAN, msg, size);
}

static enum anod_verdict verdict_of(const struct txn *t)
{
	switch (t->state) {
	case TXN_WAITING:
		return ANOD_WAITING;
	case TXN_VERIFYING:
		return ANOD_APPLIED;
	case TXN_SOAK:
		return ANOD_VERIFIED;
	case TXN_DONE:
		return ANOD_COMMITTED;
	case TXN_DENIED:
		return ANOD_DENIED;
	case TXN_FAILED:
	case TXN_ABORTED:
	case TXN_STUCK:
	case TXN_CLOSED_BY_REBOOT:
		return ANOD_FAILED;
	case TXN_ROLLED_BACK:
		return ANOD_ROLLED_BACK;
	case TXN_SUPERSEDED:
		return ANOD_SUPERSEDED;
	case TXN_EXPIRED:
		return ANOD_EXPIRED;
	case TXN_DECIDED:
	case TXN_PREPARING:
	case TXN_INTENT:
	case TXN_ARMING:
	case TXN_APPLYING:
	case TXN_COMMIT:
	case TXN_DISARMING:
	case TXN_ROLLBACK:
	case TXN_UNDOING:
	case TXN_ARMED:
		break;
	}
	return (enum anod_verdict) 0;
}

/* Signatures of another plan: a word that no longer counts is on record as well. */
static void op_on_dropped(void *data, const struct txn *t, const char *why)
{
	struct host *h = data;
	cJSON *b = cJSON_CreateObject(), *list;

	cJSON_AddNumberToObject(b, "tx", (double) t->id);
	list = cJSON_AddArrayToObject(b, "users");
	for (unsigned k = 0; k < t->n_approvals; k++)
		cJSON_AddItemToArray(list, cJSON_CreateString(t->approver[k]));
	cJSON_AddStringToObject(b, "did", "signatures dropped");
	cJSON_AddStringToObject(b, "why", why);
	(void) record_event(h, "signatures", b);
	incident_note(h->incidents, t->incident, LINE_OPERATOR, t->id, "", host_now(h),
		      clock_wall_us(), "%u signature%s dropped: %s", t->n_approvals,
		      t->n_approvals == 1 ? "" : "s", why);
	log_notice("T%llu: signatures dropped: %s", (unsigned long long) t->id, why);
}

static void op_on_reflex(void *data, const struct txn *t)
{
	reflexes_fired(data, t);
}

static void op_on_change(void *data, const struct txn *t, enum txn_state old)
{
	struct host *h = data;
	enum anod_verdict v = verdict_of(t);

	if (old == 0 && t->agent_ref)
		cells_link_proposal(h, t->agent_ref, t->id);
	record_txn(h, t, old);
	notify_txn(h, t, old);
	standing_txn(h, t, old);
	safe_txn(h, t);
	brakes_txn(h, t);
	reflexes_txn(h, t, old);
	if (v && t->agent_ref)
		cells_verdict(h, t, v, t->state == TXN_FAILED ? -EIO : 0);
}

int engine_open(struct host *h)
{
	static const struct txn_ops ops = {
		.now_us = op_now,
		.wall_us = op_wall,
		.journal = op_journal,
		.next_tx = op_next_tx,
		.fence = op_fence,
		.hangs = op_hangs,
		.boot_id = op_boot_id,
		.generation = op_generation,
		.exec = op_exec,
		.guard = op_guard,
		.decide = engine_op_decide,
		.lease = arbitrate_lease,
		.rank = arbitrate_rank,
		.look = engine_op_look,
		.charge = engine_op_charge,
		.room = engine_op_room,
		.recall = engine_op_recall,
		.verify = engine_verify,
		.verify_why = engine_verify_why,
		.grants = neighbours_grants,
		.grants_end = neighbours_grants_end,
		.snapshot_before = engine_snapshot_before,
		.drop_before = engine_drop_before,
		.on_dropped = op_on_dropped,
		.on_reflex = op_on_reflex,
		.on_change = op_on_change,
	};

	h->txns = txns_new(&ops, h);
	return h->txns ? 0 : -ENOMEM;
}

/*
 * What an agent does after its finding was cleared (going back to the first uplink) still belongs
 * to that story: the newest incident with a finding of this agent.
 */
static uint64_t incident_lately(const struct host *h, const char *agent)
{
	const struct incident *i;

	for (unsigned n = 0; (i = incident_nth(h->incidents, n)); n++) {
		if (!i->open && host_now(h) - i->closed_us > INCIDENT_REOPEN_US)
			continue;
		for (unsigned k = 0; k < i->n_findings; k++)
			if (strcmp(i->finding[k].agent, agent) == 0)
				return i->id;
	}
	return 0;
}

int engine_propose(struct host *h, const char *agent, uint64_t agent_ref, uint64_t finding,
		   const struct anod_proposal *p, uint64_t *ret_id, char *why, size_t why_size)
{
	uint64_t incident =
		finding ? incident_of_finding(h->incidents, finding) : incident_lately(h, agent);
	_cleanup_(expr_freep) struct expr *e = NULL;
	int r;

	for (uint32_t k = 0; k < p->n_actions; k++) {
		const struct anod_action_desc *d =
			plugins_find_action(p->action[k].kind, h->plugins);

		if (!d) {
			(void) snprintf(why, why_size, "no actuator knows '%s'", p->action[k].kind);
			return -ENOENT;
		}
		r = action_check(&p->action[k], d, why, why_size);
		if (r < 0)
			return r;
	}
	r = engine_compile_verify(h, agent, p->verify, &e, why, why_size);
	if (r < 0)
		return r;
	if (txns_recovering(h->txns)) {
		(void) snprintf(why, why_size, "still recovering what the last run left open");
		return -EAGAIN;
	}

	r = txns_propose(h->txns, agent, agent_ref, incident, p, ret_id);
	if (r == -EAGAIN)
		(void) snprintf(why, why_size, "%s", txns_brake_why(h->txns));
	if (r == -EALREADY)
		(void) snprintf(why, why_size, "transaction T%llu proposes the same already",
				(unsigned long long) *ret_id);
	return r;
}

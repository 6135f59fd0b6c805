/*
 * engine - what the transaction engine asks of the daemon: decisions, verification, time.
 *
 * Design.  The engine itself (core/txn) knows states only.  Here its questions meet the facts,
 * the model and the policy.  "before" in a verify expression means the value when the transaction
 * began, so the facts that the expression names are copied then.  A proposal's own
 * verify text is compiled when it comes in, and a proposal whose text does not compile is
 * refused at once, because it could never be verified.
 */
#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/arbitrate.h"
#include "host/brakes.h"
#include "host/neighbours.h"
#include "host/people.h"
#include "host/objectives.h"
#include "host/notify.h"
#include "host/standing.h"
#include "policy/loads.h"
#include "txn/fence.h"

#define BEFORE_MAX 32

struct before_value {
	uint16_t kind;
	int slot;
	char entity[ANOD_NAME_SIZE];
	struct anod_value value;
};

struct tx_before {	  /* struct txn.before */
	struct expr *own; /* the proposal's verify, owned; or NULL */
	struct objectives_mark fulfilled;
	char why[ANOD_NAME_SIZE + 64]; /* which of them is so no longer */
	unsigned n;
	struct before_value item[BEFORE_MAX];
};

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

/* ---- verification --------------------------------------------------------------------------- */

struct verify_env {
	struct expr_env env; /* first */
	struct host *host;
	const struct txn *txn;
};

/* "link wan1" names the subject "wan1" of links and of paths. */
static const char *verify_subject(const struct expr_env *env, uint16_t kind)
{
	const struct verify_env *v = (const struct verify_env *) env;
	const char *name = schema_kind_name(v->host->schema, kind);
	const char *space = strchr(v->txn->decision->resource, ' ');

	if (!space || (strcmp(name, "link") != 0 && strcmp(name, "path") != 0))
		return NULL;
	return space + 1;
}

static bool verify_before(const struct expr_env *env, const struct expr *fact, const char *entity,
			  struct anod_value *ret)
{
	const struct verify_env *v = (const struct verify_env *) env;
	const struct tx_before *b = v->txn->before;

	for (unsigned i = 0; b && i < b->n; i++) {
		if (b->item[i].kind != fact->kind || b->item[i].slot != fact->slot ||
		    strcmp(b->item[i].entity, entity) != 0)
			continue;
		*ret = b->item[i].value;
		return ret->type != ANOD_UNKNOWN;
	}
	return false;
}

static enum anod_tri verify_held(const struct expr_env *env, const struct expr *node)
{
	const struct verify_env *v = (const struct verify_env *) env;
	uint16_t kind = watch_subject_kind(node);
	const char *subject = kind ? verify_subject(env, kind) : NULL;

	return watch_held(v->host->watches, node, subject ? subject : "", env->now_us);
}

/* No objective that was fulfilled when the change began may be given up for it. */
static enum anod_tri verify_objectives(struct host *h, struct tx_before *b)
{
	const char *name;
	enum anod_tri kept = b ? objectives_kept(h, &b->fulfilled, &name) : ANOD_TRUE;

	if (kept != ANOD_TRUE)
		(void) snprintf(b->why, sizeof(b->why), "objective \"%s\" %s", name,
				kept == ANOD_FALSE ? "is fulfilled no longer"
						   : "was fulfilled and is unknown now");
	else if (b)
		b->why[0] = '\0';
	return kept;
}

static const char *op_verify_why(void *data, const struct txn *t)
{
	const struct tx_before *b = t->before;

	(void) data;
	return b && b->why[0] ? b->why : NULL;
}

static enum txn_verify op_verify(void *data, const struct txn *t)
{
	struct host *h = data;
	struct verify_env v = { .host = h, .txn = t };
	const struct tx_before *b = t->before;
	const struct policy_rule *permit = t->decision ? t->decision->permit : NULL;
	enum anod_tri all = ANOD_TRUE, one;

	host_expr_env(h, &v.env);
	v.env.subject = verify_subject;
	v.env.before = verify_before;
	v.env.held = verify_held;
	if (permit && permit->verify) {
		one = expr_truth(permit->verify, &v.env);
		all = MIN_OF(all, one);
	}
	if (b && b->own) {
		one = expr_truth(b->own, &v.env);
		all = MIN_OF(all, one);
	}
	one = verify_objectives(h, t->before);
	all = MIN_OF(all, one);
	return all == ANOD_TRUE	   ? TXN_VERIFY_YES
	       : all == ANOD_DOUBT ? TXN_VERIFY_DOUBT
				   : TXN_VERIFY_NO;
}

struct collect {
	struct verify_env *v;
	struct tx_before *b;
};

static void collect_fact(const struct expr *e, void *data)
{
	struct collect *c = data;
	struct host *h = c->v->host;
	const char *name = e->entity;
	struct before_value *to;
	struct fact f;
	uint32_t id;

	if ((e->op != EXPR_FACT && e->op != EXPR_CALL) || e->kind == 0 || c->b->n == BEFORE_MAX)
		return;
	if (!name)
		name = verify_subject(&c->v->env, e->kind);
	if (!name)
		return;

	to = &c->b->item[c->b->n++];
	*to = (struct before_value){ .kind = e->kind, .slot = e->slot };
	copy_text(to->entity, sizeof(to->entity), name);
	id = store_find(h->store, e->kind, name);
	if (id && e->slot >= 0 && store_get(h->store, id, (uint16_t) e->slot, host_now(h), &f) >= 0)
		to->value = f.value;
}

/* The proposal's own verify text as a checked tree; NULL with 0 when it has none. */
static int compile_verify(struct host *h, const char *agent, const char *text, struct expr **ret,
			  char *why, size_t why_size)
{
	_cleanup_(expr_freep) struct expr *e = NULL;
	struct diag_list diags = { 0 };
	struct expr_scope scope;
	struct lexer l;
	int r;

	*ret = NULL;
	if (!text[0])
		return 0;

	host_expr_scope(h, &scope);
	lex_init(&l, agent, text, strlen(text));
	r = expr_parse(&l, &diags, &e);
	if (r >= 0 && lex_peek(&l, 0)->type != TOKEN_END)
		r = -EINVAL;
	if (r >= 0)
		r = expr_check(e, &scope, true, &diags);
	if (r < 0)
		(void) snprintf(why, why_size, "its verify expression: %s",
				diags.n ? diags.item[0].text : "text behind the expression");
	diag_done(&diags);
	if (r < 0)
		return r;

	*ret = TAKE(e);
	return 0;
}

static void op_snapshot_before(void *data, struct txn *t)
{
	struct host *h = data;
	struct verify_env v = { .host = h, .txn = t };
	struct tx_before *b = calloc(1, sizeof(*b));
	struct collect c = { &v, b };
	const char *limit;
	char why[256];

	if (!b)
		return;

	host_expr_env(h, &v.env);
	(void) compile_verify(h, t->agent, t->proposal.verify, &b->own, why, sizeof(why));
	if (b->own && stats_bind(h->stats, b->own, &limit) < 0)
		log_warning("T%llu: its verify expression is never sure: %s",
			    (unsigned long long) t->id, limit);
	if (t->decision->permit && t->decision->permit->verify)
		expr_walk(t->decision->permit->verify, collect_fact, &c);
	if (b->own)
		expr_walk(b->own, collect_fact, &c);
	objectives_mark(h, &b->fulfilled);
	t->before = b;
}

static void op_drop_before(void *data, struct txn *t)
{
	struct tx_before *b = t->before;
	struct host *h = data;

	if (!b)
		return;

	stats_unbind(h->stats, b->own);
	expr_free(b->own);
	free(b);
	t->before = NULL;
}

/* ---- decisions ------------------------------------------------------------------------------- */

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

/* The question as it stands now; *ret_whatif is borrowed by 'ret'. */
static int question(struct host *h, const char *agent, const struct anod_proposal *p,
		    struct whatif **ret_whatif, struct decide_in *ret)
{
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

	*ret = (struct decide_in){
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
	int r = question(h, agent, p, ret, &in);

	return r < 0 || in.whatif ? r : -EINVAL;
}

static int op_look(void *data, const char *agent, const struct anod_proposal *p, enum level *ret,
		   uint64_t *ret_mark)
{
	_cleanup_(whatif_freep) struct whatif *w = NULL;
	_cleanup_(decision_freep) struct decision *d = NULL;
	struct decide_in in;
	int r = question(data, agent, p, &w, &in);

	if (r == 0)
		r = decide_quietly(&in, &d);
	if (r < 0)
		return r;
	*ret = d->level;
	*ret_mark = decision_mark(d);
	return 0;
}

int engine_decide(struct host *h, const char *agent, const struct anod_proposal *p,
		  struct whatif **ret_whatif, struct decision **ret)
{
	struct decide_in in;
	int r = question(h, agent, p, ret_whatif, &in);

	return r < 0 ? r : decide(&in, ret);
}

static int op_decide(void *data, struct txn *t)
{
	struct host *h = data;
	_cleanup_(whatif_freep) struct whatif *w = NULL;
	_cleanup_(decision_freep) struct decision *d = NULL;
	struct decide_in in;
	bool same;
	int r;

	r = question(h, t->agent, &t->proposal, &w, &in);
	if (r == 0)
		r = decide_quietly(&in, &d);
	if (r == 0)
		r = decision_tell(d, &in);
	if (r < 0)
		return r;
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

static int op_charge(void *data, struct txn *t, const char **ret_why)
{
	struct host *h = data;
	int r = decide_charge(h->budgets, t->decision, t->agent, host_now(h), ret_why);

	if (r >= 0)
		budgets_save(h);
	return r;
}

static int op_room(void *data, struct txn *t, const char **ret_why)
{
	struct host *h = data;

	return decide_room(h->budgets, t->decision, host_now(h), ret_why);
}

static int op_recall(void *data, struct txn *t, const char *rule, const char *resource)
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

static void op_on_change(void *data, const struct txn *t, enum txn_state old)
{
	struct host *h = data;
	enum anod_verdict v = verdict_of(t);

	if (old == 0 && t->agent_ref)
		cells_link_proposal(h, t->agent_ref, t->id);
	record_txn(h, t, old);
	notify_txn(h, t, old);
	standing_txn(h, t, old);
	brakes_txn(h, t);
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
		.decide = op_decide,
		.lease = arbitrate_lease,
		.rank = arbitrate_rank,
		.look = op_look,
		.charge = op_charge,
		.room = op_room,
		.recall = op_recall,
		.verify = op_verify,
		.verify_why = op_verify_why,
		.grants = neighbours_grants,
		.grants_end = neighbours_grants_end,
		.snapshot_before = op_snapshot_before,
		.drop_before = op_drop_before,
		.on_dropped = op_on_dropped,
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
	r = compile_verify(h, agent, p->verify, &e, why, why_size);
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

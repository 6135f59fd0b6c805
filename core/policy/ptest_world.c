/*
 * ptest_world - the network that a policy test decides on, and its decisions.
 *
 * Design.  One store and one model serve all tests of a run; a model that a test has changed is read
 * again for the next one.  "X for D" follows from since when the facts in X have had their values.
 */
#include <string.h>

#include "model/snapshot.h"
#include "policy/loads.h"
#include "policy/parse.h"
#include "policy/ptest_int.h"

const struct anod_action_desc *ptest_find(const char *kind, void *data)
{
	const struct config_env *env = data;

	for (unsigned i = 0; env->actions[i]; i++)
		if (strncmp(env->actions[i]->kind, kind, ANOD_KIND_SIZE) == 0)
			return env->actions[i];
	return NULL;
}

/* ---- the world -------------------------------------------------------------------------------- */

static int load_topology(struct ptest_world *w, bool facts)
{
	const struct ptest_file *f = w->run->file;
	_cleanup_(model_freep) struct model *again = facts ? model_new() : NULL;
	struct diag_list diags = { 0 };
	int k;

	if (!f->topology)
		return 0;
	k = snapshot_read(f->topology_name, f->topology, strlen(f->topology),
			  facts ? again : w->model, facts ? ptest_snapshot_fact : NULL, w, &diags);
	if (k < 0 && w->run->fail)
		for (unsigned i = 0; i < diags.n; i++)
			w->run->fail(&diags.item[i].place, diags.item[i].text, w->run->data);
	diag_done(&diags);
	return k;
}

/* Without a topology there is an empty network, which is known to be empty. */
static void empty_is_known(struct model *m)
{
	for (uint32_t t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES; t++) {
		(void) model_sync(m, (enum anod_obj_type) t, ANOD_SYNC_BEGIN);
		(void) model_sync(m, (enum anod_obj_type) t, ANOD_SYNC_DONE);
	}
}

/* Every function over time that anything of this run reads. */
static int bind_stat(struct stats *s, struct expr *e)
{
	const char *why;

	return e ? stats_bind(s, e, &why) : 0;
}

static int bind_policy(struct stats *s, struct policy *p)
{
	int k = 0;

	for (unsigned i = 0; i < p->n_sets && k >= 0; i++)
		k = bind_stat(s, p->set[i].where);
	for (unsigned i = 0; i < p->n_rules && k >= 0; i++) {
		k = bind_stat(s, p->rule[i].when);
		if (k >= 0)
			k = bind_stat(s, p->rule[i].verify);
	}
	for (unsigned i = 0; i < p->n_invariants; i++)
		for (unsigned n = 0; n < p->invariant[i].n_requires && k >= 0; n++) {
			k = bind_stat(s, p->invariant[i].require[n].expr);
			if (k >= 0)
				k = bind_stat(s, p->invariant[i].require[n].measure);
		}
	for (unsigned i = 0; i < p->n_objectives; i++)
		for (unsigned n = 0; n < p->objective[i].n_requires && k >= 0; n++)
			k = bind_stat(s, p->objective[i].require[n]);
	return k;
}

static int bind_all(struct ptest_world *w)
{
	const struct ptest_file *f = w->run->file;
	int k = bind_policy(w->stats, w->run->config->policy);

	for (unsigned i = 0; i < f->n_given && k >= 0; i++)
		k = bind_stat(w->stats, f->given[i].expr);
	for (unsigned i = 0; i < f->n_tests; i++)
		for (unsigned n = 0; n < f->test[i].n_steps && k >= 0; n++)
			k = bind_stat(w->stats, f->test[i].step[n].expr);
	return k < 0 ? k : 0;
}

/* The network of the topology, anew. */
static int make_model(struct ptest_world *w)
{
	w->model = model_free(w->model);
	w->model = model_new();
	w->moved = false;
	if (!w->model)
		return -ENOMEM;
	if (!w->run->file->topology)
		empty_is_known(w->model);
	return load_topology(w, false);
}

int ptest_world_init(struct ptest_world *w, const struct ptest_run *run)
{
	int k;

	*w = (struct ptest_world){ .run = run };
	w->store = store_new(run->schema);
	if (!w->store)
		return -ENOMEM;
	w->stats = stats_new(run->schema, w->store);
	if (!w->stats)
		return -ENOMEM;
	k = make_model(w);
	return k < 0 ? k : bind_all(w);
}

void ptest_world_done(struct ptest_world *w)
{
	decision_free(w->decision);
	whatif_free(w->whatif);
	budgets_free(w->budgets);
	track_free(w->track);
	overrides_free(w->overrides);
	free(w->since);
	stats_free(w->stats);
	model_free(w->model);
	store_free(w->store);
}

static void forget_facts(struct ptest_world *w)
{
	for (uint16_t kind = 1; kind <= schema_n_kinds(w->run->schema); kind++)
		while (store_count(w->store, kind))
			(void) store_remove(w->store, store_nth(w->store, kind, 0), w->now_us);
}

int ptest_world_reset(struct ptest_world *w)
{
	static const uint8_t nonce[APPROVAL_NONCE] = { 0 };
	const struct ptest_file *f = w->run->file;
	int k = 0;

	w->decision = decision_free(w->decision);
	w->whatif = whatif_free(w->whatif);
	budgets_free(w->budgets);
	track_free(w->track);
	overrides_free(w->overrides);
	w->budgets = budgets_new();
	w->track = track_new();
	w->overrides = overrides_new(nonce);
	w->now_us = PTEST_BEGIN_US;
	w->wall_us = f->now_us;
	w->evidence = w->n_in_flight = w->n_before = w->n_since = 0;
	w->n_tx = 0;
	w->confidence = -1;
	if (!w->budgets || !w->track || !w->overrides)
		return -ENOMEM;
	if (w->moved)
		k = make_model(w);
	if (k < 0)
		return k;
	forget_facts(w);
	ptest_derive_all(w);
	k = load_topology(w, true);
	for (unsigned i = 0; i < f->n_given && k == 0; i++)
		k = ptest_given(w, &f->given[i]);
	return k;
}

/* ---- deciding --------------------------------------------------------------------------------- */

static const struct ptest_since *since_of_read(const struct ptest_world *w,
					       const struct expr_read *r)
{
	for (unsigned i = 0; r->attr && i < w->n_since; i++)
		if (w->since[i].kind == r->attr->kind && w->since[i].slot == r->attr->slot &&
		    strcmp(w->since[i].entity, r->entity) == 0)
			return &w->since[i];
	return NULL;
}

/* For how long have all facts that were read had their values? */
static uint64_t unchanged_for(const struct ptest_world *w, const struct expr_trace *trace)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < trace->n; i++) {
		const struct ptest_since *s = since_of_read(w, &trace->read[i]);

		if (s)
			least = MIN_OF(least, w->now_us - s->since_us);
	}
	return trace->n_dropped ? 0 : least;
}

static enum anod_tri held(const struct expr_env *env, const struct expr *node)
{
	struct expr_read read[64];
	struct expr_trace trace = { .read = read, .max = ARRAY_SIZE(read) };
	const struct ask *q = env->data;
	struct expr_env inner = *env;
	enum anod_tri now;

	inner.trace = &trace;
	now = expr_truth(node->a, &inner);
	/* "for" is the word of all moments, "in" that of one: what is so now decides one side. */
	if (node->op == EXPR_FOR ? now == ANOD_FALSE : now == ANOD_TRUE)
		return now;
	return unchanged_for(q->in->held_data, &trace) >= node->dur_us ? now : ANOD_DOUBT;
}

void ptest_decide_in(const struct ptest_world *w, struct decide_in *ret)
{
	union {
		const struct config_env *in;
		void *out;
	} env = { .in = w->run->env };

	*ret = (struct decide_in){ .config = w->run->config,
				   .store = w->store,
				   .held = held,
				   .held_data = w,
				   .whatif = w->whatif && !w->whatif->error[0] ? w->whatif : NULL,
				   .whatif_error = w->whatif ? w->whatif->error : "",
				   .in_sync = model_in_sync(w->model),
				   .budgets = w->budgets,
				   .track = w->track,
				   .overrides = w->overrides,
				   .find = ptest_find,
				   .find_data = env.out,
				   .agent = w->agent,
				   .proposal = &w->proposal,
				   .evidence = w->evidence,
				   .now_us = w->now_us,
				   .wall_us = w->wall_us };
}

struct whatif_in ptest_whatif_in(const struct ptest_world *w, const struct ptest_step *s)
{
	return (struct whatif_in){ .model = w->model,
				   .in_flight = w->in_flight,
				   .in_flight_tx = w->in_flight_tx,
				   .n_in_flight = w->n_in_flight,
				   .action = s->action,
				   .n_actions = s->n,
				   .find = ptest_find };
}

int ptest_propose(struct ptest_world *w, const struct ptest_step *s)
{
	struct whatif_in win = ptest_whatif_in(w, s);
	_cleanup_(freep) struct link_load *load = NULL;
	struct decide_in in;
	int k;

	w->decision = decision_free(w->decision);
	w->whatif = whatif_free(w->whatif);
	w->proposal = (struct anod_proposal){ .size = sizeof(w->proposal),
					      .n_actions = s->n,
					      .confidence = w->confidence };
	memcpy(w->proposal.action, s->action, s->n * sizeof(s->action[0]));
	(void) copy_text(w->agent, sizeof(w->agent), s->text);
	ptest_decide_in(w, &in);
	win.find_data = in.find_data;
	k = loads_read(w->run->config, w->store, w->model, w->now_us, &load, &win.n_loads);
	if (k < 0)
		return k;
	win.load = load;
	(void) whatif_run(&win, &w->whatif);
	if (!w->whatif)
		return -ENOMEM;
	ptest_decide_in(w, &in);
	k = decide(&in, &w->decision);
	if (k == 0)
		k = ptest_remember(w);
	return k < 0 ? k : decide_remember(w->budgets, w->decision, w->now_us);
}

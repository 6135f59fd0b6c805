/*
 * stage - a router in memory, made of the real parts: store, model, statistics, watches.
 */
#include "policy/stage.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <netinet/in.h>

#include "base/clock.h"
#include "facts/value.h"
#include "model/snapshot.h"

struct stage *stage_new(struct schema *schema, const struct anod_action_desc *const *actions)
{
	_cleanup_(stage_freep) struct stage *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->schema = schema;
	s->actions = actions;
	s->now_us = STAGE_NOW_US;
	s->store = store_new(schema);
	if (!s->store)
		return NULL;
	s->stats = stats_new(schema, s->store);
	s->watches = watches_new(s->store);
	s->model = model_new();
	s->budgets = budgets_new();
	if (!s->stats || !s->watches || !s->model || !s->budgets)
		return NULL;
	for (int t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES; t++)
		if (model_sync(s->model, (enum anod_obj_type) t, ANOD_SYNC_BEGIN) < 0 ||
		    model_sync(s->model, (enum anod_obj_type) t, ANOD_SYNC_DONE) < 0)
			return NULL;
	s->proposal = (struct anod_proposal){ .size = sizeof(s->proposal), .confidence = -1 };
	return TAKE(s);
}

struct stage *stage_free(struct stage *s)
{
	if (!s)
		return NULL;
	whatif_free(s->whatif);
	watches_free(s->watches);
	stats_free(s->stats);
	budgets_free(s->budgets);
	model_free(s->model);
	store_free(s->store);
	free(s->put);
	free(s);
	return NULL;
}

void stage_round(struct stage *s)
{
	s->n_put = s->n_counted = 0;
}

int stage_put(struct stage *s, uint32_t entity, uint16_t slot, const struct anod_value *v)
{
	struct stage_put *grown;

	for (unsigned i = 0; i < s->n_put; i++)
		if (s->put[i].entity == entity && s->put[i].slot == slot)
			return 0;
	grown = realloc(s->put, (s->n_put + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->put = grown;
	s->put[s->n_put++] = (struct stage_put){ entity, slot };
	return store_publish(s->store, entity, slot, v, s->now_us);
}

int stage_bind(struct stage *s, struct config *c)
{
	const char *why;
	int r = 0;

	for (unsigned i = 0; i < c->policy->n_rules && r >= 0; i++)
		if (c->policy->rule[i].when)
			r = stats_bind(s->stats, c->policy->rule[i].when, &why);
	for (unsigned i = 0; i < c->policy->n_sets && r >= 0; i++)
		if (c->policy->set[i].where)
			r = stats_bind(s->stats, c->policy->set[i].where, &why);
	return MIN_OF(r, 0);
}

/* ---- time ---------------------------------------------------------------------------------- */

uint64_t stage_step(const struct stage *s, const struct expr *e, uint64_t step_us)
{
	const struct schema_attr *a;

	if (!e)
		return step_us;
	if ((e->op == EXPR_FACT || e->op == EXPR_CALL) && e->kind && e->slot >= 0) {
		a = schema_attr_at(s->schema, e->kind, (uint16_t) e->slot);
		if (a && a->max_age_us)
			step_us = MIN_OF(step_us, MAX_OF(a->max_age_us / 2, UINT64_C(1)));
	}
	step_us = stage_step(s, e->a, step_us);
	return stage_step(s, e->b, step_us);
}

int stage_pass(struct stage *s, uint64_t us, uint64_t step_us,
	       int (*again)(struct stage *s, void *data), void *data)
{
	uint64_t end_us = s->now_us + us;
	int r = 0;

	if (!step_us || us / step_us > STAGE_STEPS_MAX)
		return -ENOTSUP;
	(void) watch_run(s->watches, s->now_us);
	while (s->now_us < end_us && r >= 0) {
		s->now_us = MIN_OF(s->now_us + step_us, end_us);
		stage_round(s);
		r = again(s, data);
		(void) watch_run(s->watches, s->now_us);
	}
	return MIN_OF(r, 0);
}

/* ---- links --------------------------------------------------------------------------------- */

static const struct config_link *find_link(const struct config *c, const char *name)
{
	for (unsigned i = 0; c && i < c->n_links; i++)
		if (strcmp(c->link[i].name, name) == 0)
			return &c->link[i];
	return NULL;
}

struct links {
	struct stage *s;
	const struct config *c;
	bool state;
};

static int add_link(const struct anod_object *o, void *data)
{
	const struct links *k = data;
	const struct anod_link *l = &o->u.link;
	const struct config_link *written = find_link(k->c, l->name);
	struct anod_value up = value_bool(l->flags & IFF_UP), carrier = value_bool(l->carrier);
	struct anod_value mtu = value_int(l->mtu, ANOD_UNIT_BYTES);
	struct anod_value role = value_text(written && written->role ? written->role : "");
	struct anod_value capacity = value_unknown();

	if (written && written->capacity_bps)
		capacity = value_int((int64_t) written->capacity_bps, ANOD_UNIT_BPS);
	(void) stage_fact(k->s, "link", l->name, "role", &role);
	(void) stage_fact(k->s, "link", l->name, "capacity", &capacity);
	if (!k->state)
		return 0;
	(void) stage_fact(k->s, "link", l->name, "admin_up", &up);
	(void) stage_fact(k->s, "link", l->name, "carrier", &carrier);
	(void) stage_fact(k->s, "link", l->name, "mtu", &mtu);
	return 0;
}

int stage_links(struct stage *s, const struct config *c, bool state)
{
	struct links k = { s, c, state };

	return model_each(s->model, ANOD_OBJ_LINK, add_link, &k);
}

int stage_link(struct stage *s, const char *name)
{
	struct anod_object o = { .type = ANOD_OBJ_LINK };

	o.u.link.ifindex = ++s->n_links;
	(void) copy_text(o.u.link.name, sizeof(o.u.link.name), name);
	o.u.link.flags = IFF_UP;
	o.u.link.carrier = 1;
	o.u.link.mtu = 1500;
	return model_put(s->model, &o);
}

static int read_fact(const struct snapshot_fact *f, void *data)
{
	return stage_fact(data, f->kind, f->entity, f->attr, &f->value) == -ENOMEM ? -ENOMEM : 0;
}

int stage_snapshot(struct stage *s, const struct config *c, const char *name, const char *text,
		   size_t size, struct diag_list *diags)
{
	struct model *fresh = model_new();
	int r;

	if (!fresh)
		return -ENOMEM;
	model_free(s->model);
	s->model = fresh;
	/* What is written of a fact counts more than what the links' state says: it comes first. */
	r = snapshot_read(name, text, size, s->model, read_fact, s, diags);
	return r < 0 ? r : stage_links(s, c, true);
}

/* ---- the decision --------------------------------------------------------------------------- */

static const struct anod_action_desc *find_kind(const char *kind, void *data)
{
	const struct stage *s = data;

	for (unsigned i = 0; s->actions[i]; i++)
		if (strcmp(s->actions[i]->kind, kind) == 0)
			return s->actions[i];
	return NULL;
}

/* What is done to an own route over the first link: enough to say what an action is on. */
static struct whatif *no_effect(const struct stage *s)
{
	_cleanup_(whatif_freep) struct whatif *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->before = overlay_new(s->model);
	w->after = overlay_new(s->model);
	if (!w->before || !w->after)
		return NULL;
	w->generation = model_generation(s->model);
	if (s->n_links) {
		struct anod_object o = { .type = ANOD_OBJ_ROUTE };

		o.u.route.dst.family = AF_INET;
		o.u.route.protocol = ANOD_RTPROT;
		o.u.route.n_legs = 1;
		o.u.route.leg[0].ifindex = 1;
		o.u.route.leg[0].weight = 1;
		w->n_steps = 1;
		w->step[0] = (struct anod_change){ .has_pre = 1, .pre = o };
	}
	return TAKE(w);
}

static void fill_in(struct stage *s, struct config *c, const char *agent, struct decide_in *ret)
{
	*ret = (struct decide_in){ .config = c,
				   .store = s->store,
				   .watches = s->watches,
				   .whatif = s->whatif,
				   .in_sync = true,
				   .budgets = s->budgets,
				   .find = find_kind,
				   .find_data = s,
				   .agent = agent,
				   .proposal = &s->proposal,
				   .evidence = s->evidence,
				   .now_us = s->now_us,
				   .wall_us = s->wall_us };
}

int stage_decide(struct stage *s, struct config *c, const char *agent, bool plan,
		 struct decision **ret)
{
	struct whatif_in win = { .model = s->model,
				 .action = s->proposal.action,
				 .n_actions = s->proposal.n_actions,
				 .find = find_kind,
				 .find_data = s };
	unsigned invariants = c->policy->n_invariants;
	char error[ANOD_REASON_SIZE] = "";
	struct decide_in in;
	int r = 0;

	s->whatif = whatif_free(s->whatif);
	if (plan)
		r = whatif_run(&win, &s->whatif);
	else
		s->whatif = no_effect(s);
	if (!plan && !s->whatif)
		return -ENOMEM;
	if (r < 0) {
		if (s->whatif)
			(void) copy_text(error, sizeof(error), s->whatif->error);
		s->whatif = whatif_free(s->whatif);
	}
	fill_in(s, c, agent, &in);
	in.whatif_error = error[0] ? error : NULL;
	if (!plan)
		c->policy->n_invariants = 0; /* there is no network that they could be about */
	r = decide(&in, ret);
	c->policy->n_invariants = invariants;
	return r;
}

void stage_act(struct stage *s, struct config *c, const char *agent, struct act *ret)
{
	struct decide_in in;

	fill_in(s, c, agent, &in);
	act_init(ret, &in, 0);
}

void stage_value(struct stage *s, struct config *c, const char *agent, const struct expr *e,
		 struct anod_value *ret)
{
	struct decide_in in;
	enum anod_tri truth;
	struct act act;
	struct ask q;

	fill_in(s, c, agent, &in);
	act_init(&act, &in, 0);
	ask_init(&q, &in, &act, NULL, NULL);
	ask_value(&q, e, ret);
	if (e->type != ANOD_BOOL || ret->type != ANOD_UNKNOWN)
		return;
	truth = ask_truth(&q, e);
	if (truth != ANOD_DOUBT)
		*ret = value_bool(truth == ANOD_TRUE);
}

/* ---- invariants ------------------------------------------------------------------------------ */

int stage_invariants(struct stage *s, struct config *c, struct invariant_result *ret,
		     struct text *why)
{
	struct whatif_in win = { .model = s->model, .find = find_kind, .find_data = s };
	struct decide_in in;
	int r;

	s->proposal.n_actions = 0;
	s->whatif = whatif_free(s->whatif);
	r = whatif_run(&win, &s->whatif);
	if (r < 0)
		return r;
	fill_in(s, c, "", &in);
	(void) invariants_judge(&in, NULL, ret, why);
	return 0;
}

/*
 * reload - the configuration: the first one, the next one, and checking without running.
 *
 * Design.  A new configuration is parsed, checked and complete before anything of it is used; a
 * broken one changes nothing.  The old one stays in memory until the transactions that were
 * decided by it have ended, because their obligations (verify, confirm) are its.  Agents start
 * again on every reload; a sensor only when its own block changed, because a restart costs a
 * resync of what it knows.
 */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "base/clock.h"
#include "base/log.h"
#include "host/history_host.h"
#include "host/neighbours.h"
#include "host/people.h"
#include "host/objectives.h"
#include "host/reflexes.h"
#include "policy/analyse.h"
#include "host/brakes.h"
#include "host/standing.h"

#define DEFAULT_CONFIG "/etc/anod/anod.conf"

/* What runs where nobody has written anything: every agent looks, and no permit exists. */
static const char built_in[] = "policy \"built-in, observe only\" revision 0\n"
			       "agent uplink { }\n"
			       "agent flap { }\n"
			       "agent triage { }\n";

static void fill_env(const struct schema *s, const struct plugins *p, struct config_env *ret)
{
	*ret = (struct config_env){
		.schema = s,
		.actions = (const struct anod_action_desc *const *) p->actions,
		.plugins = (const struct anod_plugin *const *) p->list,
		.read_file = config_read_file,
		.glob = config_glob,
		.user_exists = people_exist,
		.key_usable = neighbours_key_usable,
		.agents = &agent_language,
	};
}

static int load(struct host *h, struct diag_list *diags, struct config **ret, bool *ret_built_in)
{
	const char *path = h->options.config;
	struct config_env env;
	int r;

	fill_env(h->schema, h->plugins, &env);
	env.agent_dirs = h->options.agent_dirs ?: host_agent_dirs();
	*ret_built_in = !path && access(DEFAULT_CONFIG, F_OK) < 0;
	if (*ret_built_in)
		return config_load_text("built-in", built_in, &env, diags, ret);
	r = config_load(path ? path : DEFAULT_CONFIG, &env, diags, ret);
	if (r >= 0)
		(void) analyse_load(*ret, &env, diags); /* what it says only warns */
	return r;
}

/*
 * "link NAME { role ... capacity ... }" are facts of the source "core".  A link that the
 * configuration does not name has the role "": that is known, and not a doubt.
 */
void links_on_entity(struct host *h, uint32_t entity)
{
	const struct schema_attr *role = schema_attr(h->schema, "link", "role");
	const struct schema_attr *capacity = schema_attr(h->schema, "link", "capacity");
	const char *name = store_entity_name(h->store, entity);
	struct anod_value v = value_text("");

	for (unsigned k = 0; h->config && k < h->config->n_links; k++) {
		const struct config_link *l = &h->config->link[k];

		if (strcmp(l->name, name) != 0)
			continue;
		if (l->role)
			v = value_text(l->role);
		if (l->capacity_bps) {
			struct anod_value c = value_int((int64_t) l->capacity_bps, ANOD_UNIT_BPS);

			(void) store_publish(h->store, entity, capacity->slot, &c, host_now(h));
		}
	}
	(void) store_publish(h->store, entity, role->slot, &v, host_now(h));
}

/* All of them again, for a new configuration. */
static void publish_links(struct host *h)
{
	uint16_t kind = schema_kind_id(h->schema, "link");

	for (unsigned n = 0; n < store_count(h->store, kind); n++) {
		uint32_t e = store_nth(h->store, kind, n);
		const struct schema_attr *capacity = schema_attr(h->schema, "link", "capacity");

		(void) store_publish(h->store, e, capacity->slot, NULL, host_now(h));
		links_on_entity(h, e);
	}
}

/* The functions over time that a policy reads are kept as long as it is. */
static int bind(struct host *h, struct expr *e, struct diag_list *diags)
{
	const char *why;
	int r = e ? stats_bind(h->stats, e, &why) : 0;

	if (r < 0)
		diag_add(diags, DIAG_ERROR, &e->place, "a function over time is refused: %s", why);
	return r;
}

static void watch_untrack_if(struct host *h, const struct expr *e)
{
	if (e)
		watch_untrack(h->watches, e);
}

static void release(struct host *h, const struct config *c)
{
	const struct policy *p = c->policy;

	for (unsigned k = 0; k < c->n_grants; k++) {
		watch_untrack_if(h, c->grant[k].when);
		stats_unbind(h->stats, c->grant[k].when);
	}
	for (unsigned k = 0; k < p->n_sets; k++)
		stats_unbind(h->stats, p->set[k].where);
	for (unsigned k = 0; k < p->n_invariants; k++)
		for (unsigned i = 0; i < p->invariant[k].n_requires; i++) {
			stats_unbind(h->stats, p->invariant[k].require[i].expr);
			stats_unbind(h->stats, p->invariant[k].require[i].measure);
		}
	for (unsigned k = 0; k < p->n_rules; k++) {
		watch_untrack_if(h, p->rule[k].when);
		watch_untrack_if(h, p->rule[k].verify);
		watch_untrack_if(h, p->rule[k].recover);
		stats_unbind(h->stats, p->rule[k].when);
		stats_unbind(h->stats, p->rule[k].verify);
		stats_unbind(h->stats, p->rule[k].recover);
		stats_unbind(h->stats, p->rule[k].reflex.when);
	}
	for (unsigned k = 0; k < p->n_objectives; k++)
		for (unsigned i = 0; i < p->objective[k].n_requires; i++) {
			watch_untrack_if(h, p->objective[k].require[i]);
			stats_unbind(h->stats, p->objective[k].require[i]);
		}
}

/* All of it or nothing: a policy that reads what nobody keeps would be one that is never sure. */
static int adopt(struct host *h, const struct config *c, struct diag_list *diags)
{
	const struct policy *p = c->policy;
	int r = 0;

	for (unsigned k = 0; k < p->n_sets && r >= 0; k++)
		r = bind(h, p->set[k].where, diags);
	for (unsigned k = 0; k < p->n_invariants && r >= 0; k++)
		for (unsigned i = 0; i < p->invariant[k].n_requires && r >= 0; i++) {
			r = bind(h, p->invariant[k].require[i].expr, diags);
			if (r >= 0)
				r = bind(h, p->invariant[k].require[i].measure, diags);
		}
	for (unsigned k = 0; k < p->n_rules && r >= 0; k++) {
		r = bind(h, p->rule[k].when, diags);
		if (r >= 0)
			r = bind(h, p->rule[k].verify, diags);
		if (r >= 0)
			r = bind(h, p->rule[k].recover, diags);
		if (r >= 0)
			r = bind(h, p->rule[k].reflex.when, diags);
	}
	for (unsigned k = 0; k < p->n_objectives && r >= 0; k++)
		for (unsigned i = 0; i < p->objective[k].n_requires && r >= 0; i++)
			r = bind(h, p->objective[k].require[i], diags);
	for (unsigned k = 0; k < c->n_grants && r >= 0; k++)
		r = bind(h, c->grant[k].when, diags);
	if (r < 0) {
		release(h, c);
		return r;
	}
	for (unsigned k = 0; k < c->n_grants; k++)
		if (c->grant[k].when)
			(void) watch_track(h->watches, c->grant[k].when);
	for (unsigned k = 0; k < p->n_rules; k++) {
		if (p->rule[k].when)
			(void) watch_track(h->watches, p->rule[k].when);
		if (p->rule[k].verify)
			(void) watch_track(h->watches, p->rule[k].verify);
		if (p->rule[k].recover)
			(void) watch_track(h->watches, p->rule[k].recover);
	}
	for (unsigned k = 0; k < p->n_objectives; k++)
		for (unsigned i = 0; i < p->objective[k].n_requires; i++)
			(void) watch_track(h->watches, p->objective[k].require[i]);
	return 0;
}

int config_open(struct host *h, struct diag_list *diags)
{
	int r = load(h, diags, &h->config, &h->built_in);

	if (r >= 0)
		r = adopt(h, h->config, diags);
	if (r < 0)
		return r;

	publish_links(h);
	return 0;
}

static bool same_option(const struct config_option *a, const struct config_option *b)
{
	if (strcmp(a->name, b->name) != 0 || a->n_values != b->n_values)
		return false;

	for (unsigned n = 0; n < a->n_values; n++)
		if (!value_same(&a->value[n], &b->value[n]))
			return false;
	return true;
}

static bool same_sensors(const struct config *a, const struct config *b)
{
	if (a->n_sensors != b->n_sensors)
		return false;

	for (unsigned k = 0; k < a->n_sensors; k++) {
		const struct config_block *x = &a->sensor[k], *y = &b->sensor[k];

		if (strcmp(x->plugin, y->plugin) != 0 || x->n_options != y->n_options)
			return false;
		for (unsigned n = 0; n < x->n_options; n++)
			if (!same_option(&x->option[n], &y->option[n]))
				return false;
	}
	return true;
}

/* Configurations that open transactions were decided by. */
static int retire(struct host *h, struct config *old)
{
	struct config **list = reallocarray(h->old_config, h->n_old_configs + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;

	h->old_config = list;
	list[h->n_old_configs++] = old;
	return 0;
}

/* Is a decision of a former configuration in use?  One of ours names a permit of ours. */
static bool in_use(const struct host *h)
{
	const struct policy *p = h->config->policy;
	const struct txn *t;

	for (unsigned i = 0; h->txns && (t = txns_nth(h->txns, i)); i++)
		if (t->decision && (!t->decision->permit || t->decision->permit < p->rule ||
				    t->decision->permit >= p->rule + p->n_rules))
			return true;

	return false;
}

void configs_sweep(struct host *h)
{
	if (h->n_old_configs == 0 || in_use(h))
		return;

	while (h->n_old_configs) {
		struct config *old = h->old_config[--h->n_old_configs];

		release(h, old);
		config_free(old);
	}
	free(h->old_config);
	h->old_config = NULL;
}

/* What nobody looks at any more must not be believed: no decision is made then. */
static int restart_sensors(struct host *h)
{
	int r;

	sensors_stop(h);
	r = sensors_start(h);
	if (r >= 0)
		return r;

	log_error("sensors of the new configuration: %s; nothing is changed until they run",
		  strerror(-r));
	for (uint32_t t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES; t++)
		(void) model_sync(h->model, (enum anod_obj_type) t, ANOD_SYNC_LOST);
	return r;
}

int host_reload(struct host *h, struct diag_list *diags)
{
	_cleanup_(config_freep) struct config *c = NULL;
	struct config *old = h->config;
	bool is_built_in, sensors_anew;
	int r = load(h, diags, &c, &is_built_in), e;

	if (r < 0)
		return r;
	r = adopt(h, c, diags);
	if (r < 0)
		return r;
	r = retire(h, old);
	if (r < 0) {
		release(h, c);
		return r;
	}

	/* The old one's "for" and "held" are still measured, for what is being verified by it. */
	h->config = TAKE(c);
	h->built_in = is_built_in;
	publish_links(h);
	(void) overrides_run(h, host_now(h));
	txns_policy_changed(h->txns);
	brakes_reloaded(h);
	standing_beat(h, true);
	sensors_anew = !same_sensors(old, h->config);
	if (sensors_anew)
		r = restart_sensors(h);
	else
		sensors_reloaded(h);
	reflexes_configure(h);
	objectives_apply(h, sensors_anew);
	neighbours_reload(h);
	advice_done(h); /* questions name their agent by its number */
	cells_kill(h);
	cells_forget(h);
	e = cells_configure(h);
	if (e >= 0 && h->agents_started)
		e = cells_start(h);
	r = MIN_OF(r, e);
	configs_sweep(h);
	log_notice("reloaded: policy \"%s\" revision %llu", h->config->policy->name ?: "",
		   (unsigned long long) h->config->policy->revision);
	return r;
}

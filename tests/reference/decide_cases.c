/*
 * decide_cases - decide what a line of JSON describes, one after the other.
 *
 * usage: decide_cases < CASES > DECISIONS     PLUGINS=folder with act_rtnl.so
 *
 * A line of input is one case; a line of output is the record of its decision (decision_json()),
 * or {"error": ...}.  So a test in another language drives thousands of cases in one process.
 *
 *   policy    text of the configuration
 *   links     [[ifindex, name, up, carrier], ...] of the model
 *   routes    [[dst, metric, ifindex, protocol], ...]
 *   facts     [[time_us, kind, entity, attr, value], ...] in the order of time; null: withdrawn;
 *             attr "": the entity comes into being and nothing is known of it
 *   agent, actions [[kind, {arg: value}], ...]
 *   now_us, wall_us, evidence, confidence, in_sync, paused, capped
 *   uses      what budgets and cooldowns have used, as budgets_json() writes it
 *   watch     the history of "for" and "in" is kept from the first fact on
 *
 * Values are true, false, numbers in the attribute's base unit, or texts.
 *
 * Each case is decided three times: in new memory, with a pool, and with the same pool again.  The
 * bytes must be the same each time, and the third must not allocate.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "count_alloc.h"
#include "facts/value.h"
#include "facts/watch.h"
#include "policy/decide.h"

#define AGENTS 3

static const struct anod_attr link_attrs[] = {
	{ .name = "admin_up", .type = ANOD_BOOL },
	{ .name = "carrier", .type = ANOD_BOOL },
	{ .name = "mtu", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES },
	{ .name = "rx_loss", .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO, .max_age_ms = 30000 },
	{ .name = "a", .type = ANOD_INT },
	{ .name = "b", .type = ANOD_BOOL },
	{ .name = "c", .type = ANOD_TEXT },
	{ .name = "d", .type = ANOD_INT, .max_age_ms = 5000 },
	{ 0 },
};
static const struct anod_attr path_attrs[] = {
	{ .name = "loss", .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO, .max_age_ms = 10000 },
	{ .name = "targets_up", .type = ANOD_INT },
	{ 0 },
};
static const struct anod_kind kinds[] = {
	{ .name = "link", .attrs = link_attrs },
	{ .name = "path", .attrs = path_attrs },
	{ 0 },
};

static const struct anod_plugin *act_rtnl;
static struct anod_plugin agents[AGENTS] = {
	{ .size = sizeof(struct anod_plugin), .name = "uplink", .roles = ANOD_AGENT },
	{ .size = sizeof(struct anod_plugin), .name = "arp", .roles = ANOD_AGENT },
	{ .size = sizeof(struct anod_plugin), .name = "planner", .roles = ANOD_AGENT },
};
static struct decisions *pool;

struct world {
	struct schema *schema;
	struct store *store;
	struct model *model;
	struct watches *watches;
	struct budgets *budgets;
	struct config *config;
	struct whatif *whatif;
	struct anod_proposal proposal;
	struct decide_in in;
	char error[512];
};

static double number_of(const cJSON *o, const char *key, double usual)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsNumber(v) ? v->valuedouble : usual;
}

static bool flag_of(const cJSON *o, const char *key, bool usual)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsBool(v) ? cJSON_IsTrue(v) : usual;
}

static const char *text_of(const cJSON *v)
{
	return cJSON_IsString(v) ? v->valuestring : "";
}

static int fail(struct world *w, const char *what, const char *which, int r)
{
	(void) snprintf(w->error, sizeof(w->error), "%s %.200s: %s", what, which, strerror(-r));
	return r < 0 ? r : -EINVAL;
}

static const struct anod_action_desc *find(const char *kind, void *data)
{
	(void) data;
	for (const struct anod_action_desc *a = act_rtnl->actions; a->kind; a++)
		if (strcmp(a->kind, kind) == 0)
			return a;
	return NULL;
}

/* ---- the router ------------------------------------------------------------------------- */

static void put_rule(struct model *m, uint32_t family, uint32_t priority, uint32_t table)
{
	struct anod_object o = { .type = ANOD_OBJ_RULE };

	o.u.rule.family = family;
	o.u.rule.priority = priority;
	o.u.rule.table = table;
	o.u.rule.action = FR_ACT_TO_TBL;
	(void) model_put(m, &o);
}

static int put_link(struct world *w, const cJSON *link)
{
	struct anod_object o = { .type = ANOD_OBJ_LINK };

	o.u.link.ifindex = (uint32_t) cJSON_GetArrayItem(link, 0)->valuedouble;
	(void) copy_text(o.u.link.name, sizeof(o.u.link.name),
			 text_of(cJSON_GetArrayItem(link, 1)));
	o.u.link.flags = cJSON_IsTrue(cJSON_GetArrayItem(link, 2)) ? IFF_UP : 0;
	o.u.link.carrier = cJSON_IsTrue(cJSON_GetArrayItem(link, 3));
	o.u.link.mtu = 1500;
	return model_put(w->model, &o);
}

static int put_route(struct world *w, const cJSON *route)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };
	int r = prefix_parse(text_of(cJSON_GetArrayItem(route, 0)), &o.u.route.dst);

	if (r < 0)
		return fail(w, "route", text_of(cJSON_GetArrayItem(route, 0)), r);
	o.u.route.table = RT_TABLE_MAIN;
	o.u.route.metric = (uint32_t) cJSON_GetArrayItem(route, 1)->valuedouble;
	o.u.route.type = RTN_UNICAST;
	o.u.route.protocol = (uint32_t) cJSON_GetArrayItem(route, 3)->valuedouble;
	o.u.route.n_legs = 1;
	o.u.route.leg[0].ifindex = (uint32_t) cJSON_GetArrayItem(route, 2)->valuedouble;
	o.u.route.leg[0].weight = 1;
	return model_put(w->model, &o);
}

static int make_model(struct world *w, const cJSON *o)
{
	const cJSON *item;
	int r = 0;

	w->model = model_new();
	if (!w->model)
		return -ENOMEM;
	for (int t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES; t++)
		(void) model_sync(w->model, (enum anod_obj_type) t, ANOD_SYNC_BEGIN);
	put_rule(w->model, AF_INET, 0, RT_TABLE_LOCAL);
	put_rule(w->model, AF_INET, 32766, RT_TABLE_MAIN);
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(o, "links"))
	{
		r = MIN_OF(r, put_link(w, item));
	}
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(o, "routes"))
	{
		r = MIN_OF(r, put_route(w, item));
	}
	for (int t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES; t++)
		(void) model_sync(w->model, (enum anod_obj_type) t, ANOD_SYNC_DONE);
	return r;
}

/* ---- facts ------------------------------------------------------------------------------ */

static struct anod_value value_of(const cJSON *v, const struct schema_attr *a)
{
	if (cJSON_IsBool(v))
		return value_bool(cJSON_IsTrue(v));
	if (cJSON_IsString(v))
		return value_text(v->valuestring);
	if (cJSON_IsNumber(v) && a->type == ANOD_INT)
		return value_int((int64_t) v->valuedouble, (enum anod_unit) a->unit);
	if (cJSON_IsNumber(v))
		return value_real(v->valuedouble, (enum anod_unit) a->unit);
	return value_unknown();
}

static int put_fact(struct world *w, const cJSON *f)
{
	uint64_t time_us = (uint64_t) cJSON_GetArrayItem(f, 0)->valuedouble;
	const char *kind = text_of(cJSON_GetArrayItem(f, 1));
	const char *entity = text_of(cJSON_GetArrayItem(f, 2));
	const char *attr = text_of(cJSON_GetArrayItem(f, 3));
	const struct schema_attr *a = schema_attr(w->schema, kind, attr);
	struct anod_value v;
	uint32_t id;
	int r;

	(void) store_expire(w->store, time_us);
	r = store_entity(w->store, schema_kind_id(w->schema, kind), entity, time_us, &id);
	if (r < 0 || !attr[0])
		return r < 0 ? fail(w, "entity", entity, r) : 0;
	if (!a)
		return fail(w, "attribute", attr, -ENOENT);
	v = value_of(cJSON_GetArrayItem(f, 4), a);
	r = store_publish(w->store, id, a->slot, &v, time_us);
	return r < 0 ? fail(w, "fact", attr, r) : 0;
}

/* Facts of one time are one moment for the watches. */
static int put_facts(struct world *w, const cJSON *list)
{
	uint64_t last_us = 0;
	const cJSON *f;
	int r = 0;

	cJSON_ArrayForEach(f, list)
	{
		uint64_t time_us = (uint64_t) cJSON_GetArrayItem(f, 0)->valuedouble;

		if (w->watches && time_us != last_us)
			(void) watch_run(w->watches, last_us);
		last_us = time_us;
		r = put_fact(w, f);
		if (r < 0)
			return r;
	}
	if (w->watches)
		(void) watch_run(w->watches, last_us);
	(void) store_expire(w->store, w->in.now_us);
	if (w->watches)
		(void) watch_run(w->watches, w->in.now_us);
	return 0;
}

/* ---- policy ----------------------------------------------------------------------------- */

static enum anod_tri env_member(const struct expr_env *env, const char *set, uint16_t kind,
				const char *entity)
{
	const struct world *w = env->data;

	return set_has(w->config, w->store, env->now_us, set, kind, entity);
}

static const struct expr *env_where(const struct expr_env *env, const char *set)
{
	const struct world *w = env->data;
	const struct policy_set *s = policy_find_set(w->config->policy, set);

	return s ? s->where : NULL;
}

static int load(struct world *w, const cJSON *o)
{
	const struct anod_action_desc *actions[32] = { 0 };
	const struct anod_plugin *plugins[] = { &agents[0], &agents[1], &agents[2], act_rtnl,
						NULL };
	struct config_env env = { .schema = w->schema, .actions = actions, .plugins = plugins };
	struct diag_list diags = { 0 };
	unsigned n = 0;
	int r;

	for (const struct anod_action_desc *a = act_rtnl->actions; a->kind; a++)
		actions[n++] = a;
	r = config_load_text("case", text_of(cJSON_GetObjectItemCaseSensitive(o, "policy")), &env,
			     &diags, &w->config);
	if (r < 0)
		diag_print(&diags, stderr);
	diag_done(&diags);
	return r < 0 ? fail(w, "policy", "", r) : 0;
}

static int track(struct world *w)
{
	struct expr_env env = {
		.store = w->store, .member = env_member, .set_where = env_where, .data = w
	};
	int r = 0;

	w->watches = watches_new(w->store);
	if (!w->watches)
		return -ENOMEM;
	watches_set_env(w->watches, &env);
	for (unsigned i = 0; i < w->config->policy->n_rules && r >= 0; i++)
		if (w->config->policy->rule[i].when)
			r = watch_track(w->watches, w->config->policy->rule[i].when);
	return r;
}

/* ---- the question ----------------------------------------------------------------------- */

static struct anod_value arg_of(const cJSON *v)
{
	struct anod_prefix p;

	if (cJSON_IsNumber(v))
		return value_int((int64_t) v->valuedouble, ANOD_UNIT_NONE);
	if (strchr(text_of(v), '/') && prefix_parse(text_of(v), &p) == 0)
		return value_prefix(&p);
	return value_text(text_of(v));
}

static void make_proposal(struct world *w, const cJSON *o)
{
	struct anod_proposal *p = &w->proposal;
	const cJSON *action, *arg;

	*p = (struct anod_proposal){ .size = sizeof(*p),
				     .confidence = number_of(o, "confidence", 0.9) };
	cJSON_ArrayForEach(action, cJSON_GetObjectItemCaseSensitive(o, "actions"))
	{
		struct anod_action *a = &p->action[p->n_actions];

		if (p->n_actions == ANOD_ACTIONS_MAX)
			break;
		p->n_actions++;
		a->size = sizeof(*a);
		(void) copy_text(a->kind, sizeof(a->kind), text_of(cJSON_GetArrayItem(action, 0)));
		cJSON_ArrayForEach(arg, cJSON_GetArrayItem(action, 1))
		{
			if (a->n_args == ANOD_ARGS_MAX)
				break;
			(void) copy_text(a->arg[a->n_args].name, ANOD_KIND_SIZE, arg->string);
			a->arg[a->n_args++].value = arg_of(arg);
		}
	}
}

static int prepare(struct world *w, const cJSON *o)
{
	const cJSON *uses = cJSON_GetObjectItemCaseSensitive(o, "uses");
	struct whatif_in win = { .find = find };
	const char *why = "";
	int r;

	w->schema = schema_new();
	if (!w->schema || schema_declare(w->schema, "test", kinds, &why) < 0)
		return fail(w, "schema", why, -ENOMEM);
	w->store = store_new(w->schema);
	w->budgets = budgets_new();
	if (!w->store || !w->budgets)
		return -ENOMEM;
	w->in.now_us = (uint64_t) number_of(o, "now_us", 1e9);
	r = make_model(w, o);
	if (r == 0)
		r = load(w, o);
	if (r == 0 && flag_of(o, "watch", false))
		r = track(w);
	if (r == 0)
		r = put_facts(w, cJSON_GetObjectItemCaseSensitive(o, "facts"));
	if (r == 0 && uses)
		r = budgets_load(w->budgets, uses, w->in.now_us, 0);
	if (r < 0)
		return r;

	make_proposal(w, o);
	win.model = w->model;
	win.action = w->proposal.action;
	win.n_actions = w->proposal.n_actions;
	if (whatif_run(&win, &w->whatif) < 0) {
		(void) copy_text(w->error, sizeof(w->error), w->whatif ? w->whatif->error : "");
		w->whatif = whatif_free(w->whatif);
	}
	w->in = (struct decide_in){
		.config = w->config,
		.store = w->store,
		.watches = w->watches,
		.whatif = w->whatif,
		.whatif_error = w->error,
		.in_sync = flag_of(o, "in_sync", true),
		.budgets = w->budgets,
		.find = find,
		.agent = text_of(cJSON_GetObjectItemCaseSensitive(o, "agent")),
		.proposal = &w->proposal,
		.evidence = (unsigned) number_of(o, "evidence", 0),
		.now_us = w->in.now_us,
		.wall_us = (uint64_t) number_of(o, "wall_us", 1795359600e6),
		.paused = flag_of(o, "paused", false),
		.capped = flag_of(o, "capped", false),
	};
	return 0;
}

/* ---- the answer ------------------------------------------------------------------------- */

static char *decide_text(struct world *w, struct decisions *from, bool count, int *ret)
{
	_cleanup_(decision_freep) struct decision *d = NULL;
	unsigned long before;
	cJSON *o;
	char *text;

	w->in.pool = from;
	before = n_allocations;
	*ret = decide_quietly(&w->in, &d);
	if (*ret == 0 && count && n_allocations != before)
		*ret = -EOVERFLOW;
	if (*ret == 0)
		*ret = decision_tell(d, &w->in);
	if (*ret < 0)
		return NULL;
	decision_advise(d, &w->in);
	o = decision_json(d);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text;
}

static int answer(struct world *w)
{
	_cleanup_(freep) char *text = NULL;
	int r = 0;

	text = decide_text(w, NULL, false, &r);
	for (int i = 1; i < 3 && r == 0; i++) {
		char *again = decide_text(w, pool, i == 2, &r);

		if (again && strcmp(again, text) != 0)
			r = -EBADMSG;
		free(again);
	}
	if (r == -EOVERFLOW)
		return fail(w, "deciding", "allocated", r);
	if (r < 0)
		return fail(w, "decided", "otherwise the next time", r);
	(void) puts(text);
	return 0;
}

static void world_done(struct world *w)
{
	watches_free(w->watches);
	whatif_free(w->whatif);
	config_free(w->config);
	budgets_free(w->budgets);
	model_free(w->model);
	store_free(w->store);
	schema_free(w->schema);
}

static void one(const char *line)
{
	cJSON *o = cJSON_Parse(line);
	struct world w = { 0 };
	int r = o ? prepare(&w, o) : -EBADMSG;

	if (r == 0)
		r = answer(&w);
	if (r < 0) {
		cJSON *e = cJSON_CreateObject();
		char *text;

		(void) cJSON_AddStringToObject(e, "error", w.error[0] ? w.error : strerror(-r));
		text = cJSON_PrintUnformatted(e);
		(void) puts(text ? text : "{\"error\":\"no memory\"}");
		free(text);
		cJSON_Delete(e);
	}
	(void) fflush(stdout);
	world_done(&w);
	cJSON_Delete(o);
}

int main(void)
{
	const char *folder = getenv("PLUGINS") ? getenv("PLUGINS") : BUILD_DIR "/plugins";
	_cleanup_(freep) char *line = NULL;
	char path[512];
	size_t size = 0;
	void *so;

	(void) snprintf(path, sizeof(path), "%.400s/act_rtnl.so", folder);
	so = dlopen(path, RTLD_NOW);
	act_rtnl = so ? dlsym(so, "anod_plugin_v1") : NULL;
	pool = decisions_new();
	if (!act_rtnl || !pool) {
		(void) fprintf(stderr, "decide_cases: %s\n", so ? path : dlerror());
		return EXIT_FAILURE;
	}
	while (getline(&line, &size, stdin) > 0)
		one(line);
	decisions_free(pool);
	(void) dlclose(so);
	return EXIT_SUCCESS;
}

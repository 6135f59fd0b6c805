/*
 * world - a small router in memory.
 *
 * Design.  It is made of the real parts; only the manifests of sensors and agents are its own.
 */
#include "world.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "facts/lex.h"

static const struct anod_attr link_attrs[] = {
	{ .name = "admin_up", .type = ANOD_BOOL, .help = "IFF_UP" },
	{ .name = "carrier", .type = ANOD_BOOL, .help = "IFLA_CARRIER" },
	{ .name = "mtu", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .help = "mtu" },
	{ .name = "rx_loss",
	  .type = ANOD_REAL,
	  .unit = ANOD_UNIT_RATIO,
	  .max_age_ms = 30000,
	  .help = "loss" },
	{ .name = "a", .type = ANOD_INT, .help = "a number" },
	{ .name = "b", .type = ANOD_BOOL, .help = "a truth" },
	{ .name = "c", .type = ANOD_TEXT, .help = "a word" },
	{ .name = "tx_bytes",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_BYTES,
	  .max_age_ms = 30000,
	  .help = "sent" },
	{ 0 },
};
static const struct anod_attr path_attrs[] = {
	{ .name = "loss", .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO, .help = "loss" },
	{ .name = "targets_up", .type = ANOD_INT, .help = "targets that answer" },
	{ 0 },
};
static const struct anod_attr neigh_attrs[] = {
	{ .name = "state", .type = ANOD_TEXT, .help = "NUD state" },
	{ 0 },
};
static const struct anod_kind kinds[] = {
	{ .name = "link", .help = "an interface", .attrs = link_attrs },
	{ .name = "path", .help = "an uplink as probed", .attrs = path_attrs },
	{ .name = "neigh", .help = "a neighbour", .attrs = neigh_attrs },
	{ 0 },
};

static struct anod_plugin uplink = { .size = sizeof(struct anod_plugin), .name = "uplink" };
static struct anod_plugin arp = { .size = sizeof(struct anod_plugin), .name = "arp" };
static struct anod_plugin planner = { .size = sizeof(struct anod_plugin), .name = "planner" };

static const struct anod_plugin *act_rtnl(void)
{
	static const struct anod_plugin *plugin;
	void *so;

	if (plugin)
		return plugin;
	so = dlopen(BUILD_DIR "/plugins/act_rtnl.so", RTLD_NOW | RTLD_NODELETE);
	if (so)
		plugin = dlsym(so, "anod_plugin_v1");
	if (!plugin)
		cr_skip_test("build/plugins/act_rtnl.so is not built");
	return plugin;
}

/* An action that changes nothing that the model knows. */
static int plan_nothing(const struct anod_action *a, const struct anod_view *v,
			struct anod_plan *ret)
{
	(void) a;
	(void) v;
	ret->n_changes = 0;
	return 0;
}

static const struct anod_action_desc sysctl_set = {
	.kind = "sysctl.set", .help = "a test's", .flags = ANOD_ACT_UNDO, .plan = plan_nothing
};

const struct anod_action_desc *world_find(const char *kind, void *data)
{
	(void) data;
	if (strcmp(kind, sysctl_set.kind) == 0)
		return &sysctl_set;
	for (const struct anod_action_desc *a = act_rtnl()->actions; a->kind; a++)
		if (strcmp(a->kind, kind) == 0)
			return a;
	return NULL;
}

/* ---- model ------------------------------------------------------------------------------ */

struct anod_prefix world_prefix(const char *text)
{
	struct anod_prefix p;

	cr_assert(prefix_parse(text, &p) == 0, "not a prefix: %s", text);
	return p;
}

struct anod_object world_link_object(uint32_t ifindex, const char *name, bool up, bool carrier)
{
	struct anod_object o = { .type = ANOD_OBJ_LINK };

	o.u.link.ifindex = ifindex;
	(void) copy_text(o.u.link.name, sizeof(o.u.link.name), name);
	o.u.link.flags = up ? IFF_UP : 0;
	o.u.link.carrier = carrier;
	o.u.link.mtu = 1500;
	return o;
}

void world_add_leg(struct anod_object *route, const char *via, uint32_t ifindex, uint32_t weight)
{
	struct anod_leg *leg = &route->u.route.leg[route->u.route.n_legs++];

	leg->ifindex = ifindex;
	leg->weight = weight;
	if (via)
		leg->via = world_prefix(via);
}

struct anod_object world_route_object(const char *dst, uint32_t table, uint32_t metric,
				      const char *via, uint32_t ifindex)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };

	o.u.route.dst = world_prefix(dst);
	o.u.route.table = table;
	o.u.route.metric = metric;
	o.u.route.type = RTN_UNICAST;
	o.u.route.protocol = RTPROT_STATIC;
	if (ifindex)
		world_add_leg(&o, via, ifindex, 1);
	return o;
}

static void put_rule(struct model *m, uint32_t family, uint32_t priority, uint32_t table)
{
	struct anod_object o = { .type = ANOD_OBJ_RULE };

	o.u.rule.family = family;
	o.u.rule.priority = priority;
	o.u.rule.table = table;
	o.u.rule.action = FR_ACT_TO_TBL;
	cr_assert(model_put(m, &o) == 0);
}

struct model *world_model(void)
{
	struct model *m = model_new();

	cr_assert(m);
	for (int t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES; t++)
		cr_assert(model_sync(m, (enum anod_obj_type) t, ANOD_SYNC_BEGIN) == 0);
	put_rule(m, AF_INET, 0, RT_TABLE_LOCAL);
	put_rule(m, AF_INET, 32766, RT_TABLE_MAIN);
	put_rule(m, AF_INET, 32767, RT_TABLE_DEFAULT);
	put_rule(m, AF_INET6, 0, RT_TABLE_LOCAL);
	put_rule(m, AF_INET6, 32766, RT_TABLE_MAIN);
	for (int t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES; t++)
		cr_assert(model_sync(m, (enum anod_obj_type) t, ANOD_SYNC_DONE) == 0);
	return m;
}

/* ---- the whole -------------------------------------------------------------------------- */

void world_init(struct world *w)
{
	const char *why = "";

	(void) act_rtnl();
	*w = (struct world){ .now_us = WORLD_NOW_US, .wall_us = UINT64_C(1795359600000000) };
	w->schema = schema_new();
	cr_assert(w->schema && schema_declare(w->schema, "test", kinds, &why) == 0, "%s", why);
	w->store = store_new(w->schema);
	w->model = world_model();
	w->budgets = budgets_new();
	cr_assert(w->store && w->budgets);
}

void world_done(struct world *w)
{
	whatif_free(w->whatif);
	config_free(w->config);
	watches_free(w->watches);
	budgets_free(w->budgets);
	model_free(w->model);
	store_free(w->store);
	schema_free(w->schema);
}

void world_fact(struct world *w, const char *kind, const char *entity, const char *attr,
		const char *value)
{
	const struct schema_attr *a = schema_attr(w->schema, kind, attr);
	struct anod_value v = { 0 };
	uint32_t id;

	cr_assert(a, "no fact %s.%s", kind, attr);
	cr_assert(store_entity(w->store, a->kind, entity, w->now_us, &id) == 0);
	if (a->type == ANOD_TEXT && strcmp(value, "unknown") != 0)
		v = value_text(value);
	else if (strcmp(value, "unknown") != 0)
		cr_assert(lex_value(value, &v) == 0, "not a value: %s", value);
	if (a->type == ANOD_REAL && v.type == ANOD_INT)
		v = value_real((double) v.u.i, (enum anod_unit) a->unit);
	cr_assert(store_publish(w->store, id, a->slot, &v, w->now_us) == 0, "%s.%s %s", kind, attr,
		  value);
}

void world_link(struct world *w, uint32_t ifindex, const char *name, const char *role, bool up,
		bool carrier)
{
	struct anod_object o = world_link_object(ifindex, name, up, carrier);

	cr_assert(model_put(w->model, &o) == 0);
	world_fact(w, "link", name, "admin_up", up ? "true" : "false");
	world_fact(w, "link", name, "carrier", carrier ? "true" : "false");
	if (role)
		world_fact(w, "link", name, "role", role);
}

void world_route(struct world *w, const char *dst, uint32_t metric, const char *via,
		 uint32_t ifindex)
{
	struct anod_object o = world_route_object(dst, RT_TABLE_MAIN, metric, via, ifindex);

	o.u.route.protocol = ANOD_RTPROT;
	cr_assert(model_put(w->model, &o) == 0);
}

/* ---- policy ----------------------------------------------------------------------------- */

static bool load(struct world *w, const char *text, bool show)
{
	const struct anod_action_desc *actions[32] = { 0 };
	const struct anod_plugin *plugins[] = { &uplink, &arp, &planner, act_rtnl(), NULL };
	struct config_env env = { .schema = w->schema, .actions = actions, .plugins = plugins };
	struct diag_list diags = { 0 };
	struct config *config = NULL;
	char *whole = NULL;
	unsigned n = 0;
	int r;

	uplink.roles = arp.roles = planner.roles = ANOD_AGENT;
	for (const struct anod_action_desc *a = act_rtnl()->actions; a->kind; a++)
		actions[n++] = a;
	cr_assert(asprintf(&whole,
			   "policy \"test\" revision 1\n"
			   "agent uplink { }\nagent arp { }\nagent planner { }\n"
			   "group noc { ann, bob }\n%s\n",
			   text) > 0);
	r = config_load_text("test.policy", whole, &env, &diags, &config);
	if (r < 0 && show)
		diag_print(&diags, stderr);
	diag_done(&diags);
	free(whole);
	if (r < 0)
		return false;

	whatif_free(w->whatif);
	w->whatif = NULL;
	config_free(w->config);
	w->config = config;
	return true;
}

void world_policy(struct world *w, const char *text)
{
	cr_assert(load(w, text, true), "the policy does not load:\n%s", text);
}

bool world_policy_loads(struct world *w, const char *text)
{
	return load(w, text, true);
}

/* ---- proposals -------------------------------------------------------------------------- */

struct anod_action *world_also(struct world *w, const char *kind)
{
	struct anod_action *a = &w->proposal.action[w->proposal.n_actions++];

	a->size = sizeof(*a);
	(void) copy_text(a->kind, sizeof(a->kind), kind);
	return a;
}

struct anod_action *world_propose(struct world *w, const char *kind)
{
	w->proposal = (struct anod_proposal){ .size = sizeof(w->proposal), .confidence = 0.9 };
	return world_also(w, kind);
}

void world_arg(struct anod_action *a, const char *name, const char *value)
{
	struct anod_arg *arg = &a->arg[a->n_args++];

	(void) copy_text(arg->name, sizeof(arg->name), name);
	if (lex_value(value, &arg->value) < 0)
		arg->value = value_text(value);
}

struct decision *world_decide(struct world *w, const char *agent)
{
	struct whatif_in win = { .model = w->model,
				 .in_flight = w->in_flight,
				 .in_flight_tx = w->in_flight_tx,
				 .n_in_flight = w->n_in_flight,
				 .trigger = w->trigger,
				 .ready = w->ready,
				 .made = w->made,
				 .n_made = w->n_made,
				 .load = w->load,
				 .n_loads = w->n_loads,
				 .action = w->proposal.action,
				 .n_actions = w->proposal.n_actions,
				 .find = world_find };
	struct decide_in in = { .config = w->config,
				.store = w->store,
				.watches = w->watches,
				.in_sync = !w->out_of_sync,
				.budgets = w->budgets,
				.overrides = w->overrides,
				.track = w->track,
				.find = world_find,
				.agent = agent,
				.proposal = &w->proposal,
				.evidence = w->evidence,
				.approver = w->approver,
				.n_approvers = w->n_approvers,
				.now_us = w->now_us,
				.wall_us = w->wall_us,
				.paused = w->paused };
	struct decision *d = NULL;
	char error[ANOD_REASON_SIZE] = "";

	whatif_free(w->whatif);
	if (whatif_run(&win, &w->whatif) < 0) {
		(void) copy_text(error, sizeof(error), w->whatif ? w->whatif->error : "");
		w->whatif = whatif_free(w->whatif);
	}
	in.whatif = w->whatif;
	in.whatif_error = error;
	cr_assert(decide(&in, &d) == 0);
	return d;
}

enum level world_level(struct world *w, const char *agent)
{
	struct decision *d = world_decide(w, agent);
	enum level level = d->level;

	decision_free(d);
	return level;
}

void world_expect_invariant(struct world *w, const char *head, const char *body, enum level level,
			    const char *why)
{
	struct decision *d;
	char text[4096];

	(void) snprintf(text, sizeof(text), "%sinvariant \"i\" {\n\t%s\n}\n", head, body);
	world_policy(w, text);
	d = world_decide(w, "uplink");
	cr_assert_eq(d->n_invariants, 1, "%s: %s", body, d->reason);
	cr_expect_eq(d->level, level, "%s: %s: %s", body, level_name(d->level),
		     d->invariant[0].why);
	cr_expect(strstr(d->invariant[0].why, why), "%s: %s", body, d->invariant[0].why);
	decision_free(d);
}

/* ---- dice ------------------------------------------------------------------------------- */

uint64_t dice_seed(const char *test)
{
	const char *text = getenv("ANOD_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : UINT64_C(20261122);

	fprintf(stderr, "%s: seed %llu (ANOD_SEED)\n", test, (unsigned long long) seed);
	return seed;
}

uint32_t dice_roll(struct dice *d, uint32_t n)
{
	uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t) ((z ^ z >> 31) % n);
}

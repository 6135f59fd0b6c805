/*
 * bench_decision - what one decision costs at 100, 1000 and 10,000 rules.
 *
 * usage: bench_decision FOLDER N...     FOLDER/N.policy as tests/bench/decision/rules.py writes it
 *
 * Design.  A decision is asked for as the daemon asks: proposal, facts and the what-if of it are
 * there, and the record of every rule with its facts is complete when the clock stops.  "anod" is
 * that; "anod-told" has the words made of it as well, which the ledger wants.  "limit" is the same
 * comparisons hand-written over an array of just the rules of this agent and action: no unknown
 * values, no names, no record.  Contenders take turns in batches so short that most of them are not
 * interrupted.
 *
 * malloc() is counted here: a decision that allocates ends the program.
 */
#include "bench.h"

#include <anod/plugin.h>
#include <dlfcn.h>
#include <net/if.h>

#include "count_alloc.h"
#include "facts/value.h"
#include "policy/decide.h"

#define NOW_US	UINT64_C(1000000000)
#define BATCHES 400
#define AGENTS	10

/* ---- the world -------------------------------------------------------------------------- */

static struct schema *schema;
static struct store *store;
static struct whatif *whatif;
static struct anod_proposal proposal;
static struct config *config;

/* One change, as link.down makes it. */
static int plan(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	(void) a, (void) v;
	*ret = (struct anod_plan){ .n_changes = 1 };
	ret->change[0] = (struct anod_change){ .has_pre = 1, .has_post = 1 };
	ret->change[0].pre.type = ret->change[0].post.type = ANOD_OBJ_LINK;
	ret->change[0].pre.u.link.ifindex = ret->change[0].post.u.link.ifindex = 2;
	(void) copy_text(ret->change[0].pre.u.link.name, ANOD_IFNAME_SIZE, "eth1");
	(void) copy_text(ret->change[0].post.u.link.name, ANOD_IFNAME_SIZE, "eth1");
	ret->change[0].pre.u.link.flags = IFF_UP;
	return 0;
}

static const struct anod_param params[] = {
	{ .name = "dev", .type = ANOD_TEXT, .help = "link" },
	{ .name = "steps", .type = ANOD_INT, .help = "percent" },
	{ 0 },
};
static const struct anod_action_desc actions[] = {
	{ .kind = "link.down", .params = params, .flags = ANOD_ACT_UNDO, .plan = plan },
	{ .kind = "route.replace", .params = params, .flags = ANOD_ACT_UNDO, .plan = plan },
	{ .kind = "route.metric", .params = params, .flags = ANOD_ACT_UNDO, .plan = plan },
	{ .kind = "nexthop.weight", .params = params, .flags = ANOD_ACT_UNDO, .plan = plan },
	{ .kind = "qdisc.replace", .params = params, .flags = ANOD_ACT_UNDO, .plan = plan },
};

static const struct anod_action_desc *find(const char *kind, void *data)
{
	(void) data;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (strcmp(actions[i].kind, kind) == 0)
			return &actions[i];
	return NULL;
}

static void put(const char *attr, struct anod_value v)
{
	const struct schema_attr *a = schema_attr(schema, "link", attr);
	uint32_t entity;

	if (!a || store_entity(store, a->kind, "eth1", NOW_US, &entity) < 0 ||
	    store_publish(store, entity, a->slot, &v, NOW_US - 2000000) < 0)
		DIE("fact %s", attr);
}

static void make_facts(void)
{
	static const struct anod_attr attrs[] = {
		{ .name = "rx_loss",
		  .type = ANOD_REAL,
		  .unit = ANOD_UNIT_RATIO,
		  .max_age_ms = 30000 },
		{ .name = "fec", .type = ANOD_INT, .max_age_ms = 30000 },
		{ .name = "util", .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO, .max_age_ms = 30000 },
		{ 0 },
	};
	static const struct anod_kind kinds[] = { { .name = "link", .attrs = attrs }, { 0 } };
	const char *why = "";

	schema = schema_new();
	if (!schema || schema_declare(schema, "bench", kinds, &why) < 0)
		DIE("schema %s", why);
	store = store_new(schema);
	if (!store)
		DIE("store");
	put("role", value_text("uplink"));
	put("rx_loss", value_real(0.05, ANOD_UNIT_RATIO));
	put("fec", value_int(3, ANOD_UNIT_NONE));
	put("util", value_real(0.7, ANOD_UNIT_RATIO));
}

static void make_whatif(void)
{
	struct anod_object link = { .type = ANOD_OBJ_LINK };
	struct model *m = model_new();
	struct whatif_in in = {
		.model = m, .action = proposal.action, .n_actions = proposal.n_actions, .find = find
	};

	link.u.link.ifindex = 2;
	link.u.link.flags = IFF_UP;
	link.u.link.carrier = true;
	(void) copy_text(link.u.link.name, ANOD_IFNAME_SIZE, "eth1");
	for (int t = ANOD_OBJ_LINK; m && t < ANOD_OBJ_TYPES; t++) {
		(void) model_sync(m, (enum anod_obj_type) t, ANOD_SYNC_BEGIN);
		if (t == ANOD_OBJ_LINK && model_put(m, &link) < 0)
			DIE("model");
		(void) model_sync(m, (enum anod_obj_type) t, ANOD_SYNC_DONE);
	}
	if (!m || whatif_run(&in, &whatif) < 0)
		DIE("what-if: %s", whatif ? whatif->error : "no memory");
}

static void make_proposal(void)
{
	struct anod_action *a = &proposal.action[0];

	proposal = (struct anod_proposal){ .size = sizeof(proposal), .n_actions = 1 };
	a->size = sizeof(*a);
	a->n_args = 2;
	(void) copy_text(a->kind, sizeof(a->kind), "link.down");
	(void) copy_text(a->arg[0].name, sizeof(a->arg[0].name), "dev");
	a->arg[0].value = value_text("eth1");
	(void) copy_text(a->arg[1].name, sizeof(a->arg[1].name), "steps");
	a->arg[1].value = value_int(5, ANOD_UNIT_NONE);
}

static void load(const char *folder, const char *n)
{
	static struct anod_plugin agent[AGENTS];
	static char name[AGENTS][16];
	const struct anod_plugin *plugins[AGENTS + 1] = { 0 };
	const struct anod_action_desc *list[ARRAY_SIZE(actions) + 1] = { 0 };
	struct config_env env = { .schema = schema,
				  .actions = list,
				  .plugins = plugins,
				  .read_file = config_read_file,
				  .glob = config_glob };
	struct diag_list diags = { 0 };
	char path[512];

	for (unsigned i = 0; i < AGENTS; i++) {
		(void) snprintf(name[i], sizeof(name[i]), "agent%u", i);
		agent[i] = (struct anod_plugin){ .size = sizeof(agent[i]),
						 .name = name[i],
						 .roles = ANOD_AGENT };
		plugins[i] = &agent[i];
	}
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		list[i] = &actions[i];
	config_free(config);
	config = NULL;
	(void) snprintf(path, sizeof(path), "%s/%s.policy", folder, n);
	if (config_load(path, &env, &diags, &config) < 0) {
		diag_print(&diags, stderr);
		DIE("%s", path);
	}
	diag_done(&diags);
}

/* ---- by hand ---------------------------------------------------------------------------- */

static struct bare_rule {
	bool forbid;
	char role[16];
	double loss, util;
	int64_t fec, steps;
} * bare;
static unsigned n_bare;

static struct bare_facts {
	char role[16];
	double loss, util;
	int64_t fec, steps;
} bare_facts = { "uplink", 0.05, 0.7, 3, 5 };

static void bare_load(const char *folder, const char *n)
{
	char path[512], line[512], kind[16], agent[16], action[32], role[16];
	unsigned loss, fec, util, nth;
	FILE *f;

	(void) snprintf(path, sizeof(path), "%s/%s.policy", folder, n);
	f = fopen(path, "re");
	if (!f)
		DIE("%s", path);
	free(bare);
	bare = calloc(strtoul(n, NULL, 10), sizeof(*bare));
	for (n_bare = 0; fgets(line, sizeof(line), f);)
		if (sscanf(line,
			   "%15s \"%u\" { agent %15s action %31s when link.role == %15s and "
			   "link.rx_loss > %u%% and link.fec > %u and link.util < %u",
			   kind, &nth, agent, action, role, &loss, &fec, &util) == 8 &&
		    strcmp(agent, "agent3") == 0 && strcmp(action, "link.down") == 0) {
			bare[n_bare] = (struct bare_rule){ .forbid = kind[0] == 'f',
							   .loss = loss / 100.0,
							   .fec = fec,
							   .util = util / 100.0,
							   .steps = 10 };
			(void) copy_text(bare[n_bare++].role, sizeof(bare[0].role), role);
		}
	(void) fclose(f);
}

static bool bare_decide(const struct bare_facts *f)
{
	bool permit = false, forbid = false;

	for (unsigned i = 0; i < n_bare; i++) {
		const struct bare_rule *r = &bare[i];

		if (strcmp(f->role, r->role) == 0 && f->loss > r->loss && f->fec > r->fec &&
		    f->util < r->util && f->steps <= r->steps)
			*(r->forbid ? &forbid : &permit) = true;
	}
	return permit && !forbid;
}

/* ---- contenders ------------------------------------------------------------------------- */

static struct decisions *pool;

static void decide_once(bool told)
{
	struct decide_in in = { .pool = pool,
				.config = config,
				.store = store,
				.whatif = whatif,
				.in_sync = true,
				.find = find,
				.agent = "agent3",
				.proposal = &proposal,
				.now_us = NOW_US,
				.wall_us = UINT64_C(1795359600000000) };
	struct decision *d = NULL;

	if (decide_quietly(&in, &d) < 0 || d->level != LEVEL_AUTO)
		DIE("decided otherwise");
	if (told && decision_tell(d, &in) < 0)
		DIE("told nothing");
	decision_free(d);
}

static void run_limit(void)
{
	/* The facts come from somewhere else each time, as far as the compiler can see. */
	struct bare_facts *f = &bare_facts;

	__asm__ volatile("" : "+r"(f) : : "memory");
	if (!bare_decide(f))
		DIE("the bare loop decided otherwise");
}

static void run_anod(void)
{
	decide_once(false);
}

static void run_told(void)
{
	decide_once(true);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

static double batch_ns(void (*run)(void), unsigned n)
{
	int64_t begin = now_ns();

	for (unsigned i = 0; i < n; i++)
		run();
	return (double) (now_ns() - begin) / n;
}

static void print(const char *n, const char *who, double *ns)
{
	qsort(ns, BATCHES, sizeof(*ns), by_value);
	(void) printf("{\"work\":\"decision\",\"case\":\"%s\",\"who\":\"%s\",\"unit\":\"ns\","
		      "\"n\":%d,\"min\":%.0f,\"p50\":%.0f,\"p90\":%.0f,\"p99\":%.0f,"
		      "\"max\":%.0f}\n",
		      n, who, BATCHES, ns[0], ns[BATCHES / 2], ns[BATCHES * 9 / 10],
		      ns[BATCHES * 99 / 100], ns[BATCHES - 1]);
}

static void measure(const char *n)
{
	static const struct {
		const char *who;
		void (*run)(void);
		unsigned n;
	} contenders[] = { { "limit", run_limit, 100 },
			   { "anod", run_anod, 20 },
			   { "anod-told", run_told, 1 } };
	static double ns[ARRAY_SIZE(contenders)][BATCHES];
	uint64_t before;

	for (unsigned i = 0; i < 3; i++)
		run_anod();
	before = n_allocations;
	for (unsigned b = 0; b < BATCHES; b++) {
		ns[0][b] = batch_ns(contenders[0].run, contenders[0].n);
		ns[1][b] = batch_ns(contenders[1].run, contenders[1].n);
		if (n_allocations != before)
			DIE("deciding allocated %llu times",
			    (unsigned long long) (n_allocations - before));
		ns[2][b] = batch_ns(contenders[2].run, contenders[2].n);
		before = n_allocations;
	}
	for (size_t i = 0; i < ARRAY_SIZE(contenders); i++)
		print(n, contenders[i].who, ns[i]);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		DIE("usage: bench_decision FOLDER N...");
	pool = decisions_new();
	make_proposal();
	make_facts();
	make_whatif();
	for (int i = 2; i < argc; i++) {
		load(argv[1], argv[i]);
		bare_load(argv[1], argv[i]);
		measure(argv[i]);
	}
	return EXIT_SUCCESS;
}

/*
 * bench_whatif - a full table in the model: what-if of a link, of a route, of every link; updates.
 *
 * Design.  ROUTES IPv4 routes with about the lengths of the Internet's table at random places, so
 * that some contain others, put in the order in which the kernel dumps them; 64 links with two
 * addresses and neighbours each; groups of 1 to 4 links drawn at random, which makes more classes
 * than a real router has.  Contenders take turns on the same question, and their answers must be
 * equal:
 *
 *   anod    overlays made, the change applied, effects measured, overlays freed
 *   brute   the effects alone with every destination visited: looked up twice unless its first
 *           way is the same before and after (what anod did before it had classes)
 *
 * "-flows" are the look-ups of 64 protected flows in the changed overlay, "groups-" all that a
 * link moves by where it goes, "run-" is whatif_run() with a real action.  Times are CPU time of the
 * thread; of updates and routes, where asking for that costs as much as they do, passing time.
 * Each row is one line of JSON.
 *
 * usage: bench_whatif [SEED]
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_full.h"
#include "bench_row.h"
#include "facts/lex.h"
#include "model/measure.h"
#include "model/sweep.h"
#include "model/whatif.h"
#include "model_brute.h"

#define ROUTES	   1000000u
#define LINKS	   64u
#define FLOWS	   64u
#define GROUPS_MAX 512u
#define TRIALS	   200u
#define BRUTES	   20u
#define UPDATES	   200000u

static struct anod_object group[GROUPS_MAX];
static struct anod_prefix *prefix; /* what was put */
static struct anod_prefix flow[FLOWS];
static unsigned n_groups;
static double took[UPDATES], took_brute[TRIALS], took_flows[TRIALS];
static uint64_t sum; /* of what was looked up, so that it has to be */

static void row(const char *name, const char *who, const char *unit, double *v, unsigned n)
{
	print_row("whatif", name, who, unit, v, n);
}

/* ---- a router -------------------------------------------------------------------------------- */

static void put(struct model *m, const struct anod_object *o)
{
	must(model_put(m, o) == 0, "model_put");
}

static struct anod_object link_object(uint32_t i)
{
	struct anod_object o = { .type = ANOD_OBJ_LINK };

	o.u.link.ifindex = i;
	(void) snprintf(o.u.link.name, sizeof(o.u.link.name), "eth%u", i);
	o.u.link.flags = IFF_UP;
	o.u.link.carrier = 1;
	return o;
}

static void put_links(struct model *m)
{
	static const uint32_t tables[] = { RT_TABLE_LOCAL, RT_TABLE_MAIN, RT_TABLE_DEFAULT };
	static const uint32_t priorities[] = { 0, 32766, 32767 };

	for (uint32_t i = 0; i < 3; i++) {
		struct anod_object o = { .type = ANOD_OBJ_RULE };

		o.u.rule.family = AF_INET;
		o.u.rule.priority = priorities[i];
		o.u.rule.table = tables[i];
		o.u.rule.action = FR_ACT_TO_TBL;
		put(m, &o);
	}
	for (uint32_t i = 1; i <= LINKS; i++) {
		struct anod_object o = link_object(i);

		put(m, &o);
		for (uint32_t k = 0; k < 2; k++) {
			o = (struct anod_object){ .type = ANOD_OBJ_ADDR };
			o.u.addr.ifindex = i;
			o.u.addr.local = address(0x0a000001u + (i << 8) + k, 24);
			put(m, &o);
			o = (struct anod_object){ .type = ANOD_OBJ_NEIGH };
			o.u.neigh.ifindex = i;
			o.u.neigh.dst = address(0x0a000080u + (i << 8) + k, 32);
			put(m, &o);
		}
	}
}

static void make_groups(unsigned n)
{
	n_groups = n;
	for (unsigned i = 0; i < n; i++) {
		struct anod_route *r = &group[i].u.route;
		uint32_t first = roll(LINKS);

		group[i] = (struct anod_object){ .type = ANOD_OBJ_ROUTE };
		r->table = RT_TABLE_MAIN;
		r->type = RTN_UNICAST;
		r->protocol = RTPROT_BGP;
		r->metric = 20;
		r->n_legs = (uint8_t) (1 + roll(4));
		for (uint32_t k = 0; k < r->n_legs; k++) {
			uint32_t link = 1 + (first + k * 7) % LINKS;

			r->leg[k].ifindex = link;
			r->leg[k].weight = 1;
			/* There are no connected routes; daemons keep such gateways. */
			r->leg[k].flags = RTNH_F_ONLINK;
			r->leg[k].via = address(0x0a000080u + (link << 8) + i % 2, 32);
		}
	}
}

static struct anod_object route_object(const struct anod_prefix *p, unsigned way)
{
	struct anod_object o = group[way];

	o.u.route.dst = *p;
	return o;
}

static int by_dump(const void *a, const void *b)
{
	const struct anod_prefix *x = a, *y = b;
	int d = memcmp(x->addr, y->addr, sizeof(x->addr));

	return d ? d : (int) y->len - (int) x->len;
}

/* Different ones, in the order in which the kernel dumps a table: by address, the longest first. */
static struct anod_prefix *new_prefixes(unsigned n)
{
	unsigned room = n + n / 8 + 64, kept = 0;
	struct anod_prefix *p = malloc(room * sizeof(*p));

	must(p, "no memory");
	for (unsigned i = 0; i < room; i++) {
		p[i] = any_prefix();
	}
	qsort(p, room, sizeof(*p), by_dump);
	for (unsigned i = 0; i < room; i++)
		if (!kept || by_dump(&p[kept - 1], &p[i]) != 0)
			p[kept++] = p[i];
	must(kept >= n, "too few prefixes");
	/* Leave out some everywhere, not the last ones. */
	for (unsigned i = 0; i < n; i++)
		p[i] = p[(uint64_t) i * kept / n];
	return p;
}

/* *ret_ns: CPU time in the model alone. */
static struct model *new_router(unsigned groups, unsigned routes, double *ret_ns)
{
	static struct anod_object batch[250];
	struct model *m = model_new();
	double ns = 0, start;
	struct anod_object zero;

	must(m, "no memory");
	put_links(m);
	make_groups(groups);
	zero = route_object(&(struct anod_prefix){ .family = AF_INET }, 0);
	put(m, &zero);
	for (unsigned i = 0; i < routes; i += 250) {
		for (unsigned k = 0; k < 250; k++)
			batch[k] = route_object(&prefix[i + k], roll(groups));
		start = cpu_ns();
		for (unsigned k = 0; k < 250; k++)
			put(m, &batch[k]);
		ns += cpu_ns() - start;
	}
	for (unsigned i = 0; i < FLOWS; i++)
		flow[i] = any_address();
	if (ret_ns)
		*ret_ns = ns;
	return m;
}

/* ---- brute ----------------------------------------------------------------------------------- */

struct brute {
	const struct overlay *before, *after;
	const struct rtab *t;
	uint8_t *stays; /* by way: 0 unknown, 1 no, 2 yes */
	struct brute_sum sum;
};

static bool way_stays(struct brute *b, uint32_t id)
{
	struct lookup in = { .dst.family = b->t->way[id]->family };
	struct flow_path was, is;

	if (b->stays[id])
		return b->stays[id] == 2;
	b->stays[id] = 1;
	if (!overlay_way_lost(b->before, b->t->way[id]) &&
	    !overlay_way_lost(b->after, b->t->way[id]) &&
	    overlay_ask_way(b->before, b->t->way[id], &in, &was) == WAY_DECIDES &&
	    overlay_ask_way(b->after, b->t->way[id], &in, &is) == WAY_DECIDES &&
	    flow_same_legs(&was, &is))
		b->stays[id] = 2;
	return b->stays[id] == 2;
}

/* The table has one route for each destination, and edits are of such. */
static void brute_measure(struct brute *b)
{
	struct flow_path was, is;
	struct anod_prefix dst;

	b->t = &b->before->model->base.routes;
	b->stays = calloc(b->t->n_ways, 1);
	must(b->stays, "no memory");
	for (uint32_t i = 0; i < b->t->n_used; i++) {
		const struct route *r = rtab_at(b->t, i);

		if (!r || !brute_counts(b->t, r))
			continue;
		if (way_stays(b, r->way) && !overlay_hides(b->after, r)) {
			b->sum.prefixes++;
			continue;
		}
		route_dst(r, &dst);
		path_legs(b->before, r->table, &dst, NULL, 0, &was);
		path_legs(b->after, r->table, &dst, NULL, 0, &is);
		brute_add(&b->sum, &was, &is);
	}
	free(b->stays);
}

/* ---- what-if --------------------------------------------------------------------------------- */

static struct anod_change link_down(uint32_t ifindex)
{
	struct anod_change c = { .has_pre = 1, .has_post = 1 };

	c.pre = c.post = link_object(ifindex);
	c.post.u.link.flags = 0;
	return c;
}

static struct anod_change reroute(const struct model *m)
{
	struct anod_change c = { .has_pre = 1, .has_post = 1 };

	c.post = route_object(&prefix[roll(ROUTES)], roll(n_groups));
	must(model_get(m, &c.post, &c.pre) == 0, "a route is not there");
	return c;
}

static void look_at_flows(const struct overlay *o)
{
	struct flow_path p;

	for (unsigned i = 0; i < FLOWS; i++) {
		overlay_lookup(o, &(struct flow_key){ .dst = flow[i] }, &p);
		sum += p.n_legs;
	}
}

/* One question; with 'brute' both must find the same. */
static void ask(const struct model *m, const struct anod_change *c, unsigned n, bool brute,
		double (*clock_ns)(void))
{
	struct overlay *before, *after;
	struct measured w;
	struct brute b = { 0 };
	double start = clock_ns(), mid;

	before = overlay_new(m);
	after = overlay_new(m);
	must(before && after && overlay_apply(after, c) >= 0, "overlay");
	must(measure(before, after, &w) == 0, "measure");
	mid = clock_ns();
	look_at_flows(after);
	took_flows[n] = clock_ns() - mid;
	if (brute) {
		b.before = before;
		b.after = after;
		mid = clock_ns();
		brute_measure(&b);
		took_brute[n] = clock_ns() - mid;
		must(b.sum.prefixes == w.prefixes && b.sum.moved == w.moved && b.sum.lost == w.lost,
		     "classes and brute force differ");
		start += clock_ns() - mid;
	}
	overlay_free(before);
	overlay_free(after);
	took[n] = clock_ns() - start - took_flows[n];
}

static void bench_questions(const struct model *m, const char *name, bool link)
{
	char flows[32];

	for (unsigned i = 0; i < TRIALS; i++) {
		struct anod_change c = link ? link_down(1 + roll(LINKS)) : reroute(m);

		ask(m, &c, i, i < BRUTES, link ? cpu_ns : now_ns);
	}
	row(name, "anod", "ns", took, TRIALS);
	row(name, "brute", "ns", took_brute, BRUTES);
	(void) snprintf(flows, sizeof(flows), "%s-flows", name);
	row(flows, "anod", "ns", took_flows, TRIALS);
}

static int count_group(const struct flow_group *g, void *data)
{
	*(uint64_t *) data += g->prefixes;
	return 0;
}

/* Where everything goes, as load and invariants ask it. */
static void bench_groups(const struct model *m, const char *name)
{
	for (unsigned i = 0; i < TRIALS; i++) {
		_cleanup_(overlay_freep) struct overlay *before = overlay_new(m);
		_cleanup_(overlay_freep) struct overlay *after = overlay_new(m);
		struct anod_change c = link_down(1 + roll(LINKS));
		double start = cpu_ns();

		must(overlay_apply(after, &c) >= 0, "overlay");
		must(flows_each(before, after, count_group, &sum) == 0, "flows_each");
		took[i] = cpu_ns() - start;
	}
	row(name, "anod", "ns", took, TRIALS);
}

static const struct anod_action_desc *find_action(const char *kind, void *data)
{
	const struct anod_plugin *p = data;

	for (const struct anod_action_desc *a = p->actions; a && a->kind; a++)
		if (strcmp(a->kind, kind) == 0)
			return a;
	return NULL;
}

static void set_arg(struct anod_action *a, const char *name, const char *value)
{
	struct anod_arg *arg = &a->arg[a->n_args++];

	(void) copy_text(arg->name, sizeof(arg->name), name);
	if (lex_value(value, &arg->value) < 0)
		arg->value = value_text(value);
}

static void bench_run(const struct model *m, const char *name, bool link)
{
	void *so = dlopen(BUILD_DIR "/plugins/act_rtnl.so", RTLD_NOW);
	struct whatif_in in = { .model = m, .n_actions = 1, .find = find_action };
	unsigned n = 0;

	in.find_data = so ? dlsym(so, "anod_plugin_v1") : NULL;
	if (!in.find_data)
		return;
	for (unsigned i = 0; i < TRIALS; i++) {
		struct anod_action a = { .size = sizeof(a) };
		struct whatif *w = NULL;
		char text[64], dev[16];
		double start;
		int r;

		(void) snprintf(dev, sizeof(dev), "eth%u", 1 + roll(LINKS));
		(void) copy_text(a.kind, sizeof(a.kind), link ? "link.down" : "route.replace");
		set_arg(&a, "dev", dev);
		if (!link) {
			(void) prefix_format(&prefix[roll(ROUTES)], text, sizeof(text));
			set_arg(&a, "dst", text);
			set_arg(&a, "metric", "20");
		}
		in.action = &a;
		start = cpu_ns();
		r = whatif_run(&in, &w);
		must(r == 0, w ? w->error : "whatif_run");
		whatif_free(w);
		took[n++] = cpu_ns() - start;
	}
	row(name, "anod", "ns", took, n);
}

/* ---- the rest -------------------------------------------------------------------------------- */

/* Another way for a destination; one in eight is withdrawn and comes again. */
static void bench_updates(struct model *m)
{
	unsigned n = 0;

	while (n < UPDATES) {
		struct anod_object o = route_object(&prefix[roll(ROUTES)], roll(n_groups));
		double start;

		if (roll(8) == 0 && n + 1 < UPDATES) {
			start = now_ns();
			must(model_del(m, &o) == 0, "model_del");
			took[n++] = now_ns() - start;
		}
		start = now_ns();
		put(m, &o);
		took[n++] = now_ns() - start;
	}
	row("update", "anod", "ns", took, UPDATES);
}

static void bench_sweep(const struct model *m)
{
	_cleanup_(overlay_freep) struct overlay *o = overlay_new(m);
	struct nminus1 rows[LINKS];

	must(o, "no memory");
	for (uint32_t i = 0; i < LINKS; i++)
		rows[i].ifindex = i + 1;
	for (unsigned i = 0; i < TRIALS; i++) {
		double start = cpu_ns();

		must(sweep_links(o, rows, LINKS) == 0, "sweep");
		took[i] = cpu_ns() - start;
	}
	row("n-1-64", "anod", "ns", took, TRIALS);
	for (unsigned i = 0; i < BRUTES / 10; i++) {
		double start = cpu_ns();

		for (uint32_t k = 0; k < LINKS; k++) {
			_cleanup_(overlay_freep) struct overlay *lost = overlay_new(m);
			struct brute b = { .before = o, .after = lost };
			struct anod_change c = link_down(k + 1);

			must(lost && overlay_apply(lost, &c) >= 0, "overlay");
			brute_measure(&b);
			must(b.sum.moved == rows[k].moved_prefixes &&
				     b.sum.lost == rows[k].new_blackholes,
			     "sweep and brute force differ");
		}
		took_brute[i] = cpu_ns() - start;
	}
	row("n-1-64", "brute", "ns", took_brute, BRUTES / 10);
}

static double rss_kib(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	must(f && fscanf(f, "%*u %lu", &pages) == 1, "/proc/self/statm");
	(void) fclose(f);
	return (double) pages * (double) sysconf(_SC_PAGESIZE) / 1024;
}

/* In processes of their own, which hold nothing but the model. */
static void bench_memory(unsigned routes, const char *name, uint64_t seed)
{
	pid_t pid = fork();
	int status;

	must(pid >= 0, "fork");
	if (pid > 0) {
		must(waitpid(pid, &status, 0) == pid && status == 0, "a process ended early");
		return;
	}

	double before;

	dice = seed;
	prefix = new_prefixes(routes);
	before = rss_kib();
	(void) new_router(32, routes, NULL);
	if (routes == ROUTES) {
		/* All of the process; of a few routes what they add. */
		free(prefix);
		before = 0;
	}
	(void) printf(
		"{\"work\":\"rss\",\"case\":\"%s\",\"who\":\"anod-model\",\"unit\":\"KiB\",\"n\":1,"
		"\"p50\":%.0f}\n",
		name, rss_kib() - before);
	(void) fflush(stdout);
	_exit(0);
}

static void bench_cold(void)
{
	for (unsigned i = 0; i < 3; i++)
		model_free(new_router(32, ROUTES, &took[i]));
	row("cold", "anod", "ns", took, 3);
}

int main(int argc, char *argv[])
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261122;
	struct model *m;

	(void) fprintf(stderr, "bench_whatif: seed %llu\n", (unsigned long long) seed);
	bench_memory(ROUTES, "1M-routes", seed);
	bench_memory(1000, "1000-routes", seed);
	dice = seed;
	prefix = new_prefixes(ROUTES);
	bench_cold();
	m = new_router(32, ROUTES, NULL);
	(void) fprintf(stderr, "bench_whatif: %u classes with 32 groups\n",
		       m->base.routes.classes->n_live);
	bench_questions(m, "link-32g", true);
	bench_groups(m, "groups-32g");
	bench_run(m, "run-link-32g", true);
	bench_questions(m, "route", false);
	bench_run(m, "run-route", false);
	bench_sweep(m);
	bench_updates(m);
	m = model_free(m);

	m = new_router(512, ROUTES, NULL);
	(void) fprintf(stderr, "bench_whatif: %u classes with 512 groups\n",
		       m->base.routes.classes->n_live);
	bench_questions(m, "link-512g", true);
	bench_groups(m, "groups-512g");
	m = model_free(m);
	return sum == 0;
}

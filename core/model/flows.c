/*
 * flows - prefixes by where their packets go, before and after a change.
 *
 * Design.  The effects of a change (effect.c) are added up by pairs of outcomes.  A group is told
 * with the paths of one of its prefixes, which are looked up only then.  Which prefix: an edited
 * one, else the example that one of its classes keeps; when all examples have been withdrawn
 * meanwhile, one is searched among all routes, which puts it into its class again.
 */
#include "model/flows.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "model/effect.h"

struct group {
	uint32_t was, is; /* outcomes */
	int64_t n;
	uint32_t next; /* with the same hash, + 1 */
	uint32_t table;
	struct anod_prefix example;
	enum { NO_EXAMPLE = 0, SOME, EDITED } has;
	uint32_t class; /* one that is in it, perhaps */
};

#define BUCKETS 64

struct groups {
	struct scene *s;
	struct group *at;
	uint32_t n, max, bucket[BUCKETS];
	bool failed;
};

bool flow_same_leg(const struct anod_leg *a, const struct anod_leg *b)
{
	return a->ifindex == b->ifindex && a->weight == b->weight &&
	       memcmp(&a->via, &b->via, sizeof(a->via)) == 0;
}

bool flow_same_legs(const struct flow_path *a, const struct flow_path *b)
{
	if (a->n_legs != b->n_legs)
		return false;
	for (uint32_t i = 0; i < a->n_legs; i++)
		if (!flow_same_leg(&a->leg[i], &b->leg[i]))
			return false;
	return true;
}

static struct group *group_of(struct groups *g, uint32_t was, uint32_t is)
{
	uint32_t *bucket = &g->bucket[(was * 31u + is) % BUCKETS];

	for (uint32_t i = *bucket; i; i = g->at[i - 1].next)
		if (g->at[i - 1].was == was && g->at[i - 1].is == is)
			return &g->at[i - 1];

	if (g->n == g->max) {
		uint32_t max = g->max ? g->max * 2 : 16;
		struct group *at = realloc(g->at, max * sizeof(*at));

		if (!at)
			return NULL;
		g->at = at;
		g->max = max;
	}
	g->at[g->n] = (struct group){ .was = was, .is = is, .next = *bucket };
	*bucket = ++g->n;
	return &g->at[g->n - 1];
}

static bool is_edited(const struct scene *s, const struct route *r)
{
	struct anod_prefix dst;

	route_dst(r, &dst);
	return rtab_chain(&s->o[0]->edit.routes, r->table, &dst) ||
	       rtab_chain(&s->o[1]->edit.routes, r->table, &dst);
}

/* Both outcomes of a destination of the model, by its class if that may be believed: no edit is
 * for it, and none for what contains it matters. */
static void outcomes_of(struct scene *s, const struct route *head, uint32_t out[2])
{
	struct anod_prefix dst;
	bool by_class = head->len && head->table != RT_TABLE_DEFAULT && !is_edited(s, head);

	if (by_class) {
		uint32_t way = s->t->classes->at[head->class].way;

		by_class = scene_of_way(s, 0, way) >= OUT_NOTHING &&
			   scene_of_way(s, 1, way) >= OUT_NOTHING;
	}
	route_dst(head, &dst);
	for (unsigned i = 0; i < 2; i++)
		out[i] = by_class ? scene_of_class(s, i, head->class)
				  : scene_of_dst(s, i, head->table, &dst);
}

static bool take_example(struct scene *s, struct group *g, uint32_t class)
{
	uint32_t id = s->t->classes->at[class].example, out[2];
	const struct route *r = id == RTAB_NONE ? NULL : rtab_route(s->t, id);

	if (!r)
		return false;
	outcomes_of(s, r, out);
	if (out[0] != g->was || out[1] != g->is)
		return false;
	g->table = r->table;
	route_dst(r, &g->example);
	g->has = SOME;
	return true;
}

static void add(const struct effect *e, void *data)
{
	struct groups *all = data;
	const struct class *at = all->s->t->classes->at;
	struct group *g = group_of(all, e->was, e->is);

	if (!g) {
		all->failed = true;
		return;
	}
	g->n += e->n;
	if (!e->class) {
		if (g->has == EDITED || (g->has && !e->edited))
			return;
		g->table = e->table;
		g->example = e->dst;
		g->has = e->edited ? EDITED : SOME;
		return;
	}
	if (g->has || e->n < 0)
		return;
	g->class = e->class;
	for (uint32_t c = e->class; c && !take_example(all->s, g, c) && e->head; c = at[c].next)
		;
}

/* Is this the first route of a destination that counts, and of a group without an example? */
static bool try_example(struct groups *all, uint32_t id)
{
	struct scene *s = all->s;
	const struct route *r = rtab_route(s->t, id);
	struct anod_prefix dst;
	struct group *g;
	uint32_t out[2];

	route_dst(r, &dst);
	if (rtab_chain(s->t, r->table, &dst) != r || !route_leads(s->t, r))
		return false;
	outcomes_of(s, r, out);
	g = group_of(all, out[0], out[1]);
	if (!g || g->has || g->n <= 0)
		return false;
	g->table = r->table;
	g->example = dst;
	g->has = SOME;
	if (r->class && s->t->classes->at[r->class].example == RTAB_NONE)
		s->t->classes->at[r->class].example = id;
	return true;
}

/* Examples for groups that have none, from all routes: first from those with a class of such a
 * group, which is a walk through memory; then, should an edit be in the way, from any. */
static int search_examples(struct groups *all)
{
	const struct rtab *t = all->s->t;
	_cleanup_(freep) uint64_t *wanted = calloc(t->classes->n / 64 + 1, sizeof(*wanted));
	unsigned missing = 0;

	if (!wanted)
		return -ENOMEM;
	for (uint32_t i = 0; i < all->n; i++) {
		const struct group *g = &all->at[i];

		if (g->n <= 0 || g->has)
			continue;
		missing++;
		wanted[g->class / 64] |= UINT64_C(1) << g->class % 64;
	}

	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < t->n_used && missing; i++) {
			const struct route *r = rtab_at(t, i);

			if (!r || r->table == RT_TABLE_LOCAL || r->table == RT_TABLE_UNSPEC)
				continue;
			if (round > 0 || (r->class && wanted[r->class / 64] >> r->class % 64 & 1))
				missing -= try_example(all, rtab_nth(t, i));
		}
	}
	return 0;
}

static void find_path(const struct overlay *o, uint32_t table, const struct anod_prefix *dst,
		      struct flow_path *ret)
{
	static const uint32_t later[] = { RT_TABLE_MAIN, RT_TABLE_DEFAULT };

	memset(ret, 0, sizeof(*ret));
	overlay_lookup_table(o, table, dst, NULL, 0, ret);
	for (unsigned i = 0; i < ARRAY_SIZE(later) && !ret->fate; i++)
		if (table != later[i])
			overlay_lookup_table(o, later[i], dst, NULL, 0, ret);
}

static int tell(const struct scene *s, const struct group *g,
		int (*fn)(const struct flow_group *, void *), void *data)
{
	struct flow_path was, is;
	struct flow_group told = { .prefixes = (uint32_t) g->n,
				   .was = &was,
				   .is = &is,
				   .table = g->table,
				   .example = g->example };

	find_path(s->o[0], g->table, &g->example, &was);
	find_path(s->o[1], g->table, &g->example, &is);
	return fn(&told, data);
}

int flows_each(const struct overlay *before, const struct overlay *after,
	       int (*fn)(const struct flow_group *, void *), void *data)
{
	struct groups g = { 0 };
	struct scene s;
	unsigned n;
	int r = classes_ready(before->model->base.routes.classes);

	if (r == 0)
		r = scene_init(&s, before, after);
	if (r < 0)
		return r;
	g.s = &s;
	r = effects(&s, true, add, &g, &n);
	for (uint32_t i = 0; i < g.n && r == 0; i++) {
		if (g.at[i].n <= 0 || g.at[i].has)
			continue;
		r = search_examples(&g);
		break;
	}
	if (g.failed || s.failed)
		r = -ENOMEM;
	for (uint32_t i = 0; i < g.n && r == 0; i++)
		if (g.at[i].n > 0)
			r = tell(&s, &g.at[i], fn, data);
	free(g.at);
	scene_done(&s);
	return r;
}

/*
 * measure - what a change does to the prefixes of the routing tables.
 *
 * Design.  Sums over the effects (effect.c), which come in bundles of any number of prefixes.
 */
#include "model/measure.h"

#include <errno.h>

#include "model/effect.h"
#include "model/flows.h"

struct sums {
	const struct scene *s;
	int64_t moved, lost, mended;
};

static void sum(struct sums *m, int32_t n, bool moved, enum flow_fate was, enum flow_fate is)
{
	bool well = was == FLOW_FORWARDED || was == FLOW_LOCAL;

	m->moved += moved ? n : 0;
	m->lost += was == FLOW_FORWARDED && is != FLOW_FORWARDED && is != FLOW_LOCAL ? n : 0;
	m->mended += !well && is == FLOW_FORWARDED ? n : 0;
}

static void sum_effect(const struct effect *e, void *data)
{
	struct sums *m = data;

	if (e->was != e->is)
		sum(m, e->n, !scene_same_legs(m->s, e->was, e->is), scene_fate(m->s, e->was),
		    scene_fate(m->s, e->is));
}

static void sum_paths(const struct flow_path *was, const struct flow_path *is, void *data)
{
	sum(data, 1, !flow_same_legs(was, is), was->fate, is->fate);
}

static int sum_all(struct sums *m, const struct overlay *before, const struct overlay *after,
		   unsigned *ret_n)
{
	struct scene s;
	int r = classes_ready(before->model->base.routes.classes);

	if (r < 0 || effects_of_routes(before, after, sum_paths, m, ret_n))
		return r;
	r = scene_init(&s, before, after);
	if (r < 0)
		return r;
	m->s = &s;
	r = effects(&s, false, sum_effect, m, ret_n);
	scene_done(&s);
	return r;
}

int measure(const struct overlay *before, const struct overlay *after, struct measured *ret)
{
	struct sums m = { 0 };
	unsigned n;
	int r = sum_all(&m, before, after, &n);

	if (r < 0)
		return r;

	*ret = (struct measured){ .prefixes = n,
				  .moved = (unsigned) m.moved,
				  .lost = (unsigned) m.lost,
				  .mended = (unsigned) m.mended };
	return 0;
}

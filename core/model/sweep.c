/*
 * sweep - what the loss of each single link would do.
 *
 * Design.  One scene with the overlay in both states, the second with a link cut.  The state before is
 * judged once for all rows, and for each row only ways with a leg on its link are judged again, so
 * a row costs what depends on its link.
 */
#include "model/sweep.h"

#include <errno.h>

#include "model/effect.h"

struct lost {
	const struct scene *s;
	int64_t moved, dark;
};

static void sum(const struct effect *e, void *data)
{
	struct lost *l = data;
	enum flow_fate was = scene_fate(l->s, e->was), is = scene_fate(l->s, e->is);

	if (e->was == e->is)
		return;
	l->moved += scene_same_legs(l->s, e->was, e->is) ? 0 : e->n;
	l->dark += was == FLOW_FORWARDED && is != FLOW_FORWARDED && is != FLOW_LOCAL ? e->n : 0;
}

/* The links of each way, as struct scene wants them: first where they begin, then they. */
static uint32_t *links_of_ways(const struct overlay *o, const struct rtab *t)
{
	size_t max = (size_t) (t->n_ways + 1) * (1 + ANOD_LEGS_MAX);
	uint32_t *from = malloc(max * sizeof(*from)), *link, n = 0;
	struct anod_leg leg[ANOD_LEGS_MAX];

	if (!from)
		return NULL;
	link = from + t->n_ways + 1;
	for (uint32_t i = 0; i < t->n_ways; i++) {
		unsigned n_legs = t->way[i] ? overlay_legs(o, t->way[i], leg) : 0;

		from[i] = n;
		for (unsigned k = 0; k < n_legs; k++)
			link[n++] = leg[k].ifindex;
	}
	from[t->n_ways] = n;
	return from;
}

/* Judge all ways that come first now; true when all decide. */
static bool settle(struct scene *s)
{
	bool calm = true;

	for (uint32_t i = 0; i < s->t->n_ways; i++)
		if (s->t->way[i] && s->t->way[i]->heads)
			calm &= scene_of_way(s, 0, i) >= OUT_NOTHING;
	return calm;
}

int sweep_links(const struct overlay *o, struct nminus1 *row, unsigned n)
{
	const struct rtab *t = &o->model->base.routes;
	_cleanup_(freep) uint32_t *links = NULL;
	struct scene s;
	unsigned all;
	int r = classes_ready(t->classes);

	if (r < 0)
		return r;
	r = scene_init(&s, o, o);
	if (r < 0)
		return r;
	links = links_of_ways(o, t);
	s.calm = settle(&s);
	s.leg_from = links;
	s.leg_link = links ? links + t->n_ways + 1 : NULL;
	s.nexthops = false;
	s.n_links = s.n_cut[1] = 1;

	for (unsigned i = 0; i < n && r == 0 && links; i++) {
		struct lost l = { .s = &s };

		scene_again(&s);
		s.link[0] = row[i].ifindex;
		s.cut[1] = &row[i].ifindex;
		r = effects(&s, false, sum, &l, &all);
		row[i].moved_prefixes = (unsigned) l.moved;
		row[i].new_blackholes = (unsigned) l.dark;
	}
	scene_done(&s);
	return links ? r : -ENOMEM;
}

/*
 * load - how much traffic each link carries, and how much after a change.
 *
 * Design.  Two walks over the groups of prefixes.  The first finds by how many parts (prefixes by
 * weight) the load of each link is shared; the second takes the parts of the groups that move from
 * the links they were on and puts them on those they will be on.  Only egress is looked at: that
 * is what routes steer.  Load that no prefix explains (a link that no route uses) stays where it
 * is, and is lost with its link.
 *
 * "By number" is a guess that is only as good as prefixes are alike; a default route counts as one.
 */
#include "model/load.h"

#include <errno.h>
#include <string.h>

#include "model/flows.h"

struct predict {
	struct link_load *link;
	double *share; /* prefixes by weight that use the link before */
	unsigned n;
	struct load_result sum;
};

static int find(const struct predict *p, uint32_t ifindex)
{
	unsigned low = 0, high = p->n;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (p->link[mid].ifindex == ifindex)
			return (int) mid;
		if (p->link[mid].ifindex < ifindex)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

/* The share of a leg in what its path carries. */
static double share_of(const struct flow_path *path, uint32_t leg)
{
	double all = 0;

	for (uint32_t i = 0; i < path->n_legs; i++)
		all += MAX_OF(path->leg[i].weight, 1u);
	return MAX_OF(path->leg[leg].weight, 1u) / all;
}

static int count_group(const struct flow_group *g, void *data)
{
	struct predict *p = data;

	for (uint32_t i = 0; i < g->was->n_legs; i++) {
		int at = find(p, g->was->leg[i].ifindex);

		if (at >= 0)
			p->share[at] += g->prefixes * share_of(g->was, i);
	}
	return 0;
}

static bool same_leg(const struct anod_leg *a, const struct anod_leg *b)
{
	return a->ifindex == b->ifindex && memcmp(&a->via, &b->via, sizeof(a->via)) == 0;
}

/* Which share of the group's traffic leaves the legs it is on. */
static double moved_share(const struct flow_group *g)
{
	double moved = 0;

	for (uint32_t i = 0; i < g->was->n_legs; i++) {
		double stays = 0;

		for (uint32_t k = 0; k < g->is->n_legs; k++)
			if (same_leg(&g->was->leg[i], &g->is->leg[k]))
				stays += share_of(g->is, k);
		moved += MAX_OF(share_of(g->was, i) - stays, 0.0);
	}
	return moved;
}

/* Take the group off its links; false: one of them is not measured. */
static bool take_off(struct predict *p, const struct flow_group *g, double *ret_bps)
{
	bool known = true;

	*ret_bps = 0;
	for (uint32_t i = 0; i < g->was->n_legs; i++) {
		int at = find(p, g->was->leg[i].ifindex);
		double bps;

		if (at < 0 || !p->link[at].known) {
			known = false;
			continue;
		}
		bps = p->link[at].now_bps * g->prefixes * share_of(g->was, i) / p->share[at];
		p->link[at].after_bps -= bps;
		*ret_bps += bps;
	}
	return known;
}

static int move_group(const struct flow_group *g, void *data)
{
	struct predict *p = data;
	bool known, lost = g->is->fate != FLOW_FORWARDED && g->is->fate != FLOW_LOCAL;
	double bps;

	if (g->was->fate != FLOW_FORWARDED ||
	    (g->is->fate == FLOW_FORWARDED && flow_same_legs(g->was, g->is)))
		return 0;
	known = take_off(p, g, &bps);
	p->sum.known &= known;
	if (lost)
		p->sum.lost_bps += bps;
	else if (g->is->fate == FLOW_FORWARDED)
		p->sum.moved_bps += bps * moved_share(g);

	for (uint32_t i = 0; i < g->is->n_legs && !lost; i++) {
		int at = find(p, g->is->leg[i].ifindex);

		if (at < 0)
			continue;
		p->link[at].after_bps += bps * share_of(g->is, i);
		p->link[at].after_known &= known;
	}
	return 0;
}

/* What is left on a link that is no more. */
static void lose_rest(struct predict *p, const struct overlay *before, const struct overlay *after)
{
	for (unsigned i = 0; i < p->n; i++) {
		const struct anod_link *was = overlay_link(before, p->link[i].ifindex);
		const struct anod_link *is = overlay_link(after, p->link[i].ifindex);
		struct link_load *l = &p->link[i];

		/* Rounding must not become a load. */
		if (l->after_bps < l->now_bps * 1e-9)
			l->after_bps = 0;
		if (!was || !link_usable(was) || (is && link_usable(is)))
			continue;
		if (!l->known)
			p->sum.known = false;
		else
			p->sum.lost_bps += l->after_bps;
		l->after_bps = 0;
		l->after_known = true;
	}
}

int load_predict(const struct overlay *before, const struct overlay *after, struct link_load *link,
		 unsigned n_links, struct load_result *ret)
{
	_cleanup_(freep) double *share = calloc(MAX_OF(n_links, 1u), sizeof(*share));
	struct predict p = { .link = link, .share = share, .n = n_links, .sum.known = true };
	int r;

	if (!share)
		return -ENOMEM;
	for (unsigned i = 0; i < n_links; i++) {
		link[i].after_bps = link[i].known ? link[i].now_bps : 0;
		link[i].after_known = link[i].known;
	}

	r = flows_each(before, after, count_group, &p);
	if (r == 0)
		r = flows_each(before, after, move_group, &p);
	if (r < 0)
		return r;

	lose_rest(&p, before, after);
	*ret = p.sum;
	return 0;
}
